/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The best move off a hot engine: the rules and the score. */
#include "config.h"

#include <math.h>

#include "policy/look.h"

#define FIRST	  2    /* all candidates are weighed on the two emptiest targets, … */
#define FINALISTS 4    /* … and the best ones of that on all; where that finds none, all on all */
#define TIE	  1e-9
#define ROUNDING  1e-6 /* of a capacity: an overflow that has risen by less has not */
#define IDLE	  0.05 /* of its capacity: an engine with no more to do can be tried */
#define YOUNG_S	  1.0  /* until then what a thread did before it was known counts as load of others */

struct option {
	struct dam_policy_move m;
	enum dam_policy_verdict verdict;
	double score; /* the gain, less what a thread counts that DAM has placed already */
	double own;   /* load of the target alone, whatever it shares with others */
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

/*
 * Open demand yields to nobody and builds a backlog: the overflow of the two engines together must not rise, nor may it
 * go where it would exceed the capacity, unless clearly less flows over in all, or it is there, not foretold, and two
 * engines that both stay too full share it. For that the threads have to be known.
 */
static bool adds_overflow(const struct dam_look *l, unsigned int f, const struct dam_thread *th, double before)
{
	const struct dam_tree *tree = &l->pl->tree;
	const struct dam_policy *p = l->pl->p;
	double there = dam_tree_overflow(tree, f) - before, here = dam_tree_overflow(tree, l->h), margin = 0;
	bool shared = here > 0 && p->engines[l->h].trigger != DAM_TRIGGER_FORECAST;

	if (there <= 0)
		return false;
	if (dam_tree_flooded(tree, f)) {
		if (th->age_s < YOUNG_S)
			return true;
		margin = dam_engine_fastest(&p->engines[f]) * (shared ? -ROUNDING : DAM_LOOK_MARGIN);
	}
	return there + here > l->overflow - margin;
}

/*
 * Elastic demand yields to inelastic, however much of it there is: an engine full of closed loops has room for what
 * flows over elsewhere, though it is the hotter one. What is left behind has to keep the source busy, even once its
 * backlog is gone: else nothing would be gained but room. And a closed loop takes what it finds: it goes where there is
 * room and more is delivered in all, though it asks for more than there is.
 */
static bool relieves(const struct dam_look *l, const struct dam_policy_move *m, const struct dam_cost_thread *ct,
		     const struct dam_cost_sums *sums, double before)
{
	const struct dam_tree *tree = &l->pl->tree;
	const struct dam_policy *p = l->pl->p;
	const struct dam_engine *en = &p->engines[l->h];
	unsigned int f = (unsigned int)m->to_engine;
	double less = l->overflow + before - dam_tree_overflow(tree, l->h) - dam_tree_overflow(tree, f);
	double fastest = dam_engine_fastest(en), left = dam_tree_engine_load(tree, l->h) - (l->pl->slow ? 0 : en->backlog / fastest);

	if (!ct->open)
		return m->to_util < 1 && tree->sums.rate - sums->rate >= DAM_LOOK_MARGIN * dam_engine_fastest(&p->engines[f]);
	return less >= DAM_LOOK_MARGIN * fastest && left >= DAM_COST_HIGH_WATER;
}

static void find_terms(const struct dam_look *l, const struct dam_cost_sums *sums, struct dam_policy_move *m)
{
	const struct dam_policy *p = l->pl->p;
	const struct dam_thread *th = &p->threads[m->thread];

	dam_cost_terms(sums, &l->pl->tree.sums, th->weight_throughput, th->weight_latency, &m->terms);
	dam_plan_side_costs(p, m->thread, m->to_domain, fmax(1, sums->nr), &m->terms);
}

/*
 * A capacity that is unknown, or only its siblings', may be more, and what is not used is never known. So one thread
 * may try an idle engine, if what is known lets expect no loss, and experience does not speak against it: it can come
 * back.
 */
static enum dam_policy_verdict judge_trial(const struct dam_look *l, double before, const struct dam_cost_sums *sums,
					   struct dam_policy_move *m)
{
	const struct dam_policy *p = l->pl->p;
	unsigned int f = (unsigned int)m->to_engine;
	double left = dam_tree_overflow(&l->pl->tree, l->h) + dam_tree_overflow(&l->pl->tree, f);

