/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The oracle: it knows what every thread will ask within the horizon, and moves for free. At each tick it takes the
 * assignment that delivers most, among these the one whose most loaded engine (or set of processors) is loaded least,
 * and then the nearest: all assignments are tried where there are few; else the longest demand is placed first and
 * single moves and swaps improve on that, and on what is in place.
 */
#include "config.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/sim/sim.h"

#define MAX_EXHAUSTIVE 1024 /* assignments */
#define MAX_SEARCH     512  /* threads: beyond, longest first is as good */
#define MAX_SWAPS      96   /* threads: beyond, single moves have enough to choose from */
#define MAX_STEPS      64
#define MAX_TRIES      1024 /* swaps looked at in one tick; the next looks at others */
#define SAME	       1e-6 /* of what could be delivered: differences below are none */
#define STRANGER       1e3  /* times as much is asked of an engine that is reserved for others */
#define NEAR	       1e-3 /* of a nearer engine against an evener load */

/* Engines first, then each domain's processors. */
struct unit {
	double util, bytes;
};

struct score {
	double bytes, worst, rest;
};

struct ranked {
	double demand;
	unsigned int thread;
};

struct oracle {
	unsigned int nr_engines, nr_units, nr; /* threads that it places */
	unsigned int *thread;		       /* them, the longest demand first */
	struct ranked *ranked;		       /* the same while they are sorted */
	unsigned int *domain, *best, *now;     /* by place in the above */
	double *demand;			       /* bytes/s, by place and domain */
	double *util;			       /* of the engine there, the same */
	double *cpu, *away;		       /* processors; share of latency above the least; the same */
	int *engine;			       /* the same */
	struct unit *unit, *base;	       /* base: what cannot be moved */
	double total, per_cpu;		       /* bytes/s asked; bytes per processor second */
	double distance;		       /* Σ away of the assignment */
	unsigned int tries, turn;	       /* swaps left in this tick; where they begin */
};

static int oracle_open(struct sim_run *r)
{
	struct oracle *o = calloc(1, sizeof(*o));
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
	struct oracle *o = r->state;

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
static void look(const struct sim_run *r, struct oracle *o, unsigned int place)
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
static void look_at_base(const struct sim_run *r, struct oracle *o)
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
	const struct ranked *x = a, *y = b;

	if (x->demand < y->demand || x->demand > y->demand)
		return x->demand > y->demand ? -1 : 1;
	return (x->thread > y->thread) - (x->thread < y->thread);
}

static void rank(const struct sim_run *r, struct oracle *o)
{
	o->nr = 0;
	for (unsigned int t = 0; t < r->s->nr_threads; t++) {
		const struct sim_thread *th = &r->machine->thread[t];

		if (sim_run_movable(r, t))
			o->ranked[o->nr++] = (struct ranked){ask(r, th, th->engine, th->domain), t};
	}
	qsort(o->ranked, o->nr, sizeof(*o->ranked), longest_first);
	for (unsigned int i = 0; i < o->nr; i++)
		o->thread[i] = o->ranked[i].thread;
}

/* -- assignments -- */

static void put(struct oracle *o, unsigned int nr_domains, unsigned int place, unsigned int d, int sign)
{
	size_t i = (size_t)place * nr_domains + d;
	struct unit *e = &o->unit[o->engine[i]], *c = &o->unit[o->nr_engines + d];

	e->util += sign * o->util[i];
	e->bytes += sign * o->demand[i];
	c->util += sign * o->cpu[i];
	o->distance += sign * o->away[i] * o->demand[i];
}

/* What engine state @u delivers in a second. */
static double delivered(const struct unit *u)
{
	return u->util > 1 ? u->bytes / u->util : u->bytes;
}

static double cpu_share(const struct sim_run *r, const struct oracle *o, unsigned int d)
{
	return o->unit[o->nr_engines + d].util / r->machine->cpus[d];
}

