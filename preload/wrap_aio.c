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

DAM_EXPORT DAM_HOT int io_submit(void *ctx, long nr, struct iocb *iocbs[])
{
	__typeof__(&io_submit) real = DAM_REAL(io_submit);
	struct dam_slot *slot;
	int ret;

	if (!real)
		return -ENOSYS;
	slot = dam_aio_before((unsigned long)ctx, nr, iocbs);
	/* the hook's last act, where it can be: see is_next() in wrap_uring.c */
	if (DAM_LIKELY(!slot || dam_self.outer == DAM_OUTER_LEAVES))
		return real(ctx, nr, iocbs);
	ret = real(ctx, nr, iocbs);
	dam_aio_after(slot, (unsigned long)ctx, nr, iocbs, ret, DAM_CALLER);
	return ret;
}

DAM_EXPORT int io_destroy(void *ctx)
{
	__typeof__(&io_destroy) real = DAM_REAL(io_destroy);

	if (!real)
		return -ENOSYS;
	dam_tear_down();
	return real(ctx);
}
