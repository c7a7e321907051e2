/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Filters of system calls that came with the process: are there any, and may calls of ours be made under them? */
#include "config.h"
#include "preload/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "base/sys.h"

/*
 * The number behind @key. In pieces: the line of the groups that stands before it has any length, and a thread's stack
 * may be small. Return: -ENOENT: there is none.
 */
static int find_number(long status, const char *key)
{
	size_t same = 0;
	char piece[256];
	int number = -ENOENT;
	long n;

	while ((n = dam_sys3(SYS_read, status, (long)piece, sizeof(piece))) > 0) {
		for (long i = 0; i < n; i++) {
			if (!key[same]) {
				if (piece[i] < '0' || piece[i] > '9')
					return number;
				number = (number < 0 ? 0 : number * 10) + piece[i] - '0';
			} else {
				same = piece[i] == key[same] ? same + 1 : piece[i] == key[0];
			}
		}
	}
	return n < 0 ? (int)n : number;
}

static int read_number(const char *path, const char *key)
{
	long fd = dam_sys6(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
	int ret;

	if (fd < 0)
		return fd == -ENOENT ? -EPERM : (int)fd; /* without /proc it will never be known */
	ret = find_number(fd, key);
	dam_sys3(SYS_close, fd, 0, 0);
	return ret;
}

/*
 * How many system call filters does a process have? Before Linux 5.9: is there any? open, read and close are no calls
 * that ld.so has not made already.
 */
static int filters_of(const char *status)
{
	int n = read_number(status, "\nSeccomp_filters:\t");

	if (n == -ENOENT)
		n = read_number(status, "\nSeccomp:\t");
	return n == -ENOENT ? 0 : n; /* a kernel that has no filters */
}

int dam_filter_any(void)
{
	int n = filters_of("/proc/self/status");

	return n > 0 ? -EPERM : n;
}

/* A filter beyond those of the container is a sandbox, in which somebody has executed this program. */
int dam_filter_ask(bool invited)
{
	int n = filters_of("/proc/self/status");

	if (n <= 0 || (invited && filters_of("/proc/1/status") >= n))
		return n < 0 ? n : 0;
	return -EPERM;
}
