/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Letting a package sleep: all of its threads leave together, or none does, for the first ones gain nothing.
 *
 * Only where power counts (DAM_WEIGHT_POWER), nothing else is to be moved in this tick, and every engine that takes
 * somebody keeps room: in what it is asked for now, and in what is forecast.
 */
#include "config.h"

#include <math.h>

#include "policy/model.h"

#define LOOK_S	1.0 /* packages are looked at this often: sleeping and waking are no matter of milliseconds */
#define ROOM	0.7 /* of an engine's capacity may be taken when a package is emptied */
#define THREADS 256 /* of a package that is emptied at once, at most */

struct gather {
	struct dam_policy *p;
	struct dam_tree tree; /* the whole machine */
	unsigned int package;
	struct dam_policy_move *moves;
	unsigned int nr, max;
	double gain, threshold; /* sums over the moves */
};

static unsigned int threads_of(const struct dam_policy *p, unsigned int package)
{
	unsigned int nr = 0;

	for (unsigned int d = 0; d < p->cfg.nr_domains; d++)
		if (p->power[d].package == package && p->power[d].idle_w > 0)
			nr += p->domain_threads[d];
	return nr;
}

/* The package that would be emptied with fewest moves, if another one is awake. Return: false: none. */
static bool find_package(const struct dam_policy *p, unsigned int max, unsigned int *out)
{
	unsigned int awake = 0, best = 0;

	for (unsigned int i = 0; i < DAM_POLICY_DOMAINS; i++) {
		unsigned int nr = threads_of(p, i);

		awake += nr > 0 || dam_power_kept_awake(p, i);
		if (!nr || nr > max || dam_power_kept_awake(p, i))
			continue;
		if (!best || nr < best) {
			best = nr;
			*out = i;
		}
	}
	return best && awake > 1;
}

static void open_tree(struct gather *g)
{
	struct dam_policy *p = g->p;
	unsigned int nr = 0;

	for (unsigned int e = 0; e < p->nr_engines; e++)
		if (p->engines[e].present)
			p->list[nr++] = e;
	dam_tree_open(&g->tree, p, p->list, nr, true);
	for (unsigned int t = 0; t < p->nr_threads; t++) {
		struct dam_thread *th = &p->threads[t];
		struct dam_cost_thread ct;

		if (!dam_thread_active(th))
			continue;
		th->plan_domain = th->domain;
		dam_thread_cost(p, t, (unsigned int)th->engine, th->domain, true, &ct);
		dam_tree_put(&g->tree, (unsigned int)th->engine, &ct);
	}
	dam_tree_close(&g->tree, p->list, nr);
}

/* Does the engine keep room, now and by forecast, with the thread in the tree? */
static bool has_room(const struct gather *g, unsigned int e, const struct dam_thread *th)
{
	const struct dam_policy *p = g->p;
	double capacity = p->engines[e].capacity, more = e == (unsigned int)th->engine ? 0 : th->demand_slow;

	if (capacity <= 0 || dam_tree_load(&g->tree, e) > ROOM)
		return false;
	return !p->forecast || !isfinite(p->forecast[e].p90) || p->forecast[e].p90 + more <= ROOM * capacity;
}

/* Weigh thread @m->thread in domain @d; it has left its engine in the tree. */
static bool weigh(struct gather *g, const struct dam_cost_sums *before, const struct dam_cost_thread *here,
		  unsigned int d, struct dam_policy_move *m)
{
	struct dam_policy *p = g->p;
	struct dam_thread *th = &p->threads[m->thread];
	int e = th->pool >= 0 ? p->pools[th->pool].engine_of_domain[d] : th->engine;
	struct dam_cost_thread there = *here;
	struct dam_tree_save save;
	bool fits;

	if (e < 0 || !dam_engine_admits(&p->engines[e], th->needs, th->class) || !dam_domain_has_cpu(p, th, d))
		return false;
	m->to_engine = e;
	m->to_domain = d;
	m->to_util = dam_tree_load(&g->tree, (unsigned int)e);
	dam_thread_cost_at(p, m->thread, (unsigned int)e, d, &there);
	dam_tree_change(&g->tree, (unsigned int)e, &there, 1, &save);
	m->to_util_after = dam_tree_load(&g->tree, (unsigned int)e);
	fits = has_room(g, (unsigned int)e, th);
	dam_cost_terms(before, &g->tree.sums, th->weight_throughput, th->weight_latency, &m->terms);
	dam_tree_undo(&g->tree, &save);
	dam_plan_side_costs(p, m->thread, d, fmax(1, before->nr), &m->terms);
	dam_plan_favour(p, m);
	return fits;
}

