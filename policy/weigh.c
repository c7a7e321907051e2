/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The best move off a hot engine: its candidates, their targets, the rules, the score. */
#include "config.h"

#include <math.h>
#include <stdlib.h>

#include "policy/plan.h"

#define CANDIDATES 32 /* threads of the hottest engine: half of them its largest, half its smallest, … */
#define RETURNING  8  /* … and some that came in this plan */
#define TARGETS	   8
#define FIRST	   2  /* all candidates are weighed on the two emptiest targets, … */
#define FINALISTS  4  /* … and the best ones of that on all; where that finds none, all on all */
#define MARGIN	   0.05 /* δ of the pair rule */
#define TIE	   1e-9
#define AGE_S	   0.5 /* slow means of a younger thread are none */

struct option {
	struct dam_policy_move m;
	enum dam_policy_verdict verdict;
	double score; /* the gain, less what a thread counts that DAM has placed already */
	double own;   /* load of the target alone, whatever it shares with others */
};

/* Engines that a candidate could go to, the best first. */
struct targets {
	unsigned int nr, engine[TARGETS];
	double load[TARGETS], with[TARGETS]; /* as it is; with a thread like the first one */
	bool known;
	uint64_t needs;
	enum dam_policy_class class;
};

/* One look: the source, as it is before anything leaves. */
struct look {
	struct dam_plan *pl;
	unsigned int h;
	bool evict; /* only threads for which it is not reserved, and they need no other reason */
	double load, overflow;
	struct targets targets;
	unsigned int nr_threads;
	struct dam_key thread[CANDIDATES + RETURNING];
	double score[CANDIDATES + RETURNING]; /* of the thread's best option */
	unsigned int finalist[FINALISTS];
};

void dam_plan_thread_cost(const struct dam_plan *pl, unsigned int t, struct dam_cost_thread *out)
{
	const struct dam_thread *th = &pl->p->threads[t];

	dam_thread_cost(pl->p, t, (unsigned int)th->plan_engine, th->plan_domain, pl->slow, out);
}

/* Costs that do not depend on engines: a cold cache, memory left behind, CPUs that are taken, packages that wake. */
void dam_plan_side_costs(const struct dam_policy *p, unsigned int t, unsigned int to, double nr,
			 struct dam_policy_terms *terms)
{
	const struct dam_thread *th = &p->threads[t];

	terms->refill = dam_cost_refill(p->cfg.cache_bytes, p->cfg.memory_bps);
	terms->remote = dam_cost_remote(th->memory_bps,
					(double)p->cfg.distance[th->home][th->plan_domain],
					(double)p->cfg.distance[th->home][to]);
	terms->cpu = dam_locality_crowding(p, th, to);
	terms->power = dam_power_term(p, th, to);
	dam_cost_gain(terms, nr);
}

/* Experience scales what the terms promise. */
void dam_plan_favour(const struct dam_policy *p, struct dam_policy_move *m)
{
	double favour = p->cfg.favour ? p->cfg.favour(p->cfg.favour_ctx, m) : 1;

	m->terms.favour = isfinite(favour) ? fmax(0, favour) : 1;
}

static bool may_move(const struct dam_plan *pl, const struct dam_thread *th)
{
	return th->movable && th->pool == pl->pool && dam_thread_active(th) &&
	       (!pl->slow || th->age_s >= AGE_S) && th->cooldown_s <= 0;
}

/* By demand; closed loops that all ask for a whole engine by what they keep in flight. */
static int larger(const void *a, const void *b)
{
	const struct dam_key *x = a, *y = b;

	if (x->demand < y->demand || x->demand > y->demand)
		return x->demand < y->demand ? 1 : -1;
	if (x->depth < y->depth || x->depth > y->depth)
		return x->depth < y->depth ? 1 : -1;
	return (x->thread > y->thread) - (x->thread < y->thread);
}

/* The engine's threads that may leave, the largest first; once for a plan. Return: how many. */
static unsigned int sort_threads(struct dam_plan *pl, unsigned int h)
{
	struct dam_policy *p = pl->p;
	struct dam_key *key = &p->key[p->first[h]];
	unsigned int nr = p->first[h + 1] - p->first[h], kept = 0;

	if (p->sorted[h])
		return p->nr_key[h];
	for (unsigned int i = 0; i < nr; i++)
		if (may_move(pl, &p->threads[key[i].thread]))
			key[kept++] = key[i];
	qsort(key, kept, sizeof(*key), larger);
	p->sorted[h] = true;
	p->nr_key[h] = kept;
	return kept;
}

