/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Where the load of open-loop threads comes from: generators and recordings, the same for every policy. */
#ifndef DAM_TOOLS_SIM_LOAD_H
#define DAM_TOOLS_SIM_LOAD_H

#include "tools/sim/scenario.h"

struct sim_loads;

/** sim_loads_open() - read the recordings that @s names. Return: 0; -Exxx: one line has been printed. */
int sim_loads_open(const struct sim_scenario *s, struct sim_loads **out);
/** sim_loads_close() - takes NULL. */
void sim_loads_close(struct sim_loads *l);

/* The load of one thread, tick by tick. */
struct sim_source {
	uint64_t random;
	unsigned int group, index; /* the @index-th thread of the group */
	float noise;		   /* of unit variance */
	bool on;
	double left_s;		   /* of an on or off time */
};

/** sim_random() - 0 … 1, from a state that any number may begin. */
double sim_random(uint64_t *state);

/** sim_source_init() - thread @index of group @group; threads differ, runs of one seed do not. */
void sim_source_init(const struct sim_scenario *s, struct sim_source *src, unsigned int group, unsigned int index);

/** sim_source_next() - bytes that it submits in tick @tick; to be asked for one tick after the other. */
double sim_source_next(const struct sim_scenario *s, const struct sim_loads *l, struct sim_source *src,
		       unsigned long tick);

/** sim_shape_mean() - factor of the rate that may be expected over @dt_s from time @t on; not of a trace. */
double sim_shape_mean(const struct sim_group *g, double t, double dt_s);

#endif
