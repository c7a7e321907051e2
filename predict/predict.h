/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Forecasts of a load: the mean over the horizon, and a bound that holds 90 % of the time.
 *
 * Pure: time comes in as counts of regular intervals, state lives in the caller's struct; no clock, no I/O, no
 * allocation, no globals. A member is one const struct and one line in members.c.
 */
#ifndef DAM_PREDICT_PREDICT_H
#define DAM_PREDICT_PREDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DAM_PREDICT_HORIZON_MAX 1024 /* intervals */
#define DAM_PREDICT_RESIDUALS	300

struct dam_past;

/* A forecaster of the mean over the next h intervals. */
struct dam_predict_member {
	const char *name;
	const char *help; /* one line for people */
	/*
	 * Its weight in the mix before anything is known: prior · min(1, memory ÷ horizon). What rests on few
	 * intervals says little of the mean over many. 0: not mixed, to be asked for by name.
	 */
	double prior, memory;
	size_t size; /* of its state, which begins all zero, aligned to 16 */
	void (*init)(void *state, double interval_s, unsigned int horizon); /* NULL: nothing to do */
	/*
	 * A new value has been pushed to @past. Return: the mean of the next horizon values; >= 0, finite, and
	 * within what the series has been.
	 */
	double (*update)(void *state, const struct dam_past *past);
	/* Whether the latest forecast says more than a mean, which the mix has of others. NULL: always. */
	bool (*awake)(const void *state);
};

/** dam_predict_members() - the list; the first is last value, against which all is measured. */
const struct dam_predict_member *const *dam_predict_members(unsigned int *nr);

struct dam_forecast {
	double mean;	    /* of the next horizon intervals, in the unit of the updates */
	double p90;	    /* upper bound of that mean, >= mean */
	const char *member; /* who made it: the one with the greatest weight; static */
	bool trusted;	    /* it beats "same as now" on this series' own decayed loss */
};

/* One series: members, mixed by what their errors have been. 26 to 100 KiB; the caller zeroes nothing. */
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

/** dam_predict_init_member() - the same, but only @member forecasts, mixed or not. */
struct dam_predictor *dam_predict_init_member(void *mem, double interval_s, unsigned int horizon,
					      const struct dam_predict_member *member);

/**
 * dam_predict_update() - the value of the interval that has just ended
 * @y: >= 0; NaN, infinite or negative: a missing sample, which leaves everything as it is
 */
void dam_predict_update(struct dam_predictor *p, double y);

/** dam_predict_get() - the forecast from here; before any update: 0 with an infinite bound, not trusted. */
void dam_predict_get(const struct dam_predictor *p, struct dam_forecast *out);

#endif
