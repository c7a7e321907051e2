/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Loads of open-loop threads: a rate, times the shape of the load, times noise; or what a recording says. */
#include "config.h"
#include "tools/sim/load.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "tools/replay/series.h"
#include "tools/sim/parse.h"

#define PI 3.14159265358979323846

struct sim_loads {
	unsigned int nr;
	struct replay_recording *recording; /* by group; empty where there is none */
};

static int load_trace(const struct sim_scenario *s, const struct sim_group *g, struct replay_recording *out)
{
	char path[1024];
	int err;

	sim_path_beside(s->path, g->trace, path, sizeof(path));
	err = replay_recording_load(path, (uint64_t)llround(s->tick_s * g->speed * (double)DAM_NS_PER_S), out);
	if (err)
		return err;
	for (size_t i = 0; i < out->nr_series; i++)
		if (!*g->of || !strcmp(out->series[i].engine, g->of))
			return 0;
	dam_err("%s, line %u: the recording %s has no engine %s", s->path, g->line, path, *g->of ? g->of : "at all");
	return -EINVAL;
}

int sim_loads_open(const struct sim_scenario *s, struct sim_loads **out)
{
	struct sim_loads *l = calloc(1, sizeof(*l));
	int err = l ? 0 : -ENOMEM;

	if (l) {
		l->nr = s->nr_groups;
		l->recording = calloc(s->nr_groups + 1, sizeof(*l->recording));
		err = l->recording ? 0 : -ENOMEM;
	}
	if (err)
		dam_err("out of memory");
	for (unsigned int i = 0; !err && i < s->nr_groups; i++)
		if (s->group[i].shape == SIM_TRACE)
			err = load_trace(s, &s->group[i], &l->recording[i]);
	if (err) {
		sim_loads_close(l);
		return err;
	}
	*out = l;
	return 0;
}

void sim_loads_close(struct sim_loads *l)
{
	if (!l)
		return;
	for (unsigned int i = 0; l->recording && i < l->nr; i++)
		replay_recording_close(&l->recording[i]);
	free(l->recording);
	free(l);
}

/* splitmix64 (Steele, Lea, Flood, 2014) */
double sim_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	z ^= z >> 31;
	return (double)(z >> 11) / 9007199254740992.0;
}

static double normal(uint64_t *state)
{
	double u = sim_random(state) + 1e-300, v = sim_random(state);

	return sqrt(-2 * log(u)) * cos(2 * PI * v);
}

static double exponential(uint64_t *state, double mean)
{
	return -mean * log(sim_random(state) + 1e-300);
}

void sim_source_init(const struct sim_scenario *s, struct sim_source *src, unsigned int group, unsigned int index)
{
	const struct sim_group *g = &s->group[group];

	*src = (struct sim_source){.group = group, .index = index};
	src->random = s->seed * 0x2545f4914f6cdd1du + group * 1000003u + index;
	sim_random(&src->random);
	if (g->cv > 0)
		src->noise = (float)normal(&src->random);
	if (g->shape == SIM_BURSTY) {
		src->on = sim_random(&src->random) < g->on_s / (g->on_s + g->off_s);
		src->left_s = exponential(&src->random, src->on ? g->on_s : g->off_s);
	}
}

/* -- shapes: the factor of the rate over the tick that begins at @t -- */

/* On and off times are exponential: what the tick sees of them, … */
static double bursts(const struct sim_group *g, struct sim_source *src, double dt)
{
	double on_s = 0, left = dt;

	while (src->left_s < left) {
		on_s += src->on ? src->left_s : 0;
		left -= src->left_s;
		src->on = !src->on;
		src->left_s = exponential(&src->random, src->on ? g->on_s : g->off_s) + 1e-6;
	}
	src->left_s -= left;
	on_s += src->on ? left : 0;
	return g->peak * on_s / dt;
}

/* … and what may be expected of them. */
static double shape_bursty(const struct sim_group *g, double t, double dt)
{
	(void)t, (void)dt;
	return g->peak * g->on_s / (g->on_s + g->off_s);
}

static double shape_diurnal(const struct sim_group *g, double t, double dt)
{
	return fmax(0, 1 + g->peak * sin(2 * PI * (t + dt / 2 - g->at_s) / g->period_s));
}

static double shape_periodic(const struct sim_group *g, double t, double dt)
{
	double phase = (t + dt / 2 - g->at_s) / g->period_s;

	return phase - floor(phase) < g->duty ? g->peak : 1;
}

static double shape_ramp(const struct sim_group *g, double t, double dt)
{
	double done = g->over_s > 0 ? (t + dt / 2 - g->at_s) / g->over_s : t >= g->at_s;

	return 1 + (g->peak - 1) * fmin(fmax(done, 0), 1);
}

/* Up like a ramp, a while on the top, and down again as fast. */
static double shape_flash(const struct sim_group *g, double t, double dt)
{
	double over = fmax(g->over_s, dt), after = t + dt / 2 - g->at_s - over - g->hold_s;

	return after <= 0 ? shape_ramp(g, t, dt) : 1 + (g->peak - 1) * fmax(0, 1 - after / over);
}

static double shape_steady(const struct sim_group *g, double t, double dt)
{
	(void)g, (void)t, (void)dt;
	return 1;
}

static double (*const shape[])(const struct sim_group *g, double t, double dt) = {
	[SIM_STEADY] = shape_steady,	 [SIM_BURSTY] = shape_bursty, [SIM_DIURNAL] = shape_diurnal,
	[SIM_PERIODIC] = shape_periodic, [SIM_RAMP] = shape_ramp,     [SIM_FLASH] = shape_flash,
};

double sim_shape_mean(const struct sim_group *g, double t, double dt_s)
{
	return shape[g->shape](g, t, dt_s);
}

/* First-order autoregression of unit variance. */
static double noise(const struct sim_group *g, struct sim_source *src, double dt)
{
	double keep = g->corr_s > 0 ? exp(-dt / g->corr_s) : 0;

	if (g->cv <= 0)
		return 1;
	src->noise = (float)(keep * (double)src->noise + sqrt(1 - keep * keep) * normal(&src->random));
	return fmax(0, 1 + g->cv * (double)src->noise);
}

/* The @index-th thread follows the @index-th engine of the recording, which is played again and again. */
static double trace_bytes(const struct sim_loads *l, const struct sim_group *g, const struct sim_source *src,
			  unsigned long tick)
{
	const struct replay_recording *rec = &l->recording[src->group];
	size_t i = src->index % rec->nr_series;

	while (*g->of && strcmp(rec->series[i].engine, g->of) != 0)
		i = (i + 1) % rec->nr_series;
	return rec->nr ? rec->series[i].bytes[tick % rec->nr] * g->scale : 0;
}

double sim_source_next(const struct sim_scenario *s, const struct sim_loads *l, struct sim_source *src,
		       unsigned long tick)
{
	const struct sim_group *g = &s->group[src->group];
	double dt = s->tick_s, factor;

	if (g->depth)
		return 0;
	if (g->shape == SIM_TRACE)
		return trace_bytes(l, g, src, tick) * noise(g, src, dt);
	factor = g->shape == SIM_BURSTY ? bursts(g, src, dt) : sim_shape_mean(g, (double)tick * dt, dt);
	return g->rate * factor * noise(g, src, dt) * dt;
}
