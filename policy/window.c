/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Means over time: decayed windows, bounded or growing in-flight work, noise of a load. */
#include "config.h"

#include <math.h>

#include "policy/model.h"

#define WINDOW_OPS	8.0 /* a window holds at least as many operations … */
#define WINDOW_LONGEST	1.0 /* … but its half-life stays below this, seconds */
#define BOUND_TIME	0.15 /* a block is this long (two of them pass before the first plan), … */
#define BOUND_OPS	8.0 /* … with so many operations, … */
#define BOUND_LONGEST	0.3 /* … but no longer than this */
#define BOUND_MEMORY	0.8 /* of the operations of earlier blocks */
#define BOUND_GRANULE	1.5  /* operations that bounded in-flight work may wobble by, … */
#define BOUND_WOBBLE	0.1  /* … or by this share of it, … */
#define BOUND_GROWTH	0.05 /* … if submissions exceed completions by less than 5 %. By more: open loop at once; else if it goes on */
#define ELASTIC_TIME	0.03 /* a block to compare rates by is this long, and so many latencies, … */
#define ELASTIC_TURNS	2.0
#define ELASTIC_OPS	16.0 /* … with so many operations, … */
#define ELASTIC_LONGEST 2.0  /* … in no more time than this */
#define ELASTIC_CHANGE	0.3  /* of ln R: what less of it does to a rate is lost in noise */
#define STIFF		0.3  /* -d ln x/d ln R below which a rate does not follow, … */
#define ELASTIC		0.7  /* … and above which it does; Q/(Z + R) has R/(Z + R) */
#define NOISE_BLOCK	0.2  /* seconds */
#define NOISE_MEMORY	25.0 /* blocks */
#define TREND_TAU	0.04 /* seconds, of each smoothing */
#define TREND_AGE	6.0  /* such times until a slope is one … */
#define TREND_NOISE	25.0 /* … and how many the scatter is remembered for */
#define TREND_SIGMAS	4.0

double dam_decay(double dt_s, double half_life_s)
{
	return exp2(-dt_s / half_life_s);
}

void dam_window_add(struct dam_window *w, double dt_s, double bytes, double written, double ops, double wait_s,
		    double half_life_s)
{
	double half_life = half_life_s, keep;

	if (w->ops < WINDOW_OPS)
		half_life = fmin(half_life_s * WINDOW_OPS / fmax(w->ops, 1e-3),
				 fmax(half_life_s, WINDOW_LONGEST));
	keep = dam_decay(dt_s, half_life);
	w->time = w->time * keep + dt_s;
	w->bytes = w->bytes * keep + bytes;
	w->written = w->written * keep + written;
	w->ops = w->ops * keep + ops;
	w->wait = w->wait * keep + wait_s;
}

/* A window of fixed half-life, so that two of them can be compared. */
void dam_window_add_plain(struct dam_window *w, double dt_s, double bytes, double half_life_s)
{
	double keep = dam_decay(dt_s, half_life_s);

	w->time = w->time * keep + dt_s;
	w->bytes = w->bytes * keep + bytes;
}

double dam_window_rate(const struct dam_window *w)
{
	return w->time > 0 ? w->bytes / w->time : 0;
}

double dam_window_ops(const struct dam_window *w)
{
	return w->time > 0 ? w->ops / w->time : 0;
}

void dam_bound_reset(struct dam_bound_watch *b)
{
	*b = (struct dam_bound_watch){.max = -1, .start = -1};
}

/*
 * Has in-flight work changed since the watch began? A closed loop fills its queue and keeps it full; growth adds up over
 * the blocks, so that a slow one is seen too. Growth by as much as an overload brings in, or growth that goes on, is open.
 * A block in which nothing was submitted shows a thread that waits, if what it has in flight takes longer than that;
 * else it had nothing to do. Work that becomes less, be it from a peak that two blocks share, is a backlog that is
 * worked off, and shows nothing of who waits for what.
 */
static enum dam_bound judge(struct dam_bound_watch *b, double latency_s)
{
	double grown = b->max - b->start, few;
	bool begun = b->start >= 0, grew = b->grew;

	b->recent = b->recent * BOUND_MEMORY + b->ops;
	few = fmax(BOUND_GRANULE, fmin(BOUND_WOBBLE * b->start, BOUND_GROWTH * b->recent));
	if (b->max < 0)
		return latency_s > b->time ? DAM_BOUND_YES : DAM_BOUND_UNKNOWN;
	if (begun && fabs(grown) <= few && b->max - b->last <= few)
		return DAM_BOUND_YES;
	b->start = b->max;
	b->grew = begun && grown > 0;
	return b->grew && (grew || grown > BOUND_GROWTH * b->recent) ? DAM_BOUND_NO : DAM_BOUND_UNKNOWN;
}

