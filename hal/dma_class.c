/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Channels of /sys/class/dma: which kind each is, and the counters that all of them have. */
#include "config.h"
#include "hal/dma_class.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "hal/pool.h"
#include "hal/sysfs.h"

/* Drivers whose channels are another backend's. */
static const struct {
	const char *driver;
	enum dam_dma_kind kind;
} drivers[] = {
	{"ioatdma", DAM_DMA_IOAT},
	{"ptdma", DAM_DMA_PTDMA},
	{"ae4dma", DAM_DMA_PTDMA},
	{"idxd", DAM_DMA_IDXD},
};

static enum dam_dma_kind kind_of(const char *root, const char *path)
{
	char driver[64];

	if (dam_sysfs_exists(root, "%s/quickdata/ring_size", path))
		return DAM_DMA_IOAT;
	if (dam_sysfs_link_name(driver, sizeof(driver), root, "%s/device/driver", path))
		return DAM_DMA_GENERIC;
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (!strcmp(driver, drivers[i].driver))
			return drivers[i].kind;
	return DAM_DMA_GENERIC;
}

int dam_dma_scan(struct dam_hal *hal, enum dam_dma_kind kind,
		 int (*add)(struct dam_hal *hal, const char *path, const char *name), const char *pool)
{
	const char *root = dam_hal_root(hal);
	char **list, path[DAM_SYSFS_PATH];
	int member[DAM_HAL_TARGETS] = {0};
	int nr = dam_sysfs_list(&list, root, DAM_DMA_CLASS), target = 0;
	unsigned int members = 0;

	if (nr < 0)
		return nr;
	for (int i = 0; i < nr && target != -ENOMEM; i++) {
		if (dam_sysfs_real(path, root, DAM_DMA_CLASS "/%s", list[i]) || kind_of(root, path) != kind)
			continue;
		target = add(hal, path, list[i]);
		if (target >= 0 && members < DAM_HAL_TARGETS)
			member[members++] = target;
	}
	dam_sysfs_list_free(list, nr);
	if (pool)
		dam_pool_of_nearest(hal, pool, member, members);
	return target == -ENOMEM ? target : 0;
}

static int read_number(int fd, uint64_t *out)
{
	char buf[32];
	int n = fd < 0 ? -ENOENT : dam_sysfs_pread(fd, buf, sizeof(buf));

	return n < 0 ? n : dam_parse_u64(buf, out);
}

void dam_dma_open(const char *root, const char *path, struct dam_dma_counters *out)
{
	*out = (struct dam_dma_counters){
		.bytes_fd = dam_sysfs_open(root, "%s/bytes_transferred", path),
		.ops_fd = dam_sysfs_open(root, "%s/memcpy_count", path),
	};
	read_number(out->bytes_fd, &out->first_bytes);
	read_number(out->ops_fd, &out->first_ops);
}

void dam_dma_close(struct dam_dma_counters *c)
{
	if (c->bytes_fd >= 0)
		close(c->bytes_fd);
	if (c->ops_fd >= 0)
		close(c->ops_fd);
}

/* A copy within memory counts as a write. */
int dam_dma_read(struct dam_dma_counters *c, struct dam_hal_counters *out)
{
	uint64_t bytes = 0, ops = 0;
	int bytes_err = read_number(c->bytes_fd, &bytes), ops_err = read_number(c->ops_fd, &ops);
	unsigned int *to;

	if (bytes_err == -ENODEV || ops_err == -ENODEV)
		return -ENODEV;
	c->moved = c->moved || (!bytes_err && bytes != c->first_bytes) || (!ops_err && ops != c->first_ops);
	to = c->moved ? &out->have : &out->untrusted;
	*to |= (bytes_err ? 0 : DAM_HAVE_BYTES) | (ops_err ? 0 : DAM_HAVE_OPS);
	out->write_bytes = bytes;
	out->write_ops = ops;
	return 0;
}
