/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Every hooked call with arguments that fail, and some that do not: prints result and errno, one row a line. */
#include "config.h"

#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <liburing.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Not constants, so that the compiler does not know better. */
static void *volatile bad = (void *)8;
static void *volatile null;

static const int bad_fd = 1000000;

#define NR_NVME_IO 0xc0484e43ul
#define NR_SG_IO   0x2285ul

/* A descriptor for reading alone, one that does direct I/O, where there is such, and one end of a pipe. */
static int read_only, direct, pipe_end;

static bool open_all(void)
{
	int fd[2];

	read_only = open("/proc/self/exe", O_RDONLY);
	direct = open("/proc/self/exe", O_RDONLY | O_DIRECT);
	if (pipe(fd))
		return false;
	pipe_end = fd[0];
	return read_only >= 0 && direct >= 0;
}

static char byte;
static const struct iovec one = {&byte, 1};
static volatile int many = 100000; /* not a constant, either */
static struct aiocb *volatile no_list[1];

static long posix_aio(int (*call)(struct aiocb *), int priority, struct sigevent event)
{
	struct aiocb cb = {.aio_fildes = bad_fd, .aio_reqprio = priority, .aio_sigevent = event};
	const struct aiocb *wait[] = {&cb};
	long ret = call(&cb);

	if (ret)
		return ret;
	while (aio_error(&cb) == EINPROGRESS)
		aio_suspend(wait, 1, NULL);
	return 1000 + aio_error(&cb);
}

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
CALL(read_bad_fd, read(bad_fd, &byte, 1))
CALL(read_minus, read(-1, &byte, 1))
CALL(read_bad_buf, read(read_only, bad, 1))
CALL(read_end, read(0, &byte, 1))
CALL(read_odd_direct, read(direct, &byte, 1))
CALL(write_bad_fd, write(bad_fd, &byte, 1))
CALL(write_read_only, write(read_only, &byte, 1))
CALL(write_bad_buf, write(1, bad, 1))
CALL(pread_bad_fd, pread(bad_fd, &byte, 1, 0))
CALL(pread_before, pread(read_only, &byte, 1, -1))
CALL(pread_pipe, pread(pipe_end, &byte, 1, 0))
CALL(pwrite_bad_fd, pwrite(bad_fd, &byte, 1, 0))
CALL(pwrite_pipe, pwrite(pipe_end, &byte, 1, 0))
CALL(readv_bad_fd, readv(bad_fd, &one, 1))
CALL(readv_bad_iov, readv(read_only, bad, 1))
CALL(readv_many, readv(read_only, &one, many))
CALL(writev_read_only, writev(read_only, &one, 1))
CALL(preadv_bad_fd, preadv(bad_fd, &one, 1, 0))
CALL(preadv_good, preadv(read_only, &one, 1, 0))
CALL(pwritev_read_only, pwritev(read_only, &one, 1, 0))
CALL(preadv2_flags, preadv2(read_only, &one, 1, 0, 0x40000000))
CALL(pwritev2_bad_fd, pwritev2(bad_fd, &one, 1, 0, 0))
CALL(copy_bad_fd, copy_file_range(bad_fd, NULL, read_only, NULL, 1, 0))
CALL(copy_read_only, copy_file_range(read_only, NULL, read_only, NULL, 1, 0))
CALL(copy_flags, copy_file_range(read_only, NULL, direct, NULL, 1, 99))
CALL(posix_aio_priority, posix_aio(aio_read, -1, (struct sigevent){0}))
CALL(posix_aio_read, posix_aio(aio_read, 0, (struct sigevent){.sigev_notify = SIGEV_NONE}))
CALL(posix_aio_write, posix_aio(aio_write, 0, (struct sigevent){.sigev_notify = SIGEV_NONE}))
CALL(lio_mode, lio_listio(99, (struct aiocb **)no_list, 0, NULL))
CALL(lio_nothing, lio_listio(LIO_WAIT, (struct aiocb **)no_list, 0, NULL))
CALL(fcntl_bad_fd, fcntl(bad_fd, F_GETFL))
CALL(fcntl_set_bad_fd, fcntl(bad_fd, F_SETFL, O_NONBLOCK))
CALL(fcntl_dup_bad, fcntl(0, F_DUPFD, -1))
CALL(fcntl_lock_bad, fcntl(read_only, F_GETLK, bad))
CALL(fcntl_set, fcntl(read_only, F_SETFL, O_NONBLOCK))
CALL(fcntl_unknown, fcntl(0, 99999, 0))
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
	ROW(ioctl_sg_not_sg), ROW(read_bad_fd), ROW(read_minus), ROW(read_bad_buf), ROW(read_end),
	ROW(read_odd_direct), ROW(write_bad_fd), ROW(write_read_only), ROW(write_bad_buf), ROW(pread_bad_fd),
	ROW(pread_before), ROW(pread_pipe), ROW(pwrite_bad_fd), ROW(pwrite_pipe), ROW(readv_bad_fd),
	ROW(readv_bad_iov), ROW(readv_many), ROW(writev_read_only), ROW(preadv_bad_fd), ROW(preadv_good),
	ROW(pwritev_read_only), ROW(preadv2_flags), ROW(pwritev2_bad_fd), ROW(copy_bad_fd), ROW(copy_read_only),
	ROW(copy_flags), ROW(posix_aio_priority), ROW(posix_aio_read), ROW(posix_aio_write), ROW(lio_mode),
	ROW(lio_nothing), ROW(fcntl_bad_fd), ROW(fcntl_set_bad_fd), ROW(fcntl_dup_bad), ROW(fcntl_lock_bad),
	ROW(fcntl_set), ROW(fcntl_unknown), ROW(close_bad), ROW(close_minus), ROW(dup2_bad), ROW(dup2_huge), ROW(dup3_same),
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
	if (!open_all())
		return 1;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		long ret;

		errno = 12345; /* a call that succeeds leaves it alone */
		ret = rows[i].call();
		printf("%-24s %ld %d\n", rows[i].name, ret, errno);
	}
	return 0;
}
