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

#include <string.h>

#define LAGS  512   /* moments looked at; with half as many errors grow by 1 % */
#define BLOCK 16    /* moments are looked at from so many on, and so many more at a time */
#define PAIR  8     /* of quads: two sums of their own, so that none waits for the other */
#define NEWEST 0.2f /* share of the latest difference: five values tell a moment, 3 or 10 change errors by 1 % */
/* A moment this share of the usual mean square away has a sixteenth of the weight of one that is the same. Sharp,
 * since the mix has smooth members enough: 0.05 loses 2 %, 0.001 gains nothing. */
#define NEAR 0.003f
/* No mean square is left below it: what decays further slows a processor down a hundred times. Once in so many values
 * will do, in which a mean square falls to a millionth. */
#define TINY  1e-30f
#define FLOOR 64

typedef float quad __attribute__((vector_size(16))); /* what any vector unit takes: most time is spent here */

struct analog {
	unsigned int nr, at;  /* moments held; slot of the latest, from which time runs back */
	float usual;	      /* mean of apart */
	float root[2 * LAGS]; /* of a value, which tames bursts; held twice, so that a run never wraps */
	float after[2 * LAGS]; /* the mean of the horizon after it */
	_Alignas(16) float apart[LAGS]; /* by lag from the horizon on: how unlike now it was then, ÷ NEWEST */
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

static inline quad load(const float *from)
{
	quad q;

	memcpy(&q, from, sizeof(q));
	return q;
}

static inline void store(float *to, quad q)
{
	memcpy(to, &q, sizeof(q));
}

static inline float total(quad a, quad b)
{
	a += b;
	return a[0] + a[1] + a[2] + a[3];
}

static inline quad fourth(quad q)
{
	q *= q;
	return q * q;
}

/* Return: how unlike now four moments have become. */
static inline quad compare_quad(float *apart, const float *root, float now)
{
	const quad d = now - load(root), is = (1 - NEWEST) * load(apart) + d * d;

	store(apart, is);
	return is;
}

/* Now has become another moment. */
static void compare(struct analog *s, unsigned int known, float now)
{
	const float *root = &s->root[s->at];
	quad a = {0}, b = {0};

	for (unsigned int l = 0; s->at % FLOOR == 0 && l < known; l++)
		s->apart[l] += TINY;
	for (unsigned int l = 0; l < known; l += PAIR) {
		a += compare_quad(&s->apart[l], &root[l], now);
		b += compare_quad(&s->apart[l + 4], &root[l + 4], now);
	}
	s->usual = total(a, b) / (float)known;
}

/* Return: the mean of what came after, by likeness; or @otherwise, if nothing was like it. */
static double weigh(const struct analog *s, unsigned int known, double otherwise)
{
	const float *after = &s->after[s->at], *apart = s->apart;
	const float scale = 1 / (NEAR * s->usual);
	quad wa = {0}, wb = {0}, sa = {0}, sb = {0};
	float all;

	for (unsigned int l = 0; l < known; l += PAIR) {
		const quad a = 1 + load(&apart[l]) * scale, b = 1 + load(&apart[l + 4]) * scale;
		const quad both = 1 / (a * b); /* one division for two: no lag is further than LAGS ÷ NEAR */
		const quad la = fourth(both * b), lb = fourth(both * a);

		wa += la;
		wb += lb;
		sa += la * load(&after[l]);
		sb += lb * load(&after[l + 4]);
	}
	all = total(wa, wb);
	return all > 0 ? (double)(total(sa, sb) / all) : otherwise;
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
