/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Control blocks of io_submit(). A new opcode is a row. */
#include "config.h"
#include "preload/aio.h"

#include "preload/depth.h"
#include "preload/nvme.h"

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

static DAM_INLINE void count_one(struct dam_run *run, const struct iocb *cb)
{
	uint64_t row = cb->aio_lio_opcode < ROWS_NR ? ROWS >> 4 * cb->aio_lio_opcode : 0, bytes;
	uint8_t index;

	if (!(row & COUNTED))
		return;
	bytes = cb->aio_nbytes;
	if (DAM_UNLIKELY(row & IOV))
		bytes = iov_bytes(cb);
	index = dam_place_index((int)cb->aio_fildes);
	if (index != DAM_ROUTE_IGNORE)
		dam_run_add(run, index, row & WRITES ? DAM_DIR_WRITE : DAM_DIR_READ, bytes);
}

/* How many blocks could be read, and how many of them were counted. */
struct walked {
	uint32_t seen, counted;
};

/* Reads or writes alike, on the descriptor counted last: a batch is mostly that. Return: how many, from the first. */
static DAM_INLINE uint32_t count_alike(struct dam_run *run, struct iocb **iocbs, long nr)
{
	const long most = (long)((DAM_PEEK_PAGE - (uintptr_t)iocbs % DAM_PEEK_PAGE) / sizeof(*iocbs));
	const struct iocb *cb, *seen;
	uint32_t fd, i;
	uint16_t opcode;

	if (!dam_peek(iocbs, sizeof(*iocbs)) || !dam_peek(*iocbs, sizeof(**iocbs)))
		return 0;
	seen = *iocbs;
	opcode = seen->aio_lio_opcode;
	fd = seen->aio_fildes;
	if ((opcode & ~1u) | dam_place_unlike((int)fd))
		return 0;
	nr = nr < most ? nr : most;
	for (i = 0; i < nr; i++) {
		cb = iocbs[i];
		if (DAM_UNLIKELY(dam_peek_beside(cb, sizeof(*cb), seen))) {
			if (!dam_peek(cb, sizeof(*cb)))
				break;
			seen = cb;
		}
		if (DAM_UNLIKELY((cb->aio_lio_opcode ^ opcode) | (cb->aio_fildes ^ fd)))
			break;
		run->bytes += cb->aio_nbytes;
	}
	run->dir = (enum dam_dir)opcode;
	run->ops = i;
	return i;
}

static struct walked walk(struct dam_slot *s, struct iocb **iocbs, long nr, uint64_t sign)
{
	struct dam_run run = dam_run_begin(s, sign);
	uint32_t i = count_alike(&run, iocbs, nr);

	/* the kernel stops at the first that it cannot read, and so do we */
	for (; i < nr && dam_peek(&iocbs[i], sizeof(*iocbs)) && dam_peek(iocbs[i], sizeof(**iocbs)); i++)
		count_one(&run, iocbs[i]);
	dam_run_end(&run);
	return (struct walked){i, (uint32_t)run.counted};
}

#define AIO_RING_MAGIC 0xa10a10a1u

static inline const struct dam_aio_ring *ring_of(unsigned long ctx)
{
	const struct dam_aio_ring *r = (const struct dam_aio_ring *)ctx;

	return dam_peek(r, sizeof(*r)) && r->magic == AIO_RING_MAGIC && r->nr ? r : NULL;
}

/*
 * Before the first submission that the thread makes on a context: from here on it is followed. And anew where something
 * has been torn down: that context perhaps, and what was mapped where it is now is not.
 */
static DAM_COLD void follow(unsigned long ctx)
{
	struct dam_self *me = &dam_self;
	const struct dam_aio_ring *r;

	if (me->aio_seqs.torn_down != dam_torn_down()) {
		dam_peek_forget();
		me->aio_seqs.torn_down = dam_torn_down();
	}
	r = ring_of(ctx);
	me->aio_ctx = r ? ctx : 0;
	me->aio_nr = r ? r->nr : 0;
	me->aio_end = me->aio_tail = r ? __atomic_load_n(&r->tail, __ATOMIC_RELAXED) : 0;
}

/* From one place in a ring to another, less than once around. Others can write it: then any number. */
static inline uint32_t ahead(uint32_t from, uint32_t to)
{
	return to - from + (to < from ? dam_self.aio_nr : 0);
}

/* Work of this thread in a context: submitted and not completed, not taken back. */
struct pending {
	uint32_t inflight, unreaped;
};

/*
 * By the tail that the kernel moves, and the head: it never lets more be in flight than there is room for in the ring.
 * Fewer than a whole ring complete between two looks. Return: false: not known, others use the context too.
 */
