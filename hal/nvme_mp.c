/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * NVMe multipath: the head disk nvme1n1 stands for its hidden paths nvme1c0n1, nvme1c1n1.
 *
 * The map follows the kernel's __nvme_find_path(): among the paths of the best state, the least
 * node distance from the CPU's node to the controller's, and the first of equals. The kernel's
 * order is that in which the paths appeared, which sysfs does not tell; here it is that of the
 * controllers' numbers.
 */
#include "config.h"
#include "hal/block.h"

#include <stdio.h>
#include <string.h>

#include "hal/internal.h"
#include "hal/sysfs.h"

#define UNUSABLE 2

/* The rank of a path by its asymmetric access state; a state that is not here: 0. */
static const struct {
	const char *state;
	int rank;
} ana_ranks[] = {
	{"optimized", 0},	    {"non-optimized", 1},
	{"inaccessible", UNUSABLE}, {"persistent-loss", UNUSABLE},
	{"change", UNUSABLE},
};

bool dam_nvme_parse_path(const char *name, struct dam_nvme_path *out)
{
	char again[DAM_BLOCK_NAME];

	if (sscanf(name, "nvme%9uc%9un%9u", &out->subsys, &out->ctrl, &out->ns) != 3)
		return false;
	snprintf(again, sizeof(again), "nvme%uc%un%u", out->subsys, out->ctrl, out->ns);
	return !strcmp(again, name);
}

static bool parse_head(const char *name, unsigned int *subsys, unsigned int *ns)
{
	char again[DAM_BLOCK_NAME];

	if (sscanf(name, "nvme%9un%9u", subsys, ns) != 2)
		return false;
	snprintf(again, sizeof(again), "nvme%un%u", *subsys, *ns);
	return !strcmp(again, name);
}

/* The path of head @subsys, @ns at or after node *@i, which is left behind it; NULL: no more. */
static struct dam_block_node *next_path(const struct dam_block_table *t, int *i,
					unsigned int subsys, unsigned int ns)
{
	struct dam_nvme_path p;

	while (*i < t->nr) {
		struct dam_block_node *n = &t->node[(*i)++];

		if (!n->partition && dam_nvme_parse_path(n->name, &p) && p.subsys == subsys &&
		    p.ns == ns)
			return n;
	}
	return NULL;
}

bool dam_nvme_is_head(const struct dam_block_table *t, const struct dam_block_node *n)
{
	unsigned int subsys, ns;
	int i = 0;

	return parse_head(n->name, &subsys, &ns) && next_path(t, &i, subsys, ns);
}

/* One path that can be sampled: its engine, so that come-closer works. More: a pool. */
static void add_head(struct dam_block_table *t, struct dam_block_node *head, unsigned int subsys,
		     unsigned int ns)
{
	struct dam_hal_pool pool = {.cpu_driven = false};
	struct dam_block_node *n;
	int nr = 0, i = 0;

	while ((n = next_path(t, &i, subsys, ns))) {
		if (n->target == DAM_HAL_NONE)
			continue;
		head->target = n->target;
		nr++;
	}
	if (nr < 2)
		return;
	snprintf(pool.name, sizeof(pool.name), DAM_BLOCK_PREFIX "%s", head->name);
	for (int d = 0; d < DAM_MAX_DOMAINS; d++)
		pool.engine_of_domain[d] = DAM_HAL_NONE;
	head->target = dam_hal_add_pool(t->hal, &pool);
	if (head->target < 0)
		head->target = DAM_HAL_NONE;
	i = 0;
	while (head->target >= 0 && (n = next_path(t, &i, subsys, ns)))
		if (n->target >= 0)
			dam_hal_target(t->hal, (unsigned int)n->target)->engine.pool = head->target;
}

void dam_nvme_add_pools(struct dam_block_table *t)
{
	unsigned int subsys, ns;

	for (int i = 0; i < t->nr; i++) {
		if (!parse_head(t->node[i].name, &subsys, &ns) || !dam_nvme_is_head(t, &t->node[i]))
			continue;
		add_head(t, &t->node[i], subsys, ns);
		t->node[i].resolved = true;
	}
}

