/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Where a device hangs: its PCI function and the CPUs next to it. */
#ifndef DAM_HAL_LOCALITY_H
#define DAM_HAL_LOCALITY_H

#include "base/cpuset.h"
#include "hal/hal.h"
#include "hal/sysfs.h"

#define DAM_LOCALITY_RULES 64

struct dam_locality {
	char component[DAM_HAL_NAME]; /* "0000:21:00.0", or "" */
	char path[DAM_SYSFS_PATH];    /* of the device below /sys/devices, or as it was given */
	struct dam_cpuset cpus;	      /* empty: unknown */
};

/* DAM_LOCALITY, read. */
struct dam_locality_rules {
	unsigned int nr;
	struct {
		char name[DAM_HAL_NAME];
		int node; /* -1: next to all domains */
	} rule[DAM_LOCALITY_RULES];
};

/**
 * dam_locality_find() - walk up from a device to what knows its NUMA node
 * @path: resolved device directory without @root, "/sys/devices/…"; where it is another, its link `device` is followed
 *
 * A numa_node of -1 says that nobody knows, and is never taken for node 0.
 */
void dam_locality_find(const char *root, const char *path, struct dam_locality *out);

/**
 * dam_locality_parse() - "nvme:nvme0=0,net:eth1=1,0000:21:00.0=-1"
 * @text: may be NULL
 *
 * Return: 0; -EINVAL with the hal's error line set.
 */
int dam_locality_parse(struct dam_hal *hal, const char *text, struct dam_locality_rules *out);

/** dam_locality_apply() - what a rule says of engine @name, or of a device on its path, goes before @where. */
void dam_locality_apply(struct dam_hal *hal, const struct dam_locality_rules *rules, const char *name,
			struct dam_locality *where);

#endif
