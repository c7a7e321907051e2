/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Every hooked call with arguments that fail, and some that do not: prints hook, row, result and errno; and whether a
 * cancellation that was pending is taken in the call. One row a line; --rows prints the hooks alone.
 */
#include "config.h"

#include <aio.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <liburing.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <threads.h>
#include <unistd.h>

/* Not constants, so that the compiler does not know better. */
static void *volatile bad = (void *)8;
static void *volatile null;
static volatile int many = 100000;
static struct aiocb *volatile no_list[1];
static struct aiocb64 *volatile no_list64[1];

static const int bad_fd = 1000000;

#define NR_NVME_IO 0xc0484e43ul
#define NR_SG_IO   0x2285ul

/* A descriptor for reading alone, one that does direct I/O, where there is such, and one end of a pipe. */
static int read_only, direct, pipe_end;
/* A ring whose descriptor is none, where there are rings. */
static struct io_uring ring;
static bool have_ring;
static struct io_uring_cqe *cqe;
static struct __kernel_timespec no_time;

static char byte;
static const struct iovec one = {&byte, 1};

/* libc has them; its headers have them under other names only, or not at all with _GNU_SOURCE. */
extern int libc_fcntl64(int fd, int cmd, ...) __asm__("fcntl64");

/* What the compiler makes of read() and pread() with _FORTIFY_SOURCE. */
ssize_t __read_chk(int fd, void *buf, size_t n, size_t size);
ssize_t __pread_chk(int fd, void *buf, size_t n, off_t at, size_t size);
ssize_t __pread64_chk(int fd, void *buf, size_t n, off64_t at, size_t size);

static bool open_all(void)
{
	int fd[2];

	read_only = open("/proc/self/exe", O_RDONLY);
	direct = open("/proc/self/exe", O_RDONLY | O_DIRECT);
	if (pipe(fd))
		return false;
	pipe_end = fd[0];
	have_ring = !io_uring_queue_init(4, &ring, 0);
	ring.ring_fd = bad_fd;
#ifdef IORING_ENTER_REGISTERED_RING /* liburing 2.2 has both */
	ring.enter_ring_fd = bad_fd;
#endif
	return read_only >= 0 && direct >= 0;
}

/* What waits for the end of something that began is no part of a row: there nothing is cancelled. */
static int hold_cancel(void)
{
	int old;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	return old;
}

static long posix_aio(int (*call)(struct aiocb *), int priority, struct sigevent event)
{
	static struct aiocb cb;
	const struct aiocb *wait[] = {&cb};
	long ret;
	int old;

	cb = (struct aiocb){.aio_fildes = bad_fd, .aio_reqprio = priority, .aio_sigevent = event};
	ret = call(&cb);
	if (ret)
		return ret;
	old = hold_cancel();
	while (aio_error(&cb) == EINPROGRESS)
		aio_suspend(wait, 1, NULL);
	pthread_setcancelstate(old, NULL);
	return 1000 + aio_error(&cb);
}

static int read64(struct aiocb *cb)
{
	return aio_read64((struct aiocb64 *)cb);
}

static int write64(struct aiocb *cb)
{
	return aio_write64((struct aiocb64 *)cb);
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

static int nothing_too(void *arg)
{
	return arg != NULL;
}

static long create(size_t stack)
{
	pthread_attr_t attr;
	pthread_t t;
	int ret, old;

	pthread_attr_init(&attr);
	if (stack)
		pthread_attr_setstacksize(&attr, stack);
	ret = pthread_create(&t, &attr, nothing, NULL);
	pthread_attr_destroy(&attr);
	if (ret)
		return ret;
	old = hold_cancel();
	pthread_join(t, NULL);
	pthread_setcancelstate(old, NULL);
	return ret;
}

static long create_c11(void)
{
	int ret, result = -1, old;
	thrd_t t;

	ret = thrd_create(&t, nothing_too, &byte);
	if (ret != thrd_success)
		return ret;
	old = hold_cancel();
	thrd_join(t, &result);
	pthread_setcancelstate(old, NULL);
	return 1000 + result;
}

static long all_closed(void)
{
	closefrom(bad_fd);
	return 0;
}

/* Entries are not taken by a ring that is none: they come again with the next call. */
static struct io_uring *with_entry(void)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	if (sqe)
		io_uring_prep_nop(sqe);
	return &ring;
}

