/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Mean in flight ÷ rate = mean latency. The rate is exact; of what is in flight, samples give an upper bound that holds
 * for a program which waits, reaps and submits again, and how far below it the truth may lie for one that does not.
 */
#include "config.h"
#include "tools/coord/depth.h"

#include <math.h>
#include <stddef.h>

#include "shm/ledger.h"

#define PAUSE_S	  0.1  /* longer without a submission, from an empty ring on: a pause, not a rate */
#define MIN_OPS	  100  /* fewer say little of a mean */
#define MIN_S	  0.05 /* a few ticks: their ends are not the program's */
#define MAX_BLIND 0.05 /* share of the time of which nothing is known */
#define OFTEN_EMPTY 0.1 /* share of submissions */
#define AWAITED	  0.7  /* share of a pause, from its beginning: it was the device's */
#define ASK_AGAIN 1.2  /* times as far into a pause */
#define MAX_WIDTH 0.13 /* of the bounds, as a share of the upper one: the middle is taken */
#define MIN_OFFERS 20  /* samples in which the program need not wait, to tell what it does then */
#define STEADY	  0.1  /* deviation of the depth, as a share of its mean, of a program that keeps it up */

_Static_assert(offsetof(struct dam_slot, depth_busy) - offsetof(struct dam_slot, depth_span) ==
		       DEPTH_BUSY * sizeof(uint64_t),
	       "the slot's order");

static bool often_empty(const struct coord_depth *d)
{
	return d->empty >= OFTEN_EMPTY * d->calls; /* or nothing is known of it yet */
}

/* It is the device that it waits for. */
static bool stalled(const struct coord_depth *d)
{
	return d->awaited_s > 0 && d->awaited_s >= AWAITED * d->held_s;
}

static void take_sums(struct coord_depth *d, const struct dam_slot *s)
{
	for (unsigned int i = 0; i < DEPTH_NR; i++) {
		uint64_t raw = __atomic_load_n(&s->depth_span + i, __ATOMIC_RELAXED);

		if (d->seen)
			d->sum[i] += (double)dam_count_delta(raw, d->raw[i]);
		d->raw[i] = raw;
	}
}

/* It has submitted again: what was the time since the last? */
static void end_hold(struct coord_depth *d, uint64_t grown, uint64_t empty, uint64_t calls)
{
	if (d->held_s <= PAUSE_S || empty == d->raw_empty || stalled(d)) {
		/* with something in flight all the while, it is not the program that was slow */
		d->time_s += d->held_s;
		d->ops += (double)grown;
		d->empty += (double)dam_count_delta(empty, d->raw_empty);
		d->calls += (double)dam_count_delta(calls, d->raw_calls);
	} else if (often_empty(d)) {
		/* that says nothing of a program that lets its ring run empty all the time */
		d->doubt_s += d->held_s;
	}
}

void coord_depth_take(struct coord_depth *d, const struct dam_slot *s, double dt_s)
{
	uint64_t ops = __atomic_load_n(&s->ring_ops, __ATOMIC_RELAXED) +
		       __atomic_load_n(&s->aio_ops, __ATOMIC_RELAXED);
	uint64_t grown = d->seen ? dam_count_delta(ops, d->raw_ops) : 0;
	uint64_t empty = __atomic_load_n(&s->depth_empty, __ATOMIC_RELAXED);
	uint64_t calls = __atomic_load_n(&s->submissions, __ATOMIC_RELAXED);

	take_sums(d, s);
	d->raw_ops = ops;
	d->held_s += dt_s;
	if (d->seen && !grown)
		return;
	if (d->active)
		end_hold(d, grown, empty, calls);
	d->active = d->seen || ops;
	d->seen = true;
	d->held_s = d->asked_s = d->awaited_s = 0;
	d->raw_empty = empty;
	d->raw_calls = calls;
}

bool coord_depth_asks(const struct coord_depth *d)
{
	return d->active && d->held_s > PAUSE_S / 2 && d->held_s > ASK_AGAIN * d->asked_s;
}

void coord_depth_told(struct coord_depth *d, bool awaits)
{
	d->asked_s = d->held_s;
	if (awaits)
		d->awaited_s = d->held_s;
}

/*
 * The share of the time that the program may have been about something else between reaping and submitting.
 *
 * It is outside of the call that submits; and when there was something to reap at once, all of the time outside was
 * spent so, which tells what it takes when it waits first.
 */
static double share_of_work(const double *sum, double span, bool steady)
{
	double share = sum[DEPTH_OUTSIDE] / span, work;

	if (steady && sum[DEPTH_OFFERS] >= MIN_OFFERS) {
		work = sum[DEPTH_BUSY] / sum[DEPTH_OFFERS] * sum[DEPTH_SAMPLES] / span;
		share = fmin(share, work);
	}
	return share;
}

/*
 * How far below what was in flight after a submission its mean until the next may lie.
 *
 * A program that takes all that is complete, and then submits at once, leaves nothing ready: what is ready completed
 * while it did something else, with less in flight. One that takes completions one by one leaves some anyway, and one
 * that does not keep up a depth may take them at any time: then what it took is the bound, for as long as it worked.
 */
static double width_of(const double *sum, double span, double mean)
{
	double ready = sum[DEPTH_READY] / span, fall = sum[DEPTH_FALL] / span;
	bool steady = sum[DEPTH_SQUARE] / span - mean * mean <= STEADY * STEADY * mean * mean;
	double most = fall * share_of_work(sum, span, steady);

	if (!steady ||
	    (sum[DEPTH_OFFERS] >= MIN_OFFERS && sum[DEPTH_LEFT] > sum[DEPTH_OFFERS] / 2))
		return most;
	return fmin(ready, most);
}

double coord_depth_latency(const struct coord_depth *d)
{
	double span = d->sum[DEPTH_SPAN] - d->sum[DEPTH_BLIND], time_s = d->time_s, mean, width;

	time_s += stalled(d) ? d->held_s : 0;
	if (d->ops < MIN_OPS || time_s < MIN_S || !(span > 0) ||
	    d->sum[DEPTH_BLIND] > MAX_BLIND * d->sum[DEPTH_SPAN] ||
	    d->doubt_s > MAX_BLIND * time_s)
		return (double)NAN;
	mean = d->sum[DEPTH_SUM] / span;
	width = width_of(d->sum, span, mean);
	if (width > MAX_WIDTH * mean)
		return (double)NAN;
	return (mean - width / 2) * time_s / d->ops;
}
