/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * How well do the forecasters do? Every recording of a directory at 1 ms (the short ones), 10 ms, 100 ms and 1 s,
 * horizons of 5, 10 and 50 intervals: each member's errors beside the ensemble's, relative to last value.
 *
 * A cell is the geometric mean over recordings, of the geometric mean over a recording's engines. Scored from the
 * 100th interval on; of series shorter than 300 intervals, from a quarter on.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "predict/predict.h"
#include "tools/replay/series.h"

#define FORECASTERS 20 /* members, and the ensemble behind them */
#define HORIZONS    3
#define MAX_FILES   256
#define SHORT	    15000 /* intervals; longer recordings are not tried at 1 ms */
#define LEAST	    4	  /* scored intervals */

static const unsigned int horizons[HORIZONS] = {5, 10, 50};
static const double intervals_ms[] = {1, 10, 100, 1000};

struct score {
	double square, absolute, covered, nr, ns, updates;
};

/* One cell of the table. */
struct cell {
	double log_rmse, log_mae; /* sums over recordings */
	double worst;		  /* RMSE, of a recording */
	double covered, nr;	  /* the bound's */
	double least_covered;	  /* on one recording, see below */
	double ns, updates;
	unsigned int recordings;
};

static double *truths;
static size_t nr_truths;

/* The mean of the @h values after each. */
static void find_truths(const double *y, size_t n, unsigned int h)
{
	truths = realloc(truths, (n + 1) * sizeof(*truths));
	if (!truths)
		abort();
	nr_truths = n > h ? n - h : 0;
	for (size_t i = 0; i < nr_truths; i++) {
		double sum = 0;

		for (unsigned int k = 1; k <= h; k++)
			sum += y[i + k];
		truths[i] = sum / h;
	}
}

static void run(const double *y, size_t from, double interval_s, unsigned int h,
		const struct dam_predict_member *m, struct score *out)
{
	void *mem = aligned_alloc(16, dam_predict_size(h));
	struct dam_predictor *p;
	struct dam_forecast f;
	uint64_t begin = dam_now_ns();

	if (!mem)
		abort();
	p = m ? dam_predict_init_member(mem, interval_s, h, m) : dam_predict_init(mem, interval_s, h);
	for (size_t i = 0; i < nr_truths; i++) {
		double error;

		dam_predict_update(p, y[i]);
		dam_predict_get(p, &f);
		if (i < from)
			continue;
		error = f.mean - truths[i];
		out->square += error * error;
		out->absolute += fabs(error);
		out->covered += truths[i] <= f.p90 * (1 + 1e-6);
		out->nr++;
	}
	out->ns += (double)(dam_now_ns() - begin);
	out->updates += (double)nr_truths;
	free(mem);
}

/* All forecasters on one recording: @cell by forecaster. */
static void run_recording(const struct replay_recording *rec, unsigned int h, struct cell *cell)
{
	unsigned int nr, scored = 0;
	const struct dam_predict_member *const *m = dam_predict_members(&nr);
	size_t from = rec->nr >= 300 ? 100 : rec->nr / 4;
	double rmse[FORECASTERS] = {0}, mae[FORECASTERS] = {0}, covered[FORECASTERS] = {0}, all = 0;

	if (rec->nr < from + h + LEAST)
		return;
	for (size_t i = 0; i < rec->nr_series; i++) {
		struct score s[FORECASTERS] = {{0}};

		find_truths(rec->series[i].bytes, rec->nr, h);
		for (unsigned int k = 0; k <= nr; k++)
			run(rec->series[i].bytes, from, (double)rec->interval_ns / DAM_NS_PER_S, h,
			    k < nr ? m[k] : NULL, &s[k]);
		for (unsigned int k = 0; k <= nr; k++) {
			cell[k].ns += s[k].ns;
			cell[k].updates += s[k].updates;
			covered[k] += s[k].covered;
		}
		all += s[0].nr;
		if (s[0].square < 1e-9)
			continue; /* nothing ever happened */
		scored++;
		for (unsigned int k = 0; k <= nr; k++) {
			rmse[k] += log(sqrt(s[k].square / s[0].square) + 1e-6);
			mae[k] += log(s[k].absolute / s[0].absolute + 1e-6);
		}
	}
	for (unsigned int k = 0; k <= nr && scored; k++) {
		cell[k].log_rmse += rmse[k] / scored;
		cell[k].log_mae += mae[k] / scored;
		cell[k].worst = fmax(cell[k].worst, exp(rmse[k] / scored));
		cell[k].covered += covered[k];
		cell[k].nr += all;
		if (rec->nr >= 500)
			cell[k].least_covered = fmin(cell[k].least_covered, covered[k] / all);
		cell[k].recordings++;
	}
}

