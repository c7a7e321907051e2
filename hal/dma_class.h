/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Channels of /sys/class/dma, sorted by what tells their load; each backend takes its own. */
#ifndef DAM_HAL_DMA_CLASS_H
#define DAM_HAL_DMA_CLASS_H

#include <stdint.h>

#include "hal/hal.h"

#define DAM_DMA_CLASS "/sys/class/dma"

enum dam_dma_kind {
	DAM_DMA_GENERIC, /* counters that no kernel of today writes */
	DAM_DMA_IOAT,	 /* the ring's head and tail */
	DAM_DMA_PTDMA,	 /* operations, in debugfs */
	DAM_DMA_IDXD,	 /* a work queue, which the idxd backend has */
};

/* The counters of the class: what they held when the channel was found. */
struct dam_dma_counters {
	int bytes_fd, ops_fd; /* -1: none */
	uint64_t first_bytes, first_ops;
	bool moved; /* something writes them */
};

/**
 * dam_dma_scan() - call @add for every channel of @kind, then pool those that copy memory
 * @add: @path is the resolved directory, @name "dma0chan0"; index of the engine; DAM_HAL_NONE: none; -ENOMEM
 * @pool: name of the pool; NULL: a channel belongs to a peripheral
 *
 * Return: 0; -ENOMEM.
 */
int dam_dma_scan(struct dam_hal *hal, enum dam_dma_kind kind,
		 int (*add)(struct dam_hal *hal, const char *path, const char *name), const char *pool);

/** dam_dma_open() / dam_dma_close() - the class's counters of the channel at @path. */
void dam_dma_open(const char *root, const char *path, struct dam_dma_counters *out);
void dam_dma_close(struct dam_dma_counters *c);

/** dam_dma_read() - add them to @out: shown, and used once they have moved. Return: 0; -ENODEV. */
int dam_dma_read(struct dam_dma_counters *c, struct dam_hal_counters *out);

#endif
