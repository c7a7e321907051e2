/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What is measured of each engine: rate, latency, saturation, background. */
#include "config.h"

#include <math.h>

#include "policy/model.h"

#define FAST_S		0.035 /* half-life of a 50 ms mean */
#define SLOW_S		0.25  /* of a 500 ms mean */
#define BACKGROUND_S	1.0
#define BACKGROUND_SURE 0.05  /* share of the rate below which a difference is noise */
#define SATURATED_R	1.5   /* latency over base latency */
#define SATURATED_GUESS 5.0   /* the same while the base latency is a guess by kind, which may be far off, … */
#define SATURATED_N	1.5   /* … and then so many operations in flight */
#define SATURATED_IDLE	0.1   /* a saturated engine is hardly ever found idle */
#define SATURATED_S	0.05
#define IDLE_S		0.2   /* half-life of the share of idle samples */
#define BLOCK_S		0.1   /* a rate to learn from: this long, … */
#define BLOCK_OPS	32.0  /* … with so many operations that their granule is 3 %, … */
#define BLOCK_FIRST_OPS 16.0  /* … (the first time, fewer: two blocks are averaged), … */
#define BLOCK_LONGEST	2.0   /* … but no longer than this */
#define BLOCK_FEWEST	4.0
#define BLOCK_WAIT_S	0.01  /* kernel statistics come in milliseconds: R is then known within 10 % */
#define FORGET_DOUBLE	6     /* confirmations that count: each doubles how long a capacity is remembered */
#define BASE_FLOOR	0.1   /* of the guess: what a coarse counter may lower the base latency to */

static int size_class(double op_bytes)
{
	int c = 0;

	for (double edge = 16384; op_bytes >= edge && c < DAM_POLICY_CLASSES - 1; edge *= 4)
		c++;
	return c;
}

/* Base latencies are shared by a pool; a fixed engine has its own. */
static double *base_row(const struct dam_policy *p, unsigned int e)
{
	int pool = p->engines[e].desc.pool;

	return p->base[pool >= 0 ? (unsigned int)pool : p->max_pools + e];
}

/*
 * L0: the smallest latency seen in the pool for this class of sizes, a guess by kind until there is one; and no
 * operation is served faster than its bytes at the engine's whole capacity, of the faster direction.
 */
double dam_engine_base_latency(const struct dam_policy *p, unsigned int e, double op_bytes)
{
	const struct dam_engine *en = &p->engines[e];
	double base = base_row(p, e)[size_class(op_bytes)], fastest = dam_engine_fastest(en);

	if (base <= 0)
		base = en->desc.base_latency_s;
	return fastest > 0 ? fmax(base, op_bytes / fastest) : base;
}

double dam_engine_distance(const struct dam_policy *p, unsigned int e, unsigned int domain)
{
	uint64_t local = p->engines[e].desc.local_domains;
	double best = INFINITY;

	for (unsigned int d = 0; d < p->cfg.nr_domains; d++)
		if (local >> d & 1)
			best = fmin(best, (double)p->cfg.distance[domain][d]);
	return isinf(best) ? 1 : best;
}

/* Is it reserved, and not for this class? */
bool dam_engine_is_foreign(const struct dam_engine *en, enum dam_policy_class class)
{
	return en->desc.reserved != DAM_CLASS_NORMAL && en->desc.reserved != class;
}

/* Can it do the work, and is it there for this class? */
bool dam_engine_admits(const struct dam_engine *en, uint64_t needs, enum dam_policy_class class)
{
	return (!en->desc.capabilities || !(needs & ~en->desc.capabilities)) && !dam_engine_is_foreign(en, class);
}

/* Share of its capacity that is kept free: what is kept for a class is not there to be filled. */
double dam_engine_head_room(const struct dam_policy *p, const struct dam_engine *en)
{
	return en->desc.reserved == DAM_CLASS_NORMAL ? 0 : p->cfg.head_room;
}

