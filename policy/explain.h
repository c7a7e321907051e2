/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Why a tick decided as it did: which trigger fired, what was weighed, each term, the winner or what stood in the way.
 *
 * The caller owns the room and passes it by dam_policy_set_explain(). A sink that is full drops what comes later and
 * counts it; the decision is the same with a sink and without.
 */
#ifndef DAM_POLICY_EXPLAIN_H
#define DAM_POLICY_EXPLAIN_H

#include "policy/policy.h"

#define DAM_POLICY_WEIGHED 8 /* options kept for each decision: the best ones */

/* What became of an option, or of a whole look at an engine; the later in this list, the further it got. */
enum dam_policy_verdict {
	DAM_VERDICT_NO_THREAD,	   /* nobody whose work explains the load */
	DAM_VERDICT_PINNED,	   /* threads there are, but none may be moved: pinned by others, excluded */
	DAM_VERDICT_COOLDOWN,	   /* … or each was moved a moment ago */
	DAM_VERDICT_NO_TARGET,	   /* no other engine could take the work: capability, reservation, allowed CPUs */
	DAM_VERDICT_NO_SWAP,	   /* of an exchange: no two threads whose changing places would help */
	DAM_VERDICT_PAIR,	   /* the target would be about as loaded as the source is */
	DAM_VERDICT_OVERFLOW,	   /* open demand would exceed the target's capacity */
	DAM_VERDICT_GAIN,	   /* less is gained than a move costs */
	DAM_VERDICT_OUTDONE,	   /* good, but another one was better */
	DAM_VERDICT_LIMIT,	   /* DAM_MAX_MOVES was reached */
	DAM_VERDICT_DROPPED,	   /* chosen, and undone by a later step of the same plan */
	DAM_VERDICT_MOVED,
	DAM_VERDICT_NR
};

/* One option: @move as it would have been; its terms are filled from DAM_VERDICT_GAIN on. */
struct dam_policy_option {
	struct dam_policy_move move;
	enum dam_policy_verdict verdict;
};

/* One look at one hot engine, or at one thread that is far from its own. */
struct dam_policy_decision {
	int engine, pool;		 /* pool: DAM_POLICY_NONE: fixed */
	int component;			 /* the bottleneck, if it is what triggered; else DAM_POLICY_NONE */
	enum dam_policy_trigger trigger;
	double capacity, demand, background; /* bytes/s; capacity 0: unknown */
	double util;			 /* as planned so far: earlier moves of the plan count; NaN: unknown */
	struct dam_policy_forecast forecast; /* of the engine; p90 NaN: none was given */
	enum dam_policy_verdict verdict; /* MOVED, or what stood in the way of the option that got furthest */
	enum dam_policy_verdict exchange; /* why no thread was exchanged; NO_THREAD: that was not looked for */
	int move;			 /* index of the move emitted; DAM_POLICY_NONE: none */
	unsigned int threads;		 /* candidates that were weighed */
	unsigned int weighed;		 /* options that were weighed */
	unsigned int first, nr;		 /* those kept: option[first … first + nr - 1], best first */
};

struct dam_policy_explain {
	struct dam_policy_decision *decision; /* the caller's */
	unsigned int max_decisions;
	struct dam_policy_option *option; /* the caller's; DAM_POLICY_WEIGHED for each decision is enough */
	unsigned int max_options;
	/* written by each tick */
	unsigned int nr_decisions, nr_options;
	unsigned int dropped; /* decisions for which there was no room */
};

/** dam_policy_verdict_name() - "gain", "pair", …; dam_policy_verdict_text(): a clause for people; static. */
const char *dam_policy_verdict_name(enum dam_policy_verdict v);
const char *dam_policy_verdict_text(enum dam_policy_verdict v);

#endif
