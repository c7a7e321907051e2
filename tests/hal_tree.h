/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Small /sys trees in a temporary directory, and a hal as text, for the tests of hal/. */
#ifndef DAM_TESTS_HAL_TREE_H
#define DAM_TESTS_HAL_TREE_H

#include <stddef.h>

#include "hal/hal.h"

struct hal_tree {
	char root[256];
};

void hal_tree_open(struct hal_tree *t);
void hal_tree_close(struct hal_tree *t);

/** hal_tree_put() - write a file at @path below the root, with the directories it needs. */
void hal_tree_put(struct hal_tree *t, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/** hal_tree_put_in() - write /sys/devices/@where/@file. */
void hal_tree_put_in(struct hal_tree *t, const char *where, const char *file, const char *text);
void hal_tree_link(struct hal_tree *t, const char *path, const char *to);

/** hal_tree_disk() - /sys/devices/@where and its link in /sys/class/block; @dev "254:0", or "0:0":
 * hidden */
void hal_tree_disk(struct hal_tree *t, const char *where, const char *dev);
void hal_tree_part(struct hal_tree *t, const char *where, const char *dev);
/** hal_tree_pci() - a PCI function @where with NUMA node @node and @cpus next to it. */
void hal_tree_pci(struct hal_tree *t, const char *where, int node, const char *cpus);

/* What machines look like. */
void hal_tree_virtio(struct hal_tree *t);
void hal_tree_nvme(struct hal_tree *t);
void hal_tree_multipath(struct hal_tree *t);
void hal_tree_stacks(struct hal_tree *t);
void hal_tree_scsi(struct hal_tree *t);
void hal_tree_memory(struct hal_tree *t);
void hal_tree_btrfs(struct hal_tree *t);

/**
 * hal_tree_load() - what a file describes, added to the tree
 * @file: sections "[/sys/devices/…]", below each of which files stand as "name = text", links as "name -> where";
 *	"name =" is an empty file, "\\n" begins a new line of it; a line of '#' is a comment
 *
 * Ends the program with a message when the file is not of that form.
 */
void hal_tree_load(struct hal_tree *t, const char *file);

/** hal_tree_dump() - one line for each target and device number. Return: @buf. */
char *hal_tree_dump(struct dam_hal *hal, char *buf, size_t size);

#endif
