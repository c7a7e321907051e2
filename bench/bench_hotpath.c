/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * What the interposer adds to one call, paired in one process that it is preloaded into: blocks of the real function
 * and of the wrapped one alternate, and the median difference of neighbours counts. Without a coordinator, then with
 * one. Usage: without arguments; the processes that measure are made by it, with one.
 */
#include "config.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <liburing.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/knobs.h"
#include "tests/preload_coord.h"

#define PAIRS 2001
#define BLOCK_NS 60000 /* length of one block, about */

static struct io_uring ring;
static io_context_t context;
static int null_fd, zero_fd, file_fd, pipe_fd[2];
static char buf[32][4096];

/* What is called: the C library's and liburing's, or the wrappers. */
static struct calls {
	int (*ioctl)(int fd, unsigned long req, ...);
	int (*submit)(struct io_uring *ring);
	int (*io_submit)(io_context_t ctx, long nr, struct iocb *iocbs[]);
	ssize_t (*read)(int fd, void *buf, size_t n);
	ssize_t (*write)(int fd, const void *buf, size_t n);
	int (*create)(pthread_t *t, const pthread_attr_t *attr, void *(*start)(void *), void *arg);
} plain, wrapped, use;
static long (*libc_syscall)(long nr, ...);

/* As libaio's, which would come by the hook on syscall(). */
static __attribute__((noinline)) int plain_io_submit(io_context_t ctx, long nr, struct iocb *iocbs[])
{
	long ret = libc_syscall(SYS_io_submit, ctx, nr, iocbs);

	return ret == -1 ? -errno : (int)ret;
}

static void call_ioctl(unsigned int n)
{
	int v;

	(void)n;
	use.ioctl(null_fd, FIONREAD, &v);
}

static void call_read(unsigned int n)
{
	(void)n;
	if (use.read(zero_fd, buf, 1) != 1)
		abort();
}

static void call_pipe(unsigned int n)
{
	(void)n;
	if (use.write(pipe_fd[1], buf, 1) != 1 || use.read(pipe_fd[0], buf, 1) != 1)
		abort();
}

static void reap(unsigned int n)
{
	struct io_uring_cqe *cqe;

	while (n--) {
		if (io_uring_wait_cqe(&ring, &cqe) || cqe->res < 0)
			abort();
		io_uring_cqe_seen(&ring, cqe);
	}
}

static void call_nops(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		io_uring_prep_nop(io_uring_get_sqe(&ring));
	use.submit(&ring);
	reap(n);
}

static void call_reads(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		io_uring_prep_read(io_uring_get_sqe(&ring), file_fd, buf[i], 512, i * 512);
	use.submit(&ring);
	reap(n);
}

static void call_aio(unsigned int n)
{
	struct iocb blocks[32], *all[32];
	struct io_event events[32];

	for (unsigned int i = 0; i < n; i++)
		io_prep_pread(all[i] = &blocks[i], file_fd, buf[i], 512, i * 512);
	if (use.io_submit(context, n, all) != (int)n || io_getevents(context, n, n, events, NULL) != (int)n)
		abort();
}

static void *no_work(void *arg)
{
	return arg;
}

static void call_thread(unsigned int n)
{
	pthread_t t;

	(void)n;
	if (use.create(&t, NULL, no_work, NULL) || pthread_join(t, NULL))
		abort();
}

static const struct row {
	const char *name;
	void (*call)(unsigned int n);
	unsigned int n;
	double aim_attached; /* ns; without a coordinator it is 3 a call */
} rows[] = {
	{"ioctl, no DMA device", call_ioctl, 0, 3},
	{"read of 1 byte, /dev/zero", call_read, 0, 3},
	{"write and read of a pipe", call_pipe, 0, 6},
	{"submit of 1 NOP", call_nops, 1, 10},
	{"submit of 8 NOPs", call_nops, 8, 31},
	{"submit of 32 NOPs", call_nops, 32, 103},
	{"submit of 1 read", call_reads, 1, 10},
	{"submit of 8 reads", call_reads, 8, 31},
	{"submit of 32 reads", call_reads, 32, 103},
	{"io_submit of 1 read", call_aio, 1, 10},
	{"io_submit of 32 reads", call_aio, 32, 103},
	{"create and join a thread", call_thread, 0, 1000}, /* of 10 µs and more */
};
static const struct row sampled = {"submit of 1 read", call_reads, 1, 10.0 * DAM_SAMPLE_DEFAULT};

static double block_ns(const struct row *r, unsigned int calls)
{
	uint64_t t = dam_now_ns();

	for (unsigned int i = 0; i < calls; i++)
		r->call(r->n);
	return (double)(dam_now_ns() - t) / calls;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v)
{
	qsort(v, PAIRS, sizeof(*v), compare);
	return v[PAIRS / 2];
}

