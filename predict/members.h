/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The members by name, for the list and for tests; nothing else includes this. */
#ifndef DAM_PREDICT_MEMBERS_H
#define DAM_PREDICT_MEMBERS_H

#include "predict/predict.h"

extern const struct dam_predict_member dam_predict_last;
extern const struct dam_predict_member dam_predict_ewma32;
extern const struct dam_predict_member dam_predict_ewma200;
extern const struct dam_predict_member dam_predict_kalman;

#endif
