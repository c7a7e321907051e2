/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Which engines are, or are about to be, a bottleneck. A condition has to hold for a while; the plan decides. */
#include "config.h"

#include <math.h>

#include "policy/model.h"

#define HOLD_S	   0.1	/* 10 ticks: 5 react sooner and cost four needless moves an hour */
#define FORECAST_HOLD_S 0.05
#define LONGEST_STEP_S	0.05 /* one sample of a stretched tick is one piece of evidence */
#define DOUBT_S	   1.0 /* longest wait for the labels of threads */

static double hold(double held, bool now, double dt_s)
{
	return now ? held + fmin(dt_s, LONGEST_STEP_S) : 0;
}

/* Two engines whose loads differ by less are in balance: beyond the threshold, and beyond four standard deviations. */
double dam_trigger_gap(const struct dam_policy *p, const struct dam_engine *a, const struct dam_engine *b)
{
	return fmax(p->cfg.threshold, DAM_SIGMAS * sqrt(a->noise.var + b->noise.var));
}

static bool out_of_balance(const struct dam_policy *p, const struct dam_engine *en,
			   const struct dam_engine *coolest)
{
	double gap;

	if (!coolest || coolest == en)
		return false;
	gap = en->demand_slow / en->capacity - coolest->demand_slow / coolest->capacity;
	return gap >= dam_trigger_gap(p, en, coolest);
}

static double usable(const struct dam_policy *p, const struct dam_engine *en)
{
	return en->capacity * (1 - dam_engine_head_room(p, en));
}

/* A rise that is worth acting on, as a share of the capacity: more than the noise of the load. */
static double worth_acting(const struct dam_policy *p, const struct dam_engine *en)
{
	return fmax(p->cfg.threshold, DAM_SIGMAS * sqrt(en->noise.var));
}

/*
 * The bound crosses the high-water mark, and the mean is foreseen to rise by as much as is worth acting on, above what
 * has been for half a second too: a load that comes and goes returns to its mean all the time, and that is no rise.
 */
static bool foretold(const struct dam_policy *p, const struct dam_engine *en, const struct dam_policy_forecast *f)
{
	double rate = fmax(dam_window_rate(&en->fast), dam_window_rate(&en->slow));

	return f->trusted && isfinite(f->p90) && f->p90 >= DAM_COST_HIGH_WATER * usable(p, en) &&
	       f->mean - rate >= worth_acting(p, en) * en->capacity;
}

/* What is submitted rises so steeply that it will cross the mark within the horizon; the noise of the load is less. */
static bool climbing(const struct dam_policy *p, const struct dam_engine *en)
{
	double rise = dam_trend_rise(&en->trend, p->cfg.horizon_s);

	return rise >= worth_acting(p, en) * en->capacity &&
	       dam_trend_level(&en->trend) + rise >= DAM_COST_HIGH_WATER * usable(p, en);
}

static bool rising(const struct dam_policy *p, struct dam_engine *en,
		   const struct dam_policy_forecast *f)
{
	double ahead = 0;

	en->scale = 1;
	if (!f)
		return false;
	if (foretold(p, en, f))
		ahead = f->p90;
	else if (climbing(p, en))
		ahead = dam_trend_level(&en->trend) + dam_trend_rise(&en->trend, p->cfg.horizon_s);
	if (ahead <= 0)
		return false;
	en->scale = fmin(2, fmax(1, ahead / fmax(en->demand, 1)));
	return true;
}

static const struct dam_engine *find_coolest(const struct dam_policy *p, unsigned int pool)
{
	const struct dam_engine *coolest = NULL;

	for (int e = p->pools[pool].first; e >= 0; e = p->engines[e].next) {
		const struct dam_engine *en = &p->engines[e];

		if (en->capacity > 0 &&
		    (!coolest || en->demand_slow / en->capacity <
					 coolest->demand_slow / coolest->capacity))
			coolest = en;
	}
	return coolest;
}

