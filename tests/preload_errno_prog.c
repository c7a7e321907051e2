/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Every hooked call with arguments that fail, and some that do not: prints result and errno, one row a line. */
#include "config.h"

#include <errno.h>
#include <libaio.h>
#include <liburing.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Not constants, so that the compiler does not know better. */
static void *volatile bad = (void *)8;
static void *volatile null;

#define NR_NVME_IO 0xc0484e43ul
#define NR_SG_IO   0x2285ul

static long aio_lib(void)
{
	return io_submit(NULL, 1, bad);
}

static long aio_raw(void)
{
	return syscall(SYS_io_submit, 0, 1, 8);
}

static long affinity_np(void)
{
	return pthread_setaffinity_np(pthread_self(), 0, null);
}

static long getaffinity_np(void)
{
	return pthread_getaffinity_np(pthread_self(), 0, null);
}

static void *nothing(void *arg)
{
	return arg;
}

static long create(void)
{
	pthread_t t;
	int ret = pthread_create(&t, NULL, nothing, NULL);

	return ret ? ret : pthread_join(t, NULL);
}

static long uring_setup(void)
{
	return io_uring_setup(0, NULL);
}

#define ROW(call) {#call, row_##call}

static const int bad_fd = 1000000;

/* Each call in a function of its own, so that the rows can be a table. */
#define CALL(name, expr)                                                                           \
	static long row_##name(void)                                                               \
	{                                                                                          \
		return (long)(expr);                                                               \
	}
CALL(ioctl_bad_fd, ioctl(bad_fd, FIONREAD, NULL))
CALL(ioctl_bad_arg, ioctl(0, TCGETS, bad))
CALL(ioctl_nvme_bad_fd, ioctl(bad_fd, NR_NVME_IO, NULL))
CALL(ioctl_nvme_not_nvme, ioctl(0, NR_NVME_IO, bad))
CALL(ioctl_sg_not_sg, ioctl(0, NR_SG_IO, NULL))
CALL(close_bad, close(bad_fd))
CALL(close_minus, close(-1))
CALL(dup2_bad, dup2(bad_fd, 5))
CALL(dup2_huge, dup2(0, bad_fd))
CALL(dup3_same, dup3(0, 0, 0))
CALL(dup3_flags, dup3(0, 5, 1))
CALL(close_range_back, close_range(9, 5, 0))
CALL(mmap_bad_fd, mmap(NULL, 4096, PROT_READ, MAP_SHARED, bad_fd, 0))
CALL(mmap_no_len, mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
CALL(munmap_odd, munmap((void *)1, 4096))
CALL(munmap_none, munmap(NULL, 0))
CALL(prctl_unknown, prctl(99999, 0, 0, 0, 0))
CALL(prctl_seccomp_bad, prctl(PR_SET_SECCOMP, 99, 0, 0, 0))
CALL(setaffinity_bad, sched_setaffinity(-1, 8, bad))
CALL(setaffinity_null, sched_setaffinity(0, 8, null))
CALL(getaffinity_bad, sched_getaffinity(-1, 8, bad))
CALL(getaffinity_small, sched_getaffinity(0, 1, bad))
CALL(setaffinity_np, affinity_np())
CALL(getaffinity_np, getaffinity_np())
CALL(thread, create())
CALL(syscall_unknown, syscall(99999, 1, 2, 3))
CALL(syscall_getppid, syscall(SYS_getppid) > 0)
CALL(syscall_setaffinity, syscall(SYS_sched_setaffinity, -1, 8, 8))
CALL(syscall_getaffinity, syscall(SYS_sched_getaffinity, 0, 1, 8))
CALL(syscall_seccomp, syscall(SYS_seccomp, 99, 0, 0))
CALL(syscall_prctl, syscall(SYS_prctl, 99999, 0, 0, 0, 0))
CALL(syscall_uring_setup, syscall(SYS_io_uring_setup, 0, 8))
CALL(syscall_uring_enter, syscall(SYS_io_uring_enter, bad_fd, 1, 0, 0, 0, 0))
CALL(syscall_uring_enter_file, syscall(SYS_io_uring_enter, 0, 1, 0, 0, 0, 0))
CALL(syscall_uring_register, syscall(SYS_io_uring_register, bad_fd, 2, 8, 1))
CALL(syscall_six, syscall(SYS_mmap, 0, 4096, PROT_READ, MAP_SHARED, bad_fd, 4096))
CALL(aio, aio_lib())
CALL(aio_raw, aio_raw())
CALL(uring_setup, uring_setup())
CALL(uring_enter, io_uring_enter((unsigned int)bad_fd, 1, 0, 0, NULL))
CALL(uring_register, io_uring_register((unsigned int)bad_fd, 2, NULL, 1))

static const struct {
	const char *name;
	long (*call)(void);
} rows[] = {
	ROW(ioctl_bad_fd), ROW(ioctl_bad_arg), ROW(ioctl_nvme_bad_fd), ROW(ioctl_nvme_not_nvme),
	ROW(ioctl_sg_not_sg), ROW(close_bad), ROW(close_minus), ROW(dup2_bad), ROW(dup2_huge), ROW(dup3_same),
	ROW(dup3_flags), ROW(close_range_back), ROW(mmap_bad_fd), ROW(mmap_no_len), ROW(munmap_odd),
	ROW(munmap_none), ROW(prctl_unknown), ROW(prctl_seccomp_bad), ROW(setaffinity_bad),
	ROW(setaffinity_null), ROW(getaffinity_bad), ROW(getaffinity_small), ROW(setaffinity_np),
	ROW(getaffinity_np), ROW(thread), ROW(syscall_unknown), ROW(syscall_getppid), ROW(syscall_setaffinity),
	ROW(syscall_getaffinity), ROW(syscall_seccomp), ROW(syscall_prctl), ROW(syscall_uring_setup),
	ROW(syscall_uring_enter), ROW(syscall_uring_enter_file), ROW(syscall_uring_register), ROW(syscall_six),
	ROW(aio), ROW(aio_raw), ROW(uring_setup), ROW(uring_enter), ROW(uring_register),
};

int main(void)
{
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		long ret;

		errno = 12345; /* a call that succeeds leaves it alone */
		ret = rows[i].call();
		printf("%-24s %ld %d\n", rows[i].name, ret, errno);
	}
	return 0;
}
