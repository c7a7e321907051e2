/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The decision from outside: creation, feeding, the tick, views. */
#include "config.h"
#include "policy/policy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "policy/model.h"

#define FEWEST_MAX_MOVES 64

struct dam_policy *dam_policy_create(const struct dam_policy_config *cfg, unsigned int max_engines,
				     unsigned int max_pools, unsigned int max_threads)
{
	struct dam_policy *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->cfg = *cfg;
	if (!(p->cfg.horizon_s > 0))
		p->cfg.horizon_s = 0.1;
	if (p->cfg.nr_domains > DAM_POLICY_DOMAINS)
		p->cfg.nr_domains = DAM_POLICY_DOMAINS;
	p->max_engines = max_engines;
	p->max_pools = max_pools;
	p->max_threads = max_threads;
	p->engines = calloc(max_engines + 1, sizeof(*p->engines));
	p->threads = calloc(max_threads + 1, sizeof(*p->threads));
	p->pools = calloc(max_pools + 1, sizeof(*p->pools));
	p->base = calloc((size_t)max_pools + max_engines + 1, sizeof(*p->base));
	p->nodes = calloc((size_t)max_engines + cfg->max_components + 1, sizeof(*p->nodes));
	p->stuck = calloc(max_engines + 1, sizeof(*p->stuck));
	p->sorted = calloc(max_engines + 1, sizeof(*p->sorted));
	p->list = calloc(max_engines + 1, sizeof(*p->list));
	p->key = calloc(max_threads + 1, sizeof(*p->key));
	p->nr_key = calloc(max_engines + 1, sizeof(*p->nr_key));
	p->far = calloc(max_threads + 1, sizeof(*p->far));
	p->first = calloc((size_t)max_engines + 2, sizeof(*p->first));
	p->components = calloc((size_t)cfg->max_components + 1, sizeof(*p->components));
	p->renumber = calloc((size_t)max_threads + 1, sizeof(*p->renumber));
	if (!p->engines || !p->threads || !p->pools || !p->base || !p->nodes || !p->stuck || !p->sorted ||
	    !p->list || !p->key || !p->nr_key || !p->far || !p->first || !p->components || !p->renumber) {
		dam_policy_destroy(p);
		return NULL;
	}
	for (unsigned int i = 0; i < max_pools; i++) {
		p->pools[i].first = DAM_POLICY_NONE;
		for (unsigned int d = 0; d < DAM_POLICY_DOMAINS; d++)
			p->pools[i].engine_of_domain[d] = DAM_POLICY_NONE;
	}
	return p;
}

void dam_policy_destroy(struct dam_policy *p)
{
	if (!p)
		return;
	free(p->engines);
	free(p->threads);
	free(p->pools);
	free(p->base);
	free(p->nodes);
	free(p->stuck);
	free(p->sorted);
	free(p->list);
	free(p->key);
	free(p->nr_key);
	free(p->far);
	free(p->first);
	free(p->components);
	free(p->renumber);
	free(p);
}

static void link_pools(struct dam_policy *p)
{
	for (unsigned int i = 0; i < p->nr_pools; i++)
		p->pools[i].first = DAM_POLICY_NONE;
	for (unsigned int e = p->nr_engines; e-- > 0;) {
		struct dam_engine *en = &p->engines[e];

		if (!en->present || en->desc.pool < 0)
			continue;
		en->next = p->pools[en->desc.pool].first;
		p->pools[en->desc.pool].first = (int)e;
	}
}

static void cover(unsigned int *nr, unsigned int index)
{
	if (index >= *nr)
		*nr = index + 1;
}

/* Engine @e, its pool and what is above it are walked over from now on. */
static void note_engine(struct dam_policy *p, unsigned int e)
{
	const struct dam_engine *en = &p->engines[e];

	cover(&p->nr_engines, e);
	if (en->desc.pool >= 0)
		cover(&p->nr_pools, (unsigned int)en->desc.pool);
	for (unsigned int i = 0; i < DAM_POLICY_ABOVE; i++) {
		int c = dam_component_above(p, en, i);

		if (c >= 0)
			cover(&p->nr_components, (unsigned int)c);
	}
}

