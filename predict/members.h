/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The members by name, for the list and for tests; and what several of them share. */
#ifndef DAM_PREDICT_MEMBERS_H
#define DAM_PREDICT_MEMBERS_H

#include <math.h>

#include "predict/minmax.h"
#include "predict/past.h"
#include "predict/predict.h"

extern const struct dam_predict_member dam_predict_last;
extern const struct dam_predict_member dam_predict_ewma32;
extern const struct dam_predict_member dam_predict_ewma200;
extern const struct dam_predict_member dam_predict_blend;
extern const struct dam_predict_member dam_predict_mean2;
extern const struct dam_predict_member dam_predict_mean8;
extern const struct dam_predict_member dam_predict_mean128;
extern const struct dam_predict_member dam_predict_median;
extern const struct dam_predict_member dam_predict_hmedian;
extern const struct dam_predict_member dam_predict_kalman;
extern const struct dam_predict_member dam_predict_trend;
extern const struct dam_predict_member dam_predict_ar8;
extern const struct dam_predict_member dam_predict_season;
extern const struct dam_predict_member dam_predict_analog;

/* What a series has been lately: its extremes, which close in on it by 1 % an interval. All zero is a start. */
struct dam_range {
	double lo, hi;
	bool seen;
};

static inline void dam_range_add(struct dam_range *r, double y)
{
	if (!r->seen) {
		*r = (struct dam_range){y, y, true};
		return;
	}
	r->lo = dam_min(y, r->lo + 0.01 * (y - r->lo));
	r->hi = dam_max(y, r->hi + 0.01 * (y - r->hi));
}

/** dam_range_clamp() - @v within the range; its lower end for what is no number. */
static inline double dam_range_clamp(const struct dam_range *r, double v)
{
	return dam_min(dam_max(v, r->lo), r->hi);
}

#endif
