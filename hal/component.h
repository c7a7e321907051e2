/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Components: the PCI functions, bridges, host bridges and packages that engines share. */
#ifndef DAM_HAL_COMPONENT_H
#define DAM_HAL_COMPONENT_H

#include "base/cpuset.h"
#include "hal/hal.h"

struct dam_components {
	unsigned int nr;
	unsigned int scan;			 /* number of the scan that is going on, from 1 */
	unsigned int looked[DAM_HAL_COMPONENTS]; /* scan that has read the link's speed: cards are replaced */
	struct dam_hal_component c[DAM_HAL_COMPONENTS];
};

/**
 * dam_component_add() - what is above a device, and the function itself
 * @path: resolved device directory without @root
 * @address: of the function, where @path is not below /sys/devices
 * @cpus: next to it; they tell the package
 *
 * Return: index of the PCI function, else of the nearest component above; DAM_HAL_NONE: none, or the table is full.
 */
int dam_component_add(struct dam_components *t, const char *root, const char *path, const char *address,
		      const struct dam_cpuset *cpus);

/** dam_component_add_group() - part of component @parent, or DAM_HAL_NONE. Return: as dam_component_add(). */
int dam_component_add_group(struct dam_components *t, const char *name, int parent);

/** dam_component_find() - index of the component called @name, or DAM_HAL_NONE. */
int dam_component_find(const struct dam_components *t, const char *name);

/** dam_is_pci_address() - "dddd:bb:dd.f"; a domain may have more digits. */
bool dam_is_pci_address(const char *name);

/** dam_link_capacity() - of the PCI link at @dir: current_link_speed × current_link_width. Unknown: unchanged. */
void dam_link_capacity(const char *root, const char *dir, struct dam_hal_capacity *out);

/** dam_capacity_of_port() - of one that carries @bps in each direction. */
void dam_capacity_of_port(uint64_t bps, struct dam_hal_capacity *out);

#endif
