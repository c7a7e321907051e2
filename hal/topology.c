/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Domains and their distances, taken once from hwloc; nothing of hwloc outlives the call. */
#include "config.h"
#include "hal/topology.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <hwloc.h>

static void cpuset_from_bitmap(hwloc_const_bitmap_t b, struct dam_cpuset *out)
{
	memset(out, 0, sizeof(*out));
	for (int cpu = hwloc_bitmap_first(b); cpu >= 0 && cpu < DAM_MAX_CPUS;
	     cpu = hwloc_bitmap_next(b, cpu))
		dam_cpuset_set(out, (unsigned int)cpu);
}

/* hwloc falls back to the real machine, without a word, when a description is wrong; here that is an
 * error. */
static int describe(hwloc_topology_t topo, const char *synthetic, const char *xml)
{
	if (synthetic && hwloc_topology_set_synthetic(topo, synthetic))
		return -EINVAL;
	if (!synthetic && xml && hwloc_topology_set_xml(topo, xml))
		return -EINVAL;
	return 0;
}

/* No I/O devices (hwloc's default), no caches, no binding to each CPU in turn (the x86 component):
 * it takes 5 ms. */
static int load(hwloc_topology_t topo, const char *synthetic, const char *xml)
{
	int err;

	hwloc_topology_set_cache_types_filter(topo, HWLOC_TYPE_FILTER_KEEP_NONE);
	hwloc_topology_set_icache_types_filter(topo, HWLOC_TYPE_FILTER_KEEP_NONE);
	hwloc_topology_set_components(topo, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, "x86");
	err = describe(topo, synthetic, xml);
	if (err)
		return err;
	errno = 0;
	if (hwloc_topology_load(topo))
		return errno == ENOMEM ? -ENOMEM : -EINVAL;
	return 0;
}

static bool overlaps(const struct dam_topology *t, const struct dam_cpuset *cpus)
{
	struct dam_cpuset both;

	for (unsigned int i = 0; i < t->nr_domains; i++)
		if (dam_cpuset_and(&t->domain[i].cpus, cpus, &both))
			return true;
	return false;
}

static int by_cpus_then_number(const void *a, const void *b)
{
	const struct dam_domain *x = a, *y = b;
	unsigned int nx = dam_cpuset_count(&x->cpus), ny = dam_cpuset_count(&y->cpus);

	return nx != ny ? (nx < ny ? -1 : 1)
			: (x->os_node > y->os_node) - (x->os_node < y->os_node);
}

static int by_number(const void *a, const void *b)
{
	const struct dam_domain *x = a, *y = b;

	return (x->os_node > y->os_node) - (x->os_node < y->os_node);
}

/* Every node that has CPUs. Return: their number, in a new array; -ENOMEM. */
static int list_nodes(hwloc_topology_t topo, struct dam_domain **out)
{
	int max = hwloc_get_nbobjs_by_type(topo, HWLOC_OBJ_NUMANODE), nr = 0;
	bool numa = hwloc_topology_get_support(topo)->discovery->numa;
	struct dam_domain *node = calloc(max > 0 ? (size_t)max : 1, sizeof(*node));
	hwloc_obj_t obj = NULL;

	if (!node)
		return -ENOMEM;
	while (nr < max && (obj = hwloc_get_next_obj_by_type(topo, HWLOC_OBJ_NUMANODE, obj))) {
		node[nr].os_node = numa ? (int)obj->os_index : -1;
		cpuset_from_bitmap(obj->cpuset, &node[nr].cpus);
		nr += !dam_cpuset_empty(&node[nr].cpus);
	}
	*out = node;
	return nr;
}

/* Small nodes first: memory next to several nodes (HBM, CXL) has the CPUs of all of them, and is no
 * domain. */
static int add_domains(hwloc_topology_t topo, struct dam_topology *t)
{
	struct dam_domain *node;
	int nr = list_nodes(topo, &node);

	if (nr < 0)
		return nr;
	qsort(node, (size_t)nr, sizeof(*node), by_cpus_then_number);
	/* keep the disjoint ones at the front, then the lowest numbers */
	for (int i = 0; i < nr && t->nr_domains < DAM_MAX_DOMAINS; i++)
		if (!overlaps(t, &node[i].cpus))
			t->domain[t->nr_domains++] = node[i];
	free(node);
	qsort(t->domain, t->nr_domains, sizeof(t->domain[0]), by_number);
	if (t->nr_domains)
		return 0;
	t->domain[0].os_node = -1;
	cpuset_from_bitmap(hwloc_topology_get_allowed_cpuset(topo), &t->domain[0].cpus);
	t->nr_domains = 1;
	return dam_cpuset_empty(&t->domain[0].cpus) ? -EINVAL : 0;
}

