/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The decision: demand, capacity, triggers, plan and objective, over plain structs.
 *
 * Pure: the caller owns all memory and brings the time in as dt; no clock, no I/O, no globals, no allocation
 * after dam_policy_create(). Rates in bytes/s, in-flight work in bytes, times in seconds, loads as a share of
 * capacity. Formulas stand in cost.c, each with its source.
 */
#ifndef DAM_POLICY_POLICY_H
#define DAM_POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DAM_POLICY_DOMAINS 64
#define DAM_POLICY_NONE	   (-1)
#define DAM_POLICY_ABOVE   4 /* components that one engine lies behind */

struct dam_policy_move;

/* What a thread is to be treated as, and what an engine may be kept for. */
enum dam_policy_class {
	DAM_CLASS_NORMAL,
	DAM_CLASS_LATENCY, /* keeps away from processors that sleep deeply */
	DAM_CLASS_RT,	   /* the same */
	DAM_CLASS_NR
};

struct dam_policy_config {
	double weight_throughput, weight_latency; /* 0..1 */
	double threshold;			  /* MIGRATION_THRESHOLD as a fraction */
	double tick_s;				  /* nominal interval of dam_policy_tick() */
	double horizon_s;			  /* of forecasts of threads; 0: 0.1 */
	unsigned int max_moves;			  /* 0: max(64, 1 % of the threads) */
	unsigned int nr_domains;
	/* relative latency between domains, >= 1, 1 on the diagonal */
	float distance[DAM_POLICY_DOMAINS][DAM_POLICY_DOMAINS];
	double memory_bps; /* bandwidth of memory, for the cost of a cache refill */
	double cache_bytes; /* last-level cache share of a thread, for the same */
	unsigned int domain_cpus[DAM_POLICY_DOMAINS]; /* 0: unknown; a domain is not crowded for locality's sake */
	unsigned int max_components; /* 0: none */
	double weight_power;	     /* 0: power counts for nothing */
	double head_room;	     /* share of a reserved engine that is kept free, 0..1 */
	/*
	 * Experience: the factor by which the gain of a move that passes all rules is scaled before it is compared
	 * with others and with its threshold; 1 where nothing is known; below 0 counts as 0. @m is filled but for
	 * terms.favour. NULL: none. Called some hundred times for each move of a plan: O(1), and it must not call
	 * dam_policy_*().
	 */
	double (*favour)(void *ctx, const struct dam_policy_move *m);
	void *favour_ctx;
};

enum dam_policy_capacity { DAM_CAP_UNKNOWN, DAM_CAP_GIVEN, DAM_CAP_LEARNED, DAM_CAP_SIBLING };

/* What is known of an engine from outside; set once. */
struct dam_policy_engine_desc {
	int pool;		 /* index of a pool, or DAM_POLICY_NONE: fixed */
	double given_capacity;	 /* bytes/s; 0: learn it */
	double base_latency_s;	 /* first guess of the unloaded latency, > 0 */
	uint64_t local_domains;	 /* bit d: domain d is next to it; 0: all alike */
	/* bytes/s of reads alone, of writes alone; 0: as given_capacity, or learned */
	double given_read, given_write;
	bool duplex; /* reads and writes do not share its capacity: each has its own */
	/* components it lies behind, innermost first (port, package): index + 1; 0: none */
	unsigned int component[DAM_POLICY_ABOVE];
	uint64_t capabilities; /* what it can do, as bits of the caller's choice; 0: everything */
	enum dam_policy_class reserved; /* for threads of this class alone; DAM_CLASS_NORMAL: for everybody */
};

/* Hardware that several engines share, with a capacity of its own. */
struct dam_policy_component_desc {
	double given_capacity; /* bytes/s; 0: learn it */
	bool duplex;	       /* that is of each direction, as on PCIe; else of reads and writes together */
};

/* What a domain draws, as far as the machine tells. Its package is what sleeps and wakes as one. */
struct dam_policy_power {
	unsigned int package; /* < DAM_POLICY_DOMAINS; domains of one package share their sleep */
	double idle_w;	      /* awake and idle, above what it draws asleep: of this domain */
	double dynamic_w;     /* more at full load */
	double wake_s;	      /* exit latency of its deepest sleep */
	bool kept_awake;      /* by work that is none of the threads' */
};

/* What one engine did since the last sample. */
struct dam_policy_engine_sample {
	double bytes, ops;    /* completed */
	double wait_s;	      /* sum of the latencies of those operations; NaN: unknown */
	double inflight_ops;  /* now; NaN: unknown */
	bool valid;	      /* false: the counters could not be read: keep what is known */
	double write_bytes;   /* of bytes, those written */
};

