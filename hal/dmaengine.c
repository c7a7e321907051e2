/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The dmaengine backend: channels of which only the class's counters are known.
 *
 * A channel of a system on chip belongs to a peripheral, and is in no pool. Those that copy memory for anybody
 * (dma_find_channel()) are chosen by the CPU's node.
 */
#include "config.h"
#include "hal/dma_class.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal/internal.h"
#include "hal/sysfs.h"

#define BASE_LATENCY_NS 2000 /* a first guess: a small copy and its interrupt */

static void dmaengine_close(struct dam_hal_engine *eng)
{
	dam_dma_close(eng->priv);
	free(eng->priv);
}

static int add_channel(struct dam_hal *hal, const char *path, const char *name)
{
	struct dam_hal_engine e = {
		.pool = DAM_HAL_NONE, .backend = &dam_hal_dmaengine, .base_latency_ns = BASE_LATENCY_NS};
	struct dam_dma_counters *c = malloc(sizeof(*c));
	int target;

	if (!c)
		return -ENOMEM;
	dam_dma_open(dam_hal_root(hal), path, c);
	e.priv = c;
	if (snprintf(e.name, sizeof(e.name), "dmaengine:%s", name) >= (int)sizeof(e.name))
		e.name[0] = '\0';
	dam_hal_place(hal, path, &e);
	target = dam_hal_add_engine(hal, &e);
	return target < 0 ? DAM_HAL_NONE : target;
}

/* Drivers whose channels are public, and copy memory. */
static bool copies_memory(struct dam_hal *hal, const struct dam_hal_engine *e)
{
	static const char *const drivers[] = {"hisi_dma", "plx_dma", "switchtec_dma", "fsl-dma", "xgene-dma", "mv_xor",
					      "mv_xor_v2", "hidma"};
	char driver[64];

	if (dam_sysfs_link_name(driver, sizeof(driver), dam_hal_root(hal), "/sys/class/dma/%s/device/driver",
				strchr(e->name, ':') + 1))
		return false;
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (!strcmp(driver, drivers[i]))
			return true;
	return false;
}

static int add_if_public(struct dam_hal *hal, const char *path, const char *name)
{
	int target = add_channel(hal, path, name);
	struct dam_hal_engine *e;

	if (target < 0)
		return target;
	e = &dam_hal_target(hal, (unsigned int)target)->engine;
	if (!copies_memory(hal, e))
		return DAM_HAL_NONE;
	e->caps.operations = DAM_OP_COPY;
	e->caps.directions = DAM_DIR_WITHIN_MEMORY;
	return target;
}

static int dmaengine_scan(struct dam_hal *hal)
{
	return dam_dma_scan(hal, DAM_DMA_GENERIC, add_if_public, "dmaengine:memcpy");
}

static int dmaengine_sample(struct dam_hal_engine *eng, struct dam_hal_counters *out)
{
	return dam_dma_read(eng->priv, out);
}

/* for all backends of the class: what appears there has every one of them scan */
static const char *const watch[] = {DAM_DMA_CLASS, NULL};

const struct dam_hal_backend dam_hal_dmaengine = {
	.name = "dmaengine",
	.scan = dmaengine_scan,
	.sample = dmaengine_sample,
	.close = dmaengine_close,
	.watch = watch,
};
