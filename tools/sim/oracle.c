/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The oracle: it knows what every thread will ask within the horizon, and moves for free. At each tick it takes the
 * assignment that delivers most, among these the one whose most loaded engine (or set of processors) is loaded least,
 * and then the nearest.
 */
#include "config.h"
#include "tools/sim/oracle.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STRANGER 1e3 /* times as much is asked of an engine that is reserved for others */

static int oracle_open(struct sim_run *r)
{
	struct sim_oracle_state *o = calloc(1, sizeof(*o));
	size_t n = r->s->nr_threads, cells = n * r->s->topo.nr_domains;

	r->state = o;
	if (!o)
		return -ENOMEM;
	o->nr_engines = r->s->nr_engines;
	o->nr_units = o->nr_engines + r->s->topo.nr_domains;
	o->thread = calloc(n, sizeof(*o->thread));
	o->ranked = calloc(n, sizeof(*o->ranked));
	o->domain = calloc(n, sizeof(*o->domain));
	o->best = calloc(n, sizeof(*o->best));
	o->now = calloc(n, sizeof(*o->now));
	o->demand = calloc(cells, sizeof(*o->demand));
	o->util = calloc(cells, sizeof(*o->util));
	o->cpu = calloc(cells, sizeof(*o->cpu));
	o->away = calloc(cells, sizeof(*o->away));
	o->engine = calloc(cells, sizeof(*o->engine));
	o->unit = calloc(o->nr_units, sizeof(*o->unit));
	o->base = calloc(o->nr_units, sizeof(*o->base));
	return o->thread && o->ranked && o->domain && o->best && o->now && o->demand && o->util && o->cpu && o->away &&
			       o->engine && o->unit && o->base ?
		       0 :
		       -ENOMEM;
}

static void oracle_close(struct sim_run *r)
{
	struct sim_oracle_state *o = r->state;

	if (!o)
		return;
	free(o->thread);
	free(o->ranked);
	free(o->domain);
	free(o->best);
	free(o->now);
	free(o->demand);
	free(o->util);
	free(o->cpu);
	free(o->away);
	free(o->engine);
	free(o->unit);
	free(o->base);
	free(o);
}

/* -- what each thread would ask from each domain -- */

static double ask(const struct sim_run *r, const struct sim_thread *th, int e, unsigned int d)
{
	const struct sim_machine *m = r->machine;
	const struct sim_group *g = th->group;
	double rate;

	if (!g->depth)
		return th->ahead_sum / (m->horizon * r->s->tick_s);
	rate = g->depth * g->op_bytes / (g->think_s + g->cpu_s * m->slow[d] + sim_machine_latency(m, th, e, d));
	return fmin(rate, 1 / fmax(sim_machine_service(m, th, e, 1), 1e-15));
}

/* It keeps to reservations, as DAM has to. */
static bool admits(const struct sim_run *r, const struct sim_thread *th, int e)
{
	enum dam_policy_class reserved = r->s->engine[e].reserved;

	return reserved == DAM_CLASS_NORMAL || reserved == th->group->class;
}

/* The thread at @place of the list, from every domain. */
static void look(const struct sim_run *r, struct sim_oracle_state *o, unsigned int place)
{
	const struct sim_thread *th = &r->machine->thread[o->thread[place]];
	unsigned int nr = r->s->topo.nr_domains;
	double least = INFINITY;

	for (unsigned int d = 0; d < nr; d++) {
		size_t i = (size_t)place * nr + d;
		int e = sim_machine_engine(r->machine, th, d);

		o->engine[i] = e;
		o->demand[i] = ask(r, th, e, d);
		o->util[i] = sim_machine_service(r->machine, th, e, o->demand[i]) * (admits(r, th, e) ? 1 : STRANGER);
		o->cpu[i] = o->demand[i] / th->group->op_bytes * th->group->cpu_s;
		o->away[i] = sim_machine_latency(r->machine, th, e, d) *
			     (1 + 0.1 * (double)(r->s->topo.distance[th->home][d] - 1));
		least = fmin(least, o->away[i]);
	}
	for (unsigned int d = 0; d < nr; d++)
		o->away[(size_t)place * nr + d] = o->away[(size_t)place * nr + d] / least - 1;
}

/* Backlogs, and threads that nobody may move. */
static void look_at_base(const struct sim_run *r, struct sim_oracle_state *o)
{
	double span = r->machine->horizon * r->s->tick_s;

	memset(o->base, 0, o->nr_units * sizeof(*o->base));
	for (unsigned int e = 0; e < o->nr_engines; e++) {
		const struct sim_unit *u = &r->machine->unit[e];

		o->base[e].bytes = u->queued_bytes / span;
		o->base[e].util = u->queued_bytes / u->capacity[0] / span;
	}
	for (unsigned int t = 0; t < r->s->nr_threads; t++) {
		const struct sim_thread *th = &r->machine->thread[t];
		double x;

		if (!th->running || sim_run_movable(r, t))
			continue;
		x = ask(r, th, th->engine, th->domain);
		o->base[th->engine].bytes += x;
		o->base[th->engine].util += sim_machine_service(r->machine, th, th->engine, x);
	}
}

static int longest_first(const void *a, const void *b)
{
	const struct sim_ranked *x = a, *y = b;

	if (x->demand < y->demand || x->demand > y->demand)
		return x->demand > y->demand ? -1 : 1;
	return (x->thread > y->thread) - (x->thread < y->thread);
}

static void rank(const struct sim_run *r, struct sim_oracle_state *o)
{
	o->nr = 0;
	for (unsigned int t = 0; t < r->s->nr_threads; t++) {
		const struct sim_thread *th = &r->machine->thread[t];

		if (sim_run_movable(r, t))
			o->ranked[o->nr++] = (struct sim_ranked){ask(r, th, th->engine, th->domain), t};
	}
	qsort(o->ranked, o->nr, sizeof(*o->ranked), longest_first);
	for (unsigned int i = 0; i < o->nr; i++)
		o->thread[i] = o->ranked[i].thread;
}

static void oracle_tick(struct sim_run *r)
{
	struct sim_oracle_state *o = r->state;
	double cpu = 0;

	rank(r, o);
	if (!o->nr)
		return;
	look_at_base(r, o);
	o->total = 1e-9;
	for (unsigned int i = 0; i < o->nr; i++) {
		size_t at;

		o->now[i] = r->machine->thread[o->thread[i]].domain;
		look(r, o, i);
		at = (size_t)i * r->s->topo.nr_domains + o->now[i];
		o->total += o->demand[at];
		cpu += o->cpu[at];
	}
	o->per_cpu = cpu > 0 ? o->total / cpu : 0;
	sim_oracle_search(r, o);
	for (unsigned int i = 0; i < o->nr; i++)
		sim_run_move(r, o->thread[i], o->best[i], DAM_TRIGGER_NONE);
}

const struct sim_policy sim_oracle = {
	.name = "oracle",
	.help = "knows what comes and moves for free: a bound",
	.free = true, .open = oracle_open, .tick = oracle_tick, .close = oracle_close,
};
