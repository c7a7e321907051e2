/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Autoregression of order 8 by recursive least squares, direct: the mean over the horizon is regressed on the eight
 * latest values, all less their slow mean, so that with nothing learnt it forecasts that mean.
 *
 * On sparse series the covariance of a naive one winds up until a single value throws the forecast off by orders of
 * magnitude. Here its trace is bounded, and so is the forecast, by what the series has been lately.
 */
#include "config.h"
#include "predict/members.h"

#include <string.h>

#define ORDER 8
/* Half-life of the evidence, in intervals and in horizons: some ten independent errors per coefficient. */
#define MEMORY	       500.0
#define MEMORY_HORIZONS 20.0
#define MEAN_MEMORY    256.0
/* Of the covariance, in units of 1 ÷ the series' mean square: what is not known to begin with, and at most. */
#define START 10.0
#define MOST  1e4
/* Mean squares below this are rounding. */
#define LEAST 1e-200

struct ar {
	struct dam_range range;
	double keep;	    /* of the evidence, per interval */
	double mean, square; /* slow */
	double nr;
	bool on;
	double coef[ORDER];
	double cov[ORDER][ORDER];
};

static void ar8_init(void *state, double interval_s, unsigned int horizon)
{
	struct ar *s = state;

	(void)interval_s;
	s->keep = exp2(-1 / dam_max(MEMORY, MEMORY_HORIZONS * horizon));
}

static void lags(const struct ar *s, const struct dam_past *past, unsigned int ago, double *x)
{
	for (unsigned int i = 0; i < ORDER; i++)
		x[i] = dam_past_value(past, ago + i) - s->mean;
}

static double dot(const double *a, const double *b)
{
	double sum = 0;

	for (unsigned int i = 0; i < ORDER; i++)
		sum += a[i] * b[i];
	return sum;
}

static void restart(struct ar *s)
{
	memset(s->coef, 0, sizeof(s->coef));
	memset(s->cov, 0, sizeof(s->cov));
	for (unsigned int i = 0; i < ORDER; i++)
		s->cov[i][i] = START / s->square;
}

static void scale(struct ar *s, double by)
{
	for (unsigned int i = 0; i < ORDER; i++)
		for (unsigned int j = 0; j < ORDER; j++)
			s->cov[i][j] *= by;
}

/* What the values a horizon ago should have forecast. */
static void learn(struct ar *s, const double *x, double truth)
{
	double px[ORDER], error = truth - dot(s->coef, x), gain, trace = 0, most;

	for (unsigned int i = 0; i < ORDER; i++)
		px[i] = dot(s->cov[i], x);
	gain = 1 / (s->keep + dot(x, px));
	for (unsigned int i = 0; i < ORDER; i++) {
		const double g = gain * px[i];

		s->coef[i] += error * g;
		for (unsigned int j = 0; j < ORDER; j++)
			s->cov[i][j] = (s->cov[i][j] - g * px[j]) * (1 / s->keep);
		trace += s->cov[i][i];
	}
	most = MOST / s->square;
	if (!(trace > 0 && isfinite(dot(s->coef, s->coef)))) /* rounding has won */
		restart(s);
	else if (trace > most)
		scale(s, most / trace);
}

static double ar8_update(void *state, const struct dam_past *past)
{
	struct ar *s = state;
	double y = dam_past_value(past, 0), gain, x[ORDER];

	dam_range_add(&s->range, y);
	s->nr++;
	gain = dam_max(1 / MEAN_MEMORY, 2 / (s->nr + 1));
	s->mean += gain * (y - s->mean);
	s->square += gain * (y * y - s->square);
	if (past->nr < past->horizon + ORDER || s->square < LEAST)
		return y;
	if (!s->on)
		restart(s);
	s->on = true;
	lags(s, past, past->horizon, x);
	learn(s, x, dam_past_mean(past, 0, past->horizon) - s->mean);
	lags(s, past, 0, x);
	return dam_range_clamp(&s->range, s->mean + dot(s->coef, x));
}

/* Not mixed: it fits the past too well. With it the mix is 2 % worse, and so is each forecast of a change. */
const struct dam_predict_member dam_predict_ar8 = {
	.name = "ar8",
	.help = "autoregression of order 8 by recursive least squares",
	.size = sizeof(struct ar),
	.init = ar8_init,
	.update = ar8_update,
};
