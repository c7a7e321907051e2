/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Control blocks of io_submit(). A new opcode is a row. */
#include "config.h"
#include "preload/aio.h"

#include "preload/account.h"
#include "preload/depth.h"
#include "preload/nvme.h"
#include "preload/peek.h"
#include "preload/place.h"
#include "preload/teardown.h"

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

/* Return: how many were counted. */
static long walk(struct dam_slot *s, struct iocb **iocbs, long from, long nr, uint64_t sign)
{
	long counted = 0;

	for (long i = from; i < nr; i++) {
		const struct iocb *cb;
		uint64_t bytes;
		uint8_t index;

		/* the kernel stops at the first that it cannot read, and so do we */
		if (!dam_peek(&iocbs[i], sizeof(*iocbs)))
			return counted;
		cb = iocbs[i];
		if (!dam_peek(cb, sizeof(*cb)))
			return counted;
		if (cb->aio_lio_opcode >= OP_NR || ops[cb->aio_lio_opcode].len == LEN_NONE)
			continue;
		bytes = ops[cb->aio_lio_opcode].len == LEN_BYTES
				? cb->aio_nbytes
				: dam_iov_bytes((const void *)(uintptr_t)cb->aio_buf,
						cb->aio_nbytes);
		index = dam_place_index((int)cb->aio_fildes);
		if (index == DAM_ROUTE_IGNORE)
			continue;
		dam_account_io(s, index, (enum dam_dir)ops[cb->aio_lio_opcode].dir, bytes, 1, sign);
		counted++;
	}
	return counted;
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

/*
 * Before the first submission that the thread makes on a context: from here on it is followed. And anew where something
 * has been torn down: that context perhaps, and what was mapped where it is now is not.
 */
static void follow(unsigned long ctx)
{
	struct dam_self *me = &dam_self;
	const struct aio_ring *r;

	if (DAM_LIKELY(me->aio_ctx == ctx && me->aio_torn_down == dam_torn_down()))
		return;
	dam_peek_forget();
	me->aio_torn_down = dam_torn_down();
	r = ring_of(ctx);
	me->aio_ctx = r ? ctx : 0;
	me->aio_tail = r ? __atomic_load_n(&r->tail, __ATOMIC_RELAXED) : 0;
	me->aio_head = r ? __atomic_load_n(&r->head, __ATOMIC_RELAXED) : 0;
	me->aio_inflight = me->aio_unreaped = 0;
}

/*
 * In flight: what this thread submitted less what has completed, by the tail that the kernel moves, or has been taken
 * back, by the head. Fewer than a whole ring complete between two submissions. Return: false: not known, others use the
 * context too.
 */
static bool advance(unsigned long ctx)
{
	struct dam_self *me = &dam_self;
	const struct aio_ring *r = me->aio_ctx == ctx ? ring_of(ctx) : NULL;
	uint32_t tail, head, completed, reaped;

	if (!r)
		return false;
	head = __atomic_load_n(&r->head, __ATOMIC_RELAXED);
	tail = __atomic_load_n(&r->tail, __ATOMIC_RELAXED);
	completed = (tail + r->nr - me->aio_tail) % r->nr;
	reaped = (head + r->nr - me->aio_head) % r->nr;
	me->aio_tail = tail;
	me->aio_head = head;
	if (completed > me->aio_inflight || reaped > me->aio_unreaped) {
		me->aio_ctx = 0;
		return false;
	}
	me->aio_inflight -= completed;
	me->aio_unreaped -= reaped;
	return true;
}

static void look(unsigned long ctx, bool good, struct dam_depth *out)
{
	const struct dam_self *me = &dam_self;

	*out = (struct dam_depth){.ring = ctx,
				  .inflight = me->aio_unreaped,
				  .ready = me->aio_unreaped - me->aio_inflight,
				  .good = good};
}

static DAM_COLD void note_before(struct dam_slot *s, unsigned long ctx, bool good)
{
	struct dam_depth now;

	look(ctx, good, &now);
	dam_depth_before(s, &now);
}

struct dam_slot *dam_aio_before(unsigned long ctx, long nr, struct iocb **iocbs)
{
	struct dam_slot *s = nr > 0 && iocbs && !dam_nested() ? dam_slot_mine() : NULL;
	long counted;
	bool known;

	if (!s)
		return NULL;
	follow(ctx);
	/* before the call: after it another thread may have destroyed the context */
	known = advance(ctx);
	counted = walk(s, iocbs, 0, nr, 1);
	dam_count_add(&s->submissions, 1);
	if (known && !dam_self.aio_unreaped)
		dam_count_add(&s->depth_empty, 1);
	if (dam_depth_wanted())
		note_before(s, ctx, known && counted == nr);
	dam_self.outer = 1;
	return s;
}

static DAM_COLD void sample(struct dam_slot *s, unsigned long ctx, uint32_t taken, const void *caller)
{
	struct dam_depth now;
	bool known = false;

	if (dam_look_begin(dam_self.aio_torn_down)) {
		known = advance(ctx);
		dam_look_end();
	}
	if (known)
		dam_account_inflight(s, dam_self.aio_inflight);
	/* not through iocbs: another thread may have reaped and freed them */
	if (!dam_account_sample_slow(s, dam_self.fd, caller))
		return;
	look(ctx, known && taken <= dam_self.aio_unreaped, &now);
	/* io_submit() does the work of submitting itself, and never waits */
	now.fresh = now.good ? taken : 0;
	dam_depth_after(&now);
}

void dam_aio_after(struct dam_slot *slot, unsigned long ctx, long nr, struct iocb **iocbs, long ret,
		   const void *caller)
{
	uint32_t taken = ret > 0 ? (uint32_t)ret : 0;

	if (!slot)
		return;
	dam_self.outer = 0;
	if (dam_self.slot != slot)
		return;
	if (DAM_UNLIKELY(ret < nr))
		walk(slot, iocbs, taken, nr, (uint64_t)-1);
	dam_count_add(&slot->aio_ops, taken);
	dam_self.aio_inflight += taken;
	dam_self.aio_unreaped += taken;
	if (DAM_UNLIKELY(dam_account_due()))
		sample(slot, ctx, taken, caller);
}
