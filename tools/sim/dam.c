/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* DAM itself: the coordinator's own decision, told of the machine what the coordinator would see of it. */
#include "config.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "tools/common/decision.h"
#include "tools/sim/sim.h"

#define KERNEL_S   1e-3 /* the kernel tells waiting times in milliseconds */
#define MAX_PLAN   1024

struct brain {
	struct dam_decision *decision;
	struct dam_policy_move plan[MAX_PLAN];
	double *wait_s; /* by engine: what is not yet a whole millisecond */
};

static uint64_t local_domains(const struct sim_engine *e)
{
	return e->domain == DAM_NO_DOMAIN ? 0 : 1ull << e->domain;
}

static void configure(const struct sim_scenario *s, bool forecast, struct dam_decision_config *cfg)
{
	*cfg = (struct dam_decision_config){
		.policy = {
			.weight_throughput = s->weight_throughput, .weight_latency = s->weight_latency,
			.threshold = s->threshold, .tick_s = s->tick_s,
			.horizon_s = forecast ? s->horizon_s : s->tick_s,
			.nr_domains = s->topo.nr_domains,
			.head_room = s->head_room, .memory_bps = s->memory_bps, .cache_bytes = s->cache_bytes,
		},
		.max_engines = s->nr_engines, .max_pools = s->nr_pools, .max_threads = s->nr_threads,
		.horizon = forecast ? (unsigned int)fmax(1, lround(s->horizon_s / s->tick_s)) : 0,
	};
	for (unsigned int a = 0; a < s->topo.nr_domains; a++) {
		cfg->policy.domain_cpus[a] = dam_cpuset_count(&s->topo.domain[a].cpus);
		for (unsigned int b = 0; b < s->topo.nr_domains; b++)
			cfg->policy.distance[a][b] = s->topo.distance[a][b];
	}
}

static int open_brain(struct sim_run *r, bool forecast)
{
	struct brain *b = calloc(1, sizeof(*b));
	struct dam_decision_config cfg;

	r->state = b;
	if (!b)
		return -ENOMEM;
	configure(r->s, forecast, &cfg);
	b->decision = dam_decision_create(&cfg);
	b->wait_s = calloc(r->s->nr_engines, sizeof(*b->wait_s));
	if (!b->decision || !b->wait_s)
		return -ENOMEM;
	for (unsigned int e = 0; e < r->s->nr_engines; e++) {
		const struct sim_engine *en = &r->s->engine[e];
		struct dam_policy_engine_desc d = {
			.pool = en->pool >= 0 ? en->pool : DAM_POLICY_NONE, .given_capacity = en->told ? en->capacity : 0,
			.base_latency_s = en->guess_s, .local_domains = local_domains(en), .reserved = en->reserved};

		if (dam_decision_set_engine(b->decision, e, &d))
			return -ENOMEM;
	}
	for (unsigned int i = 0; i < r->s->nr_pools; i++)
		dam_decision_set_pool(b->decision, i, r->s->pool[i].engine_of_domain);
	return 0;
}

static int open_dam(struct sim_run *r)
{
	return open_brain(r, true);
}

static int open_reactive(struct sim_run *r)
{
	return open_brain(r, false);
}

static void close_brain(struct sim_run *r)
{
	struct brain *b = r->state;

	if (!b)
		return;
	dam_decision_destroy(b->decision);
	free(b->wait_s);
	free(b);
}

static void begin(struct sim_run *r, unsigned int t)
{
	struct brain *b = r->state;

	if (r->machine->thread[t].group->hidden)
		return;
	dam_decision_add_thread(b->decision, t);
	dam_decision_set_class(b->decision, t, r->machine->thread[t].group->class);
}

static void end(struct sim_run *r, unsigned int t)
{
	struct brain *b = r->state;

	if (!r->machine->thread[t].group->hidden)
		dam_decision_drop_thread(b->decision, t);
}

static void feed_engines(struct sim_run *r, struct brain *b)
{
	for (unsigned int e = 0; e < r->s->nr_engines; e++) {
		const struct sim_unit *u = &r->machine->unit[e];
		struct dam_policy_engine_sample s = {.bytes = u->bytes, .ops = u->ops, .valid = true,
						     .inflight_ops = u->inflight, .write_bytes = u->write_bytes};

		b->wait_s[e] += u->wait_s;
		s.wait_s = floor(b->wait_s[e] / KERNEL_S) * KERNEL_S;
		b->wait_s[e] -= s.wait_s;
		dam_decision_engine(b->decision, e, r->s->tick_s, &s);
	}
}

static void feed_threads(struct sim_run *r, struct brain *b)
{
	uint64_t all = sim_scenario_domains(r->s);

	for (unsigned int t = 0; t < r->s->nr_threads; t++) {
		const struct sim_thread *th = &r->machine->thread[t];
		struct dam_policy_thread_sample s = {
			.engine = th->ops > 0 ? th->engine : DAM_POLICY_NONE,
			.pool = th->group->pool >= 0 ? th->group->pool : DAM_POLICY_NONE,
			.domain = th->domain, .bytes = th->bytes, .ops = th->ops,
			.inflight_ops = NAN, .inflight_peak_ops = NAN,
			.memory_bps = th->group->memory > 0 ? th->group->memory * th->bytes / r->s->tick_s : NAN,
			.allowed = all, .movable = sim_run_movable(r, t), .placed = th->placed,
			.write_bytes = th->write_bytes, .cpu = fmin(1, th->busy_s / r->s->tick_s)};

		if (!th->running || th->group->hidden)
			continue;
		if (th->samples && !th->group->unseen) {
			s.inflight_ops = th->inflight_sum / th->samples;
			s.inflight_peak_ops = th->inflight_peak;
		}
		dam_decision_thread(b->decision, t, r->s->tick_s, &s);
	}
}

static void tick(struct sim_run *r)
{
	struct brain *b = r->state;
	unsigned int nr;

	feed_threads(r, b);
	feed_engines(r, b);
	nr = dam_decision_tick(b->decision, r->s->tick_s, b->plan, MAX_PLAN);
	for (unsigned int i = 0; i < nr; i++)
		sim_run_move(r, b->plan[i].thread, b->plan[i].to_domain, b->plan[i].trigger);
}

static bool forecast(const struct sim_run *r, unsigned int e, struct dam_forecast *out)
{
	const struct brain *b = r->state;

	dam_decision_forecast(b->decision, e, out);
	return out->member != NULL;
}

const struct sim_policy sim_dam = {
	.name = "dam",
	.help = "what the coordinator decides",
	.open = open_dam, .begin = begin, .end = end, .tick = tick, .forecast = forecast, .close = close_brain,
};

const struct sim_policy sim_reactive = {
	.name = "reactive",
	.help = "what the coordinator would decide without any forecast",
	.open = open_reactive, .begin = begin, .end = end, .tick = tick, .close = close_brain,
};
