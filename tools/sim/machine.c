/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The machine from outside: threads and engines made, ticks, moves, processors. engine.c has engines at work. */
#include "config.h"
#include "tools/sim/machine.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/sim/engine.h"

#define STEP_S	  1e-3
#define FINEST_S  10e-6 /* of an engine's time: shorter operations are simulated several at once */
#define LINE_BYTES 64.0
#define REMOTE_S  (90e-9 / 4) /* that a memory access takes longer per unit of distance; four at a time */
#define SETTLE	  0.5	/* of what processors are short of, per tick */

static double fastest(const struct sim_scenario *s, const struct sim_group *g)
{
	double best = 0;

	if (g->engine >= 0)
		return fmax(s->engine[g->engine].capacity, s->engine[g->engine].write);
	for (unsigned int e = 0; e < s->nr_engines; e++)
		if (s->engine[e].pool == g->pool)
			best = fmax(best, fmax(s->engine[e].capacity, s->engine[e].write));
	return best;
}

static unsigned int nth_domain(uint64_t domains, unsigned int n)
{
	unsigned int nr = (unsigned int)__builtin_popcountll(domains);

	for (n %= nr; n; n--)
		domains &= domains - 1;
	return (unsigned int)__builtin_ctzll(domains);
}

int sim_machine_engine(const struct sim_machine *m, const struct sim_thread *t, unsigned int domain)
{
	return t->group->pool >= 0 ? m->s->pool[t->group->pool].engine_of_domain[domain] : t->group->engine;
}

static void set_batch(const struct sim_scenario *s, struct sim_thread *t)
{
	const struct sim_group *g = t->group;
	double nr = ceil(FINEST_S * fastest(s, g) / g->op_bytes);

	t->batch = (unsigned int)fmin(fmax(nr, 1), 1e6);
	if (g->depth) {
		t->slots = g->depth > t->batch ? g->depth / t->batch : 1;
		t->batch = g->depth / t->slots;
	}
	t->op_bytes = g->op_bytes * t->batch;
	t->cpu_s = g->cpu_s * t->batch;
}

static void init_thread(struct sim_machine *m, unsigned int t, unsigned int group, unsigned int index)
{
	const struct sim_group *g = &m->s->group[group];
	struct sim_thread *th = &m->thread[t];

	th->group = g;
	th->start_s = g->start_s + index * g->stagger_s;
	th->end_s = g->life_s > 0 ? th->start_s + g->life_s : INFINITY;
	th->domain = th->home = nth_domain(g->domains, index);
	th->engine = sim_machine_engine(m, th, th->domain);
	set_batch(m->s, th);
	sim_source_init(m->s, &th->source, group, index);
	/* operations of equal threads do not begin at the same moment */
	th->owed = sim_random(&th->source.random) * th->op_bytes;
	th->ahead = m->ahead + (size_t)t * m->horizon;
	for (unsigned int k = 0; k < m->horizon; k++) {
		th->ahead[k] = (float)sim_source_next(m->s, m->loads, &th->source, k);
		th->ahead_sum += (double)th->ahead[k];
	}
}

int sim_machine_create(const struct sim_scenario *s, const struct sim_loads *loads, const struct sim_watcher *w,
		       struct sim_machine **out)
{
	struct sim_machine *m = calloc(1, sizeof(*m));
	unsigned int t = 0;

	if (!m)
		return -ENOMEM;
	m->s = s;
	m->loads = loads;
	m->watcher = *w;
	m->nr_threads = s->nr_threads;
	m->horizon = (unsigned int)fmax(1, lround(s->horizon_s / s->tick_s));
	m->thread = calloc(s->nr_threads, sizeof(*m->thread));
	m->unit = calloc(s->nr_engines, sizeof(*m->unit));
	m->ahead = calloc((size_t)s->nr_threads * m->horizon, sizeof(*m->ahead));
	m->nomem = !m->thread || !m->unit || !m->ahead;
	for (unsigned int e = 0; !m->nomem && e < s->nr_engines; e++)
		m->nomem = sim_unit_init(&m->unit[e], &s->engine[e], s->seed + e) != 0;
	if (m->nomem) {
		sim_machine_destroy(m);
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < s->nr_groups; i++)
		for (unsigned int k = 0; k < s->group[i].count; k++)
			init_thread(m, t++, i, k);
	for (unsigned int d = 0; d < DAM_MAX_DOMAINS; d++) {
		m->slow[d] = 1;
		m->cpus[d] = fmax(1, dam_cpuset_count(&s->topo.domain[d].cpus));
	}
	*out = m;
	return 0;
}

void sim_machine_destroy(struct sim_machine *m)
{
	if (!m)
		return;
	for (unsigned int e = 0; m->unit && e < m->s->nr_engines; e++)
		sim_unit_free(&m->unit[e]);
	free(m->unit);
	free(m->thread);
	free(m->ahead);
	free(m);
}

static void fire_events(struct sim_machine *m)
{
	while (m->next_event < m->s->nr_events && m->s->event[m->next_event].at_s <= m->now_s + 1e-9) {
		const struct sim_event *ev = &m->s->event[m->next_event++];
		struct sim_unit *u = &m->unit[ev->engine];

		if (ev->capacity > 0)
			u->capacity[0] = ev->capacity;
		/* a write capacity of its own stays, unless it is told too */
		if (ev->write > 0 || !(u->engine->write < u->engine->capacity || u->engine->write > u->engine->capacity))
			u->capacity[1] = ev->write > 0 ? ev->write : ev->capacity;
	}
}

