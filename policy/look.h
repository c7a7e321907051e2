/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* One look at a hot engine: the threads that could leave it, and the engines and domains that they could go to. */
#ifndef DAM_POLICY_LOOK_H
#define DAM_POLICY_LOOK_H

#include "policy/plan.h"

#define DAM_LOOK_CANDIDATES 32 /* threads of the hot engine: half of them its largest, half its smallest, … */
#define DAM_LOOK_RETURNING  8  /* … and some that came in this plan */
#define DAM_LOOK_TARGETS    8
#define DAM_LOOK_THREADS    (DAM_LOOK_CANDIDATES + DAM_LOOK_RETURNING)

#define DAM_LOOK_AGE_S	    0.5	 /* slow means of a younger thread are none */
#define DAM_LOOK_MARGIN	    0.05 /* δ of the pair rule */

/* Engines that a candidate could go to, the best first. */
struct dam_targets {
	unsigned int nr, engine[DAM_LOOK_TARGETS];
	double load[DAM_LOOK_TARGETS], with[DAM_LOOK_TARGETS]; /* as it is; with a thread like the first one */
	bool known;
	uint64_t needs;
	enum dam_policy_class class;
};

/* The source, as it is before anything leaves. */
struct dam_look {
	struct dam_plan *pl;
	unsigned int h;
	bool evict; /* only threads for which it is not reserved, and they need no other reason */
	bool trial; /* of an idle engine, to learn what it can do */
	double load, overflow;
	struct dam_targets targets;
	unsigned int nr_threads;
	struct dam_key thread[DAM_LOOK_THREADS]; /* candidates, the largest first */
};

/* What every load that a step changes has to stay below, so that the sorted loads fall. */
static inline double dam_look_ceiling(const struct dam_look *l)
{
	return l->load - DAM_LOOK_MARGIN * (l->load > 1 ? l->load : 1);
}

/** dam_look_candidates() - fill in @l->thread; the rest but the targets is set. */
void dam_look_candidates(struct dam_look *l);

/** dam_look_targets() - fill in @l->targets for @th, if they are not known from a thread alike. */
void dam_look_targets(struct dam_look *l, const struct dam_thread *th);

/** dam_look_domain() - where @th would use engine @e from; DAM_POLICY_NONE: nowhere. */
int dam_look_domain(const struct dam_plan *pl, const struct dam_thread *th, unsigned int e);

/** dam_look_movable() - sort the threads of engine @e that may leave, the largest first. Return: how many. */
unsigned int dam_look_movable(struct dam_plan *pl, unsigned int e);

/** dam_look_nobody() - why engine @h has no candidates. */
enum dam_policy_verdict dam_look_nobody(const struct dam_plan *pl, unsigned int h);

#endif
