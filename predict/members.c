/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The list of forecasters. The first one is the yardstick: it wins ties, and trust is measured against it. */
#include "config.h"
#include "predict/members.h"

static const struct dam_predict_member *const members[] = {
	&dam_predict_last,
	&dam_predict_ewma32,
	&dam_predict_ewma200,
	&dam_predict_kalman,
};

#define NR (sizeof(members) / sizeof(members[0]))
_Static_assert(NR <= DAM_PREDICT_MEMBERS, "more members than a predictor has room for");

const struct dam_predict_member *const *dam_predict_members(unsigned int *nr)
{
	*nr = NR;
	return members;
}
