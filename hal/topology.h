/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Domains: the sets of CPUs that DAM pins to, their distances, from hwloc. */
#ifndef DAM_HAL_TOPOLOGY_H
#define DAM_HAL_TOPOLOGY_H

#include <stdint.h>

#include "base/cpuset.h"

#define DAM_MAX_DOMAINS 64
#define DAM_NO_DOMAIN	0xffu
/* where the machine does not tell: what firmware says of most two-socket ones */
#define DAM_REMOTE_DISTANCE 2.0f

struct dam_domain {
	int os_node;		/* NUMA node number; -1: the machine has none */
	struct dam_cpuset cpus; /* not empty, disjoint from the other domains' */
};

struct dam_topology {
	unsigned int nr_domains; /* at least 1 */
	struct dam_domain domain[DAM_MAX_DOMAINS];
	uint8_t cpu_domain[DAM_MAX_CPUS]; /* index into domain[]; DAM_NO_DOMAIN */
	/* Relative latency from a domain to another's memory or devices: >= 1, 1 on the diagonal. */
	float distance[DAM_MAX_DOMAINS][DAM_MAX_DOMAINS];
};

/**
 * dam_topology_load() - domains of this machine, or of the one that HWLOC_SYNTHETIC / HWLOC_XMLFILE
 * describe
 * @out: one domain per NUMA node that has CPUs, in the order of node numbers; one for a machine
 * without
 *
 * Distances: hwloc's NUMA latency matrix, divided by its smallest diagonal; without one, 2.0
 * between domains. Nodes that share CPUs with another (HBM, CXL) are memory of that one, no domain
 * of their own. A NUMA node beyond DAM_MAX_DOMAINS, or a CPU beyond DAM_MAX_CPUS, is left out.
 * Return: 0; -EINVAL when hwloc refuses the description; -ENOMEM.
 */
int dam_topology_load(struct dam_topology *out);

/**
 * dam_topology_describe() - the same for a machine that is described: by hwloc's synthetic string, or by an XML file
 * @synthetic, @xml: the first that is not NULL counts; both NULL: as hwloc finds it
 */
int dam_topology_describe(const char *synthetic, const char *xml, struct dam_topology *out);

/**
 * dam_topology_read() - the same from the files of a recorded tree
 * @root: path of the tree
 *
 * Nodes and distances of /sys/devices/system/node; without any, one domain of the CPUs that the tree tells, and
 * without these of all.
 * Return: 0; -ENOMEM.
 */
int dam_topology_read(const char *root, struct dam_topology *out);

/** dam_topology_domain_of_node() - index of the domain of NUMA node @os_node, or DAM_NO_DOMAIN. */
unsigned int dam_topology_domain_of_node(const struct dam_topology *t, int os_node);

/** dam_topology_domain_of_cpus() - index of the domain of the first CPU of @cpus that has one, or
 * DAM_NO_DOMAIN. */
unsigned int dam_topology_domain_of_cpus(const struct dam_topology *t,
					 const struct dam_cpuset *cpus);

/**
 * dam_topology_nearest() - which of several things is least distant from @domain
 * @home: domain index of each of @nr things; DAM_NO_DOMAIN counts as local, as it does in the
 * kernel
 *
 * Return: the index of the first one at the least distance; @nr when @nr is 0.
 */
unsigned int dam_topology_nearest(const struct dam_topology *t, unsigned int domain,
				  const unsigned int *home, unsigned int nr);

#endif
