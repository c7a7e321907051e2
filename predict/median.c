/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Medians of the last 100 intervals: of single values, and of means over a horizon. */
#include "config.h"
#include "predict/members.h"

#include "predict/sorted.h"

#define WINDOW 100 /* long enough for a steady median, short enough to leave an old phase within a second */

struct median {
	unsigned int nr, next;
	float ring[WINDOW];   /* in order of time */
	float sorted[WINDOW]; /* the same, ascending */
};

static double add(struct median *s, float v)
{
	unsigned int mid;

	if (s->nr < WINDOW)
		dam_sorted_insert(s->sorted, s->nr++, v);
	else
		dam_sorted_replace(s->sorted, s->nr, s->ring[s->next], v);
	s->ring[s->next] = v;
	s->next = s->next + 1 < WINDOW ? s->next + 1 : 0;
	mid = s->nr / 2;
	if (s->nr % 2)
		return (double)s->sorted[mid];
	return ((double)s->sorted[mid - 1] + (double)s->sorted[mid]) / 2;
}

static double median_update(void *state, const struct dam_past *past)
{
	return add(state, (float)dam_past_value(past, 0));
}

static double hmedian_update(void *state, const struct dam_past *past)
{
	unsigned int n = past->nr < past->horizon ? past->nr : past->horizon;

	return add(state, (float)dam_past_mean(past, 0, n));
}

const struct dam_predict_member dam_predict_median = {
	.name = "median",
	.help = "median of the last 100 values",
	/* A burst, as programs begin with, leaves it alone, at every horizon: with a third as much for both medians, bursty
	 * disks are forecast 2 % worse at long horizons, all together 0.7 %. */
	.prior = 10,
	.memory = INFINITY,
	.size = sizeof(struct median),
	.update = median_update,
};

const struct dam_predict_member dam_predict_hmedian = {
	.name = "hmedian",
	.help = "median of the last 100 means over a horizon",
	.prior = 20, /* for the same reason; it knows the horizon, too */
	.memory = INFINITY,
	.size = sizeof(struct median),
	.update = hmedian_update,
};
