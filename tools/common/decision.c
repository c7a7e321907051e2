/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The decision: what was measured goes to policy/ and into each engine's series; forecasts go to the tick. */
#include "config.h"
#include "tools/common/decision.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SILENT_BPS 1.0 /* a bound below it says: nothing */

struct series {
	struct dam_predictor *predictor; /* NULL: not asked for */
	struct dam_forecast forecast;
};

struct dam_decision {
	struct dam_decision_config cfg;
	unsigned int nr_engines; /* one more than the highest that was told of */
	unsigned int asked; /* how often experience was asked in this tick */
	struct dam_policy *policy;
	struct series *series;		      /* by engine */
	struct dam_policy_forecast *forecast; /* the same */
};

static void note(const struct dam_decision *d, enum dam_decision_call call, unsigned int index, const void *arg)
{
	if (d->cfg.note)
		d->cfg.note(d->cfg.note_ctx, call, index, arg);
}

static void note_config(const struct dam_decision *d)
{
	struct dam_decision_distance row;

	note(d, DAM_CALL_CONFIG, 0, &d->cfg);
	for (unsigned int a = 0; a < d->cfg.policy.nr_domains; a++) {
		memcpy(row.to, d->cfg.policy.distance[a], sizeof(row.to));
		note(d, DAM_CALL_DISTANCE, a, &row);
	}
}

/* Experience comes from outside too. */
static double favour(void *ctx, const struct dam_policy_move *m)
{
	struct dam_decision *d = ctx;
	struct dam_decision_favour f = {d->cfg.policy.favour(d->cfg.policy.favour_ctx, m)};

	if (f.factor < 1 || f.factor > 1)
		note(d, DAM_CALL_FAVOUR, d->asked, &f);
	d->asked++;
	return f.factor;
}

struct dam_decision *dam_decision_create(const struct dam_decision_config *cfg)
{
	struct dam_decision *d = calloc(1, sizeof(*d));
	struct dam_policy_config inner = cfg->policy;

	if (!d)
		return NULL;
	d->cfg = *cfg;
	if (cfg->policy.favour) {
		inner.favour = favour;
		inner.favour_ctx = d;
	}
	d->policy = dam_policy_create(&inner, cfg->max_engines, cfg->max_pools, cfg->max_threads);
	d->series = calloc(cfg->max_engines + 1, sizeof(*d->series));
	d->forecast = calloc(cfg->max_engines + 1, sizeof(*d->forecast));
	if (!d->policy || !d->series || !d->forecast) {
		dam_decision_destroy(d);
		return NULL;
	}
	note_config(d);
	return d;
}

void dam_decision_destroy(struct dam_decision *d)
{
	if (!d)
		return;
	for (unsigned int e = 0; d->series && e < d->cfg.max_engines; e++)
		free(d->series[e].predictor);
	free(d->series);
	free(d->forecast);
	dam_policy_destroy(d->policy);
	free(d);
}

struct dam_policy *dam_decision_policy(const struct dam_decision *d)
{
	return d->policy;
}

void dam_decision_forecast(const struct dam_decision *d, unsigned int e, struct dam_forecast *out)
{
	*out = d->series[e].forecast;
}

int dam_decision_set_engine(struct dam_decision *d, unsigned int e, const struct dam_policy_engine_desc *desc)
{
	void *mem;

	if (e >= d->cfg.max_engines)
		return -EINVAL;
	note(d, DAM_CALL_SET_ENGINE, e, desc);
	if (e >= d->nr_engines)
		d->nr_engines = e + 1;
	if (d->cfg.horizon && !d->series[e].predictor) {
		mem = aligned_alloc(16, dam_predict_size(d->cfg.horizon));
		if (!mem)
			return -ENOMEM;
		d->series[e].predictor = dam_predict_init(mem, d->cfg.policy.tick_s, d->cfg.horizon);
	}
	dam_policy_set_engine(d->policy, e, desc);
	return 0;
}

void dam_decision_drop_engine(struct dam_decision *d, unsigned int e)
{
	note(d, DAM_CALL_DROP_ENGINE, e, NULL);
	dam_policy_drop_engine(d->policy, e);
}

void dam_decision_set_pool(struct dam_decision *d, unsigned int pool, const int *engine_of_domain)
{
	struct dam_decision_pool map = {{0}};

	memcpy(map.engine_of_domain, engine_of_domain, d->cfg.policy.nr_domains * sizeof(*engine_of_domain));
	note(d, DAM_CALL_SET_POOL, pool, &map);
	dam_policy_set_pool(d->policy, pool, engine_of_domain);
}

