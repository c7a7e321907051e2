/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Two means of a rate, and the share of the way from the slow to the fast one that would have forecast the mean over
 * the horizon best: least squares with one coefficient, learnt once per horizon, so that irregular intervals are
 * nothing special. What adapts is how long the past counts, which is what series differ in most.
 */
#include "config.h"
#include "predict/blend.h"

#include <math.h>

#include "predict/minmax.h"

#define KEEP  0.95 /* of the evidence, per horizon: some twenty count */
#define PRIOR 2.0  /* horizons' worth of evidence for the fast mean, of a usual difference or of that of now */

void dam_blend_add(struct dam_blend *b, double dt_s, double amount, double fast, double slow, double horizon_s)
{
	double way, right;

	if (!(dt_s > 0) || !isfinite(dt_s) || !isfinite(amount))
		return;
	b->sum += amount;
	b->time += dt_s;
	if (b->time < horizon_s)
		return;
	if (b->nr > 0) {
		way = b->fast - b->slow;
		right = b->sum / b->time - b->slow;
		b->reach = KEEP * b->reach + way * way;
		b->towards = KEEP * b->towards + way * right;
	}
	b->nr = KEEP * b->nr + 1;
	b->sum = b->time = 0;
	b->fast = fast;
	b->slow = slow;
}

double dam_blend_mean(const struct dam_blend *b, double fast, double slow)
{
	double way = fast - slow, prior;

	if (!(b->reach > 0))
		return fast;
	/* what noise has taught says nothing of a difference that noise never made */
	prior = PRIOR * dam_max(b->reach / b->nr, way * way);
	return slow + dam_min(dam_max((b->towards + prior) / (b->reach + prior), 0), 1) * way;
}
