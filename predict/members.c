/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The list of forecasters. The first one is the yardstick: it wins ties, and trust is measured against it. */
#include "config.h"
#include "predict/members.h"

static const struct dam_predict_member *const members[] = {
	&dam_predict_last,  &dam_predict_ewma32, &dam_predict_ewma200, &dam_predict_median,
	&dam_predict_kalman, &dam_predict_trend, &dam_predict_ar8,     &dam_predict_season,
	&dam_predict_analog, &dam_predict_mean2, &dam_predict_mean8,   &dam_predict_mean128,
	&dam_predict_hmedian, &dam_predict_blend,
};

const struct dam_predict_member *const *dam_predict_members(unsigned int *nr)
{
	*nr = sizeof(members) / sizeof(members[0]);
	return members;
}
