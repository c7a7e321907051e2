/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The idxd backend: enabled work queues of Intel's DSA and IAA.
 *
 * A work queue's occupancy is its utilisation; nothing counts its bytes (uncore.c has those of the whole device).
 * Libraries submit to a queue of the CPU's own socket, so queues of one kind and use form a pool.
 */
#include "config.h"
#include "hal/hal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/str.h"
#include "hal/component.h"
#include "hal/internal.h"
#include "hal/pool.h"
#include "hal/sysfs.h"

#define BUS		"/sys/bus/dsa/devices"
#define BASE_LATENCY_NS 2000 /* a first guess: a small copy, polled for */
#define DEPTH_MAX	65536
#define MASK_MAX	256

struct engine_state {
	int occupancy_fd; /* -1: the device cannot tell */
};

/* Kinds of devices, what they can do when they do not say, and the pools of their queues by use. */
static const struct kind {
	const char *prefix;
	unsigned int operations;
	const char *user_pool, *kernel_pool;
} kinds[] = {
	{"dsa", DAM_OP_COPY | DAM_OP_FILL | DAM_OP_COMPARE | DAM_OP_CRC, "idxd:dsa", "idxd:dsa-kernel"},
	{"iax", DAM_OP_COMPRESS | DAM_OP_DECOMPRESS | DAM_OP_CRC, "idxd:iax", "idxd:iax-kernel"},
};
#define NR_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Opcodes of both devices' specifications: bits of op_cap. */
static const struct {
	unsigned int opcode, operation;
} opcodes[] = {
	{0x03, DAM_OP_COPY},	 {0x04, DAM_OP_FILL},	    {0x05, DAM_OP_COMPARE},    {0x06, DAM_OP_COMPARE},
	{0x09, DAM_OP_COPY},	 {0x10, DAM_OP_CRC},	    {0x11, DAM_OP_COPY | DAM_OP_CRC},
	{0x12, DAM_OP_DIF},	 {0x13, DAM_OP_DIF},	    {0x14, DAM_OP_DIF},	       {0x15, DAM_OP_DIF},
	{0x20, DAM_OP_FLUSH},	 {0x42, DAM_OP_DECOMPRESS}, {0x43, DAM_OP_COMPRESS},   {0x44, DAM_OP_CRC},
	{0x4c, DAM_OP_DECOMPRESS}, {0x4d, DAM_OP_COMPRESS},
};

struct queue {
	const struct kind *kind;
	char path[DAM_SYSFS_PATH];   /* of the queue */
	char device[DAM_SYSFS_PATH]; /* of what it belongs to */
};

/* "wq0.1" belongs to dsa0 or to iax0: the number is the device's, whatever its kind. */
static bool find_queue(const char *root, const char *name, struct queue *out)
{
	unsigned int device, queue;
	int end = 0;

	if (sscanf(name, "wq%5u.%5u%n", &device, &queue, &end) != 2 || name[end] ||
	    dam_sysfs_real(out->path, root, BUS "/%s", name))
		return false;
	for (size_t i = 0; i < NR_KINDS; i++)
		if (!dam_sysfs_real(out->device, root, BUS "/%s%u", kinds[i].prefix, device)) {
			out->kind = &kinds[i];
			return true;
		}
	return false;
}

static bool is(const char *root, const char *path, const char *file, const char *value)
{
	char text[32];

	return dam_sysfs_read(text, sizeof(text), root, "%s/%s", path, file) > 0 && !strcmp(text, value);
}

static unsigned int read_operations(const char *root, const struct queue *q)
{
	unsigned int operations = 0;
	struct dam_cpuset bits;
	char text[MASK_MAX];

	if (dam_sysfs_read(text, sizeof(text), root, "%s/op_config", q->path) <= 0 &&
	    dam_sysfs_read(text, sizeof(text), root, "%s/op_cap", q->device) <= 0)
		return q->kind->operations;
	if (dam_sysfs_parse_mask(text, &bits))
		return q->kind->operations;
	for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++)
		if (dam_cpuset_has(&bits, opcodes[i].opcode))
			operations |= opcodes[i].operation;
	return operations;
}

/* A shared queue refuses work above its threshold. */
static uint32_t read_depth(const char *root, const struct queue *q, bool dedicated)
{
	int64_t size = dam_sysfs_number(0, root, "%s/size", q->path);
	int64_t threshold = dam_sysfs_number(0, root, "%s/threshold", q->path);

	if (!dedicated && threshold > 0 && threshold < size)
		size = threshold;
	return size > 0 && size <= DEPTH_MAX ? (uint32_t)size : 0;
}

static void idxd_close(struct dam_hal_engine *eng)
{
	struct engine_state *s = eng->priv;

	if (s->occupancy_fd >= 0)
		close(s->occupancy_fd);
	free(s);
}

/* Queues of one group share its engines: "group0.1" of dsa0 or iax0. */
static void find_group(struct dam_hal *hal, const struct queue *q, struct dam_hal_engine *e)
{
	int64_t group = dam_sysfs_number(-1, dam_hal_root(hal), "%s/group_id", q->path);
	const char *device = strrchr(q->device, '/') + 1 + strlen(q->kind->prefix);
	char name[DAM_HAL_NAME];

	if (group < 0 || group > UINT16_MAX)
		return;
	snprintf(name, sizeof(name), "group%.8s.%d", device, (int)group);
	e->component_index = dam_component_add_group(dam_hal_component_table(hal), name, e->component_index);
}

