/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The ioat backend: channels of Intel's I/OAT (QuickData), whose descriptor ring tells how much is in flight. */
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
#define RING_MAX	65536

struct engine_state {
	int active_fd;
	struct dam_dma_counters counters;
};

/* Words of quickdata/cap. */
static const struct {
	const char *word;
	unsigned int operation;
} words[] = {
	{"copy", DAM_OP_COPY}, {"fill", DAM_OP_FILL}, {"xor", DAM_OP_XOR}, {"xor_val", DAM_OP_COMPARE},
	{"pq", DAM_OP_XOR},    {"pq_val", DAM_OP_COMPARE},
};

static void ioat_close(struct dam_hal_engine *eng)
{
	struct engine_state *s = eng->priv;

	if (s->active_fd >= 0)
		close(s->active_fd);
	dam_dma_close(&s->counters);
	free(s);
}

static unsigned int read_operations(const char *root, const char *path)
{
	char text[128], *save, *word;
	unsigned int operations = 0;

	dam_sysfs_read(text, sizeof(text), root, "%s/quickdata/cap", path);
	for (word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (!strcmp(word, words[i].word))
				operations |= words[i].operation;
	return operations ? operations : DAM_OP_COPY;
}

static int add_channel(struct dam_hal *hal, const char *path, const char *name)
{
	struct dam_hal_engine e = {.pool = DAM_HAL_NONE, .backend = &dam_hal_ioat, .queue = true,
				   .base_latency_ns = BASE_LATENCY_NS, .caps.directions = DAM_DIR_WITHIN_MEMORY};
	const char *root = dam_hal_root(hal);
	int64_t ring = dam_sysfs_number(0, root, "%s/quickdata/ring_size", path);
	struct engine_state *s = malloc(sizeof(*s));
	int target;

	if (!s)
		return -ENOMEM;
	s->active_fd = dam_sysfs_open(root, "%s/quickdata/ring_active", path);
	dam_dma_open(root, path, &s->counters);
	e.priv = s;
	e.depth = ring > 0 && ring <= RING_MAX ? (uint32_t)ring : 0;
	e.caps.operations = read_operations(root, path);
	if (snprintf(e.name, sizeof(e.name), "ioat:%s", name) >= (int)sizeof(e.name))
		e.name[0] = '\0';
	dam_hal_place(hal, path, &e);
	target = dam_hal_add_engine(hal, &e);
	return target < 0 ? DAM_HAL_NONE : target;
}

static int ioat_scan(struct dam_hal *hal)
{
	return dam_dma_scan(hal, DAM_DMA_IOAT, add_channel, "ioat:memcpy");
}

static int ioat_sample(struct dam_hal_engine *eng, struct dam_hal_counters *out)
{
	struct engine_state *s = eng->priv;
	char buf[32];
	uint64_t v;
	int n = s->active_fd < 0 ? 0 : dam_sysfs_pread(s->active_fd, buf, sizeof(buf));

	if (n == -ENODEV || n == -ENOENT)
		return -ENODEV;
	if (n > 0 && !dam_parse_u64(buf, &v) && v <= RING_MAX) {
		out->have |= DAM_HAVE_INFLIGHT;
		out->inflight = (uint32_t)v;
	}
	return dam_dma_read(&s->counters, out);
}

const struct dam_hal_backend dam_hal_ioat = {
	.name = "ioat",
	.scan = ioat_scan,
	.sample = ioat_sample,
	.close = ioat_close,
};