void dam_decision_set_component(struct dam_decision *d, unsigned int c, const struct dam_policy_component_desc *desc)
{
	note(d, DAM_CALL_SET_COMPONENT, c, desc);
	dam_policy_set_component(d->policy, c, desc);
}

void dam_decision_set_power(struct dam_decision *d, unsigned int domain, const struct dam_policy_power *power)
{
	note(d, DAM_CALL_SET_POWER, domain, power);
	dam_policy_set_power(d->policy, domain, power);
}

void dam_decision_set_busy(struct dam_decision *d, unsigned int domain, double cpus)
{
	note(d, DAM_CALL_SET_BUSY, domain, &(struct dam_decision_busy){cpus});
	dam_policy_set_busy(d->policy, domain, cpus);
}

void dam_decision_add_thread(struct dam_decision *d, unsigned int t)
{
	note(d, DAM_CALL_ADD_THREAD, t, NULL);
	dam_policy_add_thread(d->policy, t);
}

void dam_decision_drop_thread(struct dam_decision *d, unsigned int t)
{
	note(d, DAM_CALL_DROP_THREAD, t, NULL);
	dam_policy_drop_thread(d->policy, t);
}

void dam_decision_set_weights(struct dam_decision *d, unsigned int t, double throughput, double latency)
{
	note(d, DAM_CALL_SET_WEIGHTS, t, &(struct dam_decision_weights){throughput, latency});
	dam_policy_set_weights(d->policy, t, throughput, latency);
}

void dam_decision_set_class(struct dam_decision *d, unsigned int t, enum dam_policy_class class)
{
	note(d, DAM_CALL_SET_CLASS, t, &(struct dam_decision_class){class});
	dam_policy_set_class(d->policy, t, class);
}

/* A stretched tick stands for several intervals of the series. */
static void feed_series(struct dam_decision *d, struct series *se, double dt_s,
			const struct dam_policy_engine_sample *s)
{
	double rate = s->valid ? s->bytes / dt_s : (double)NAN;

	if (s->valid && s->bytes <= 0 && se->forecast.p90 < SILENT_BPS)
		return; /* more of the same would change nothing */
	for (double left = dt_s / d->cfg.policy.tick_s + 0.5; left >= 1; left--)
		dam_predict_update(se->predictor, rate);
}

void dam_decision_engine(struct dam_decision *d, unsigned int e, double dt_s,
			 const struct dam_policy_engine_sample *s)
{
	note(d, DAM_CALL_ENGINE, e, &(struct dam_decision_engine_sample){dt_s, *s});
	dam_policy_engine(d->policy, e, dt_s, s);
	if (e < d->cfg.max_engines && d->series[e].predictor)
		feed_series(d, &d->series[e], dt_s, s);
}

void dam_decision_thread(struct dam_decision *d, unsigned int t, double dt_s,
			 const struct dam_policy_thread_sample *s)
{
	note(d, DAM_CALL_THREAD, t, &(struct dam_decision_thread_sample){dt_s, *s});
	dam_policy_thread(d->policy, t, dt_s, s);
}

unsigned int dam_decision_tick(struct dam_decision *d, double dt_s, struct dam_policy_move *moves, unsigned int max)
{
	unsigned int nr;

	for (unsigned int e = 0; e < d->nr_engines; e++) {
		struct series *se = &d->series[e];

		if (!se->predictor)
			continue;
		dam_predict_get(se->predictor, &se->forecast);
		d->forecast[e] = (struct dam_policy_forecast){se->forecast.mean, se->forecast.p90,
							      se->forecast.trusted};
	}
	d->asked = 0;
	nr = dam_policy_tick(d->policy, dt_s, d->cfg.horizon ? d->forecast : NULL, moves, max);
	note(d, DAM_CALL_TICK, 0, &(struct dam_decision_tick){dt_s, max});
	for (unsigned int i = 0; i < nr; i++)
		note(d, DAM_CALL_MOVE, i, &moves[i]);
	return nr;
}

void dam_decision_undo(struct dam_decision *d, const struct dam_policy_move *m, unsigned int i)
{
	note(d, DAM_CALL_UNDO, i, NULL);
	dam_policy_undo(d->policy, m);
}

void dam_decision_take_back(struct dam_decision *d, const struct dam_policy_move *m)
{
	note(d, DAM_CALL_TAKE_BACK, 0, m);
	dam_policy_take_back(d->policy, m);
}
