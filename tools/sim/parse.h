/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* A scenario while it is read: shared by parse.c and check.c. */
#ifndef DAM_TOOLS_SIM_PARSE_H
#define DAM_TOOLS_SIM_PARSE_H

#include "tools/sim/scenario.h"

#define SIM_BLANKS " \t\r"

/* What a line is about, by its first word. */
enum sim_line {
	SIM_LINE_RUN,
	SIM_LINE_COST,
	SIM_LINE_POLICY,
	SIM_LINE_POOL,
	SIM_LINE_ENGINE,
	SIM_LINE_THREADS,
	SIM_LINE_AT,
};

struct sim_parse {
	struct sim_scenario *s;
	unsigned int line; /* that is being read, from 1 */
	float distance;	   /* between domains; 0: as the topology tells */
	bool nomem;
	char *err;
	size_t err_size;
};

/** sim_parse_fail() - "FILE, line N: why"; @line 0: the file as a whole. Return: -EINVAL. */
int sim_parse_fail(struct sim_parse *p, unsigned int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/**
 * sim_words_read() - KEY=VALUE … to the end of a line of @kind
 * @base: the struct that the line fills: scenario (run, cost, policy), pool, engine, group or event
 * @rest: of strtok_r()
 * Return: 0; -EINVAL, told.
 */
int sim_words_read(struct sim_parse *p, enum sim_line kind, void *base, char **rest);

/** sim_scenario_check() - what one line says about another: names become indices, defaults their values. */
int sim_scenario_check(struct sim_parse *p);

/** sim_path_beside() - @name, taken from the directory of @file unless it begins with '/'. */
void sim_path_beside(const char *file, const char *name, char *out, size_t size);

#endif
