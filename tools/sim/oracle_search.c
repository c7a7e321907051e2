/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The search of the oracle: all assignments are tried where there are few; else the longest demand is placed first and
 * single moves and swaps improve on that, and on what is in place.
 */
#include "config.h"
#include "tools/sim/oracle.h"

#include <math.h>
#include <string.h>

#define MAX_EXHAUSTIVE 1024 /* assignments */
#define MAX_SEARCH     512  /* threads: beyond, longest first is as good */
#define MAX_SWAPS      96   /* threads: beyond, single moves have enough to choose from */
#define MAX_STEPS      64
#define MAX_TRIES      1024 /* swaps looked at in one tick; the next looks at others */
#define SAME	       1e-6 /* of what could be delivered: differences below are none */
#define NEAR	       1e-3 /* of a nearer engine against an evener load */

struct score {
	double bytes, worst, rest;
};

static void put(struct sim_oracle_state *o, unsigned int nr_domains, unsigned int place, unsigned int d, int sign)
{
	size_t i = (size_t)place * nr_domains + d;
	struct sim_share *e = &o->unit[o->engine[i]], *c = &o->unit[o->nr_engines + d];

	e->util += sign * o->util[i];
	e->bytes += sign * o->demand[i];
	c->util += sign * o->cpu[i];
	o->distance += sign * o->away[i] * o->demand[i];
}

/* What engine state @u delivers in a second. */
static double delivered(const struct sim_share *u)
{
	return u->util > 1 ? u->bytes / u->util : u->bytes;
}

static double cpu_share(const struct sim_run *r, const struct sim_oracle_state *o, unsigned int d)
{
	return o->unit[o->nr_engines + d].util / r->machine->cpus[d];
}

static struct score evaluate(const struct sim_run *r, const struct sim_oracle_state *o)
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

static bool better(const struct sim_oracle_state *o, const struct score *a, const struct score *b)
{
	if (fabs(a->bytes - b->bytes) > SAME * o->total)
		return a->bytes > b->bytes;
	if (fabs(a->worst - b->worst) > SAME)
		return a->worst < b->worst;
	return a->rest < b->rest - SAME * SAME;
}

static void clear(struct sim_oracle_state *o)
{
	memcpy(o->unit, o->base, o->nr_units * sizeof(*o->unit));
	o->distance = 0;
}

static struct score take(const struct sim_run *r, struct sim_oracle_state *o, const unsigned int *domain)
{
	clear(o);
	for (unsigned int i = 0; i < o->nr; i++) {
		o->domain[i] = domain[i];
		put(o, r->s->topo.nr_domains, i, domain[i], 1);
	}
	return evaluate(r, o);
}

/* -- few: all of them -- */

static void try_all(const struct sim_run *r, struct sim_oracle_state *o, unsigned int place, struct score *best)
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
static double gain(const struct sim_run *r, const struct sim_oracle_state *o, unsigned int place, unsigned int d, double *worst)
{
	size_t i = (size_t)place * r->s->topo.nr_domains + d;
	const struct sim_share *now = &o->unit[o->engine[i]];
	struct sim_share then = {now->util + o->util[i], now->bytes + o->demand[i]};
	double cpus = r->machine->cpus[d], share = cpu_share(r, o, d), after = share + o->cpu[i] / cpus;

	*worst = fmax(then.util, after) + NEAR * o->away[i];
	return delivered(&then) - delivered(now) - (fmax(0, after - 1) - fmax(0, share - 1)) * cpus * o->per_cpu;
}

static struct score longest_into_least(const struct sim_run *r, struct sim_oracle_state *o)
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

static void shift(struct sim_oracle_state *o, unsigned int nr_domains, unsigned int place, unsigned int to)
{
	put(o, nr_domains, place, o->domain[place], -1);
	o->domain[place] = to;
	put(o, nr_domains, place, to, 1);
}

/* Only what leaves an engine that is too full, or the fullest, can help. */
static bool worth_leaving(const struct sim_oracle_state *o, unsigned int nr_domains, unsigned int place, double worst)
{
	unsigned int d = o->domain[place];

	return o->unit[o->engine[(size_t)place * nr_domains + d]].util >= fmin(worst, 1) - SAME ||
	       o->unit[o->nr_engines + d].util >= worst - SAME || o->away[(size_t)place * nr_domains + d] > SAME;
}

/* One move that improves; the first found is taken. */
static bool improve_by_move(const struct sim_run *r, struct sim_oracle_state *o, struct score *s)
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

static bool improve_by_swap(const struct sim_run *r, struct sim_oracle_state *o, struct score *s)
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

static void improve(const struct sim_run *r, struct sim_oracle_state *o, struct score *s)
{
	if (o->nr > MAX_SEARCH)
		return;
	o->tries = MAX_TRIES;
	o->turn += MAX_TRIES / o->nr;
	for (unsigned int step = 0; step < MAX_STEPS; step++)
		if (!improve_by_move(r, o, s) && (o->nr > MAX_SWAPS || !improve_by_swap(r, o, s)))
			return;
}

static void search_many(const struct sim_run *r, struct sim_oracle_state *o)
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

static bool few(const struct sim_oracle_state *o, unsigned int nr_domains)
{
	double n = 1;

	for (unsigned int i = 0; i < o->nr && n <= MAX_EXHAUSTIVE; i++)
		n *= nr_domains;
	return n <= MAX_EXHAUSTIVE;
}

void sim_oracle_search(const struct sim_run *r, struct sim_oracle_state *o)
{
	struct score best;

	if (!few(o, r->s->topo.nr_domains)) {
		search_many(r, o);
		return;
	}
	best = take(r, o, o->now);
	memcpy(o->best, o->now, o->nr * sizeof(*o->best));
	clear(o);
	try_all(r, o, 0, &best);
}