static inline bool look_at(unsigned long ctx, struct pending *out)
{
	struct dam_self *me = &dam_self;
	const struct dam_aio_ring *r = DAM_LIKELY(me->aio_ctx == ctx) ? ring_of(ctx) : NULL;
	uint32_t tail, head, before;

	*out = (struct pending){0};
	if (DAM_UNLIKELY(!r))
		return false;
	head = __atomic_load_n(&r->head, __ATOMIC_RELAXED);
	tail = __atomic_load_n(&r->tail, __ATOMIC_RELAXED);
	before = me->aio_tail;
	me->aio_tail = tail;
	if (DAM_UNLIKELY(ahead(before, tail) > ahead(before, me->aio_end))) {
		me->aio_ctx = 0;
		return false;
	}
	*out = (struct pending){ahead(tail, me->aio_end), ahead(head, me->aio_end)};
	return true;
}

/* So many control blocks are submitted on the context that is followed; less than none: they were not, after all. */
static inline void add(struct dam_slot *s, int64_t nr)
{
	struct dam_self *me = &dam_self;

	int64_t end = me->aio_end + nr;

	dam_count_add(&s->aio_ops, (uint64_t)nr);
	if (!me->aio_nr)
		return;
	/* less than once around, as a rule, and a division is slow */
	if (DAM_UNLIKELY(end < 0 || end >= me->aio_nr))
		end = (end % me->aio_nr + me->aio_nr) % me->aio_nr;
	me->aio_end = (uint32_t)end;
}

static struct dam_depth depth_of(unsigned long ctx, const struct pending *p, bool good)
{
	return (struct dam_depth){
		.ring = ctx, .inflight = p->unreaped, .ready = p->unreaped - p->inflight, .good = good};
}

static DAM_COLD void note_before(struct dam_slot *s, unsigned long ctx, const struct pending *p, bool good)
{
	struct dam_depth now = depth_of(ctx, p, good);

	dam_depth_before(s, &now);
}

/* From here on dam_aio_same() knows blocks for the descriptor counted last. @ctx: 0: not known how the ring stands. */
static inline void note_like(struct dam_slot *s, unsigned long ctx)
{
	struct dam_self *me = &dam_self;

	me->aio_seqs.fds = me->fds_seq;
	me->aio_fd = me->fd;
	me->aio_sum = dam_account_where(s, me->index, DAM_DIR_READ);
	me->aio_ready = me->aio_inner && me->index < DAM_LEDGER_TARGETS ? ctx : 0;
}

DAM_HOT struct dam_slot *dam_aio_before(unsigned long ctx, long nr, struct iocb **iocbs)
{
	struct dam_self *me = &dam_self;
	struct dam_slot *s = nr > 0 && iocbs ? dam_slot_mine() : NULL;
	struct pending p;
	struct walked w;
	bool known;

	if (!s)
		return NULL;
	if (DAM_UNLIKELY(me->aio_ctx != ctx || me->aio_seqs.torn_down != dam_torn_down()))
		follow(ctx);
	/* before the call: after it another thread may have destroyed the context */
	known = look_at(ctx, &p);
	w = walk(s, iocbs, nr, 1);
	dam_count_add(&s->submissions, 1);
	if (known && !p.unreaped)
		dam_count_add(&s->depth_empty, 1);
	if (dam_depth_wanted())
		note_before(s, ctx, &p, known && w.counted == nr);
	/* the kernel takes all, as a rule: little is left to do after the call, when nothing of ours is in the cache */
	add(s, w.seen);
	note_like(s, known ? ctx : 0);
	return s;
}

static DAM_COLD void sample(struct dam_slot *s, unsigned long ctx, uint32_t taken, const void *caller)
{
	struct pending p = {0};
	struct dam_depth now;
	bool known = false;

	if (dam_look_begin(dam_self.aio_seqs.torn_down)) {
		known = look_at(ctx, &p);
		dam_look_end();
	}
	if (known)
		dam_account_inflight(s, p.inflight);
	/* not through iocbs: another thread may have reaped and freed them */
	if (!dam_account_sample_slow(s, dam_self.fd, caller))
		return;
	now = depth_of(ctx, &p, known && taken <= p.unreaped);
	/* io_submit() does the work of submitting itself, and never waits */
	now.fresh = now.good ? taken : 0;
	dam_depth_after(&now);
}

void dam_aio_refused(struct dam_slot *s, long nr, struct iocb **iocbs, long ret)
{
	long taken = ret > 0 ? ret : 0;

	/* a signal handler may have been here: then what was counted has moved elsewhere */
	if (s && dam_self.slot == s && taken < nr)
		add(s, -(int64_t)walk(s, iocbs + taken, nr - taken, (uint64_t)-1).seen);
}

void dam_aio_settle(struct dam_slot *s, unsigned long ctx, long nr, struct iocb **iocbs, long ret, const void *caller)
{
	dam_aio_refused(s, nr, iocbs, ret);
	if (dam_self.slot == s && dam_account_due())
		sample(s, ctx, ret > 0 ? (uint32_t)ret : 0, caller);
}
