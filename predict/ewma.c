/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Exponentially weighted means with half-lives of 32 ms and 200 ms, whatever the interval is; and between the two. */
#include "config.h"
#include "predict/blend.h"
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

struct two {
	struct ewma fast, slow;
	double interval_s;
	struct dam_blend blend;
};

static void blend_init(void *state, double interval_s, unsigned int horizon)
{
	struct two *s = state;

	s->interval_s = interval_s;
	ewma32_init(&s->fast, interval_s, horizon);
	ewma200_init(&s->slow, interval_s, horizon);
}

static double blend_update(void *state, const struct dam_past *past)
{
	struct two *s = state;
	double fast = ewma_update(&s->fast, past), slow = ewma_update(&s->slow, past);

	/* half an interval less, lest rounding make the horizon one longer */
	dam_blend_add(&s->blend, s->interval_s, dam_past_value(past, 0) * s->interval_s, fast, slow,
		      (past->horizon - 0.5) * s->interval_s);
	return dam_blend_mean(&s->blend, fast, slow);
}

/* What policy/ forecasts a thread's demand with; it is cheap, and no match for the mix. */
const struct dam_predict_member dam_predict_blend = {
	.name = "blend",
	.help = "between ewma32 and ewma200, as is done for threads",
	.size = sizeof(struct two),
	.init = blend_init,
	.update = blend_update,
};
