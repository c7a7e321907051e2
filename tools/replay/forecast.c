/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* dam-replay forecast: what the forecasters make of a recorded load, and how far they were off. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "predict/predict.h"
#include "tools/replay/replay.h"
#include "tools/replay/series.h"

struct forecast_options {
	const char *interval, *horizon, *member;
	bool json;
};

static const struct dam_option options[] = {
	{.name = "interval", .type = DAM_OPTION_TEXT,
	 .offset = offsetof(struct forecast_options, interval), .arg = "MS",
	 .help = "length of an interval in milliseconds; default: 10"},
	{.name = "horizon", .type = DAM_OPTION_TEXT,
	 .offset = offsetof(struct forecast_options, horizon), .arg = "MS",
	 .help = "the mean over so many milliseconds is forecast, a multiple of the interval; default: 100"},
	{.name = "member", .type = DAM_OPTION_TEXT,
	 .offset = offsetof(struct forecast_options, member), .arg = "NAME",
	 .help = "one of the forecasters below by itself, or auto, the default: all together"},
	{.name = "json", .type = DAM_OPTION_FLAG, .offset = offsetof(struct forecast_options, json),
	 .help = "one JSON object a line"},
};

/* The members as the help lists them. */
static const struct dam_word *member_at(unsigned int i)
{
	static struct dam_word word;
	unsigned int nr;
	const struct dam_predict_member *const *m = dam_predict_members(&nr);

	if (i >= nr)
		return NULL;
	word = (struct dam_word){m[i]->name, m[i]->help};
	return &word;
}

static const struct dam_tool tool = {
	.name = "dam-replay forecast",
	.usage = "[options] [FILE]",
	.summary = "Forecasts a recorded load: lines \"time_seconds engine bytes R|W\", compressed or not, from "
		   "FILE or standard input",
	.option = options,
	.nr_options = sizeof(options) / sizeof(options[0]),
	.word = member_at,
	.words = "forecasters",
};

/* What is to be done. */
struct job {
	uint64_t interval_ns;
	unsigned int horizon; /* intervals */
	const struct dam_predict_member *member; /* NULL: all */
	bool json;
};

struct sums {
	double square, absolute, last_square, last_absolute, covered, nr, ns;
};

static int parse_job(const struct forecast_options *o, struct job *job)
{
	uint64_t horizon_ns;
	unsigned int nr;
	const struct dam_predict_member *const *m = dam_predict_members(&nr);

	if (replay_parse_ns(o->interval, DAM_NS_PER_MS, &job->interval_ns) || !job->interval_ns) {
		dam_err("--interval: %s is no time in milliseconds above 0", o->interval);
		return -EINVAL;
	}
	if (replay_parse_ns(o->horizon, DAM_NS_PER_MS, &horizon_ns) || !horizon_ns ||
	    horizon_ns % job->interval_ns ||
	    horizon_ns / job->interval_ns > DAM_PREDICT_HORIZON_MAX) {
		dam_err("--horizon: %s is not 1 to %d intervals of %s ms", o->horizon,
			DAM_PREDICT_HORIZON_MAX, o->interval);
		return -EINVAL;
	}
	job->horizon = (unsigned int)(horizon_ns / job->interval_ns);
	job->json = o->json;
	if (strcmp(o->member, "auto") == 0)
		return 0;
	for (unsigned int i = 0; i < nr; i++)
		if (strcmp(m[i]->name, o->member) == 0)
			job->member = m[i];
	if (!job->member)
		dam_err("--member: no forecaster is called %s; see %s --help", o->member, tool.name);
	return job->member ? 0 : -EINVAL;
}

/* All forecasts of a series of @nr values, one after each. Return: their cost in ns. */
static double forecast_all(const struct job *job, const double *y, size_t nr, void *mem,
			   struct dam_forecast *out)
{
	const double s = (double)job->interval_ns / DAM_NS_PER_S;
	struct dam_predictor *p = job->member ?
		dam_predict_init_member(mem, s, job->horizon, job->member) :
		dam_predict_init(mem, s, job->horizon);
	uint64_t begin = dam_now_ns();

	for (size_t i = 0; i < nr; i++) {
		dam_predict_update(p, y[i]);
		dam_predict_get(p, &out[i]);
	}
	return (double)(dam_now_ns() - begin);
}

static void print_json_name(const char *name)
{
	putchar('"');
	for (; *name; name++)
		if (*name == '"' || *name == '\\')
			printf("\\%c", *name);
		else if ((unsigned char)*name < ' ')
			printf("\\u%04x", *name);
		else
			putchar(*name);
	putchar('"');
}