/* Before anything is measured: to look a name up leaves the caches cold. Return: false: one is missing. */
static bool find_calls(void)
{
	/* by the library's own handle: not what is preloaded */
	void *libc = dlopen("libc.so.6", RTLD_NOW), *liburing = dlopen("liburing.so.2", RTLD_NOW);

	if (!libc || !liburing)
		return false;
	libc_syscall = (__typeof__(libc_syscall))dlsym(libc, "syscall");
	plain.ioctl = (__typeof__(plain.ioctl))dlsym(libc, "ioctl");
	plain.submit = (__typeof__(plain.submit))dlsym(liburing, "io_uring_submit");
	plain.io_submit = plain_io_submit;
	plain.read = (__typeof__(plain.read))dlsym(libc, "read");
	plain.write = (__typeof__(plain.write))dlsym(libc, "write");
	plain.create = (__typeof__(plain.create))dlsym(libc, "pthread_create");
	wrapped = (struct calls){ioctl, io_uring_submit, io_submit, read, write, pthread_create};
	return libc_syscall && plain.ioctl && plain.submit && plain.read && plain.write && plain.create &&
	       plain.read != wrapped.read;
}

static double measure(const struct row *r, double aim)
{
	static double alone[PAIRS], added[PAIRS];
	unsigned int calls;
	double first, p;

	use = plain;
	calls = 1 + (unsigned int)(BLOCK_NS / block_ns(r, 1000));
	for (int i = 0; i < PAIRS; i++) {
		/* who comes first changes, so that a drift of the clock rate favours neither */
		use = i & 1 ? wrapped : plain;
		first = block_ns(r, calls);
		use = i & 1 ? plain : wrapped;
		p = block_ns(r, calls);
		alone[i] = i & 1 ? p : first;
		added[i] = i & 1 ? first - p : p - first;
	}
	p = median(alone);
	first = median(added);
	printf("  %-26s %10.1f %+10.1f %8.0f   %s\n", r->name, p, first, aim, first <= aim ? "" : "over");
	if (r->call == call_thread)
		printf("  %-26s %10.3f (aim 1.10)\n", "the same, as a ratio", 1 + first / p);
	fflush(stdout);
	return first;
}

/* What it costs to look at one submission closely: whole stack, bytes, place. Rare, so no median of blocks shows it. */
static void measure_sampling(void)
{
	double ns = measure(&sampled, sampled.aim_attached);

	printf("  one in %d: %.1f ns a submission\n", DAM_SAMPLE_DEFAULT, ns / DAM_SAMPLE_DEFAULT);
	fflush(stdout);
}

enum how { ALONE, ATTACHED, SAMPLING };

static const char *const titles[] = {"hot path, no coordinator", "hot path, attached, sampling off",
				     "hot path, attached, every submission sampled"};

/* Runs the table in a process of its own. */
static pid_t run(enum how how)
{
	const char number[] = {(char)('0' + how), '\0'};
	pid_t pid = fork();

	if (pid)
		return pid;
	setenv("DAM_SAMPLE", how == SAMPLING ? "1" : "0", 1);
	setenv("LD_PRELOAD", DAM_BUILDDIR "/.libs/libdam_preload.so", 1);
	execl("/proc/self/exe", "bench_hotpath", number, (char *)NULL);
	_exit(1);
}

static int measure_all(enum how how)
{
	null_fd = open("/dev/null", O_RDWR);
	/* in the page cache of a file system that reads without a worker thread, as tmpfs does not */
	file_fd = open(DAM_BUILDDIR, O_RDWR | O_TMPFILE, 0600);
	zero_fd = open("/dev/zero", O_RDONLY);
	if (null_fd < 0 || zero_fd < 0 || file_fd < 0 || pipe(pipe_fd) || write(file_fd, buf, sizeof(buf)) != sizeof(buf))
		return 1;
	if (!find_calls() || io_uring_queue_init(64, &ring, 0) || io_setup(64, &context)) {
		fprintf(stderr, "bench_hotpath: not preloaded, or no io_uring or no libaio here\n");
		return 1;
	}
	printf("%s\n  %-26s %10s %10s %8s\n", titles[how], "", "plain ns", "added ns", "aim ns");
	for (unsigned int i = 0; how != SAMPLING && i < sizeof(rows) / sizeof(rows[0]); i++)
		measure(&rows[i], how == ATTACHED || !rows[i].n ? rows[i].aim_attached : 3);
	if (how == SAMPLING)
		measure_sampling();
	return 0;
}

int main(int argc, char **argv)
{
	static struct coord c;
	int bad;

	if (argc > 1)
		return measure_all(argv[1][0] == '0' ? ALONE : argv[1][0] == '1' ? ATTACHED : SAMPLING);
	coord_dir(&c);
	setenv("DAM_RUNTIME_DIR", c.dir, 1);
	bad = coord_reap(&c, run(ALONE));
	coord_start(&c, "/");
	bad |= coord_reap(&c, run(ATTACHED));
	bad |= coord_reap(&c, run(SAMPLING));
	if (!bad && c.nr != 2) {
		fprintf(stderr, "bench_hotpath: did not attach\n");
		bad = 1;
	}
	coord_stop(&c);
	coord_remove_dir(&c);
	return bad;
}
