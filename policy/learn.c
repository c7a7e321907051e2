/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Learning from verdicts: a Beta-Bernoulli estimate for each kind of move, with decay.
 *
 * The prior says that three moves of four are good, as the plan believes that all of them are. With p the mean of the
 * posterior, a move gains what was computed with probability p and loses as much with 1 - p: its worth is (2p - 1)
 * times the gain, and divided by the same of the prior, so that nothing known means 1. Two bad ones running make 0;
 * decay lets such a move be tried again after a day, four of them after two.
 */
#include "config.h"
#include "policy/learn.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PRIOR_GOOD 3.0
#define PRIOR_BAD  1.0
#define PRIOR_MEAN (PRIOR_GOOD / (PRIOR_GOOD + PRIOR_BAD))
#define PRIOR_BIAS 3.0 /* moves whose forecast was right, said of a kind that is not known */
#define HIGHEST	   1.5 /* of the favour: no kind of move is worth much more than computed */
#define LOWEST	   (-1.0)
#define BIAS_MOST  0.6931471805599453 /* ln 2 */
#define ROUNDING   1e-9 /* the mean of equal numbers is not always that number */
#define MOST	   1000.0 /* weight that a restored kind may have */

struct dam_learn_table {
	unsigned int nr, max, mask;
	struct dam_learn *kind;
	unsigned int *bucket, *next; /* index + 1 of a kind; 0: the end of the chain */
};

static void copy_text(char *to, const char *from)
{
	size_t n = strlen(from);

	memset(to, 0, DAM_LEARN_NAME);
	memcpy(to, from, n < DAM_LEARN_NAME ? n : DAM_LEARN_NAME - 1);
}

void dam_learn_key(struct dam_learn_key *key, const char *program, const char *thread, const char *engine,
		   int from, int to)
{
	copy_text(key->program, program);
	copy_text(key->thread, thread);
	copy_text(key->engine, engine);
	key->from = from;
	key->to = to;
}

struct dam_learn_table *dam_learn_create(unsigned int max)
{
	struct dam_learn_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->max = max;
	while (t->mask < max)
		t->mask = 2 * t->mask + 1;
	t->kind = calloc(max + 1, sizeof(*t->kind));
	t->next = calloc(max + 1, sizeof(*t->next));
	t->bucket = calloc((size_t)t->mask + 1, sizeof(*t->bucket));
	if (!t->kind || !t->next || !t->bucket) {
		dam_learn_destroy(t);
		return NULL;
	}
	return t;
}

void dam_learn_destroy(struct dam_learn_table *t)
{
	if (!t)
		return;
	free(t->kind);
	free(t->next);
	free(t->bucket);
	free(t);
}

static bool same_key(const struct dam_learn_key *a, const struct dam_learn_key *b)
{
	return a->from == b->from && a->to == b->to && !memcmp(a->thread, b->thread, DAM_LEARN_NAME) &&
	       !memcmp(a->program, b->program, DAM_LEARN_NAME) && !memcmp(a->engine, b->engine, DAM_LEARN_NAME);
}

/* FNV-1a over words: a plan asks for some hundred kinds a move. */
static unsigned int *chain(const struct dam_learn_table *t, const struct dam_learn_key *k)
{
	uint64_t h = 14695981039346656037u, word;
	const char *const text[] = {k->program, k->thread, k->engine};

	for (int i = 0; i < 3; i++)
		for (unsigned int at = 0; at < DAM_LEARN_NAME; at += sizeof(word)) {
			memcpy(&word, text[i] + at, sizeof(word));
			h = (h ^ word) * 1099511628211u;
		}
	h = (h ^ ((uint64_t)(uint32_t)k->from << 32 | (uint32_t)k->to)) * 1099511628211u;
	return &t->bucket[(h ^ h >> 32) & t->mask];
}

static struct dam_learn *find(const struct dam_learn_table *t, const struct dam_learn_key *key)
{
	for (unsigned int i = *chain(t, key); i; i = t->next[i - 1])
		if (same_key(&t->kind[i - 1].key, key))
			return &t->kind[i - 1];
	return NULL;
}

