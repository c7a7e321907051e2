/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The plan for one pool: best thread first, repeated on the model until nothing is worth a move.
 *
 * Both new loads of a move lie below the old load of its source, so the sorted loads fall with every step and the
 * loop ends; the maximum never rises.
 */
#include "config.h"

#include <math.h>
#include <string.h>

#include "policy/model.h"

#define CANDIDATES 32 /* threads of the hottest engine: half of them its largest, half its smallest */
#define TARGETS	   8
#define MARGIN	   0.05 /* δ of the pair rule */
#define STEPS	   4	/* per move allowed, since a thread may move again inside one plan */
#define TIE	   1e-9
#define AGE_S	   0.5	/* slow means of a younger thread are none */

struct plan {
	struct dam_policy *p;
	int pool;
	bool slow;		      /* demands: 500 ms means rather than 50 ms ones */
	struct dam_cost_sums sums;    /* of the pool as planned so far */
	struct dam_policy_move *moves;
	unsigned int base; /* moves of other pools before these */
	unsigned int nr, max;
};

struct option {
	struct dam_policy_move m;
	double score; /* the gain, less what a thread counts that DAM has placed already */
};

/* Costs that do not depend on engines: a cold cache, memory left behind. */
void dam_plan_side_costs(const struct dam_policy *p, unsigned int t, unsigned int to, double nr,
			 struct dam_policy_terms *terms)
{
	const struct dam_thread *th = &p->threads[t];

	terms->refill = dam_cost_refill(p->cfg.cache_bytes, p->cfg.memory_bps);
	terms->remote = dam_cost_remote(th->memory_bps,
					(double)p->cfg.distance[th->home][th->plan_domain],
					(double)p->cfg.distance[th->home][to]);
	dam_cost_gain(terms, nr);
}

/* The nearest domain from which the thread would use engine @e; ties: the one with fewer threads. */
static int domain_for(const struct plan *pl, const struct dam_thread *th, unsigned int e)
{
	const struct dam_policy *p = pl->p;
	const float *away = p->cfg.distance[th->plan_domain];
	int best = DAM_POLICY_NONE;

	for (unsigned int d = 0; d < p->cfg.nr_domains; d++) {
		if (p->pools[pl->pool].engine_of_domain[d] != (int)e || !(th->allowed >> d & 1))
			continue;
		if (best < 0 || away[d] < away[best] ||
		    (away[d] <= away[best] && p->domain_threads[d] < p->domain_threads[best]))
			best = (int)d;
	}
	return best;
}

static bool may_move(const struct plan *pl, const struct dam_thread *th)
{
	return th->movable && th->pool == pl->pool && dam_thread_active(th) &&
	       (!pl->slow || th->age_s >= AGE_S) && (th->cooldown_s <= 0 || th->plan_move >= 0);
}

/* By demand; closed loops that all ask for a whole engine by what they keep in flight. */
static bool larger(const struct dam_thread *a, const struct dam_thread *b)
{
	if (a->demand_slow > b->demand_slow || a->demand_slow < b->demand_slow)
		return a->demand_slow > b->demand_slow;
	return a->peak_ops * a->op_bytes > b->peak_ops * b->op_bytes;
}

/* Insert into a short sorted list that keeps the largest, or the smallest, threads. */
static unsigned int keep_best(const struct dam_policy *p, unsigned int *list, unsigned int nr,
			      unsigned int t, bool largest)
{
	const struct dam_thread *th = &p->threads[t];
	unsigned int i = nr < CANDIDATES / 2 ? nr : CANDIDATES / 2 - 1;

	if (nr > i) {
		const struct dam_thread *last = &p->threads[list[i]];

		if (!(largest ? larger(th, last) : larger(last, th)))
			return nr;
	}
	for (; i > 0; i--) {
		const struct dam_thread *next = &p->threads[list[i - 1]];

		if (!(largest ? larger(th, next) : larger(next, th)))
			break;
		list[i] = list[i - 1];
	}
	list[i] = t;
	return nr < CANDIDATES / 2 ? nr + 1 : nr;
}

/* Threads that may leave engine @h; @out holds CANDIDATES. A few may be listed twice: harmless. */
static unsigned int candidates(const struct plan *pl, unsigned int h, unsigned int *out)
{
	const struct dam_policy *p = pl->p;
	unsigned int large = 0, small = 0, *lists = out + CANDIDATES / 2;

	for (unsigned int i = p->first[pl->pool]; i < p->first[pl->pool + 1]; i++) {
		const struct dam_thread *th = &p->threads[p->order[i]];

		if (th->plan_engine != (int)h || !may_move(pl, th))
			continue;
		large = keep_best(p, out, large, p->order[i], true);
		small = keep_best(p, lists, small, p->order[i], false);
	}
	memmove(out + large, lists, small * sizeof(*out));
	return large + small;
}

