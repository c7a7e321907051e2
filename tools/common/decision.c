/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The decision: what was measured goes to policy/ and into each engine's series; forecasts go to the tick. */
#include "config.h"
#include "tools/common/decision.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define SILENT_BPS 1.0 /* a bound below it says: nothing */

struct series {
	struct dam_predictor *predictor; /* NULL: not asked for */
	struct dam_forecast forecast;
};

struct dam_decision {
	struct dam_decision_config cfg;
	struct dam_policy *policy;
	struct series *series;		      /* by engine */
	struct dam_policy_forecast *forecast; /* the same */
};

struct dam_decision *dam_decision_create(const struct dam_decision_config *cfg)
{
	struct dam_decision *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->cfg = *cfg;
	d->policy = dam_policy_create(&cfg->policy, cfg->max_engines, cfg->max_pools, cfg->max_threads);
	d->series = calloc(cfg->max_engines + 1, sizeof(*d->series));
	d->forecast = calloc(cfg->max_engines + 1, sizeof(*d->forecast));
	if (!d->policy || !d->series || !d->forecast) {
		dam_decision_destroy(d);
		return NULL;
	}
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

const struct dam_policy *dam_decision_policy(const struct dam_decision *d)
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
	dam_policy_drop_engine(d->policy, e);
}

void dam_decision_set_pool(struct dam_decision *d, unsigned int pool, const int *engine_of_domain)
{
	dam_policy_set_pool(d->policy, pool, engine_of_domain);
}

void dam_decision_add_thread(struct dam_decision *d, unsigned int t)
{
	dam_policy_add_thread(d->policy, t);
}

void dam_decision_drop_thread(struct dam_decision *d, unsigned int t)
{
	dam_policy_drop_thread(d->policy, t);
}

void dam_decision_set_weights(struct dam_decision *d, unsigned int t, double throughput, double latency)
{
	dam_policy_set_weights(d->policy, t, throughput, latency);
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
	dam_policy_engine(d->policy, e, dt_s, s);
	if (e < d->cfg.max_engines && d->series[e].predictor)
		feed_series(d, &d->series[e], dt_s, s);
}

void dam_decision_thread(struct dam_decision *d, unsigned int t, double dt_s,
			 const struct dam_policy_thread_sample *s)
{
	dam_policy_thread(d->policy, t, dt_s, s);
}

unsigned int dam_decision_tick(struct dam_decision *d, double dt_s, struct dam_policy_move *moves, unsigned int max)
{
	for (unsigned int e = 0; e < d->cfg.max_engines; e++) {
		struct series *se = &d->series[e];

		if (!se->predictor)
			continue;
		dam_predict_get(se->predictor, &se->forecast);
		d->forecast[e] = (struct dam_policy_forecast){se->forecast.mean, se->forecast.p90,
							      se->forecast.trusted};
	}
	return dam_policy_tick(d->policy, dt_s, d->cfg.horizon ? d->forecast : NULL, moves, max);
}

void dam_decision_undo(struct dam_decision *d, const struct dam_policy_move *m)
{
	dam_policy_undo(d->policy, m);
}
