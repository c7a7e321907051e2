/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What a mixture of members must not do: be worse than last value for long, or linger when a series falls silent. */
#ifndef DAM_PREDICT_GUARD_H
#define DAM_PREDICT_GUARD_H

struct dam_guard {
	unsigned int horizon;
	double keep;		      /* of the evidence, per interval */
	double regret, square;	      /* sums of how much worse the mix was, and of its square */
	double reach, towards, nr;    /* sums for the share of the way that would have been right */
	double y, run, longest;	      /* latest value; for how long it has been the same; longest ever */
};

/** dam_guard_init() - begin. */
void dam_guard_init(struct dam_guard *g, unsigned int horizon);

/** dam_guard_learn() - forecasts have met their @truth: last value's, and the mixture's before dam_guard_apply(). */
void dam_guard_learn(struct dam_guard *g, double last, double mixed, double truth);

/** dam_guard_see() - a new value. */
void dam_guard_see(struct dam_guard *g, double y);

/** dam_guard_apply() - Return: a forecast between @last and @mixed. */
double dam_guard_apply(const struct dam_guard *g, double last, double mixed);

#endif
