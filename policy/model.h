/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * State of the decision, shared by the files of policy/ and by nobody else.
 *
 * Samples come at irregular intervals, and a slow engine completes less than one operation per tick. So
 * nothing here is a ratio of one tick: all are means over windows that hold a time and some operations.
 */
#ifndef DAM_POLICY_MODEL_H
#define DAM_POLICY_MODEL_H

#include "policy/cost.h"
#include "policy/explain.h"
#include "policy/policy.h"
#include "predict/blend.h"

#define DAM_SIGMAS 4.0 /* of the noise of a load: what is less is none */
#define DAM_POLICY_CLASSES 6 /* of block sizes: < 16K, < 64K, < 256K, < 1M, < 4M, more */

/* Decayed sums. */
struct dam_window {
	double time, bytes, ops, wait, written;
};

/* Is work in flight bounded, as that of a program that waits for completions is? */
enum dam_bound { DAM_BOUND_UNKNOWN, DAM_BOUND_YES, DAM_BOUND_NO };
struct dam_bound_watch {
	double time, ops, max, last; /* the block in progress; max < 0: no sample */
	double start;	       /* in-flight work when the watch began; < 0: none yet */
	double recent;	       /* operations of the blocks so far, decayed */
	bool grew;	       /* in the last block */
};

/* Does a thread ask for less when it has to wait longer? */
struct dam_elastic {
	double time, bytes, ops, wait; /* the block in progress; wait: latency × time */
	double rate, latency;	       /* of the block that later ones are compared with; 0: none yet */
	bool stiff;		       /* when the latency last changed, the rate did not follow */
};

/* Where a rate is going: level and slope, and how much it scatters around them. */
struct dam_trend {
	double age_s, once, twice; /* smoothed once and twice */
	double var;
};

/* Plain sums since the block began. */
struct dam_block {
	double time, bytes, ops, wait, saturated, written;
};

/* Noise of a load, from first differences of block means. */
struct dam_noise {
	double time, sum, prev, var;
	bool has_prev;
};

struct dam_engine {
	bool present;
	struct dam_policy_engine_desc desc;
	int next; /* engine of the same pool */

	/* measured */
	struct dam_window fast, slow;	 /* completed */
	struct dam_window done, entered; /* completed, submitted by known threads: for the background */
	double entered_now;		 /* bytes that known threads submitted since the last tick */
	double inflight;		 /* operations; NaN: unknown */
	double idle;			 /* share of samples that found nothing in flight */
	double op_bytes;		 /* mean size of an operation; 0: none seen */
	double latency_s;		 /* NaN: unknown */
	double latency_slow_s;		 /* over the windows that think times are found with */
	double background;		 /* bytes/s */
	double settle_s;		 /* the background is not judged while work is moving */

	/* saturation and capacity */
	struct dam_block block;
	struct dam_bound_watch watch;
	enum dam_bound bound;
	double saturated_s;
	bool saturated;
	bool unclear; /* whether its work waits: nobody has seen what an operation takes alone */
	double learned[2], first_sum; /* bytes/s, of reads and of writes alone; 0: none */
	bool pure[2];		      /* learned from that direction alone */
	unsigned int first_blocks;
	double seen;		   /* highest rate of a block */
	double unsaturated_s;
	unsigned int confirmations;
	bool drifting;
	double cap[2];		   /* of reads, of writes alone: what the plan uses; 0: unknown */
	double capacity;	   /* of the mix that its threads ask for; 0: unknown */
	double view[2];		   /* as cap, before siblings are levelled */
	double written;		   /* share of its bytes that were written lately */
	enum dam_policy_capacity source;

	/* of this tick */
	double attributed, demand, demand_slow; /* bytes/s */
	double demand_written;
	double looped;	/* of attributed: by closed loops */
	double backlog; /* bytes/s: what else is queued, over the time in which it is to be gone */
	unsigned int strangers; /* movable threads for which it is not reserved */
	struct dam_noise noise;
	struct dam_trend trend; /* of what is submitted, bytes/s */
	double overload_s, imbalance_s, forecast_s, reserved_s; /* how long the condition has held */
	int bottleneck; /* component that made it fire; DAM_POLICY_NONE */
	double scale;				    /* of its open demand, in a plan for a forecast */
	enum dam_policy_trigger trigger;
};

