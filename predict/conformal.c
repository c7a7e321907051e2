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

#define COVERAGE 0.90
#define STEP	 0.005 /* of the level per miss; 200 intervals to correct a bound that always misses by 1 */

void dam_conformal_init(struct dam_conformal *c)
{
	memset(c, 0, sizeof(*c));
	c->level = COVERAGE;
}

/* Index of the first sorted residual >= v. */
static unsigned int lower_bound(const struct dam_conformal *c, float v)
{
	unsigned int lo = 0, hi = c->nr;

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;

		if (c->sorted[mid] < v)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void forget_oldest(struct dam_conformal *c)
{
	unsigned int i = lower_bound(c, c->ring[c->next]);

	c->nr--;
	memmove(&c->sorted[i], &c->sorted[i + 1], (c->nr - i) * sizeof(c->sorted[0]));
}

void dam_conformal_add(struct dam_conformal *c, float residual, bool missed)
{
	unsigned int i;

	if (c->nr == DAM_PREDICT_RESIDUALS)
		forget_oldest(c);
	i = lower_bound(c, residual);
	memmove(&c->sorted[i + 1], &c->sorted[i], (c->nr - i) * sizeof(c->sorted[0]));
	c->sorted[i] = residual;
	c->nr++;
	c->ring[c->next] = residual;
	c->next = (c->next + 1) % DAM_PREDICT_RESIDUALS;
	c->level += STEP * ((missed ? 1 : 0) - (1 - COVERAGE));
	c->level = fmin(fmax(c->level, 0.5), 1);
}

double dam_conformal_margin(const struct dam_conformal *c)
{
	unsigned int rank;

	/* With n residuals the best bound that can be given holds n/(n+1) of the time. */
	if ((c->nr + 1) * (1 - COVERAGE) < 1)
		return INFINITY;
	rank = (unsigned int)ceil((c->nr + 1) * c->level);
	if (rank > c->nr)
		rank = c->nr;
	return fmax(0, (double)c->sorted[rank - 1]);
}
