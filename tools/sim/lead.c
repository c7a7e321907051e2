/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * How far ahead moves come. A ramp is a rise of expected load (ramp, flash, diurnal) that carries an engine's open
 * demand over its capacity, as its threads are assigned. A move off the engine before that is a lead: the time until
 * the engine would have been full. Without such a move the ramp is one that nobody saw coming.
 */
#include "config.h"

#include <math.h>
#include <stdlib.h>

#include "tools/sim/stats.h"

#define LOOK_S	 5.0  /* how far ahead the rise is followed */
#define LOOK_STEPS 100
#define MAX_LEADS 4096
#define EPISODE_S 1.0 /* moves off one engine within it belong to one ramp */

struct sim_ramps {
	double *load;  /* by engine: expected open demand over capacity, after the last tick */
	double *led_s; /* when the last lead was counted there */
	double *lead;  /* s; the first MAX_LEADS */
	unsigned int nr, led;
	bool any; /* some thread's load rises and falls as foretold */
};

static bool foretold(const struct sim_group *g)
{
	return !g->depth && (g->shape == SIM_RAMP || g->shape == SIM_FLASH || g->shape == SIM_DIURNAL);
}

static double expected(const struct sim_machine *m, const struct sim_thread *th, double t)
{
	const struct sim_group *g = th->group;

	if (g->depth || !th->running || g->shape == SIM_TRACE)
		return 0;
	return g->rate * sim_shape_mean(g, t, m->s->tick_s);
}

struct sim_ramps *sim_ramps_create(const struct sim_machine *m)
{
	struct sim_ramps *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->load = calloc(m->s->nr_engines, sizeof(*r->load));
	r->led_s = calloc(m->s->nr_engines, sizeof(*r->led_s));
	r->lead = calloc(MAX_LEADS, sizeof(*r->lead));
	if (!r->load || !r->led_s || !r->lead) {
		sim_ramps_destroy(r);
		return NULL;
	}
	for (unsigned int i = 0; i < m->s->nr_groups; i++)
		r->any |= foretold(&m->s->group[i]);
	for (unsigned int e = 0; e < m->s->nr_engines; e++)
		r->led_s[e] = -INFINITY;
	return r;
}

void sim_ramps_destroy(struct sim_ramps *r)
{
	if (!r)
		return;
	free(r->load);
	free(r->led_s);
	free(r->lead);
	free(r);
}

/* Expected open load of every engine at time @t, with threads where they are now. */
static void loads(const struct sim_machine *m, double t, double *out)
{
	for (unsigned int e = 0; e < m->s->nr_engines; e++)
		out[e] = 0;
	for (unsigned int i = 0; i < m->nr_threads; i++) {
		const struct sim_thread *th = &m->thread[i];

		out[th->engine] += sim_machine_service(m, th, th->engine, expected(m, th, t));
	}
}

/* The same of one engine: its threads alone. */
static double load_of(const struct sim_machine *m, int e, double t)
{
	double sum = 0;

	for (unsigned int i = 0; i < m->nr_threads; i++)
		if (m->thread[i].engine == e)
			sum += sim_machine_service(m, &m->thread[i], e, expected(m, &m->thread[i], t));
	return sum;
}

void sim_ramps_tick(struct sim_ramps *r, const struct sim_machine *m)
{
	double before = m->now_s - m->s->tick_s;

	if (!r->any)
		return;
	loads(m, m->now_s, r->load);
	for (unsigned int e = 0; e < m->s->nr_engines; e++)
		if (r->load[e] >= 1 && load_of(m, (int)e, before) < 1 && before > 0 &&
		    m->now_s - r->led_s[e] > EPISODE_S) {
			r->nr++; /* nobody had moved a thread off it */
			r->led_s[e] = m->now_s;
		}
}

void sim_ramps_move(struct sim_ramps *r, const struct sim_machine *m, unsigned int t, unsigned int domain)
{
	const struct sim_thread *th = &m->thread[t];
	int e = th->engine;

	if (!r->any || sim_machine_engine(m, th, domain) == e || m->now_s - r->led_s[e] <= EPISODE_S || r->load[e] >= 1)
		return;
	for (unsigned int k = 1; k <= LOOK_STEPS; k++) {
		double ahead = LOOK_S * k / LOOK_STEPS;

		if (load_of(m, e, m->now_s + ahead) < 1)
			continue;
		r->led_s[e] = m->now_s;
		if (r->led < MAX_LEADS)
			r->lead[r->led] = ahead;
		r->led++;
		r->nr++;
		return;
	}
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void sim_ramps_result(const struct sim_ramps *r, struct sim_result *out)
{
	unsigned int nr = r->led < MAX_LEADS ? r->led : MAX_LEADS;

	out->ramps = r->nr;
	out->led = r->led;
	out->lead_s = NAN;
	if (!nr)
		return;
	qsort(r->lead, nr, sizeof(*r->lead), ascending);
	out->lead_s = r->lead[nr / 2];
}