static void print_row(const char *name, const struct cell row[HORIZONS][FORECASTERS], unsigned int k)
{
	printf("  %-10s", name);
	for (unsigned int a = 0; a < HORIZONS; a++)
		printf(" %6.3f", exp(row[a][k].log_rmse / row[a][k].recordings));
	printf("  |");
	for (unsigned int a = 0; a < HORIZONS; a++)
		printf(" %6.3f", exp(row[a][k].log_mae / row[a][k].recordings));
	printf("  |");
	for (unsigned int a = 0; a < HORIZONS; a++)
		printf(" %6.3f", row[a][k].worst);
	printf("  |");
	for (unsigned int a = 0; a < HORIZONS; a++)
		printf(" %5.3f", row[a][k].covered / row[a][k].nr);
	printf("  |");
	for (unsigned int a = 0; a < HORIZONS; a++)
		printf(" %5.3f", fmin(1, row[a][k].least_covered));
	printf("  |");
	for (unsigned int a = 0; a < HORIZONS; a++)
		printf(" %4.0f", row[a][k].updates > 0 ? row[a][k].ns / row[a][k].updates : 0);
	printf("\n");
}

static void tell_beaten(const struct cell row[HORIZONS][FORECASTERS], unsigned int nr)
{
	const struct dam_predict_member *const *m = dam_predict_members(&nr);

	for (unsigned int a = 0; a < HORIZONS; a++)
		for (unsigned int k = 0; k < nr; k++) {
			if (row[a][k].log_rmse < row[a][nr].log_rmse)
				printf("  beaten by %s: RMSE, %u intervals\n", m[k]->name, horizons[a]);
			if (row[a][k].log_mae < row[a][nr].log_mae)
				printf("  beaten by %s: MAE, %u intervals\n", m[k]->name, horizons[a]);
		}
}

static void run_interval(const char *dir, char (*file)[256], unsigned int nr_files, double ms)
{
	static struct cell row[HORIZONS][FORECASTERS];
	unsigned int nr, used = 0;
	const struct dam_predict_member *const *m = dam_predict_members(&nr);

	memset(row, 0, sizeof(row));
	for (unsigned int a = 0; a < HORIZONS; a++)
		for (unsigned int k = 0; k < FORECASTERS; k++)
			row[a][k].least_covered = 2;
	for (unsigned int i = 0; i < nr_files; i++) {
		struct replay_recording rec;
		char *path;

		if (asprintf(&path, "%s/%s", dir, file[i]) < 0)
			abort();
		if (replay_recording_load(path, (uint64_t)(ms * 1e6), &rec) == 0 &&
		    (ms > 1 || rec.nr <= SHORT)) {
			used++;
			for (unsigned int a = 0; a < HORIZONS; a++)
				run_recording(&rec, horizons[a], row[a]);
		}
		replay_recording_close(&rec);
		free(path);
	}
	printf("\n%g ms, %u recordings, horizons of 5, 10 and 50 intervals\n", ms, used);
	printf("  %-10s %-21s | %-20s | %-20s | %-17s | %-17s | ns an update\n", "", "RMSE", "MAE", "worst RMSE",
	       "covered", "least covered");
	for (unsigned int k = 0; k <= nr; k++)
		print_row(k < nr ? m[k]->name : "ENSEMBLE", row, k);
	tell_beaten(row, nr);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

static unsigned int list(const char *dir, char (*file)[256])
{
	unsigned int nr = 0;
	DIR *d = opendir(dir);
	struct dirent *e;

	if (!d) {
		fprintf(stderr, "bench_forecast: %s: %s\n", dir, strerror(errno));
		return 0;
	}
	while ((e = readdir(d)) && nr < MAX_FILES)
		if (strstr(e->d_name, ".txt"))
			snprintf(file[nr++], sizeof(file[0]), "%s", e->d_name);
	closedir(d);
	qsort(file, nr, sizeof(file[0]), by_name);
	return nr;
}

int main(int argc, char **argv)
{
	static char file[MAX_FILES][256];
	const char *dir = argc > 1 ? argv[1] : getenv("DAM_TRACES");
	unsigned int nr;

	dam_log_open("bench_forecast", DAM_LOG_WARN);
	if (!dir)
		dir = DAM_SHIPPED_TRACES;
	nr = list(dir, file);
	printf("forecasts of %u recordings in %s: errors relative to last value\n", nr, dir);
	for (size_t i = 0; i < sizeof(intervals_ms) / sizeof(intervals_ms[0]); i++)
		run_interval(dir, file, nr, intervals_ms[i]);
	free(truths);
	return nr ? EXIT_SUCCESS : EXIT_FAILURE;
}