/* The queue's node in /dev/dsa or /dev/iax. */
static void add_dev(struct dam_hal *hal, const struct queue *q, int target)
{
	int64_t major = dam_sysfs_number(-1, dam_hal_root(hal), "%s/cdev_major", q->device);
	int64_t minor = dam_sysfs_number(-1, dam_hal_root(hal), "%s/cdev_minor", q->path);
	struct dam_hal_dev d = {.type = DAM_HAL_DEV_CHAR, .target = target};

	if (major <= 0 || minor < 0 || major > INT_MAX || minor > INT_MAX)
		return;
	d.dev = makedev((unsigned int)major, (unsigned int)minor);
	dam_hal_add_dev(hal, &d); /* full or known: what is there stays */
}

/* Return: index; DAM_HAL_NONE: nobody can submit to it; -ENOMEM. */
static int add_queue(struct dam_hal *hal, const char *name, const struct queue *q)
{
	struct dam_hal_engine e = {.pool = DAM_HAL_NONE, .backend = &dam_hal_idxd, .queue = true,
				   .base_latency_ns = BASE_LATENCY_NS, .caps.directions = DAM_DIR_WITHIN_MEMORY};
	const char *root = dam_hal_root(hal);
	int64_t max = dam_sysfs_number(0, root, "%s/max_transfer_size", q->path);
	struct engine_state *s;
	int target;

	if (dam_sysfs_exists(root, "%s/state", q->path) && !is(root, q->path, "state", "enabled"))
		return DAM_HAL_NONE;
	s = malloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->occupancy_fd = dam_sysfs_open(root, "%s/occupancy", q->path);
	e.priv = s;
	snprintf(e.name, sizeof(e.name), "idxd:%s", name);
	dam_hal_place(hal, strncmp(q->path, "/sys/devices/", 13) ? q->device : q->path, &e);
	find_group(hal, q, &e);
	e.caps.dedicated = is(root, q->path, "mode", "dedicated");
	e.caps.operations = read_operations(root, q);
	e.caps.max_transfer = max > 0 ? (uint64_t)max : 0;
	e.depth = read_depth(root, q, e.caps.dedicated);
	target = dam_hal_add_engine(hal, &e);
	if (target < 0)
		return DAM_HAL_NONE;
	add_dev(hal, q, target);
	return target;
}

/* Queues of one kind that programs, or that the kernel, submits to. */
struct members {
	int target[2 * NR_KINDS][DAM_HAL_TARGETS];
	unsigned int nr[2 * NR_KINDS];
};

static void add_member(const char *root, const struct queue *q, int target, struct members *m)
{
	size_t at = 2 * (size_t)(q->kind - kinds);

	if (is(root, q->path, "type", "kernel"))
		at++;
	else if (!is(root, q->path, "type", "user"))
		return;
	m->target[at][m->nr[at]++] = target;
}

static void add_pools(struct dam_hal *hal, const struct members *m)
{
	for (size_t i = 0; i < 2 * NR_KINDS; i++)
		dam_pool_of_nearest(hal, i % 2 ? kinds[i / 2].kernel_pool : kinds[i / 2].user_pool, m->target[i],
				    m->nr[i]);
}

static int idxd_scan(struct dam_hal *hal)
{
	const char *root = dam_hal_root(hal);
	struct members m = {.nr = {0}};
	char **list;
	int nr = dam_sysfs_list(&list, root, BUS), target = 0;

	if (nr < 0)
		return nr;
	for (int i = 0; i < nr && target != -ENOMEM; i++) {
		struct queue q;

		if (!find_queue(root, list[i], &q))
			continue;
		target = add_queue(hal, list[i], &q);
		if (target >= 0)
			add_member(root, &q, target, &m);
	}
	add_pools(hal, &m);
	dam_sysfs_list_free(list, nr);
	return target == -ENOMEM ? target : 0;
}

static int idxd_sample(struct dam_hal_engine *eng, struct dam_hal_counters *out)
{
	const struct engine_state *s = eng->priv;
	char buf[32];
	uint64_t v;
	int n = s->occupancy_fd < 0 ? -EOPNOTSUPP : dam_sysfs_pread(s->occupancy_fd, buf, sizeof(buf));

	if (n == -ENODEV || n == -ENOENT)
		return -ENODEV;
	if (n == -EOPNOTSUPP)
		return 0; /* nothing to tell */
	if (n <= 0 || dam_parse_u64(buf, &v) || v > DEPTH_MAX)
		return -EAGAIN;
	out->have = DAM_HAVE_INFLIGHT;
	out->inflight = (uint32_t)v;
	return 0;
}

static const char *const watch[] = {BUS, NULL};

const struct dam_hal_backend dam_hal_idxd = {
	.name = "idxd",
	.scan = idxd_scan,
	.sample = idxd_sample,
	.close = idxd_close,
	.watch = watch,
};
