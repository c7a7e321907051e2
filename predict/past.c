/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The ring of values and of their running sums. */
#include "config.h"
#include "predict/past.h"

#include <math.h>

#include "predict/minmax.h"

static unsigned int slots(unsigned int horizon)
{
	unsigned int n = DAM_PAST_MIN;

	/* A member that learns from a horizon that has ended looks some values further back. */
	while (n < horizon + 32)
		n *= 2;
	return n;
}

size_t dam_past_size(unsigned int horizon)
{
	return 2 * slots(horizon) * sizeof(double);
}

void dam_past_init(struct dam_past *past, unsigned int horizon, void *mem)
{
	unsigned int n = slots(horizon);

	*past = (struct dam_past){
		.horizon = horizon,
		.mask = n - 1,
		.pos = n - 1,
		.value = mem,
		.sum = (double *)mem + n,
	};
}

void dam_past_push(struct dam_past *past, double y)
{
	past->pos = (past->pos + 1) & past->mask;
	past->value[past->pos] = y;
	past->sum[past->pos] = past->pos ? past->sum[past->pos - 1] + y : y;
	if (past->nr <= past->mask)
		past->nr++;
}

double dam_past_mean(const struct dam_past *past, unsigned int ago, unsigned int n)
{
	unsigned int last = (past->pos - ago) & past->mask;
	unsigned int first = (last - n + 1) & past->mask;
	double sum = past->sum[last] - (first ? past->sum[first - 1] : 0);

	if (first > last) /* the lap ends in between */
		sum += past->sum[past->mask];
	return dam_max(sum / n, 0);
}
