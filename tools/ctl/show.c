/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What dam-ctl shows: the columns of each answer. */
#include "config.h"
#include "tools/ctl/ctl.h"

#include "base/str.h"
#include "tools/common/engines.h"
#include "tools/common/json.h"
#include "tools/common/sites.h"
#include "tools/common/view.h"

#define MAX_SITES 40
#define NR(a) (sizeof(a) / sizeof((a)[0]))

/* "0: 0-3, 1: 4-7": domains and their CPUs */
static void format_domains(const json_t *value, char *buf, size_t size)
{
	size_t at = 0, i;
	const json_t *d;

	dam_strlcpy(buf, "-", size);
	json_array_foreach (value, i, d) {
		char cpus[128];

		dam_view_text(json_object_get(d, "cpus"), cpus, sizeof(cpus));
		if (at < size)
			at += (size_t)snprintf(buf + at, size - at, "%s%zu: CPUs %s", i ? ", " : "", i,
					       cpus);
	}
}

static void format_ms(const json_t *value, char *buf, size_t size)
{
	char num[32];

	dam_view_number(value, num, sizeof(num));
	snprintf(buf, size, json_is_number(value) ? "%s ms" : "%s", num);
}

static const struct dam_view_column status_columns[] = {
	{"version", "version", dam_view_text, false},
	{"coordinator's pid", "pid", dam_view_number, false},
	{"of user", "uid", dam_view_number, false},
	{"running for", "uptime_s", dam_view_seconds, false},
	{"decides only, moves nothing", "dry_run", dam_view_bool, false},
	{"paused", "paused", dam_view_bool, false},
	{"domains", "domains", format_domains, false},
	{"engines", "engines", dam_view_number, false},
	{"processes", "processes", dam_view_number, false},
	{"threads", "threads", dam_view_number, false},
	{"moves", "moves", dam_view_number, false},
	{"masks changed now", "masks_changed", dam_view_number, false},
	{"tick", "tick_ms", format_ms, false},
	{"ticks", "ticks", dam_view_number, false},
	{"mean work of a tick", "tick_us_mean", dam_view_us, false},
	{"share of one CPU", "cpu_share", dam_view_percent, false},
	{"traffic to memory by", "memory_event", dam_view_text, false},
	{"not known because", "memory_why", dam_view_text, false},
	{"publications skipped", "publications_skipped", dam_view_number, false},
};

static const struct dam_view_column thread_columns[] = {
	{"PID", "pid", dam_view_number, true},
	{"TID", "tid", dam_view_number, true},
	{"NAME", "comm", dam_view_text, false},
	{"STATE", "state", dam_view_text, false},
	{"READ", "read_bytes", dam_view_bytes, true},
	{"WRITTEN", "write_bytes", dam_view_bytes, true},
	{"READING", "read_bps", dam_view_rate, true},
	{"WRITING", "write_bps", dam_view_rate, true},
	{"DEMAND", "demand_bps", dam_view_rate, true},
	{"MEMORY", "memory_bps", dam_view_rate, true},
	{"DOMAIN", "domain", dam_view_number, true},
	{"MOVES", "moves", dam_view_number, true},
	{"MOVABLE", "movable", dam_view_bool, false},
	{"ENGINES", "engines", dam_view_list, false},
	{"LEFT ALONE BECAUSE", "why", dam_view_text, false},
};

static const struct dam_view_column move_columns[] = {
	{"MOVE", "id", dam_view_number, true},
	{"AT", "time_s", dam_view_seconds, true},
	{"TID", "tid", dam_view_number, true},
	{"NAME", "comm", dam_view_text, false},
	{"FROM", "from_engine", dam_view_text, false},
	{"UTIL", "from_util", dam_view_percent, true},
	{"THEN", "from_util_after", dam_view_percent, true},
	{"TO", "to_engine", dam_view_text, false},
	{"UTIL", "to_util", dam_view_percent, true},
	{"THEN", "to_util_after", dam_view_percent, true},
	{"CPUS", "to_cpus", dam_view_text, false},
	{"TRIGGER", "trigger", dam_view_text, false},
	{"GAIN", "gain", dam_view_number, true},
	{"RESULT", "result", dam_view_text, false},
	{"CHANGE", "effect", dam_view_change, true},
};

/* A table, or a line that says why there is none. */
static void show_table(const struct dam_view_column *column, unsigned int nr, const json_t *rows,
		       const char *if_none)
{
	if (json_array_size(rows))
		dam_view_print(stdout, 0, column, nr, rows);
	else
		puts(if_none);
}

void ctl_show_status(const json_t *answer)
{
	dam_view_print_object(stdout, 0, status_columns, NR(status_columns), answer);
}

void ctl_show_engines(const json_t *answer)
{
	dam_engines_print(stdout, answer, true);
}

void ctl_show_threads(const json_t *answer)
{
	show_table(thread_columns, NR(thread_columns), json_object_get(answer, "threads"),
		   "no threads: no program with the library has done DMA yet");
}

void ctl_show_moves(const json_t *answer)
{
	show_table(move_columns, NR(move_columns), json_object_get(answer, "moves"), "no moves");
}

void ctl_show_sites(const json_t *answer)
{
	dam_sites_print(stdout, 0, answer, MAX_SITES);
}

int ctl_print_json(const json_t *answer)
{
	int err = json_dumpf(answer, stdout, DAM_JSON_PRETTY);

	putchar('\n');
	return err ? CTL_STATUS_FAILED : 0;
}