	m->to_util_after = dam_tree_load(&l->pl->tree, f);
	if (!dam_engine_untried(&p->engines[f]) || m->to_util > IDLE)
		return DAM_VERDICT_PAIR;
	if (left > (l->overflow + before) * (1 + ROUNDING))
		return DAM_VERDICT_OVERFLOW;
	find_terms(l, sums, m);
	dam_plan_favour(p, m);
	m->terms.threshold = -m->terms.threshold;
	return m->terms.favour >= 1 && m->terms.gain >= m->terms.threshold ? DAM_VERDICT_OUTDONE : DAM_VERDICT_GAIN;
}

/* A thread is put off a reserved engine where there is room, or, if that engine is short itself, where it can yield. */
static bool may_be_put(const struct dam_look *l, unsigned int f, const struct dam_cost_thread *ct, double load_after)
{
	return load_after <= DAM_COST_HIGH_WATER || (l->load > 1 && !ct->open && !dam_tree_flooded(&l->pl->tree, f));
}

/* The rules, in the order in which they are told; the move stands in the tree. */
static enum dam_policy_verdict judge(const struct dam_look *l, const struct dam_cost_thread *ct, double before,
				     const struct dam_cost_sums *sums, struct dam_policy_move *m)
{
	struct dam_policy *p = l->pl->p;
	const struct dam_thread *th = &p->threads[m->thread];
	unsigned int f = (unsigned int)m->to_engine;

	m->to_util_after = dam_tree_load(&l->pl->tree, f);
	if (!l->evict && m->to_util_after > dam_look_ceiling(l) && !relieves(l, m, ct, sums, before))
		return DAM_VERDICT_PAIR;
	if (l->evict ? !may_be_put(l, f, ct, m->to_util_after) : adds_overflow(l, f, th, before))
		return DAM_VERDICT_OVERFLOW;
	find_terms(l, sums, m);
	if (l->evict)
		return DAM_VERDICT_OUTDONE;
	dam_plan_favour(p, m);
	return dam_cost_score(&m->terms) >= m->terms.threshold ? DAM_VERDICT_OUTDONE : DAM_VERDICT_GAIN;
}

/* Weigh thread @m->thread, which has left @h in the tree, on its @k-th target; @sums: before it left. */
static void weigh(const struct dam_look *l, unsigned int k, const struct dam_cost_sums *sums,
		  const struct dam_cost_thread *here, struct option *o)
{
	struct dam_plan *pl = l->pl;
	struct dam_policy *p = pl->p;
	const struct dam_thread *th = &p->threads[o->m.thread];
	unsigned int f = l->targets.engine[k];
	int domain = dam_look_domain(pl, th, f);
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
	o->verdict = l->trial ? judge_trial(l, before, sums, &o->m) : judge(l, &there, before, sums, &o->m);
	dam_tree_undo(&pl->tree, &save);
	/*
	 * Of two threads that would do, take the one that nobody holds: the scheduler brought it here, and would bring
	 * it after the other again.
	 */
	o->score = dam_cost_score(&o->m.terms) - (th->placed ? fabs(o->m.terms.threshold) : 0);
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

/* Targets @from to @to of the @i-th candidate; the best option so far in @best, the score of its own in @score[i]. */
static void weigh_thread(struct dam_look *l, unsigned int i, unsigned int from, unsigned int to, struct option *best,
			 double *score)
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

	dam_look_targets(l, th);
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
		score[i] = fmax(score[i], o.score);
		if (best->verdict != DAM_VERDICT_OUTDONE || better(&o, best))
			*best = o;
	}
	dam_tree_undo(&pl->tree, &save);
}

/* The candidate with the best score, which then has none. */
static unsigned int take_finalist(double *score, unsigned int nr)
{
	unsigned int best = 0;

	for (unsigned int i = 1; i < nr; i++)
		if (score[i] > score[best])
			best = i;
	score[best] = -INFINITY;
	return best;
}

static void weigh_all(struct dam_look *l, struct option *best)
{
	unsigned int finalist[FINALISTS];
	double score[DAM_LOOK_THREADS];

	for (unsigned int i = 0; i < l->nr_threads; i++) {
		score[i] = -INFINITY;
		weigh_thread(l, i, 0, FIRST, best, score);
	}
	if (best->verdict != DAM_VERDICT_OUTDONE) {
		for (unsigned int i = 0; i < l->nr_threads; i++)
			weigh_thread(l, i, FIRST, DAM_LOOK_TARGETS, best, score);
		return;
	}
	for (unsigned int k = 0; k < FINALISTS && k < l->nr_threads; k++)
		finalist[k] = take_finalist(score, l->nr_threads);
	for (unsigned int k = 0; k < FINALISTS && k < l->nr_threads; k++)
		weigh_thread(l, finalist[k], FIRST, DAM_LOOK_TARGETS, best, score);
}

static void open_explanation(const struct dam_look *l)
{
	struct dam_policy *p = l->pl->p;
	const struct dam_engine *en = &p->engines[l->h];

	if (!p->explain)
		return;
	dam_explain_open(p, &(struct dam_policy_decision){
		.engine = (int)l->h, .pool = l->pl->pool, .component = en->bottleneck, .trigger = en->trigger,
		.util = en->capacity > 0 ? l->load : NAN, .threads = l->nr_threads,
		.verdict = l->nr_threads ? DAM_VERDICT_NO_TARGET : dam_look_nobody(l->pl, l->h)});
}

static bool find_best(struct dam_look *l, struct option *best)
{
	dam_look_candidates(l);
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
	struct dam_look l = {.pl = pl, .h = h, .evict = en->strangers > 0,
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

bool dam_plan_try(struct dam_plan *pl, unsigned int h, struct dam_policy_move *out)
{
	struct dam_look l = {.pl = pl, .h = h, .trial = true,
			     .load = dam_tree_load(&pl->tree, h), .overflow = dam_tree_overflow(&pl->tree, h)};
	struct option best = {0};
	bool found = find_best(&l, &best);

	*out = best.m;
	return found;
}
