/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Mean latency of a thread whose rings are hooked, by Little's law; "unknown" where it does not hold. */
#ifndef DAM_TOOLS_COORD_DEPTH_H
#define DAM_TOOLS_COORD_DEPTH_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/layout.h"

/* The slot's depth_ fields, in its order and units: see shm/layout.h. */
enum coord_depth_sum {
	DEPTH_SPAN,
	DEPTH_BLIND,
	DEPTH_SUM,
	DEPTH_SQUARE,
	DEPTH_FALL,
	DEPTH_READY,
	DEPTH_OUTSIDE,
	DEPTH_SAMPLES,
	DEPTH_OFFERS,
	DEPTH_LEFT,
	DEPTH_BUSY,
	DEPTH_NR,
};

/* Zeroed at first. Plain data. */
struct coord_depth {
	uint64_t raw[DEPTH_NR], raw_ops, raw_empty, raw_calls; /* as last read */
	bool seen;			 /* the above are valid */
	double sum[DEPTH_NR];		 /* of what they grew by */
	bool active;			 /* it has submitted, */
	double held_s;			 /* so long ago */
	double time_s, ops;		 /* submitted in that time, pauses apart */
	double empty, calls;		 /* of which from an empty ring, and in all */
	double asked_s, awaited_s;	 /* of held_s: when it was asked after last, and found waiting for completions */
	double doubt_s;			 /* longer without a submission, pauses or not */
};

/** coord_depth_take() - what grew in slot @s in the last @dt_s */
void coord_depth_take(struct coord_depth *d, const struct dam_slot *s, double dt_s);

/**
 * coord_depth_asks() - is it to be found out whether the thread waits for completions just now?
 *
 * It has not submitted for long, and the slot may not tell whether that is the device's doing. Seldom, however long.
 */
bool coord_depth_asks(const struct coord_depth *d);

/** coord_depth_told() - the answer; if it does, what it submitted last is in flight until now */
void coord_depth_told(struct coord_depth *d, bool awaits);

/** coord_depth_latency() - mean time from submission until the program takes the completion, in s. NaN: unknown. */
double coord_depth_latency(const struct coord_depth *d);

#endif