static long queue_exit(void)
{
	struct io_uring r;
	int ret = io_uring_queue_init(4, &r, 0);

	if (ret)
		return ret;
	io_uring_queue_exit(&r);
	return fcntl(r.ring_fd, F_GETFD);
}

/* Those that the liburing of this machine may lack: -1000. */
static void *of_liburing(const char *name)
{
	void *h = dlopen("liburing.so.2", RTLD_LAZY | RTLD_NOLOAD);

	return h && dlsym(h, name) ? dlsym(RTLD_DEFAULT, name) : NULL;
}

static long min_timeout(void)
{
	int (*call)(struct io_uring *, struct io_uring_cqe **, unsigned int, struct __kernel_timespec *,
		    unsigned int, sigset_t *) = of_liburing("io_uring_submit_and_wait_min_timeout");

	return call ? call(with_entry(), &cqe, 1, &no_time, 1, NULL) : -1000;
}

static long wait_reg(void)
{
	int (*call)(struct io_uring *, struct io_uring_cqe **, unsigned int, int) =
		of_liburing("io_uring_submit_and_wait_reg");

	return call ? call(with_entry(), &cqe, 1, 0) : -1000;
}

static long close_ring_fd(void)
{
	int (*call)(struct io_uring *) = of_liburing("io_uring_close_ring_fd");

	return call ? call(&ring) : -1000;
}

#define RING(expr) (have_ring ? (expr) : -1000)