/* The least loaded engines of the pool but @h; @out holds TARGETS. */
static unsigned int targets(const struct plan *pl, unsigned int h, unsigned int *out)
{
	const struct dam_policy *p = pl->p;
	unsigned int nr = 0;

	for (int e = p->pools[pl->pool].first; e >= 0; e = p->engines[e].next) {
		double u = dam_cost_util(&p->cost[e]);
		unsigned int i = nr;

		if (e == (int)h || p->engines[e].capacity <= 0)
			continue;
		if (nr == TARGETS) {
			if (u >= dam_cost_util(&p->cost[out[nr - 1]]))
				continue;
			i = --nr;
		}
		for (; i > 0 && u < dam_cost_util(&p->cost[out[i - 1]]); i--)
			out[i] = out[i - 1];
		out[i] = (unsigned int)e;
		nr++;
	}
	return nr;
}

/*
 * Open demand yields to nobody and builds a backlog: it must not go where it would exceed the capacity, nor may the
 * overflow of the two engines together rise.
 */
static bool adds_overflow(const struct dam_cost_engine *h, const struct dam_cost_engine *f,
			  const struct dam_cost_engine *h_after, const struct dam_cost_engine *f_after)
{
	double there = dam_cost_overflow(f_after) - dam_cost_overflow(f);

	return there > 0 && (f_after->open > f_after->capacity ||
			     there + dam_cost_overflow(h_after) > dam_cost_overflow(h));
}

/* Experience scales what the terms promise. */
void dam_plan_favour(const struct dam_policy *p, struct dam_policy_move *m)
{
	double favour = p->cfg.favour ? p->cfg.favour(p->cfg.favour_ctx, m) : 1;

	m->terms.favour = isfinite(favour) && favour >= 0 ? favour : 1;
}

/* Weigh moving thread @t from @h to @f. Return: OUTDONE: it would do; else what stands in the way. */
static enum dam_policy_verdict weigh(const struct plan *pl, unsigned int h, unsigned int t, unsigned int f,
				     struct option *out)
{
	const struct dam_policy *p = pl->p;
	const struct dam_thread *th = &p->threads[t];
	struct dam_cost_engine from = p->cost[h], to = p->cost[f];
	struct dam_cost_sums after = pl->sums;
	struct dam_cost_thread here, there;
	struct dam_policy_move *m = &out->m;
	int domain = domain_for(pl, th, f);

	if (domain < 0 || !dam_engine_admits(&p->engines[f], th->needs, th->class))
		return DAM_VERDICT_NO_TARGET;
	*m = (struct dam_policy_move){
		.thread = t, .from_domain = th->plan_domain, .to_domain = (unsigned int)domain,
		.from_engine = (int)h, .to_engine = (int)f, .trigger = p->engines[h].trigger,
		.from_util = dam_cost_util(&from), .to_util = dam_cost_util(&to),
		.component = DAM_POLICY_NONE, .terms.favour = 1};
	dam_thread_cost(p, t, h, th->plan_domain, pl->slow, &here);
	dam_thread_cost(p, t, f, m->to_domain, pl->slow, &there);
	dam_cost_sum(&from, -1, &after);
	dam_cost_sum(&to, -1, &after);
	dam_cost_add(&from, &here, -1);
	dam_cost_add(&to, &there, 1);
	m->from_util_after = dam_cost_util(&from);
	m->to_util_after = dam_cost_util(&to);
	if (m->to_util_after > m->from_util - MARGIN * fmax(1, m->from_util))
		return DAM_VERDICT_PAIR;
	if (adds_overflow(&p->cost[h], &p->cost[f], &from, &to))
		return DAM_VERDICT_OVERFLOW;
	dam_cost_sum(&from, 1, &after);
	dam_cost_sum(&to, 1, &after);
	dam_cost_terms(&pl->sums, &after, th->weight_throughput, th->weight_latency, &m->terms);
	dam_plan_side_costs(p, t, m->to_domain, fmax(1, pl->sums.nr), &m->terms);
	dam_plan_favour(p, m);
	/*
	 * Of two threads that would do, take the one that nobody holds: the scheduler brought it here, and would bring
	 * it after the other again.
	 */
	out->score = m->terms.gain * m->terms.favour - (th->placed ? m->terms.threshold : 0);
	return m->terms.gain * m->terms.favour >= m->terms.threshold ? DAM_VERDICT_OUTDONE : DAM_VERDICT_GAIN;
}