static int path_rank(const char *root, const struct dam_hal_engine *e,
		     const struct dam_nvme_path *p)
{
	char text[32];

	if (e->gone)
		return UNUSABLE;
	if (dam_sysfs_read(text, sizeof(text), root, "/sys/class/nvme/nvme%u/state", p->ctrl) > 0 &&
	    strcmp(text, "live") && strcmp(text, "deleting"))
		return UNUSABLE;
	dam_sysfs_read(text, sizeof(text), root, "/sys/class/block/%s/ana_state",
		       e->name + DAM_BLOCK_PREFIX_LEN);
	for (size_t i = 0; i < sizeof(ana_ranks) / sizeof(ana_ranks[0]); i++)
		if (!strcmp(text, ana_ranks[i].state))
			return ana_ranks[i].rank;
	return 0;
}

static unsigned int home_domain(struct dam_hal *hal, const struct dam_hal_engine *e,
				const struct dam_nvme_path *p)
{
	const struct dam_topology *topo = dam_hal_topology(hal);
	int64_t node = dam_sysfs_number(-1, dam_hal_root(hal), "/sys/class/nvme/nvme%u/numa_node",
					p->ctrl);
	unsigned int d;

	if (node < 0 || node > INT32_MAX)
		return DAM_NO_DOMAIN;
	d = dam_topology_domain_of_node(topo, (int)node);
	/* a node of memory only */
	return d != DAM_NO_DOMAIN ? d : dam_topology_domain_of_cpus(topo, &e->local_cpus);
}

static void map_pool(struct dam_hal *hal, int index, struct dam_hal_pool *pool)
{
	const struct dam_topology *topo = dam_hal_topology(hal);
	unsigned int home[DAM_HAL_TARGETS], nr = 0;
	int member[DAM_HAL_TARGETS], best = UNUSABLE;
	struct dam_nvme_path p;

	for (unsigned int i = 0; i < dam_hal_nr_targets(hal); i++) {
		struct dam_hal_target *t = dam_hal_target(hal, i);
		int rank;

		if (t->kind != DAM_TARGET_ENGINE || t->engine.gone || t->engine.pool != index ||
		    !dam_nvme_parse_path(t->engine.name + DAM_BLOCK_PREFIX_LEN, &p))
			continue;
		rank = path_rank(dam_hal_root(hal), &t->engine, &p);
		if (rank == UNUSABLE || rank > best)
			continue;
		nr = rank < best ? 0 : nr;
		best = rank;
		home[nr] = home_domain(hal, &t->engine, &p);
		member[nr++] = (int)i;
	}
	for (unsigned int d = 0; d < topo->nr_domains; d++)
		pool->engine_of_domain[d] =
			nr ? member[dam_topology_nearest(topo, d, home, nr)] : DAM_HAL_NONE;
}

void dam_nvme_refresh(struct dam_hal *hal)
{
	unsigned int subsys, ns;
	char policy[32];

	for (unsigned int i = 0; i < dam_hal_nr_targets(hal); i++) {
		struct dam_hal_target *t = dam_hal_target(hal, i);

		if (t->kind != DAM_TARGET_POOL || t->pool.gone ||
		    strncmp(t->pool.name, DAM_BLOCK_PREFIX, DAM_BLOCK_PREFIX_LEN) ||
		    !parse_head(t->pool.name + DAM_BLOCK_PREFIX_LEN, &subsys, &ns))
			continue;
		dam_sysfs_read(policy, sizeof(policy), dam_hal_root(hal),
			       "/sys/class/nvme-subsystem/nvme-subsys%u/iopolicy", subsys);
		t->pool.cpu_driven = !strcmp(policy, "numa");
		map_pool(hal, (int)i, &t->pool);
	}
}
