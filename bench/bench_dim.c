/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What dam_dim_update() costs when it evaluates nothing, and when each call is a measurement. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "predict/dam_dim.h"

#define SAMPLES 4096 /* of a load with phases, made beforehand */
#define UPDATES 4000000
#define REPEATS 5

static struct dam_dim_sample load[SAMPLES];

static void make_load(uint64_t events)
{
	struct dam_dim_sample s = {0};

	srandom(1);
	for (int i = 0; i < SAMPLES; i++) {
		uint64_t packets = 50 * (1 + (uint64_t)i / 64 % 5) + (uint64_t)random() % 40;

		s.time_us += 900 + (uint64_t)random() % 200;
		s.events += events;
		s.packets += packets;
		s.bytes += packets * 1500;
		s.comps += packets;
		load[i] = s;
	}
}

/* Return: ns per update, the best of some; *@decided: share of those that ended a measurement. */
static double measure(const char *preset, double *decided)
{
	double best = 1e9;

	for (int r = 0; r < REPEATS; r++) {
		struct dam_dim dim;
		unsigned int n = 0;
		uint64_t begin;
		double ns;

		if (dam_dim_init(&dim, dam_dim_preset_find(preset), 0))
			abort();
		begin = dam_now_ns();
		for (unsigned int i = 0; i < UPDATES; i++) {
			enum dam_dim_decision d = dam_dim_update(&dim, &load[i % SAMPLES]);

			n += d != DAM_DIM_NOTHING;
			/* As if KEPT, so that every call is a measurement. */
			if (d == DAM_DIM_CHANGED)
				dim.state = DAM_DIM_MEASURE_IN_PROGRESS;
		}
		ns = (double)(dam_now_ns() - begin) / UPDATES;
		best = ns < best ? ns : best;
		*decided = (double)n / UPDATES;
	}
	return best;
}

int main(void)
{
	static const struct {
		const char *what;
		uint64_t events;
		double limit_ns;
	} rows[] = {{"nothing to evaluate", 0, 10}, {"a measurement each", 64, 60}};
	const struct dam_dim_preset *p;

	printf("dam_dim_update(): ns a call, best of %d x %d calls\n", REPEATS, UPDATES);
	printf("%-8s %-20s %8s %8s %10s\n", "profile", "each call", "ns", "wanted", "evaluated");
	for (unsigned int r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		make_load(rows[r].events);
		for (unsigned int i = 0; (p = dam_dim_preset(i)); i++) {
			double decided, ns = measure(p->name, &decided);

			printf("%-8s %-20s %8.1f %7.0f%s %9.1f%%\n", p->name, rows[r].what, ns,
			       rows[r].limit_ns, ns <= rows[r].limit_ns ? " " : "!", 100 * decided);
		}
	}
	return 0;
}
