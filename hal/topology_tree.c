/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Domains and their distances from the files of a recorded tree; damaged entries are left out. */
#include "config.h"
#include "hal/topology.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "hal/sysfs.h"

#define NODES	 "/sys/devices/system/node"
#define CPUS	 "/sys/devices/system/cpu"
#define TEXT_MAX 4096 /* an attribute is one page at most */
#define SELF	 10   /* ACPI's distance of a node to itself */

static bool has_domain(const struct dam_topology *t, const struct dam_cpuset *cpus)
{
	for (unsigned int cpu = 0; cpu < DAM_MAX_CPUS; cpu++)
		if (dam_cpuset_has(cpus, cpu) && t->cpu_domain[cpu] != DAM_NO_DOMAIN)
			return true;
	return false;
}

static void add_domain(struct dam_topology *t, int node, const struct dam_cpuset *cpus)
{
	if (t->nr_domains == DAM_MAX_DOMAINS || dam_cpuset_empty(cpus) || has_domain(t, cpus))
		return;
	t->domain[t->nr_domains] = (struct dam_domain){.os_node = node, .cpus = *cpus};
	for (unsigned int cpu = 0; cpu < DAM_MAX_CPUS; cpu++)
		if (dam_cpuset_has(cpus, cpu))
			t->cpu_domain[cpu] = (uint8_t)t->nr_domains;
	t->nr_domains++;
}

static int add_nodes(struct dam_topology *t, const char *root)
{
	char **list, text[TEXT_MAX];
	int nr = dam_sysfs_list(&list, root, NODES);

	if (nr < 0)
		return nr;
	for (int i = 0; i < nr; i++) {
		struct dam_cpuset cpus;
		uint64_t node;

		if (!strncmp(list[i], "node", 4) && !dam_parse_u64(list[i] + 4, &node) && node <= UINT16_MAX &&
		    dam_sysfs_read(text, sizeof(text), root, NODES "/%s/cpulist", list[i]) > 0 &&
		    !dam_cpuset_parse(text, &cpus))
			add_domain(t, (int)node, &cpus);
	}
	dam_sysfs_list_free(list, nr);
	return 0;
}

/* A tree without nodes. */
static void add_all(struct dam_topology *t, const char *root)
{
	static const char *const files[] = {"online", "present", "possible"};
	struct dam_cpuset cpus = {{0}};
	char text[TEXT_MAX];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && dam_cpuset_empty(&cpus); i++)
		if (dam_sysfs_read(text, sizeof(text), root, CPUS "/%s", files[i]) > 0)
			dam_cpuset_parse(text, &cpus);
	for (unsigned int cpu = 0; dam_cpuset_empty(&cpus) && cpu < DAM_MAX_CPUS; cpu++)
		if (dam_sysfs_exists(root, CPUS "/cpu%u", cpu))
			dam_cpuset_set(&cpus, cpu);
	if (dam_cpuset_empty(&cpus))
		memset(&cpus, 0xff, sizeof(cpus));
	add_domain(t, -1, &cpus);
}

/* "10 21": to each node in the order of their numbers, which have gaps where nodes are offline. */
static void read_distances(struct dam_topology *t, const char *root, unsigned int d)
{
	char text[TEXT_MAX], *save, *word;
	struct dam_cpuset online; /* numbers of nodes, in the kernel's list syntax */
	int node = -1;

	if (dam_sysfs_read(text, sizeof(text), root, NODES "/online") <= 0 || dam_cpuset_parse(text, &online) ||
	    dam_sysfs_read(text, sizeof(text), root, NODES "/node%d/distance", t->domain[d].os_node) <= 0)
		return;
	for (word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		unsigned int to;
		uint64_t v;

		do
			node++;
		while (node < DAM_MAX_CPUS && !dam_cpuset_has(&online, (unsigned int)node));
		to = dam_topology_domain_of_node(t, node);
		if (to != DAM_NO_DOMAIN && to != d && !dam_parse_u64(word, &v) && v > SELF && v < UINT8_MAX)
			t->distance[d][to] = (float)v / SELF;
	}
}

int dam_topology_read(const char *root, struct dam_topology *out)
{
	int err;

	memset(out, 0, sizeof(*out));
	memset(out->cpu_domain, (int)DAM_NO_DOMAIN, sizeof(out->cpu_domain));
	err = add_nodes(out, root);
	if (err)
		return err;
	if (!out->nr_domains)
		add_all(out, root);
	for (unsigned int a = 0; a < out->nr_domains; a++)
		for (unsigned int b = 0; b < out->nr_domains; b++)
			out->distance[a][b] = a == b ? 1 : DAM_REMOTE_DISTANCE;
	for (unsigned int d = 0; d < out->nr_domains; d++)
		read_distances(out, root, d);
	return 0;
}
