/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Forecasts of a load: the mean over the horizon, and a bound that holds 90 % of the time.
 *
 * Pure: time comes in as counts of regular intervals, state lives in the caller's struct; no clock, no I/O, no
 * allocation, no globals. A member is one file, one const struct, one line in members.c.
 */
#ifndef DAM_PREDICT_PREDICT_H
#define DAM_PREDICT_PREDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DAM_PREDICT_MEMBERS	8   /* most members in the list */
#define DAM_PREDICT_STATE	128 /* most bytes of a member's state */
#define DAM_PREDICT_HORIZON_MAX 1024 /* intervals */
#define DAM_PREDICT_RESIDUALS	300

/* A forecaster of the mean over the next h intervals. */
struct dam_predict_member {
	const char *name;
	/* @state: DAM_PREDICT_STATE bytes, aligned to 16, all zero before init */
	void (*init)(void *state, double interval_s, unsigned int horizon);
	/* A new value: finite, >= 0. */
	void (*update)(void *state, double y);
	/* Mean of the next horizon values; finite for any sequence of finite updates. */
	double (*mean)(const void *state);
};

/** dam_predict_members() - the list; @nr <= DAM_PREDICT_MEMBERS. */
const struct dam_predict_member *const *dam_predict_members(unsigned int *nr);

struct dam_forecast {
	double mean;	    /* of the next horizon intervals, in the unit of the updates */
	double p90;	    /* upper bound of that mean, >= mean */
	const char *member; /* who made it; static */
	bool trusted;	    /* the chosen member beats "same as now" on this series' own decayed loss */
};

/* One series: an ensemble whose member is chosen by decayed loss. About 20 KiB; the caller zeroes nothing. */
struct dam_predictor;

/** dam_predict_size() - bytes that one predictor of @horizon intervals takes (aligned to 16). */
size_t dam_predict_size(unsigned int horizon);

/**
 * dam_predict_init() - start a series in @mem
 * @mem: dam_predict_size(@horizon) bytes, aligned to 16; the caller's
 * @interval_s: length of one interval in seconds, > 0
 * @horizon: intervals ahead, 1 … DAM_PREDICT_HORIZON_MAX (clamped)
 * Return: @mem as a predictor.
 */
struct dam_predictor *dam_predict_init(void *mem, double interval_s, unsigned int horizon);

/**
 * dam_predict_update() - the value of the interval that has just ended
 * @y: >= 0; NaN, infinite or negative: a missing sample, which leaves the members as they are
 */
void dam_predict_update(struct dam_predictor *p, double y);

/** dam_predict_get() - the forecast from here; before any update: 0 with an infinite bound, not trusted. */
void dam_predict_get(const struct dam_predictor *p, struct dam_forecast *out);

#endif