static void index_cpus(struct dam_topology *t)
{
	memset(t->cpu_domain, (int)DAM_NO_DOMAIN, sizeof(t->cpu_domain));
	for (unsigned int d = 0; d < t->nr_domains; d++)
		for (unsigned int cpu = 0; cpu < DAM_MAX_CPUS; cpu++)
			if (dam_cpuset_has(&t->domain[d].cpus, cpu))
				t->cpu_domain[cpu] = (uint8_t)d;
}

/* Firmware's latency matrix, where its smallest diagonal (a node to itself) is 1. */
static void apply_matrix(struct dam_topology *t, const struct hwloc_distances_s *m)
{
	hwloc_uint64_t unit = 0;

	for (unsigned int i = 0; i < m->nbobjs; i++) {
		hwloc_uint64_t self = m->values[i * m->nbobjs + i];

		if (self && (!unit || self < unit))
			unit = self;
	}
	if (!unit)
		return;
	for (unsigned int i = 0; i < m->nbobjs; i++) {
		for (unsigned int j = 0; j < m->nbobjs; j++) {
			unsigned int a = dam_topology_domain_of_node(t, (int)m->objs[i]->os_index);
			unsigned int b = dam_topology_domain_of_node(t, (int)m->objs[j]->os_index);
			float d = (float)m->values[i * m->nbobjs + j] / (float)unit;

			if (a != DAM_NO_DOMAIN && b != DAM_NO_DOMAIN && a != b)
				t->distance[a][b] = d > 1 ? d : 1;
		}
	}
}

static void set_distances(hwloc_topology_t topo, struct dam_topology *t)
{
	struct hwloc_distances_s *m;
	unsigned int nr = 1;

	for (unsigned int a = 0; a < t->nr_domains; a++)
		for (unsigned int b = 0; b < t->nr_domains; b++)
			t->distance[a][b] = a == b ? 1 : DAM_REMOTE_DISTANCE;
	if (hwloc_distances_get_by_type(topo, HWLOC_OBJ_NUMANODE, &nr, &m,
					HWLOC_DISTANCES_KIND_MEANS_LATENCY, 0) ||
	    !nr)
		return;
	apply_matrix(t, m);
	hwloc_distances_release(topo, m);
}

int dam_topology_load(struct dam_topology *out)
{
	/* hwloc's own order: these two come before, and it reads them itself */
	if (getenv("HWLOC_COMPONENTS") || getenv("HWLOC_FSROOT"))
		return dam_topology_describe(NULL, NULL, out);
	return dam_topology_describe(getenv("HWLOC_SYNTHETIC"), getenv("HWLOC_XMLFILE"), out);
}

int dam_topology_describe(const char *synthetic, const char *xml, struct dam_topology *out)
{
	hwloc_topology_t topo;
	struct dam_topology *t = calloc(1, sizeof(*t));
	int err = -ENOMEM;

	if (!t || hwloc_topology_init(&topo))
		goto free_t;
	err = load(topo, synthetic, xml);
	if (!err)
		err = add_domains(topo, t);
	if (err)
		goto destroy;
	index_cpus(t);
	set_distances(topo, t);
	*out = *t;
destroy:
	hwloc_topology_destroy(topo);
free_t:
	free(t);
	return err;
}

unsigned int dam_topology_domain_of_node(const struct dam_topology *t, int os_node)
{
	for (unsigned int d = 0; os_node >= 0 && d < t->nr_domains; d++)
		if (t->domain[d].os_node == os_node)
			return d;
	return DAM_NO_DOMAIN;
}

unsigned int dam_topology_domain_of_cpus(const struct dam_topology *t,
					 const struct dam_cpuset *cpus)
{
	for (unsigned int cpu = 0; cpu < DAM_MAX_CPUS; cpu++)
		if (dam_cpuset_has(cpus, cpu) && t->cpu_domain[cpu] != DAM_NO_DOMAIN)
			return t->cpu_domain[cpu];
	return DAM_NO_DOMAIN;
}

unsigned int dam_topology_nearest(const struct dam_topology *t, unsigned int domain,
				  const unsigned int *home, unsigned int nr)
{
	unsigned int best = nr;
	float best_distance = 0;

	for (unsigned int i = 0; i < nr; i++) {
		float d = home[i] < t->nr_domains ? t->distance[domain][home[i]] : 1;

		if (best == nr || d < best_distance) {
			best = i;
			best_distance = d;
		}
	}
	return best;
}
