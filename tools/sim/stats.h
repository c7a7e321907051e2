/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What comes of a run: throughput, latencies, imbalance, energy, how far ahead moves came; and its timeline. */
#ifndef DAM_TOOLS_SIM_STATS_H
#define DAM_TOOLS_SIM_STATS_H

#include "policy/policy.h"
#include "tools/sim/machine.h"

#define SIM_HISTOGRAM (52 * 128) /* buckets: an octave has 128, from a nanosecond on */

struct sim_ramps; /* lead.c */

struct sim_stats {
	double bytes, ops;
	double *latency; /* SIM_HISTOGRAM counts */
	/* imbalance, in blocks of 100 ms */
	double *busy_s; /* by engine, of the block */
	double block_s, gap_sum, gap_max;
	unsigned int blocks;
	double energy;
	unsigned long moves;
	struct sim_ramps *ramps;
};

struct sim_result {
	const char *policy;
	double throughput;	     /* bytes/s */
	double p50_s, p99_s, p999_s; /* NaN: nothing completed */
	double gap_max, gap_mean;    /* points between the busiest and the idlest engine of a pool; NaN: no pool */
	double energy;		     /* 1: every domain fully busy all the time */
	double lost_bytes;
	unsigned long moves;
	unsigned int ramps, led; /* rises that would saturate an engine; those that a move came before */
	double lead_s;		 /* median of these moves; NaN: none */
	double elapsed_s;	 /* it took to simulate */
};

/* What the picture is drawn from: one run, in points of equal length. */
struct sim_mark {
	double time_s;
	unsigned int thread;
	int from, to; /* engines */
	enum dam_policy_trigger why;
};
struct sim_timeline {
	unsigned int nr_engines, nr_points;
	double point_s;
	float *util, *mean, *p90; /* nr_points for each engine in turn; shares of its capacity; NaN: none */
	float *capacity;	  /* bytes/s, the same */
	struct sim_mark *mark;
	unsigned int nr_marks, room;
};

int sim_stats_init(struct sim_stats *st, const struct sim_machine *m);
void sim_stats_free(struct sim_stats *st);
/** sim_stats_complete() - @nr operations of @bytes together took @latency_s each. */
void sim_stats_complete(struct sim_stats *st, double latency_s, double bytes, double nr);
/** sim_stats_tick() - after each tick. */
void sim_stats_tick(struct sim_stats *st, const struct sim_machine *m);
/** sim_stats_result() - the end; all of @out but the policy's name and elapsed_s. */
void sim_stats_result(const struct sim_stats *st, const struct sim_machine *m, struct sim_result *out);

/* lead.c */
struct sim_ramps *sim_ramps_create(const struct sim_machine *m);
void sim_ramps_destroy(struct sim_ramps *r);
/** sim_ramps_tick() - before the moves of a tick: which engines have begun to be overloaded by a rise? */
void sim_ramps_tick(struct sim_ramps *r, const struct sim_machine *m);
/** sim_ramps_move() - before thread @t leaves its engine. */
void sim_ramps_move(struct sim_ramps *r, const struct sim_machine *m, unsigned int t, unsigned int domain);
void sim_ramps_result(const struct sim_ramps *r, struct sim_result *out);

/* run.c */
int sim_timeline_init(struct sim_timeline *t, const struct sim_scenario *s);
void sim_timeline_free(struct sim_timeline *t);

#endif
