/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Counters as drivers tell them, and what they do: move, stand idle, wrap, begin anew, refresh once a second, stand
 * still although there is work. Pure: the time comes in as an argument.
 */
#ifndef DAM_HAL_TRACK_H
#define DAM_HAL_TRACK_H

#include <stdbool.h>
#include <stdint.h>

/* Which counters an engine has; a counter whose bit is missing is 0 and means nothing. */
enum dam_hal_have {
	DAM_HAVE_BYTES = 1, DAM_HAVE_OPS = 2, DAM_HAVE_BUSY = 4, DAM_HAVE_WAIT = 8, DAM_HAVE_INFLIGHT = 16,
	DAM_HAVE_INFLIGHT_BYTES = 32,
};

/* Monotonic totals since the device appeared, but for inflight, which is an instant value. */
struct dam_hal_counters {
	unsigned int have;	/* bits of enum dam_hal_have */
	unsigned int untrusted; /* the same, none of them in `have`: values to be shown, and not to be used */
	uint64_t read_bytes, write_bytes;
	uint64_t read_ops, write_ops;
	uint64_t busy_ns;  /* time with at least one operation in flight */
	uint64_t wait_ns;  /* sum over completed operations of their latency (resolution: ms for block) */
	uint32_t inflight; /* operations */
	uint64_t inflight_bytes;
};

enum dam_counter_state {
	DAM_COUNTERS_NONE,   /* none that moves with work */
	DAM_COUNTERS_IDLE,   /* nothing is done, and nothing counted */
	DAM_COUNTERS_MOVING,
	DAM_COUNTERS_COARSE, /* refreshed at intervals: between them they say nothing */
	DAM_COUNTERS_STILL,  /* there is work, and nothing is counted: they are no use */
	DAM_COUNTERS_GONE,
};

struct dam_track {
	uint64_t modulus;	     /* 32-bit counters wrap at 2^32 of their unit: in bytes; 0: 2^32 */
	bool lazy;		     /* look for a driver that refreshes slowly */
	enum dam_counter_state state;
	struct dam_hal_counters raw; /* as the driver told last */
	struct dam_hal_counters sum; /* as users see them */
	uint64_t seen_ns;	     /* 0: never */
	uint64_t moved_ns;
	uint64_t gap_ns;	     /* between the last two movements */
	unsigned int gaps;	     /* that were alike, in a row */
	uint64_t work_ns;	     /* since when there has been work without movement; 0: there is none */
	uint64_t expect_ns;	     /* when somebody said last that there is */
	unsigned int wraps, resets;
};

/**
 * dam_track_take() - one more sample of the driver's counters
 * @now_ns: CLOCK_MONOTONIC, > 0
 * @out: what to use: totals that never go backwards
 *
 * Return: 0; -EAGAIN between two refreshes of a driver that is slow: the next answer covers the time since the last.
 */
int dam_track_take(struct dam_track *t, const struct dam_hal_counters *raw, uint64_t now_ns,
		   struct dam_hal_counters *out);

/** dam_track_expect() - somebody knows of work for the engine: its counters ought to move. */
void dam_track_expect(struct dam_track *t, uint64_t now_ns);

/** dam_counter_state_name() - "idle", "moving", …; static. */
const char *dam_counter_state_name(enum dam_counter_state s);

#endif