static void watch(const struct dam_policy *p, struct dam_engine *en, const struct dam_engine *coolest,
		  const struct dam_policy_forecast *f, double dt_s)
{
	en->trigger = DAM_TRIGGER_NONE;
	en->bottleneck = DAM_POLICY_NONE;
	en->scale = 1;
	en->reserved_s = hold(en->reserved_s, en->strangers > 0, dt_s);
	if (en->capacity <= 0) {
		en->imbalance_s = hold(en->imbalance_s, en->unclear, dt_s);
		return;
	}
	dam_noise_add(&en->noise, dt_s, en->demand / en->capacity);
	en->overload_s = hold(en->overload_s, en->demand + en->backlog >= DAM_COST_HIGH_WATER * usable(p, en), dt_s);
	en->imbalance_s = hold(en->imbalance_s, out_of_balance(p, en, coolest), dt_s);
	en->forecast_s = hold(en->forecast_s, rising(p, en, f), dt_s);
}

/* A component above the engine that is overloaded; DAM_POLICY_NONE. */
static int overloaded_above(const struct dam_policy *p, const struct dam_engine *en)
{
	for (unsigned int i = 0; i < DAM_POLICY_ABOVE; i++) {
		int c = dam_component_above(p, en, i);

		if (c >= 0 && p->components[c].fired)
			return c;
	}
	return DAM_POLICY_NONE;
}

static void fire(const struct dam_policy *p, struct dam_engine *en)
{
	en->bottleneck = overloaded_above(p, en);
	if (en->reserved_s >= HOLD_S)
		en->trigger = DAM_TRIGGER_RESERVED;
	else if (en->overload_s >= HOLD_S)
		en->trigger = DAM_TRIGGER_OVERLOAD;
	else if (en->forecast_s >= FORECAST_HOLD_S)
		en->trigger = DAM_TRIGGER_FORECAST;
	else if (en->imbalance_s >= HOLD_S)
		en->trigger = DAM_TRIGGER_IMBALANCE;
	else if (en->bottleneck >= 0 && en->demand > 0)
		en->trigger = DAM_TRIGGER_COMPONENT;
	if (en->trigger != DAM_TRIGGER_COMPONENT)
		en->bottleneck = DAM_POLICY_NONE;
	if (en->trigger != DAM_TRIGGER_FORECAST)
		en->scale = 1;
	/* One look per hold: many looks at a noisy load would find a reason in the end. */
	if (en->trigger != DAM_TRIGGER_NONE)
		en->overload_s = en->imbalance_s = en->forecast_s = en->reserved_s = 0;
}

/* Closed loops hide their demand: wait a little until it is known which threads are. */
static bool in_doubt(struct dam_pool *pool, double dt_s)
{
	pool->doubt_s = pool->doubt ? pool->doubt_s + dt_s : 0;
	return pool->doubt && pool->doubt_s < DOUBT_S;
}

static void watch_component(struct dam_component *k, double dt_s)
{
	bool full = k->capacity > 0 && dam_component_asked(k) >= DAM_COST_HIGH_WATER * k->capacity;

	k->overload_s = hold(k->overload_s, full, dt_s);
	k->fired = k->overload_s >= HOLD_S;
	if (k->fired)
		k->overload_s = 0;
}

/* Return: is there something to plan? */
bool dam_trigger_tick(struct dam_policy *p, double dt_s, const struct dam_policy_forecast *forecast)
{
	bool any = false;

	for (unsigned int c = 0; c < p->nr_components; c++)
		watch_component(&p->components[c], dt_s);
	for (unsigned int pool = 0; pool < p->nr_pools; pool++) {
		const struct dam_engine *coolest = find_coolest(p, pool);
		bool wait = in_doubt(&p->pools[pool], dt_s);

		p->pools[pool].triggered = false;
		for (int e = p->pools[pool].first; e >= 0; e = p->engines[e].next) {
			watch(p, &p->engines[e], coolest, forecast ? &forecast[e] : NULL, dt_s);
			if (!wait)
				fire(p, &p->engines[e]);
			p->pools[pool].triggered |= p->engines[e].trigger != DAM_TRIGGER_NONE;
		}
		any |= p->pools[pool].triggered;
	}
	return any;
}