/* Where thread @t would lose least, outside the package and not where it would wake another one. */
static bool place(struct gather *g, unsigned int t)
{
	struct dam_policy *p = g->p;
	struct dam_thread *th = &p->threads[t];
	struct dam_cost_sums before = g->tree.sums;
	struct dam_policy_move *best = &g->moves[g->nr], m = {
		.thread = t, .from_domain = th->domain, .from_engine = th->engine, .trigger = DAM_TRIGGER_POWER,
		.from_util = dam_tree_load(&g->tree, (unsigned int)th->engine), .component = DAM_POLICY_NONE};
	struct dam_cost_thread ct;
	bool found = false;

	if (g->nr == g->max || !th->movable || th->cooldown_s > 0)
		return false;
	dam_thread_cost(p, t, (unsigned int)th->engine, th->domain, true, &ct);
	dam_tree_change(&g->tree, (unsigned int)th->engine, &ct, -1, NULL);
	m.from_util_after = dam_tree_load(&g->tree, (unsigned int)th->engine);
	for (unsigned int d = 0; d < p->cfg.nr_domains; d++) {
		if (p->power[d].package == g->package || !(th->allowed >> d & 1) || dam_power_asleep(p, d) ||
		    !weigh(g, &before, &ct, d, &m))
			continue;
		if (!found || dam_cost_score(&m.terms) > dam_cost_score(&best->terms))
			*best = m;
		found = true;
	}
	if (!found)
		return false;
	dam_thread_cost_at(p, t, (unsigned int)best->to_engine, best->to_domain, &ct);
	dam_tree_change(&g->tree, (unsigned int)best->to_engine, &ct, 1, NULL);
	dam_domain_move(p, th, th->domain, best->to_domain);
	g->gain += dam_cost_score(&best->terms);
	g->threshold += best->terms.threshold;
	g->nr++;
	return true;
}

/* All threads of the package, or none. */
static bool empty(struct gather *g)
{
	struct dam_policy *p = g->p;

	open_tree(g);
	for (unsigned int t = 0; t < p->nr_threads; t++) {
		const struct dam_thread *th = &p->threads[t];

		if (dam_thread_active(th) && p->power[th->domain].package == g->package && !place(g, t))
			return false;
	}
	return g->gain >= g->threshold;
}

static void explain(struct dam_policy *p, const struct dam_policy_move *m, unsigned int index)
{
	dam_explain_open(p, &(struct dam_policy_decision){
		.engine = m->from_engine, .pool = p->engines[m->from_engine].desc.pool, .component = DAM_POLICY_NONE,
		.trigger = m->trigger, .util = m->from_util, .threads = 1});
	dam_explain_option(p, &(struct dam_policy_option){*m, DAM_VERDICT_OUTDONE});
	dam_explain_close(p, m, (int)index, DAM_VERDICT_MOVED);
}

/* @done moves stand in the tick's plan already: then nothing is gathered. Return: how many of @moves were written. */
unsigned int dam_power_gather(struct dam_policy *p, double dt_s, struct dam_policy_move *moves, unsigned int done,
			      unsigned int max)
{
	struct gather g = {.p = p, .moves = moves, .max = max < THREADS ? max : THREADS};

	p->power_s += dt_s;
	if (p->cfg.weight_power <= 0 || p->power_s < LOOK_S || done)
		return 0;
	p->power_s = 0;
	if (!find_package(p, g.max, &g.package))
		return 0;
	if (empty(&g)) {
		for (unsigned int i = 0; i < g.nr; i++)
			explain(p, &g.moves[i], i);
		return g.nr;
	}
	for (unsigned int i = 0; i < g.nr; i++)
		dam_domain_move(p, &p->threads[g.moves[i].thread], g.moves[i].to_domain, g.moves[i].from_domain);
	return 0;
}