/* What one thread did since the last sample, on the target that it uses most. */
struct dam_policy_thread_sample {
	int engine;	      /* that it used; DAM_POLICY_NONE: none */
	int pool;	      /* the engine was chosen by the CPU from this pool; DAM_POLICY_NONE: fixed */
	unsigned int domain;  /* where it runs */
	double bytes, ops;    /* submitted */
	double inflight_ops;  /* mean of the samples on its own rings; NaN: unknown */
	double inflight_peak_ops; /* highest of them; NaN: unknown */
	double memory_bps;    /* CPU traffic to memory; NaN: unknown */
	uint64_t allowed;     /* bit d: may be pinned to domain d (its mask, DAM_MIN_CPUS) */
	bool movable;	      /* nobody else's pin, not excluded */
	bool placed;	      /* DAM has pinned it: it stays where it is, an unplaced one may wander */
	double write_bytes;   /* of bytes, those written */
	double cpu;	      /* share of one CPU that it uses or waits for, 0..1; 0: unknown */
	uint64_t needs;	      /* capabilities that its work asks of an engine */
};

/* Readable state of an engine. */
struct dam_policy_engine_view {
	double capacity; /* bytes/s, 0 while unknown */
	enum dam_policy_capacity source;
	double rate;	   /* bytes/s completed, 50 ms mean */
	double attributed; /* bytes/s of known threads */
	double background; /* bytes/s of others */
	double demand;	   /* bytes/s: background + Σ demand of the threads assigned */
	double util;	   /* demand / capacity; NaN while the capacity is unknown */
	double latency_s;  /* mean of the operations completed lately; NaN: unknown */
	double base_latency_s;
	bool saturated;	   /* latency > 1.5 × base for 5 ticks */
	double read_capacity, write_capacity; /* bytes/s, 0 while unknown; capacity is that of its present mix */
};

struct dam_policy_component_view {
	double capacity; /* bytes/s, 0 while unknown */
	enum dam_policy_capacity source;
	double rate, demand; /* bytes/s, sums over its engines */
	double util;	     /* demand / capacity; NaN while the capacity is unknown */
};

struct dam_policy_thread_view {
	double rate, demand;  /* bytes/s */
	double inflight, peak; /* bytes; NaN: unknown */
	double think_s;
	bool open_loop;
	int engine; /* assigned in the model */
	double cooldown_s; /* left */
};

enum dam_policy_trigger {
	DAM_TRIGGER_NONE, DAM_TRIGGER_OVERLOAD, DAM_TRIGGER_IMBALANCE, DAM_TRIGGER_FORECAST, DAM_TRIGGER_LOCALITY,
	DAM_TRIGGER_COMPONENT, /* what several engines share is overloaded */
	DAM_TRIGGER_RESERVED,  /* strangers are on a reserved engine */
	DAM_TRIGGER_CROWDED,   /* the CPUs next to a fixed engine are saturated */
	DAM_TRIGGER_POWER,     /* a package could sleep */
	DAM_TRIGGER_NR
};

/* The terms of the objective, dimensionless, as weighed. */
struct dam_policy_terms {
	double throughput, latency, fairness, overflow, refill, remote;
	double gain;	  /* their weighted sum: T + L + F + P - overflow - refill - remote - cpu */
	double threshold; /* ε: what gain × favour had to reach; negative: a trial, which might have cost so much */
	double cpu;	  /* time lost waiting for a CPU */
	double power;
	double favour;	  /* factor from experience; 1: none */
};

struct dam_policy_move {
	unsigned int thread;
	unsigned int from_domain, to_domain;
	int from_engine, to_engine; /* the same for a fixed engine that is come closer to */
	enum dam_policy_trigger trigger;
	double from_util, to_util; /* before the move, in the model */
	double from_util_after, to_util_after;
	struct dam_policy_terms terms;
	int component; /* that is the bottleneck, for DAM_TRIGGER_COMPONENT; else DAM_POLICY_NONE */
	/*
	 * An exchange: the thread that goes the other way, + 1; 0: none. Neither goes alone: if one cannot be moved, or
	 * is taken back, so is the other. The terms of both together are shared evenly.
	 */
	unsigned int partner;
};

struct dam_policy_forecast {
	double mean, p90; /* bytes/s over the horizon */
	bool trusted;
};

/* A thread to be born: what is known of it, usually from its siblings. */
struct dam_policy_birth {
	int engine, pool; /* that it will use, as in a thread's sample: a pool, or a fixed engine */
	double demand;	  /* bytes/s; 0: unknown, little */
	uint64_t allowed; /* bit d: may start in domain d */
	uint64_t needs;
	enum dam_policy_class class;
};

struct dam_policy;
struct dam_policy_explain; /* policy/explain.h */

/**
 * dam_policy_create() - state for up to the given numbers of engines, pools and threads
 * Return: NULL without memory. The caller ends it with dam_policy_destroy().
 */
