/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Where a device hangs: its PCI function and the CPUs next to it. */
#include "config.h"
#include "hal/locality.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "hal/sysfs.h"

#define CPULIST_MAX  4096 /* an attribute is one page at most */
#define NODE_UNKNOWN (-1)

/* "dddd:bb:dd.f"; a domain may have more digits */
static bool is_pci_address(const char *name)
{
	unsigned int domain, bus, dev, fn;
	int end = 0;

	return strlen(name) < DAM_HAL_NAME &&
	       sscanf(name, "%8x:%2x:%2x.%1x%n", &domain, &bus, &dev, &fn, &end) == 4 && !name[end];
}

static void read_cpus(struct dam_cpuset *out, const char *root, const char *dir, const char *file)
{
	char list[CPULIST_MAX];

	if (dam_sysfs_read(list, sizeof(list), root, "%s/%s", dir, file) > 0)
		dam_cpuset_parse(list, out); /* written only when it is a list */
}

void dam_locality_find(const char *root, const char *path, struct dam_locality *out)
{
	char dir[DAM_SYSFS_PATH], *base;
	int64_t node = NODE_UNKNOWN;

	memset(out, 0, sizeof(*out));
	dam_strlcpy(dir, path, sizeof(dir));
	while (!strncmp(dir, "/sys/devices/", 13)) {
		base = strrchr(dir, '/') + 1;
		if (!out->component[0] && is_pci_address(base))
			dam_strlcpy(out->component, base, sizeof(out->component));
		if (node < 0)
			node = dam_sysfs_number(NODE_UNKNOWN, root, "%s/numa_node", dir);
		if (node >= 0 && dam_cpuset_empty(&out->cpus))
			read_cpus(&out->cpus, root, dir, "local_cpulist");
		base[-1] = '\0';
	}
	if (node < 0 || !dam_cpuset_empty(&out->cpus))
		return;
	snprintf(dir, sizeof(dir), "/sys/devices/system/node/node%lld", (long long)node);
	read_cpus(&out->cpus, root, dir, "cpulist");
}
