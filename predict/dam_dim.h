/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Dynamic interrupt moderation (Net DIM and RDMA DIM) for drivers in user space: how long a device
 * may hold back an interrupt or completion, found by trying profiles and comparing throughput. The
 * public header of libdam_dim.
 *
 * A device counts events (interrupts), packets, bytes and completions. dam_dim_update() compares
 * the rates of the last 64 events with those before, and now and then picks another profile; the
 * machine then stands still until the device has applied it and says so by dam_dim_rearm(). With a
 * struct dam_dim_worker the device registers a callback for that, which runs in the worker's
 * thread; without one the caller of dam_dim_update() does it itself.
 */
#ifndef DAM_DIM_H
#define DAM_DIM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DAM_DIM_EVENTS	 64 /* events that a measurement takes at least */
#define DAM_DIM_RATE_MAX (UINT64_MAX / 1000) /* counts and rates above it are taken as this */

/* What a device is set to. Custom profiles may have other units: only the device looks inside. */
struct dam_dim_profile {
	uint32_t usec; /* wait at most so long after the first packet */
	uint32_t pkts; /* or until there are so many packets (RDMA: completions) */
};

/* How profiles are judged and searched. */
enum dam_dim_algorithm {
	DAM_DIM_NET,  /* bytes, then packets, then events; rests at the best profile */
	DAM_DIM_RDMA, /* completions, then completions per event; never rests */
};

/* An algorithm with profiles from the mildest to the strongest moderation. */
struct dam_dim_preset {
	const char *name; /* "rx-eqe" */
	enum dam_dim_algorithm algorithm;
	uint32_t nr_profiles;
	const struct dam_dim_profile *profile;
};

/* Where the machine stands in its cycle. */
enum dam_dim_state {
	DAM_DIM_START_MEASURE,	     /* the next sample is the baseline */
	DAM_DIM_MEASURE_IN_PROGRESS, /* waiting for DAM_DIM_EVENTS events */
	DAM_DIM_APPLY_NEW_PROFILE,   /* samples are ignored until dam_dim_rearm() */
};

/* What the search does. */
enum dam_dim_tune {
	DAM_DIM_PARKING_ON_TOP, /* rests until the rates change */
	DAM_DIM_PARKING_TIRED,	/* rests for some measurements after 10 steps */
	DAM_DIM_GOING_RIGHT,	/* towards stronger moderation */
	DAM_DIM_GOING_LEFT,
};

/* What dam_dim_update() did. */
enum dam_dim_decision {
	DAM_DIM_NOTHING = -1, /* no measurement has ended */
	DAM_DIM_KEPT = 0,     /* one has, and the profile stays */
	DAM_DIM_CHANGED = 1,  /* one has, and another profile is to be applied */
};

enum dam_dim_verdict {
	DAM_DIM_UNJUDGED, /* no comparison was made */
	DAM_DIM_WORSE,
	DAM_DIM_SAME,
	DAM_DIM_BETTER,
};

/* Free-running counters of a device, read together. They may start anywhere and wrap at 2^64. */
struct dam_dim_sample {
	uint64_t time_us; /* of any clock that does not go back */
	uint64_t events;  /* interrupts, or rounds of polling */
	uint64_t packets; /* operations */
	uint64_t bytes;
	uint64_t comps; /* completions; Net DIM decides without them */
};

/* Rates of one measurement, each at most DAM_DIM_RATE_MAX and rounded up. */
struct dam_dim_stats {
	uint64_t bpms;	    /* bytes per millisecond */
	uint64_t ppms;	    /* packets */
	uint64_t epms;	    /* events: DAM_DIM_EVENTS in the time taken, however many there were */
	uint64_t cpms;	    /* completions; Net DIM: of all since the counter was 0 */
	uint64_t cpe_ratio; /* completions per 100 events, rounded down */
};

/* One machine; the caller's, made by dam_dim_init(). To be read, but changed by functions only. */
struct dam_dim {
	uint32_t state;	     /* enum dam_dim_state; atomic: the worker sets it */
	uint32_t tune;	     /* enum dam_dim_tune */
	uint32_t profile_ix; /* the profile in use, or to be applied */
	uint32_t nr_profiles;
	uint32_t steps_left, steps_right, tired;
	uint32_t verdict;	    /* enum dam_dim_verdict: of the last measurement that ended */
	struct dam_dim_stats stats; /* of that measurement */
	struct dam_dim_stats prev;  /* what the next one is compared with */
	struct dam_dim_sample baseline;
	enum dam_dim_algorithm algorithm;
	const struct dam_dim_profile *profile;
	void (*schedule)(struct dam_dim *dim); /* private: set by dam_dim_register() */
	struct dam_dim_work *work;	       /* private */
};

