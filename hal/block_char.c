/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* From character device numbers to targets: the passthrough nodes of NVMe and SCSI. */
#include "config.h"
#include "hal/block.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "hal/sysfs.h"

/* /sys/class/nvme-generic/ng1n1 is block device nvme1n1. */
static struct dam_block_node *of_generic(const struct dam_block_table *t, const char *name)
{
	char disk[DAM_BLOCK_NAME];

	if (strncmp(name, "ng", 2) ||
	    snprintf(disk, sizeof(disk), "nvme%s", name + 2) >= (int)sizeof(disk))
		return NULL;
	return dam_block_find(t, disk);
}

/* /sys/class/nvme/nvme0: the one disk or path below it; NULL when there are several. */
static struct dam_block_node *of_controller(const struct dam_block_table *t, const char *name)
{
	struct dam_block_node *found = NULL;
	size_t len = strlen(name);

	for (int i = 0; i < t->nr; i++) {
		struct dam_block_node *n = &t->node[i];
		const char *base = strrchr(n->path, '/');

		if (n->partition || (size_t)(base - n->path) <= len ||
		    base[-(ptrdiff_t)len - 1] != '/' || memcmp(base - len, name, len))
			continue;
		if (found)
			return NULL;
		found = n;
	}
	return found;
}

static struct dam_block_node *of_scsi(const struct dam_block_table *t, const char *class,
				      const char *name)
{
	struct dam_block_node *n = NULL;
	char **list;
	int nr = dam_sysfs_list(&list, t->root, "/sys/class/%s/%s/device/block", class, name);

	if (nr == 1)
		n = dam_block_find(t, list[0]);
	dam_sysfs_list_free(list, nr);
	return n;
}

static struct dam_block_node *of_sg(const struct dam_block_table *t, const char *name)
{
	return of_scsi(t, "scsi_generic", name);
}

static struct dam_block_node *of_bsg(const struct dam_block_table *t, const char *name)
{
	return of_scsi(t, "bsg", name);
}

static const struct {
	const char *class;
	struct dam_block_node *(*disk_of)(const struct dam_block_table *t, const char *name);
} classes[] = {
	{"nvme-generic", of_generic},
	{"nvme", of_controller},
	{"scsi_generic", of_sg},
	{"bsg", of_bsg},
};

static void add_char(struct dam_block_table *t, struct dam_block_node *n, const char *class,
		     const char *name)
{
	struct dam_hal_dev d = {.type = DAM_HAL_DEV_CHAR, .target = dam_block_resolve(t, n)};

	d.dev = dam_sysfs_dev(t->root, "/sys/class/%s/%s/dev", class, name);
	if (!d.dev || d.target == DAM_HAL_NONE)
		return;
	d.lba_bytes = dam_block_lba(t, n);
	dam_hal_add_dev(t->hal, &d); /* full or known: what is there stays */
}

void dam_block_add_chars(struct dam_block_table *t)
{
	for (size_t c = 0; c < sizeof(classes) / sizeof(classes[0]); c++) {
		char **list;
		int nr = dam_sysfs_list(&list, t->root, "/sys/class/%s", classes[c].class);

		for (int i = 0; i < nr; i++) {
			struct dam_block_node *n = classes[c].disk_of(t, list[i]);

			if (n)
				add_char(t, n, classes[c].class, list[i]);
		}
		dam_sysfs_list_free(list, nr);
	}
}