/* Ties: the emptier target. */
static bool better(const struct option *a, const struct option *b)
{
	if (fabs(a->score - b->score) > TIE)
		return a->score > b->score;
	if (fabs(a->m.to_util - b->m.to_util) > TIE)
		return a->m.to_util < b->m.to_util;
	return a->m.to_util_after < b->m.to_util_after - TIE;
}

/* Why engine @h has no candidates. */
static enum dam_policy_verdict nobody(const struct plan *pl, unsigned int h)
{
	const struct dam_policy *p = pl->p;
	enum dam_policy_verdict why = DAM_VERDICT_NO_THREAD;

	for (unsigned int i = p->first[pl->pool]; i < p->first[pl->pool + 1]; i++) {
		const struct dam_thread *th = &p->threads[p->order[i]];

		if (th->plan_engine != (int)h || !dam_thread_active(th))
			continue;
		if (th->movable && th->pool == pl->pool)
			return DAM_VERDICT_COOLDOWN;
		why = DAM_VERDICT_PINNED;
	}
	return why;
}

static void open_look(const struct plan *pl, unsigned int h, unsigned int nr_threads)
{
	struct dam_policy *p = pl->p;
	const struct dam_engine *en = &p->engines[h];
	struct dam_policy_forecast none = {.mean = NAN, .p90 = NAN};

	if (!p->explain)
		return;
	dam_explain_open(p, &(struct dam_policy_decision){
		.engine = (int)h, .pool = pl->pool, .component = DAM_POLICY_NONE, .trigger = en->trigger,
		.capacity = en->capacity, .demand = en->demand, .background = en->background,
		.util = en->capacity > 0 ? dam_cost_util(&p->cost[h]) : NAN,
		.forecast = p->forecast ? p->forecast[h] : none, .threads = nr_threads,
		.verdict = nr_threads ? DAM_VERDICT_NO_TARGET : nobody(pl, h)});
}

static bool find_best(const struct plan *pl, unsigned int h, struct option *best)
{
	unsigned int threads[CANDIDATES], engines[TARGETS];
	unsigned int nr_threads = candidates(pl, h, threads), nr_engines = targets(pl, h, engines);
	struct option o;
	bool found = false;

	open_look(pl, h, nr_threads);
	for (unsigned int i = 0; i < nr_threads; i++) {
		for (unsigned int k = 0; k < nr_engines; k++) {
			enum dam_policy_verdict v = weigh(pl, h, threads[i], engines[k], &o);

			if (v != DAM_VERDICT_NO_TARGET)
				dam_explain_option(pl->p, &(struct dam_policy_option){o.m, v});
			if (v == DAM_VERDICT_OUTDONE && (!found || better(&o, best))) {
				*best = o;
				found = true;
			}
		}
	}
	if (!found)
		dam_explain_close(pl->p, NULL, DAM_POLICY_NONE, DAM_VERDICT_NO_THREAD);
	return found;
}

static void add_terms(struct dam_policy_terms *sum, const struct dam_policy_terms *t)
{
	sum->throughput += t->throughput;
	sum->latency += t->latency;
	sum->fairness += t->fairness;
	sum->overflow += t->overflow;
	sum->refill += t->refill;
	sum->remote += t->remote;
	sum->cpu += t->cpu;
	sum->power += t->power;
	sum->gain += t->gain;
	sum->favour = t->favour;
}

/* Write the option down; a thread that moves again keeps its one line. */
static void record(struct plan *pl, const struct option *o)
{
	struct dam_thread *th = &pl->p->threads[o->m.thread];
	struct dam_policy_move *m;

	if (th->plan_move < 0) {
		th->plan_move = (int)pl->nr;
		pl->moves[pl->nr++] = o->m;
		return;
	}
	m = &pl->moves[th->plan_move];
	add_terms(&m->terms, &o->m.terms);
	m->to_domain = o->m.to_domain;
	m->to_engine = o->m.to_engine;
	m->to_util = o->m.to_util;
	m->to_util_after = o->m.to_util_after;
}

