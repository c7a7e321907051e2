/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What an engine can carry: told, learned while it was full, or as its siblings; for any mix of reads and writes. */
#include "config.h"

#include <math.h>
#include <stdlib.h>

#include "policy/model.h"

#define LEARN		0.5   /* of the difference per block: 0.07 per 10 ms over 100 ms */
#define FIRST_BLOCKS	2
#define ALIKE		0.15  /* learned siblings no further apart than this are taken to be equal */
#define ROOM		1.25  /* of the highest rate that an engine has carried without being full */
#define FORGET_S	60.0  /* without saturation, doubling with each confirmation */
#define ONE_WAY		0.9   /* share of the bytes from which on a block tells of one direction alone */

/*
 * Capacity for a mix. Where both directions share one medium, a byte takes 1/C of its own direction; else the
 * direction that is full first decides.
 */
static double at_mix(const double cap[2], bool duplex, double written)
{
	double read = 1 - written;

	if (cap[0] <= 0 || cap[1] <= 0)
		return 0;
	if (duplex)
		return fmin(read > 0 ? cap[0] / read : INFINITY, written > 0 ? cap[1] / written : INFINITY);
	return fabs(cap[0] - cap[1]) > 0 ? 1 / (read / cap[0] + written / cap[1]) : cap[0];
}

double dam_engine_capacity(const struct dam_engine *en, double written)
{
	return at_mix(en->cap, en->desc.duplex, written);
}

double dam_engine_fastest(const struct dam_engine *en)
{
	return fmax(en->cap[0], en->cap[1]);
}

/* Is what it could carry known from others alone, or, as it was never used, from nobody? */
bool dam_engine_untried(const struct dam_engine *en)
{
	return en->source == DAM_CAP_SIBLING || (en->source == DAM_CAP_UNKNOWN && en->seen <= 0);
}

/* What a byte of such a mix costs @en, a byte of its faster direction being 1; directions that do not share cost 1. */
double dam_engine_work(const struct dam_engine *en, double written)
{
	double own = dam_engine_capacity(en, written), fastest = dam_engine_fastest(en);

	return en->desc.duplex || own <= 0 || fastest - own <= 0 ? 1 : fastest / own;
}

/* Is what lies above the engine what limits it? */
static bool limited_above(const struct dam_policy *p, const struct dam_engine *en)
{
	for (unsigned int i = 0; i < DAM_POLICY_ABOVE; i++) {
		int c = dam_component_above(p, en, i);

		if (c >= 0 && p->components[c].full)
			return true;
	}
	return false;
}

/*
 * A block of one direction teaches that one; the other follows until it has been seen itself. A mixed block teaches
 * the direction that has not been seen alone, so that shares of 1/C add up to the block's 1/x; else both.
 */
static void teach(struct dam_engine *en, double x, double written)
{
	double known = at_mix(en->learned, en->desc.duplex, written), ratio = 1 + LEARN * (x / known - 1);
	int way = written > 0.5 ? 1 : 0;

	if (written >= ONE_WAY || written <= 1 - ONE_WAY) {
		en->learned[way] *= ratio;
		en->pure[way] = true;
		if (!en->pure[!way])
			en->learned[!way] = en->learned[way];
	} else if (en->pure[0] != en->pure[1] && !en->desc.duplex) {
		int other = en->pure[0] ? 1 : 0;
		double share = other ? written : 1 - written, rest = 1 / x - (1 - share) / en->learned[!other];

		if (rest > 0)
			en->learned[other] += LEARN * (share / rest - en->learned[other]);
	} else {
		en->learned[0] *= ratio;
		en->learned[1] *= ratio;
	}
}

