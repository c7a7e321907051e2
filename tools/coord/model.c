/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The model: what policy/ and predict/ are told of the machine, and the call that decides. */
#include "config.h"
#include "tools/coord/coord.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "tools/coord/explain.h"
#include "tools/coord/machine.h"
#include "tools/coord/outcomes.h"
#include "tools/coord/record.h"

#define MAX_PLAN 1024 /* moves in one tick */

/* A cautious guess where nothing is known: a move refills this much cache at this bandwidth. */
#define GUESS_MEMORY_BPS  10e9
#define GUESS_CACHE_BYTES (2.0 * 1024 * 1024)

static void configure_policy(struct coord *c, struct dam_policy_config *cfg)
{
	const struct dam_topology *topo = dam_hal_topology(c->hal);

	*cfg = (struct dam_policy_config){
		.weight_throughput = dam_knob_num(&c->knobs, DAM_KNOB_WEIGHT_THROUGHPUT),
		.weight_latency = dam_knob_num(&c->knobs, DAM_KNOB_WEIGHT_LATENCY),
		.threshold = dam_knob_num(&c->knobs, DAM_KNOB_MIGRATION_THRESHOLD) / 100,
		.tick_s = dam_knob_num(&c->knobs, DAM_KNOB_TICK) / 1000,
		.horizon_s = dam_knob_num(&c->knobs, DAM_KNOB_PREDICTION_HORIZON) / 1000,
		.max_moves = (unsigned int)dam_knob_num(&c->knobs, DAM_KNOB_MAX_MOVES),
		.nr_domains = topo->nr_domains,
		.memory_bps = GUESS_MEMORY_BPS,
		.cache_bytes = GUESS_CACHE_BYTES,
		.max_components = DAM_HAL_COMPONENTS,
		.weight_power = dam_knob_num(&c->knobs, DAM_KNOB_WEIGHT_POWER),
		.head_room = dam_knob_num(&c->knobs, DAM_KNOB_RESERVE_ROOM) / 100,
		.favour = coord_outcomes_favour,
		.favour_ctx = c,
	};
	for (unsigned int a = 0; a < topo->nr_domains; a++) {
		cfg->domain_cpus[a] = dam_cpuset_count(&topo->domain[a].cpus);
		for (unsigned int b = 0; b < topo->nr_domains; b++)
			cfg->distance[a][b] = topo->distance[a][b];
	}
}

static void configure(struct coord *c, struct dam_decision_config *cfg)
{
	double horizon = dam_knob_num(&c->knobs, DAM_KNOB_PREDICTION_HORIZON) / dam_knob_num(&c->knobs, DAM_KNOB_TICK);

	*cfg = (struct dam_decision_config){
		.max_engines = DAM_HAL_TARGETS, .max_pools = DAM_HAL_TARGETS, .max_threads = COORD_MAX_THREADS,
		.horizon = horizon < 1 ? 1 : (unsigned int)horizon,
		.note = c->record ? coord_record_decision : NULL, .note_ctx = c->record,
	};
	configure_policy(c, &cfg->policy);
}

static uint64_t local_domains(const struct dam_topology *topo, const struct dam_cpuset *cpus)
{
	struct dam_cpuset both;
	uint64_t bits = 0;

	for (unsigned int d = 0; d < topo->nr_domains; d++)
		if (dam_cpuset_and(cpus, &topo->domain[d].cpus, &both))
			bits |= 1ull << d;
	return bits;
}

/* A new engine, or one whose pool has come or gone. */
static int describe_engine(struct coord *c, unsigned int i, const struct dam_hal_engine *e)
{
	struct dam_policy_engine_desc d = {
		.pool = e->pool,
		.base_latency_s = (double)e->base_latency_ns / DAM_NS_PER_S,
		.local_domains = local_domains(dam_hal_topology(c->hal), &e->local_cpus),
	};

	coord_machine_describe(c, e, &d);
	c->engine[i].known = true;
	return dam_decision_set_engine(c->decision, i, &d);
}

void coord_model_drop(struct coord *c, unsigned int i)
{
	dam_info("engine %s is gone", dam_hal_target(c->hal, i)->engine.name);
	dam_decision_drop_engine(c->decision, i);
	c->engine[i].known = false;
	c->engine[i].read_bps = c->engine[i].write_bps = 0;
}

/* What of the machine's engines may change at run time: the maps of pools. */
static void tell_pools(struct coord *c)
{
	dam_hal_refresh(c->hal);
	for (unsigned int i = 0; i < dam_hal_nr_targets(c->hal); i++) {
		const struct dam_hal_target *t = dam_hal_target(c->hal, i);
		int none[DAM_MAX_DOMAINS];

		if (t->kind != DAM_TARGET_POOL)
			continue;
		for (unsigned int d = 0; d < DAM_MAX_DOMAINS; d++)
			none[d] = DAM_POLICY_NONE;
		dam_decision_set_pool(c->decision, i,
				      t->pool.cpu_driven && !t->pool.gone ? t->pool.engine_of_domain : none);
	}
}

int coord_model_rescan(struct coord *c)
{
	unsigned int nr = dam_hal_nr_targets(c->hal);
	int err = 0;

	coord_machine_components(c); /* new engines may lie behind new ones */
	for (unsigned int i = 0; i < nr; i++) {
		const struct dam_hal_target *t = dam_hal_target(c->hal, i);

		if (t->kind != DAM_TARGET_ENGINE)
			continue;
		if (t->engine.gone) {
			if (c->engine[i].known)
				coord_model_drop(c, i);
			continue;
		}
		if (c->nr_modelled && i >= c->nr_modelled)
			dam_info("engine %s has come", t->engine.name);
		err = describe_engine(c, i, &t->engine) ? -ENOMEM : err;
	}
	c->nr_modelled = nr;
	tell_pools(c);
	return err;
}

int coord_model_open(struct coord *c)
{
	struct dam_decision_config cfg;

	configure(c, &cfg);
	c->decision = dam_decision_create(&cfg);
	c->engine = calloc(DAM_HAL_TARGETS, sizeof(*c->engine));
	c->move = calloc(COORD_MAX_MOVES, sizeof(*c->move));
	c->past = calloc(COORD_MAX_PAST, sizeof(*c->past));
	c->plan = calloc(MAX_PLAN, sizeof(*c->plan));
	if (!c->decision || !c->engine || !c->move || !c->past || !c->plan)
		return -ENOMEM;
	coord_machine_open(c);
	return coord_model_rescan(c);
}

void coord_model_close(struct coord *c)
{
	dam_decision_destroy(c->decision);
	free(c->engine);
	free(c->move);
	free(c->past);
	free(c->plan);
}

void coord_model_refresh(struct coord *c)
{
	tell_pools(c);
	if (c->nr_live)
		coord_machine_refresh(c);
}

void coord_model_decide(struct coord *c, double dt_s)
{
	unsigned int nr;

	coord_trust_tick(c);
	nr = dam_decision_tick(c->decision, dt_s, c->plan, c->paused || coord_mask_hold(c) ? 0 : MAX_PLAN);
	coord_explain_take(c, c->nr_moves + 1);
	coord_act(c, c->plan, nr);
}
