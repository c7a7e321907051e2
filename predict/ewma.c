/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Exponentially weighted means with half-lives of 32 ms and 200 ms, whatever the interval is. */
#include "config.h"
#include "predict/members.h"

#include <math.h>

struct ewma {
	double alpha, mean;
	bool seen;
};

static void ewma_start(struct ewma *s, double interval_s, double half_life_s)
{
	s->alpha = 1 - exp2(-interval_s / half_life_s);
}

static void ewma32_init(void *state, double interval_s, unsigned int horizon)
{
	(void)horizon;
	ewma_start(state, interval_s, 0.032);
}

static void ewma200_init(void *state, double interval_s, unsigned int horizon)
{
	(void)horizon;
	ewma_start(state, interval_s, 0.200);
}

/* The first value is the mean so far: no start-up bias towards 0. */
static void ewma_update(void *state, double y)
{
	struct ewma *s = state;

	s->mean = s->seen ? s->mean + s->alpha * (y - s->mean) : y;
	s->seen = true;
}

static double ewma_mean(const void *state)
{
	const struct ewma *s = state;

	return s->mean;
}

const struct dam_predict_member dam_predict_ewma32 = {
	.name = "ewma32",
	.init = ewma32_init,
	.update = ewma_update,
	.mean = ewma_mean,
};

const struct dam_predict_member dam_predict_ewma200 = {
	.name = "ewma200",
	.init = ewma200_init,
	.update = ewma_update,
	.mean = ewma_mean,
};