/*
 * One more observation while the engine is saturated; an answer at the end of a block. @inflight NaN: none;
 * @latency_s: of an operation there
 */
enum dam_bound dam_bound_add(struct dam_bound_watch *b, double dt_s, double ops, double inflight, double latency_s)
{
	enum dam_bound answer = DAM_BOUND_UNKNOWN;

	if (b->time >= BOUND_LONGEST || (b->time >= BOUND_TIME && b->ops >= BOUND_OPS)) {
		answer = judge(b, latency_s);
		b->time = b->ops = 0;
		b->max = -1;
	}
	b->time += dt_s;
	b->ops += ops;
	if (inflight > b->max)
		b->max = inflight;
	if (inflight >= 0)
		b->last = inflight;
	return answer;
}

/*
 * Beside closed loops, open demand has bounded work in flight too: they give way to it until all fits. So what tells is
 * whether a rate follows the latency. One more observation; an answer wherever the latency has changed enough.
 */
void dam_elastic_add(struct dam_elastic *s, double dt_s, double bytes, double ops, double latency_s)
{
	double rate, latency, change, follows;

	if (!(latency_s > 0) || !isfinite(latency_s))
		return;
	s->time += dt_s;
	s->bytes += bytes;
	s->ops += ops;
	s->wait += latency_s * dt_s;
	if (s->time < ELASTIC_LONGEST &&
	    (s->time < fmax(ELASTIC_TIME, ELASTIC_TURNS * latency_s) || s->ops < ELASTIC_OPS))
		return;
	rate = s->ops >= ELASTIC_OPS ? s->bytes / s->time : 0;
	latency = s->wait / s->time;
	s->time = s->bytes = s->ops = s->wait = 0;
	if (rate > 0 && s->rate > 0) {
		change = log(latency / s->latency);
		if (fabs(change) < ELASTIC_CHANGE)
			return;
		follows = -log(rate / s->rate) / change;
		s->stiff = follows < STIFF || (s->stiff && follows < ELASTIC);
	}
	s->rate = rate;
	s->latency = latency;
}

/*
 * sigma² = E d²/2 over the first differences of block means: a plain variance would swallow the very step
 * that is looked for. Starts from "no noise"; the threshold is the floor until more is known.
 */
void dam_noise_add(struct dam_noise *n, double dt_s, double value)
{
	double mean, d;

	n->time += dt_s;
	n->sum += dt_s * value;
	if (n->time < NOISE_BLOCK)
		return;
	mean = n->sum / n->time;
	d = mean - n->prev;
	if (n->has_prev)
		n->var += (d * d / 2 - n->var) / NOISE_MEMORY;
	n->prev = mean;
	n->has_prev = true;
	n->time = n->sum = 0;
}

/* The load changes by our own doing: no difference across this point. */
void dam_noise_break(struct dam_noise *n)
{
	n->time = n->sum = 0;
	n->has_prev = false;
}

/*
 * Level and slope by double exponential smoothing (Brown, Statistical Forecasting for Inventory Control, 1959): on a
 * steady rise the first mean lags by tau times the slope, the second by twice as much.
 */
void dam_trend_add(struct dam_trend *t, double dt_s, double rate)
{
	double keep = exp(-dt_s / TREND_TAU), forget = exp(-dt_s / (TREND_NOISE * TREND_TAU));
	double off = rate - dam_trend_level(t);

	if (t->age_s <= 0)
		t->once = t->twice = rate;
	else
		t->var = t->var * forget + off * off * (1 - forget);
	t->age_s += dt_s;
	t->once = t->once * keep + rate * (1 - keep);
	t->twice = t->twice * keep + t->once * (1 - keep);
}

/* The load changes by our own doing. */
void dam_trend_break(struct dam_trend *t)
{
	t->age_s = 0;
}

double dam_trend_level(const struct dam_trend *t)
{
	return 2 * t->once - t->twice;
}

/* By how much the rate will have risen at the horizon; 0: by nothing that the scatter could not be. */
double dam_trend_rise(const struct dam_trend *t, double horizon_s)
{
	double rise = (t->once - t->twice) / TREND_TAU * horizon_s;

	return t->age_s >= TREND_AGE * TREND_TAU && rise >= TREND_SIGMAS * sqrt(t->var) ? rise : 0;
}
