/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What dam-run tells after a run: as JSON, and as tables made from that JSON. */
#include "config.h"
#include "tools/run/run.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/sites.h"
#include "tools/common/table.h"
#include "tools/common/view.h"

#define NR(a)	    (sizeof(a) / sizeof((a)[0]))
#define MAX_THREADS 40
#define MAX_TITLE   60
#define MAX_SITES   20

static const struct dam_view_column thread_columns[] = {
	{"THREAD", "tid", dam_view_number, true},
	{"NAME", "comm", dam_view_text, false},
	{"ENGINE", "engine", dam_view_text, false},
	{"READ", "read_bytes", dam_view_bytes, true},
	{"WRITTEN", "write_bytes", dam_view_bytes, true},
	{"READS", "read_ops", dam_view_number, true},
	{"WRITES", "write_ops", dam_view_number, true},
	{"MEAN RATE", "mean_bps", dam_view_rate, true},
	{"MEMORY", "memory_bytes", dam_view_bytes, true},
	{"MOVES", "moves", dam_view_number, true},
	{"LEFT ALONE BECAUSE", "why", dam_view_text, false},
};

static const struct dam_view_column engine_columns[] = {
	{"ENGINE", "name", dam_view_text, false},
	{"POOL", "pool", dam_view_text, false},
	{"CPUS", "cpus", dam_view_text, false},
	{"CAPACITY", "capacity_bps", dam_view_rate, true},
	{"KNOWN BY", "capacity_source", dam_view_text, false},
	{"MEAN RATE", "mean_bps", dam_view_rate, true},
	{"MEAN UTIL", "mean_util", dam_view_percent, true},
};

static const struct dam_view_column move_columns[] = {
	{"AT", "time_s", dam_view_seconds, true},
	{"THREAD", "tid", dam_view_number, true},
	{"NAME", "comm", dam_view_text, false},
	{"FROM", "from_engine", dam_view_text, false},
	{"UTIL", "from_util", dam_view_percent, true},
	{"TO", "to_engine", dam_view_text, false},
	{"UTIL", "to_util", dam_view_percent, true},
	{"CPUS", "to_cpus", dam_view_text, false},
	{"BECAUSE OF", "trigger", dam_view_text, false},
	{"RESULT", "result", dam_view_text, false},
};

/* The parts of a report that --json hands on, always as arrays. */
static const char *const report_arrays[] = {"threads", "moves", "engines", "pools", "processes", "rings", "call_sites"};

static json_t *command_of(char **argv)
{
	json_t *a = json_array();

	for (; a && *argv; argv++) {
		json_t *s = json_string(*argv);

		/* an argument that is not UTF-8 */
		json_array_append_new(a, s ? s : json_string("?"));
	}
	return a;
}

json_t *run_summary_json(char **argv, const struct run_result *r, const json_t *report)
{
	json_t *o = json_object();
	json_t *status = json_object_get(report, "status");

	json_object_set_new(o, "command", command_of(argv));
	json_object_set_new(o, "exit_status", r->signal ? json_null() : json_integer(r->exit_status));
	json_object_set_new(o, "signal", r->signal ? json_integer(r->signal) : json_null());
	json_object_set_new(o, "elapsed_s", json_real(r->elapsed_s));
	for (size_t i = 0; i < NR(report_arrays); i++) {
		json_t *a = json_object_get(report, report_arrays[i]);

		json_object_set_new(o, report_arrays[i], json_is_array(a) ? json_incref(a) : json_array());
	}
	json_object_set_new(o, "coordinator", status ? json_incref(status) : json_null());
	return o;
}

