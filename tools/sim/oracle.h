/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What the oracle knows in a tick, and its search for the best assignment: for oracle.c and oracle_search.c alone. */
#ifndef DAM_TOOLS_SIM_ORACLE_H
#define DAM_TOOLS_SIM_ORACLE_H

#include "tools/sim/sim.h"

/* Engines first, then each domain's processors. */
struct sim_share {
	double util, bytes;
};

struct sim_ranked {
	double demand;
	unsigned int thread;
};

struct sim_oracle_state {
	unsigned int nr_engines, nr_units, nr; /* threads that it places */
	unsigned int *thread;		       /* them, the longest demand first */
	struct sim_ranked *ranked;	       /* the same while they are sorted */
	unsigned int *domain, *best, *now;     /* by place in the above */
	double *demand;			       /* bytes/s, by place and domain */
	double *util;			       /* of the engine there, the same */
	double *cpu, *away;		       /* processors; share of latency above the least; the same */
	int *engine;			       /* the same */
	struct sim_share *unit, *base;	       /* base: what cannot be moved */
	double total, per_cpu;		       /* bytes/s asked; bytes per processor second */
	double distance;		       /* Σ away of the assignment */
	unsigned int tries, turn;	       /* swaps left in this tick; where they begin */
};

/** sim_oracle_search() - find @o->best; what each thread would ask from each domain is known. */
void sim_oracle_search(const struct sim_run *r, struct sim_oracle_state *o);

#endif
