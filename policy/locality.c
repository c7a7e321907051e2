/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Threads that keep their engine: they only come closer to it, or, where it is fixed, make room where CPUs are short.
 *
 * Conservative: the thread must have run remote, or in a crowd, for a while; the objective must gain; and the target
 * must have a CPU for it. Locality without a load term backfires: so of all domains the least evil is taken.
 */
#include "config.h"

#include <math.h>

#include "policy/model.h"

#define REMOTE_S  1.0
#define REMOTE_OPS 100.0 /* operations/s: a thread with less does not notice the distance */
#define LOOKS	  8	 /* threads weighed per tick: each costs a walk over its engine's threads */
#define CROWDED	  1.05	 /* of its CPUs are asked for */
#define TIE	  1e-9

static double others(const struct dam_policy *p, unsigned int d)
{
	return fmax(0, p->domain_busy[d] - p->domain_used[d]);
}

/* CPUs asked for beyond those that a domain has, with @more of them asked for. */
static double excess(const struct dam_policy *p, unsigned int d, double more)
{
	double cpus = p->cfg.domain_cpus[d];

	return cpus > 0 ? fmax(0, p->domain_cpu[d] + others(p, d) + more - cpus) : 0;
}

/* Time lost to waiting for a CPU, of all threads of both domains together, if @th went to @to. */
double dam_locality_crowding(const struct dam_policy *p, const struct dam_thread *th, unsigned int to)
{
	unsigned int from = th->plan_domain;

	if (th->cpu <= 0 || from == to)
		return 0;
	return excess(p, to, th->cpu) - excess(p, to, 0) - (excess(p, from, 0) - excess(p, from, -th->cpu));
}

void dam_domain_move(struct dam_policy *p, const struct dam_thread *th, unsigned int from, unsigned int to)
{
	p->domain_threads[from]--;
	p->domain_threads[to]++;
	p->domain_cpu[from] -= th->cpu;
	p->domain_cpu[to] += th->cpu;
}

/* After the domains' sums are known: where do threads wait for CPUs? */
void dam_locality_tick(struct dam_policy *p)
{
	for (unsigned int d = 0; d < p->cfg.nr_domains; d++) {
		double cpus = p->cfg.domain_cpus[d];

		p->domain_used[d] = p->domain_cpu[d];
		p->domain_full[d] = cpus > 0 && p->domain_cpu[d] + others(p, d) > CROWDED * cpus;
	}
}

static bool is_remote(const struct dam_policy *p, const struct dam_thread *th)
{
	uint64_t local = p->engines[th->engine].desc.local_domains;

	return local && !(local >> th->domain & 1);
}

/* Has there been a reason to look at this thread for long enough? */
bool dam_locality_watch(const struct dam_policy *p, struct dam_thread *th, double dt_s)
{
	bool reason = is_remote(p, th) || (th->pool < 0 && th->cpu > 0 && p->domain_full[th->domain]);

	if (reason && dam_thread_active(th) && dam_window_ops(&th->slow) >= REMOTE_OPS)
		th->remote_s += dt_s;
	else
		th->remote_s = 0;
	return th->remote_s >= REMOTE_S;
}

/* Is there a CPU for it? Where CPU time is not known, threads are counted; where CPUs are not, there is. */
bool dam_domain_has_cpu(const struct dam_policy *p, const struct dam_thread *th, unsigned int to)
{
	unsigned int cpus = p->cfg.domain_cpus[to];

	if (!cpus)
		return true;
	return th->cpu > 0 ? excess(p, to, th->cpu) <= 0 : p->domain_threads[to] < cpus;
}

/* Where CPUs are not known, it must not be the more crowded one of the two afterwards. */
static bool has_room(const struct dam_policy *p, const struct dam_thread *th, unsigned int to)
{
	if (!p->cfg.domain_cpus[to])
		return p->domain_threads[to] + 1 <= p->domain_threads[th->domain];
	return dam_domain_has_cpu(p, th, to);
}

static double crowd(const struct dam_policy *p, unsigned int d)
{
	double cpus = fmax(1, p->cfg.domain_cpus[d]);

	return (p->domain_cpu[d] > 0 ? p->domain_cpu[d] + others(p, d) : p->domain_threads[d]) / cpus;
}

/* The engine's state, as it is. */
static void open_tree(struct dam_policy *p, unsigned int e, struct dam_tree *tree)
{
	dam_tree_open(tree, p, &e, 1, true);
	for (unsigned int i = p->first[e]; i < p->first[e + 1]; i++) {
		const struct dam_thread *th = &p->threads[p->key[i].thread];
		struct dam_cost_thread ct;

		if (!dam_thread_active(th))
			continue;
		dam_thread_cost(p, p->key[i].thread, e, th->domain, true, &ct);
		dam_tree_put(tree, e, &ct);
	}
	dam_tree_close(tree, &e, 1);
}

/* The engine without the thread that is looked at. */
struct scene {
	struct dam_tree tree;
	struct dam_cost_sums before; /* with the thread where it is */
	struct dam_cost_thread here;
};