static void learn_base(const struct dam_policy *p, unsigned int e, const struct dam_block *b)
{
	const struct dam_engine *en = &p->engines[e];
	double *base = &base_row(p, e)[size_class(b->bytes / b->ops)];
	double r = b->wait / b->ops, known = *base > 0 ? *base : en->desc.base_latency_s;
	bool alone = b->wait / b->time <= 1.2; /* operations in flight, by Little: nobody waits */

	if (b->wait < BLOCK_WAIT_S && b->time < 1)
		return;
	if (b->wait > 0 && (r < known || (*base <= 0 && alone)))
		*base = fmax(r, BASE_FLOOR * en->desc.base_latency_s);
}

/*
 * Is work queued at this very moment: what has just been completed has waited, and by Little's law what is in flight
 * will? Means stay high for long after a burst, when the rate tells nothing of the capacity.
 */
static bool is_queued(const struct dam_policy *p, unsigned int e, double wait_s,
		      const struct dam_policy_engine_sample *s)
{
	const struct dam_engine *en = &p->engines[e];
	double full = SATURATED_R * dam_engine_base_latency(p, e, en->op_bytes);

	return (s->ops < 1 || wait_s > full * s->ops) &&
	       !(s->inflight_ops <= full * dam_window_ops(&en->fast));
}

static void add_to_block(struct dam_policy *p, unsigned int e, double dt_s, double wait_s,
			 const struct dam_policy_engine_sample *s)
{
	struct dam_engine *en = &p->engines[e];
	struct dam_block *b = &en->block;

	b->time += dt_s;
	b->bytes += s->bytes;
	b->written += s->write_bytes;
	b->ops += s->ops;
	b->wait += wait_s;
	b->saturated += en->saturated && is_queued(p, e, wait_s, s) ? dt_s : 0;
	if (b->time < BLOCK_LONGEST &&
	    (b->time < BLOCK_S || b->ops < (en->learned[0] > 0 ? BLOCK_OPS : BLOCK_FIRST_OPS)))
		return;
	if (b->ops >= BLOCK_FEWEST) {
		learn_base(p, e, b);
		dam_capacity_learn(p, en, b);
	}
	*b = (struct dam_block){0};
}

static void note_inflight(struct dam_engine *en, double dt_s, double inflight)
{
	double keep = dam_decay(dt_s, IDLE_S);

	en->inflight = inflight;
	if (isfinite(inflight))
		en->idle = en->idle * keep + (inflight < 1 ? 1 - keep : 0);
}

/* Has an engine that could do the same never done anything? */
static bool has_untried_sibling(const struct dam_policy *p, const struct dam_engine *en)
{
	for (int e = en->desc.pool >= 0 ? p->pools[en->desc.pool].first : -1; e >= 0; e = p->engines[e].next)
		if (&p->engines[e] != en && dam_engine_untried(&p->engines[e]))
			return true;
	return false;
}

/*
 * Latency well above the unloaded one, work queued, hardly ever idle; for 5 ticks. Where it is above a guess of that
 * alone, a queue and a slow engine look alike: only what an operation takes on an idle engine can tell.
 */
static void judge_saturation(const struct dam_policy *p, unsigned int e, double dt_s)
{
	struct dam_engine *en = &p->engines[e];
	double base = dam_engine_base_latency(p, e, en->op_bytes);
	bool guess = base_row(p, e)[size_class(en->op_bytes)] <= 0;
	bool was = en->saturated, far = en->latency_s > SATURATED_GUESS * en->desc.base_latency_s;
	bool now = en->latency_s > SATURATED_R * base && en->idle < SATURATED_IDLE &&
		   dam_window_rate(&en->fast) > 0;

	if (now && guess)
		now = dam_window_ops(&en->fast) * en->latency_s > SATURATED_N;
	en->unclear = now && guess && !far && en->capacity <= 0 && has_untried_sibling(p, en);
	now = now && (!guess || far);
	en->saturated_s = now ? en->saturated_s + fmin(dt_s, SATURATED_S) : 0;
	en->saturated = en->saturated_s >= SATURATED_S;
	if (en->saturated && !was)
		en->block = (struct dam_block){0}; /* learn from saturated time only */
	if (en->saturated && en->drifting && en->confirmations < FORGET_DOUBLE)
		en->confirmations++;
	if (en->saturated)
		en->drifting = false;
	en->unsaturated_s = en->saturated ? 0 : en->unsaturated_s + dt_s;
}

