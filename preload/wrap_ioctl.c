/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The hook on ioctl(). <sys/ioctl.h> is not included: it declares a variadic function, whose prologue costs
 * more than the rest of the hook. The third argument is passed the same way on every machine DAM runs on.
 */
#include "config.h"

#include <errno.h>

#include "preload/ioctls.h"
#include "preload/real.h"

int ioctl(int fd, unsigned long req, void *arg);

DAM_EXPORT int ioctl(int fd, unsigned long req, void *arg)
{
	__typeof__(&ioctl) real = DAM_REAL(ioctl);
	int ret;

	if (DAM_UNLIKELY(!real)) {
		errno = ENOSYS;
		return -1;
	}
	if (DAM_LIKELY(!dam_ioctl_may(req)))
		return real(fd, req, arg);
	ret = real(fd, req, arg);
	dam_ioctl_count(fd, req, arg, ret);
	return ret;
}