static bool is_candidate(const struct look *l, unsigned int t)
{
	const struct dam_policy *p = l->pl->p;
	const struct dam_thread *th = &p->threads[t];

	return th->plan_engine == (int)l->h && (!l->evict || dam_engine_is_foreign(&p->engines[l->h], th->class));
}

/* Threads that came in this plan stand in no list of the engine: they are put where they belong. */
static void add_returning(struct look *l, unsigned int t)
{
	const struct dam_thread *th = &l->pl->p->threads[t];
	struct dam_key key = {th->demand_slow, th->peak_ops * th->op_bytes, t};
	unsigned int i = l->nr_threads++;

	for (; i > 0 && larger(&l->thread[i - 1], &key) > 0; i--)
		l->thread[i] = l->thread[i - 1];
	l->thread[i] = key;
}

/* The largest first. */
static void candidates(struct look *l)
{
	struct dam_plan *pl = l->pl;
	unsigned int nr = sort_threads(pl, l->h), front = 0, back = nr, large;
	const struct dam_key *key = &pl->p->key[pl->p->first[l->h]];

	l->nr_threads = 0;
	for (; front < nr && l->nr_threads < CANDIDATES / 2; front++)
		if (is_candidate(l, key[front].thread))
			l->thread[l->nr_threads++] = key[front];
	large = l->nr_threads;
	for (; back > front && l->nr_threads < CANDIDATES; back--)
		if (is_candidate(l, key[back - 1].thread))
			l->thread[l->nr_threads++] = key[back - 1];
	for (unsigned int i = large, k = l->nr_threads; i + 1 < k; i++) {
		struct dam_key x = l->thread[--k];

		l->thread[k] = l->thread[i];
		l->thread[i] = x;
	}
	for (unsigned int i = 0; i < pl->nr && l->nr_threads < CANDIDATES + RETURNING; i++)
		if (pl->moves[i].from_engine != (int)l->h && is_candidate(l, pl->moves[i].thread))
			add_returning(l, pl->moves[i].thread);
}

/* Insert engine @e into a list in which the one that would be least loaded comes first. */
static void insert_target(struct targets *g, unsigned int e, double load, double with)
{
	unsigned int k = g->nr;

	if (g->nr == TARGETS) {
		if (with >= g->with[TARGETS - 1])
			return;
		k = --g->nr;
	}
	for (; k > 0 && with < g->with[k - 1]; k--) {
		g->engine[k] = g->engine[k - 1];
		g->load[k] = g->load[k - 1];
		g->with[k] = g->with[k - 1];
	}
	g->engine[k] = e;
	g->load[k] = load;
	g->with[k] = with;
	g->nr++;
}

/* The engines of the pool that would be least loaded with such a thread; the same for all threads alike. */
static void find_targets(struct look *l, const struct dam_thread *th)
{
	struct dam_policy *p = l->pl->p;
	struct targets *g = &l->targets;

	if (g->known && g->needs == th->needs && g->class == th->class)
		return;
	*g = (struct targets){.known = true, .needs = th->needs, .class = th->class};
	for (unsigned int i = 0; i < l->pl->nr_engines; i++) {
		unsigned int e = p->list[i];
		const struct dam_engine *en = &p->engines[e];
		double load;

		if (e == l->h || en->capacity <= 0 || !dam_engine_admits(en, th->needs, th->class))
			continue;
		load = dam_tree_load(&l->pl->tree, e);
		insert_target(g, e, load, load + th->demand / dam_engine_fastest(en));
	}
}

/*
 * The nearest domain from which the thread would use engine @e; ties: the one with fewer threads. Who needs quick
 * answers goes to a sleeping domain last.
 */
static int domain_for(const struct dam_plan *pl, const struct dam_thread *th, unsigned int e)
{
	const struct dam_policy *p = pl->p;
	const float *away = p->cfg.distance[th->plan_domain];
	int best = DAM_POLICY_NONE;
	bool best_sleeps = false;

	for (unsigned int d = 0; d < p->cfg.nr_domains; d++) {
		bool sleeps;

		if (p->pools[pl->pool].engine_of_domain[d] != (int)e || !(th->allowed >> d & 1))
			continue;
		sleeps = th->class != DAM_CLASS_NORMAL && dam_power_asleep(p, d);
		if (best < 0 || (best_sleeps && !sleeps) ||
		    (best_sleeps == sleeps &&
		     (away[d] < away[best] ||
		      (away[d] <= away[best] && p->domain_threads[d] < p->domain_threads[best])))) {
			best = (int)d;
			best_sleeps = sleeps;
		}
	}
	return best;
}

/*
 * Open demand yields to nobody and builds a backlog: it must not go where it would exceed the capacity, nor may the
 * overflow of the two engines together rise.
 */
