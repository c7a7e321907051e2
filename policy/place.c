/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Where a thread should be born, so that no later move is needed: the engine that would be least loaded with it, then
 * the domain with most room. Nothing is gained yet that could be lost, so there is no cost and no threshold.
 */
#include "config.h"

#include <math.h>

#include "policy/model.h"

/* What earlier ones of the same call have added. */
struct nursery {
	const struct dam_policy *p;
	const struct dam_policy_birth *b;
	unsigned int threads[DAM_POLICY_DOMAINS]; /* per domain */
};

static int engine_of(const struct nursery *n, unsigned int d)
{
	return n->b->pool >= 0 ? n->p->pools[n->b->pool].engine_of_domain[d] : n->b->engine;
}

static bool fit(const struct nursery *n, unsigned int d)
{
	int e = engine_of(n, d);

	return (n->b->allowed >> d & 1) && e >= 0 && (unsigned int)e < n->p->max_engines &&
	       n->p->engines[e].present &&
	       dam_engine_admits(&n->p->engines[e], n->b->needs, n->b->class);
}

/* Load of the domain's engine with one more thread, births of this call included; 0 while nothing is known. */
static double load(const struct nursery *n, unsigned int d)
{
	int e = engine_of(n, d);
	const struct dam_engine *en = &n->p->engines[e];
	double demand = en->demand + en->backlog + n->b->demand;

	if (n->b->pool < 0 || en->capacity <= 0)
		return 0;
	for (unsigned int o = 0; o < n->p->cfg.nr_domains; o++)
		if (engine_of(n, o) == e)
			demand += n->threads[o] * n->b->demand;
	return demand / en->capacity;
}

static double crowd(const struct nursery *n, unsigned int d)
{
	unsigned int cpus = n->p->cfg.domain_cpus[d];

	return (n->p->domain_threads[d] + n->threads[d] + 1.0) / (cpus ? cpus : 1);
}

/*
 * Compared in this order: a domain whose CPUs are not all taken; an engine that is not overloaded, then the least
 * loaded one by steps of 5 %; nearness to a fixed engine; room.
 */
static bool better(const struct nursery *n, unsigned int a, unsigned int b)
{
	double crowd_a = crowd(n, a), crowd_b = crowd(n, b);
	bool full_a = n->p->cfg.domain_cpus[a] && crowd_a > 1, full_b = n->p->cfg.domain_cpus[b] && crowd_b > 1;
	double load_a = floor(load(n, a) * 20), load_b = floor(load(n, b) * 20), far_a, far_b;

	if (fmax(load_a, load_b) < DAM_COST_HIGH_WATER * 20 && full_a != full_b)
		return full_b;
	if (load_a < load_b || load_a > load_b)
		return load_a < load_b;
	if (full_a != full_b)
		return full_b;
	far_a = dam_engine_distance(n->p, (unsigned int)engine_of(n, a), a);
	far_b = dam_engine_distance(n->p, (unsigned int)engine_of(n, b), b);
	if (far_a < far_b || far_a > far_b)
		return far_a < far_b;
	return crowd_a < crowd_b;
}

unsigned int dam_policy_place(const struct dam_policy *p, const struct dam_policy_birth *b, unsigned int nr,
			      unsigned int *domains)
{
	struct nursery n = {.p = p, .b = b};

	if (b->pool >= 0 && (unsigned int)b->pool >= p->max_pools)
		return 0;
	for (unsigned int i = 0; i < nr; i++) {
		int best = DAM_POLICY_NONE;

		for (unsigned int d = 0; d < p->cfg.nr_domains; d++)
			if (fit(&n, d) && (best < 0 || better(&n, d, (unsigned int)best)))
				best = (int)d;
		if (best < 0)
			return 0;
		domains[i] = (unsigned int)best;
		n.threads[best]++;
	}
	return nr;
}
