/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The cheap forecast, for threads: between a fast and a slow mean, as far towards the fast one as has been right. */
#ifndef DAM_PREDICT_BLEND_H
#define DAM_PREDICT_BLEND_H

/* All zero is a start. */
struct dam_blend {
	double fast, slow;    /* the means when the horizon in progress began */
	double sum, time;     /* what has come in it */
	double reach, towards; /* decayed sums of the least squares */
	double nr;
};

/**
 * dam_blend_add() - an interval has ended, of any length @dt_s > 0
 * @amount: what came in it: its rate is amount ÷ dt_s
 * @fast, @slow: means of the rate that include it
 * Cost: some 10 ns with dam_blend_mean().
 */
void dam_blend_add(struct dam_blend *b, double dt_s, double amount, double fast, double slow, double horizon_s);

/** dam_blend_mean() - of the rate over the next horizon; between @fast and @slow. Nothing known: @fast. */
double dam_blend_mean(const struct dam_blend *b, double fast, double slow);

#endif