static bool adds_overflow(const struct look *l, unsigned int f, double before)
{
	const struct dam_tree *tree = &l->pl->tree;
	double there = dam_tree_overflow(tree, f) - before;

	return there > 0 && (dam_tree_flooded(tree, f) ||
			     there + dam_tree_overflow(tree, l->h) > l->overflow);
}

/* A thread is put off a reserved engine where there is room, or, if that engine is short itself, where it can yield. */
static bool may_be_put(const struct look *l, unsigned int f, const struct dam_cost_thread *ct, double load_after)
{
	return load_after <= DAM_COST_HIGH_WATER || (l->load > 1 && !ct->open && !dam_tree_flooded(&l->pl->tree, f));
}

/* The rules, in the order in which they are told; the move stands in the tree. */
static enum dam_policy_verdict judge(const struct look *l, const struct dam_cost_thread *ct, double before,
				     const struct dam_cost_sums *sums, struct dam_policy_move *m)
{
	struct dam_policy *p = l->pl->p;
	const struct dam_thread *th = &p->threads[m->thread];
	unsigned int f = (unsigned int)m->to_engine;

	m->to_util_after = dam_tree_load(&l->pl->tree, f);
	if (!l->evict && m->to_util_after > l->load - MARGIN * fmax(1, l->load))
		return DAM_VERDICT_PAIR;
	if (l->evict ? !may_be_put(l, f, ct, m->to_util_after) : adds_overflow(l, f, before))
		return DAM_VERDICT_OVERFLOW;
	dam_cost_terms(sums, &l->pl->tree.sums, th->weight_throughput, th->weight_latency, &m->terms);
	dam_plan_side_costs(p, m->thread, m->to_domain, fmax(1, sums->nr), &m->terms);
	if (l->evict)
		return DAM_VERDICT_OUTDONE;
	dam_plan_favour(p, m);
	return dam_cost_score(&m->terms) >= m->terms.threshold ? DAM_VERDICT_OUTDONE : DAM_VERDICT_GAIN;
}

/* Weigh thread @m->thread, which has left @h in the tree, on its @k-th target; @sums: before it left. */
static void weigh(const struct look *l, unsigned int k, const struct dam_cost_sums *sums,
		  const struct dam_cost_thread *here, struct option *o)
{
	struct dam_plan *pl = l->pl;
	struct dam_policy *p = pl->p;
	const struct dam_thread *th = &p->threads[o->m.thread];
	unsigned int f = l->targets.engine[k];
	int domain = domain_for(pl, th, f);
	struct dam_cost_thread there = *here;
	struct dam_tree_save save;
	double before;

	o->verdict = DAM_VERDICT_NO_TARGET;
	if (domain < 0)
		return;
	o->m.to_engine = (int)f;
	o->m.to_domain = (unsigned int)domain;
	o->m.to_util = l->targets.load[k];
	o->m.terms = (struct dam_policy_terms){.favour = 1};
	dam_thread_cost_at(p, o->m.thread, f, o->m.to_domain, &there);
	before = dam_tree_overflow(&pl->tree, f);
	dam_tree_change(&pl->tree, f, &there, 1, &save);
	o->own = dam_tree_engine_load(&pl->tree, f);
	o->verdict = judge(l, &there, before, sums, &o->m);
	dam_tree_undo(&pl->tree, &save);
	/*
	 * Of two threads that would do, take the one that nobody holds: the scheduler brought it here, and would bring
	 * it after the other again.
	 */
	o->score = dam_cost_score(&o->m.terms) - (th->placed ? o->m.terms.threshold : 0);
}

/* Ties: the emptier target, then the one that is emptier by itself. */
static bool better(const struct option *a, const struct option *b)
{
	if (fabs(a->score - b->score) > TIE)
		return a->score > b->score;
	if (fabs(a->m.to_util - b->m.to_util) > TIE)
		return a->m.to_util < b->m.to_util;
	if (fabs(a->m.to_util_after - b->m.to_util_after) > TIE)
		return a->m.to_util_after < b->m.to_util_after;
	return a->own < b->own - TIE;
}

