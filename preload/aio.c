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

/* Four bits a row, all of them in one constant: a table would be one more page for each submission to touch. */
#define COUNTED 1
#define IOV	2 /* aio_nbytes is a count of iovecs */
#define WRITES	4
#define ROW(opcode, what) ((uint64_t)(COUNTED | (what)) << 4 * (opcode))
#define ROWS                                                                                              \
	(ROW(IOCB_CMD_PREAD, 0) | ROW(IOCB_CMD_PWRITE, WRITES) | ROW(IOCB_CMD_PREADV, IOV) | ROW(IOCB_CMD_PWRITEV, IOV | WRITES))
#define ROWS_NR 16

static DAM_COLD uint64_t iov_bytes(const struct iocb *cb)
{
	return dam_iov_bytes((const void *)(uintptr_t)cb->aio_buf, cb->aio_nbytes);
}

/* Return: 1: counted; 0: there is nothing to count; -1: it cannot be read. */
static DAM_INLINE int count_one(struct dam_slot *s, struct iocb **iocb, uint64_t sign)
{
	const struct iocb *cb;
	uint64_t row, bytes;
	uint8_t index;

	if (!dam_peek(iocb, sizeof(*iocb)) || !dam_peek(*iocb, sizeof(**iocb)))
		return -1;
	cb = *iocb;
	row = cb->aio_lio_opcode < ROWS_NR ? ROWS >> 4 * cb->aio_lio_opcode : 0;
	if (!(row & COUNTED))
		return 0;
	bytes = cb->aio_nbytes;
	if (DAM_UNLIKELY(row & IOV))
		bytes = iov_bytes(cb);
	index = dam_place_index((int)cb->aio_fildes);
	if (index == DAM_ROUTE_IGNORE)
		return 0;
	dam_account_io(s, index, row & WRITES ? DAM_DIR_WRITE : DAM_DIR_READ, bytes, 1, sign);
	return 1;
}

/* How many blocks could be read, and how many of them were counted. */
struct walked {
	uint32_t seen, counted;
};

static struct walked walk(struct dam_slot *s, struct iocb **iocbs, long nr, uint64_t sign)
{
	struct walked w = {0};
	int one;

	/* the kernel stops at the first that it cannot read, and so do we */
	for (; w.seen < nr && (one = count_one(s, &iocbs[w.seen], sign)) >= 0; w.seen++)
		w.counted += (uint32_t)one;
	return w;
}

/* The start of the completion ring that a context is the address of; part of the kernel's interface by use. */
struct aio_ring {
	uint32_t id, nr, head, tail, magic, compat, incompat, header_length;
};
#define AIO_RING_MAGIC 0xa10a10a1u

static inline const struct aio_ring *ring_of(unsigned long ctx)
{
	const struct aio_ring *r = (const struct aio_ring *)ctx;

	return dam_peek(r, sizeof(*r)) && r->magic == AIO_RING_MAGIC ? r : NULL;
}

/*
 * Before the first submission that the thread makes on a context: from here on it is followed. And anew where something
 * has been torn down: that context perhaps, and what was mapped where it is now is not.
 */
static DAM_COLD void follow(unsigned long ctx)
{
	struct dam_self *me = &dam_self;
	const struct aio_ring *r;

	if (me->aio_torn_down != dam_torn_down()) {
		dam_peek_forget();
		me->aio_torn_down = dam_torn_down();
	}
	r = ring_of(ctx);
	me->aio_ctx = r ? ctx : 0;
	me->aio_tail = r ? __atomic_load_n(&r->tail, __ATOMIC_RELAXED) : 0;
	me->aio_head = r ? __atomic_load_n(&r->head, __ATOMIC_RELAXED) : 0;
	me->aio_inflight = me->aio_unreaped = 0;
}

/* From one place in a ring to another, less than once around. Others can write it: then any number. */
static inline uint32_t ahead(const struct aio_ring *r, uint32_t from, uint32_t to)
{
	return to - from + (to < from ? r->nr : 0);
}

/*
 * In flight: what this thread submitted less what has completed, by the tail that the kernel moves, or has been taken
 * back, by the head. Fewer than a whole ring complete between two submissions. Return: false: not known, others use the
 * context too.
 */
static inline bool advance(unsigned long ctx)
{
	struct dam_self *me = &dam_self;
	const struct aio_ring *r = DAM_LIKELY(me->aio_ctx == ctx) ? ring_of(ctx) : NULL;
	uint32_t tail, head, completed, reaped;

	if (DAM_UNLIKELY(!r))
		return false;
	head = __atomic_load_n(&r->head, __ATOMIC_RELAXED);
	tail = __atomic_load_n(&r->tail, __ATOMIC_RELAXED);
	completed = ahead(r, me->aio_tail, tail);
	reaped = ahead(r, me->aio_head, head);
	me->aio_tail = tail;
	me->aio_head = head;
	if (DAM_UNLIKELY(completed > me->aio_inflight || reaped > me->aio_unreaped)) {
		me->aio_ctx = 0;
		return false;
	}
	me->aio_inflight -= completed;
	me->aio_unreaped -= reaped;
	return true;
}

/* So many control blocks are submitted on the context that is followed; less than none: they were not, after all. */
static inline void add(struct dam_slot *s, int64_t nr)
{
	dam_count_add(&s->aio_ops, (uint64_t)nr);
	dam_self.aio_inflight += (uint32_t)nr;
	dam_self.aio_unreaped += (uint32_t)nr;
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

DAM_HOT struct dam_slot *dam_aio_before(unsigned long ctx, long nr, struct iocb **iocbs)
{
	struct dam_self *me = &dam_self;
	struct dam_slot *s = nr > 0 && iocbs ? dam_slot_mine() : NULL;
	struct walked w = {1, 1};
	bool known;

	if (!s)
		return NULL;
	if (DAM_UNLIKELY(me->aio_ctx != ctx || me->aio_torn_down != dam_torn_down()))
		follow(ctx);
	/* before the call: after it another thread may have destroyed the context */
	known = advance(ctx);
	if (DAM_UNLIKELY(nr != 1 || count_one(s, iocbs, 1) != 1))
		w = walk(s, iocbs, nr, 1);
	dam_count_add(&s->submissions, 1);
	if (known && !me->aio_unreaped)
		dam_count_add(&s->depth_empty, 1);
	if (dam_depth_wanted())
		note_before(s, ctx, known && w.counted == nr);
	/* the kernel takes all, as a rule: little is left to do after the call, when nothing of ours is in the cache */
	add(s, w.seen);
	me->outer = me->aio_inner && me->countdown ? DAM_OUTER_LEAVES : DAM_OUTER_SETTLES;
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

void dam_aio_settle(struct dam_slot *s, unsigned long ctx, long nr, struct iocb **iocbs, long ret, const void *caller)
{
	uint32_t taken = ret > 0 ? (uint32_t)ret : 0;

	/* a signal handler may have been here: then what was counted has moved elsewhere */
	if (dam_self.slot != s)
		return;
	if (taken < nr)
		add(s, -(int64_t)walk(s, iocbs + taken, nr - taken, (uint64_t)-1).seen);
	if (dam_account_due())
		sample(s, ctx, taken, caller);
}
