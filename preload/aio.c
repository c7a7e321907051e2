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
		bytes = ops[cb->aio_lio_opcode].len == LEN_BYTES
				? cb->aio_nbytes
				: dam_iov_bytes((const void *)(uintptr_t)cb->aio_buf,
						cb->aio_nbytes);
		index = dam_place_index((int)cb->aio_fildes);
		if (index != DAM_ROUTE_IGNORE)
			dam_account_io(s, index, (enum dam_dir)ops[cb->aio_lio_opcode].dir, bytes,
				       1, sign);
	}
}

/* The start of the completion ring that a context is the address of; part of the kernel's interface by use. */
struct aio_ring {
	uint32_t id, nr, head, tail, magic, compat, incompat, header_length;
};
#define AIO_RING_MAGIC 0xa10a10a1u

static const struct aio_ring *ring_of(unsigned long ctx)
{
	const struct aio_ring *r = (const struct aio_ring *)ctx;

	return dam_peek(r, sizeof(*r)) && r->magic == AIO_RING_MAGIC && r->nr ? r : NULL;
}

/* Before the first submission that the thread makes on a context: from here on it is followed. */
static void follow(unsigned long ctx)
{
	struct dam_self *me = &dam_self;
	const struct aio_ring *r;

	if (DAM_LIKELY(me->aio_ctx == ctx))
		return;
	r = ring_of(ctx);
	me->aio_ctx = r ? ctx : 0;
	me->aio_tail = r ? __atomic_load_n(&r->tail, __ATOMIC_RELAXED) : 0;
	me->aio_inflight = 0;
}

/*
 * In flight: what this thread submitted less what has completed, by the tail that the kernel moves. Fewer
 * than a whole ring complete between two submissions. Return: false: not known, others use the context too.
 */
static bool inflight(unsigned long ctx, uint32_t submitted, uint32_t *out)
{
	struct dam_self *me = &dam_self;
	const struct aio_ring *r = me->aio_ctx == ctx ? ring_of(ctx) : NULL;
	uint32_t tail, completed;

	if (!r)
		return false;
	tail = __atomic_load_n(&r->tail, __ATOMIC_RELAXED);
	completed = (tail + r->nr - me->aio_tail) % r->nr;
	me->aio_tail = tail;
	me->aio_inflight += submitted;
	if (completed > me->aio_inflight) {
		me->aio_ctx = 0;
		return false;
	}
	me->aio_inflight -= completed;
	*out = me->aio_inflight;
	return true;
}

struct dam_slot *dam_aio_before(unsigned long ctx, long nr, struct iocb **iocbs)
{
	struct dam_slot *s = nr > 0 && iocbs && !dam_nested() ? dam_slot_mine() : NULL;

	if (!s)
		return NULL;
	follow(ctx);
	walk(s, iocbs, 0, nr, 1);
	dam_count_add(&s->submissions, 1);
	dam_self.outer = 1;
	return s;
}

void dam_aio_after(struct dam_slot *slot, unsigned long ctx, long nr, struct iocb **iocbs, long ret,
		   const void *caller)
{
	uint32_t busy;
	bool known;

	if (!slot)
		return;
	dam_self.outer = 0;
	if (dam_self.slot != slot)
		return;
	if (DAM_UNLIKELY(ret < nr))
		walk(slot, iocbs, ret > 0 ? ret : 0, nr, (uint64_t)-1);
	known = inflight(ctx, ret > 0 ? (uint32_t)ret : 0, &busy);
	if (DAM_UNLIKELY(dam_account_due())) {
		if (known)
			dam_account_inflight(slot, busy);
		/* not through iocbs: another thread may have reaped and freed them */
		dam_account_sample_slow(slot, dam_self.fd, caller);
	}
}
