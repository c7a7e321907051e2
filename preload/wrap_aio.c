/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The hook on libaio. */
#include "config.h"

#include <errno.h>

#include "preload/aio.h"
#include "preload/real.h"
#include "preload/site.h"
#include "preload/teardown.h"

/* libaio.h has a struct iocb of its own, with the layout of the kernel's. */
int io_submit(void *ctx, long nr, struct iocb *iocbs[]);

int io_destroy(void *ctx);

/* All that is not like the last. */
static DAM_APART int submit_other(void *ctx, long nr, struct iocb *iocbs[], const void *caller)
{
	__typeof__(&io_submit) real = DAM_REAL(io_submit);
	struct dam_self *me = &dam_self;
	struct dam_slot *slot;
	int ret;

	if (!real)
		return -ENOSYS;
	slot = dam_aio_before((unsigned long)ctx, nr, iocbs);
	if (DAM_LIKELY(me->aio_inner && (!slot || me->countdown))) {
		me->outer = slot ? DAM_OUTER_LEAVES : DAM_OUTER_PASSES;
		me->countdown -= slot != NULL;
		return real(ctx, nr, iocbs);
	}
	me->outer = DAM_OUTER_SETTLES;
	ret = real(ctx, nr, iocbs);
	me->aio_inner = !me->outer;
	me->outer = DAM_OUTER_NONE;
	dam_aio_after(slot, (unsigned long)ctx, nr, iocbs, ret, caller);
	return ret;
}

/* The call is the hook's last act, where it can be: see note_next() in wrap_uring.c. */
DAM_EXPORT DAM_HOT int io_submit(void *ctx, long nr, struct iocb *iocbs[])
{
	__typeof__(&io_submit) real = DAM_AT_HAND(io_submit);

	if (DAM_UNLIKELY(nr != 1 || !real || !dam_aio_same((unsigned long)ctx, iocbs)))
		return submit_other(ctx, nr, iocbs, DAM_CALLER);
	return real(ctx, nr, iocbs);
}

DAM_EXPORT int io_destroy(void *ctx)
{
	__typeof__(&io_destroy) real = DAM_REAL(io_destroy);

	if (!real)
		return -ENOSYS;
	dam_tear_down();
	return real(ctx);
}