static struct score evaluate(const struct sim_run *r, const struct oracle *o)
{
	struct score s = {.rest = NEAR * o->distance / o->total};

	for (unsigned int e = 0; e < o->nr_engines; e++) {
		s.bytes += delivered(&o->unit[e]);
		s.worst = fmax(s.worst, o->unit[e].util);
		s.rest += o->unit[e].util * o->unit[e].util / o->nr_engines * NEAR;
	}
	for (unsigned int d = 0; d < r->s->topo.nr_domains; d++) {
		double share = cpu_share(r, o, d);

		s.worst = fmax(s.worst, share);
		s.bytes -= fmax(0, share - 1) * r->machine->cpus[d] * o->per_cpu;
	}
	return s;
}

static bool better(const struct oracle *o, const struct score *a, const struct score *b)
{
	if (fabs(a->bytes - b->bytes) > SAME * o->total)
		return a->bytes > b->bytes;
	if (fabs(a->worst - b->worst) > SAME)
		return a->worst < b->worst;
	return a->rest < b->rest - SAME * SAME;
}

static void clear(struct oracle *o)
{
	memcpy(o->unit, o->base, o->nr_units * sizeof(*o->unit));
	o->distance = 0;
}

static struct score take(const struct sim_run *r, struct oracle *o, const unsigned int *domain)
{
	clear(o);
	for (unsigned int i = 0; i < o->nr; i++) {
		o->domain[i] = domain[i];
		put(o, r->s->topo.nr_domains, i, domain[i], 1);
	}
	return evaluate(r, o);
}

/* -- few: all of them -- */

static void try_all(const struct sim_run *r, struct oracle *o, unsigned int place, struct score *best)
{
	unsigned int nr = r->s->topo.nr_domains;
	struct score s;

	if (place == o->nr) {
		s = evaluate(r, o);
		if (better(o, &s, best)) {
			*best = s;
			memcpy(o->best, o->domain, o->nr * sizeof(*o->best));
		}
		return;
	}
	for (unsigned int d = 0; d < nr; d++) {
		o->domain[place] = d;
		put(o, nr, place, d, 1);
		try_all(r, o, place + 1, best);
		put(o, nr, place, d, -1);
	}
}

/* -- many: longest first, then moves and swaps -- */

/* What the assignment gains when the thread at @place goes to @d; and how loaded it would be there. */
static double gain(const struct sim_run *r, const struct oracle *o, unsigned int place, unsigned int d, double *worst)
{
	size_t i = (size_t)place * r->s->topo.nr_domains + d;
	const struct unit *now = &o->unit[o->engine[i]];
	struct unit then = {now->util + o->util[i], now->bytes + o->demand[i]};
	double cpus = r->machine->cpus[d], share = cpu_share(r, o, d), after = share + o->cpu[i] / cpus;

	*worst = fmax(then.util, after) + NEAR * o->away[i];
	return delivered(&then) - delivered(now) - (fmax(0, after - 1) - fmax(0, share - 1)) * cpus * o->per_cpu;
}

static struct score longest_into_least(const struct sim_run *r, struct oracle *o)
{
	unsigned int nr = r->s->topo.nr_domains;

	clear(o);
	for (unsigned int i = 0; i < o->nr; i++) {
		double most = -INFINITY, least = INFINITY;

		for (unsigned int d = 0; d < nr; d++) {
			double worst, g = gain(r, o, i, d, &worst);

			if (g < most - SAME * o->total / o->nr || (g <= most + SAME * o->total / o->nr && worst >= least))
				continue;
			most = g;
			least = worst;
			o->domain[i] = d;
		}
		put(o, nr, i, o->domain[i], 1);
	}
	return evaluate(r, o);
}

static void shift(struct oracle *o, unsigned int nr_domains, unsigned int place, unsigned int to)
{
	put(o, nr_domains, place, o->domain[place], -1);
	o->domain[place] = to;
	put(o, nr_domains, place, to, 1);
}

