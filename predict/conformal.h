/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* An upper bound that holds 90 % of the time, from the errors that the forecast made lately. */
#ifndef DAM_PREDICT_CONFORMAL_H
#define DAM_PREDICT_CONFORMAL_H

#include "predict/predict.h"

struct dam_conformal {
	double level, step;	/* quantile asked for, steered so that 90 % of the bounds hold */
	unsigned int nr, next;	/* residuals held; slot of ring that is overwritten next */
	float ring[DAM_PREDICT_RESIDUALS];   /* in order of time */
	float sorted[DAM_PREDICT_RESIDUALS]; /* the same, ascending */
};

/** dam_conformal_init() - begin; @horizon: intervals between a bound and its truth, >= 1 */
void dam_conformal_init(struct dam_conformal *c, unsigned int horizon);

/**
 * dam_conformal_add() - one forecast has met its truth
 * @residual: truth minus forecast, finite
 * @over: truth minus the bound that was given with the forecast; above 0: it was missed
 * Cost: a search and a move of at most 1.2 KiB.
 */
void dam_conformal_add(struct dam_conformal *c, float residual, float over);

/** dam_conformal_margin() - to add to a forecast, >= 0; infinite while there are too few residuals. */
double dam_conformal_margin(const struct dam_conformal *c);

#endif
