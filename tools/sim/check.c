/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What one line of a scenario says about another: names become indices, and what makes no sense is refused. */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/sim/parse.h"

#define GUESS_LATENCY_S 100e-6

void sim_path_beside(const char *file, const char *name, char *out, size_t size)
{
	const char *slash = strrchr(file, '/');

	if (*name == '/' || !slash)
		snprintf(out, size, "%s", name);
	else
		snprintf(out, size, "%.*s%s", (int)(slash + 1 - file), file, name);
}

uint64_t sim_scenario_domains(const struct sim_scenario *s)
{
	return s->topo.nr_domains < 64 ? (1ull << s->topo.nr_domains) - 1 : ~0ull;
}

static int check_topology(struct sim_parse *p)
{
	struct dam_topology *t = &p->s->topo;

	if (!p->s->started)
		return sim_parse_fail(p, 0, "no topology; for two nodes of four processors: topology synthetic node:2 pu:4");
	for (unsigned int a = 0; p->distance > 0 && a < t->nr_domains; a++)
		for (unsigned int b = 0; b < t->nr_domains; b++)
			t->distance[a][b] = a == b ? 1 : p->distance;
	return 0;
}

static int find_pool(const struct sim_scenario *s, const char *name)
{
	for (unsigned int i = 0; i < s->nr_pools; i++)
		if (!strcmp(s->pool[i].name, name))
			return (int)i;
	return -1;
}

static int find_engine(const struct sim_scenario *s, const char *name)
{
	for (unsigned int i = 0; i < s->nr_engines; i++)
		if (!strcmp(s->engine[i].name, name))
			return (int)i;
	return -1;
}

static int check_engine(struct sim_parse *p, unsigned int i)
{
	struct sim_engine *e = &p->s->engine[i];
	int same = find_engine(p->s, e->name);

	if (same >= 0 && (unsigned int)same < i)
		return sim_parse_fail(p, e->line, "'%s' is declared already, in line %u", e->name,
				      p->s->engine[same].line);
	if (find_pool(p->s, e->name) >= 0)
		return sim_parse_fail(p, e->line, "'%s' is the name of a pool already", e->name);
	if (e->capacity <= 0)
		return sim_parse_fail(p, e->line, "engine '%s' has no capacity=BYTES", e->name);
	if (e->domain != DAM_NO_DOMAIN && e->domain >= p->s->topo.nr_domains)
		return sim_parse_fail(p, e->line, "domain=%u: the topology has domains 0 to %u", e->domain,
				      p->s->topo.nr_domains - 1);
	e->pool = *e->pool_name ? find_pool(p->s, e->pool_name) : -1;
	if (*e->pool_name && e->pool < 0)
		return sim_parse_fail(p, e->line, "pool=%s: no line declares this pool", e->pool_name);
	if (e->write <= 0)
		e->write = e->capacity;
	if (e->guess_s <= 0)
		e->guess_s = GUESS_LATENCY_S;
	return 0;
}

/* The engine that serves each domain: the nearest. */
static int map_pool(struct sim_parse *p, unsigned int i)
{
	struct sim_scenario *s = p->s;
	struct sim_pool *pool = &s->pool[i];
	unsigned int *home = calloc(s->nr_engines + 1, sizeof(*home));
	int *member = calloc(s->nr_engines + 1, sizeof(*member));
	unsigned int nr = 0;

	for (unsigned int e = 0; home && member && e < s->nr_engines; e++)
		if (s->engine[e].pool == (int)i) {
			home[nr] = s->engine[e].domain;
			member[nr++] = (int)e;
		}
	for (unsigned int d = 0; nr && d < s->topo.nr_domains; d++)
		pool->engine_of_domain[d] = member[dam_topology_nearest(&s->topo, d, home, nr)];
	free(home);
	free(member);
	if (!nr)
		return sim_parse_fail(p, pool->line, "pool '%s' has no engine", pool->name);
	return 0;
}