void dam_policy_set_engine(struct dam_policy *p, unsigned int e, const struct dam_policy_engine_desc *d)
{
	struct dam_engine *en;

	if (e >= p->max_engines)
		return;
	en = &p->engines[e];
	if (!en->present) {
		*en = (struct dam_engine){
			.present = true, .inflight = NAN, .latency_s = NAN,
			.latency_slow_s = NAN, .scale = 1};
		dam_bound_reset(&en->watch);
	}
	en->desc = *d;
	if (d->pool < 0 || (unsigned int)d->pool >= p->max_pools)
		en->desc.pool = DAM_POLICY_NONE;
	note_engine(p, e);
	link_pools(p);
}

void dam_policy_drop_engine(struct dam_policy *p, unsigned int e)
{
	if (e >= p->max_engines)
		return;
	p->engines[e].present = false;
	for (unsigned int t = 0; t < p->nr_threads; t++)
		if (p->threads[t].engine == (int)e)
			p->threads[t].engine = DAM_POLICY_NONE;
	link_pools(p);
}

void dam_policy_set_pool(struct dam_policy *p, unsigned int pool, const int *engine_of_domain)
{
	if (pool >= p->max_pools)
		return;
	cover(&p->nr_pools, pool);
	memcpy(p->pools[pool].engine_of_domain, engine_of_domain,
	       p->cfg.nr_domains * sizeof(*engine_of_domain));
}

void dam_policy_add_thread(struct dam_policy *p, unsigned int t)
{
	if (t >= p->max_threads)
		return;
	p->threads[t] = (struct dam_thread){
		.present = true, .fresh = true, .open = true, .doubt = true,
		.engine = DAM_POLICY_NONE, .pool = DAM_POLICY_NONE, .prev_engine = DAM_POLICY_NONE,
		.weight_throughput = p->cfg.weight_throughput,
		.weight_latency = p->cfg.weight_latency,
		.peak_ops = -1, .inflight_ops = NAN, .unseen_s = INFINITY,
		.since_move_s = INFINITY, .plan_move = -1};
	dam_bound_reset(&p->threads[t].watch);
	cover(&p->nr_threads, t);
}

void dam_policy_drop_thread(struct dam_policy *p, unsigned int t)
{
	if (t >= p->max_threads)
		return;
	p->threads[t].present = false;
	while (p->nr_threads && !p->threads[p->nr_threads - 1].present)
		p->nr_threads--;
}

void dam_policy_set_weights(struct dam_policy *p, unsigned int t, double throughput, double latency)
{
	if (t >= p->max_threads)
		return;
	p->threads[t].weight_throughput = isnan(throughput) ? p->cfg.weight_throughput : throughput;
	p->threads[t].weight_latency = isnan(latency) ? p->cfg.weight_latency : latency;
}

void dam_policy_set_class(struct dam_policy *p, unsigned int t, enum dam_policy_class class)
{
	if (t < p->max_threads && class < DAM_CLASS_NR)
		p->threads[t].class = class;
}

void dam_policy_set_component(struct dam_policy *p, unsigned int c, const struct dam_policy_component_desc *d)
{
	if (c >= p->cfg.max_components)
		return;
	cover(&p->nr_components, c);
	p->components[c].present = true;
	p->components[c].desc = *d;
}

void dam_policy_set_busy(struct dam_policy *p, unsigned int d, double cpus)
{
	if (d < p->cfg.nr_domains && isfinite(cpus) && cpus >= 0)
		p->domain_busy[d] = cpus;
}

void dam_policy_set_power(struct dam_policy *p, unsigned int d, const struct dam_policy_power *power)
{
	if (d < p->cfg.nr_domains && power->package < DAM_POLICY_DOMAINS)
		p->power[d] = *power;
}

void dam_policy_engine(struct dam_policy *p, unsigned int e, double dt_s,
		       const struct dam_policy_engine_sample *s)
{
	if (e < p->max_engines)
		dam_engine_sample(p, e, dt_s, s);
}

void dam_policy_thread(struct dam_policy *p, unsigned int t, double dt_s,
		       const struct dam_policy_thread_sample *s)
{
	if (t < p->max_threads)
		dam_thread_sample(p, t, dt_s, s);
}

unsigned int dam_policy_tick(struct dam_policy *p, double dt_s, const struct dam_policy_forecast *forecast,
			     struct dam_policy_move *moves, unsigned int max)
{
	unsigned int limit = p->cfg.max_moves, nr = 0;

