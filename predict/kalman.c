/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Kalman filters of a local level, without and with a damped trend, whose variances are estimated online.
 *
 * y_t = m_t + e_t, var r;  m_t = m_(t-1) + φ b_(t-1) + w_t, var q;  b_t = φ b_(t-1) + v_t, var u. Then
 * d_t = y_t - y_(t-1) has the autocovariances c0 = B + q + 2r, c1 = φB - r, c2 = φ²B with B = u/(1 - φ²), the
 * variance of the slope; solved for r, q and u (method of moments; Harvey, Forecasting, Structural Time Series
 * Models and the Kalman Filter, 1989, 2.4.1). Without a trend B = 0. An undamped one may explode.
 */
#include "config.h"
#include "predict/members.h"

/* Differences remembered by the autocovariances: long enough to tell q from r, short enough to notice that the
 * program has changed its phase. */
#define MEMORY 100.0
/* The level's variance is at least this share of the noise's: a level that never moves would stay for ever where a
 * spike has left it. A memory of some 30 intervals. */
#define LEAST_Q 1e-3
/* A slope halves within seven intervals: at 0.9 a trend helps where there is one and costs little where not. */
#define PHI 0.9

struct noise {
	double y, d1, d2;      /* last value, last two differences */
	double c0, c1, c2, nr; /* means with memory */
	double r, q, u;
};

struct kalman {
	struct noise noise;
	struct dam_range range;
	double m, b;	       /* level and slope */
	double mm, mb, bb;     /* their covariances */
	double ahead;	       /* of the slope, in the mean over the horizon */
	bool seen;
};

static void learn_noise(struct noise *n, double y, double phi)
{
	double d = y - n->y, gain, slope = 0;

	n->nr = dam_min(n->nr + 1, MEMORY);
	gain = 1 / n->nr;
	n->c0 += gain * (d * d - n->c0);
	n->c1 += gain * (d * n->d1 - n->c1);
	n->c2 += gain * (d * n->d2 - n->c2);
	n->d2 = n->d1;
	n->d1 = d;
	n->y = y;
	if (phi > 0)
		slope = dam_min(dam_max(n->c2 / (phi * phi), 0), n->c0);
	n->r = dam_max(phi * slope - n->c1, 0);
	n->q = dam_max(LEAST_Q * n->r, n->c0 - slope - 2 * n->r);
	n->u = slope * (1 - phi * phi);
}

/* One step: foresee, correct by what came. The variances are those known before it came. */
static void filter(struct kalman *s, double y, double phi)
{
	double mm = s->mm + 2 * phi * s->mb + phi * phi * s->bb + s->noise.q;
	double mb = phi * (s->mb + phi * s->bb);
	double bb = phi * phi * s->bb + s->noise.u;
	double all = mm + s->noise.r;
	double gain_m = all > 0 ? mm / all : 1, gain_b = all > 0 ? mb / all : 0;
	double error = y - (s->m + phi * s->b);

	s->m += phi * s->b + gain_m * error;
	s->b = phi * s->b + gain_b * error;
	s->mm = mm * (1 - gain_m);
	s->mb = mb * (1 - gain_m);
	s->bb = bb - gain_b * mb;
}

static double follow(struct kalman *s, double y, double phi)
{
	dam_range_add(&s->range, y);
	if (!s->seen) {
		s->m = s->noise.y = y;
		s->seen = true;
	} else {
		filter(s, y, phi);
		learn_noise(&s->noise, y, phi);
	}
	return dam_range_clamp(&s->range, s->m + s->ahead * s->b);
}

static double kalman_update(void *state, const struct dam_past *past)
{
	return follow(state, dam_past_value(past, 0), 0);
}

static double trend_update(void *state, const struct dam_past *past)
{
	return follow(state, dam_past_value(past, 0), PHI);
}

/* The mean over k = 1 … h of φ + φ² + … + φ^k. */
static void trend_init(void *state, double interval_s, unsigned int horizon)
{
	struct kalman *s = state;

	(void)interval_s;
	s->ahead = PHI / (1 - PHI) * (1 - PHI * (1 - pow(PHI, horizon)) / (1 - PHI) / horizon);
}

const struct dam_predict_member dam_predict_kalman = {
	.name = "kalman",
	.help = "Kalman filter of a level",
	.prior = 1,
	.memory = 5, /* where its noise is small, which is where it is better than a mean */
	.size = sizeof(struct kalman),
	.update = kalman_update,
};

/* Not mixed: it costs a percent on real series, whose slopes hardly last. */
const struct dam_predict_member dam_predict_trend = {
	.name = "trend",
	.help = "Kalman filter of a level with a damped trend",
	.size = sizeof(struct kalman),
	.init = trend_init,
	.update = trend_update,
};
