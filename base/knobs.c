/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The knob table. A new environment variable is an enum name in knobs.h and a row here, nothing else. */
#include "config.h"
#include "base/knobs.h"

#include <string.h>

#include "base/str.h"

#define NUM(t, s, d, lo, hi) .type = (t), .scope = (s), .def = (d), .min = (lo), .max = (hi)
#define TEXT(s, d)	     .type = DAM_KNOB_TEXT, .scope = (s), .def_text = (d)

static const struct dam_knob_desc table[DAM_KNOB_NR] = {
	[DAM_KNOB_WEIGHT_LATENCY] = {
		.name = "DMA_WEIGHT_LATENCY", NUM(DAM_KNOB_REAL, DAM_SCOPE_BOTH, 1.0, 0.0, 1.0), .unit = "",
		.help = "how much a fall in mean DMA latency counts when a move is weighed" },
	[DAM_KNOB_WEIGHT_THROUGHPUT] = {
		.name = "DMA_WEIGHT_THROUGHPUT", NUM(DAM_KNOB_REAL, DAM_SCOPE_BOTH, 1.0, 0.0, 1.0), .unit = "",
		.help = "how much a rise in DMA throughput counts when a move is weighed" },
	[DAM_KNOB_MIGRATION_THRESHOLD] = {
		.name = "MIGRATION_THRESHOLD", NUM(DAM_KNOB_REAL, DAM_SCOPE_COORD, 15, 1, 100), .unit = "percent",
		.help = "imbalance between two engines of a pool, or forecast increase, that is acted on" },
	[DAM_KNOB_PREDICTION_HORIZON] = {
		.name = "PREDICTION_HORIZON", NUM(DAM_KNOB_INTEGER, DAM_SCOPE_COORD, 100, 10, 10000), .unit = "ms",
		.help = "how far ahead the load of each engine is forecast" },
	[DAM_KNOB_AFFINITY_HISTORY] = {
		.name = "AFFINITY_HISTORY", TEXT(DAM_SCOPE_COORD, "off"), .unit = "",
		.help = "path of the history of moves, an SQLite file, or off: see dam-history(5)" },
	[DAM_KNOB_TICK] = {
		.name = "DAM_TICK", NUM(DAM_KNOB_INTEGER, DAM_SCOPE_COORD, 10, 1, 1000), .unit = "ms",
		.help = "interval of the coordinator's loop; it stretches to 1 s while nothing happens" },
	[DAM_KNOB_MAX_MOVES] = {
		.name = "DAM_MAX_MOVES", NUM(DAM_KNOB_INTEGER, DAM_SCOPE_COORD, 0, 0, 100000), .unit = "threads",
		.help = "most threads moved in one tick; 0: 64 or 1 % of all threads, whichever is more" },
	[DAM_KNOB_MIN_CPUS] = {
		.name = "DAM_MIN_CPUS", NUM(DAM_KNOB_INTEGER, DAM_SCOPE_COORD, 2, 1, 1024), .unit = "CPUs",
		.help = "never pin a thread to fewer CPUs than this, where the domain has them" },
	[DAM_KNOB_CAPACITY] = {
		.name = "DAM_CAPACITY", TEXT(DAM_SCOPE_COORD, "learned"), .unit = "",
		.help = "capacity of engines and components in bytes per second: \"block:vda=1G,0000:21:00.0=r:7G/w:5G/ops:1M\"" },
	[DAM_KNOB_LOCALITY] = {
		.name = "DAM_LOCALITY", TEXT(DAM_SCOPE_COORD, "as the kernel tells"), .unit = "",
		.help = "NUMA node of devices whose firmware is wrong, -1 for all nodes: \"nvme:nvme0=0,net:eth1=1\"" },
	[DAM_KNOB_RESERVE] = {
		.name = "DAM_RESERVE", TEXT(DAM_SCOPE_COORD, "none"), .unit = "",
		.help = "engines that are kept for threads of a class, rt or latency: \"block:nvme1n1=rt\"; others are put off" },
	[DAM_KNOB_RESERVE_ROOM] = {
		.name = "DAM_RESERVE_ROOM", NUM(DAM_KNOB_REAL, DAM_SCOPE_COORD, 20, 0, 90), .unit = "percent",
		.help = "share of a reserved engine's capacity that is kept free" },
	[DAM_KNOB_EXCLUDE] = {
		.name = "DAM_EXCLUDE", TEXT(DAM_SCOPE_COORD, "none"), .unit = "",
		.help = "programs whose threads are never moved, by name or path: \"postgres,/opt/db/bin/server\"" },
	[DAM_KNOB_WEIGHT_POWER] = {
		.name = "DAM_WEIGHT_POWER", NUM(DAM_KNOB_REAL, DAM_SCOPE_COORD, 0, 0.0, 1.0), .unit = "",
		.help = "how much a fall in power counts when a move is weighed: load is gathered on fewer packages" },
	[DAM_KNOB_CLASS] = {
		.name = "DAM_CLASS", TEXT(DAM_SCOPE_PROCESS, "normal; rt for threads of SCHED_FIFO and SCHED_RR"), .unit = "",
		.help = "what the threads of this program are: rt, latency (they keep away from sleeping processors), normal" },
	[DAM_KNOB_SIM] = {
		.name = "DAM_SIM", TEXT(DAM_SCOPE_COORD, "none"), .unit = "",
		.help = "simulated engines: the path of a file, or its lines separated by ';'" },
	[DAM_KNOB_MODERATE] = {
		.name = "DAM_MODERATE", TEXT(DAM_SCOPE_COORD, "off"), .unit = "",
		.help = "interrupt moderation follows the load: 1: of all devices that offer it, or of these "
			"engines: \"block:nvme0n1,net:eth0\"" },
	[DAM_KNOB_MEM_EVENT] = {
		.name = "DAM_MEM_EVENT", TEXT(DAM_SCOPE_COORD, "the best that this machine counts"), .unit = "",
		.help = "event that tells a thread's traffic to memory, as libpfm4 names it; each count is taken for 64 bytes" },
	[DAM_KNOB_RUNTIME_DIR] = {
		.name = "DAM_RUNTIME_DIR", TEXT(DAM_SCOPE_BOTH, "/run/dam, or $XDG_RUNTIME_DIR/dam"), .unit = "",
		.help = "directory of the coordinator's socket and of the record of changed masks" },
	[DAM_KNOB_FOLLOW] = {
		.name = "DAM_FOLLOW", NUM(DAM_KNOB_INTEGER, DAM_SCOPE_PROCESS, 1, 0, 1), .unit = "",
		.help = "0: the library removes itself from the environment of the program's children" },
	[DAM_KNOB_SAMPLE] = {
		.name = "DAM_SAMPLE", NUM(DAM_KNOB_INTEGER, DAM_SCOPE_PROCESS, DAM_SAMPLE_DEFAULT, 0, DAM_SAMPLE_MAX),
		.unit = "submissions",
		.help = "of how many submissions one is looked at closely: its call site; 0: none" },
	[DAM_KNOB_LOG] = {
		.name = "DAM_LOG", NUM(DAM_KNOB_INTEGER, DAM_SCOPE_COORD, 1, 0, 3), .unit = "",
		.help = "what the tools say on stderr: 0 errors, 1 warnings, 2 what is done, 3 everything" },
};

