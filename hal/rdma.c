/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The rdma backend: ports of InfiniBand, RoCE and Omni-Path adapters, their counters. */
#include "config.h"
#include "hal/hal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "hal/component.h"
#include "hal/internal.h"
#include "hal/sysfs.h"

#define BASE_LATENCY_NS 5000 /* a first guess: a message to the next port and back */
#define UNIT_BYTES	4    /* of port_xmit_data and port_rcv_data */
#define MBIT_MAX	10000000.0

enum { RCV_DATA, RCV_PACKETS, XMIT_DATA, XMIT_PACKETS, NR_FILES };

static const char *const files[NR_FILES] = {"port_rcv_data", "port_rcv_packets", "port_xmit_data", "port_xmit_packets"};

struct engine_state {
	int fd[NR_FILES];
};

static void rdma_close(struct dam_hal_engine *eng)
{
	struct engine_state *s = eng->priv;

	for (int i = 0; i < NR_FILES; i++)
		if (s->fd[i] >= 0)
			close(s->fd[i]);
	free(s);
}

/* "100 Gb/sec (4X EDR)", "2.5 Gb/sec (1X SDR)" */
static void read_rate(const char *root, const char *dir, struct dam_hal_capacity *out)
{
	char text[64], *blank;
	double gbit;

	if (dam_sysfs_read(text, sizeof(text), root, "%s/rate", dir) <= 0)
		return;
	blank = strchr(text, ' ');
	if (!blank || strncmp(blank, " Gb/sec", 7))
		return;
	*blank = '\0';
	if (!dam_parse_double(text, &gbit) && gbit > 0 && gbit * 1000 <= MBIT_MAX)
		dam_capacity_of_port((uint64_t)(gbit * 1e9 / 8), out);
}

/* Return: 0, also for a port that has no counters; -ENOMEM. */
static int add_port(struct dam_hal *hal, const char *path, const char *device, const char *port)
{
	struct dam_hal_engine e = {
		.pool = DAM_HAL_NONE, .backend = &dam_hal_rdma, .base_latency_ns = BASE_LATENCY_NS,
		.caps = {.operations = DAM_OP_READ | DAM_OP_WRITE | DAM_OP_SEND | DAM_OP_RECEIVE,
			 .directions = DAM_DIR_TO_MEMORY | DAM_DIR_FROM_MEMORY},
		.track.modulus = UNIT_BYTES * (1ull << 32)};
	struct engine_state *s = calloc(1, sizeof(*s));
	const char *root = dam_hal_root(hal);
	char dir[DAM_SYSFS_PATH];
	bool whole = true;

	if (!s)
		return -ENOMEM;
	e.priv = s;
	whole = snprintf(dir, sizeof(dir), "%s/ports/%s", path, port) < (int)sizeof(dir);
	whole = snprintf(e.name, sizeof(e.name), "rdma:%s/%s", device, port) < (int)sizeof(e.name) && whole;
	for (int i = 0; i < NR_FILES; i++) {
		s->fd[i] = dam_sysfs_open(root, "%s/counters/%s", dir, files[i]);
		whole = whole && s->fd[i] >= 0;
	}
	dam_hal_place(hal, path, &e);
	read_rate(root, dir, &e.capacity);
	if (whole)
		dam_hal_add_engine(hal, &e); /* no room for it: left out */
	else
		rdma_close(&e);
	return 0;
}

static int add_device(struct dam_hal *hal, const char *device)
{
	char path[DAM_SYSFS_PATH], **list;
	int nr, err = 0;

	if (dam_sysfs_real(path, dam_hal_root(hal), "/sys/class/infiniband/%s", device))
		return 0;
	nr = dam_sysfs_list(&list, dam_hal_root(hal), "%s/ports", path);
	if (nr < 0)
		return nr;
	for (int i = 0; i < nr && !err; i++)
		err = add_port(hal, path, device, list[i]);
	dam_sysfs_list_free(list, nr);
	return err;
}

static int rdma_scan(struct dam_hal *hal)
{
	char **list;
	int nr = dam_sysfs_list(&list, dam_hal_root(hal), "/sys/class/infiniband"), err = 0;

	if (nr < 0)
		return nr;
	for (int i = 0; i < nr && !err; i++)
		err = add_device(hal, list[i]);
	dam_sysfs_list_free(list, nr);
	return err;
}

static int rdma_sample(struct dam_hal_engine *eng, struct dam_hal_counters *out)
{
	const struct engine_state *s = eng->priv;
	uint64_t v[NR_FILES];
	char buf[32];

	for (int i = 0; i < NR_FILES; i++) {
		int n = dam_sysfs_pread(s->fd[i], buf, sizeof(buf));

		if (n == -ENODEV || n == -ENOENT || n == -EBADF)
			return -ENODEV;
		if (n < 0 || dam_parse_u64(buf, &v[i]))
			return -EAGAIN; /* "N/A (no PMA)" as well */
	}
	out->have = DAM_HAVE_BYTES | DAM_HAVE_OPS;
	out->read_bytes = v[RCV_DATA] * UNIT_BYTES;
	out->read_ops = v[RCV_PACKETS];
	out->write_bytes = v[XMIT_DATA] * UNIT_BYTES;
	out->write_ops = v[XMIT_PACKETS];
	return 0;
}

static const char *const watch[] = {"/sys/class/infiniband", NULL};

const struct dam_hal_backend dam_hal_rdma = {
	.name = "rdma",
	.scan = rdma_scan,
	.sample = rdma_sample,
	.close = rdma_close,
	.watch = watch,
	.lazy = true,
};
