/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Components: the PCI functions, bridges, host bridges and packages that engines share, with the speed of their links.
 *
 * A device's directory names all bridges above it: /sys/devices/pci0000:20/0000:20:01.0/0000:21:00.0/…
 */
#include "config.h"
#include "hal/component.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "hal/sysfs.h"

#define DEVICES	  "/sys/devices/"
#define WIDTH_MAX 32

/* Bytes per second and lane by the transfer rate in GT/s: of the bits, these carry data. */
static const struct {
	const char *speed;
	uint64_t lane_bps;
} lanes[] = {
	{"2.5", 250000000},	/* 8b/10b */
	{"5", 500000000},
	{"8", 984615384},	/* 128b/130b */
	{"16", 1969230769},
	{"32", 3938461538},
	{"64", 7562500000},	/* 242 of 256 bytes of a flit */
};

bool dam_is_pci_address(const char *name)
{
	unsigned int domain, bus, dev, fn;
	int end = 0;

	return strlen(name) < DAM_HAL_NAME &&
	       sscanf(name, "%8x:%2x:%2x.%1x%n", &domain, &bus, &dev, &fn, &end) == 4 && !name[end];
}

static bool is_host_bridge(const char *name)
{
	unsigned int domain, bus;
	int end = 0;

	return strlen(name) < DAM_HAL_NAME && sscanf(name, "pci%8x:%2x%n", &domain, &bus, &end) == 2 && !name[end];
}

/* "16.0 GT/s PCIe", "8 GT/s", "Unknown". Return: bytes/s of one lane, or 0. */
static uint64_t lane_bps(const char *text)
{
	for (size_t i = 0; i < sizeof(lanes) / sizeof(lanes[0]); i++) {
		size_t len = strlen(lanes[i].speed);
		const char *rest = text + len;

		if (strncmp(text, lanes[i].speed, len))
			continue;
		if (!strncmp(rest, ".0", 2))
			rest += 2;
		if (!strncmp(rest, " GT/s", 5))
			return lanes[i].lane_bps;
	}
	return 0;
}

void dam_link_capacity(const char *root, const char *dir, struct dam_hal_capacity *out)
{
	int64_t width = dam_sysfs_number(0, root, "%s/current_link_width", dir);
	char speed[32];
	uint64_t bps;

	if (dam_sysfs_read(speed, sizeof(speed), root, "%s/current_link_speed", dir) <= 0 || width <= 0 ||
	    width > WIDTH_MAX)
		return;
	bps = lane_bps(speed) * (uint64_t)width;
	if (bps)
		dam_capacity_of_port(bps, out);
}

void dam_capacity_of_port(uint64_t bps, struct dam_hal_capacity *out)
{
	*out = (struct dam_hal_capacity){
		.bps = 2 * bps, .read_bps = bps, .write_bps = bps, .source = DAM_CAPACITY_LINK};
}

int dam_component_find(const struct dam_components *t, const char *name)
{
	for (unsigned int i = 0; i < t->nr; i++)
		if (!strcmp(t->c[i].name, name))
			return (int)i;
	return DAM_HAL_NONE;
}

/* Return: index; DAM_HAL_NONE when the table is full. */
static int add(struct dam_components *t, const char *name, enum dam_hal_component_kind kind, int parent)
{
	int old = dam_component_find(t, name);

	if (old != DAM_HAL_NONE) {
		if (t->c[old].parent == DAM_HAL_NONE && parent != old)
			t->c[old].parent = parent; /* a device before did not know its package */
		return old;
	}
	if (t->nr == DAM_HAL_COMPONENTS)
		return DAM_HAL_NONE;
	t->c[t->nr] = (struct dam_hal_component){.kind = kind, .parent = parent};
	dam_strlcpy(t->c[t->nr].name, name, sizeof(t->c[0].name));
	return (int)t->nr++;
}

int dam_component_add_group(struct dam_components *t, const char *name, int parent)
{
	return add(t, name, DAM_COMPONENT_GROUP, parent);
}

static int add_package(struct dam_components *t, const char *root, const struct dam_cpuset *cpus)
{
	unsigned int cpu = 0;
	int64_t package;
	char name[32];

	if (dam_cpuset_empty(cpus))
		return DAM_HAL_NONE; /* next to all */
	while (!dam_cpuset_has(cpus, cpu))
		cpu++;
	package = dam_sysfs_number(-1, root, "/sys/devices/system/cpu/cpu%u/topology/physical_package_id", cpu);
	if (package < 0 || package > INT32_MAX)
		return DAM_HAL_NONE;
	snprintf(name, sizeof(name), "package%d", (int)package);
	return add(t, name, DAM_COMPONENT_PACKAGE, DAM_HAL_NONE);
}

static void look_at_link(struct dam_components *t, const char *root, const char *dir, int at)
{
	if (t->looked[at] != t->scan && t->c[at].capacity.source != DAM_CAPACITY_GIVEN)
		dam_link_capacity(root, dir, &t->c[at].capacity);
	t->looked[at] = t->scan;
}

/* A recorded tree in which the function's place among others is not told. */
static int add_function(struct dam_components *t, const char *root, const char *dir, const char *address, int parent)
{
	int at = address[0] ? add(t, address, DAM_COMPONENT_FUNCTION, parent) : parent;

	if (address[0] && at != DAM_HAL_NONE)
		look_at_link(t, root, dir, at);
	return at;
}

int dam_component_add(struct dam_components *t, const char *root, const char *path, const char *address,
		      const struct dam_cpuset *cpus)
{
	int at = add_package(t, root, cpus);
	char dir[DAM_SYSFS_PATH], *end;
	bool cut = true;

	if (dam_strlcpy(dir, path, sizeof(dir)) >= sizeof(dir))
		return at;
	if (strncmp(path, DEVICES, strlen(DEVICES)))
		return add_function(t, root, path, address, at);
	for (char *part = dir + strlen(DEVICES); cut; part = end + 1) {
		bool host, pci;

		end = strchrnul(part, '/');
		cut = *end;
		*end = '\0';
		host = is_host_bridge(part);
		pci = dam_is_pci_address(part);
		if (host || pci) {
			at = add(t, part, host ? DAM_COMPONENT_HOST : DAM_COMPONENT_FUNCTION, at);
			if (at == DAM_HAL_NONE)
				return at;
			if (t->c[at].parent >= 0 && t->c[t->c[at].parent].kind == DAM_COMPONENT_FUNCTION)
				t->c[t->c[at].parent].kind = DAM_COMPONENT_BRIDGE;
			if (pci)
				look_at_link(t, root, dir, at);
		}
		if (cut)
			*end = '/';
	}
	return at;
}
