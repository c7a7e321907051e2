/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* "Same as now": the forecast is the last value. The yardstick for all others; the guard goes back to it, not the mix. */
#include "config.h"
#include "predict/members.h"

static double last_update(void *state, const struct dam_past *past)
{
	(void)state;
	return dam_past_value(past, 0);
}

const struct dam_predict_member dam_predict_last = {
	.name = "last",
	.help = "same as now",
	.update = last_update,
};
