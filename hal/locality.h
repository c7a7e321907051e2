/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Where a device hangs: its PCI function and the CPUs next to it. */
#ifndef DAM_HAL_LOCALITY_H
#define DAM_HAL_LOCALITY_H

#include "base/cpuset.h"
#include "hal/hal.h"

struct dam_locality {
	char component[DAM_HAL_NAME]; /* "0000:21:00.0", or "" */
	struct dam_cpuset cpus;	      /* empty: unknown */
};

/**
 * dam_locality_find() - walk up from a device to what knows its NUMA node
 * @path: resolved device directory without @root, "/sys/devices/…"
 *
 * A numa_node of -1 says that nobody knows, and is never taken for node 0.
 */
void dam_locality_find(const char *root, const char *path, struct dam_locality *out);

#endif
