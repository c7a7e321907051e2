/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The decision as the coordinator and the simulator run it: policy/ beside one forecast series per engine.
 *
 * All that policy/ and predict/ are told goes through here, so that it can be recorded, and a recording decides the
 * same again. Pure, as they are: the caller brings the time; no clock, no I/O, no log.
 */
#ifndef DAM_TOOLS_DECISION_H
#define DAM_TOOLS_DECISION_H

#include "policy/policy.h"
#include "predict/predict.h"

struct dam_decision;

struct dam_decision_config {
	struct dam_policy_config policy;
	unsigned int max_engines, max_pools, max_threads;
	unsigned int horizon; /* ticks ahead that engines are forecast; 0: no forecast trigger */
};

/** dam_decision_create() - Return: NULL without memory. The caller ends it with dam_decision_destroy(). */
struct dam_decision *dam_decision_create(const struct dam_decision_config *cfg);
/** dam_decision_destroy() - takes NULL. */
void dam_decision_destroy(struct dam_decision *d);

/** dam_decision_policy() - for what only reads: views of engines and threads. */
const struct dam_policy *dam_decision_policy(const struct dam_decision *d);
/** dam_decision_forecast() - of engine @e as of the last tick; all zero where there is none. */
void dam_decision_forecast(const struct dam_decision *d, unsigned int e, struct dam_forecast *out);

/** dam_decision_set_engine() - as dam_policy_set_engine(), and its series begins. Return: 0; -ENOMEM. */
int dam_decision_set_engine(struct dam_decision *d, unsigned int e, const struct dam_policy_engine_desc *desc);

/* As the dam_policy_ functions of the same names. */
void dam_decision_drop_engine(struct dam_decision *d, unsigned int e);
void dam_decision_set_pool(struct dam_decision *d, unsigned int pool, const int *engine_of_domain);
void dam_decision_add_thread(struct dam_decision *d, unsigned int t);
void dam_decision_drop_thread(struct dam_decision *d, unsigned int t);
void dam_decision_set_weights(struct dam_decision *d, unsigned int t, double throughput, double latency);
void dam_decision_engine(struct dam_decision *d, unsigned int e, double dt_s,
			 const struct dam_policy_engine_sample *s);
void dam_decision_thread(struct dam_decision *d, unsigned int t, double dt_s,
			 const struct dam_policy_thread_sample *s);
unsigned int dam_decision_tick(struct dam_decision *d, double dt_s, struct dam_policy_move *moves, unsigned int max);
void dam_decision_undo(struct dam_decision *d, const struct dam_policy_move *m);

#endif
