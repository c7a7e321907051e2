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
#define MEMORY 512 /* intervals: two of the longest periods */
#define BATCH  8   /* values are taken together, then the period is looked for: it takes long to change */
#define RING   (LAGS + BATCH)
#define RISE   0.3f  /* a peak stands out by this correlation; noise of 512 values stays below 0.1 */
#define LEAST  0.1f
#define WILD   1e15f /* values are held in units of the first one; above this their squares would overflow */

struct season {
	double mean, unit;
	unsigned int nr;     /* saturates at MEMORY */
	unsigned int period; /* 0: none */
	float strength;	     /* correlation at the period */
	unsigned int at;     /* of the latest value in recent, which runs back in time from there */
	float recent[2 * RING]; /* held twice, so that a run never wraps */
	float corr[LAGS];    /* covariance at each lag, without the values that wait: */
	unsigned int waiting;
	float keep, shift;   /* what they will do to each covariance: corr · keep + Σ share · value - shift */
	float share[BATCH];  /* of each, the oldest first */
};

static void push(struct season *s, double y)
{
	float v;

	if (s->unit <= 0)
		s->unit = y;
	v = s->unit > 0 ? (float)dam_min(y / s->unit, (double)WILD) : 0;
	s->at = s->at ? s->at - 1 : RING - 1;
	s->recent[s->at] = s->recent[s->at + RING] = v;
}

/* One more value waits: each covariance is to go the share @gain of the way to its product, less the mean. */
static void hold(struct season *s, float mean, float gain)
{
	const float by = gain * (s->recent[s->at] - mean);

	if (!s->waiting) {
		s->keep = 1;
		s->shift = 0;
	}
	for (unsigned int k = 0; k < s->waiting; k++)
		s->share[k] *= 1 - gain;
	s->share[s->waiting++] = by;
	s->keep *= 1 - gain;
	s->shift = s->shift * (1 - gain) + by * mean;
}

/* Written out, as compilers turn it into vector code: one pass for all values that wait. */
static void correlate(float *restrict corr, const float *restrict recent, const float *restrict w, float keep,
		      float shift)
{
	for (unsigned int l = 0; l < LAGS; l++)
		corr[l] = keep * corr[l] - shift +
			  (w[0] * recent[l + 7] + w[1] * recent[l + 6] + w[2] * recent[l + 5] + w[3] * recent[l + 4]) +
			  (w[4] * recent[l + 3] + w[5] * recent[l + 2] + w[6] * recent[l + 1] + w[7] * recent[l]);
}

static void find_period(struct season *s, unsigned int known)
{
	const float *c = s->corr;
	float least = c[1], best = LEAST * c[0];

	s->period = 0;
	if (c[0] <= 0)
		return;
	for (unsigned int l = 2; l < LAGS - 1 && 2 * l < known; l++) {
		least = dam_minf(c[l], least);
		if (c[l] > best && c[l] >= c[l - 1] && c[l] >= c[l + 1] && c[l] - least > RISE * c[0]) {
			best = c[l];
			s->period = l;
		}
	}
	s->strength = dam_minf(best / c[0], 1);
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

	s->nr += s->nr < MEMORY;
	gain = dam_max(1.0 / MEMORY, 2.0 / (s->nr + 1)); /* begins as a mean that weighs the k-th value by k */
	s->mean += gain * (y - s->mean);
	push(s, y);
	if (s->unit <= 0)
		return s->mean;
	hold(s, (float)dam_min(s->mean / s->unit, (double)WILD), (float)gain);
	if (s->waiting == BATCH) {
		correlate(s->corr, &s->recent[s->at], s->share, s->keep, s->shift);
		s->waiting = 0;
		find_period(s, past->nr);
	}
	if (!s->period)
		return s->mean;
	return dam_max(s->mean + (double)s->strength * (again(s, past) - s->mean), 0);
}

static bool season_awake(const void *state)
{
	const struct season *s = state;

	return s->period > 0;
}

const struct dam_predict_member dam_predict_season = {
	.name = "season",
	.help = "the last period again, found by autocorrelation",
	.prior = 1,
	.memory = INFINITY,
	.size = sizeof(struct season),
	.update = season_update,
	.awake = season_awake,
};
