/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Analogues: what followed the moments that were most like this one (Lorenz, Atmospheric Predictability as Revealed by
 * Naturally Occurring Analogues, 1969), as a mean weighted by likeness (kernel regression, Nadaraya and Watson, 1964).
 *
 * How unlike now is a moment one lag ago? The mean square of the differences between the latest values and those one
 * lag before them, in which the last five count most: one recursion per lag. Programs repeat themselves, but not by
 * the clock, which is where it does better than one period.
 */
#include "config.h"
#include "predict/members.h"

#define LAGS  512   /* moments looked at; with half as many errors grow by 1 % */
#define BLOCK 16    /* lags come in blocks of constant length, which compilers turn into vector code */
#define NEWEST 0.2f /* share of the latest difference: five values tell a moment, 3 or 10 change errors by 1 % */
/* A moment this share of the usual mean square away has a sixteenth of the weight of one that is the same. Sharp,
 * since the mix has smooth members enough: 0.05 loses 2 %, 0.001 gains nothing. */
#define NEAR 0.003f
#define TINY 1e-30f /* no mean square is below it: what decays further slows a processor down a hundred times */

struct analog {
	unsigned int nr, at;  /* moments held; slot of the latest, from which time runs back */
	float usual;	      /* mean of apart */
	float root[2 * LAGS]; /* of a value, which tames bursts; held twice, so that a run never wraps */
	float after[2 * LAGS]; /* the mean of the horizon after it */
	float apart[LAGS];    /* by lag from the horizon on: how unlike now it was then */
};

/* A value whose horizon has ended. */
static void push(struct analog *s, const struct dam_past *past)
{
	s->at = s->at ? s->at - 1 : LAGS - 1;
	s->root[s->at] = s->root[s->at + LAGS] = (float)sqrt(dam_past_value(past, past->horizon));
	s->after[s->at] = s->after[s->at + LAGS] = (float)dam_past_mean(past, 0, past->horizon);
	if (s->nr < LAGS)
		s->apart[s->nr++] = s->usual; /* of a lag that is new nothing is known */
}

static float total(const float *lanes)
{
	float sum = 0;

	for (unsigned int l = 0; l < BLOCK; l++)
		sum += lanes[l];
	return sum;
}

/* A function of its own, whose arguments are told apart: else there would be no vector code. */
static inline void compare_block(const float *restrict root, float *restrict apart, float *restrict sum, float now)
{
	for (unsigned int l = 0; l < BLOCK; l++) {
		const float d = now - root[l];

		apart[l] += NEWEST * (d * d - apart[l]) + TINY;
		sum[l] += apart[l];
	}
}

/* Now has become another moment. */
static void compare(struct analog *s, unsigned int known, float now)
{
	float sum[BLOCK] = {0};

	for (unsigned int from = 0; from < known; from += BLOCK)
		compare_block(&s->root[s->at + from], &s->apart[from], sum, now);
	s->usual = total(sum) / (float)known;
}

/* Return: the mean of what came after, by likeness; or @otherwise, if nothing was like it. */
static double weigh(const struct analog *s, unsigned int known, double otherwise)
{
	const float near = NEAR * s->usual;
	float weight[BLOCK] = {0}, sum[BLOCK] = {0}, all;

	for (unsigned int from = 0; from < known; from += BLOCK) {
		const float *after = &s->after[s->at + from], *apart = &s->apart[from];

		for (unsigned int l = 0; l < BLOCK; l++) {
			float like = near / (near + apart[l]);

			like *= like;
			like *= like;
			weight[l] += like;
			sum[l] += like * after[l];
		}
	}
	all = total(weight);
	return all > 0 ? (double)(total(sum) / all) : otherwise;
}

static double analog_update(void *state, const struct dam_past *past)
{
	struct analog *s = state;
	/* While there is nothing to compare, the newer half of all: what programs begin with is soon forgotten. */
	double mean = dam_past_mean(past, 0, (past->nr + 1) / 2);
	unsigned int known;

	if (past->nr > past->horizon)
		push(s, past);
	known = s->nr / BLOCK * BLOCK;
	if (!known)
		return mean;
	compare(s, known, (float)sqrt(dam_past_value(past, 0)));
	return weigh(s, known, mean);
}

const struct dam_predict_member dam_predict_analog = {
	.name = "analog",
	.help = "what followed the moments most like this one",
	.prior = 2,
	.memory = INFINITY,
	.size = sizeof(struct analog),
	.update = analog_update,
};
