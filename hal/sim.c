/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The sim backend: engines that exist in a description only, fed by the work that real threads
 * report.
 *
 * A pool takes the work of its source: all targets that are not simulated and submissions of
 * unknown engine ("*", the default), or one target. An engine outside a pool takes nothing unless
 * it has a source.
 */
#include "config.h"
#include "hal/sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal/internal.h"

#define LATENCY_NS 100000 /* unless told: that of an NVMe disk */

struct engine_state {
	uint64_t bytes[2], ops[2]; /* [1]: writes */
};

static const char *source_of(const struct dam_sim_decl *d)
{
	return d->source ? d->source : d->is_pool ? "*" : NULL;
}

/* Each source exists and belongs to one line. Before any simulated target is added, so none of them
 * is found. */
static int check_sources(struct dam_hal *hal, const struct dam_sim_desc *s)
{
	for (unsigned int i = 0; i < s->nr; i++) {
		const char *source = source_of(&s->decl[i]);

		if (!source)
			continue;
		if (strcmp(source, "*") && dam_hal_find(hal, source) == DAM_HAL_NONE)
			return dam_sim_fail(hal, s, s->decl[i].line,
					    "source=%s: there is no such target", source);
		for (unsigned int j = 0; j < i; j++) {
			const char *other = source_of(&s->decl[j]);

			if (other && !strcmp(other, source))
				return dam_sim_fail(hal, s, s->decl[i].line,
						    "'%s' and '%s' (line %u) both have source=%s",
						    s->decl[i].name, s->decl[j].name,
						    s->decl[j].line, source);
		}
	}
	return 0;
}

static int add_pool(struct dam_hal *hal, struct dam_sim_decl *d)
{
	struct dam_hal_pool p = {.cpu_driven = true};

	snprintf(p.name, sizeof(p.name), DAM_SIM_PREFIX "%s", d->name);
	for (int i = 0; i < DAM_MAX_DOMAINS; i++)
		p.engine_of_domain[i] = DAM_HAL_NONE;
	return dam_hal_add_pool(hal, &p);
}

static int pool_target(const struct dam_sim_desc *s, const char *name)
{
	for (unsigned int i = 0; name && i < s->nr; i++)
		if (s->decl[i].is_pool && !strcmp(s->decl[i].name, name))
			return s->decl[i].target;
	return DAM_HAL_NONE;
}

static int add_engine(struct dam_hal *hal, const struct dam_sim_desc *s,
		      const struct dam_sim_decl *d)
{
	struct dam_hal_engine e = {
		.capacity = {.bps = d->capacity_bps, .source = DAM_CAPACITY_GIVEN},
		.caps = {.operations = DAM_OP_READ | DAM_OP_WRITE,
			 .directions = DAM_DIR_TO_MEMORY | DAM_DIR_FROM_MEMORY},
		.component_index = DAM_HAL_NONE,
		.base_latency_ns = d->latency_ns ? d->latency_ns : LATENCY_NS,
		.depth = d->depth,
		.pool = pool_target(s, d->pool),
		.simulated = true,
		.backend = &dam_hal_sim,
		.priv = calloc(1, sizeof(struct engine_state)),
	};
	if (!e.priv)
		return -ENOMEM;
	snprintf(e.name, sizeof(e.name), DAM_SIM_PREFIX "%s", d->name);
	if (d->domain != DAM_NO_DOMAIN)
		e.local_cpus = dam_hal_topology(hal)->domain[d->domain].cpus;
	return dam_hal_add_engine(hal, &e);
}

/* Pools first, so that engines know theirs. */
static int add_targets(struct dam_hal *hal, struct dam_sim_desc *s)
{
	for (int pools = 1; pools >= 0; pools--) {
		for (unsigned int i = 0; i < s->nr; i++) {
			struct dam_sim_decl *d = &s->decl[i];

			if (d->is_pool != (pools == 1))
				continue;
			d->target = d->is_pool ? add_pool(hal, d) : add_engine(hal, s, d);
			if (d->target == -ENOMEM)
				return -ENOMEM;
			if (d->target < 0)
				return dam_sim_fail(hal, s, d->line, "more than %d targets in all",
						    DAM_HAL_TARGETS);
		}
	}
	return 0;
}

/* The member of a domain is the nearest; of equals the first declared. */
static void map_pool(struct dam_hal *hal, const struct dam_sim_desc *s,
		     const struct dam_sim_decl *pool)
{
	const struct dam_topology *topo = dam_hal_topology(hal);
	struct dam_hal_pool *p = &dam_hal_target(hal, (unsigned int)pool->target)->pool;
	unsigned int home[DAM_SIM_DECLS], nr = 0;
	int member[DAM_SIM_DECLS];

	for (unsigned int i = 0; i < s->nr; i++) {
		if (!s->decl[i].pool || strcmp(s->decl[i].pool, pool->name))
			continue;
		home[nr] = s->decl[i].domain;
		member[nr++] = s->decl[i].target;
	}
	for (unsigned int d = 0; nr && d < topo->nr_domains; d++)
		p->engine_of_domain[d] = member[dam_topology_nearest(topo, d, home, nr)];
}

/* @real: targets below this index are not simulated. The ones named take precedence over "*". */
static void set_redirects(struct dam_hal *hal, const struct dam_sim_desc *s, unsigned int real)
{
	for (unsigned int i = 0; i < s->nr; i++) {
		const char *source = source_of(&s->decl[i]);

		if (!source || strcmp(source, "*"))
			continue;
		dam_hal_set_redirect(hal, DAM_HAL_NONE, s->decl[i].target);
		for (unsigned int t = 0; t < real; t++)
			dam_hal_set_redirect(hal, (int)t, s->decl[i].target);
	}
	for (unsigned int i = 0; i < s->nr; i++) {
		const char *source = source_of(&s->decl[i]);

		if (source && strcmp(source, "*"))
			dam_hal_set_redirect(hal, dam_hal_find(hal, source), s->decl[i].target);
	}
}

static int sim_scan(struct dam_hal *hal)
{
	unsigned int real = dam_hal_nr_targets(hal);
	struct dam_sim_desc *s;
	int err;

	if (!dam_hal_config(hal)->sim)
		return 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	err = dam_sim_parse(hal, s);
	if (!err)
		err = check_sources(hal, s);
	if (!err)
		err = add_targets(hal, s);
	for (unsigned int i = 0; !err && i < s->nr; i++)
		if (s->decl[i].is_pool)
			map_pool(hal, s, &s->decl[i]);
	if (!err)
		set_redirects(hal, s, real);
	free(s->text);
	free(s);
	return err;
}

static int sim_sample(struct dam_hal_engine *eng, struct dam_hal_counters *out)
{
	const struct engine_state *s = eng->priv;

	out->have = DAM_HAVE_BYTES | DAM_HAVE_OPS;
	out->read_bytes = s->bytes[0];
	out->write_bytes = s->bytes[1];
	out->read_ops = s->ops[0];
	out->write_ops = s->ops[1];
	return 0;
}

static void sim_feed(struct dam_hal_engine *eng, uint64_t bytes, uint64_t ops, bool write)
{
	struct engine_state *s = eng->priv;

	s->bytes[write] += bytes;
	s->ops[write] += ops;
}

static void sim_close(struct dam_hal_engine *eng)
{
	free(eng->priv);
}

const struct dam_hal_backend dam_hal_sim = {
	.name = "sim",
	.scan = sim_scan,
	.sample = sim_sample,
	.feed = sim_feed,
	.close = sim_close,
};