/* In-flight work of the engine as a whole, for threads whose own is not seen; by Little where it is not told. */
static void watch_bound(struct dam_engine *en, double dt_s, double ops)
{
	double n = isfinite(en->inflight) ? en->inflight : dam_window_ops(&en->fast) * en->latency_s;
	enum dam_bound answer;

	if (!en->saturated) {
		dam_bound_reset(&en->watch);
		en->bound = DAM_BOUND_UNKNOWN;
		return;
	}
	answer = dam_bound_add(&en->watch, dt_s, ops, n, en->latency_s);
	if (answer != DAM_BOUND_UNKNOWN)
		en->bound = answer;
}

static double finite_or_0(double v)
{
	return isfinite(v) && v > 0 ? v : 0;
}

void dam_engine_sample(struct dam_policy *p, unsigned int e, double dt_s,
		       const struct dam_policy_engine_sample *raw)
{
	struct dam_engine *en = &p->engines[e];
	struct dam_policy_engine_sample s = *raw;
	double wait = finite_or_0(s.wait_s);

	if (!en->present || !s.valid || !(dt_s > 0) || !isfinite(dt_s))
		return;
	s.bytes = finite_or_0(s.bytes);
	s.write_bytes = fmin(finite_or_0(s.write_bytes), s.bytes);
	s.ops = finite_or_0(s.ops);
	if (!isfinite(s.wait_s) && isfinite(s.inflight_ops))
		wait = s.inflight_ops * dt_s; /* Little: Σ latencies = ∫ in flight */
	dam_window_add(&en->fast, dt_s, s.bytes, s.write_bytes, s.ops, wait, FAST_S);
	dam_window_add(&en->slow, dt_s, s.bytes, s.write_bytes, s.ops, wait,
		       fmax(SLOW_S, 2 * finite_or_0(en->latency_s)));
	dam_window_add_plain(&en->done, dt_s, s.bytes, BACKGROUND_S);
	if (en->slow.ops > 0.5 && en->slow.bytes > 0)
		en->op_bytes = en->slow.bytes / en->slow.ops;
	if (en->slow.bytes > 0)
		en->written = en->slow.written / en->slow.bytes;
	if (en->fast.ops >= 1 && en->fast.wait > 0)
		en->latency_s = en->fast.wait / en->fast.ops;
	if (en->slow.ops >= 1 && en->slow.wait > 0)
		en->latency_slow_s = en->slow.wait / en->slow.ops;
	note_inflight(en, dt_s, s.inflight_ops);
	judge_saturation(p, e, dt_s);
	add_to_block(p, e, dt_s, wait, &s);
	watch_bound(en, dt_s, s.ops);
}

/* What others do: completed bytes that no known thread submitted. */
static void judge_background(struct dam_engine *en, double dt_s)
{
	double rate = dam_window_rate(&en->done), diff;

	dam_window_add_plain(&en->entered, dt_s, en->entered_now, BACKGROUND_S);
	dam_trend_add(&en->trend, dt_s, en->entered_now / dt_s + en->background);
	en->entered_now = 0;
	en->settle_s = fmax(0, en->settle_s - dt_s);
	if (en->settle_s > 0)
		return;
	diff = rate - dam_window_rate(&en->entered);
	en->background = diff > BACKGROUND_SURE * rate ? diff : 0;
}

void dam_engine_tick(struct dam_policy *p, double dt_s)
{
	for (unsigned int e = 0; e < p->nr_engines; e++)
		if (p->engines[e].present)
			judge_background(&p->engines[e], dt_s);
	dam_capacity_tick(p, dt_s);
}
