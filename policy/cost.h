/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The objective: what a state of a pool is worth, in sums that a move changes in O(1). */
#ifndef DAM_POLICY_COST_H
#define DAM_POLICY_COST_H

#include <stdbool.h>

#include "policy/policy.h"

#define DAM_COST_HIGH_WATER 0.95 /* of a usable capacity: demand beyond it is an overload */

/* A thread, or the part of it that goes one way, as it would be on one given engine. */
struct dam_cost_thread {
	bool open;
	double demand;	  /* bytes/s, closed: clipped to what an engine can give */
	double depth;	  /* closed: Q, peak bytes in flight */
	double log;	  /* ln of the whole thread's demand, closed: of its depth */
	double think_s;	  /* closed: Z */
	double base_s;	  /* L0 there */
	double op_bytes;  /* mean size of its operations, > 0 */
	double work;	  /* what a byte of its costs there, a byte of the engine's faster direction being 1 */
	double share;	  /* of the thread that this is, 0..1 */
	double written;	  /* share of its bytes that are written */
};

/* An engine, or one direction of it, or what several share, with the threads now assigned to it. */
struct dam_cost_engine {
	double capacity; /* bytes/s of its faster direction; infinite: unknown, never a bottleneck */
	double usable;	 /* the same less what is kept free for a class */
	/* open loop and background; in work where not said otherwise */
	double open, open_ops, open_base; /* Σ D, Σ D/op, Σ L0·D/op */
	double open_log;		  /* Σ ln D of the threads */
	double open_bytes;
	/* the part of it that is nobody's, and of that, what is queued and will be gone */
	double background, background_bytes, background_ops, background_base, background_written;
	double backlog;
	/* closed loop */
	double depth, raw, clipped;    /* Σ Q, Σ Q/(Z + L0), Σ D */
	double depth_ops, depth_base;  /* Σ Q/op, Σ L0·Q/op */
	double depth_log;	       /* Σ ln Q */
	double clipped_bytes;
	double written; /* bytes/s of all demand */
	double nr_open, nr_closed; /* threads, those that go both ways in parts */
};

/* What an engine adds to the pool's sums. */
struct dam_cost_sums {
	double rate;	 /* bytes/s delivered */
	double written;	 /* of these */
	double ops;	 /* operations/s */
	double inflight; /* operations */
	double log_rate; /* Σ ln x of the threads */
	double overflow; /* bytes/s of open demand beyond what fits */
	double nr;	 /* threads */
};

/** dam_cost_clear() - nobody is on it; @head_room: share of the capacity that is kept free. */
void dam_cost_clear(struct dam_cost_engine *e, double capacity, double head_room);
/** dam_cost_add() - put thread @t on @e; @sign -1: take it off. */
void dam_cost_add(struct dam_cost_engine *e, const struct dam_cost_thread *t, int sign);
/** dam_cost_background() - add load of nobody known, before threads are added; @work as of a thread; @op_bytes, @base_s: its operations'. */
void dam_cost_background(struct dam_cost_engine *e, double rate, double work, double written, double op_bytes,
			 double base_s);

/** dam_cost_backlog() - the same, of a queue that will be gone. */
void dam_cost_backlog(struct dam_cost_engine *e, double rate, double work, double written, double op_bytes,
		      double base_s);

/** dam_cost_overflow() - open demand beyond 95 % of the capacity, bytes/s; without the backlog. */
double dam_cost_overflow(const struct dam_cost_engine *e);
/** dam_cost_sum() - add what @e contributes to @out. */
void dam_cost_sum(const struct dam_cost_engine *e, struct dam_cost_sums *out);
/** dam_cost_replace() - in the sums @out, @now stands for what was @was. */
void dam_cost_replace(struct dam_cost_sums *out, const struct dam_cost_sums *was, const struct dam_cost_sums *now);

/** dam_cost_terms() - the terms of going from @a to @b, weighed; costs and gain are 0. */
void dam_cost_terms(const struct dam_cost_sums *a, const struct dam_cost_sums *b,
		    double weight_throughput, double weight_latency, struct dam_policy_terms *out);
/** dam_cost_value() - J of a state; the difference of two is the gain without costs, unless ΔL was clipped. */
double dam_cost_value(const struct dam_cost_sums *s, double weight_throughput,
		      double weight_latency);
/** dam_cost_refill() - share of its time that a thread loses filling a cache anew. */
double dam_cost_refill(double cache_bytes, double memory_bps);
/** dam_cost_remote() - share of its time that a thread loses to memory @to instead of @from away. */
double dam_cost_remote(double traffic_bps, double from, double to);
/** dam_cost_gain() - sum up @terms; @nr: threads of the pool. */
void dam_cost_gain(struct dam_policy_terms *terms, double nr);
/** dam_cost_add_terms() - add @share of @t; the threshold of @sum stays, the favour is the last one's. */
void dam_cost_add_terms(struct dam_policy_terms *sum, const struct dam_policy_terms *t, double share);
/** dam_cost_score() - what a move is worth: its gain, as far as experience bears it out. */
double dam_cost_score(const struct dam_policy_terms *terms);

#endif
