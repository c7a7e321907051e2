/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The hooks on ioctl() and fcntl(). Their headers are not included: they declare variadic functions, whose prologue
 * costs more than the rest of the hook. The third argument is passed the same way on every machine DAM runs on.
 */
#include "config.h"

#include <errno.h>
#include <linux/fcntl.h>

#include "preload/ioctls.h"
#include "preload/place.h"
#include "preload/real.h"
#include "preload/site.h"

int ioctl(int fd, unsigned long req, void *arg);
int fcntl(int fd, int cmd, void *arg);

DAM_EXPORT int ioctl(int fd, unsigned long req, void *arg)
{
	__typeof__(&ioctl) real = DAM_REAL(ioctl);
	int ret;

	if (DAM_UNLIKELY(!real))
		return (int)dam_real_errno(-ENOSYS);
	if (DAM_LIKELY(!dam_ioctl_may(req)))
		return real(fd, req, arg);
	ret = real(fd, req, arg);
	dam_ioctl_count(fd, req, arg, ret, DAM_CALLER);
	return ret;
}

/* An allocator may ask for flags before anything is set up: never looked up, as read() is not. */
DAM_EXPORT int fcntl(int fd, int cmd, void *arg)
{
	__typeof__(&fcntl) real = dam_real_known(DAM_REAL_fcntl);
	int ret;

	if (DAM_UNLIKELY(!real))
		return (int)dam_real_errno(dam_sys3(SYS_fcntl, fd, cmd, (long)arg));
	if (DAM_LIKELY(cmd != F_SETFL && cmd != F_DUPFD && cmd != F_DUPFD_CLOEXEC))
		return real(fd, cmd, arg);
	ret = real(fd, cmd, arg);
	if (cmd == F_SETFL)
		dam_place_reflag(fd);
	else
		dam_place_forget(ret);
	return ret;
}

extern __typeof__(fcntl) dam_fcntl64 __asm__("fcntl64")
	__attribute__((alias("fcntl"), visibility("default")));
