/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Threads of fixed engines: they cannot change engine, only come closer to it.
 *
 * Conservative: the thread must have run remote for a while, the objective must gain, and the target must not
 * become more crowded than the source was. Locality without a load term backfires.
 */
#include "config.h"

#include <math.h>

#include "policy/model.h"

#define REMOTE_S  1.0
#define REMOTE_OPS 100.0 /* operations/s: a thread with less does not notice the distance */
#define LOOKS	  8	 /* threads weighed per tick: each costs a walk over its engine's threads */

static bool is_remote(const struct dam_policy *p, const struct dam_thread *th)
{
	uint64_t local;

	if (!th->present || th->engine < 0 || th->pool >= 0 || !dam_thread_active(th))
		return false;
	local = p->engines[th->engine].desc.local_domains;
	return local && !(local >> th->domain & 1) && dam_window_ops(&th->slow) >= REMOTE_OPS;
}

static int nearest_local(const struct dam_policy *p, const struct dam_thread *th)
{
	uint64_t ok = p->engines[th->engine].desc.local_domains & th->allowed;
	int best = DAM_POLICY_NONE;

	for (unsigned int d = 0; d < p->cfg.nr_domains; d++)
		if ((ok >> d & 1) &&
		    (best < 0 || p->cfg.distance[th->domain][d] < p->cfg.distance[th->domain][best]))
			best = (int)d;
	return best;
}

static bool crowded(const struct dam_policy *p, unsigned int from, unsigned int to)
{
	if (p->cfg.domain_cpus[to])
		return p->domain_threads[to] >= p->cfg.domain_cpus[to];
	return p->domain_threads[to] + 1 > p->domain_threads[from];
}

/* The engine's state with thread @t in @domain. */
static void state(const struct dam_policy *p, unsigned int t, unsigned int domain,
		  struct dam_cost_sums *out)
{
	unsigned int e = (unsigned int)p->threads[t].engine;
	int pool = p->engines[e].desc.pool;
	unsigned int group = pool >= 0 ? (unsigned int)pool : p->max_pools;
	struct dam_cost_engine ce;
	struct dam_cost_thread ct;

	*out = (struct dam_cost_sums){0};
	dam_cost_clear(&ce, p->engines[e].capacity > 0 ? p->engines[e].capacity : INFINITY);
	for (unsigned int i = p->first[group]; i < p->first[group + 1]; i++) {
		const struct dam_thread *th = &p->threads[p->order[i]];

		if (th->engine != (int)e || !dam_thread_active(th))
			continue;
		dam_thread_cost(p, p->order[i], e, p->order[i] == t ? domain : th->domain, true, &ct);
		dam_cost_add(&ce, &ct, 1);
	}
	dam_cost_sum(&ce, 1, out);
}

static void open_look(struct dam_policy *p, const struct dam_policy_move *m)
{
	const struct dam_engine *en = &p->engines[m->from_engine];
	struct dam_policy_forecast none = {.mean = NAN, .p90 = NAN};

	if (p->explain)
		dam_explain_open(p, &(struct dam_policy_decision){
			.engine = m->from_engine, .pool = DAM_POLICY_NONE, .component = DAM_POLICY_NONE,
			.trigger = m->trigger, .capacity = en->capacity, .demand = en->demand,
			.background = en->background, .util = en->capacity > 0 ? en->demand / en->capacity : NAN,
			.forecast = p->forecast ? p->forecast[m->from_engine] : none, .threads = 1});
}

/* Return: OUTDONE: it would do; else what stands in the way. */
static enum dam_policy_verdict weigh(struct dam_policy *p, unsigned int t, struct dam_policy_move *m)
{
	struct dam_thread *th = &p->threads[t];
	int to = nearest_local(p, th);
	struct dam_cost_sums before, after;

	*m = (struct dam_policy_move){
		.thread = t, .from_domain = th->domain, .to_domain = to < 0 ? th->domain : (unsigned int)to,
		.from_engine = th->engine, .to_engine = th->engine, .trigger = DAM_TRIGGER_LOCALITY,
		.component = DAM_POLICY_NONE, .terms.favour = 1};
	if (p->engines[th->engine].capacity > 0)
		m->from_util = m->to_util = m->from_util_after = m->to_util_after =
			p->engines[th->engine].demand / p->engines[th->engine].capacity;
	if (!th->movable)
		return DAM_VERDICT_PINNED;
	if (th->cooldown_s > 0)
		return DAM_VERDICT_COOLDOWN;
	if (to < 0 || crowded(p, th->domain, (unsigned int)to))
		return DAM_VERDICT_NO_TARGET;
	state(p, t, th->domain, &before);
	state(p, t, (unsigned int)to, &after);
	th->plan_domain = th->domain;
	dam_cost_terms(&before, &after, th->weight_throughput, th->weight_latency, &m->terms);
	dam_plan_side_costs(p, t, (unsigned int)to, fmax(1, before.nr), &m->terms);
	dam_plan_favour(p, m);
	return m->terms.gain * m->terms.favour >= m->terms.threshold ? DAM_VERDICT_OUTDONE : DAM_VERDICT_GAIN;
}

/* Weigh and explain. */
static bool look(struct dam_policy *p, unsigned int t, struct dam_policy_move *m, unsigned int index)
{
	enum dam_policy_verdict v = weigh(p, t, m);

	open_look(p, m);
	dam_explain_option(p, &(struct dam_policy_option){*m, v});
	dam_explain_close(p, v == DAM_VERDICT_OUTDONE ? m : NULL, (int)index, v);
	return v == DAM_VERDICT_OUTDONE;
}

unsigned int dam_plan_locality(struct dam_policy *p, double dt_s, struct dam_policy_move *moves,
			       unsigned int done, unsigned int max)
{
	unsigned int nr = done, looks = 0;

	for (unsigned int i = 0; i < p->nr_threads; i++) {
		struct dam_thread *th = &p->threads[(p->locality_next + i) % p->nr_threads];
		unsigned int t = (unsigned int)(th - p->threads);

		th->remote_s = is_remote(p, th) ? th->remote_s + dt_s : 0;
		if (th->remote_s < REMOTE_S || looks == LOOKS || nr == max)
			continue;
		looks++;
		th->remote_s = 0;
		if (!look(p, t, &moves[nr], nr))
			continue;
		p->domain_threads[moves[nr].from_domain]--;
		p->domain_threads[moves[nr].to_domain]++;
		nr++;
	}
	p->locality_next = p->nr_threads ? (p->locality_next + 1) % p->nr_threads : 0;
	return nr - done;
}