struct dam_thread {
	bool present, movable, placed, open, fresh;
	bool doubt; /* open or closed: not judged yet */
	int engine, pool;	  /* assigned in the model */
	unsigned int domain, home; /* where it is; where it was first seen, and its memory with it */
	uint64_t allowed;
	double weight_throughput, weight_latency;
	enum dam_policy_class class;
	uint64_t needs;
	struct dam_window fast, slow, lasting; /* submitted */
	double op_bytes;
	double written; /* share of its bytes that it writes */
	double cpu;	/* share of a CPU; 0: unknown */
	double peak_ops;	  /* of its in-flight work, decayed; < 0: never known */
	double inflight_ops;	  /* of this tick; NaN: unknown */
	double unseen_s;	  /* since its own in-flight work was last seen */
	double memory_bps;
	struct dam_bound_watch watch;
	struct dam_elastic elastic;
	double open_hold_s;
	double age_s; /* since it was added */
	double cooldown_s, cooldown_len_s, since_move_s, remote_s;
	double settle_s; /* after a move its old demand stands, until its old queue is through */
	int prev_engine;
	double think_s;
	double rate, demand, demand_slow; /* bytes/s */
	double asked;		  /* closed: what the demand would be, had engines no bounds; 0: open */
	double ahead;		  /* bytes/s to be expected while a moved thread has to stay */
	struct dam_blend blend;
	/* in a plan */
	int plan_engine, plan_move;
	unsigned int plan_domain;
};

struct dam_pool {
	int engine_of_domain[DAM_POLICY_DOMAINS];
	int first;	/* of its engines, linked by next; DAM_POLICY_NONE: empty */
	double largest[2]; /* capacity of its engines for reads, for writes */
	bool triggered;
	bool doubt;	/* a thread on a saturated engine is not judged yet */
	double doubt_s; /* for how long */
};

/* What several engines share. */
struct dam_component {
	bool present;
	struct dam_policy_component_desc desc;
	double capacity;		     /* bytes/s; duplex: each way; 0: unknown */
	double rate, demand, demand_written; /* bytes/s, sums over its engines */
	unsigned int active, saturated, below; /* engines with work; of these; of these, below their own capacity */
	double learned, shared_s;	     /* how long its engines have looked as if they shared a limit */
	bool full;			     /* it is what limits its engines */
	double overload_s;
	bool fired;
};

/* An engine or a component in a plan; see tree.c. */
struct dam_node {
	bool leaf, duplex;
	double outside[2];		   /* bytes/s of engines that are not planned */
	double full[2];			   /* usable capacity for load, those included */
	struct dam_cost_sums given, below; /* what it contributes; what its children do */
	struct dam_cost_engine own[2];	   /* reads and writes, or both in the first */
};

#define DAM_TREE_DEPTH (1 + DAM_POLICY_ABOVE)

struct dam_tree {
	struct dam_policy *p;
	struct dam_cost_sums sums; /* of the pool as planned so far */
};

/* What a change has overwritten. */
struct dam_tree_save {
	unsigned int nr;
	int index[DAM_TREE_DEPTH];
	struct dam_node node[DAM_TREE_DEPTH];
	struct dam_cost_sums sums;
};

/* A thread of an engine, in the order in which candidates are taken. */
struct dam_key {
	double demand, depth;
	unsigned int thread;
};

