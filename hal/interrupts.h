/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* How many interrupts PCI functions have raised: the sums of their lines in /proc/interrupts. */
#ifndef DAM_HAL_INTERRUPTS_H
#define DAM_HAL_INTERRUPTS_H

#include <stdint.h>

#define DAM_INTERRUPTS_GROUPS 256

/* Lines are told by their numbers, which sysfs lists for each function: names differ by driver. */
struct dam_interrupts;

/** dam_interrupts_open() - @root: as in struct dam_hal_config. Return: 0; -ENOMEM; -errno of
 * open(). */
int dam_interrupts_open(const char *root, struct dam_interrupts **out);

/** dam_interrupts_close() - takes NULL. */
void dam_interrupts_close(struct dam_interrupts *irqs);

/**
 * dam_interrupts_watch() - from now on count those of a PCI function
 * @function: "0000:21:00.0"; known already: the same group
 *
 * Return: the number of its group; -ENOENT: it has none; -ENOSPC; -ENOMEM.
 */
int dam_interrupts_watch(struct dam_interrupts *irqs, const char *function);

/** dam_interrupts_refresh() - read again which lines a function has; after a reset they may differ.
 */
void dam_interrupts_refresh(struct dam_interrupts *irqs);

/**
 * dam_interrupts_read() - count anew; one pass over the file, bounded
 * Return: 0; -errno: the counts are the former ones.
 */
int dam_interrupts_read(struct dam_interrupts *irqs);

/** dam_interrupts_count() - interrupts of @group so far; may fall when lines are given back. */
uint64_t dam_interrupts_count(const struct dam_interrupts *irqs, int group);

#endif
