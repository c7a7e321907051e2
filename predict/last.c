/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* "Same as now": the forecast is the last value. The yardstick for all others. */
#include "config.h"
#include "predict/members.h"

struct last {
	double y;
};

static void last_init(void *state, double interval_s, unsigned int horizon)
{
	(void)state, (void)interval_s, (void)horizon;
}

static void last_update(void *state, double y)
{
	struct last *s = state;

	s->y = y;
}

static double last_mean(const void *state)
{
	const struct last *s = state;

	return s->y;
}

const struct dam_predict_member dam_predict_last = {
	.name = "last",
	.init = last_init,
	.update = last_update,
	.mean = last_mean,
};
