/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Kalman filter of a local level (a random walk seen through noise), whose two variances are estimated online.
 *
 * y_t = m_t + e_t, var r;  m_t = m_(t-1) + w_t, var q. Then d_t = y_t - y_(t-1) has the autocovariances
 * c0 = q + 2r and c1 = -r, so r = -c1 and q = c0 + 2 c1 (method of moments; Harvey, Forecasting, Structural
 * Time Series Models and the Kalman Filter, 1989, 2.4.1). No slope: it almost never helps and may explode.
 */
#include "config.h"
#include "predict/members.h"

#include <math.h>

/* Differences remembered by the two autocovariances: long enough to tell q from r, short enough to
 * notice that the program has changed its phase. */
#define MEMORY 100.0
/* Squares of this stay finite; no rate comes near it. */
#define LIMIT 1e150

struct kalman {
	double mean, var;  /* of the level */
	double y, diff;	   /* last value, last difference */
	double c0, c1, nr; /* sums with memory; the ratio of the first two is all that matters */
	bool seen;
};

static void kalman_init(void *state, double interval_s, unsigned int horizon)
{
	(void)state, (void)interval_s, (void)horizon;
}

static void learn_noise(struct kalman *s, double diff)
{
	double gain;

	s->nr = fmin(s->nr + 1, MEMORY);
	gain = 1 / s->nr;
	s->c0 += gain * (diff * diff - s->c0);
	s->c1 += gain * (diff * s->diff - s->c1);
	s->diff = diff;
}

static void kalman_update(void *state, double y)
{
	struct kalman *s = state;
	double r, q, gain;

	y = fmin(y, LIMIT);
	if (!s->seen) {
		s->mean = s->y = y;
		s->seen = true;
		return;
	}
	learn_noise(s, y - s->y);
	s->y = y;
	r = fmax(0, -s->c1);
	q = fmax(0, s->c0 - 2 * r);
	s->var += q;
	gain = s->var + r > 0 ? s->var / (s->var + r) : 1;
	s->mean += gain * (y - s->mean);
	s->var *= 1 - gain;
}

static double kalman_mean(const void *state)
{
	const struct kalman *s = state;

	return fmax(0, s->mean);
}

const struct dam_predict_member dam_predict_kalman = {
	.name = "kalman",
	.init = kalman_init,
	.update = kalman_update,
	.mean = kalman_mean,
};
