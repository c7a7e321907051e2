/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* io_submit(): the kernel's own asynchronous I/O, by libaio or by syscall(). */
#ifndef DAM_PRELOAD_AIO_H
#define DAM_PRELOAD_AIO_H

#include <linux/aio_abi.h>

#include "preload/self.h"

/**
 * dam_aio_before() - count @nr blocks, and note which hook settles them: enum dam_outer
 *
 * Return: the slot they are counted in; NULL: none. Never faults.
 */
struct dam_slot *dam_aio_before(unsigned long ctx, long nr, struct iocb **iocbs);

/** dam_aio_settle() - the rest of dam_aio_after(), where there is any. */
DAM_COLD void dam_aio_settle(struct dam_slot *s, unsigned long ctx, long nr, struct iocb **iocbs, long ret,
			     const void *caller);

/** dam_aio_after() - take back what the kernel did not take. @s: of dam_aio_before(); @ret: negative on error. */
static DAM_INLINE void dam_aio_after(struct dam_slot *s, unsigned long ctx, long nr, struct iocb **iocbs, long ret,
				     const void *caller)
{
	struct dam_self *me = &dam_self;

	if (!s)
		return;
	me->outer = DAM_OUTER_NONE;
	if (DAM_LIKELY(ret == nr && me->countdown))
		me->countdown--;
	else
		dam_aio_settle(s, ctx, nr, iocbs, ret, caller);
}

#endif