void sim_machine_begin(struct sim_machine *m)
{
	double now = m->now_s + 1e-9;

	fire_events(m);
	for (unsigned int t = 0; t < m->nr_threads; t++) {
		struct sim_thread *th = &m->thread[t];

		if (!th->begun && th->start_s <= now) {
			th->begun = th->running = true;
			th->free_s = m->now_s;
		}
		if (th->running && th->end_s <= now)
			th->running = false;
	}
}

void sim_machine_move(struct sim_machine *m, unsigned int t, unsigned int domain, bool free)
{
	struct sim_thread *th = &m->thread[t];

	th->domain = domain;
	th->engine = sim_machine_engine(m, th, domain);
	th->placed = true;
	if (!free)
		th->free_s = fmax(th->free_s, m->now_s) + m->s->migration_s + m->s->cache_bytes / m->s->memory_bps;
}

double sim_machine_latency(const struct sim_machine *m, const struct sim_thread *t, int e, unsigned int domain)
{
	const struct sim_engine *en = &m->s->engine[e];
	double away = en->domain == DAM_NO_DOMAIN ? 1 : (double)m->s->topo.distance[domain][en->domain];

	return en->latency_s * (1 + en->penalty * (away - 1)) +
	       sim_machine_service(m, t, e, t->group->op_bytes);
}

double sim_machine_service(const struct sim_machine *m, const struct sim_thread *t, int e, double bytes)
{
	const struct sim_unit *u = &m->unit[e];

	return bytes * ((1 - t->group->writes) / u->capacity[0] + t->group->writes / u->capacity[1]);
}

/* Processor time of a batch where the thread runs: its memory may be far, and others want the processor too. */
double sim_machine_cpu(const struct sim_machine *m, const struct sim_thread *th)
{
	double away = (double)m->s->topo.distance[th->home][th->domain] - 1;

	return (th->cpu_s + th->group->memory * th->op_bytes / LINE_BYTES * away * REMOTE_S) * m->slow[th->domain];
}

/* This tick's bytes of a thread, as operations spread evenly over the tick. */
static void generate(struct sim_machine *m, unsigned int t)
{
	struct sim_thread *th = &m->thread[t];
	float *slot = &th->ahead[m->tick % m->horizon];
	double bytes = (double)*slot, nr, step;

	th->ahead_sum -= bytes;
	*slot = (float)sim_source_next(m->s, m->loads, &th->source, m->tick + m->horizon);
	th->ahead_sum = fmax(0, th->ahead_sum + (double)*slot);
	if (!th->running)
		return;
	th->owed += bytes;
	nr = floor(th->owed / th->op_bytes);
	step = m->s->tick_s / fmax(nr, 1);
	for (double i = 0; i < nr; i++)
		sim_unit_submit(m, t, m->now_s + (i + fmod(0.618 * t, 1)) * step);
	th->owed -= nr * th->op_bytes;
}

/* Closed loops begin with all they keep in flight. */
static void start_loops(struct sim_machine *m, unsigned int t)
{
	struct sim_thread *th = &m->thread[t];

	if (th->group->depth && th->running && th->slots) {
		for (unsigned int i = 0; i < th->slots; i++)
			sim_unit_submit(m, t, m->now_s);
		th->slots = 0; /* from here on each completion brings the next */
	}
}

/* Threads that want more processor time than there is get it more slowly. */
static void share_processors(struct sim_machine *m)
{
	double wanted[DAM_MAX_DOMAINS] = {0};

	for (unsigned int t = 0; t < m->nr_threads; t++)
		if (m->thread[t].busy_s > 0)
			wanted[m->thread[t].domain] += fmin(1, m->thread[t].busy_s / m->s->tick_s);
	for (unsigned int d = 0; d < m->s->topo.nr_domains; d++) {
		double share = wanted[d] / m->cpus[d];

		m->cpu_busy[d] = fmin(1, share);
		m->slow[d] += SETTLE * (fmax(1, share) - m->slow[d]);
	}
}

static void clear_tick(struct sim_machine *m)
{
	for (unsigned int e = 0; e < m->s->nr_engines; e++) {
		struct sim_unit *u = &m->unit[e];

		u->bytes = u->write_bytes = u->ops = u->wait_s = u->busy_s = 0;
	}
	for (unsigned int t = 0; t < m->nr_threads; t++) {
		struct sim_thread *th = &m->thread[t];

		th->bytes = th->write_bytes = th->ops = th->inflight_sum = th->inflight_peak = th->busy_s = 0;
		th->samples = 0;
	}
}

int sim_machine_advance(struct sim_machine *m)
{
	unsigned int steps = (unsigned int)fmax(1, lround(m->s->tick_s / STEP_S));
	double begin = m->now_s;

	clear_tick(m);
	for (unsigned int e = 0; e < m->s->nr_engines; e++)
		sim_unit_jitter(&m->unit[e]);
	for (unsigned int t = 0; t < m->nr_threads; t++) {
		if (m->thread[t].group->depth)
			start_loops(m, t);
		else
			generate(m, t);
	}
	for (unsigned int k = 1; k <= steps && !m->nomem; k++) {
		double until = begin + m->s->tick_s * k / steps;

		for (unsigned int e = 0; e < m->s->nr_engines; e++)
			sim_unit_run(m, (int)e, until);
		m->now_s = until;
	}
	share_processors(m);
	m->tick++;
	m->now_s = (double)m->tick * m->s->tick_s;
	return m->nomem ? -ENOMEM : 0;
}
