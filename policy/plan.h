/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* A plan in the making: what plan.c repeats and weigh.c chooses from. */
#ifndef DAM_POLICY_PLAN_H
#define DAM_POLICY_PLAN_H

#include "policy/model.h"

struct dam_plan {
	struct dam_policy *p;
	struct dam_tree tree;
	int pool;
	unsigned int nr_engines; /* of the pool, in p->list */
	bool slow;		 /* demands: 500 ms means rather than 50 ms ones */
	struct dam_policy_move *moves;
	unsigned int base;    /* moves of other pools before these */
	unsigned int nr, max;
};

/**
 * dam_plan_best() - the best move off engine @h, explained as one decision
 * @out: the move, where there is one; dam_explain_close() is then the caller's
 */
bool dam_plan_best(struct dam_plan *pl, unsigned int h, struct dam_policy_move *out);

/** dam_plan_thread_cost() - the thread where it is in the plan. */
void dam_plan_thread_cost(const struct dam_plan *pl, unsigned int t, struct dam_cost_thread *out);

#endif
