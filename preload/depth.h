/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * How much is in flight, over time: what Little's law needs for a mean latency, with a clock read at samples only.
 *
 * A sample is the time from one submission to the next on the same ring. In it, at most what was in flight after the
 * first is (if the program reaps just before it submits again, as one that waits for completions does), and at least
 * what was left before the second. Samples are weighted by their length, so that submissions in quick succession do
 * not count for more than the long wait after the last of them. How near the truth is to the upper bound shows in how
 * busy the program is when it need not wait.
 */
#ifndef DAM_PRELOAD_DEPTH_H
#define DAM_PRELOAD_DEPTH_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/self.h"

/* A ring, as seen at one moment. */
struct dam_depth {
	uintptr_t ring;	   /* which */
	uint32_t inflight; /* submitted, and not yet taken back by the program */
	uint32_t ready;	   /* of these, completed */
	uint32_t fresh;	   /* of these, submitted by the call just made, and in flight from its end on only */
	bool good;	   /* reads and writes alone, each with one completion */
};

/* The program has forbidden itself to read the clock of the processor. */
extern bool dam_depth_blind;

/** dam_depth_wanted() - is dam_depth_before() to be called for this submission? */
static inline bool dam_depth_wanted(void)
{
	return DAM_UNLIKELY(!dam_self.countdown) && dam_self.depth_due;
}

/** dam_depth_before() - a submission that is to be sampled begins: the end of a sample, or the start of one */
void dam_depth_before(struct dam_slot *s, const struct dam_depth *now);

/**
 * dam_depth_after() - it is made
 *
 * Where dam_account_sample_slow() says so, and after that: the next submission is to be sampled, too.
 */
void dam_depth_after(const struct dam_depth *now);

#endif
