/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Call sites as a table. */
#include "config.h"
#include "tools/common/sites.h"

#include <stdlib.h>
#include <string.h>

#include "tools/common/view.h"

/* "submit+0x1a", or "0x4711" where no function is known */
static void frame_text(const json_t *frame, char *buf, size_t size)
{
	const char *name = json_string_value(json_object_get(frame, "function"));

	if (name)
		snprintf(buf, size, "%s+0x%llx", name,
			 (unsigned long long)json_integer_value(json_object_get(frame, "offset")));
	else
		snprintf(buf, size, "0x%llx",
			 (unsigned long long)json_integer_value(
				 json_object_get(frame, "file_offset")));
}

/* The callers' names, innermost first. */
static void callers_text(const json_t *frames, char *buf, size_t size)
{
	const json_t *frame;
	size_t i, at = 0;

	*buf = '\0';
	json_array_foreach (frames, i, frame) {
		const char *name = json_string_value(json_object_get(frame, "function"));

		if (i && at < size)
			at += (size_t)snprintf(buf + at, size - at, "%s%s", at ? " < " : "",
					       name ? name : "?");
	}
}

static json_t *row_of(const json_t *site, double all_ops)
{
	static const char *const same[] = {"ops", "read_bytes", "write_bytes", "pid", "comm"};
	const json_t *frames = json_object_get(site, "frames"), *first = json_array_get(frames, 0);
	const char *path = json_string_value(json_object_get(first, "module")), *base;
	double ops = json_number_value(json_object_get(site, "ops"));
	json_t *row = json_object();
	char text[DAM_VIEW_CELL];

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		json_object_set(row, same[i], json_object_get(site, same[i]));
	base = path ? strrchr(path, '/') : NULL;
	json_object_set_new(row, "share", json_real(all_ops > 0 ? ops / all_ops : 0));
	json_object_set_new(row, "module", json_string(base ? base + 1 : path ? path : "unknown"));
	frame_text(first, text, sizeof(text));
	json_object_set_new(row, "function", json_string(text));
	callers_text(frames, text, sizeof(text));
	json_object_set_new(row, "callers", json_string(text));
	return row;
}

static int by_ops(const void *a, const void *b)
{
	double x = json_number_value(json_object_get(*(json_t *const *)a, "ops"));
	double y = json_number_value(json_object_get(*(json_t *const *)b, "ops"));

	return x < y ? 1 : x > y ? -1 : 0;
}

static const struct dam_view_column columns[] = {
	{"OPERATIONS", "ops", dam_view_number, true},
	{"SHARE", "share", dam_view_percent, true},
	{"READ", "read_bytes", dam_view_bytes, true},
	{"WRITTEN", "write_bytes", dam_view_bytes, true},
	{"PID", "pid", dam_view_number, true},
	{"MODULE", "module", dam_view_text, false},
	{"FUNCTION", "function", dam_view_text, false},
	{"CALLED BY", "callers", dam_view_text, false},
};

void dam_sites_print(FILE *f, int indent, const json_t *answer, size_t max)
{
	const json_t *sites = json_object_get(answer, "call_sites"), *site;
	size_t nr = json_array_size(sites), i;
	const json_t **row = calloc(nr + 1, sizeof(*row));
	json_t *rows = json_array();
	double all = 0;

	json_array_foreach (sites, i, site) {
		all += json_number_value(json_object_get(site, "ops"));
		if (row)
			row[i] = site;
	}
	if (row)
		qsort(row, nr, sizeof(*row), by_ops);
	for (i = 0; row && i < nr && i < max; i++)
		json_array_append_new(rows, row_of(row[i], all));
	if (json_array_size(rows)) {
		dam_view_print(f, indent, columns, sizeof(columns) / sizeof(columns[0]), rows);
		fprintf(f,
			"%*sestimated: one submission in DAM_SAMPLE was looked at, and stands for "
			"as many\n",
			indent, "");
	} else {
		fprintf(f,
			"%*sno call sites: no submission has been sampled yet; see DAM_SAMPLE in "
			"dam(7)\n",
			indent, "");
	}
	json_decref(rows);
	free(row);
}