/* A block is over: what the engine gave while it was full is what it can give. */
void dam_capacity_learn(const struct dam_policy *p, struct dam_engine *en, const struct dam_block *b)
{
	double x = b->bytes / b->time, written = b->bytes > 0 ? b->written / b->bytes : 0;
	double known = at_mix(en->learned, en->desc.duplex, written);
	bool saturated = b->saturated >= 0.8 * b->time && !limited_above(p, en);

	if (x <= 0)
		return;
	en->seen = fmax(en->seen, x);
	if (known > 0) {
		if (saturated || x > known)
			teach(en, x, written);
		return;
	}
	en->first_blocks = saturated ? en->first_blocks + 1 : 0;
	en->first_sum = saturated ? en->first_sum + x : 0;
	if (en->first_blocks < FIRST_BLOCKS)
		return;
	en->learned[0] = en->learned[1] = en->first_sum / FIRST_BLOCKS;
	if (en->desc.duplex)
		en->learned[0] = en->learned[1] *= fmax(written, 1 - written);
	teach(en, at_mix(en->learned, en->desc.duplex, written), written);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* What an engine was told to have: @way 0 reads, 1 writes; 0: nothing. */
static double given_capacity(const struct dam_engine *en, int way)
{
	double own = way ? en->desc.given_write : en->desc.given_read;
	double other = way ? en->desc.given_read : en->desc.given_write;

	if (own > 0)
		return own;
	return en->desc.given_capacity > 0 ? en->desc.given_capacity : other;
}

/* Median of what siblings are known to have, given before learned; 0: none. */
static double sibling_capacity(const struct dam_policy *p, unsigned int pool, int way, bool given)
{
	double v[DAM_POLICY_DOMAINS];
	unsigned int nr = 0;

	for (int e = p->pools[pool].first; e >= 0 && nr < DAM_POLICY_DOMAINS; e = p->engines[e].next) {
		const struct dam_engine *en = &p->engines[e];
		double told = given_capacity(en, way);

		if (given && told > 0)
			v[nr++] = told;
		else if (!given && told <= 0 && en->learned[way] > 0)
			v[nr++] = en->learned[way];
	}
	if (!nr)
		return 0;
	qsort(v, nr, sizeof(v[0]), compare);
	return nr % 2 ? v[nr / 2] : (v[nr / 2 - 1] + v[nr / 2]) / 2;
}

/* The most that an engine which the thread could use gives to its mix; 0: unknown. */
double dam_engine_largest(const struct dam_policy *p, int pool, unsigned int e, double written)
{
	const double *cap = pool >= 0 ? p->pools[pool].largest : p->engines[e].cap;

	return at_mix(cap, p->engines[e].desc.duplex, written);
}

/* A capacity learned long ago may have been a throttle that is gone: drift towards the largest sibling. */
static void forget(const struct dam_policy *p, unsigned int e, double dt_s)
{
	struct dam_engine *en = &p->engines[e];
	double hold = FORGET_S * (double)(1u << en->confirmations);

	if (en->desc.pool < 0 || en->learned[0] <= 0 || en->unsaturated_s < hold)
		return;
	for (int way = 0; way < 2; way++) {
		double largest = p->pools[en->desc.pool].largest[way];

		if (largest <= en->learned[way] * (1 + ALIKE))
			continue;
		en->drifting = true;
		en->learned[way] += (1 - dam_decay(dt_s, FORGET_S)) * (largest - en->learned[way]);
	}
}

/*
 * A sibling's capacity for an engine that has never been full. Where it has carried clearly more than that, it is none
 * of the sibling's kind (which may have lost capacity): it is not full at its highest load so far, nor is it known how
 * much more it takes. So that overload elsewhere can find out, it counts as having some room.
 */
static double beyond(const struct dam_engine *en, double level)
{
	return en->seen > level * (1 + ALIKE) ? en->seen * ROOM : fmax(level, en->seen);
}

/* Given before learned before a sibling's. */
static void settle_capacity(struct dam_engine *en, int way, double given, double learned)
{
	double level = given > 0 ? given : learned, told = given_capacity(en, way);

	if (told > 0) {
		en->source = DAM_CAP_GIVEN;
		en->cap[way] = en->view[way] = told;
	} else if (en->learned[way] > 0) {
		en->source = DAM_CAP_LEARNED;
		en->cap[way] = en->view[way] = en->learned[way];
		/* Two estimates of one value differ: do not let threads chase the noise. */
		if (learned > 0 && fabs(en->learned[way] - learned) <= ALIKE * learned)
			en->cap[way] = learned;
	} else {
		en->source = level > 0 ? DAM_CAP_SIBLING : DAM_CAP_UNKNOWN;
		en->cap[way] = en->view[way] = level > 0 ? beyond(en, level) : 0;
	}
}

static void settle_pool(struct dam_policy *p, unsigned int pool)
{
	for (int way = 0; way < 2; way++) {
		double given = sibling_capacity(p, pool, way, true);
		double learned = sibling_capacity(p, pool, way, false), largest = 0;

		for (int e = p->pools[pool].first; e >= 0; e = p->engines[e].next) {
			settle_capacity(&p->engines[e], way, given, learned);
			largest = fmax(largest, p->engines[e].cap[way]);
		}
		p->pools[pool].largest[way] = largest;
	}
}

double dam_engine_view(const struct dam_engine *en)
{
	return at_mix(en->view, en->desc.duplex, en->written);
}

void dam_capacity_tick(struct dam_policy *p, double dt_s)
{
	for (unsigned int e = 0; e < p->nr_engines; e++) {
		struct dam_engine *en = &p->engines[e];

		if (!en->present)
			continue;
		forget(p, e, dt_s);
		for (int way = 0; en->desc.pool < 0 && way < 2; way++)
			settle_capacity(en, way, 0, 0);
	}
	for (unsigned int pool = 0; pool < p->nr_pools; pool++)
		if (p->pools[pool].first >= 0)
			settle_pool(p, pool);
	for (unsigned int e = 0; e < p->nr_engines; e++)
		if (p->engines[e].present)
			p->engines[e].capacity = dam_engine_capacity(&p->engines[e], p->engines[e].written);
}

/* Demand is known: the capacity is that of the mix which is asked for, so that a move counts at once. */
void dam_engine_mix(struct dam_policy *p)
{
	for (unsigned int e = 0; e < p->nr_engines; e++) {
		struct dam_engine *en = &p->engines[e];

		if (en->present && en->demand > 0)
			en->capacity = dam_engine_capacity(en, fmin(1, en->demand_written / en->demand));
	}
}
