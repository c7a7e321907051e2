/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* ioctls that carry DMA. A new one is a decoder, a row, and its type in dam_ioctl_types. */
#include "config.h"
#include "preload/ioctls.h"

#include <linux/bsg.h>
#include <linux/nvme_ioctl.h>
#include <scsi/sg.h>
#include <sys/ioctl.h>

#include "preload/account.h"
#include "preload/nvme.h"
#include "preload/place.h"

#ifndef NVME_IOCTL_IO64_CMD_VEC
#define NVME_IOCTL_IO64_CMD_VEC _IOWR('N', 0x49, struct nvme_passthru_cmd64)
#endif

static void add(struct dam_ioctl_io *io, int dir, uint64_t bytes)
{
	if (dir == DAM_DIR_READ) {
		io->reads = true;
		io->read_bytes += bytes;
	} else if (dir == DAM_DIR_WRITE) {
		io->writes = true;
		io->write_bytes += bytes;
	}
}

static void decode_nvme(const void *arg, uint32_t lba_bytes, struct dam_ioctl_io *io)
{
	/* of the 64-bit variant only the result lies elsewhere */
	const struct nvme_passthru_cmd *c = arg;

	(void)lba_bytes;
	add(io, dam_nvme_dir(c->opcode), c->data_len);
}

static void decode_nvme_vec(const void *arg, uint32_t lba_bytes, struct dam_ioctl_io *io)
{
	const struct nvme_passthru_cmd *c = arg;

	(void)lba_bytes;
	add(io, dam_nvme_dir(c->opcode),
	    dam_iov_bytes((const void *)(uintptr_t)c->addr, c->data_len));
}

static void decode_nvme_user_io(const void *arg, uint32_t lba_bytes, struct dam_ioctl_io *io)
{
	const struct nvme_user_io *c = arg;

	add(io, dam_nvme_dir(c->opcode), (uint64_t)(c->nblocks + 1u) * lba_bytes);
}

static uint64_t less(uint32_t len, int64_t resid)
{
	return resid > 0 && resid <= len ? len - (uint64_t)resid : len;
}

static void decode_sg(const void *arg, uint32_t lba_bytes, struct dam_ioctl_io *io)
{
	const struct sg_io_hdr *h = arg;
	const struct sg_io_v4 *h4 = arg;

	(void)lba_bytes;
	if (h->interface_id == 'S') {
		if (h->dxfer_direction == SG_DXFER_TO_DEV ||
		    h->dxfer_direction == SG_DXFER_TO_FROM_DEV)
			add(io, DAM_DIR_WRITE, less(h->dxfer_len, h->resid));
		if (h->dxfer_direction == SG_DXFER_FROM_DEV ||
		    h->dxfer_direction == SG_DXFER_TO_FROM_DEV)
			add(io, DAM_DIR_READ, less(h->dxfer_len, h->resid));
	} else if (h4->guard == 'Q') {
		if (h4->dout_xfer_len)
			add(io, DAM_DIR_WRITE, less(h4->dout_xfer_len, h4->dout_resid));
		if (h4->din_xfer_len)
			add(io, DAM_DIR_READ, less(h4->din_xfer_len, h4->din_resid));
	}
}

static const struct {
	unsigned long req;
	void (*decode)(const void *arg, uint32_t lba_bytes, struct dam_ioctl_io *io);
} table[] = {
	{NVME_IOCTL_IO_CMD, decode_nvme},
	{NVME_IOCTL_IO64_CMD, decode_nvme},
	{NVME_IOCTL_IO64_CMD_VEC, decode_nvme_vec},
	{NVME_IOCTL_ADMIN_CMD, decode_nvme},
	{NVME_IOCTL_ADMIN64_CMD, decode_nvme},
	{NVME_IOCTL_SUBMIT_IO, decode_nvme_user_io},
	{SG_IO, decode_sg},
};

const uint8_t dam_ioctl_types[256] = {
	['N'] = 1,
	[SG_IO >> 8] = 1,
};

bool dam_ioctl_decode(unsigned long req, const void *arg, uint32_t lba_bytes,
		      struct dam_ioctl_io *out)
{
	struct dam_ioctl_io io = {0};

	for (unsigned int i = 0; arg && i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].req != req)
			continue;
		table[i].decode(arg, lba_bytes, &io);
		*out = io;
		return io.reads || io.writes;
	}
	return false;
}

void dam_ioctl_count(int fd, unsigned long req, const void *arg, int ret)
{
	struct dam_slot *slot = ret >= 0 ? dam_slot_mine() : NULL;
	struct dam_ioctl_io io;
	uint8_t place, index;

	if (!slot)
		return;
	/* the kind of the descriptor first: type letters of requests collide */
	place = dam_place_device(fd);
	index = dam_place_index_of(place);
	if (index == DAM_ROUTE_IGNORE || !dam_ioctl_decode(req, arg, dam_place_lba[place], &io))
		return;
	if (io.reads)
		dam_account_io(slot, index, DAM_DIR_READ, io.read_bytes, 1, 1);
	if (io.writes)
		dam_account_io(slot, index, DAM_DIR_WRITE, io.write_bytes, 1, 1);
	dam_count_add(&slot->submissions, 1);
	if (dam_account_due())
		dam_account_sample_slow(slot, -1);
}