/* Only what leaves an engine that is too full, or the fullest, can help. */
static bool worth_leaving(const struct oracle *o, unsigned int nr_domains, unsigned int place, double worst)
{
	unsigned int d = o->domain[place];

	return o->unit[o->engine[(size_t)place * nr_domains + d]].util >= fmin(worst, 1) - SAME ||
	       o->unit[o->nr_engines + d].util >= worst - SAME || o->away[(size_t)place * nr_domains + d] > SAME;
}

/* One move that improves; the first found is taken. */
static bool improve_by_move(const struct sim_run *r, struct oracle *o, struct score *s)
{
	unsigned int nr = r->s->topo.nr_domains;

	for (unsigned int i = 0; i < o->nr; i++)
		for (unsigned int d = 0, was = o->domain[i]; d < nr && worth_leaving(o, nr, i, s->worst); d++) {
			struct score then;

			if (d == was)
				continue;
			shift(o, nr, i, d);
			then = evaluate(r, o);
			if (better(o, &then, s)) {
				*s = then;
				return true;
			}
			shift(o, nr, i, was);
		}
	return false;
}

static bool improve_by_swap(const struct sim_run *r, struct oracle *o, struct score *s)
{
	unsigned int nr = r->s->topo.nr_domains;

	for (unsigned int n = 0; n < o->nr; n++) {
		unsigned int i = (o->turn + n) % o->nr;

		for (unsigned int k = 0; k < o->nr && worth_leaving(o, nr, i, s->worst); k++) {
			unsigned int a = o->domain[i], b = o->domain[k];
			struct score then;

			if (a == b)
				continue;
			if (!o->tries)
				return false;
			o->tries--;
			shift(o, nr, i, b);
			shift(o, nr, k, a);
			then = evaluate(r, o);
			if (better(o, &then, s)) {
				*s = then;
				return true;
			}
			shift(o, nr, i, a);
			shift(o, nr, k, b);
		}
	}
	return false;
}

static void improve(const struct sim_run *r, struct oracle *o, struct score *s)
{
	if (o->nr > MAX_SEARCH)
		return;
	o->tries = MAX_TRIES;
	o->turn += MAX_TRIES / o->nr;
	for (unsigned int step = 0; step < MAX_STEPS; step++)
		if (!improve_by_move(r, o, s) && (o->nr > MAX_SWAPS || !improve_by_swap(r, o, s)))
			return;
}

static void search(const struct sim_run *r, struct oracle *o)
{
	struct score stay, fresh;

	stay = take(r, o, o->now);
	improve(r, o, &stay);
	memcpy(o->best, o->domain, o->nr * sizeof(*o->best));
	fresh = longest_into_least(r, o);
	improve(r, o, &fresh);
	if (better(o, &fresh, &stay))
		memcpy(o->best, o->domain, o->nr * sizeof(*o->best));
}

static bool few(const struct oracle *o, unsigned int nr_domains)
{
	double n = 1;

	for (unsigned int i = 0; i < o->nr && n <= MAX_EXHAUSTIVE; i++)
		n *= nr_domains;
	return n <= MAX_EXHAUSTIVE;
}

static void oracle_tick(struct sim_run *r)
{
	struct oracle *o = r->state;
	double cpu = 0;
	struct score best;

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
	if (few(o, r->s->topo.nr_domains)) {
		best = take(r, o, o->now);
		memcpy(o->best, o->now, o->nr * sizeof(*o->best));
		clear(o);
		try_all(r, o, 0, &best);
	} else {
		search(r, o);
	}
	for (unsigned int i = 0; i < o->nr; i++)
		sim_run_move(r, o->thread[i], o->best[i], DAM_TRIGGER_NONE);
}

const struct sim_policy sim_oracle = {
	.name = "oracle",
	.help = "knows what comes and moves for free: a bound",
	.free = true, .open = oracle_open, .tick = oracle_tick, .close = oracle_close,
};