static void apply(struct plan *pl, unsigned int h, const struct option *o)
{
	struct dam_policy *p = pl->p;
	struct dam_thread *th = &p->threads[o->m.thread];
	unsigned int f = (unsigned int)o->m.to_engine;
	struct dam_cost_thread ct;

	record(pl, o);
	dam_explain_close(p, &o->m, th->plan_move, DAM_VERDICT_MOVED);
	dam_cost_sum(&p->cost[h], -1, &pl->sums);
	dam_cost_sum(&p->cost[f], -1, &pl->sums);
	dam_thread_cost(p, o->m.thread, h, th->plan_domain, pl->slow, &ct);
	dam_cost_add(&p->cost[h], &ct, -1);
	dam_thread_cost(p, o->m.thread, f, o->m.to_domain, pl->slow, &ct);
	dam_cost_add(&p->cost[f], &ct, 1);
	dam_cost_sum(&p->cost[h], 1, &pl->sums);
	dam_cost_sum(&p->cost[f], 1, &pl->sums);
	p->domain_threads[th->plan_domain]--;
	p->domain_threads[o->m.to_domain]++;
	th->plan_engine = o->m.to_engine;
	th->plan_domain = o->m.to_domain;
}

/* The hottest engine with a trigger that is not stuck. */
static int hottest(const struct plan *pl)
{
	const struct dam_policy *p = pl->p;
	int best = DAM_POLICY_NONE;

	for (int e = p->pools[pl->pool].first; e >= 0; e = p->engines[e].next)
		if (p->engines[e].trigger != DAM_TRIGGER_NONE && !p->stuck[e] &&
		    (best < 0 || dam_cost_util(&p->cost[e]) > dam_cost_util(&p->cost[best])))
			best = e;
	return best;
}

static void clear_stuck(const struct plan *pl)
{
	for (int e = pl->p->pools[pl->pool].first; e >= 0; e = pl->p->engines[e].next)
		pl->p->stuck[e] = false;
}

/* The state of the pool as it is: background and threads of each engine. False: nothing to plan. */
static bool begin(struct plan *pl)
{
	struct dam_policy *p = pl->p;
	bool triggered = false;

	pl->slow = true;
	for (int e = p->pools[pl->pool].first; e >= 0; e = p->engines[e].next) {
		const struct dam_engine *en = &p->engines[e];
		double op = en->op_bytes > 0 ? en->op_bytes : 4096;

		triggered |= en->trigger != DAM_TRIGGER_NONE;
		pl->slow &= en->trigger == DAM_TRIGGER_NONE || en->trigger == DAM_TRIGGER_IMBALANCE;
		dam_cost_clear(&p->cost[e], en->capacity > 0 ? en->capacity : INFINITY);
		dam_cost_background(&p->cost[e], en->background, op,
				    dam_engine_base_latency(p, (unsigned int)e, op));
	}
	if (!triggered)
		return false;
	for (unsigned int i = p->first[pl->pool]; i < p->first[pl->pool + 1]; i++) {
		struct dam_thread *th = &p->threads[p->order[i]];
		struct dam_cost_thread ct;

		th->plan_engine = th->engine;
		th->plan_domain = th->domain;
		th->plan_move = -1;
		if (!dam_thread_active(th))
			continue;
		dam_thread_cost(p, p->order[i], (unsigned int)th->engine, th->domain, pl->slow, &ct);
		dam_cost_add(&p->cost[th->engine], &ct, 1);
	}
	for (int e = p->pools[pl->pool].first; e >= 0; e = p->engines[e].next)
		dam_cost_sum(&p->cost[e], 1, &pl->sums);
	return true;
}

/* Drop moves that ended where they began. */
static unsigned int drop_zeros(struct plan *pl)
{
	int *map = pl->p->renumber;
	unsigned int nr = 0;

	for (unsigned int i = 0; i < pl->nr; i++) {
		bool keep = pl->moves[i].from_domain != pl->moves[i].to_domain;

		map[i] = keep ? (int)(pl->base + nr) : DAM_POLICY_NONE;
		if (keep)
			pl->moves[nr++] = pl->moves[i];
	}
	return nr;
}

/* @done moves stand in the tick's plan already; room for @max in all. Return: how many more. */
unsigned int dam_plan_pool(struct dam_policy *p, int pool, struct dam_policy_move *moves, unsigned int done,
			   unsigned int max)
{
	struct plan pl = {.p = p, .pool = pool, .moves = moves + done, .base = done, .max = max - done};
	unsigned int first = p->explain ? p->explain->nr_decisions : 0, nr;
	struct option o = {0};
	int h;

	if (done >= max || !begin(&pl))
		return 0;
	clear_stuck(&pl);
	for (unsigned int steps = 0; steps < STEPS * pl.max && pl.nr < pl.max; steps++) {
		while ((h = hottest(&pl)) >= 0 && !find_best(&pl, (unsigned int)h, &o))
			p->stuck[h] = true;
		if (h < 0)
			break;
		apply(&pl, (unsigned int)h, &o);
		clear_stuck(&pl);
	}
	nr = drop_zeros(&pl);
	dam_explain_renumber(p, first, p->renumber);
	return nr;
}