struct dam_policy {
	struct dam_policy_config cfg;
	unsigned int max_engines, max_pools, max_threads;
	unsigned int nr_threads; /* one more than the highest present */
	/* one more than the highest that was ever told of: a tick walks over these, not over all there is room for */
	unsigned int nr_engines, nr_pools, nr_components;
	struct dam_engine *engines;
	struct dam_thread *threads;
	struct dam_pool *pools;
	double (*base)[DAM_POLICY_CLASSES];	  /* measured base latency per pool, then per engine; 0: none */
	struct dam_node *nodes;			  /* engines, then components; in a plan */
	bool *stuck, *sorted;			  /* per engine, in a plan */
	unsigned int *list;			  /* engines of the pool in a plan */
	struct dam_key *key;			  /* threads by engine: first[e] … first[e + 1] - 1 */
	unsigned int *first, *nr_key; /* per engine; nr_key: of those that may leave, once sorted */
	unsigned int domain_threads[DAM_POLICY_DOMAINS];
	double domain_cpu[DAM_POLICY_DOMAINS];	/* Σ of its threads' cpu, as planned so far */
	double domain_busy[DAM_POLICY_DOMAINS]; /* CPUs in use by anybody */
	double domain_used[DAM_POLICY_DOMAINS]; /* of these, by its threads */
	bool domain_full[DAM_POLICY_DOMAINS];	/* more CPUs are asked for than there are */
	unsigned int *far, nr_far;	       /* threads of fixed engines that locality looks at */
	unsigned int far_next;
	double power_s; /* since packages were looked at */
	struct dam_component *components;
	struct dam_policy_power power[DAM_POLICY_DOMAINS];
	struct dam_policy_explain *explain; /* the caller's, or NULL */
	struct dam_policy_decision *look;   /* being written; NULL: none */
	const struct dam_policy_forecast *forecast; /* of this tick */
	int *renumber; /* per move of a plan */
};

/* window.c */
void dam_window_add(struct dam_window *w, double dt_s, double bytes, double written, double ops, double wait_s,
		    double half_life_s);
void dam_window_add_plain(struct dam_window *w, double dt_s, double bytes, double half_life_s);
double dam_window_rate(const struct dam_window *w);
double dam_window_ops(const struct dam_window *w);
double dam_decay(double dt_s, double half_life_s);
enum dam_bound dam_bound_add(struct dam_bound_watch *b, double dt_s, double ops, double inflight, double latency_s);
void dam_bound_reset(struct dam_bound_watch *b);
void dam_elastic_add(struct dam_elastic *s, double dt_s, double bytes, double ops, double latency_s);
void dam_noise_add(struct dam_noise *n, double dt_s, double value);
void dam_noise_break(struct dam_noise *n);
void dam_trend_add(struct dam_trend *t, double dt_s, double rate);
void dam_trend_break(struct dam_trend *t);
double dam_trend_level(const struct dam_trend *t);
double dam_trend_rise(const struct dam_trend *t, double horizon_s);

/* engine.c */
void dam_engine_sample(struct dam_policy *p, unsigned int e, double dt_s,
		       const struct dam_policy_engine_sample *s);
void dam_engine_tick(struct dam_policy *p, double dt_s);
double dam_engine_base_latency(const struct dam_policy *p, unsigned int e, double op_bytes);
double dam_engine_distance(const struct dam_policy *p, unsigned int e, unsigned int domain);
double dam_engine_head_room(const struct dam_policy *p, const struct dam_engine *en);
bool dam_engine_is_foreign(const struct dam_engine *en, enum dam_policy_class class);
bool dam_engine_admits(const struct dam_engine *en, uint64_t needs, enum dam_policy_class class);

/* capacity.c */
void dam_capacity_learn(const struct dam_policy *p, struct dam_engine *en, const struct dam_block *b);
void dam_capacity_tick(struct dam_policy *p, double dt_s);
double dam_engine_capacity(const struct dam_engine *en, double written);
double dam_engine_view(const struct dam_engine *en);
void dam_engine_mix(struct dam_policy *p);
double dam_engine_fastest(const struct dam_engine *en);
bool dam_engine_untried(const struct dam_engine *en);
double dam_engine_work(const struct dam_engine *en, double written);
double dam_engine_largest(const struct dam_policy *p, int pool, unsigned int e, double written);

/* thread.c */
void dam_thread_sample(struct dam_policy *p, unsigned int t, double dt_s,
		       const struct dam_policy_thread_sample *s);
void dam_thread_tick(struct dam_policy *p, double dt_s);
bool dam_thread_active(const struct dam_thread *th);
void dam_thread_cost(const struct dam_policy *p, unsigned int t, unsigned int e, unsigned int domain,
		     bool slow, struct dam_cost_thread *out);
