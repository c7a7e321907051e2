/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The safety against last value, and the one for silence.
 *
 * The first asks whether the mix has been worse than last value by more than chance: the sum of the differences of
 * squared errors beside its standard error, in which a horizon of overlapping errors counts as one (Bernstein's
 * bound has the same two terms). If so, the forecast goes only the share of the way from last value to the mix that
 * would have been right so far. Where the mix is better, or nobody knows, it changes nothing.
 *
 * The second: a value that has stayed the same for longer than it ever has, and than the horizon, stays so, whatever
 * slow means remember.
 */
#include "config.h"
#include "predict/guard.h"

#include <math.h>

#include "predict/minmax.h"

/* Half-life of the evidence, in intervals and horizons: it guards the long run. */
#define MEMORY	       2000.0
#define MEMORY_HORIZONS 100.0
/* In standard errors: below it nothing, one above it everything. */
#define DOUBT 0.25

void dam_guard_init(struct dam_guard *g, unsigned int horizon)
{
	*g = (struct dam_guard){
		.horizon = horizon,
		.keep = exp2(-1 / dam_max(MEMORY, MEMORY_HORIZONS * horizon)),
		.y = -1, /* no value */
	};
}

void dam_guard_learn(struct dam_guard *g, double last, double mixed, double truth)
{
	double way = mixed - last, right = truth - last;
	double worse = (right - way) * (right - way) - right * right;

	g->regret = g->keep * g->regret + worse;
	g->square = g->keep * g->square + worse * worse;
	g->reach = g->keep * g->reach + way * way;
	g->towards = g->keep * g->towards + way * right;
	g->nr = g->keep * g->nr + 1;
}

void dam_guard_see(struct dam_guard *g, double y)
{
	if (y == g->y) {
		g->run++;
		return;
	}
	g->longest = dam_max(g->longest, g->run);
	g->run = 1;
	g->y = y;
}

/* Least squares through last value, with one horizon's worth of evidence for going all the way. */
static double share(const struct dam_guard *g)
{
	double error = sqrt(g->horizon * g->square), doubt, prior;

	if (!(error > 0) || !(g->reach > 0))
		return 1;
	doubt = dam_min(dam_max(g->regret / error - DOUBT, 0), 1);
	prior = g->horizon * g->reach / g->nr;
	return 1 - doubt * (1 - dam_min(dam_max((g->towards + prior) / (g->reach + prior), 0), 1));
}

double dam_guard_apply(const struct dam_guard *g, double last, double mixed)
{
	double limit = dam_max(g->longest, g->horizon), way = share(g) * (mixed - last);

	if (g->run > limit)
		way *= pow(limit / g->run, 4); /* soon, but not at once */
	return last + way;
}
