/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The knob table: every environment variable of DAM, declared once, in knobs.c. */
#ifndef DAM_BASE_KNOBS_H
#define DAM_BASE_KNOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum dam_knob {
	DAM_KNOB_WEIGHT_LATENCY,
	DAM_KNOB_WEIGHT_THROUGHPUT,
	DAM_KNOB_MIGRATION_THRESHOLD,
	DAM_KNOB_PREDICTION_HORIZON,
	DAM_KNOB_AFFINITY_HISTORY,
	DAM_KNOB_TICK,
	DAM_KNOB_MAX_MOVES,
	DAM_KNOB_MIN_CPUS,
	DAM_KNOB_CAPACITY,
	DAM_KNOB_LOCALITY,
	DAM_KNOB_RESERVE,
	DAM_KNOB_RESERVE_ROOM,
	DAM_KNOB_EXCLUDE,
	DAM_KNOB_WEIGHT_POWER,
	DAM_KNOB_CLASS,
	DAM_KNOB_SIM,
	DAM_KNOB_MODERATE,
	DAM_KNOB_MEM_EVENT,
	DAM_KNOB_RUNTIME_DIR,
	DAM_KNOB_FOLLOW,
	DAM_KNOB_SAMPLE,
	DAM_KNOB_LOG,
	DAM_KNOB_NR,
};

/* The interposer reads this one by itself: it has no table. */
#define DAM_SAMPLE_DEFAULT 4096
#define DAM_SAMPLE_MAX	   100000

enum dam_knob_type {
	DAM_KNOB_INTEGER,
	DAM_KNOB_REAL,
	DAM_KNOB_TEXT, /* no range; the value is the variable's own string */
};

/* Who reads it: the coordinator (dam-coord, dam-run's private one), or the program that runs with the library. */
enum dam_knob_scope { DAM_SCOPE_COORD = 1, DAM_SCOPE_PROCESS = 2, DAM_SCOPE_BOTH = 3 };

struct dam_knob_desc {
	const char *name; /* the environment variable */
	enum dam_knob_type type;
	enum dam_knob_scope scope;
	double def, min, max;	 /* not of DAM_KNOB_TEXT */
	const char *def_text;	 /* of DAM_KNOB_TEXT: what the help prints as default */
	const char *unit, *help; /* unit may be "" */
};

struct dam_knob_value {
	double num;
	const char *text; /* NULL unless set; points into the environment */
	bool set;	  /* given by the environment, and in range */
};

struct dam_knobs {
	struct dam_knob_value v[DAM_KNOB_NR];
};

/** dam_knob_desc() - the row of @id; valid for ever. */
const struct dam_knob_desc *dam_knob_desc(enum dam_knob id);

/**
 * dam_knobs_load() - read all knobs
 * @get: looks a variable up, as getenv() does; strings must outlive @out
 * @warn: called once for each value that is not a number or out of range, with one complete line
 *	that names variable, value and range; NULL: silent
 * @out: every field is set; a bad value leaves the default
 *
 * Return: the number of bad values.
 */
int dam_knobs_load(char *(*get)(const char *name), void (*warn)(const char *line),
		   struct dam_knobs *out);

static inline double dam_knob_num(const struct dam_knobs *k, enum dam_knob id)
{
	return k->v[id].num;
}

static inline const char *dam_knob_text(const struct dam_knobs *k, enum dam_knob id)
{
	return k->v[id].text;
}

/** dam_knobs_print() - the table for --help: the knobs whose scope has a bit of @scope. */
void dam_knobs_print(FILE *f, int scope);

/** dam_knobs_print_mdoc() - the same as an mdoc list, for the man pages. */
void dam_knobs_print_mdoc(FILE *f, int scope);

#endif
