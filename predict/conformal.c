/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Split conformal bound over a sliding window (Vovk et al., Algorithmic Learning in a Random World, 2005), with
 * the adaptive level of Gibbs and Candès (Adaptive Conformal Inference Under Distribution Shift, 2021): residuals
 * of overlapping horizons depend on one another, and without the steering the bound covers 85 % instead of 90.
 */
#include "config.h"
#include "predict/conformal.h"

#include <math.h>
#include <string.h>

#include "predict/sorted.h"

#define COVERAGE 0.90
/* Of the level: a bound that always misses rises through the upper tenth of the residuals in six intervals. */
#define STEP 0.02
/* Levels above 1 ask for more than any residual held: each 0.01 widens the bound by a tenth, up to 11 times. */
#define TOP   2.0
#define WIDEN 10.0

void dam_conformal_init(struct dam_conformal *c)
{
	memset(c, 0, sizeof(*c));
	c->level = COVERAGE;
}

void dam_conformal_add(struct dam_conformal *c, float residual, bool missed)
{
	if (c->nr < DAM_PREDICT_RESIDUALS)
		dam_sorted_insert(c->sorted, c->nr++, residual);
	else
		dam_sorted_replace(c->sorted, c->nr, c->ring[c->next], residual);
	c->ring[c->next] = residual;
	c->next = (c->next + 1) % DAM_PREDICT_RESIDUALS;
	c->level += STEP * ((missed ? 1 : 0) - (1 - COVERAGE));
	c->level = fmin(fmax(c->level, 0.5), TOP);
}

double dam_conformal_margin(const struct dam_conformal *c)
{
	unsigned int rank;

	/* With n residuals the best bound that can be given holds n/(n+1) of the time. */
	if ((c->nr + 1) * (1 - COVERAGE) < 1)
		return INFINITY;
	rank = (unsigned int)ceil((c->nr + 1) * c->level);
	if (rank > c->nr)
		return fmax(0, (double)c->sorted[c->nr - 1]) * (1 + WIDEN * fmax(0, c->level - 1));
	return fmax(0, (double)c->sorted[rank - 1]);
}