/**
 * dam_dim_preset() - the default profiles
 * @i: 0, 1, … until NULL is returned: rx-eqe, rx-cqe, tx-eqe, tx-cqe (the period starts at the
 * last event, or at the last completion) and rdma
 */
const struct dam_dim_preset *dam_dim_preset(unsigned int i);

/** dam_dim_preset_find() - the preset of this name, or NULL. */
const struct dam_dim_preset *dam_dim_preset_find(const char *name);

/**
 * dam_dim_init() - make a machine that is about to measure
 * @dim: the caller's; whatever is in it is overwritten, so never one that is registered
 * @preset: a default or the caller's own; its profiles have to outlive @dim, itself need not
 * @start_ix: the profile that the device is set to now
 *
 * Return: 0; -EINVAL: no profiles, @start_ix is beyond them, or the algorithm is unknown.
 */
int dam_dim_init(struct dam_dim *dim, const struct dam_dim_preset *preset, unsigned int start_ix);

/** dam_dim_current() - the profile in use; after DAM_DIM_CHANGED the one to be applied. */
struct dam_dim_profile dam_dim_current(const struct dam_dim *dim);

/**
 * dam_dim_update() - tell the counters
 *
 * A zero time since the baseline ends no measurement, whatever the counters say.
 *
 * Return: DAM_DIM_CHANGED: the machine stands still until dam_dim_rearm(). A registered callback
 * has been queued; if there is none, apply dam_dim_current() and re-arm.
 *
 * Context: one thread at a time for each @dim. Never blocks, takes no lock, allocates nothing;
 * wakes the worker by at most one futex call, and only when the profile changes.
 */
enum dam_dim_decision dam_dim_update(struct dam_dim *dim, const struct dam_dim_sample *sample);

/**
 * dam_dim_rearm() - the profile has been applied, or refused: measure again from the next sample
 *
 * Does nothing unless a profile was waiting.
 * Context: any thread; usually the last act of the callback.
 */
void dam_dim_rearm(struct dam_dim *dim);

/**
 * dam_dim_compare() - are these rates better than those?
 *
 * In this order, the first that differs by more than 10 % of @prev decides: more bytes are better,
 * more packets are better, fewer events are better. Percent are whole numbers, so 10.9 % are 10.
 * If there were no bytes before, any are better, and none end the comparison: the same; so for
 * packets. Units are the caller's, as long as both have the same. Completions do not count.
 */
enum dam_dim_verdict dam_dim_compare(const struct dam_dim_stats *curr,
				     const struct dam_dim_stats *prev);

/* A thread that applies profiles, for any number of devices. */
struct dam_dim_worker;

/**
 * dam_dim_worker_create() - start a worker
 * Its thread has all signals blocked and is named "dam-dim".
 * Return: 0 and *@out; -ENOMEM; -EAGAIN: no more threads.
 */
int dam_dim_worker_create(struct dam_dim_worker **out);

/**
 * dam_dim_worker_destroy() - stop a worker and wait for its thread
 * @worker: may be NULL; every machine registered with it has been unregistered
 * Context: not the worker's own thread.
 */
void dam_dim_worker_destroy(struct dam_dim_worker *worker);

/**
 * dam_dim_register() - have a device's profiles applied by a worker
 * @dim: made by dam_dim_init(), not registered, with no dam_dim_update() going on
 * @apply: sets the device to @profile, then calls dam_dim_rearm(); it may block. Until the machine
 * is re-armed, in this call or later from anywhere, it is not called again for this @dim.
 * @arg: handed to @apply
 *
 * Return: 0; -EINVAL: no @apply; -EBUSY: registered already; -ENOMEM.
 */
int dam_dim_register(struct dam_dim_worker *worker, struct dam_dim *dim,
		     void (*apply)(struct dam_dim *dim, struct dam_dim_profile profile, void *arg),
		     void *arg);

/**
 * dam_dim_unregister() - drop what is queued for @dim, wait for its callback, and forget it
 * @dim: with no dam_dim_update() going on. Nothing happens unless it is registered. If a callback
 * was dropped, the machine still stands at DAM_DIM_APPLY_NEW_PROFILE.
 * Context: any thread; from the callback itself it does not wait.
 */
void dam_dim_unregister(struct dam_dim *dim);

#ifdef __cplusplus
}
#endif
#endif
