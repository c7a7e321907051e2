/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* A scenario under every policy, and how DAM compares; see sim_rows.h. */
#include "config.h"
#include "tests/sim_rows.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENDING	     ".sim"
#define MAX_POLICIES 16
#define AS_MUCH	     0.99 /* of the throughput: the same */

static const struct sim_result *find(const struct sim_result *r, unsigned int nr, const struct sim_policy *p)
{
	for (unsigned int i = 0; i < nr; i++)
		if (!strcmp(r[i].policy, p->name))
			return &r[i];
	abort();
}

static void against_baselines(const struct sim_result *r, unsigned int nr, struct sim_row *row)
{
	static const struct sim_policy *const baselines[] = {&sim_none, &sim_round_robin, &sim_cpu_balance, &sim_reactive};
	const struct sim_result *dam = find(r, nr, &sim_dam);
	double best = 0;

	for (size_t i = 0; i < sizeof(baselines) / sizeof(baselines[0]); i++) {
		const struct sim_result *b = find(r, nr, baselines[i]);

		if (b->throughput > best) {
			best = b->throughput;
			row->best = b->policy;
		}
	}
	row->of_baselines = dam->throughput / best;
}

/* The policy that moves least among those that begin where DAM begins and deliver as much. */
static void against_cheapest(const struct sim_result *r, unsigned int nr, struct sim_row *row)
{
	static const struct sim_policy *const movers[] = {&sim_none, &sim_cpu_balance, &sim_reactive};
	const struct sim_result *dam = find(r, nr, &sim_dam);

	row->moves = row->cheapest = dam->moves;
	for (size_t i = 0; i < sizeof(movers) / sizeof(movers[0]); i++) {
		const struct sim_result *m = find(r, nr, movers[i]);

		if (m->throughput >= AS_MUCH * dam->throughput && m->p99_s <= dam->p99_s && m->moves < row->cheapest)
			row->cheapest = m->moves;
	}
}

static void against_oracle(const struct sim_result *r, unsigned int nr, struct sim_row *row)
{
	const struct sim_result *oracle = find(r, nr, &sim_oracle);

	row->of_oracle = find(r, nr, &sim_dam)->throughput / oracle->throughput;
	row->oracle_least = INFINITY;
	row->oracle_p99_s = oracle->p99_s;
	for (unsigned int i = 0; i < nr; i++)
		if (&r[i] != oracle)
			row->oracle_least = fmin(row->oracle_least, oracle->throughput / r[i].throughput);
}

static void compare(const struct sim_result *r, unsigned int nr, struct sim_row *row)
{
	const struct sim_result *dam = find(r, nr, &sim_dam), *reactive = find(r, nr, &sim_reactive);

	against_baselines(r, nr, row);
	against_cheapest(r, nr, row);
	against_oracle(r, nr, row);
	row->p99_s = dam->p99_s;
	row->reactive_p99_s = reactive->p99_s;
	row->p99_of_reactive = dam->p99_s / reactive->p99_s;
	row->ramps = dam->ramps;
	row->led = dam->led;
	row->lead_s = dam->lead_s;
	for (unsigned int i = 0; i < nr; i++)
		row->elapsed_s += r[i].elapsed_s;
}

void sim_row_name(const char *path, char out[SIM_ROW_NAME])
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	snprintf(out, SIM_ROW_NAME, "%.*s", (int)(strlen(name) - strlen(ENDING)), name);
}

int sim_row(const char *path, double seconds, struct sim_row *out)
{
	struct sim_result r[MAX_POLICIES];
	struct sim_scenario *s = NULL;
	struct sim_loads *loads = NULL;
	char why[1024];
	unsigned int nr = 0;
	int err = sim_scenario_read(path, why, sizeof(why), &s);

	if (err) {
		fprintf(stderr, "%s\n", why);
		return err;
	}
	if (seconds > 0 && s->seconds > seconds)
		s->seconds = seconds;
	*out = (struct sim_row){0};
	sim_row_name(path, out->name);
	err = sim_loads_open(s, &loads);
	for (; !err && sim_policies[nr]; nr++)
		err = sim_run(s, loads, sim_policies[nr], NULL, NULL, &r[nr]);
	if (!err)
		compare(r, nr, out);
	sim_loads_close(loads);
	sim_scenario_free(s);
	return err;
}

static int is_scenario(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return len > strlen(ENDING) && !strcmp(d->d_name + len - strlen(ENDING), ENDING);
}

unsigned int sim_shipped(const char *dir, char out[SIM_SHIPPED_MAX][512])
{
	struct dirent **list;
	int nr = scandir(dir, &list, is_scenario, alphasort);
	unsigned int kept = 0;

	for (int i = 0; i < nr; i++) {
		if (kept < SIM_SHIPPED_MAX)
			snprintf(out[kept++], 512, "%s/%s", dir, list[i]->d_name);
		free(list[i]);
	}
	if (nr >= 0)
		free(list);
	return kept;
}
