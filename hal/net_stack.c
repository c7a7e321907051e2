/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Interfaces on interfaces: /sys/class/net/bond0/lower_eth0 leads down to the ports. */
#include "config.h"
#include "hal/net.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "hal/sysfs.h"

#define DEPTH_MAX 8 /* the kernel's own limit */
#define PORTS_MAX 64
#define LOWER	  "lower_"

struct ports {
	unsigned int nr;
	int target[PORTS_MAX];
};

static void add_port(struct ports *p, int target)
{
	for (unsigned int i = 0; i < p->nr; i++)
		if (p->target[i] == target)
			return;
	if (p->nr < PORTS_MAX)
		p->target[p->nr++] = target;
}

/* The engine that @name is, or leads to; not a pool: that is one of the scan before. */
static int find_port(struct dam_hal *hal, const char *name)
{
	char full[DAM_HAL_NAME];
	int target;

	snprintf(full, sizeof(full), DAM_NET_PREFIX "%.*s", IFNAMSIZ, name);
	target = dam_hal_find(hal, full);
	return target != DAM_HAL_NONE && dam_hal_target(hal, (unsigned int)target)->kind == DAM_TARGET_ENGINE
		       ? target
		       : DAM_HAL_NONE;
}

/* Gather the ports below @name. */
static void descend(struct dam_hal *hal, const char *name, int depth, struct ports *out)
{
	char **list;
	int nr = dam_sysfs_list(&list, dam_hal_root(hal), "/sys/class/net/%s", name);

	for (int i = 0; i < nr; i++) {
		int target;

		if (strncmp(list[i], LOWER, strlen(LOWER)))
			continue;
		target = find_port(hal, list[i] + strlen(LOWER));
		if (target != DAM_HAL_NONE)
			add_port(out, target);
		else if (depth < DEPTH_MAX)
			descend(hal, list[i] + strlen(LOWER), depth + 1, out);
	}
	dam_sysfs_list_free(list, nr);
}

static void add_pool(struct dam_hal *hal, const char *name, const struct ports *ports)
{
	struct dam_hal_pool pool = {.cpu_driven = false};
	int index;

	snprintf(pool.name, sizeof(pool.name), DAM_NET_PREFIX "%s", name);
	for (int d = 0; d < DAM_MAX_DOMAINS; d++)
		pool.engine_of_domain[d] = DAM_HAL_NONE;
	index = dam_hal_add_pool(hal, &pool);
	for (unsigned int i = 0; index >= 0 && i < ports->nr; i++)
		dam_hal_target(hal, (unsigned int)ports->target[i])->engine.pool = index;
}

/* The ports of a pool: those of a VLAN on a bond are the bond's. */
static int pool_of(struct dam_hal *hal, const struct ports *ports)
{
	int pool = dam_hal_target(hal, (unsigned int)ports->target[0])->engine.pool;

	for (unsigned int i = 1; i < ports->nr; i++)
		if (dam_hal_target(hal, (unsigned int)ports->target[i])->engine.pool != pool)
			return DAM_HAL_NONE;
	return pool;
}

/* A bond or a team binds its ports; a bridge, or whatever else has several, chooses by address. */
static bool binds(struct dam_hal *hal, const char *name)
{
	const char *root = dam_hal_root(hal);

	return dam_sysfs_exists(root, "/sys/class/net/%s/bonding", name) || !strncmp(name, "team", 4);
}

void dam_net_add_stack(struct dam_hal *hal, const char *name)
{
	struct ports ports = {.nr = 0};
	char full[DAM_HAL_NAME];
	int target = DAM_HAL_NONE;

	if (strlen(name) >= IFNAMSIZ)
		return;
	if (find_port(hal, name) != DAM_HAL_NONE)
		return;
	descend(hal, name, 0, &ports);
	if (ports.nr == 1)
		target = ports.target[0];
	else if (ports.nr > 1 && binds(hal, name))
		add_pool(hal, name, &ports);
	else if (ports.nr > 1)
		target = pool_of(hal, &ports);
	snprintf(full, sizeof(full), DAM_NET_PREFIX "%s", name);
	dam_hal_add_alias(hal, full, target);
}