static int check_pools(struct sim_parse *p)
{
	for (unsigned int i = 0; i < p->s->nr_pools; i++) {
		int same = find_pool(p->s, p->s->pool[i].name), err;

		if ((unsigned int)same < i)
			return sim_parse_fail(p, p->s->pool[i].line, "'%s' is declared already, in line %u",
					      p->s->pool[i].name, p->s->pool[same].line);
		err = map_pool(p, i);
		if (err)
			return err;
	}
	return 0;
}

/* Open or closed, and where its load comes from. */
static int check_load(struct sim_parse *p, struct sim_group *g)
{
	if (*g->trace)
		g->shape = SIM_TRACE;
	if ((g->depth > 0) + (g->rate > 0 || *g->trace) != 1)
		return sim_parse_fail(p, g->line, "needs one of depth=N (waits for completions), rate=BYTES, trace=FILE");
	if (g->depth && (g->shape != SIM_STEADY || g->cv > 0))
		return sim_parse_fail(p, g->line, "load and cv are of threads with a rate, not of ones with a depth");
	if (g->rate > 0 && *g->trace)
		return sim_parse_fail(p, g->line, "rate=BYTES or trace=FILE, not both; scale= multiplies a trace");
	if (!g->depth && g->think_s > 0)
		return sim_parse_fail(p, g->line, "think is of threads with a depth");
	if (*g->of && !*g->trace)
		return sim_parse_fail(p, g->line, "of= is of a trace");
	if (isnan(g->peak))
		g->peak = g->shape == SIM_BURSTY ? 1 : g->shape == SIM_DIURNAL ? 0.5 : 2;
	return 0;
}

static int check_group(struct sim_parse *p, struct sim_group *g)
{
	uint64_t all = sim_scenario_domains(p->s);

	if (!*g->on)
		return sim_parse_fail(p, g->line, "threads '%s' have no on=POOL or on=ENGINE", g->name);
	g->pool = find_pool(p->s, g->on);
	g->engine = g->pool < 0 ? find_engine(p->s, g->on) : -1;
	if (g->pool < 0 && g->engine < 0)
		return sim_parse_fail(p, g->line, "on=%s: no line declares this pool or engine", g->on);
	if (g->engine >= 0 && p->s->engine[g->engine].pool >= 0)
		return sim_parse_fail(p, g->line, "on=%s: an engine of a pool; name the pool", g->on);
	if (!g->domains)
		g->domains = all;
	if (g->domains & ~all)
		return sim_parse_fail(p, g->line, "domain: the topology has domains 0 to %u",
				      p->s->topo.nr_domains - 1);
	p->s->nr_threads += g->count;
	if (p->s->nr_threads > SIM_THREADS)
		return sim_parse_fail(p, g->line, "more than %d threads", SIM_THREADS);
	return check_load(p, g);
}

static int by_time(const void *a, const void *b)
{
	const struct sim_event *x = a, *y = b;

	if (x->at_s < y->at_s || x->at_s > y->at_s)
		return x->at_s < y->at_s ? -1 : 1;
	return (x->line > y->line) - (x->line < y->line);
}

static int check_events(struct sim_parse *p)
{
	for (unsigned int i = 0; i < p->s->nr_events; i++) {
		struct sim_event *ev = &p->s->event[i];

		ev->engine = find_engine(p->s, ev->name);
		if (ev->engine < 0)
			return sim_parse_fail(p, ev->line, "no line declares the engine '%s'", ev->name);
		if (ev->capacity <= 0 && ev->write <= 0)
			return sim_parse_fail(p, ev->line, "nothing changes: add capacity=BYTES or write=BYTES");
	}
	if (p->s->nr_events)
		qsort(p->s->event, p->s->nr_events, sizeof(*p->s->event), by_time);
	return 0;
}

int sim_scenario_check(struct sim_parse *p)
{
	int err = check_topology(p);

	for (unsigned int i = 0; !err && i < p->s->nr_engines; i++)
		err = check_engine(p, i);
	if (!err)
		err = check_pools(p);
	for (unsigned int i = 0; !err && i < p->s->nr_groups; i++)
		err = check_group(p, &p->s->group[i]);
	if (!err)
		err = check_events(p);
	if (!err && !p->s->nr_threads)
		err = sim_parse_fail(p, 0, "no threads");
	return err;
}
