/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Recordings as series: the lines are read once and added up in intervals. */
#include "config.h"
#include "tools/replay/series.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "tools/replay/replay.h"

#define MAX_SERIES 65536
#define MAX_CELLS  (1u << 27) /* 1 GiB of intervals, all engines together */
/* Times from here on count from an epoch, not from the start of a recording: 11 years. */
#define EPOCH_S 350000000u

/* While it is loaded: where each engine is, by name. */
struct loader {
	struct replay_recording *rec;
	unsigned int *table; /* index of a series + 1; 0: free */
	size_t slots, room;  /* intervals that each series has room for */
	bool begun;
};

int replay_parse_ns(const char *text, uint64_t unit_ns, uint64_t *out)
{
	uint64_t whole = 0, part = 0, scale = unit_ns;
	const char *s = text;
	double any;

	for (; *s >= '0' && *s <= '9'; s++) {
		if (whole > UINT64_MAX / unit_ns / 10 - 10)
			return -ERANGE;
		whole = whole * 10 + (uint64_t)(*s - '0');
	}
	if (s != text && *s == '.')
		for (s++; *s >= '0' && *s <= '9'; s++) {
			scale /= 10;
			part += scale * (uint64_t)(*s - '0'); /* digits below 1 ns count nothing */
		}
	if (s != text && !*s) {
		*out = whole * unit_ns + part;
		return 0;
	}
	/* 1e-05 and the like */
	if (dam_parse_double(text, &any) || any < 0)
		return -EINVAL;
	any *= (double)unit_ns;
	if (any > 9e18)
		return -ERANGE;
	*out = (uint64_t)llround(any);
	return 0;
}

static uint64_t hash(const char *name)
{
	uint64_t h = 14695981039346656037u; /* FNV-1a */

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 1099511628211u;
	return h ^ h >> 32;
}

static unsigned int *find_slot(struct loader *l, const char *name)
{
	size_t i = hash(name) & (l->slots - 1);

	while (l->table[i] && strcmp(l->rec->series[l->table[i] - 1].engine, name) != 0)
		i = (i + 1) & (l->slots - 1);
	return &l->table[i];
}

/* Room for one more series: both tables double. */
static int grow_series(struct loader *l)
{
	struct replay_recording *rec = l->rec;
	size_t slots = l->slots ? 2 * l->slots : 64;
	struct replay_series *series;
	unsigned int *table;

	if (2 * rec->nr_series < l->slots)
		return 0;
	series = realloc(rec->series, slots * sizeof(*series));
	if (!series)
		return -ENOMEM;
	rec->series = series;
	table = calloc(slots, sizeof(*table));
	if (!table)
		return -ENOMEM;
	free(l->table);
	l->table = table;
	l->slots = slots;
	for (unsigned int i = 0; i < rec->nr_series; i++)
		*find_slot(l, series[i].engine) = i + 1;
	return 0;
}

static int find_series(struct loader *l, const char *name, struct replay_series **out)
{
	struct replay_recording *rec = l->rec;
	unsigned int *slot;
	struct replay_series *s;

	if (grow_series(l))
		return -ENOMEM;
	slot = find_slot(l, name);
	if (!*slot) {
		if (rec->nr_series == MAX_SERIES || (rec->nr_series + 1) * l->room > MAX_CELLS)
			return -E2BIG;
		s = &rec->series[rec->nr_series];
		dam_strlcpy(s->engine, name, sizeof(s->engine));
		s->bytes = calloc(l->room ? l->room : 1, sizeof(*s->bytes));
		if (!s->bytes)
			return -ENOMEM;
		*slot = (unsigned int)++rec->nr_series;
	}
	*out = &rec->series[*slot - 1];
	return 0;
}

/* Room for @nr intervals in every series. */
static int grow_intervals(struct loader *l, size_t nr)
{
	struct replay_recording *rec = l->rec;
	size_t room = nr + nr / 2 + 64;

	if (nr <= l->room)
		return 0;
	if (nr > MAX_CELLS || rec->nr_series * nr > MAX_CELLS)
		return -E2BIG;
	for (size_t i = 0; i < rec->nr_series; i++) {
		double *bytes = realloc(rec->series[i].bytes, room * sizeof(*bytes));

		if (!bytes)
			return -ENOMEM;
		memset(bytes + l->room, 0, (room - l->room) * sizeof(*bytes));
		rec->series[i].bytes = bytes;
	}
	l->room = room;
	return 0;
}

static int add(struct loader *l, uint64_t time_ns, const char *engine, double bytes)
{
	struct replay_recording *rec = l->rec;
	uint64_t i = time_ns / rec->interval_ns;
	struct replay_series *s;
	int r;

	if (!l->begun && time_ns / DAM_NS_PER_S >= EPOCH_S)
		rec->first = i;
	l->begun = true;
	if (i < rec->first)
		return -EINVAL;
	i -= rec->first;
	r = grow_intervals(l, i + 1);
	if (!r)
		r = find_series(l, engine, &s);
	if (r)
		return r;
	s->bytes[i] += bytes;
	if (rec->nr <= i)
		rec->nr = i + 1;
	return 0;
}

/* Return: 0 or -Exxx: printed. */
static int add_line(struct loader *l, const struct replay_lines *lines, char *line)
{
	enum { TIME, ENGINE, BYTES, DIRECTION, NR };
	char *word[NR] = {NULL}, *save = NULL;
	unsigned int n = 0;
	uint64_t time_ns;
	double bytes;
	int r;

	for (char *w = strtok_r(line, " \t\r", &save); w; w = strtok_r(NULL, " \t\r", &save), n++)
		if (n < NR)
			word[n] = w;
	if (n != NR || strlen(word[ENGINE]) >= REPLAY_ENGINE_NAME ||
	    replay_parse_ns(word[TIME], DAM_NS_PER_S, &time_ns) ||
	    dam_parse_double(word[BYTES], &bytes) || bytes < 0 ||
	    (strcmp(word[DIRECTION], "R") != 0 && strcmp(word[DIRECTION], "W") != 0))
		return replay_lines_bad(lines, "not: time_seconds engine bytes R|W");
	r = add(l, time_ns, word[ENGINE], bytes);
	if (r == -E2BIG)
		return replay_lines_bad(lines, "too many intervals: longer ones are needed, or a shorter recording");
	if (r == -EINVAL)
		return replay_lines_bad(lines, "before the first line, though times count from an epoch");
	if (r)
		dam_err("out of memory");
	return r;
}

int replay_recording_load(const char *path, uint64_t interval_ns, struct replay_recording *out)
{
	struct loader l = {.rec = out};
	struct replay_lines *lines;
	char *line;
	int r;

	*out = (struct replay_recording){.interval_ns = interval_ns};
	r = replay_lines_open(path, &lines);
	if (r)
		return r;
	while ((r = replay_lines_next(lines, &line)) > 0) {
		r = add_line(&l, lines, line);
		if (r)
			break;
	}
	replay_lines_close(lines);
	free(l.table);
	return r;
}

void replay_recording_close(struct replay_recording *rec)
{
	for (size_t i = 0; i < rec->nr_series; i++)
		free(rec->series[i].bytes);
	free(rec->series);
	*rec = (struct replay_recording){0};
}
