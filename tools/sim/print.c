/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Results: as an object, and as a table made from it. */
#include "config.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include <jansson.h>

#include "tools/common/json.h"
#include "tools/common/view.h"
#include "tools/sim/sim.h"

static double oracle_throughput(const struct sim_result *r, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		if (!strcmp(r[i].policy, sim_oracle.name) && r[i].throughput > 0)
			return r[i].throughput;
	return NAN;
}

static json_t *result_json(const struct sim_result *r, double oracle)
{
	json_t *o = json_object();

	json_object_set_new(o, "policy", json_string(r->policy));
	json_object_set_new(o, "throughput_bps", number(r->throughput));
	json_object_set_new(o, "of_oracle", number(r->throughput / oracle));
	json_object_set_new(o, "latency_p50_s", number(r->p50_s));
	json_object_set_new(o, "latency_p99_s", number(r->p99_s));
	json_object_set_new(o, "latency_p999_s", number(r->p999_s));
	json_object_set_new(o, "imbalance_mean", number(r->gap_mean));
	json_object_set_new(o, "imbalance_max", number(r->gap_max));
	json_object_set_new(o, "moves", json_integer((json_int_t)r->moves));
	json_object_set_new(o, "energy", number(r->energy));
	json_object_set_new(o, "ramps", json_integer(r->ramps));
	json_object_set_new(o, "ramps_led", json_integer(r->led));
	json_object_set_new(o, "lead_s", number(r->lead_s));
	json_object_set_new(o, "lost_bytes", number(r->lost_bytes));
	json_object_set_new(o, "elapsed_s", number(r->elapsed_s));
	return o;
}

static json_t *results_json(const struct sim_scenario *s, const struct sim_result *r, unsigned int nr)
{
	json_t *o = json_object(), *list = json_array();
	double oracle = oracle_throughput(r, nr);

	for (unsigned int i = 0; i < nr; i++)
		json_array_append_new(list, result_json(&r[i], oracle));
	json_object_set_new(o, "scenario", json_string(s->path));
	json_object_set_new(o, "seconds", json_real(s->seconds));
	json_object_set_new(o, "seed", json_integer((json_int_t)s->seed));
	json_object_set_new(o, "domains", json_integer(s->topo.nr_domains));
	json_object_set_new(o, "engines", json_integer(s->nr_engines));
	json_object_set_new(o, "threads", json_integer(s->nr_threads));
	json_object_set_new(o, "policies", list);
	return o;
}

int sim_print_json(const struct sim_scenario *s, const struct sim_result *r, unsigned int nr)
{
	json_t *o = results_json(s, r, nr);
	int err = o ? json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER) : -1;

	putchar('\n');
	json_decref(o);
	return err ? -ENOMEM : 0;
}

/* Three digits, whatever the size: 950 ns, 12.3 us, 1.25 s. */
static void format_time(const json_t *value, char *buf, size_t size)
{
	static const struct {
		double below, unit;
		const char *name;
	} units[] = {{1e-6, 1e-9, "ns"}, {1e-3, 1e-6, "us"}, {1, 1e-3, "ms"}, {INFINITY, 1, "s"}};
	double v = json_number_value(value);
	unsigned int i = 0;

	if (!json_is_number(value)) {
		snprintf(buf, size, "-");
		return;
	}
	while (v >= units[i].below * 0.9995)
		i++;
	v /= units[i].unit;
	snprintf(buf, size, "%.*f %s", v < 9.995 ? 2 : v < 99.95 ? 1 : 0, v, units[i].name);
}

static void format_share(const json_t *value, char *buf, size_t size)
{
	snprintf(buf, size, json_is_number(value) ? "%.3f" : "-", json_number_value(value));
}

static void format_points(const json_t *value, char *buf, size_t size)
{
	snprintf(buf, size, json_is_number(value) ? "%.0f %%" : "-", 100 * json_number_value(value));
}

/* "-" where nothing rises. */
static void format_count(const json_t *value, char *buf, size_t size)
{
	if (json_integer_value(value))
		snprintf(buf, size, "%lld", (long long)json_integer_value(value));
	else
		snprintf(buf, size, "-");
}

static const struct dam_view_column columns[] = {
	{"POLICY", "policy", dam_view_text, false},
	{"THROUGHPUT", "throughput_bps", dam_view_rate, true},
	{"OF ORACLE", "of_oracle", format_share, true},
	{"P50", "latency_p50_s", format_time, true},
	{"P99", "latency_p99_s", format_time, true},
	{"P99.9", "latency_p999_s", format_time, true},
	{"IMBALANCE", "imbalance_mean", format_points, true},
	{"MAX", "imbalance_max", format_points, true},
	{"MOVES", "moves", dam_view_number, true},
	{"ENERGY", "energy", format_share, true},
	{"RAMPS", "ramps", format_count, true},
	{"LED", "ramps_led", format_count, true},
	{"LEAD", "lead_s", format_time, true},
};

void sim_print_table(const struct sim_scenario *s, const struct sim_result *r, unsigned int nr)
{
	json_t *o = results_json(s, r, nr);

	printf("%s: %u threads on %u engines, %u domains, %.4g s\n", s->path, s->nr_threads, s->nr_engines,
	       s->topo.nr_domains, s->seconds);
	dam_view_print(stdout, 2, columns, sizeof(columns) / sizeof(columns[0]), json_object_get(o, "policies"));
	json_decref(o);
}
