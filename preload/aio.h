/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* io_submit(): the kernel's own asynchronous I/O, by libaio or by syscall(). */
#ifndef DAM_PRELOAD_AIO_H
#define DAM_PRELOAD_AIO_H

#include <linux/aio_abi.h>

#include "preload/self.h"

/** dam_aio_before() - count @nr blocks. Return: the slot they are counted in; NULL: none. Never faults. */
struct dam_slot *dam_aio_before(unsigned long ctx, long nr, struct iocb **iocbs);

/** dam_aio_after() - take back what the kernel did not take. @ret: negative on error. */
void dam_aio_after(struct dam_slot *slot, unsigned long ctx, long nr, struct iocb **iocbs,
		   long ret,
		   const void *caller);

#endif
