/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Control blocks of io_submit(). A new opcode is a row. */
#include "config.h"
#include "preload/aio.h"

#include "preload/account.h"
#include "preload/nvme.h"
#include "preload/peek.h"
#include "preload/place.h"

#define OP_NR (IOCB_CMD_PWRITEV + 1)

enum len { LEN_NONE, LEN_BYTES, LEN_IOV };

static const struct {
	uint8_t len, dir;
} ops[OP_NR] = {
	[IOCB_CMD_PREAD] = {LEN_BYTES, DAM_DIR_READ},
	[IOCB_CMD_PWRITE] = {LEN_BYTES, DAM_DIR_WRITE},
	[IOCB_CMD_PREADV] = {LEN_IOV, DAM_DIR_READ},
	[IOCB_CMD_PWRITEV] = {LEN_IOV, DAM_DIR_WRITE},
};

static void walk(struct dam_slot *s, struct iocb **iocbs, long from, long nr, uint64_t sign)
{
	for (long i = from; i < nr; i++) {
		const struct iocb *cb;
		uint64_t bytes;
		uint8_t index;

		/* the kernel stops at the first that it cannot read, and so do we */
		if (!dam_peek(&iocbs[i], sizeof(*iocbs)))
			return;
		cb = iocbs[i];
		if (!dam_peek(cb, sizeof(*cb)))
			return;
		if (cb->aio_lio_opcode >= OP_NR || ops[cb->aio_lio_opcode].len == LEN_NONE)
			continue;
		bytes = ops[cb->aio_lio_opcode].len == LEN_BYTES ?
				cb->aio_nbytes :
				dam_iov_bytes((const void *)(uintptr_t)cb->aio_buf, cb->aio_nbytes);
		index = dam_place_index((int)cb->aio_fildes);
		if (index != DAM_ROUTE_IGNORE)
			dam_account_io(s, index, (enum dam_dir)ops[cb->aio_lio_opcode].dir, bytes, 1,
				       sign);
	}
}

struct dam_slot *dam_aio_before(unsigned long ctx, long nr, struct iocb **iocbs)
{
	struct dam_slot *s = nr > 0 && iocbs && !dam_nested() ? dam_slot_mine() : NULL;

	(void)ctx;
	if (!s)
		return NULL;
	walk(s, iocbs, 0, nr, 1);
	dam_count_add(&s->submissions, 1);
	dam_self.outer = 1;
	return s;
}

void dam_aio_after(struct dam_slot *slot, unsigned long ctx, long nr, struct iocb **iocbs, long ret)
{
	(void)ctx;
	if (!slot)
		return;
	dam_self.outer = 0;
	if (dam_self.slot != slot)
		return;
	if (DAM_UNLIKELY(ret < nr))
		walk(slot, iocbs, ret > 0 ? ret : 0, nr, (uint64_t)-1);
	if (DAM_UNLIKELY(dam_account_due()))
		dam_account_sample_slow(slot, nr > 0 && ret > 0 ? (int)iocbs[0]->aio_fildes : -1);
}
