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

/* What is told of, in the order in which it was done; tools/common/decision_text.c names them and their fields. */
enum dam_decision_call {
	DAM_CALL_CONFIG,   /* struct dam_decision_config */
	DAM_CALL_DISTANCE, /* of domain `index`: struct dam_decision_distance */
	DAM_CALL_SET_ENGINE, DAM_CALL_DROP_ENGINE, DAM_CALL_SET_POOL, DAM_CALL_SET_COMPONENT, DAM_CALL_SET_POWER,
	DAM_CALL_SET_BUSY,
	DAM_CALL_ADD_THREAD, DAM_CALL_DROP_THREAD, DAM_CALL_SET_WEIGHTS, DAM_CALL_SET_CLASS,
	DAM_CALL_ENGINE, DAM_CALL_THREAD, /* samples */
	DAM_CALL_FAVOUR,   /* answer number `index` of the coming tick, where it is not 1 */
	DAM_CALL_TICK,
	DAM_CALL_MOVE,	   /* number `index` of what the tick decided: struct dam_policy_move */
	DAM_CALL_UNDO,	   /* the same move */
	DAM_CALL_TAKE_BACK,
	DAM_CALL_NR
};

struct dam_decision_distance {
	float to[DAM_POLICY_DOMAINS];
};
struct dam_decision_pool {
	int engine_of_domain[DAM_POLICY_DOMAINS];
};
struct dam_decision_weights {
	double throughput, latency;
};
struct dam_decision_busy {
	double cpus;
};
struct dam_decision_class {
	enum dam_policy_class class;
};
struct dam_decision_engine_sample {
	double dt_s;
	struct dam_policy_engine_sample s;
};
struct dam_decision_thread_sample {
	double dt_s;
	struct dam_policy_thread_sample s;
};
struct dam_decision_favour {
	double factor;
};
struct dam_decision_tick {
	double dt_s;
	unsigned int max;
};

struct dam_decision_config {
	struct dam_policy_config policy;
	unsigned int max_engines, max_pools, max_threads;
	unsigned int horizon; /* ticks ahead that engines are forecast; 0: no forecast trigger */
	/* Told of every call: @arg is the call's struct, if it has one. NULL: nobody listens. */
	void (*note)(void *ctx, enum dam_decision_call call, unsigned int index, const void *arg);
	void *note_ctx;
};

/** dam_decision_create() - Return: NULL without memory. The caller ends it with dam_decision_destroy(). */
struct dam_decision *dam_decision_create(const struct dam_decision_config *cfg);
/** dam_decision_destroy() - takes NULL. */
void dam_decision_destroy(struct dam_decision *d);

/** dam_decision_policy() - for what only reads: views of engines and threads. */
struct dam_policy *dam_decision_policy(const struct dam_decision *d);
/** dam_decision_forecast() - of engine @e as of the last tick; all zero where there is none. */
void dam_decision_forecast(const struct dam_decision *d, unsigned int e, struct dam_forecast *out);

/** dam_decision_set_engine() - as dam_policy_set_engine(), and its series begins. Return: 0; -ENOMEM. */
int dam_decision_set_engine(struct dam_decision *d, unsigned int e, const struct dam_policy_engine_desc *desc);

/* As the dam_policy_ functions of the same names. */
void dam_decision_drop_engine(struct dam_decision *d, unsigned int e);
void dam_decision_set_pool(struct dam_decision *d, unsigned int pool, const int *engine_of_domain);
void dam_decision_add_thread(struct dam_decision *d, unsigned int t);
void dam_decision_drop_thread(struct dam_decision *d, unsigned int t);
void dam_decision_set_component(struct dam_decision *d, unsigned int c, const struct dam_policy_component_desc *desc);
void dam_decision_set_power(struct dam_decision *d, unsigned int domain, const struct dam_policy_power *power);
void dam_decision_set_busy(struct dam_decision *d, unsigned int domain, double cpus);
void dam_decision_set_class(struct dam_decision *d, unsigned int t, enum dam_policy_class class);
void dam_decision_set_weights(struct dam_decision *d, unsigned int t, double throughput, double latency);
void dam_decision_engine(struct dam_decision *d, unsigned int e, double dt_s,
			 const struct dam_policy_engine_sample *s);
void dam_decision_thread(struct dam_decision *d, unsigned int t, double dt_s,
			 const struct dam_policy_thread_sample *s);
unsigned int dam_decision_tick(struct dam_decision *d, double dt_s, struct dam_policy_move *moves, unsigned int max);
/** dam_decision_undo() - move number @i of the last tick could not be carried out. */
void dam_decision_undo(struct dam_decision *d, const struct dam_policy_move *m, unsigned int i);
void dam_decision_take_back(struct dam_decision *d, const struct dam_policy_move *m);

#endif
