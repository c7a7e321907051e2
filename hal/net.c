/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The net backend: network interfaces of this namespace that have a device, their counters, their transmit queues;
 * what bonds and VLANs stand on is in net_stack.c.
 */
#include "config.h"
#include "hal/net.h"

#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "hal/component.h"
#include "hal/ethtool.h"
#include "hal/internal.h"
#include "hal/sysfs.h"

#define BASE_LATENCY_NS 20000 /* a first guess: a frame through a port and its interrupt */
#define SPEED_MAX	10000000 /* Mbit/s; above it, the driver does not know (u32 -1) */
#define QUEUES_MAX	128 /* whose bytes in flight are read, */
#define QUEUES_STEP	8   /* of these at one sample; the others are as they were. At the first one all */
#define MASK_MAX	(DAM_MAX_CPUS / 4 + DAM_MAX_CPUS / 32 + 2) /* digits and commas of a mask of CPUs */

enum { RX_BYTES, RX_PACKETS, TX_BYTES, TX_PACKETS, NR_FILES };

static const char *const files[NR_FILES] = {"rx_bytes", "rx_packets", "tx_bytes", "tx_packets"};

struct engine_state {
	int fd[NR_FILES];
	unsigned int nr_bql, bql_at;
	bool bql_known;	   /* all have been read */
	int bql_fd[QUEUES_MAX]; /* bytes given to the device and not yet sent; not all drivers tell */
	uint32_t bql_bytes[QUEUES_MAX];
};

static void net_close(struct dam_hal_engine *eng)
{
	struct engine_state *s = eng->priv;

	for (int i = 0; i < NR_FILES; i++)
		if (s->fd[i] >= 0)
			close(s->fd[i]);
	for (unsigned int i = 0; i < s->nr_bql; i++)
		close(s->bql_fd[i]);
	free(s);
}

