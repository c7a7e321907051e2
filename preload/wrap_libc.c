/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Hooks on libc. */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <threads.h>
#include <unistd.h>

#include "preload/account.h"
#include "preload/birth.h"
#include "preload/depth.h"
#include "preload/pins.h"
#include "preload/place.h"
#include "preload/real.h"
#include "preload/ring.h"
#include "preload/seal.h"
#include "preload/site.h"

static long no_function(void)
{
	return dam_real_errno(-ENOSYS);
}

/* -- descriptors: only to forget what is known of them ------------------------------------------------- */

DAM_EXPORT int close(int fd)
{
	__typeof__(&close) real = DAM_REAL(close);

	dam_account_closing((unsigned int)fd, (unsigned int)fd);
	dam_place_forget(fd);
	return real ? real(fd) : (int)no_function();
}

DAM_EXPORT int dup2(int fd, int fd2)
{
	__typeof__(&dup2) real = DAM_REAL(dup2);

	if (fd != fd2) {
		dam_account_closing((unsigned int)fd2, (unsigned int)fd2);
		dam_place_forget(fd2);
	}
	return real ? real(fd, fd2) : (int)no_function();
}

DAM_EXPORT int dup3(int fd, int fd2, int flags)
{
	__typeof__(&dup3) real = DAM_REAL(dup3);

	if (fd != fd2) {
		dam_account_closing((unsigned int)fd2, (unsigned int)fd2);
		dam_place_forget(fd2);
	}
	return real ? real(fd, fd2, flags) : (int)no_function();
}

DAM_EXPORT int close_range(unsigned int first, unsigned int last, int flags)
{
	__typeof__(&close_range) real = DAM_REAL(close_range);

	if (!(flags & CLOSE_RANGE_CLOEXEC)) {
		dam_account_closing(first, last);
		dam_place_forget_range(first, last);
	}
	return real ? real(first, last, flags) : (int)no_function();
}

DAM_EXPORT void closefrom(int first)
{
	__typeof__(&closefrom) real = DAM_REAL(closefrom);

	dam_account_closing(first < 0 ? 0 : (unsigned int)first, UINT_MAX);
	dam_place_forget_range(first < 0 ? 0 : (unsigned int)first, DAM_FDS - 1);
	if (real)
		real(first);
}

/* -- another root: the coordinator's socket is not to be found from there, so it is asked before ------- */

DAM_EXPORT int chroot(const char *path)
{
	__typeof__(&chroot) real = DAM_REAL(chroot);

	dam_account_attach();
	return real ? real(path) : (int)no_function();
}

/* -- memory: only to know where the program has mapped a ring ------------------------------------------ */

/*
 * An allocator may map memory before anything is set up, dlsym() may allocate: so these two are never looked
 * up, only found by the constructor, and go to the kernel until then.
 */
DAM_EXPORT void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	__typeof__(&mmap) real = dam_real_known(DAM_REAL_mmap);
	void *ret;

	if (DAM_UNLIKELY(!real))
		return (void *)dam_real_errno(
			dam_sys6(SYS_mmap, (long)at, (long)len, prot, flags, fd, off));
	ret = real(at, len, prot, flags, fd, off);
	if (DAM_UNLIKELY(fd >= 0 && dam_ring_of(fd)) && ret != MAP_FAILED)
		dam_ring_mapped(fd, (uint64_t)off, ret);
	return ret;
}

/* off_t has 64 bits here: the same function */
DAM_EXPORT void *mmap64(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	return mmap(at, len, prot, flags, fd, off);
}

DAM_EXPORT int munmap(void *at, size_t len)
{
	__typeof__(&munmap) real = dam_real_known(DAM_REAL_munmap);

	dam_ring_unmapped(at, len);
	return real ? real(at, len)
		    : (int)dam_real_errno(dam_sys3(SYS_munmap, (long)at, (long)len, 0));
}

/* -- affinity: the program's own pins, and its own masks back ------------------------------------------ */

DAM_EXPORT int sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set)
{
	__typeof__(&sched_setaffinity) real = DAM_REAL(sched_setaffinity);
	int ret = real ? real(pid, size, set) : (int)no_function();

	if (ret == 0)
		dam_pins_note(pid);
	return ret;
}

DAM_EXPORT int pthread_setaffinity_np(pthread_t thread, size_t size, const cpu_set_t *set)
{
	__typeof__(&pthread_setaffinity_np) real = DAM_REAL(pthread_setaffinity_np);
	int ret = real ? real(thread, size, set) : ENOSYS;

	if (ret == 0)
		dam_pins_note(dam_pins_tid(thread));
	return ret;
}

DAM_EXPORT int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set)
{
	__typeof__(&sched_getaffinity) real = DAM_REAL(sched_getaffinity);
	int ret;

	dam_pins_settle();
	ret = real ? real(pid, size, set) : (int)no_function();
	if (ret == 0)
		dam_pins_hide(pid, set, size);
	return ret;
}

DAM_EXPORT int pthread_getaffinity_np(pthread_t thread, size_t size, cpu_set_t *set)
{
	__typeof__(&pthread_getaffinity_np) real = DAM_REAL(pthread_getaffinity_np);
	int ret;

	dam_pins_settle();
	ret = real ? real(thread, size, set) : ENOSYS;
	if (ret == 0)
		dam_pins_hide(dam_pins_tid(thread), set, size);
	return ret;
}

/* -- threads: a new one claims its slot when it first submits, and may be placed at birth --------------- */

DAM_EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *),
			      void *arg)
{
	__typeof__(&pthread_create) real = DAM_REAL(pthread_create);

	struct dam_birth *birth;
	int ret;

	dam_site_prepare(DAM_CALLER);
	if (!real)
		return EAGAIN;
	birth = dam_birth_prepare(attr, (void (*)(void))start, arg);
	if (!birth)
		return real(thread, attr, start, arg);
	ret = real(thread, attr, dam_birth_thread, birth);
	if (ret)
		dam_birth_cancel(birth);
	return ret;
}

DAM_EXPORT int thrd_create(thrd_t *thread, thrd_start_t start, void *arg)
{
	__typeof__(&thrd_create) real = DAM_REAL(thrd_create);

	struct dam_birth *birth;
	int ret;

	dam_site_prepare(DAM_CALLER);
	if (!real)
		return thrd_error;
	birth = dam_birth_prepare(NULL, (void (*)(void))start, arg);
	if (!birth)
		return real(thread, start, arg);
	ret = real(thread, dam_birth_thrd, birth);
	if (ret != thrd_success)
		dam_birth_cancel(birth);
	return ret;
}

/* -- system call filters --------------------------------------------------------------------------------- */

DAM_EXPORT int prctl(int op, ...)
{
	int (*real)(int, ...) = DAM_REAL(prctl);
	unsigned long a[4];
	va_list ap;
	int ret;

	va_start(ap, op);
	for (int i = 0; i < 4; i++)
		a[i] = va_arg(ap, unsigned long);
	va_end(ap);
	if (!real)
		return (int)no_function();
	if (op == PR_SET_TSC && a[0] == PR_TSC_SIGSEGV)
		dam_depth_blind = true;
	if (op != PR_SET_SECCOMP)
		return real(op, a[0], a[1], a[2], a[3]);
	dam_seal();
	ret = real(op, a[0], a[1], a[2], a[3]);
	if (ret < 0)
		dam_unseal();
	return ret;
}