/* Targets @from to @to of the @i-th candidate; the best option so far in @best, its own in l->score[i]. */
static void weigh_thread(struct look *l, unsigned int i, unsigned int from, unsigned int to, struct option *best)
{
	struct dam_plan *pl = l->pl;
	unsigned int t = l->thread[i].thread;
	const struct dam_thread *th = &pl->p->threads[t];
	struct dam_cost_sums sums = pl->tree.sums;
	struct option o = {.m = {.thread = t, .from_domain = th->plan_domain, .from_engine = (int)l->h,
				 .trigger = pl->p->engines[l->h].trigger, .from_util = l->load,
				 .component = pl->p->engines[l->h].bottleneck}};
	struct dam_cost_thread here;
	struct dam_tree_save save;

	find_targets(l, th);
	if (l->targets.nr <= from)
		return;
	dam_plan_thread_cost(pl, t, &here);
	dam_tree_change(&pl->tree, l->h, &here, -1, &save);
	o.m.from_util_after = dam_tree_load(&pl->tree, l->h);
	for (unsigned int k = from; k < to && k < l->targets.nr; k++) {
		weigh(l, k, &sums, &here, &o);
		if (o.verdict == DAM_VERDICT_NO_TARGET)
			continue;
		if (pl->p->look)
			dam_explain_option(pl->p, &(struct dam_policy_option){o.m, o.verdict});
		if (o.verdict != DAM_VERDICT_OUTDONE)
			continue;
		l->score[i] = fmax(l->score[i], o.score);
		if (best->verdict != DAM_VERDICT_OUTDONE || better(&o, best))
			*best = o;
	}
	dam_tree_undo(&pl->tree, &save);
}

/* The candidate with the best score, which then has none. */
static unsigned int take_finalist(struct look *l)
{
	unsigned int best = 0;

	for (unsigned int i = 1; i < l->nr_threads; i++)
		if (l->score[i] > l->score[best])
			best = i;
	l->score[best] = -INFINITY;
	return best;
}

static void weigh_all(struct look *l, struct option *best)
{
	for (unsigned int i = 0; i < l->nr_threads; i++) {
		l->score[i] = -INFINITY;
		weigh_thread(l, i, 0, FIRST, best);
	}
	if (best->verdict != DAM_VERDICT_OUTDONE) {
		for (unsigned int i = 0; i < l->nr_threads; i++)
			weigh_thread(l, i, FIRST, TARGETS, best);
		return;
	}
	for (unsigned int k = 0; k < FINALISTS && k < l->nr_threads; k++)
		l->finalist[k] = take_finalist(l);
	for (unsigned int k = 0; k < FINALISTS && k < l->nr_threads; k++)
		weigh_thread(l, l->finalist[k], FIRST, TARGETS, best);
}

/* Why engine @h has no candidates. */
static enum dam_policy_verdict nobody(const struct dam_plan *pl, unsigned int h)
{
	const struct dam_policy *p = pl->p;
	enum dam_policy_verdict why = DAM_VERDICT_NO_THREAD;

	for (unsigned int i = p->first[h]; i < p->first[h + 1]; i++) {
		const struct dam_thread *th = &p->threads[p->key[i].thread];

		if (!dam_thread_active(th))
			continue;
		if (th->movable && th->pool == pl->pool)
			return DAM_VERDICT_COOLDOWN;
		why = DAM_VERDICT_PINNED;
	}
	return why;
}

static void open_explanation(const struct look *l)
{
	struct dam_policy *p = l->pl->p;
	const struct dam_engine *en = &p->engines[l->h];

	if (!p->explain)
		return;
	dam_explain_open(p, &(struct dam_policy_decision){
		.engine = (int)l->h, .pool = l->pl->pool, .component = en->bottleneck, .trigger = en->trigger,
		.util = en->capacity > 0 ? l->load : NAN, .threads = l->nr_threads,
		.verdict = l->nr_threads ? DAM_VERDICT_NO_TARGET : nobody(l->pl, l->h)});
}

static bool find_best(struct look *l, struct option *best)
{
	candidates(l);
	open_explanation(l);
	weigh_all(l, best);
	if (best->verdict != DAM_VERDICT_OUTDONE)
		dam_explain_close(l->pl->p, NULL, DAM_POLICY_NONE, DAM_VERDICT_NO_THREAD);
	return best->verdict == DAM_VERDICT_OUTDONE;
}

/* Strangers go first; on an engine that is short beyond that, the others are looked at too. */
bool dam_plan_best(struct dam_plan *pl, unsigned int h, struct dam_policy_move *out)
{
	const struct dam_engine *en = &pl->p->engines[h];
	struct look l = {.pl = pl, .h = h, .evict = en->strangers > 0,
			 .load = dam_tree_load(&pl->tree, h), .overflow = dam_tree_overflow(&pl->tree, h)};
	struct option best = {0};
	bool found = find_best(&l, &best);

	if (!found && l.evict && en->trigger != DAM_TRIGGER_RESERVED) {
		l.evict = false;
		found = find_best(&l, &best);
	}
	*out = best.m;
	return found;
}