const struct dam_knob_desc *dam_knob_desc(enum dam_knob id)
{
	return &table[id];
}

static bool load_number(const struct dam_knob_desc *d, const char *text, struct dam_knob_value *out)
{
	double num;

	if (dam_parse_double(text, &num) || num < d->min || num > d->max)
		return false;
	if (d->type == DAM_KNOB_INTEGER && num != (double)(long long)num)
		return false;
	*out = (struct dam_knob_value){.num = num, .text = text, .set = true};
	return true;
}

int dam_knobs_load(char *(*get)(const char *name), void (*warn)(const char *line),
		   struct dam_knobs *out)
{
	int bad = 0;

	for (int i = 0; i < DAM_KNOB_NR; i++) {
		const struct dam_knob_desc *d = &table[i];
		struct dam_knob_value *v = &out->v[i];
		const char *text = get(d->name);
		char line[256];

		*v = (struct dam_knob_value){.num = d->def};
		if (!text || !*text)
			continue;
		if (d->type == DAM_KNOB_TEXT) {
			*v = (struct dam_knob_value){.text = text, .set = true};
			continue;
		}
		if (load_number(d, text, v))
			continue;
		bad++;
		if (!warn)
			continue;
		snprintf(line, sizeof(line), "%s=%.40s is not %s from %g to %g%s%s; using %g", d->name,
			 text, d->type == DAM_KNOB_INTEGER ? "a whole number" : "a number", d->min,
			 d->max, *d->unit ? " " : "", d->unit, d->def);
		warn(line);
	}
	return bad;
}

/* "0 to 1, default 1" or "default: learned" */
static char *describe_range(const struct dam_knob_desc *d, char *buf, size_t size)
{
	if (d->type == DAM_KNOB_TEXT)
		snprintf(buf, size, "default: %s", d->def_text);
	else
		snprintf(buf, size, "%g to %g%s%s, default %g", d->min, d->max, *d->unit ? " " : "",
			 d->unit, d->def);
	return buf;
}

void dam_knobs_print(FILE *f, int scope)
{
	char range[128];

	for (int i = 0; i < DAM_KNOB_NR; i++)
		if (table[i].scope & scope)
			fprintf(f, "  %-22s  %s\n  %22s  (%s)\n", table[i].name, table[i].help, "",
				describe_range(&table[i], range, sizeof(range)));
}

void dam_knobs_print_mdoc(FILE *f, int scope)
{
	char range[128];

	fprintf(f, ".Bl -tag -width Ds\n");
	for (int i = 0; i < DAM_KNOB_NR; i++)
		if (table[i].scope & scope)
			fprintf(f, ".It Ev %s\n%s\n.Pq %s .\n", table[i].name, table[i].help,
				describe_range(&table[i], range, sizeof(range)));
	fprintf(f, ".El\n");
}
