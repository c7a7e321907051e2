/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* A scenario while it is read: shared by parse.c and check.c. */
#ifndef DAM_TOOLS_SIM_PARSE_H
#define DAM_TOOLS_SIM_PARSE_H

#include "tools/sim/scenario.h"

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

/** sim_scenario_check() - what one line says about another: names become indices, defaults their values. */
int sim_scenario_check(struct sim_parse *p);

/** sim_path_beside() - @name, taken from the directory of @file unless it begins with '/'. */
void sim_path_beside(const char *file, const char *name, char *out, size_t size);

#endif
