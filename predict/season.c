/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Seasonal: where the series repeats itself, what came one period ago; where it does not, a long mean.
 *
 * The autocorrelation of up to 255 lags is kept online. The period is the highest peak that stands out of what lies
 * before it; the forecast goes as far from the mean towards the last period as the correlation says.
 */
#include "config.h"
#include "predict/members.h"

#define LAGS   256
#define BLOCK  16
#define MEMORY 512 /* intervals: two of the longest periods */
#define SEARCH 8     /* the period is looked for every so many updates: it takes long to change */
#define RISE   0.2f  /* a peak stands out by this correlation; noise of 512 values stays below 0.1 */
#define LEAST  0.1f
#define WILD   1e15f /* values are held in units of the first one; above this their squares would overflow */

struct season {
	double mean, unit;
	unsigned int nr;     /* saturates at MEMORY */
	unsigned int age;    /* updates since the period was looked for */
	unsigned int period; /* 0: none */
	float strength;	     /* correlation at the period */
	unsigned int at;     /* of the latest value in recent, which runs back in time from there; */
	float recent[2 * LAGS]; /* held twice, so that a run of LAGS never wraps */
	float corr[LAGS];    /* covariance at each lag */
};

static void push(struct season *s, double y)
{
	float v;

	if (s->unit <= 0)
		s->unit = y;
	v = s->unit > 0 ? (float)fmin(y / s->unit, (double)WILD) : 0;
	s->at = s->at ? s->at - 1 : LAGS - 1;
	s->recent[s->at] = s->recent[s->at + LAGS] = v;
}

/* A block of constant length, which compilers turn into vector code. */
static void correlate(float *restrict corr, const float *restrict recent, float mean, float d, float gain)
{
	for (unsigned int l = 0; l < BLOCK; l++)
		corr[l] += gain * (d * (recent[l] - mean) - corr[l]);
}

static void find_period(struct season *s, unsigned int known)
{
	const float *c = s->corr;
	float least = c[1], best = LEAST * c[0];

	s->age = 0;
	s->period = 0;
	if (c[0] <= 0)
		return;
	for (unsigned int l = 2; l < LAGS - 1 && 2 * l < known; l++) {
		least = fminf(least, c[l]);
		if (c[l] > best && c[l] >= c[l - 1] && c[l] >= c[l + 1] && c[l] - least > RISE * c[0]) {
			best = c[l];
			s->period = l;
		}
	}
	s->strength = fminf(best / c[0], 1);
}

/* The mean over the horizon if the last period came again and again. */
static double again(const struct season *s, const struct dam_past *past)
{
	unsigned int h = past->horizon, p = s->period, rest = h % p;
	double sum = 0;

	if (h >= p)
		sum = (h - rest) * dam_past_mean(past, 0, p);
	if (rest)
		sum += rest * dam_past_mean(past, p - rest, rest);
	return sum / h;
}

static double season_update(void *state, const struct dam_past *past)
{
	struct season *s = state;
	double y = dam_past_value(past, 0), gain;
	unsigned int known = past->nr < LAGS ? past->nr : LAGS;
	float mean, d;

	s->nr += s->nr < MEMORY;
	gain = fmax(1.0 / MEMORY, 2.0 / (s->nr + 1)); /* begins as a mean that weighs the k-th value by k */
	s->mean += gain * (y - s->mean);
	push(s, y);
	if (s->unit <= 0)
		return s->mean;
	mean = (float)fmin(s->mean / s->unit, (double)WILD);
	d = s->recent[s->at] - mean;
	for (unsigned int l = 0; l < known; l += BLOCK)
		correlate(&s->corr[l], &s->recent[s->at + l], mean, d, (float)gain);
	if (++s->age >= SEARCH)
		find_period(s, past->nr);
	if (!s->period)
		return s->mean;
	return fmax(0, s->mean + (double)s->strength * (again(s, past) - s->mean));
}

const struct dam_predict_member dam_predict_season = {
	.name = "season",
	.help = "the last period again, found by autocorrelation",
	.prior = 1,
	.memory = INFINITY,
	.size = sizeof(struct season),
	.update = season_update,
};
