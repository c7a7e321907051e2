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

/** dam_plan_try() - the same, of a move that only shows what an idle engine can do; its threshold is negative */
bool dam_plan_try(struct dam_plan *pl, unsigned int h, struct dam_policy_move *out);

#define DAM_SWAP_PAIRS 8 /* that are weighed at a time */

/* Two threads that change places, and what else was weighed. */
struct dam_swap {
	struct dam_policy_move m[2];	    /* off the hot engine; onto it */
	unsigned int threads, nr;	    /* candidates; pairs weighed */
	enum dam_policy_verdict verdict;    /* of the pair that got furthest; NO_THREAD: there was nothing to look for */
	struct dam_policy_option option[DAM_SWAP_PAIRS]; /* the moves off the hot engine */
};

/** dam_plan_swap() - the best exchange of a thread of engine @h for a smaller one of another; not yet explained */
bool dam_plan_swap(struct dam_plan *pl, unsigned int h, struct dam_swap *out);

/** dam_plan_explain_swap() - write down an exchange that stands in the plan, as a decision for each of the two */
void dam_plan_explain_swap(const struct dam_plan *pl, const struct dam_swap *s);

/** dam_plan_thread_cost() - the thread where it is in the plan. */
void dam_plan_thread_cost(const struct dam_plan *pl, unsigned int t, struct dam_cost_thread *out);

#endif
