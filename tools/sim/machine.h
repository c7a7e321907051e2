/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The machine: engines that serve operations in the order of their arrival, threads that submit them, processors
 * that threads share. It knows nothing of policies; who decides calls sim_machine_move().
 *
 * An operation waits until the engine has moved all bytes before it and, where the engine takes `depth` operations at
 * once, until there is room; then its own bytes are moved at the engine's capacity, and after its latency (more from
 * afar) it is complete. Within a tick engines run by themselves, in steps of a millisecond.
 */
#ifndef DAM_TOOLS_SIM_MACHINE_H
#define DAM_TOOLS_SIM_MACHINE_H

#include "tools/sim/load.h"
#include "tools/sim/scenario.h"

struct sim_op;
struct sim_item;

struct sim_thread {
	const struct sim_group *group;
	struct sim_source source;
	unsigned int domain, home; /* where it runs; where its memory is */
	int engine;		   /* that it uses from there */
	double start_s, end_s;
	bool running, begun, placed; /* placed: somebody has moved it */
	unsigned int batch;	   /* operations that are simulated as one */
	unsigned int slots;	   /* closed loop: such batches in flight */
	double op_bytes;	   /* of a batch */
	double cpu_s;		   /* of a batch, at home */
	double free_s;		   /* its processor time is spoken for until then */
	double busy_s;		   /* of this tick */
	double owed, write_owed;   /* bytes not yet an operation; writes, the same */
	unsigned int inflight;	   /* batches */
	float *ahead;		   /* bytes of the ticks to come: a ring of machine.horizon */
	double ahead_sum;
	/* of this tick */
	double bytes, write_bytes, ops, inflight_sum, inflight_peak;
	unsigned int samples;
};

struct sim_unit { /* an engine at work */
	const struct sim_engine *engine;
	double capacity[2], now_capacity[2]; /* reads, writes; with this tick's jitter */
	uint64_t random;
	double free_s;	     /* its transfer is busy until then */
	double moved;	     /* bytes of the first operation in the queue, before free_s */
	double *slot;	     /* depth: when each place becomes free; a ring */
	unsigned int next_slot;
	struct sim_op *queue; /* a ring, grows */
	unsigned int head, nr, room;
	struct sim_item *heap; /* what is to happen, by time */
	unsigned int nr_heap, heap_room;
	double queued_bytes;
	double inflight; /* operations, until they are complete */
	/* of this tick */
	double bytes, write_bytes, ops, wait_s, busy_s;
};

/* What the machine tells of each operation that completes, @nr at once. */
struct sim_watcher {
	void *ctx;
	void (*complete)(void *ctx, unsigned int thread, double latency_s, double bytes, double nr);
};

struct sim_machine {
	const struct sim_scenario *s;
	const struct sim_loads *loads;
	struct sim_watcher watcher;
	struct sim_thread *thread;
	struct sim_unit *unit;
	unsigned int nr_threads, horizon; /* horizon: ticks */
	unsigned long tick;
	double now_s;
	unsigned int next_event;
	double cpus[DAM_MAX_DOMAINS]; /* of the domain */
	double slow[DAM_MAX_DOMAINS]; /* >= 1: processor time takes so much longer */
	double cpu_busy[DAM_MAX_DOMAINS]; /* share of the domain's processors, of the last tick */
	double lost_bytes; /* found no room in a queue */
	float *ahead;
	bool nomem;
};

/** sim_machine_create() - Return: 0; -ENOMEM. @s and @loads stay the caller's. */
int sim_machine_create(const struct sim_scenario *s, const struct sim_loads *loads, const struct sim_watcher *w,
		       struct sim_machine **out);
void sim_machine_destroy(struct sim_machine *m);

/** sim_machine_begin() - what is due at the start of this tick: events; threads begin and end (running changes). */
void sim_machine_begin(struct sim_machine *m);
/** sim_machine_advance() - run one tick. Return: 0; -ENOMEM. */
int sim_machine_advance(struct sim_machine *m);
/** sim_machine_move() - thread @t runs in @domain from now on; @free: at no cost. */
void sim_machine_move(struct sim_machine *m, unsigned int t, unsigned int domain, bool free);

/** sim_machine_engine() - the engine that thread @t would use from @domain. */
int sim_machine_engine(const struct sim_machine *m, const struct sim_thread *t, unsigned int domain);
/** sim_machine_latency() - of an operation of @t on an idle engine @e, from @domain, with its transfer. */
double sim_machine_latency(const struct sim_machine *m, const struct sim_thread *t, int e, unsigned int domain);
/** sim_machine_service() - seconds of engine @e that @bytes of @t take. */
double sim_machine_service(const struct sim_machine *m, const struct sim_thread *t, int e, double bytes);

#endif
