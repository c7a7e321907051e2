/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Engines, pools, queues and components as tables. A new column is a row here. */
#include "config.h"
#include "tools/common/engines.h"

#include <string.h>

#include "base/str.h"
#include "tools/common/view.h"

#define NR(a) (sizeof(a) / sizeof((a)[0]))

static void append(char *buf, size_t size, const char *text)
{
	size_t at = strlen(buf);

	if (at < size)
		snprintf(buf + at, size - at, "%s%s", at ? ", " : "", text);
}

/* "0: block:nvme0c0n1, 1: block:nvme0c1n1", "0: 0-3, 1: 4-7": which engine, or queues, serve a domain */
static void format_map(const json_t *value, char *buf, size_t size)
{
	const json_t *m;
	size_t i;

	buf[0] = '\0';
	json_array_foreach (value, i, m) {
		const json_t *what = json_object_get(m, "engine");
		char domain[32], name[96], one[136];

		dam_view_number(json_object_get(m, "domain"), domain, sizeof(domain));
		dam_view_text(what ? what : json_object_get(m, "queues"), name, sizeof(name));
		snprintf(one, sizeof(one), "%s: %s", domain, name);
		append(buf, size, one);
	}
	if (!buf[0])
		dam_strlcpy(buf, "-", size);
}

/* "read, write, up to 512.0 KiB, dedicated" */
static void format_capabilities(const json_t *value, char *buf, size_t size)
{
	const json_t *max = json_object_get(value, "max_transfer_bytes");
	char amount[32], limit[48];

	dam_view_list(json_object_get(value, "operations"), buf, size);
	dam_view_bytes(max, amount, sizeof(amount));
	snprintf(limit, sizeof(limit), "up to %s", amount);
	if (json_is_integer(max))
		append(buf, size, limit);
	if (json_is_true(json_object_get(value, "dedicated")))
		append(buf, size, "dedicated");
}

/* "100 us or 4, active": how long interrupts may wait, and who says so */
static void format_moderation(const json_t *value, char *buf, size_t size)
{
	char usecs[32], packets[32], state[32];

	if (!json_is_object(value)) {
		dam_strlcpy(buf, "-", size);
		return;
	}
	dam_view_number(json_object_get(value, "usecs"), usecs, sizeof(usecs));
	dam_view_number(json_object_get(value, "packets"), packets, sizeof(packets));
	dam_view_text(json_object_get(value, "state"), state, sizeof(state));
	snprintf(buf, size, "%s us or %s, %s", usecs, packets, state);
}

static const struct dam_view_column engine_columns[] = {
	{"ENGINE", "name", dam_view_text, false},
	{"COMPONENT", "component", dam_view_text, false},
	{"DOMAINS", "domains", dam_view_list, false},
	{"POOL", "pool", dam_view_text, false},
	{"ALSO CALLED", "aliases", dam_view_list, false},
	{"CAPACITY", "capacity_bps", dam_view_rate, true},
	{"KNOWN BY", "capacity_source", dam_view_text, false},
	{"UTIL", "utilisation", dam_view_percent, true},
	{"MEASURED BY", "utilisation_source", dam_view_text, false},
	{"IN FLIGHT", "inflight", dam_view_number, true},
	{"COUNTERS", "counters", dam_view_text, false},
	{"CAN", "capabilities", format_capabilities, false},
	/* what it does, from here on */
	{"RATE", "rate_bps", dam_view_rate, true},
	{"OF OTHERS", "background_bps", dam_view_rate, true},
	{"DEMAND", "demand_bps", dam_view_rate, true},
	{"LATENCY", "latency_us", dam_view_us, true},
	{"FORECAST", "forecast_bps", dam_view_rate, true},
	{"P90", "forecast_p90_bps", dam_view_rate, true},
	{"BY", "forecast_member", dam_view_text, false},
	{"INTERRUPTS WAIT", "moderation", format_moderation, false},
};
#define ENGINE_COLUMNS_STILL 12

static const struct dam_view_column pool_columns[] = {
	{"POOL", "name", dam_view_text, false},
	{"ALSO CALLED", "aliases", dam_view_list, false},
	{"FOLLOWS THE CPU", "cpu_driven", dam_view_bool, false},
	{"ENGINE OF EACH DOMAIN", "map", format_map, false},
	{"ENGINES", "engines", dam_view_list, false},
};

static const struct dam_view_column queue_columns[] = {
	{"QUEUES OF", "engine", dam_view_text, false},
	{"BY", "by", dam_view_text, false},
	{"NUMBER", "number", dam_view_number, true},
	{"QUEUES OF EACH DOMAIN", "map", format_map, false},
};

static const struct dam_view_column component_columns[] = {
	{"COMPONENT", "name", dam_view_text, false},
	{"IS", "kind", dam_view_text, false},
	{"BELOW", "parent", dam_view_text, false},
	{"CAPACITY", "capacity_bps", dam_view_rate, true},
	{"READ", "capacity_read_bps", dam_view_rate, true},
	{"WRITE", "capacity_write_bps", dam_view_rate, true},
	{"KNOWN BY", "capacity_source", dam_view_text, false},
	{"COUNTED BY", "counter", dam_view_text, false},
	{"ENGINES", "engines", dam_view_list, false},
	/* what it does, from here on */
	{"UTIL", "utilisation", dam_view_percent, true},
	{"RATE", "rate_bps", dam_view_rate, true},
};
#define COMPONENT_COLUMNS_STILL 9

static const struct {
	const char *key;
	const struct dam_view_column *column;
	unsigned int nr, nr_still; /* columns: all, and those that need no work to be seen */
} tables[] = {
	{"engines", engine_columns, NR(engine_columns), ENGINE_COLUMNS_STILL},
	{"pools", pool_columns, NR(pool_columns), NR(pool_columns)},
	{"queues", queue_columns, NR(queue_columns), NR(queue_columns)},
	{"components", component_columns, NR(component_columns), COMPONENT_COLUMNS_STILL},
};

void dam_engines_print(FILE *f, const json_t *answer, bool work)
{
	bool first = true;

	if (!json_array_size(json_object_get(answer, "engines"))) {
		fputs("no engines: this machine has no device that DAM knows, and DAM_SIM declares none\n", f);
		return;
	}
	for (size_t i = 0; i < NR(tables); i++) {
		const json_t *rows = json_object_get(answer, tables[i].key);

		if (!json_array_size(rows))
			continue;
		if (!first)
			fputc('\n', f);
		first = false;
		dam_view_print(f, 0, tables[i].column, work ? tables[i].nr : tables[i].nr_still, rows);
	}
}
