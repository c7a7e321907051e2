/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What the files of the block backend share: the table of block devices, which lives as long as one
 * scan. */
#ifndef DAM_HAL_BLOCK_H
#define DAM_HAL_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/hal.h"

#define DAM_BLOCK_PREFIX     "block:"
#define DAM_BLOCK_PREFIX_LEN 6
#define DAM_BLOCK_NAME	     32 /* of the kernel, with its terminator */

/* A disk, a partition, a stack (dm, md) or the head of a multipath namespace. */
struct dam_block_node {
	char name[DAM_BLOCK_NAME];
	char *path;   /* resolved, without the root */
	uint64_t dev; /* 0: hidden, no device number */
	bool partition;
	bool resolved, resolving;
	int target; /* valid once resolved: what its requests go to, or DAM_HAL_NONE */
};

struct dam_block_table {
	struct dam_hal *hal;
	const char *root;
	struct dam_block_node *node; /* in natural order of names */
	int nr;
};

/** dam_block_find() - the node called @name, or NULL. */
struct dam_block_node *dam_block_find(const struct dam_block_table *t, const char *name);

/** dam_block_resolve() - the target of @n, through partitions and stacks, or DAM_HAL_NONE. */
int dam_block_resolve(const struct dam_block_table *t, struct dam_block_node *n);

/** dam_block_lba() - bytes of a logical block of @n. */
uint32_t dam_block_lba(const struct dam_block_table *t, const struct dam_block_node *n);

/** dam_block_add_devs() - the numbers of block devices and of filesystems that have one of their
 * own. */
void dam_block_add_devs(struct dam_block_table *t);

/** dam_block_add_chars() - the numbers of passthrough nodes: ngXnY, nvmeN, sgN, bsg. */
void dam_block_add_chars(struct dam_block_table *t);

/* One path of an NVMe multipath namespace: subsystem, controller and namespace instance of
 * nvme1c0n1. */
struct dam_nvme_path {
	unsigned int subsys, ctrl, ns;
};

/** dam_nvme_parse_path() - is @name a hidden path, "nvme1c0n1"? */
bool dam_nvme_parse_path(const char *name, struct dam_nvme_path *out);

/** dam_nvme_is_head() - is @n the head of paths that stand in the table? */
bool dam_nvme_is_head(const struct dam_block_table *t, const struct dam_block_node *n);

/** dam_nvme_add_pools() - resolve the heads: a pool for two paths or more, else the one path's
 * engine. */
void dam_nvme_add_pools(struct dam_block_table *t);

/** dam_nvme_refresh() - re-read iopolicy and the state of the paths of every pool. */
void dam_nvme_refresh(struct dam_hal *hal);

#endif