static double number_of(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static double bytes_of(const json_t *o)
{
	return number_of(o, "read_bytes") + number_of(o, "write_bytes");
}

static double work_of(const json_t *o)
{
	return bytes_of(o) + number_of(o, "read_ops") + number_of(o, "write_ops");
}

/* A row for @thread on @engine (NULL: the whole thread). */
static void add_row(json_t *rows, const json_t *thread, const json_t *engine, double elapsed_s)
{
	static const char *const of_thread[] = {"tid", "comm", "moves", "memory_bytes"};
	static const char *const of_counts[] = {"read_bytes", "write_bytes", "read_ops", "write_ops"};
	const char *why = json_string_value(json_object_get(thread, "why"));
	const json_t *counts = engine ? engine : thread;
	json_t *row = json_object();

	for (size_t i = 0; i < NR(of_thread); i++)
		json_object_set(row, of_thread[i], json_object_get(thread, of_thread[i]));
	for (size_t i = 0; i < NR(of_counts); i++)
		json_object_set(row, of_counts[i], json_object_get(counts, of_counts[i]));
	json_object_set(row, "engine", json_object_get(engine, "name"));
	if (strcmp(why ? why : "", "ended")) /* which they all have by now */
		json_object_set(row, "why", json_object_get(thread, "why"));
	if (elapsed_s > 0)
		json_object_set_new(row, "mean_bps", json_real(bytes_of(counts) / elapsed_s));
	json_array_append_new(rows, row);
}

static int by_work(const void *a, const void *b)
{
	double x = work_of(*(json_t *const *)a), y = work_of(*(json_t *const *)b);

	return x < y ? 1 : x > y ? -1 : 0;
}

/* The first @max of @rows when the busiest comes first: a new array; jansson has no sort. */
static json_t *busiest(const json_t *rows, size_t max)
{
	size_t nr = json_array_size(rows), i;
	json_t **row = calloc(nr + 1, sizeof(json_t *)), *top = json_array();
	json_t *r;

	if (row) {
		json_array_foreach (rows, i, r)
			row[i] = r;
		qsort(row, nr, sizeof(json_t *), by_work);
		for (i = 0; i < nr && i < max; i++)
			json_array_append(top, row[i]);
	}
	free(row);
	return top;
}

/* The rows of one thread, its busiest engine first. */
static void add_rows(json_t *rows, const json_t *thread, double elapsed_s)
{
	json_t *engines = busiest(json_object_get(thread, "engines"), SIZE_MAX), *engine;
	size_t i;

	json_array_foreach (engines, i, engine)
		add_row(rows, thread, engine, elapsed_s);
	if (!json_array_size(engines))
		add_row(rows, thread, NULL, elapsed_s);
	json_decref(engines);
}

static void print_threads(const json_t *summary)
{
	const json_t *all = json_object_get(summary, "threads");
	double elapsed_s = number_of(summary, "elapsed_s");
	json_t *rows = json_array(), *top = busiest(all, MAX_THREADS), *thread;
	size_t i, left_out = json_array_size(all) - json_array_size(top);

	json_array_foreach (top, i, thread)
		if (work_of(thread) > 0)
			add_rows(rows, thread, elapsed_s);
	fputc('\n', stderr);
	dam_view_print(stderr, 1, thread_columns, NR(thread_columns), rows);
	if (left_out)
		fprintf(stderr, " and %zu more threads with less; --json has them all\n", left_out);
	json_decref(top);
	json_decref(rows);
}

static bool same_text(const json_t *a, const json_t *b)
{
	return json_is_string(a) && json_is_string(b) &&
	       strcmp(json_string_value(a), json_string_value(b)) == 0;
}

/* Bytes that the threads of the run moved by the engine or pool called @name; negative: none of them used it. */
static double used(const json_t *summary, const json_t *name)
{
	const json_t *thread, *engine;
	double sum = -1;
	size_t i, k;

	json_array_foreach (json_object_get(summary, "threads"), i, thread)
		json_array_foreach (json_object_get(thread, "engines"), k, engine)
			if (same_text(json_object_get(engine, "name"), name))
				sum = (sum < 0 ? 0 : sum) + bytes_of(engine);
	return sum;
}

/* An engine is of interest when it, its pool or another member of its pool was used. */
static bool of_interest(const json_t *summary, const json_t *engine)
{
	const json_t *pool = json_object_get(engine, "pool"), *other;
	size_t i;

	if (used(summary, json_object_get(engine, "name")) >= 0 || used(summary, pool) >= 0)
		return true;
	json_array_foreach (json_object_get(summary, "engines"), i, other)
		if (same_text(json_object_get(other, "pool"), pool) &&
		    used(summary, json_object_get(other, "name")) >= 0)
			return true;
	return false;
}

/* What the run made of it: the last rate of a program that has ended says little. */
static json_t *engine_row(const json_t *summary, const json_t *engine)
{
	double bytes = used(summary, json_object_get(engine, "name")), elapsed_s = number_of(summary, "elapsed_s");
	double mean = bytes >= 0 && elapsed_s > 0 ? bytes / elapsed_s : 0, capacity = number_of(engine, "capacity_bps");
	json_t *row = json_copy((json_t *)engine);

	json_object_set_new(row, "mean_bps", json_real(mean));
	if (capacity > 0)
		json_object_set_new(row, "mean_util", json_real(mean / capacity));
	return row;
}

static void print_engines(const json_t *summary)
{
	json_t *rows = json_array(), *engine;
	size_t i;

	json_array_foreach (json_object_get(summary, "engines"), i, engine)
		if (of_interest(summary, engine))
			json_array_append_new(rows, engine_row(summary, engine));
	if (json_array_size(rows)) {
		fputc('\n', stderr);
		dam_view_print(stderr, 1, engine_columns, NR(engine_columns), rows);
	}
	json_decref(rows);
}

static void print_moves(const json_t *summary)
{
	const json_t *moves = json_object_get(summary, "moves");

	if (!json_array_size(moves)) {
		fprintf(stderr, "\n no thread was moved\n");
		return;
	}
	fputc('\n', stderr);
	dam_view_print(stderr, 1, move_columns, NR(move_columns), moves);
}

/* Sums of a key of "coverage" over all processes. */
static double covered(const json_t *summary, const char *key)
{
	const json_t *process;
	double sum = 0;
	size_t i;

	json_array_foreach (json_object_get(summary, "processes"), i, process)
		sum += number_of(json_object_get(process, "coverage"), key);
	return sum;
}

static const char *bytes_text(double bytes, char buf[32])
{
	json_t *value = json_real(bytes);

	dam_view_bytes(value, buf, 32);
	json_decref(value);
	return buf;
}

/* Why some of it could not be observed; NULL: there is no such thing. */
static const char *why_blind(const json_t *summary)
{
	const json_t *process;
	const char *why = NULL;
	size_t i;

	json_array_foreach (json_object_get(summary, "processes"), i, process)
		if (!why)
			why = json_string_value(
				json_object_get(json_object_get(process, "coverage"), "unobservable"));
	return why;
}

/* Who saw it, and how much of what the kernel counted that is: what to trust. */
static void print_coverage(const json_t *summary)
{
	const char *why = why_blind(summary);
	char bytes[2][32];

	fprintf(stderr, "\n coverage: %.0f operations seen by hooks, %.0f by observation; %s, while the kernel counted %s",
		covered(summary, "hooked_ops"), covered(summary, "observed_ops"),
		bytes_text(covered(summary, "attributed_bytes"), bytes[0]),
		bytes_text(covered(summary, "kernel_bytes"), bytes[1]));
	fprintf(stderr, "%s%s\n", why ? "; not observable: " : "", why ? why : "");
}

/* "fio --name=x …: 3.02 s, exit status 0" */
static void print_head(const json_t *summary)
{
	const json_t *part, *sig = json_object_get(summary, "signal");
	char title[MAX_TITLE + 1] = "";
	size_t i, at = 0;

	json_array_foreach (json_object_get(summary, "command"), i, part)
		if (at < sizeof(title))
			at += (size_t)snprintf(title + at, sizeof(title) - at, "%s%s", i ? " " : "",
					       json_string_value(part));
	dam_text_clean(title);
	fprintf(stderr, "\n DAM: %s%s: %.2f s, ", title, at >= sizeof(title) ? "..." : "",
		number_of(summary, "elapsed_s"));
	if (json_is_integer(sig))
		fprintf(stderr, "ended by SIG%s\n", sigabbrev_np((int)json_integer_value(sig)));
	else
		fprintf(stderr, "exit status %d\n", (int)number_of(summary, "exit_status"));
}

void run_summary_print(const json_t *summary, const char *note, bool call_sites)
{
	const json_t *threads = json_object_get(summary, "threads"), *thread;
	double work = 0;
	size_t i;

	print_head(summary);
	json_array_foreach (threads, i, thread)
		work += work_of(thread);
	if (work > 0) {
		print_threads(summary);
		print_engines(summary);
		print_moves(summary);
		print_coverage(summary);
		if (call_sites) {
			fputc('\n', stderr);
			dam_sites_print(stderr, 1, summary, MAX_SITES);
		}
	} else if (note) {
		fprintf(stderr, " the library had no effect on this program: %s\n", note);
	} else if (why_blind(summary)) {
		fprintf(stderr, " no DMA was seen, but not all could be: %s\n", why_blind(summary));
	} else {
		fprintf(stderr, " no DMA was seen: the program submitted none by a call that DAM watches\n");
	}
	fputc('\n', stderr);
}