	if (!(dt_s > 0) || !isfinite(dt_s))
		return 0;
	if (!limit)
		limit = p->nr_threads / 100 > FEWEST_MAX_MOVES ? p->nr_threads / 100 : FEWEST_MAX_MOVES;
	if (max > limit)
		max = limit;
	p->forecast = forecast;
	dam_explain_tick(p);
	dam_component_limits(p, dt_s);
	dam_engine_tick(p, dt_s);
	dam_thread_tick(p, dt_s);
	dam_component_demand(p);
	if (dam_trigger_tick(p, dt_s, forecast) || p->nr_far)
		dam_plan_sort(p);
	for (unsigned int pool = 0; pool < p->nr_pools; pool++)
		nr += dam_plan_pool(p, (int)pool, moves, nr, max);
	nr += dam_plan_locality(p, moves, nr, max);
	nr += dam_power_gather(p, dt_s, moves, nr, max);
	for (unsigned int i = 0; i < nr; i++)
		dam_plan_commit(p, &moves[i]);
	p->forecast = NULL;
	return nr;
}

void dam_policy_view_engine(const struct dam_policy *p, unsigned int e,
			    struct dam_policy_engine_view *out)
{
	const struct dam_engine *en = &p->engines[e];

	*out = (struct dam_policy_engine_view){
		.capacity = dam_engine_view(en),
		.source = en->source,
		.rate = dam_window_rate(&en->fast),
		.attributed = en->attributed,
		.background = en->background,
		.demand = en->demand,
		.util = en->view[0] > 0 && en->view[1] > 0 ? en->demand / dam_engine_view(en) : NAN,
		.latency_s = en->latency_s,
		.base_latency_s = dam_engine_base_latency(p, e, en->op_bytes),
		.saturated = en->saturated,
		.read_capacity = en->view[0],
		.write_capacity = en->view[1],
	};
}

void dam_policy_view_component(const struct dam_policy *p, unsigned int c, struct dam_policy_component_view *out)
{
	const struct dam_component *k = &p->components[c];

	*out = (struct dam_policy_component_view){
		.capacity = k->capacity,
		.source = k->desc.given_capacity > 0 ? DAM_CAP_GIVEN : k->capacity > 0 ? DAM_CAP_LEARNED : DAM_CAP_UNKNOWN,
		.rate = k->rate,
		.demand = k->demand,
		.util = k->capacity > 0 ? dam_component_asked(k) / k->capacity : NAN,
	};
}

void dam_policy_view_thread(const struct dam_policy *p, unsigned int t,
			    struct dam_policy_thread_view *out)
{
	const struct dam_thread *th = &p->threads[t];
	double latency = th->engine >= 0 ? p->engines[th->engine].latency_s : NAN;
	double peak = th->peak_ops >= 0 ? th->peak_ops * th->op_bytes : NAN;

	*out = (struct dam_policy_thread_view){
		.rate = th->rate,
		.demand = th->demand,
		.peak = peak,
		.inflight = isnan(peak) ? NAN : fmin(peak, dam_window_rate(&th->slow) * latency),
		.think_s = th->think_s,
		.open_loop = th->open,
		.engine = th->engine,
		.cooldown_s = th->cooldown_s,
	};
}

static const char *const triggers[DAM_TRIGGER_NR] = {
	[DAM_TRIGGER_NONE] = "none",
	[DAM_TRIGGER_OVERLOAD] = "overload",
	[DAM_TRIGGER_IMBALANCE] = "imbalance",
	[DAM_TRIGGER_FORECAST] = "forecast",
	[DAM_TRIGGER_LOCALITY] = "locality",
	[DAM_TRIGGER_COMPONENT] = "component",
	[DAM_TRIGGER_RESERVED] = "reserved",
	[DAM_TRIGGER_CROWDED] = "crowded",
	[DAM_TRIGGER_POWER] = "power",
};

const char *dam_policy_trigger_name(enum dam_policy_trigger t)
{
	return (unsigned int)t < DAM_TRIGGER_NR ? triggers[t] : "none";
}

static const char *const classes[DAM_CLASS_NR] = {
	[DAM_CLASS_NORMAL] = "normal",
	[DAM_CLASS_LATENCY] = "latency",
	[DAM_CLASS_RT] = "rt",
};

const char *dam_policy_class_name(enum dam_policy_class c)
{
	return (unsigned int)c < DAM_CLASS_NR ? classes[c] : "normal";
}

int dam_policy_class_find(const char *name)
{
	for (int c = 0; c < DAM_CLASS_NR; c++)
		if (!strcmp(name, classes[c]))
			return c;
	return -1;
}
