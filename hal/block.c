/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The block backend: which disks are engines, and their counters. */
#include "config.h"
#include "hal/block.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "hal/internal.h"
#include "hal/nvme_coalesce.h"
#include "hal/sysfs.h"

#define SECTOR_BYTES 512 /* of stat and size, whatever the device */
#define STAT_FIELDS  17
#define CPULIST_MAX  4096 /* an attribute is one page at most */
#define STAT_NEEDED  11 /* what kernels before 4.18 have */

struct engine_state {
	int stat_fd;
};

/* First guesses of the unloaded latency, by name; the first row that fits. */
static const struct {
	const char *prefix;
	int rotational; /* -1: either */
	uint64_t latency_ns;
} kinds[] = {
	{"nvme", -1, 100000},
	{"vd", -1, 200000},   /* virtio: calls itself rotational, whatever is behind it */
	{"loop", -1, 500000}, /* a file system lies between */
	{"", 0, 200000},
	{"", 1, 8000000},
};

struct dam_block_node *dam_block_find(const struct dam_block_table *t, const char *name)
{
	for (int i = 0; i < t->nr; i++)
		if (!strcmp(t->node[i].name, name))
			return &t->node[i];
	return NULL;
}

static bool has_prefix(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

static bool has_slaves(const struct dam_block_table *t, const struct dam_block_node *n)
{
	char **list;
	int nr = dam_sysfs_list(&list, t->root, "%s/slaves", n->path);

	dam_sysfs_list_free(list, nr);
	return nr > 0;
}

/* Memory disks have no DMA, stacks and heads none of their own; a size of 0 is no medium. */
static bool is_engine(const struct dam_block_table *t, const struct dam_block_node *n)
{
	static const char *const never[] = {"ram", "zram", "pmem", "dm-", "md"};

	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (has_prefix(n->name, never[i]))
			return false;
	if (n->partition || has_slaves(t, n) || dam_nvme_is_head(t, n))
		return false;
	/* a namespace that the kernel cannot read has size 0, and takes passthrough commands */
	return has_prefix(n->name, "nvme") || dam_sysfs_number(0, t->root, "%s/size", n->path) > 0;
}

static uint64_t base_latency_ns(const struct dam_block_table *t, const struct dam_block_node *n)
{
	int64_t rotational = dam_sysfs_number(0, t->root, "%s/queue/rotational", n->path);
	size_t i = 0;

	while (!has_prefix(n->name, kinds[i].prefix) ||
	       (kinds[i].rotational >= 0 && kinds[i].rotational != (rotational != 0)))
		i++;
	return kinds[i].latency_ns;
}

/* Requests per hardware queue × hardware queues. */
static uint32_t queue_depth(uint32_t requests, unsigned int queues)
{
	uint64_t depth = (uint64_t)requests * (queues ? queues : 1);

	return depth > UINT32_MAX ? UINT32_MAX : (uint32_t)depth;
}

/* mq/0, mq/1, …: each with the CPUs that submit to it. Return: 0; -ENOMEM. */
static int read_queues(const struct dam_block_table *t, const struct dam_block_node *n, uint32_t requests,
		       struct dam_hal_engine *e)
{
	char **list, cpus[CPULIST_MAX];
	int nr = dam_sysfs_list(&list, t->root, "%s/mq", n->path);

	if (nr <= 0)
		return nr;
	e->queues = calloc((size_t)nr, sizeof(*e->queues));
	e->queues_by = "blk-mq";
	for (int i = 0; e->queues && i < nr; i++) {
		struct dam_hal_queue *q = &e->queues[e->nr_queues];
		int64_t tags = dam_sysfs_number(requests, t->root, "%s/mq/%s/nr_tags", n->path, list[i]);
		uint64_t number;

		if (dam_parse_u64(list[i], &number) || number > UINT16_MAX ||
		    dam_sysfs_read(cpus, sizeof(cpus), t->root, "%s/mq/%s/cpu_list", n->path, list[i]) < 0)
			continue;
		*q = (struct dam_hal_queue){.number = (unsigned int)number,
					    .depth = tags > 0 && tags <= UINT16_MAX ? (uint32_t)tags : 0};
		dam_cpuset_parse(cpus, &q->cpus);
		e->nr_queues++;
	}
	dam_sysfs_list_free(list, nr);
	return e->queues ? 0 : -ENOMEM;
}

static void read_caps(const struct dam_block_table *t, const struct dam_block_node *n, struct dam_hal_caps *out)
{
	bool read_only = dam_sysfs_number(0, t->root, "%s/ro", n->path) == 1;
	int64_t kib = dam_sysfs_number(0, t->root, "%s/queue/max_sectors_kb", n->path);

	out->operations = DAM_OP_READ | (read_only ? 0 : DAM_OP_WRITE | DAM_OP_FLUSH);
	out->directions = DAM_DIR_TO_MEMORY | (read_only ? 0 : DAM_DIR_FROM_MEMORY);
	out->max_transfer = kib > 0 && kib <= UINT32_MAX ? (uint64_t)kib * 1024 : 0;
}

static void block_close(struct dam_hal_engine *eng)
{
	struct engine_state *s = eng->priv;

	close(s->stat_fd);
	free(s);
}

/* .../nvme/nvme0/nvme0n1 or .../nvme/nvme0/nvme1c0n1: the controller is the directory above. */
static void find_moderator(const struct dam_block_table *t, const struct dam_block_node *n,
			   char *out)
{
	char dir[DAM_SYSFS_PATH], *base;

	if (t->root[0])
		return; /* a recorded tree: the devices of this machine are none of its own */
	dam_strlcpy(dir, n->path, sizeof(dir));
	*strrchr(dir, '/') = '\0';
	base = strrchr(dir, '/');
	if (base && dam_nvme_is_controller(base + 1))
		dam_strlcpy(out, base + 1, DAM_MODERATOR_NAME);
}

/* Return: 0, also when the disk cannot be an engine; -ENOMEM. */
static int add_engine(const struct dam_block_table *t, struct dam_block_node *n)
{
	struct dam_hal_engine e = {.pool = DAM_HAL_NONE, .backend = &dam_hal_block};
	int64_t requests = dam_sysfs_number(0, t->root, "%s/queue/nr_requests", n->path);
	struct engine_state *s;
	int fd = dam_sysfs_open(t->root, "%s/stat", n->path);

	if (fd < 0)
		return 0;
	s = malloc(sizeof(*s));
	if (!s) {
		close(fd);
		return -ENOMEM;
	}
	s->stat_fd = fd;
	e.priv = s;
	requests = requests > 0 && requests <= UINT32_MAX ? requests : 0;
	if (read_queues(t, n, (uint32_t)requests, &e)) {
		block_close(&e);
		return -ENOMEM;
	}
	snprintf(e.name, sizeof(e.name), DAM_BLOCK_PREFIX "%s", n->name);
	dam_hal_place(t->hal, n->path, &e);
	find_moderator(t, n, e.moderator);
	read_caps(t, n, &e.caps);
	e.base_latency_ns = base_latency_ns(t, n);
	e.depth = queue_depth((uint32_t)requests, e.nr_queues);
	n->target = dam_hal_add_engine(t->hal, &e);
	if (n->target < 0)
		n->target = DAM_HAL_NONE;
	return 0;
}

static void free_table(struct dam_block_table *t)
{
	for (int i = 0; i < t->nr; i++)
		free(t->node[i].path);
	free(t->node);
}

/* Return: 0, also when the entry is known, or damaged and left out; -ENOMEM. */
static int add_node(struct dam_block_table *t, const char *class, const char *name)
{
	struct dam_block_node *n = &t->node[t->nr];
	char path[DAM_SYSFS_PATH];

	if (strlen(name) >= sizeof(n->name) || dam_block_find(t, name) ||
	    dam_sysfs_real(path, t->root, "%s/%s", class, name))
		return 0;
	*n = (struct dam_block_node){.target = DAM_HAL_NONE};
	dam_strlcpy(n->name, name, sizeof(n->name));
	n->dev = dam_sysfs_dev(t->root, "%s/dev", path);
	n->partition = dam_sysfs_exists(t->root, "%s/partition", path);
	n->path = strdup(path);
	if (!n->path)
		return -ENOMEM;
	t->nr++;
	return 0;
}

static int add_class(struct dam_block_table *t, const char *class)
{
	struct dam_block_node *node;
	char **list;
	int nr = dam_sysfs_list(&list, t->root, "%s", class), err = 0;

	if (nr <= 0)
		return nr;
	node = reallocarray(t->node, (size_t)(t->nr + nr), sizeof(*node));
	if (node)
		t->node = node;
	else
		err = -ENOMEM;
	for (int i = 0; i < nr && !err; i++)
		err = add_node(t, class, list[i]);
	dam_sysfs_list_free(list, nr);
	return err;
}

/* Kernels without the class, and recorded trees, have disks in the second directory only. */
static int fill_table(struct dam_block_table *t)
{
	int err = add_class(t, "/sys/class/block");

	return err ? err : add_class(t, "/sys/block");
}

static int block_scan(struct dam_hal *hal)
{
	struct dam_block_table t = {.hal = hal, .root = dam_hal_root(hal)};
	int err = fill_table(&t);

	for (int i = 0; i < t.nr && !err; i++) {
		if (!is_engine(&t, &t.node[i]))
			continue;
		err = add_engine(&t, &t.node[i]);
		t.node[i].resolved = true;
	}
	if (!err) {
		dam_nvme_add_pools(&t);
		dam_block_add_devs(&t);
		dam_block_add_chars(&t);
		dam_nvme_refresh(hal);
	}
	free_table(&t);
	return err;
}

/* Unsigned numbers separated by blanks. Return: how many were read, up to the first damage. */
static int parse_fields(const char *p, uint64_t *v, int max)
{
	int n;

	for (n = 0; n < max; n++) {
		char *end;

		p += strspn(p, " \t\n");
		if (*p < '0' || *p > '9')
			break;
		errno = 0;
		v[n] = strtoull(p, &end, 10);
		if (errno || (*end && !strchr(" \t\n", *end)))
			break;
		p = end;
	}
	return n;
}

static int block_sample(struct dam_hal_engine *eng, struct dam_hal_counters *out)
{
	/* Documentation/block/stat.rst; discards and flushes (fields 11…16) move no data */
	enum {
		READS,
		RD_MERGED,
		RD_SECTORS,
		RD_MS,
		WRITES,
		WR_MERGED,
		WR_SECTORS,
		WR_MS,
		INFLIGHT,
		BUSY_MS
	};
	const struct engine_state *s = eng->priv;
	uint64_t v[STAT_FIELDS] = {0};
	char buf[512];
	int n = dam_sysfs_pread(s->stat_fd, buf, sizeof(buf));

	if (n == -ENODEV || n == -ENOENT || n == -EBADF)
		return -ENODEV;
	if (n < 0 || parse_fields(buf, v, STAT_FIELDS) < STAT_NEEDED)
		return -EAGAIN;
	out->have =
		DAM_HAVE_BYTES | DAM_HAVE_OPS | DAM_HAVE_BUSY | DAM_HAVE_WAIT | DAM_HAVE_INFLIGHT;
	out->read_bytes = v[RD_SECTORS] * SECTOR_BYTES;
	out->write_bytes = v[WR_SECTORS] * SECTOR_BYTES;
	out->read_ops = v[READS];
	out->write_ops = v[WRITES];
	out->busy_ns = v[BUSY_MS] * DAM_NS_PER_MS;
	out->wait_ns = (v[RD_MS] + v[WR_MS]) * DAM_NS_PER_MS;
	out->inflight = v[INFLIGHT] > UINT32_MAX ? UINT32_MAX : (uint32_t)v[INFLIGHT];
	return 0;
}

static const char *const watch[] = {"/sys/class/block", "/sys/class/nvme", NULL};

const struct dam_hal_backend dam_hal_block = {
	.name = "block",
	.scan = block_scan,
	.sample = block_sample,
	.refresh = dam_nvme_refresh,
	.close = block_close,
	.moderation = &dam_nvme_moderation,
	.watch = watch,
};
