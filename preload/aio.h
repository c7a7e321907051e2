/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* io_submit(): the kernel's own asynchronous I/O, by libaio or by syscall(). */
#ifndef DAM_PRELOAD_AIO_H
#define DAM_PRELOAD_AIO_H

#include <linux/aio_abi.h>

#include "preload/account.h"
#include "preload/peek.h"
#include "preload/place.h"
#include "preload/teardown.h"

/* The start of the completion ring that a context is the address of; part of the kernel's interface by use. */
struct dam_aio_ring {
	uint32_t id, nr, head, tail, magic, compat, incompat, header_length;
};

/** dam_aio_before() - count @nr blocks. Return: the slot they are counted in; NULL: none. Never faults. */
struct dam_slot *dam_aio_before(unsigned long ctx, long nr, struct iocb **iocbs);

/** dam_aio_settle() - the rest of dam_aio_after(), where there is any. */
DAM_COLD void dam_aio_settle(struct dam_slot *s, unsigned long ctx, long nr, struct iocb **iocbs, long ret,
			     const void *caller);

/** dam_aio_refused() - of @nr blocks that were counted the kernel took only @ret; negative: none. */
DAM_COLD void dam_aio_refused(struct dam_slot *s, long nr, struct iocb **iocbs, long ret);

/** dam_aio_after() - take back what the kernel did not take. @s: of dam_aio_before(); @ret: negative on error. */
static DAM_INLINE void dam_aio_after(struct dam_slot *s, unsigned long ctx, long nr, struct iocb **iocbs, long ret,
				     const void *caller)
{
	struct dam_self *me = &dam_self;

	if (!s)
		return;
	if (DAM_LIKELY(ret == nr && me->countdown))
		me->countdown--;
	else
		dam_aio_settle(s, ctx, nr, iocbs, ret, caller);
}

/**
 * dam_aio_same() - dam_aio_before() of one block that is like the last: same context, same descriptor, a plain read or
 * write, no sample; and the hook on syscall() sees to what the kernel does not take
 *
 * Return: false: it is not, and nothing was counted.
 */
static DAM_INLINE bool dam_aio_same(unsigned long ctx, struct iocb **iocbs)
{
	const struct dam_aio_ring *r = (const struct dam_aio_ring *)ctx;
	struct dam_self *me = &dam_self;
	uint32_t left = dam_account_left(), end = me->aio_end;
	const struct iocb *cb;
	struct dam_slot *s;

	/* as few jumps as can be: after a system call the processor does not know where they lead */
	if (DAM_UNLIKELY((me->epoch ^ __atomic_load_n(&dam_gate.epoch, __ATOMIC_ACQUIRE)) | (ctx ^ me->aio_ready) |
			 (me->aio_seqs.both ^ __atomic_load_n(&dam_gate.seqs.both, __ATOMIC_RELAXED)) |
			 left >> 31 | dam_peek_seen(iocbs, sizeof(*iocbs))))
		return false;
	cb = *iocbs;
	if (DAM_UNLIKELY(dam_peek_seen(cb, sizeof(*cb))))
		return false;
	if (DAM_UNLIKELY((cb->aio_lio_opcode & ~1u) | (cb->aio_fildes ^ (uint32_t)me->aio_fd)))
		return false;
	s = me->slot;
	dam_account_at(me->aio_sum + cb->aio_lio_opcode, cb->aio_nbytes, 1);
	dam_count_add(&s->submissions, 1);
	dam_count_add(&s->aio_ops, 1);
	if (__atomic_load_n(&r->head, __ATOMIC_RELAXED) == end)
		dam_count_add(&s->depth_empty, 1);
	me->aio_end = ++end == me->aio_nr ? 0 : end;
	me->countdown = left;
	me->outer = DAM_OUTER_LEAVES;
	return true;
}
_Static_assert(IOCB_CMD_PREAD == (int)DAM_DIR_READ && IOCB_CMD_PWRITE == (int)DAM_DIR_WRITE,
	       "a read's or write's opcode is its direction");

#endif
