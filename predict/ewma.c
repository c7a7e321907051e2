/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Exponentially weighted means with half-lives of 32 ms and 200 ms, whatever the interval is. */
#include "config.h"
#include "predict/members.h"

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
static double ewma_update(void *state, const struct dam_past *past)
{
	struct ewma *s = state;
	double y = dam_past_value(past, 0);

	s->mean = s->seen ? s->mean + s->alpha * (y - s->mean) : y;
	s->seen = true;
	return s->mean;
}

/* Not mixed: the ladder of means.c has the same in steps that fit any interval. */
#define EWMA(ms)                                                       \
	const struct dam_predict_member dam_predict_ewma##ms = {       \
		.name = "ewma" #ms,                                    \
		.help = "exponentially weighted mean, half-life " #ms " ms", \
		.size = sizeof(struct ewma),                           \
		.init = ewma##ms##_init,                               \
		.update = ewma_update,                                 \
	}

EWMA(32);
EWMA(200);
