/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * One series: all members side by side, the one with the least decayed loss speaks.
 *
 * Every interval the forecasts made a horizon ago meet the mean of the values since. The loss is the squared
 * error: the absolute one rewards forecasting zero on sparse series, and what hurts a placement is the large miss.
 */
#include "config.h"
#include "predict/predict.h"

#include <math.h>
#include <string.h>

#include "predict/conformal.h"

/* No rate comes near it; its square is finite, and so is it as a float. */
#define LIMIT 1e30
/* Half-life of the losses in horizons, but never fewer intervals than below: errors within one horizon are
 * one piece of evidence, not many. */
#define LOSS_HORIZONS  5.0
#define LOSS_INTERVALS 50.0
/* Trusted: a mean squared error at least this much below last value's, over this many scored forecasts. */
#define TRUST_RATIO 0.9
#define TRUST_SCORED 30

struct dam_predictor {
	_Alignas(16) unsigned char state[DAM_PREDICT_MEMBERS][DAM_PREDICT_STATE];
	double loss[DAM_PREDICT_MEMBERS];
	double decay;		 /* of the losses, per interval */
	double sum;		 /* of the values in the ring */
	unsigned int horizon;
	unsigned int pos;	 /* slot of all rings that is overwritten next */
	unsigned int filled;	 /* slots in use, at most horizon */
	unsigned int scored;	 /* saturates at TRUST_SCORED */
	unsigned int chosen;
	struct dam_conformal conformal;
	/* Rings of horizon slots each: the values as double, then as float the forecasts of each member, the
	 * ensemble's and its bound. */
	_Alignas(16) double values[];
};

static unsigned int clamp_horizon(unsigned int horizon)
{
	if (horizon < 1)
		return 1;
	return horizon < DAM_PREDICT_HORIZON_MAX ? horizon : DAM_PREDICT_HORIZON_MAX;
}

static unsigned int nr_members(void)
{
	unsigned int nr;

	dam_predict_members(&nr);
	return nr;
}

static float *ring(struct dam_predictor *p, unsigned int i)
{
	return (float *)(p->values + p->horizon) + (size_t)i * p->horizon;
}

size_t dam_predict_size(unsigned int horizon)
{
	size_t h = clamp_horizon(horizon);
	size_t size = sizeof(struct dam_predictor) + h * sizeof(double) +
		      h * (nr_members() + 2) * sizeof(float);

	return (size + 15) & ~(size_t)15;
}

struct dam_predictor *dam_predict_init(void *mem, double interval_s, unsigned int horizon)
{
	struct dam_predictor *p = mem;
	unsigned int nr;
	const struct dam_predict_member *const *m = dam_predict_members(&nr);

	memset(mem, 0, dam_predict_size(horizon));
	p->horizon = clamp_horizon(horizon);
	p->decay = exp2(-1 / fmax(LOSS_INTERVALS, LOSS_HORIZONS * p->horizon));
	dam_conformal_init(&p->conformal);
	for (unsigned int i = 0; i < nr; i++)
		m[i]->init(p->state[i], interval_s, p->horizon);
	return p;
}

/* Ring the value; the sum is made afresh on each wrap, so that rounding never adds up. */
static void push_value(struct dam_predictor *p, double y)
{
	p->sum += y - p->values[p->pos];
	p->values[p->pos] = y;
	if (p->pos + 1 == p->horizon) {
		p->sum = 0;
		for (unsigned int i = 0; i < p->horizon; i++)
			p->sum += p->values[i];
	}
}

/* The forecasts in the slot at pos were made one horizon ago: compare them with what came. */
static void score(struct dam_predictor *p, unsigned int nr)
{
	double truth = fmax(0, p->sum / p->horizon);
	float made = ring(p, nr)[p->pos];
	float bound = ring(p, nr + 1)[p->pos];

	for (unsigned int i = 0; i < nr; i++) {
		double err = truth - (double)ring(p, i)[p->pos];

		p->loss[i] = p->decay * p->loss[i] + err * err;
	}
	dam_conformal_add(&p->conformal, (float)truth - made, (float)truth > bound);
	if (p->scored < TRUST_SCORED)
		p->scored++;
	p->chosen = 0;
	for (unsigned int i = 1; i < nr; i++)
		if (p->loss[i] < p->loss[p->chosen])
			p->chosen = i;
}

void dam_predict_update(struct dam_predictor *p, double y)
{
	unsigned int nr;
	const struct dam_predict_member *const *m = dam_predict_members(&nr);
	struct dam_forecast f;

	if (!isfinite(y) || y < 0)
		return;
	y = fmin(y, LIMIT);
	push_value(p, y);
	for (unsigned int i = 0; i < nr; i++)
		m[i]->update(p->state[i], y);
	if (p->filled == p->horizon)
		score(p, nr);
	else
		p->filled++;
	dam_predict_get(p, &f);
	for (unsigned int i = 0; i < nr; i++)
		ring(p, i)[p->pos] = (float)m[i]->mean(p->state[i]);
	ring(p, nr)[p->pos] = (float)f.mean;
	ring(p, nr + 1)[p->pos] = (float)f.p90;
	p->pos = (p->pos + 1) % p->horizon;
}

void dam_predict_get(const struct dam_predictor *p, struct dam_forecast *out)
{
	unsigned int nr;
	const struct dam_predict_member *const *m = dam_predict_members(&nr);

	out->mean = p->filled ? m[p->chosen]->mean(p->state[p->chosen]) : 0;
	out->p90 = out->mean + dam_conformal_margin(&p->conformal);
	out->member = m[p->chosen]->name;
	out->trusted = p->scored == TRUST_SCORED &&
		       p->loss[p->chosen] < TRUST_RATIO * p->loss[0];
}
