/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * A small machine for tests of the decision: FIFO engines that complete whole operations at a limited rate,
 * threads that keep a queue full (closed loop) or submit whatever happens (open loop). It feeds the policy what the
 * coordinator would, tick by tick, and carries out the moves.
 *
 * Beside the machine of tools/sim it stands because it is another: it serves by credit per tick rather than by event, so
 * that a rule which only suits one model of a queue is found out; a test can turn any of its screws in the middle of a
 * run; and policy/ is tested without the rooms above it.
 */
#ifndef DAM_TESTS_FLUID_H
#define DAM_TESTS_FLUID_H

#include "policy/policy.h"

#define FLUID_ENGINES 4
#define FLUID_THREADS 64
#define FLUID_QUEUE   16384
#define FLUID_PORTS   2

struct fluid_op {
	double born_s;
	double bytes;
	unsigned int thread;
	bool write;
};

struct fluid_engine {
	double capacity; /* bytes/s */
	double write_capacity; /* of writes alone; 0: the same. Both use up one medium */
	unsigned int port;     /* index + 1 of what it shares with others; 0: none */
	double base_s;   /* latency of an operation beyond its turn */
	double credit;   /* bytes it may still complete */
	double jitter;   /* of the credit per tick: 0.3 is ±30 % */
	struct fluid_op queue[FLUID_QUEUE];
	unsigned int head, tail;
	double done_bytes, done_written, done_ops, wait_s; /* of this tick */
};

struct fluid_thread {
	unsigned int domain, engine; /* engine: follows the domain where there is a pool */
	unsigned int depth;	     /* closed loop; 0: open */
	double rate;		     /* open: bytes/s */
	double cv;		     /* open: of the rate per tick */
	double op_bytes, owed, memory_bps;
	double written, owed_write; /* share of its operations that write */
	double cpu;
	uint64_t needs;
	unsigned int inflight;
	bool seen, movable, placed, stopped; /* placed: moved once, so it stays; the scheduler may bring the others */
	uint64_t allowed;
	double bytes, bytes_written, ops, peak; /* of this tick */
	double done_bytes;
};

struct fluid {
	struct dam_policy *policy;
	unsigned int nr_engines, nr_threads;
	bool pool; /* the engines stand in for one another, engine i next to domain i */
	int map[FLUID_ENGINES]; /* then: engine used in each domain */
	struct fluid_engine *engines;
	struct {
		double capacity, credit;
	} port[FLUID_PORTS];
	struct fluid_thread threads[FLUID_THREADS];
	double now_s;
	uint64_t seed;
	unsigned int moves;
	struct dam_policy_move last[FLUID_THREADS];
	unsigned int nr_last;
	double first_move_s;
};

/* given: capacity told to the policy, 0: it has to learn */
struct fluid *fluid_create(unsigned int nr_engines, double capacity, double given, bool pool);
/* The same; @adjust changes what the policy is told. NULL: nothing. */
struct fluid *fluid_create_with(unsigned int nr_engines, double capacity, double given, bool pool,
				void (*adjust)(struct dam_policy_config *cfg, void *ctx), void *ctx);
/* What the policy is told of engine @e when the machine is made, to be changed and set again. */
struct dam_policy_engine_desc fluid_desc(const struct fluid *f, unsigned int e, double given);
void fluid_destroy(struct fluid *f);
unsigned int fluid_closed(struct fluid *f, unsigned int domain, unsigned int depth, double op_bytes);
unsigned int fluid_open(struct fluid *f, unsigned int domain, double rate, double cv, double op_bytes);
/* Run for a time; count moves. */
void fluid_run(struct fluid *f, double seconds, double dt_s);
/* Threads in a domain. */
unsigned int fluid_in_domain(const struct fluid *f, unsigned int domain);
double fluid_random(struct fluid *f); /* 0..1 */

#endif
