/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* dam-sim inside: a scenario run under one policy, and what comes of it. */
#ifndef DAM_TOOLS_SIM_SIM_H
#define DAM_TOOLS_SIM_SIM_H

#include <stdio.h>

#include "policy/policy.h"
#include "predict/predict.h"
#include "tools/sim/machine.h"
#include "tools/sim/scenario.h"
#include "tools/sim/stats.h"

struct sim_run;

/* Who decides where threads run: one const struct and one line in policies.c. */
struct sim_policy {
	const char *name, *help;
	bool free; /* moves cost nothing */
	int (*open)(struct sim_run *r); /* 0; -ENOMEM. Every slot may be empty */
	void (*begin)(struct sim_run *r, unsigned int t); /* thread @t begins: it may be moved at no cost */
	void (*end)(struct sim_run *r, unsigned int t);
	void (*tick)(struct sim_run *r); /* after each tick of the machine */
	/* what it forecasts for engine @e, in bytes/s. Return: false: nothing */
	bool (*forecast)(const struct sim_run *r, unsigned int e, struct dam_forecast *out);
	void (*close)(struct sim_run *r);
};

extern const struct sim_policy sim_none, sim_round_robin, sim_random_place, sim_cpu_balance, sim_reactive, sim_dam,
	sim_oracle;
/** sim_policies() - the list, ended by NULL: baselines first, the oracle last. */
extern const struct sim_policy *const sim_policies[];

struct sim_run {
	const struct sim_scenario *s;
	const struct sim_policy *policy;
	void *state; /* the policy's own */
	struct sim_machine *machine;
	struct sim_stats stats;
	struct sim_timeline *timeline; /* NULL: not wanted */
	uint64_t random;
	bool beginning; /* threads that begin are being placed */
};

/** sim_run_move() - for policies: thread @t runs in @domain from now on. */
void sim_run_move(struct sim_run *r, unsigned int t, unsigned int domain, enum dam_policy_trigger why);
/** sim_run_movable() - may a policy move it? */
bool sim_run_movable(const struct sim_run *r, unsigned int t);

/**
 * sim_run() - the whole scenario under one policy
 * @progress: called with the share done, 0 … 1, now and then; NULL: not
 * @timeline: filled if not NULL; for sim_timeline_free()
 * Return: 0; -ENOMEM.
 */
int sim_run(const struct sim_scenario *s, const struct sim_loads *loads, const struct sim_policy *policy,
	    void (*progress)(const struct sim_policy *policy, double share), struct sim_timeline *timeline,
	    struct sim_result *out);

/* print.c */
/** sim_print_table() - for people; all results of one scenario. */
void sim_print_table(const struct sim_scenario *s, const struct sim_result *r, unsigned int nr);
/** sim_print_json() - one object for the scenario. Return: 0; -ENOMEM. */
int sim_print_json(const struct sim_scenario *s, const struct sim_result *r, unsigned int nr);

/* svg.c */
/** sim_svg_write() - the timeline of one run as a picture. Return: 0; -errno. */
int sim_svg_write(const char *path, const struct sim_scenario *s, const struct sim_result *r,
		  const struct sim_timeline *t);

/* replay.c */
/** sim_is_recording() - does the file begin as a recording of a coordinator's decisions? */
bool sim_is_recording(const char *path);
/**
 * sim_replay() - decide again what a recording tells of, and print whether the same was decided
 * Return: 0: it was; 1: it was not; -Exxx: the file cannot be read: printed.
 */
int sim_replay(const char *path, bool json);

#endif
