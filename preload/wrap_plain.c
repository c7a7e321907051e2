/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Hooks on plain I/O. Without DMA each is a jump to the real function, so that a cancellation, a signal or a
 * stack trace finds what it would without the library. off_t has 64 bits here: read64 and the like are aliases.
 */
#include "config.h"

#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "preload/plain.h"
#include "preload/real.h"
#include "preload/site.h"

/* What read() and pread() are in a program that is built with _FORTIFY_SOURCE; @size: the buffer's. */
ssize_t __read_chk(int fd, void *buf, size_t n, size_t size);
ssize_t __pread_chk(int fd, void *buf, size_t n, off_t at, size_t size);

#define ALIAS(name, other)                                          \
	extern __typeof__(name) dam_alias_##other __asm__(#other)   \
		__attribute__((alias(#name), visibility("default")))

/*
 * One hook: a look at the descriptor, and off. What may be DMA goes another way, so that this one needs no stack.
 * @unknown: what to do where the real function has not been found.
 */
#define HOOK(name, dir, params, args, unknown)                              \
	static __attribute__((noinline)) ssize_t counted_##name params      \
	{                                                                   \
		__typeof__(&(name)) real = dam_real_known(DAM_REAL_##name); \
		bool dma = dam_plain_dma(fd);                               \
		ssize_t ret = real args;                                    \
                                                                            \
		if (dma)                                                    \
			dam_plain_count(fd, dir, ret, DAM_CALLER);          \
		return ret;                                                 \
	}                                                                   \
	DAM_EXPORT ssize_t name params                                      \
	{                                                                   \
		__typeof__(&(name)) real = dam_real_known(DAM_REAL_##name); \
                                                                            \
		if (DAM_UNLIKELY(!real))                                    \
			return unknown;                                     \
		if (DAM_LIKELY(dam_plain_not(fd)))                          \
			return real args;                                   \
		return counted_##name args;                                 \
	}

/*
 * An allocator may call these before anything is set up, a handler at any time: never looked up, only found by the
 * constructor, and until then the kernel is asked.
 */
HOOK(read, DAM_DIR_READ, (int fd, void *buf, size_t n), (fd, buf, n),
     dam_real_errno(dam_sys3(SYS_read, fd, (long)buf, (long)n)))
HOOK(write, DAM_DIR_WRITE, (int fd, const void *buf, size_t n), (fd, buf, n),
     dam_real_errno(dam_sys3(SYS_write, fd, (long)buf, (long)n)))
HOOK(pread, DAM_DIR_READ, (int fd, void *buf, size_t n, off_t at), (fd, buf, n, at),
     dam_real_errno(dam_sys6(SYS_pread64, fd, (long)buf, (long)n, at, 0, 0)))
HOOK(pwrite, DAM_DIR_WRITE, (int fd, const void *buf, size_t n, off_t at), (fd, buf, n, at),
     dam_real_errno(dam_sys6(SYS_pwrite64, fd, (long)buf, (long)n, at, 0, 0)))
HOOK(readv, DAM_DIR_READ, (int fd, const struct iovec *iov, int nr), (fd, iov, nr),
     dam_real_errno(dam_sys3(SYS_readv, fd, (long)iov, nr)))
HOOK(writev, DAM_DIR_WRITE, (int fd, const struct iovec *iov, int nr), (fd, iov, nr),
     dam_real_errno(dam_sys3(SYS_writev, fd, (long)iov, nr)))

/* Before the constructor nobody ends the program for a buffer that is too small: it is not overrun, that is all. */
HOOK(__read_chk, DAM_DIR_READ, (int fd, void *buf, size_t n, size_t size), (fd, buf, n, size),
     dam_real_errno(dam_sys3(SYS_read, fd, (long)buf, (long)(n < size ? n : size))))
HOOK(__pread_chk, DAM_DIR_READ, (int fd, void *buf, size_t n, off_t at, size_t size),
     (fd, buf, n, at, size),
     dam_real_errno(dam_sys6(SYS_pread64, fd, (long)buf, (long)(n < size ? n : size), at, 0, 0)))

/* The others are looked up when first called. */
#define LATE(name, args)                                                                           \
	(dam_real_find(DAM_REAL_##name) ? counted_##name args : dam_real_errno(-ENOSYS))
HOOK(preadv, DAM_DIR_READ, (int fd, const struct iovec *iov, int nr, off_t at), (fd, iov, nr, at),
     LATE(preadv, (fd, iov, nr, at)))
HOOK(pwritev, DAM_DIR_WRITE, (int fd, const struct iovec *iov, int nr, off_t at), (fd, iov, nr, at),
     LATE(pwritev, (fd, iov, nr, at)))
HOOK(preadv2, DAM_DIR_READ, (int fd, const struct iovec *iov, int nr, off_t at, int flags),
     (fd, iov, nr, at, flags), LATE(preadv2, (fd, iov, nr, at, flags)))
HOOK(pwritev2, DAM_DIR_WRITE, (int fd, const struct iovec *iov, int nr, off_t at, int flags),
     (fd, iov, nr, at, flags), LATE(pwritev2, (fd, iov, nr, at, flags)))
ALIAS(pread, pread64);
ALIAS(pwrite, pwrite64);
ALIAS(__pread_chk, __pread64_chk);
ALIAS(preadv, preadv64);
ALIAS(pwritev, pwritev64);
ALIAS(preadv2, preadv64v2);
ALIAS(pwritev2, pwritev64v2);

/* One hook on a call that reads @in and writes @out. */
#define COPY_HOOK(name, params, args)                                      \
	DAM_EXPORT ssize_t name params                                     \
	{                                                                  \
		__typeof__(&(name)) real = DAM_REAL(name);                 \
		bool from, to;                                             \
		ssize_t ret;                                               \
                                                                           \
		if (DAM_UNLIKELY(!real))                                   \
			return dam_real_errno(-ENOSYS);                    \
		if (DAM_LIKELY(dam_plain_not(in) && dam_plain_not(out)))   \
			return real args;                                  \
		from = !dam_plain_not(in) && dam_plain_dma(in);            \
		to = !dam_plain_not(out) && dam_plain_dma(out);            \
		ret = real args;                                           \
		if (from)                                                  \
			dam_plain_count(in, DAM_DIR_READ, ret, DAM_CALLER); \
		if (to)                                                    \
			dam_plain_count(out, DAM_DIR_WRITE, ret, DAM_CALLER); \
		return ret;                                                \
	}

COPY_HOOK(copy_file_range, (int in, off_t *in_at, int out, off_t *out_at, size_t n, unsigned int flags),
	  (in, in_at, out, out_at, n, flags))
COPY_HOOK(splice, (int in, off_t *in_at, int out, off_t *out_at, size_t n, unsigned int flags),
	  (in, in_at, out, out_at, n, flags))
COPY_HOOK(sendfile, (int out, int in, off_t *at, size_t n), (out, in, at, n))
ALIAS(sendfile, sendfile64) __THROW;

/* -- POSIX aio: libc's own threads do the work, by calls that no hook sees; the thread that asks is counted -- */

DAM_EXPORT int aio_read(struct aiocb *cb)
{
	__typeof__(&aio_read) real = DAM_REAL(aio_read);
	int ret;

	if (!real)
		return (int)dam_real_errno(-ENOSYS);
	dam_plain_aio(&cb, 1, DAM_DIR_READ, 1);
	ret = real(cb);
	if (ret)
		dam_plain_aio(&cb, 1, DAM_DIR_READ, (uint64_t)-1);
	return ret;
}

DAM_EXPORT int aio_write(struct aiocb *cb)
{
	__typeof__(&aio_write) real = DAM_REAL(aio_write);
	int ret;

	if (!real)
		return (int)dam_real_errno(-ENOSYS);
	dam_plain_aio(&cb, 1, DAM_DIR_WRITE, 1);
	ret = real(cb);
	if (ret)
		dam_plain_aio(&cb, 1, DAM_DIR_WRITE, (uint64_t)-1);
	return ret;
}

DAM_EXPORT int lio_listio(int mode, struct aiocb *const *list, int nr, struct sigevent *event)
{
	__typeof__(&lio_listio) real = DAM_REAL(lio_listio);
	int ret;

	if (!real)
		return (int)dam_real_errno(-ENOSYS);
	dam_plain_aio(list, nr, -1, 1);
	ret = real(mode, list, nr, event);
	/* EIO: accepted, and some failed; EINTR: only the wait was broken off */
	if (ret && errno != EIO && errno != EINTR)
		dam_plain_aio(list, nr, -1, (uint64_t)-1);
	return ret;
}

ALIAS(aio_read, aio_read64) __THROW;
ALIAS(aio_write, aio_write64) __THROW;
ALIAS(lio_listio, lio_listio64) __THROW;
