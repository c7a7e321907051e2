/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Stands between a hook and the function behind it. What is called from here between the end of a submission and its
 * return is what another thread may do at that moment.
 */
#include "config.h"

#include <dlfcn.h>
#include <libaio.h>
#include <liburing.h>

extern void (*preload_torn)(void);
void (*preload_torn)(void); /* NULL: nothing */

int io_uring_submit(struct io_uring *ring)
{
	__typeof__(&io_uring_submit) next = dlsym(RTLD_NEXT, "io_uring_submit");
	int ret = next(ring);

	if (preload_torn)
		preload_torn();
	return ret;
}

int io_submit(io_context_t ctx, long nr, struct iocb *iocbs[])
{
	__typeof__(&io_submit) next = dlsym(RTLD_NEXT, "io_submit");
	int ret = next(ctx, nr, iocbs);

	if (preload_torn)
		preload_torn();
	return ret;
}