/* Return: 0; -ENOENT: a counter is missing; -ENOMEM. */
static int open_state(const char *root, const char *path, struct engine_state **out)
{
	struct engine_state *s = calloc(1, sizeof(*s));
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

/* queues/tx-0, tx-1, …: with XPS, the CPUs whose frames each of them takes. Return: 0; -ENOMEM. */
static int read_queues(const char *root, const char *path, struct engine_state *s, struct dam_hal_engine *e)
{
	char **list, mask[MASK_MAX];
	int nr = dam_sysfs_list(&list, root, "%s/queues", path);
	bool mapped = false;

	if (nr <= 0)
		return nr;
	e->queues = calloc((size_t)nr, sizeof(*e->queues));
	e->queues_by = "xps";
	for (int i = 0; e->queues && i < nr; i++) {
		struct dam_hal_queue *q = &e->queues[e->nr_queues];
		uint64_t number;
		int fd;

		if (strncmp(list[i], "tx-", 3) || dam_parse_u64(list[i] + 3, &number) || number > UINT16_MAX)
			continue;
		*q = (struct dam_hal_queue){.number = (unsigned int)number};
		if (dam_sysfs_read(mask, sizeof(mask), root, "%s/queues/%s/xps_cpus", path, list[i]) > 0 &&
		    dam_sysfs_parse_mask(mask, &q->cpus))
			memset(&q->cpus, 0, sizeof(q->cpus));
		mapped = mapped || !dam_cpuset_empty(&q->cpus);
		e->nr_queues++;
		fd = s->nr_bql < QUEUES_MAX
			     ? dam_sysfs_open(root, "%s/queues/%s/byte_queue_limits/inflight", path, list[i])
			     : -1;
		if (fd >= 0)
			s->bql_fd[s->nr_bql++] = fd;
	}
	dam_sysfs_list_free(list, nr);
	if (!e->queues)
		return -ENOMEM;
	if (!mapped)
		e->nr_queues = 0; /* the stack spreads flows over them, whatever the CPU */
	return 0;
}

static void read_speed(const char *root, const char *path, struct dam_hal_capacity *out)
{
	int64_t mbit = dam_sysfs_number(-1, root, "%s/speed", path);

	if (mbit > 0 && mbit <= SPEED_MAX)
		dam_capacity_of_port((uint64_t)mbit * 1000000 / 8, out);
}

/*
 * "pf0vf1", "c1pf0sf3": what stands in the host for a function of somebody else's. Its device is the adapter's, its
 * counters are those of frames that the adapter's port, and the function, count too.
 */
static bool represents(const char *root, const char *path)
{
	char port[32], other[2];
	unsigned int n;

	if (dam_sysfs_read(port, sizeof(port), root, "%s/phys_port_name", path) <= 0)
		return false;
	return sscanf(port, "pf%5u%1[vs]f%5u", &n, other, &n) == 3 ||
	       sscanf(port, "c%5upf%5u%1[vs]f%5u", &n, &n, other, &n) == 4;
}

/* Loopback, bridges, bonds, VLANs, tunnels and veth have no device: what they carry is no DMA, or
 * that of another interface. Return: 0, also for an interface that is no engine; -ENOMEM. */
static int add_interface(struct dam_hal *hal, const char *name)
{
	struct dam_hal_engine e = {
		.pool = DAM_HAL_NONE, .backend = &dam_hal_net, .base_latency_ns = BASE_LATENCY_NS,
		.caps = {.operations = DAM_OP_SEND | DAM_OP_RECEIVE,
			 .directions = DAM_DIR_TO_MEMORY | DAM_DIR_FROM_MEMORY}};
	const char *root = dam_hal_root(hal);
	struct engine_state *s;
	char path[DAM_SYSFS_PATH];
	int err;

	if (strlen(name) >= IFNAMSIZ || dam_sysfs_real(path, root, "/sys/class/net/%s", name) ||
	    !dam_sysfs_exists(root, "%s/device", path) || represents(root, path))
		return 0;
	err = open_state(root, path, &s);
	if (err == -ENOMEM)
		return err;
	e.priv = s;
	if (!err)
		err = read_queues(root, path, s, &e);
	snprintf(e.name, sizeof(e.name), DAM_NET_PREFIX "%s", name);
	dam_hal_place(hal, path, &e);
	if (dam_sysfs_number(0, root, "%s/type", path) == ARPHRD_INFINIBAND)
		e.component_index = DAM_HAL_NONE; /* the rdma port counts its bytes too: no component has them twice */
	read_speed(root, path, &e.capacity);
	if (!root[0]) /* the interfaces of a recorded tree are none of this machine's */
		dam_strlcpy(e.moderator, name, sizeof(e.moderator));
	if (err)
		dam_hal_release(&e);
	else
		dam_hal_add_engine(hal, &e); /* no room for it: left out */
	return err == -ENOMEM ? err : 0;
}

static int net_scan(struct dam_hal *hal)
{
	char **list;
	int nr = dam_sysfs_list(&list, dam_hal_root(hal), "/sys/class/net"), err = 0;

	if (nr < 0)
		return nr;
	for (int i = 0; i < nr && !err; i++)
		err = add_interface(hal, list[i]);
	for (int i = 0; i < nr && !err; i++)
		dam_net_add_stack(hal, list[i]);
	dam_sysfs_list_free(list, nr);
	return err;
}

/* For the eyes only, no decision is made by it: a port with many queues is not to make every sample dear. */
static void sample_queues(struct engine_state *s, struct dam_hal_counters *out)
{
	unsigned int nr = s->bql_known && s->nr_bql > QUEUES_STEP ? QUEUES_STEP : s->nr_bql;
	char buf[32];
	uint64_t v;

	for (unsigned int i = 0; i < nr; i++) {
		bool told = dam_sysfs_pread(s->bql_fd[s->bql_at], buf, sizeof(buf)) > 0 && !dam_parse_u64(buf, &v) &&
			    v <= UINT32_MAX;

		s->bql_bytes[s->bql_at] = told ? (uint32_t)v : 0;
		s->bql_at = (s->bql_at + 1) % s->nr_bql;
	}
	s->bql_known = true;
	if (s->nr_bql)
		out->have |= DAM_HAVE_INFLIGHT_BYTES;
	for (unsigned int i = 0; i < s->nr_bql; i++)
		out->inflight_bytes += s->bql_bytes[i];
}

static int net_sample(struct dam_hal_engine *eng, struct dam_hal_counters *out)
{
	struct engine_state *s = eng->priv;
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
	sample_queues(s, out);
	return 0;
}

static const char *const watch[] = {"/sys/class/net", NULL};

const struct dam_hal_backend dam_hal_net = {
	.name = "net",
	.scan = net_scan,
	.sample = net_sample,
	.close = net_close,
	.watch = watch,
	.lazy = true,
#ifdef HAVE_LIBMNL
	.moderation = &dam_ethtool_moderation,
#endif
};