static void print_line(const struct job *job, const char *engine, uint64_t i, double actual,
		       const struct dam_forecast *f)
{
	/* forecasts are made when their interval has ended */
	double time = (double)(i + 1) * ((double)job->interval_ns / DAM_NS_PER_S);

	if (job->json) {
		printf("{\"index\":%" PRIu64 ",\"time\":%.9g,\"engine\":", i, time);
		print_json_name(engine);
		printf(",\"actual\":%.3f,\"forecast\":%.3f,\"p90\":%.3f,\"member\":\"%s\"}\n", actual,
		       f->mean, f->p90, f->member);
	} else {
		printf("%-12.9g %-20s %15.0f %15.0f %15.0f  %s\n", time, engine, actual, f->mean,
		       f->p90, f->member);
	}
}

/* Print JSON's or people's idea of a ratio: nothing to compare with is null or "-". */
static void print_ratio(const struct job *job, const char *json, const char *text, double part, double whole)
{
	const char *name = job->json ? json : text;

	if (whole > 0)
		printf("%s%.4f", name, part / whole);
	else
		printf("%s%s", name, job->json ? "null" : "-");
}

static void print_summary(const struct job *job, const char *engine, size_t nr, const struct sums *s)
{
	if (job->json) {
		printf("{\"summary\":{\"engine\":");
		print_json_name(engine);
		printf(",\"intervals\":%zu,\"scored\":%.0f", nr, s->nr);
	} else {
		printf("# %s: %zu intervals, %.0f scored", engine, nr, s->nr);
	}
	print_ratio(job, ",\"mae\":", "; relative to last value MAE ", s->absolute, s->last_absolute);
	print_ratio(job, ",\"rmse\":", ", RMSE ", sqrt(s->square), sqrt(s->last_square));
	print_ratio(job, ",\"coverage\":", "; p90 holds ", s->covered, s->nr);
	printf(job->json ? ",\"ns_per_update\":%.0f}}\n" : "; %.0f ns an update\n",
	       nr ? s->ns / (double)nr : 0);
}

static void add_score(struct sums *s, double actual, double last, const struct dam_forecast *f)
{
	double error = f->mean - actual, error_last = last - actual;

	s->square += error * error;
	s->absolute += fabs(error);
	s->last_square += error_last * error_last;
	s->last_absolute += fabs(error_last);
	s->covered += actual <= f->p90 * (1 + 1e-6); /* medians and bounds are kept as float */
	s->nr++;
}

/* Return: 0 or -ENOMEM. */
static int run_series(const struct job *job, const struct replay_recording *rec,
		      const struct replay_series *series, struct sums *s)
{
	const unsigned int h = job->horizon;
	struct dam_forecast *f = calloc(rec->nr ? rec->nr : 1, sizeof(*f));
	void *mem = aligned_alloc(16, dam_predict_size(h));

	if (f && mem) {
		s->ns = forecast_all(job, series->bytes, rec->nr, mem, f);
		for (size_t i = 0; i + h < rec->nr; i++) {
			double actual = 0;

			for (unsigned int k = 1; k <= h; k++)
				actual += series->bytes[i + k];
			actual /= h;
			add_score(s, actual, series->bytes[i], &f[i]);
			print_line(job, series->engine, rec->first + i, actual, &f[i]);
		}
	}
	free(mem);
	free(f);
	return f && mem ? 0 : -ENOMEM;
}

static int run_recording(const struct job *job, const struct replay_recording *rec)
{
	struct sums *sums = calloc(rec->nr_series ? rec->nr_series : 1, sizeof(*sums));
	int r = sums ? 0 : -ENOMEM;

	if (!job->json)
		printf("%-12s %-20s %15s %15s %15s  %s\n", "# time", "engine", "actual", "forecast", "p90",
		       "member");
	for (size_t i = 0; i < rec->nr_series && !r; i++)
		r = run_series(job, rec, &rec->series[i], &sums[i]);
	for (size_t i = 0; i < rec->nr_series && !r; i++)
		print_summary(job, rec->series[i].engine, rec->nr, &sums[i]);
	free(sums);
	if (r)
		dam_err("out of memory");
	return r;
}

static int run_forecast(int argc, char **argv)
{
	struct forecast_options o = {.interval = "10", .horizon = "100", .member = "auto"};
	struct replay_recording rec;
	struct job job = {0};
	int first = dam_options_parse(&tool, argc, argv, &o), r;

	if (first <= 0)
		return first ? REPLAY_STATUS_USAGE : 0;
	if (argc > first + 1) {
		dam_err("one FILE at most is wanted; see %s --help", tool.name);
		return REPLAY_STATUS_USAGE;
	}
	if (parse_job(&o, &job))
		return REPLAY_STATUS_USAGE;
	r = replay_recording_load(argv[first], job.interval_ns, &rec); /* NULL: none */
	if (!r)
		r = run_recording(&job, &rec);
	replay_recording_close(&rec);
	return r ? REPLAY_STATUS_FAILED : 0;
}

const struct replay_command replay_forecast = {
	.word = {"forecast", "the load of each engine over the next intervals, and its bound"},
	.run = run_forecast,
};