/* hook, row, call: each call in a function of its own below, so that the rows can be a table */
#define ROWS(X)                                                                                             \
	X(ioctl, ioctl_bad_fd, ioctl(bad_fd, FIONREAD, NULL))                                               \
	X(ioctl, ioctl_bad_arg, ioctl(0, TCGETS, bad))                                                      \
	X(ioctl, ioctl_nvme_bad_fd, ioctl(bad_fd, NR_NVME_IO, NULL))                                        \
	X(ioctl, ioctl_nvme_not_nvme, ioctl(0, NR_NVME_IO, bad))                                            \
	X(ioctl, ioctl_sg_not_sg, ioctl(0, NR_SG_IO, NULL))                                                 \
	X(read, read_bad_fd, read(bad_fd, &byte, 1))                                                        \
	X(read, read_minus, read(-1, &byte, 1))                                                             \
	X(read, read_bad_buf, read(read_only, bad, 1))                                                      \
	X(read, read_end, read(0, &byte, 1))                                                                \
	X(read, read_odd_direct, read(direct, &byte, 1))                                                    \
	X(write, write_bad_fd, write(bad_fd, &byte, 1))                                                     \
	X(write, write_read_only, write(read_only, &byte, 1))                                               \
	X(write, write_bad_buf, write(1, bad, 1))                                                           \
	X(pread, pread_bad_fd, pread(bad_fd, &byte, 1, 0))                                                  \
	X(pread, pread_before, pread(read_only, &byte, 1, -1))                                              \
	X(pread, pread_pipe, pread(pipe_end, &byte, 1, 0))                                                  \
	X(pread64, pread64_bad_fd, pread64(bad_fd, &byte, 1, 0))                                            \
	X(__read_chk, read_chk_bad_fd, __read_chk(bad_fd, &byte, 1, 1))                                     \
	X(__read_chk, read_chk_bad_buf, __read_chk(read_only, bad, 1, 1))                                   \
	X(__read_chk, read_chk_end, __read_chk(0, &byte, 1, 1))                                             \
	X(__pread_chk, pread_chk_pipe, __pread_chk(pipe_end, &byte, 1, 0, 1))                               \
	X(__pread64_chk, pread64_chk_bad_fd, __pread64_chk(bad_fd, &byte, 1, 0, 1))                         \
	X(pwrite, pwrite_bad_fd, pwrite(bad_fd, &byte, 1, 0))                                               \
	X(pwrite, pwrite_pipe, pwrite(pipe_end, &byte, 1, 0))                                               \
	X(pwrite64, pwrite64_bad_fd, pwrite64(bad_fd, &byte, 1, 0))                                         \
	X(readv, readv_bad_fd, readv(bad_fd, &one, 1))                                                      \
	X(readv, readv_bad_iov, readv(read_only, bad, 1))                                                   \
	X(readv, readv_many, readv(read_only, &one, many))                                                  \
	X(writev, writev_read_only, writev(read_only, &one, 1))                                             \
	X(preadv, preadv_bad_fd, preadv(bad_fd, &one, 1, 0))                                                \
	X(preadv, preadv_good, preadv(read_only, &one, 1, 0))                                               \
	X(preadv64, preadv64_bad_fd, preadv64(bad_fd, &one, 1, 0))                                          \
	X(pwritev, pwritev_read_only, pwritev(read_only, &one, 1, 0))                                       \
	X(pwritev64, pwritev64_bad_fd, pwritev64(bad_fd, &one, 1, 0))                                       \
	X(preadv2, preadv2_flags, preadv2(read_only, &one, 1, 0, 0x40000000))                               \
	X(preadv64v2, preadv64v2_bad_fd, preadv64v2(bad_fd, &one, 1, 0, 0))                                 \
	X(pwritev2, pwritev2_bad_fd, pwritev2(bad_fd, &one, 1, 0, 0))                                       \
	X(pwritev64v2, pwritev64v2_bad_fd, pwritev64v2(bad_fd, &one, 1, 0, 0))                              \
	X(copy_file_range, copy_bad_fd, copy_file_range(bad_fd, NULL, read_only, NULL, 1, 0))               \
	X(copy_file_range, copy_read_only, copy_file_range(read_only, NULL, read_only, NULL, 1, 0))         \
	X(copy_file_range, copy_flags, copy_file_range(read_only, NULL, direct, NULL, 1, 99))               \
	X(splice, splice_bad_fd, splice(bad_fd, NULL, read_only, NULL, 1, 0))                               \
	X(splice, splice_no_pipe, splice(direct, NULL, read_only, NULL, 1, 0))                              \
	X(sendfile, sendfile_bad_fd, sendfile(direct, bad_fd, NULL, 1))                                     \
	X(sendfile, sendfile_read_only, sendfile(read_only, direct, NULL, 1))                               \
	X(sendfile64, sendfile64_bad_fd, sendfile64(bad_fd, direct, NULL, 1))                               \
	X(aio_read, posix_aio_priority, posix_aio(aio_read, -1, (struct sigevent){0}))                      \
	X(aio_read, posix_aio_read, posix_aio(aio_read, 0, (struct sigevent){.sigev_notify = SIGEV_NONE}))  \
	X(aio_read64, posix_aio_read64, posix_aio(read64, -1, (struct sigevent){0}))                        \
	X(aio_write, posix_aio_write, posix_aio(aio_write, 0, (struct sigevent){.sigev_notify = SIGEV_NONE})) \
	X(aio_write64, posix_aio_write64, posix_aio(write64, -1, (struct sigevent){0}))                     \
	X(lio_listio, lio_mode, lio_listio(99, (struct aiocb **)no_list, 0, NULL))                          \
	X(lio_listio, lio_nothing, lio_listio(LIO_WAIT, (struct aiocb **)no_list, 0, NULL))                 \
	X(lio_listio64, lio64_mode, lio_listio64(99, (struct aiocb64 **)no_list64, 0, NULL))                \
	X(fcntl, fcntl_bad_fd, fcntl(bad_fd, F_GETFL))                                                      \
	X(fcntl, fcntl_set_bad_fd, fcntl(bad_fd, F_SETFL, O_NONBLOCK))                                      \
	X(fcntl, fcntl_dup_bad, fcntl(0, F_DUPFD, -1))                                                      \
	X(fcntl, fcntl_lock_bad, fcntl(read_only, F_GETLK, bad))                                            \
	X(fcntl, fcntl_set, fcntl(read_only, F_SETFL, O_NONBLOCK))                                          \
	X(fcntl, fcntl_unknown, fcntl(0, 99999, 0))                                                         \
	X(fcntl64, fcntl64_bad_fd, libc_fcntl64(bad_fd, F_SETFL, O_NONBLOCK))                               \
	X(close, close_bad, close(bad_fd))                                                                  \
	X(close, close_minus, close(-1))                                                                    \
	X(dup2, dup2_bad, dup2(bad_fd, 5))                                                                  \
	X(dup2, dup2_huge, dup2(0, bad_fd))                                                                 \
	X(dup3, dup3_same, dup3(0, 0, 0))                                                                   \
	X(dup3, dup3_flags, dup3(0, 5, 1))                                                                  \
	X(close_range, close_range_back, close_range(9, 5, 0))                                              \
	X(closefrom, closefrom_none, all_closed())                                                          \
	X(chroot, chroot_none, chroot("/nonexistent"))                                                      \
	X(chroot, chroot_bad, chroot(bad))                                                                  \
	X(mmap, mmap_bad_fd, mmap(NULL, 4096, PROT_READ, MAP_SHARED, bad_fd, 0))                            \
	X(mmap, mmap_no_len, mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))                  \
	X(mmap64, mmap64_bad_fd, mmap64(NULL, 4096, PROT_READ, MAP_SHARED, bad_fd, 0))                      \
	X(munmap, munmap_odd, munmap((void *)1, 4096))                                                      \
	X(munmap, munmap_none, munmap(NULL, 0))                                                             \
	X(prctl, prctl_unknown, prctl(99999, 0, 0, 0, 0))                                                   \
	X(prctl, prctl_seccomp_bad, prctl(PR_SET_SECCOMP, 99, 0, 0, 0))                                     \
	X(sched_setaffinity, setaffinity_bad, sched_setaffinity(-1, 8, bad))                                \
	X(sched_setaffinity, setaffinity_null, sched_setaffinity(0, 8, null))                               \
	X(sched_getaffinity, getaffinity_bad, sched_getaffinity(-1, 8, bad))                                \
	X(sched_getaffinity, getaffinity_small, sched_getaffinity(0, 1, bad))                               \
	X(pthread_setaffinity_np, setaffinity_np, affinity_np())                                            \
	X(pthread_getaffinity_np, getaffinity_np, getaffinity_np())                                         \
	X(pthread_create, thread, create(0))                                                                \
	X(pthread_create, thread_no_room, create((size_t)1 << 60))                                          \
	X(thrd_create, thread_c11, create_c11())                                                            \
	X(syscall, syscall_unknown, syscall(99999, 1, 2, 3))                                                \
	X(syscall, syscall_getppid, syscall(SYS_getppid) > 0)                                               \
	X(syscall, syscall_setaffinity, syscall(SYS_sched_setaffinity, -1, 8, 8))                           \
	X(syscall, syscall_getaffinity, syscall(SYS_sched_getaffinity, 0, 1, 8))                            \
	X(syscall, syscall_seccomp, syscall(SYS_seccomp, 99, 0, 0))                                         \
	X(syscall, syscall_prctl, syscall(SYS_prctl, 99999, 0, 0, 0, 0))                                    \
	X(syscall, syscall_uring_setup, syscall(SYS_io_uring_setup, 0, 8))                                  \
	X(syscall, syscall_uring_enter, syscall(SYS_io_uring_enter, bad_fd, 1, 0, 0, 0, 0))                 \
	X(syscall, syscall_uring_enter_file, syscall(SYS_io_uring_enter, 0, 1, 0, 0, 0, 0))                 \
	X(syscall, syscall_uring_register, syscall(SYS_io_uring_register, bad_fd, 2, 8, 1))                 \
	X(syscall, syscall_six, syscall(SYS_mmap, 0, 4096, PROT_READ, MAP_SHARED, bad_fd, 4096))            \
	X(syscall, syscall_aio, syscall(SYS_io_submit, 0, 1, 8))                                            \
	X(io_submit, aio, io_submit(NULL, 1, bad))                                                          \
	X(io_destroy, aio_destroy, io_destroy(NULL))                                                        \
	X(syscall, syscall_aio_destroy, syscall(SYS_io_destroy, 0))                                         \
	X(io_uring_setup, uring_setup, io_uring_setup(0, NULL))                                             \
	X(io_uring_enter, uring_enter, io_uring_enter((unsigned int)bad_fd, 1, 0, 0, NULL))                 \
	X(io_uring_enter2, uring_enter2, io_uring_enter2((unsigned int)bad_fd, 1, 0, 0, NULL, 8))           \
	X(io_uring_register, uring_register, io_uring_register((unsigned int)bad_fd, 2, NULL, 1))           \
	X(io_uring_submit, uring_submit, RING(io_uring_submit(with_entry())))                               \
	X(io_uring_submit_and_wait, uring_wait, RING(io_uring_submit_and_wait(with_entry(), 1)))            \
	X(io_uring_submit_and_wait_timeout, uring_timeout,                                                  \
	  RING(io_uring_submit_and_wait_timeout(with_entry(), &cqe, 1, &no_time, NULL)))                    \
	X(io_uring_submit_and_wait_min_timeout, uring_min_timeout, RING(min_timeout()))                     \
	X(io_uring_submit_and_wait_reg, uring_wait_reg, RING(wait_reg()))                                   \
	X(io_uring_submit_and_get_events, uring_events, RING(io_uring_submit_and_get_events(with_entry()))) \
	X(io_uring_register_files, uring_files, RING(io_uring_register_files(&ring, &bad_fd, 1)))           \
	X(io_uring_register_files_tags, uring_files_tags,                                                   \
	  RING(io_uring_register_files_tags(&ring, &bad_fd, NULL, 1)))                                      \
	X(io_uring_register_files_sparse, uring_files_sparse, RING(io_uring_register_files_sparse(&ring, 1))) \
	X(io_uring_register_files_update, uring_files_update,                                               \
	  RING(io_uring_register_files_update(&ring, 0, &bad_fd, 1)))                                       \
	X(io_uring_register_files_update_tag, uring_files_update_tag,                                       \
	  RING(io_uring_register_files_update_tag(&ring, 0, &bad_fd, NULL, 1)))                             \
	X(io_uring_unregister_files, uring_no_files, RING(io_uring_unregister_files(&ring)))                \
	X(io_uring_close_ring_fd, uring_close_fd, RING(close_ring_fd()))                                    \
	X(io_uring_queue_exit, uring_exit, RING(queue_exit()))

