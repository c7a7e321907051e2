/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Where a device hangs: its PCI function and the CPUs next to it, by the kernel or by DAM_LOCALITY. */
#include "config.h"
#include "hal/locality.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "hal/component.h"
#include "hal/sysfs.h"

#define CPULIST_MAX  4096 /* an attribute is one page at most */
#define NODE_UNKNOWN (-1)
#define NODE_MAX     65535
#define DEVICES	     "/sys/devices/"

static void read_cpus(struct dam_cpuset *out, const char *root, const char *dir, const char *file)
{
	char list[CPULIST_MAX];

	if (dam_sysfs_read(list, sizeof(list), root, "%s/%s", dir, file) > 0)
		dam_cpuset_parse(list, out); /* written only when it is a list */
}

static void read_node(struct dam_cpuset *out, const char *root, int node)
{
	char dir[64];

	snprintf(dir, sizeof(dir), "/sys/devices/system/node/node%d", node);
	read_cpus(out, root, dir, "cpulist");
}

/* One directory on the way up: what it tells that is not known yet. */
static void look(const char *root, const char *dir, struct dam_locality *out, int64_t *node)
{
	const char *base = strrchr(dir, '/') + 1;

	if (!out->component[0] && dam_is_pci_address(base))
		dam_strlcpy(out->component, base, sizeof(out->component));
	if (*node < 0)
		*node = dam_sysfs_number(NODE_UNKNOWN, root, "%s/numa_node", dir);
	if (*node >= 0 && dam_cpuset_empty(&out->cpus))
		read_cpus(&out->cpus, root, dir, "local_cpulist");
}

/* A directory that is named otherwise: "PCI_SLOT_NAME=0000:03:00.0" in its uevent. */
static void ask_uevent(const char *root, const char *dir, char *out)
{
	char text[1024], *at;
	int fd = dam_sysfs_open(root, "%s/uevent", dir), n;

	n = fd < 0 ? fd : dam_sysfs_pread(fd, text, sizeof(text));
	if (fd >= 0)
		close(fd);
	at = n > 0 ? strstr(text, "PCI_SLOT_NAME=") : NULL;
	if (!at || sscanf(at, "PCI_SLOT_NAME=%31s", out) != 1 || !dam_is_pci_address(out))
		out[0] = '\0';
}

void dam_locality_find(const char *root, const char *path, struct dam_locality *out)
{
	char dir[DAM_SYSFS_PATH];
	int64_t node = NODE_UNKNOWN;

	memset(out, 0, sizeof(*out));
	dam_strlcpy(out->path, path, sizeof(out->path));
	/* some recorded trees have directories where the kernel has links */
	if (strncmp(path, DEVICES, strlen(DEVICES)) && !dam_sysfs_real(dir, root, "%s/device", path))
		dam_strlcpy(out->path, dir, sizeof(out->path));
	dam_strlcpy(dir, out->path, sizeof(dir));
	if (strncmp(dir, DEVICES, strlen(DEVICES)) && strchr(dir, '/')) {
		look(root, dir, out, &node);
		ask_uevent(root, dir, out->component);
	}
	while (!strncmp(dir, DEVICES, strlen(DEVICES))) {
		look(root, dir, out, &node);
		*strrchr(dir, '/') = '\0';
	}
	if (node >= 0 && node <= NODE_MAX && dam_cpuset_empty(&out->cpus))
		read_node(&out->cpus, root, (int)node);
}

/* "-1" or the number of a node. */
static int parse_node(const char *text, int *out)
{
	uint64_t v;

	if (!strcmp(text, "-1")) {
		*out = -1;
		return 0;
	}
	if (dam_parse_u64(text, &v) || v > NODE_MAX)
		return -EINVAL;
	*out = (int)v;
	return 0;
}

static int parse_rule(struct dam_hal *hal, const char *part, size_t len, struct dam_locality_rules *out)
{
	const char *eq = memrchr(part, '=', len);
	size_t name_len = eq ? (size_t)(eq - part) : 0;
	char node[16];

	if (!name_len || name_len >= sizeof(out->rule[0].name) || len - name_len - 1 >= sizeof(node)) {
		dam_hal_error(hal, "DAM_LOCALITY: '%.*s': not of the form DEVICE=NODE", (int)len, part);
		return -EINVAL;
	}
	if (out->nr == DAM_LOCALITY_RULES) {
		dam_hal_error(hal, "DAM_LOCALITY: more than %d devices", DAM_LOCALITY_RULES);
		return -EINVAL;
	}
	snprintf(node, sizeof(node), "%.*s", (int)(len - name_len - 1), eq + 1);
	if (parse_node(node, &out->rule[out->nr].node)) {
		dam_hal_error(hal, "DAM_LOCALITY: '%.*s': '%s' is no NUMA node; -1: next to all", (int)len, part, node);
		return -EINVAL;
	}
	snprintf(out->rule[out->nr].name, sizeof(out->rule[0].name), "%.*s", (int)name_len, part);
	out->nr++;
	return 0;
}

int dam_locality_parse(struct dam_hal *hal, const char *text, struct dam_locality_rules *out)
{
	int err = 0;

	while (text && *text && !err) {
		size_t blanks = strspn(text, " \t\n");
		const char *comma = strchrnul(text, ',');

		text += blanks;
		err = parse_rule(hal, text, comma > text ? (size_t)(comma - text) : 0, out);
		text = *comma ? comma + 1 : NULL;
	}
	return err;
}

/* Is @dir the name of a directory on @path? */
static bool on_path(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	for (const char *p = path; len && (p = strchr(p, '/')); p++)
		if (!strncmp(p + 1, dir, len) && (p[1 + len] == '/' || !p[1 + len]))
			return true;
	return false;
}

/* "net:eth1" is an engine's name, "nvme:nvme0" kind and name of a device above it, "0000:21:00.0" a PCI function. */
static bool fits(const char *rule, const char *name, const char *path)
{
	const char *colon = strchr(rule, ':');

	if (!strcmp(rule, name))
		return true;
	return on_path(path, dam_is_pci_address(rule) || !colon ? rule : colon + 1);
}

void dam_locality_apply(struct dam_hal *hal, const struct dam_locality_rules *rules, const char *name,
			struct dam_locality *where)
{
	const struct dam_topology *topo = dam_hal_topology(hal);

	for (unsigned int i = 0; i < rules->nr; i++) {
		int node = rules->rule[i].node;
		unsigned int domain;

		if (!fits(rules->rule[i].name, name, where->path))
			continue;
		memset(&where->cpus, 0, sizeof(where->cpus));
		if (node < 0)
			return;
		domain = dam_topology_domain_of_node(topo, node);
		if (domain != DAM_NO_DOMAIN)
			where->cpus = topo->domain[domain].cpus;
		else
			read_node(&where->cpus, dam_hal_root(hal), node);
		return;
	}
}
