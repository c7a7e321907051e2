/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * A ladder of means: half-lives of 2, 8 and 128 intervals.
 *
 * The best memory differs from series to series by orders of magnitude (best half-lives are bimodal: around 1 or above
 * 100), and between two steps the mix interpolates. More steps cost more in weights to learn than they gain.
 */
#include "config.h"
#include "predict/members.h"

struct mean {
	double alpha, mean, nr;
};

static double follow(struct mean *s, double y, double half_life, double start)
{
	if (s->alpha == 0)
		s->alpha = 1 - exp2(-1 / half_life);
	s->nr++;
	s->mean += dam_max(s->alpha, start) * (y - s->mean);
	return s->mean;
}

/*
 * The short ones begin as means that weigh the k-th value by k (Shamir and Zhang, Stochastic Gradient Descent for
 * Non-smooth Optimization, 2013, polynomial-decay averaging), so that an odd first value is soon forgotten; the
 * long ones begin as the plain mean of all there is.
 */
static double short_mean(struct mean *s, const struct dam_past *past, double half_life)
{
	return follow(s, dam_past_value(past, 0), half_life, 2 / (s->nr + 2));
}

static double long_mean(struct mean *s, const struct dam_past *past, double half_life)
{
	return follow(s, dam_past_value(past, 0), half_life, 1 / (s->nr + 1));
}

#define MEAN(half_life, how)                                                             \
	static double update##half_life(void *state, const struct dam_past *past)        \
	{                                                                                \
		return how(state, past, half_life);                                      \
	}                                                                                \
	const struct dam_predict_member dam_predict_mean##half_life = {                  \
		.name = "mean" #half_life,                                               \
		.help = "exponentially weighted mean, half-life " #half_life " intervals", \
		.prior = 1,                                                              \
		.memory = half_life / 0.693, /* 1/α */                                   \
		.size = sizeof(struct mean),                                             \
		.update = update##half_life,                                             \
	}

MEAN(2, short_mean);
MEAN(8, short_mean);
MEAN(128, long_mean);