static void unlink_kind(struct dam_learn_table *t, unsigned int index)
{
	unsigned int *at = chain(t, &t->kind[index].key);

	while (*at && *at != index + 1)
		at = &t->next[*at - 1];
	if (*at)
		*at = t->next[index];
}

static unsigned int oldest(const struct dam_learn_table *t)
{
	unsigned int old = 0;

	for (unsigned int i = 1; i < t->nr; i++)
		if (t->kind[i].time_s < t->kind[old].time_s)
			old = i;
	return old;
}

static struct dam_learn *make(struct dam_learn_table *t, const struct dam_learn_key *key, double now_s)
{
	struct dam_learn *l = find(t, key);
	unsigned int index, *at;

	if (l || !t->max)
		return l;
	if (t->nr < t->max) {
		index = t->nr++;
	} else {
		index = oldest(t);
		unlink_kind(t, index);
	}
	t->kind[index] = (struct dam_learn){.key = *key, .time_s = now_s};
	at = chain(t, key);
	t->next[index] = *at;
	*at = index + 1;
	return &t->kind[index];
}

/* Share that is left at @now_s. A clock that was set back decays nothing. */
static double left(const struct dam_learn *l, double now_s)
{
	return exp2(-fmax(0, now_s - l->time_s) / DAM_LEARN_HALF_LIFE);
}

void dam_learn_result(struct dam_learn_table *t, const struct dam_learn_key *key,
		      enum dam_outcome_verdict verdict, double ratio, double now_s)
{
	/* "same" is no evidence against the prior, and dilutes what else there is */
	static const double good[] = {[DAM_OUTCOME_SAME] = PRIOR_MEAN, [DAM_OUTCOME_BETTER] = 1};
	struct dam_learn *l;
	double d;

	if (verdict == DAM_OUTCOME_OPEN || verdict == DAM_OUTCOME_UNDECIDED)
		return;
	l = make(t, key, now_s);
	if (!l)
		return;
	d = left(l, now_s);
	l->good = l->good * d + good[verdict];
	l->bad = l->bad * d + 1 - good[verdict];
	l->bias_weight *= d;
	if (ratio > 0 && isfinite(ratio)) {
		double error = fmax(-BIAS_MOST, fmin(BIAS_MOST, log(ratio)));

		l->bias = (l->bias * l->bias_weight + error) / (l->bias_weight + 1);
		l->bias_weight++;
	}
	l->time_s = now_s;
}

double dam_learn_favour(const struct dam_learn_table *t, const struct dam_learn_key *key, double now_s)
{
	const struct dam_learn *l = find(t, key);
	double d, p;

	if (!l)
		return 1;
	d = left(l, now_s);
	p = (PRIOR_GOOD + d * l->good) / (PRIOR_GOOD + PRIOR_BAD + d * (l->good + l->bad));
	return fmax(LOWEST, fmin(HIGHEST, (2 * p - 1) / (2 * PRIOR_MEAN - 1)));
}

double dam_learn_bias(const struct dam_learn_table *t, const struct dam_learn_key *key, double now_s)
{
	const struct dam_learn *l = find(t, key);
	double weight = l ? l->bias_weight * left(l, now_s) : 0;

	return l ? exp(l->bias * weight / (weight + PRIOR_BIAS)) : 1;
}

const struct dam_learn *dam_learn_each(const struct dam_learn_table *t, unsigned int i)
{
	return i < t->nr ? &t->kind[i] : NULL;
}

const struct dam_learn *dam_learn_find(const struct dam_learn_table *t, const struct dam_learn_key *key)
{
	return find(t, key);
}

static bool within(double v, double low, double high)
{
	return v >= low && v <= high;
}

bool dam_learn_restore(struct dam_learn_table *t, const struct dam_learn *l)
{
	struct dam_learn *mine;

	if (!within(l->good, 0, MOST) || !within(l->bad, 0, MOST) || !within(l->bias_weight, 0, MOST) ||
	    !within(l->bias, -BIAS_MOST - ROUNDING, BIAS_MOST + ROUNDING) || !isfinite(l->time_s))
		return false;
	mine = make(t, &l->key, l->time_s);
	if (mine)
		*mine = *l;
	return mine != NULL;
}