void dam_thread_cost_at(const struct dam_policy *p, unsigned int t, unsigned int e, unsigned int domain,
			struct dam_cost_thread *inout);

/* locality.c */
void dam_locality_tick(struct dam_policy *p);
bool dam_locality_watch(const struct dam_policy *p, struct dam_thread *th, double dt_s);

/* Index of the component at step @depth above the engine; DAM_POLICY_NONE: there is none. */
static inline int dam_component_above(const struct dam_policy *p, const struct dam_engine *en, unsigned int depth)
{
	unsigned int c = en->desc.component[depth];

	return c && c <= p->cfg.max_components ? (int)c - 1 : DAM_POLICY_NONE;
}

/* component.c */
void dam_component_limits(struct dam_policy *p, double dt_s);
void dam_component_demand(struct dam_policy *p);
double dam_component_asked(const struct dam_component *k);

/* tree.c */
void dam_tree_open(struct dam_tree *t, struct dam_policy *p, const unsigned int *engines, unsigned int nr, bool slow);
void dam_tree_put(struct dam_tree *t, unsigned int e, const struct dam_cost_thread *ct);
void dam_tree_close(struct dam_tree *t, const unsigned int *engines, unsigned int nr);
void dam_tree_change(struct dam_tree *t, unsigned int e, const struct dam_cost_thread *ct, int sign,
		     struct dam_tree_save *save);
void dam_tree_undo(struct dam_tree *t, const struct dam_tree_save *save);
double dam_tree_load(const struct dam_tree *t, unsigned int e);
double dam_tree_engine_load(const struct dam_tree *t, unsigned int e);
double dam_tree_overflow(const struct dam_tree *t, unsigned int e);
bool dam_tree_flooded(const struct dam_tree *t, unsigned int e);

/* trigger.c */
double dam_trigger_gap(const struct dam_policy *p, const struct dam_engine *a, const struct dam_engine *b);
bool dam_trigger_tick(struct dam_policy *p, double dt_s, const struct dam_policy_forecast *forecast);

/* plan.c, weigh.c, locality.c */
void dam_plan_sort(struct dam_policy *p);
unsigned int dam_plan_pool(struct dam_policy *p, int pool, struct dam_policy_move *moves, unsigned int done,
			   unsigned int max);
void dam_plan_favour(const struct dam_policy *p, struct dam_policy_move *m);
void dam_plan_side_costs(const struct dam_policy *p, unsigned int t, unsigned int to, double nr,
			 struct dam_policy_terms *terms);
unsigned int dam_plan_locality(struct dam_policy *p, struct dam_policy_move *moves, unsigned int done,
			       unsigned int max);
bool dam_domain_has_cpu(const struct dam_policy *p, const struct dam_thread *th, unsigned int to);
void dam_domain_move(struct dam_policy *p, const struct dam_thread *th, unsigned int from, unsigned int to);
double dam_locality_crowding(const struct dam_policy *p, const struct dam_thread *th, unsigned int to);

/* power.c */
bool dam_power_asleep(const struct dam_policy *p, unsigned int d);
bool dam_power_kept_awake(const struct dam_policy *p, unsigned int package);
unsigned int dam_power_gather(struct dam_policy *p, double dt_s, struct dam_policy_move *moves, unsigned int done,
			      unsigned int max);
double dam_power_term(const struct dam_policy *p, const struct dam_thread *th, unsigned int to);

/* explain.c */
void dam_explain_tick(struct dam_policy *p);
void dam_explain_open(struct dam_policy *p, const struct dam_policy_decision *d);
void dam_explain_option(struct dam_policy *p, const struct dam_policy_option *o);
void dam_explain_close(struct dam_policy *p, const struct dam_policy_move *winner, int index,
		       enum dam_policy_verdict verdict);
void dam_explain_exchange(struct dam_policy *p, unsigned int first, unsigned int e, enum dam_policy_verdict verdict);
void dam_explain_renumber(struct dam_policy *p, unsigned int first, const int *map);

/* commit.c */
void dam_plan_commit(struct dam_policy *p, const struct dam_policy_move *m);

#endif
