/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What a series has been: its latest values, for the members that look back. */
#ifndef DAM_PREDICT_PAST_H
#define DAM_PREDICT_PAST_H

#include <stddef.h>

#define DAM_PAST_MIN 512 /* values kept at least: two periods of the longest season */

/* A ring of values and of their running sums; the sums begin anew at each lap, so that no rounding piles up. */
struct dam_past {
	unsigned int horizon;
	unsigned int mask; /* slots - 1 */
	unsigned int pos;  /* slot of the latest value */
	unsigned int nr;   /* values held, at most all slots */
	double *value, *sum;
};

/** dam_past_size() - bytes behind a struct dam_past for @horizon intervals, a multiple of 16. */
size_t dam_past_size(unsigned int horizon);

/** dam_past_init() - empty; @mem: dam_past_size() bytes, the caller's, in use as long as @past. */
void dam_past_init(struct dam_past *past, unsigned int horizon, void *mem);

/** dam_past_push() - the newest value: finite, >= 0. */
void dam_past_push(struct dam_past *past, double y);

/** dam_past_value() - the value @ago intervals before the latest, @ago < nr. */
static inline double dam_past_value(const struct dam_past *past, unsigned int ago)
{
	return past->value[(past->pos - ago) & past->mask];
}

/** dam_past_mean() - of @n values of which the latest is @ago intervals old; 0 < @n, @ago + @n <= nr. */
double dam_past_mean(const struct dam_past *past, unsigned int ago, unsigned int n);

#endif
