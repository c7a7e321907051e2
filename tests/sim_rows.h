/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What the shipped scenarios are to show, as numbers: a row for each; the test asserts them, the bench prints them. */
#ifndef DAM_TESTS_SIM_ROWS_H
#define DAM_TESTS_SIM_ROWS_H

#include "tools/sim/sim.h"

#define SIM_SHIPPED_MAX 256
#define SIM_ROW_NAME	64

struct sim_row {
	char name[SIM_ROW_NAME];
	double of_oracle;	/* throughput over the oracle's */
	double of_baselines;	/* over the best of none, round-robin, cpu-balance, reactive */
	const char *best;	/* that one */
	double oracle_least;	/* the oracle's throughput over the best of all others */
	double p99_of_reactive; /* latency; NaN: none */
	double p99_s, reactive_p99_s, oracle_p99_s;
	unsigned long moves, cheapest; /* cheapest: moves of the policy that moves least and delivers as much; 0: none moves */
	unsigned int ramps, led;
	double lead_s, elapsed_s;
};

/**
 * sim_row() - run a scenario under every policy
 * @seconds: at most so many of it; 0: all
 * Return: 0; -Exxx: printed.
 */
int sim_row(const char *path, double seconds, struct sim_row *out);

/** sim_row_name() - the file's name without its ending. */
void sim_row_name(const char *path, char out[SIM_ROW_NAME]);

/** sim_shipped() - paths of all scenarios in @dir, sorted. Return: how many. */
unsigned int sim_shipped(const char *dir, char out[SIM_SHIPPED_MAX][512]);

#endif
