/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The decision on the shipped scenarios, or on those of DAM_SCENARIOS=DIR: beside the oracle, beside policies that do
 * not foresee, and what was asked of it. A star marks what is missed.
 */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim_rows.h"

/* What was asked; the test asserts the same with slack. */
#define OF_ORACLE      0.95
#define OF_ORACLE_MEAN 0.98
#define OF_BASELINES   0.99
#define P99	       1.05
#define LED	       0.8
#define MOVES	       2.0

static const char *star(bool missed)
{
	return missed ? "*" : " ";
}

static void print_time(double s)
{
	if (isfinite(s))
		printf(" %8.2f", s * 1e3);
	else
		printf(" %8s", "-");
}

static void print_row(const struct sim_row *r)
{
	printf("%-24s %6.3f%s %6.3f%s %-11s", r->name, r->of_oracle, star(r->of_oracle < OF_ORACLE), r->of_baselines,
	       star(r->of_baselines < OF_BASELINES), r->best);
	print_time(r->p99_s);
	print_time(r->reactive_p99_s);
	printf("%s", star(r->p99_of_reactive > P99));
	print_time(r->oracle_p99_s);
	printf(" %6lu%s %6lu", r->moves, star((double)r->moves > MOVES * (double)r->cheapest && r->moves > 2), r->cheapest);
	if (r->ramps) {
		printf(" %3u/%-3u%s", r->led, r->ramps, star(r->led < LED * r->ramps));
		print_time(r->lead_s);
	}
	putchar('\n');
	fflush(stdout);
}

int main(void)
{
	static char path[SIM_SHIPPED_MAX][512];
	const char *own = getenv("DAM_SCENARIOS"), *dir = own ? own : DAM_SHIPPED_SCENARIOS;
	unsigned int nr = sim_shipped(dir, path);
	double sum = 0, elapsed = 0;

	if (!nr) {
		fprintf(stderr, "no scenarios in %s\n", dir);
		return EXIT_FAILURE;
	}
	printf("%-24s %7s %7s %-11s %8s %8s  %8s %7s %6s %8s %8s\n", "SCENARIO", "/ORACLE", "/BEST", "BEST", "P99 ms",
	       "REACTIVE", "ORACLE", "MOVES", "LEAST", "LED", "LEAD ms");
	for (unsigned int i = 0; i < nr; i++) {
		struct sim_row r;

		if (sim_row(path[i], 0, &r))
			return EXIT_FAILURE;
		print_row(&r);
		sum += log(r.of_oracle);
		elapsed += r.elapsed_s;
	}
	printf("geometric mean of the throughput over the oracle's: %.4f%s, %u scenarios in %.0f s\n", exp(sum / nr),
	       star(exp(sum / nr) < OF_ORACLE_MEAN), nr, elapsed);
	return EXIT_SUCCESS;
}