#define FUNCTION(hook, name, expr)       \
	static long row_##name(void)     \
	{                                \
		return (long)(expr);     \
	}
ROWS(FUNCTION)

#define ROW(hook, name, expr) {#hook, #name, row_##name},
static const struct row {
	const char *hook, *name;
	long (*call)(void);
} rows[] = {ROWS(ROW)};

/* One call, in a thread that is to be cancelled as soon as it lets that happen. */
static void *cancelled(void *arg)
{
	const struct row *r = arg;

	pthread_cancel(pthread_self());
	r->call();
	return NULL;
}

static const char *cancel_of(const struct row *r)
{
	void *result = NULL;
	pthread_t t;

	if (pthread_create(&t, NULL, cancelled, (void *)r) || pthread_join(t, &result))
		return "?";
	return result == PTHREAD_CANCELED ? "taken" : "pending";
}

int main(int argc, char **argv)
{
	const bool names = argc > 1 && !strcmp(argv[1], "--rows");

	if (!open_all())
		return 1;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		long ret;
		int err;

		if (names) {
			puts(rows[i].hook);
			continue;
		}
		errno = 12345; /* a call that succeeds leaves it alone */
		ret = rows[i].call();
		err = errno;
		printf("%s %s %ld %d %s\n", rows[i].hook, rows[i].name, ret, err, cancel_of(&rows[i]));
	}
	return 0;
}
