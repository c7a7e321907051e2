/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The lesser and the greater of two numbers, inline: those of libm are calls, and a forecast makes some hundred.
 * Where @a is no number: @b.
 */
#ifndef DAM_PREDICT_MINMAX_H
#define DAM_PREDICT_MINMAX_H

static inline double dam_min(double a, double b)
{
	return a < b ? a : b;
}

static inline double dam_max(double a, double b)
{
	return a > b ? a : b;
}

static inline float dam_minf(float a, float b)
{
	return a < b ? a : b;
}

static inline float dam_maxf(float a, float b)
{
	return a > b ? a : b;
}

#endif
