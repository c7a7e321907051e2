/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The net backend: network interfaces of this namespace that have a device, and their counters. */
#include "config.h"
#include "hal/hal.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "hal/ethtool.h"
#include "hal/internal.h"
#include "hal/locality.h"
#include "hal/sysfs.h"

#define BASE_LATENCY_NS 20000 /* a first guess: a frame through a port and its interrupt */

enum { RX_BYTES, RX_PACKETS, TX_BYTES, TX_PACKETS, NR_FILES };

static const char *const files[NR_FILES] = {"rx_bytes", "rx_packets", "tx_bytes", "tx_packets"};

struct engine_state {
	int fd[NR_FILES];
};

static void net_close(struct dam_hal_engine *eng)
{
	struct engine_state *s = eng->priv;

	for (int i = 0; i < NR_FILES; i++)
		if (s->fd[i] >= 0)
			close(s->fd[i]);
	free(s);
}

/* Return: 0; -ENOENT: a counter is missing; -ENOMEM. */
static int open_state(const char *root, const char *path, struct engine_state **out)
{
	struct engine_state *s = malloc(sizeof(*s));
	bool whole = true;

	if (!s)
		return -ENOMEM;
	for (int i = 0; i < NR_FILES; i++) {
		s->fd[i] = dam_sysfs_open(root, "%s/statistics/%s", path, files[i]);
		whole = whole && s->fd[i] >= 0;
	}
	*out = s;
	return whole ? 0 : -ENOENT;
}

/* Loopback, bridges, bonds, VLANs, tunnels and veth have no device: what they carry is no DMA, or
 * that of another interface. Return: 0, also for an interface that is no engine; -ENOMEM. */
static int add_interface(struct dam_hal *hal, const char *name)
{
	struct dam_hal_engine e = {
		.pool = DAM_HAL_NONE, .backend = &dam_hal_net, .base_latency_ns = BASE_LATENCY_NS};
	const char *root = dam_hal_root(hal);
	struct dam_locality where;
	struct engine_state *s;
	char path[DAM_SYSFS_PATH];
	int err;

	if (strlen(name) >= IFNAMSIZ || dam_sysfs_real(path, root, "/sys/class/net/%s", name) ||
	    !dam_sysfs_exists(root, "%s/device", path))
		return 0;
	err = open_state(root, path, &s);
	if (err == -ENOMEM)
		return err;
	e.priv = s;
	dam_locality_find(root, path, &where);
	snprintf(e.name, sizeof(e.name), "net:%s", name);
	dam_strlcpy(e.component, where.component, sizeof(e.component));
	if (!root[0]) /* the interfaces of a recorded tree are none of this machine's */
		dam_strlcpy(e.moderator, name, sizeof(e.moderator));
	e.local_cpus = where.cpus;
	if (err || dam_hal_add_engine(hal, &e) < 0)
		net_close(&e);
	return 0;
}

static int net_scan(struct dam_hal *hal)
{
	char **list;
	int nr = dam_sysfs_list(&list, dam_hal_root(hal), "/sys/class/net"), err = 0;

	if (nr < 0)
		return nr;
	for (int i = 0; i < nr && !err; i++)
		err = add_interface(hal, list[i]);
	dam_sysfs_list_free(list, nr);
	return err;
}

static int net_sample(struct dam_hal_engine *eng, struct dam_hal_counters *out)
{
	const struct engine_state *s = eng->priv;
	uint64_t v[NR_FILES];
	char buf[32];

	for (int i = 0; i < NR_FILES; i++) {
		int n = dam_sysfs_pread(s->fd[i], buf, sizeof(buf));

		if (n == -ENODEV || n == -ENOENT || n == -EBADF || n == -EINVAL)
			return -ENODEV; /* EINVAL: the interface is being taken away */
		if (n < 0 || dam_parse_u64(buf, &v[i]))
			return -EAGAIN;
	}
	out->have = DAM_HAVE_BYTES | DAM_HAVE_OPS;
	out->read_bytes = v[RX_BYTES];
	out->read_ops = v[RX_PACKETS];
	out->write_bytes = v[TX_BYTES];
	out->write_ops = v[TX_PACKETS];
	return 0;
}

const struct dam_hal_backend dam_hal_net = {
	.name = "net",
	.scan = net_scan,
	.sample = net_sample,
	.close = net_close,
#ifdef HAVE_LIBMNL
	.moderation = &dam_ethtool_moderation,
#endif
};
