/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * What earlier moves taught: how likely a move of this kind is a good one, and by how much its forecast errs.
 *
 * Pure, like the rest of policy/: the caller brings the time, in seconds of any clock that goes on between runs
 * (the wall clock), and keeps what was learned between runs.
 */
#ifndef DAM_POLICY_LEARN_H
#define DAM_POLICY_LEARN_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/outcome.h"

#define DAM_LEARN_NAME	    32
#define DAM_LEARN_HALF_LIFE (24 * 3600.0) /* s: what was learned counts half a day later */

/* A kind of move. Unused bytes of the texts are zero: dam_learn_key() sees to it. */
struct dam_learn_key {
	char program[DAM_LEARN_NAME];
	char thread[DAM_LEARN_NAME]; /* its name, or a call site */
	char engine[DAM_LEARN_NAME]; /* kind: "block", "sim" */
	int from, to;		     /* domains, as the operating system numbers them */
};

/* What is known of one kind; weights are decayed numbers of moves. */
struct dam_learn {
	struct dam_learn_key key;
	double good, bad;  /* Beta-Bernoulli, without the prior */
	double bias, bias_weight; /* mean of ln(actual / forecast), and its weight */
	double time_s;	   /* that they were last decayed to */
};

struct dam_learn_table;

/** dam_learn_key() - make a key; longer texts are cut. */
void dam_learn_key(struct dam_learn_key *key, const char *program, const char *thread, const char *engine,
		   int from, int to);

/** dam_learn_create() - an empty table for up to @max kinds. Return: NULL without memory. */
struct dam_learn_table *dam_learn_create(unsigned int max);
/** dam_learn_destroy() - takes NULL. */
void dam_learn_destroy(struct dam_learn_table *t);

/**
 * dam_learn_result() - a move of this kind was judged
 * @ratio: rate that the thread then had over the rate that was forecast; NaN: unknown
 *
 * "Undecided" teaches nothing. In a full table the new kind takes the place of the one that was judged longest ago.
 */
void dam_learn_result(struct dam_learn_table *t, const struct dam_learn_key *key,
		      enum dam_outcome_verdict verdict, double ratio, double now_s);

/**
 * dam_learn_favour() - what the gain of a move of this kind is to be multiplied by
 * Return: 1 where nothing is known; 0 where a move is as likely bad as good; below 0 where it is more likely bad.
 */
double dam_learn_favour(const struct dam_learn_table *t, const struct dam_learn_key *key, double now_s);

/** dam_learn_bias() - what the forecast of a thread's rate after such a move is to be multiplied by; 1/2 to 2. */
double dam_learn_bias(const struct dam_learn_table *t, const struct dam_learn_key *key, double now_s);

/** dam_learn_each() - every kind that is known, in no order. Return: NULL: @i is beyond the last. */
const struct dam_learn *dam_learn_each(const struct dam_learn_table *t, unsigned int i);

/** dam_learn_restore() - what an earlier run kept; values that cannot be are refused. Return: taken. */
bool dam_learn_restore(struct dam_learn_table *t, const struct dam_learn *l);

/** dam_learn_find() - NULL: nothing is known of this kind. */
const struct dam_learn *dam_learn_find(const struct dam_learn_table *t, const struct dam_learn_key *key);

#endif
