/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* System calls made in place: no errno, no cancellation point, nothing that a hook could catch. */
#ifndef DAM_BASE_SYS_H
#define DAM_BASE_SYS_H

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

static_assert(sizeof(long) == 8, "DAM is for 64-bit machines");

/**
 * dam_sys6() - system call @nr with up to six arguments; pointers are cast to long
 *
 * Return: what the kernel returned: -errno on failure (see dam_sys_failed() for calls that return
 * addresses). errno is unchanged. Context: any, signal handlers and half-started threads included.
 */
static inline long dam_sys6(long nr, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
#else
	int saved = errno;
	long ret = syscall(nr, a, b, c, d, e, f);

	if (ret == -1)
		ret = -errno;
	errno = saved;
	return ret;
#endif
}

/** dam_sys3() - dam_sys6() for the many calls that take three arguments or fewer. */
static inline long dam_sys3(long nr, long a, long b, long c)
{
#if defined(__x86_64__)
	long ret;

	__asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return ret;
#else
	return dam_sys6(nr, a, b, c, 0, 0, 0);
#endif
}

/** dam_sys_failed() - is @ret of dam_sys6() an error? Right for mmap(), whose addresses may look negative. */
static inline bool dam_sys_failed(long ret)
{
	return (unsigned long)ret > -4096ul;
}

#endif
