/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The ptdma backend: channels of AMD's PTDMA and AE4DMA, whose operations debugfs counts, for root. */
#include "config.h"
#include "hal/dma_class.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "hal/internal.h"
#include "hal/sysfs.h"

#define BASE_LATENCY_NS 2000 /* a first guess: a small copy and its interrupt */
#define STATS_MAX	1024

struct engine_state {
	int stats_fd; /* -1: no debugfs, or not for us */
	struct dam_dma_counters counters;
};

static void ptdma_close(struct dam_hal_engine *eng)
{
	struct engine_state *s = eng->priv;

	if (s->stats_fd >= 0)
		close(s->stats_fd);
	dam_dma_close(&s->counters);
	free(s);
}

/* PTDMA has one queue, "q"; of AE4DMA channel 3 is "q3". */
static int open_stats(const char *root, const char *device, const char *name)
{
	static const char dir[] = "/sys/kernel/debug/dmaengine";
	int fd = dam_sysfs_open(root, "%s/%s/q/stats", dir, device);
	const char *chan = strstr(name, "chan");

	if (fd < 0 && chan)
		fd = dam_sysfs_open(root, "%s/%s/q%s/stats", dir, device, chan + strlen("chan"));
	return fd < 0 ? -1 : fd;
}

static int add_channel(struct dam_hal *hal, const char *path, const char *name)
{
	struct dam_hal_engine e = {
		.pool = DAM_HAL_NONE, .backend = &dam_hal_ptdma, .base_latency_ns = BASE_LATENCY_NS,
		.caps = {.operations = DAM_OP_COPY, .directions = DAM_DIR_WITHIN_MEMORY}};
	struct engine_state *s = malloc(sizeof(*s));
	int target;

	if (!s)
		return -ENOMEM;
	dam_dma_open(dam_hal_root(hal), path, &s->counters);
	e.priv = s;
	if (snprintf(e.name, sizeof(e.name), "ptdma:%s", name) >= (int)sizeof(e.name))
		e.name[0] = '\0';
	dam_hal_place(hal, path, &e);
	s->stats_fd = open_stats(dam_hal_root(hal), e.component, name);
	target = dam_hal_add_engine(hal, &e);
	return target < 0 ? DAM_HAL_NONE : target;
}

static int ptdma_scan(struct dam_hal *hal)
{
	return dam_dma_scan(hal, DAM_DMA_PTDMA, add_channel, "ptdma:memcpy");
}

/* "               Pass-Thru: 123" */
static bool parse_stats(const char *text, uint64_t *out)
{
	static const char key[] = "Pass-Thru:";
	const char *at = strstr(text, key);
	char number[32];

	if (!at)
		return false;
	at += sizeof(key) - 1;
	snprintf(number, sizeof(number), "%.*s", (int)strcspn(at, "\n"), at);
	return !dam_parse_u64(number, out);
}

static int ptdma_sample(struct dam_hal_engine *eng, struct dam_hal_counters *out)
{
	struct engine_state *s = eng->priv;
	char text[STATS_MAX];
	uint64_t ops;
	int err = dam_dma_read(&s->counters, out), n;

	if (err || s->stats_fd < 0)
		return err;
	n = dam_sysfs_pread(s->stats_fd, text, sizeof(text));
	if (n == -ENODEV || n == -ENOENT || n == -EIO) /* debugfs: the file's owner has gone */
		return -ENODEV;
	if (n <= 0 || !parse_stats(text, &ops))
		return -EAGAIN;
	out->have |= DAM_HAVE_OPS;
	out->untrusted &= ~(unsigned int)DAM_HAVE_OPS;
	out->write_ops = ops;
	return 0;
}

const struct dam_hal_backend dam_hal_ptdma = {
	.name = "ptdma",
	.scan = ptdma_scan,
	.sample = ptdma_sample,
	.close = ptdma_close,
};