struct dam_policy *dam_policy_create(const struct dam_policy_config *cfg, unsigned int max_engines,
				     unsigned int max_pools, unsigned int max_threads);
void dam_policy_destroy(struct dam_policy *p);

/** dam_policy_set_engine() - describe engine @e < max_engines; again to change it. */
void dam_policy_set_engine(struct dam_policy *p, unsigned int e,
			   const struct dam_policy_engine_desc *d);
/** dam_policy_drop_engine() - the engine is gone. */
void dam_policy_drop_engine(struct dam_policy *p, unsigned int e);
/** dam_policy_set_pool() - @engine_of_domain: nr_domains engine indices or DAM_POLICY_NONE. */
void dam_policy_set_pool(struct dam_policy *p, unsigned int pool, const int *engine_of_domain);

/** dam_policy_add_thread() - @t < max_threads is a new thread; dam_policy_drop_thread(): it has ended. */
void dam_policy_add_thread(struct dam_policy *p, unsigned int t);
void dam_policy_drop_thread(struct dam_policy *p, unsigned int t);
/** dam_policy_set_weights() - weights of the process that thread @t belongs to; NaN: the defaults. */
void dam_policy_set_weights(struct dam_policy *p, unsigned int t, double throughput, double latency);

/** dam_policy_set_class() - what thread @t is to be treated as; DAM_CLASS_NORMAL until told. */
void dam_policy_set_class(struct dam_policy *p, unsigned int t, enum dam_policy_class class);

/** dam_policy_set_component() - describe component @c < cfg.max_components; again to change it. */
void dam_policy_set_component(struct dam_policy *p, unsigned int c,
			      const struct dam_policy_component_desc *d);
/** dam_policy_set_power() - what domain @d draws; as often as it changes. Unset: nothing, never asleep. */
void dam_policy_set_power(struct dam_policy *p, unsigned int d, const struct dam_policy_power *power);
/** dam_policy_set_busy() - CPUs of domain @d that are in use, by whomever; as often as it is measured. Unset: 0. */
void dam_policy_set_busy(struct dam_policy *p, unsigned int d, double cpus);
/** dam_policy_set_explain() - @sink, the caller's, is filled anew by every tick from now on; NULL: by none. */
void dam_policy_set_explain(struct dam_policy *p, struct dam_policy_explain *sink);

/** dam_policy_engine() / dam_policy_thread() - feed what was measured over the last @dt_s seconds. */
void dam_policy_engine(struct dam_policy *p, unsigned int e, double dt_s,
		       const struct dam_policy_engine_sample *s);
void dam_policy_thread(struct dam_policy *p, unsigned int t, double dt_s,
		       const struct dam_policy_thread_sample *s);

/**
 * dam_policy_tick() - after all samples of a tick: update the model, look for bottlenecks, plan
 * @dt_s: time since the last tick
 * @forecast: one per engine (max_engines), or NULL: no forecast trigger
 * @moves, @max: room for the plan
 *
 * The moves emitted are taken as done in the model; dam_policy_undo() takes back one that failed.
 * Return: the number of moves, at most @max.
 */
unsigned int dam_policy_tick(struct dam_policy *p, double dt_s, const struct dam_policy_forecast *forecast,
			     struct dam_policy_move *moves, unsigned int max);

/** dam_policy_undo() - the move could not be carried out (the thread keeps its cool-down). */
void dam_policy_undo(struct dam_policy *p, const struct dam_policy_move *m);

/**
 * dam_policy_take_back() - the move was carried out, and has been taken back since: it made things worse
 *
 * The thread is where it came from, and cools down twice as long as after the move.
 */
void dam_policy_take_back(struct dam_policy *p, const struct dam_policy_move *m);

/**
 * dam_policy_place() - where threads to be born would do best
 * @nr: how many of them; each counts as load for the next
 * @domains: one for each
 *
 * Return: how many of @domains were written: @nr, or 0 where nothing speaks for any domain.
 */
unsigned int dam_policy_place(const struct dam_policy *p, const struct dam_policy_birth *b, unsigned int nr,
			      unsigned int *domains);

void dam_policy_view_engine(const struct dam_policy *p, unsigned int e,
			    struct dam_policy_engine_view *out);
void dam_policy_view_thread(const struct dam_policy *p, unsigned int t,
			    struct dam_policy_thread_view *out);

/** dam_policy_view_component() - @c < cfg.max_components. */
void dam_policy_view_component(const struct dam_policy *p, unsigned int c,
			       struct dam_policy_component_view *out);

/** dam_policy_class_name() - "normal", "latency", "rt"; static. dam_policy_class_find(): -1: no such class. */
const char *dam_policy_class_name(enum dam_policy_class c);
int dam_policy_class_find(const char *name);

/** dam_policy_trigger_name() - "overload", "imbalance", …; static. */
const char *dam_policy_trigger_name(enum dam_policy_trigger t);

#endif
