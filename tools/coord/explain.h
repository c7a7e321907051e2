/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Why moves were made, and why others were not: the decisions of the latest plans, with what was weighed. */
#ifndef DAM_TOOLS_COORD_EXPLAIN_H
#define DAM_TOOLS_COORD_EXPLAIN_H

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy/explain.h"

struct coord;

/* An option, with the name that its thread had. */
struct coord_weighed {
	struct dam_policy_option option;
	pid_t tid, partner_tid; /* partner: in an exchange, else 0 */
	char comm[16];
};

/** coord_explain_open() - let policy/ write down what it weighs. Return: 0; -ENOMEM. */
int coord_explain_open(struct coord *c);
void coord_explain_close(struct coord *c);

/**
 * coord_explain_take() - the tick has decided; its moves will get the ids from @first_id on
 *
 * Those that led to a move are kept with it; of the others, the latest of each engine.
 */
void coord_explain_take(struct coord *c, uint64_t first_id);

/** coord_explain_json() - the decision behind move @id; NULL: not kept. @id 0: those that moved nothing, an array. */
json_t *coord_explain_json(struct coord *c, uint64_t id);

/** coord_explain_print() - the same for people, on stdout. */
void coord_explain_print(struct coord *c, uint64_t id);

#endif