static void open_scene(struct dam_policy *p, unsigned int t, struct scene *out)
{
	const struct dam_thread *th = &p->threads[t];
	unsigned int e = (unsigned int)th->engine;

	open_tree(p, e, &out->tree);
	out->before = out->tree.sums;
	dam_thread_cost(p, t, e, th->domain, true, &out->here);
	dam_tree_change(&out->tree, e, &out->here, -1, NULL);
}

/* Weigh one domain: closer, or with more room. Return: OUTDONE: it would do; else what stands in the way. */
static enum dam_policy_verdict weigh(struct scene *s, unsigned int to, struct dam_policy_move *m)
{
	struct dam_policy *p = s->tree.p;
	struct dam_thread *th = &p->threads[m->thread];
	unsigned int e = (unsigned int)th->engine;
	struct dam_cost_thread there = s->here;
	struct dam_tree_save save;

	m->to_domain = to;
	if (!(th->allowed >> to & 1) || to == th->domain)
		return DAM_VERDICT_NO_TARGET;
	if (th->pool >= 0 && p->pools[th->pool].engine_of_domain[to] != (int)e)
		return DAM_VERDICT_NO_TARGET;
	if (th->class != DAM_CLASS_NORMAL && dam_power_asleep(p, to))
		return DAM_VERDICT_NO_TARGET;
	if (m->trigger == DAM_TRIGGER_LOCALITY &&
	    dam_engine_distance(p, e, to) >= dam_engine_distance(p, e, th->domain))
		return DAM_VERDICT_NO_TARGET;
	if (!has_room(p, th, to))
		return DAM_VERDICT_NO_TARGET;
	dam_thread_cost_at(p, m->thread, e, to, &there);
	dam_tree_change(&s->tree, e, &there, 1, &save);
	dam_cost_terms(&s->before, &s->tree.sums, th->weight_throughput, th->weight_latency, &m->terms);
	dam_tree_undo(&s->tree, &save);
	dam_plan_side_costs(p, m->thread, to, fmax(1, s->before.nr), &m->terms);
	dam_plan_favour(p, m);
	return dam_cost_score(&m->terms) >= m->terms.threshold ? DAM_VERDICT_OUTDONE : DAM_VERDICT_GAIN;
}

static bool better(const struct dam_policy *p, const struct dam_policy_move *a, const struct dam_policy_move *b)
{
	double x = dam_cost_score(&a->terms), y = dam_cost_score(&b->terms);

	return fabs(x - y) > TIE ? x > y : crowd(p, a->to_domain) < crowd(p, b->to_domain);
}

static enum dam_policy_verdict may_move(const struct dam_thread *th)
{
	if (!th->movable)
		return DAM_VERDICT_PINNED;
	return th->cooldown_s > 0 ? DAM_VERDICT_COOLDOWN : DAM_VERDICT_NO_TARGET;
}

/* Weigh all domains for thread @t, and explain. */
static bool look(struct dam_policy *p, unsigned int t, struct dam_policy_move *best, unsigned int index)
{
	struct dam_thread *th = &p->threads[t];
	enum dam_policy_verdict may = may_move(th);
	double capacity = p->engines[th->engine].capacity;
	double util = capacity > 0 ? p->engines[th->engine].demand / capacity : NAN;
	struct dam_policy_move m = {
		.thread = t, .from_domain = th->domain, .from_engine = th->engine, .to_engine = th->engine,
		.trigger = is_remote(p, th) ? DAM_TRIGGER_LOCALITY : DAM_TRIGGER_CROWDED,
		.component = DAM_POLICY_NONE, .from_util = util, .to_util = util,
		.from_util_after = util, .to_util_after = util};
	struct scene s;
	bool found = false;

	dam_explain_open(p, &(struct dam_policy_decision){
		.engine = m.from_engine, .pool = th->pool, .component = DAM_POLICY_NONE,
		.trigger = m.trigger, .util = util, .verdict = may, .threads = 1});
	th->plan_domain = th->domain;
	if (may == DAM_VERDICT_NO_TARGET)
		open_scene(p, t, &s);
	for (unsigned int d = 0; may == DAM_VERDICT_NO_TARGET && d < p->cfg.nr_domains; d++) {
		enum dam_policy_verdict v = weigh(&s, d, &m);

		if (v == DAM_VERDICT_NO_TARGET)
			continue;
		dam_explain_option(p, &(struct dam_policy_option){m, v});
		if (v == DAM_VERDICT_OUTDONE && (!found || better(p, &m, best))) {
			*best = m;
			found = true;
		}
	}
	dam_explain_close(p, found ? best : NULL, (int)index, DAM_VERDICT_NO_THREAD);
	return found;
}

unsigned int dam_plan_locality(struct dam_policy *p, struct dam_policy_move *moves, unsigned int done,
			       unsigned int max)
{
	unsigned int nr = done;

	for (unsigned int i = 0; i < p->nr_far && i < LOOKS && nr < max; i++) {
		unsigned int t = p->far[(p->far_next + i) % p->nr_far];
		int pool = p->threads[t].pool;

		if (pool >= 0 && p->pools[pool].triggered)
			continue; /* where its pool is looked at, it may have been moved already */
		p->threads[t].remote_s = 0;
		if (look(p, t, &moves[nr], nr)) {
			dam_domain_move(p, &p->threads[t], moves[nr].from_domain, moves[nr].to_domain);
			nr++;
		}
	}
	p->far_next++;
	return nr - done;
}
