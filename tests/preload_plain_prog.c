/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * A program that knows nothing of DAM: plain reads and writes, by every call there is, and POSIX aio; prints what
 * each thread did: "tid read_bytes read_ops write_bytes write_ops". Usage: FILE MODE THREADS ROUNDS
 * The first thread of mode "late" is held up in the midst of its first submission, until the second has made its own.
 */
#include "config.h"

#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 4096
#define END   (1 << 20) /* of the file */

struct did {
	unsigned long long bytes[2], ops[2]; /* read, written */
};

/* What the compiler makes of read() and pread() with _FORTIFY_SOURCE. */
ssize_t __read_chk(int fd, void *buf, size_t n, size_t size);
ssize_t __pread_chk(int fd, void *buf, size_t n, off_t at, size_t size);
ssize_t __pread64_chk(int fd, void *buf, size_t n, off64_t at, size_t size);

static void *volatile nowhere = (void *)8; /* not a constant: the compiler need not know */
static const char *path;
static int rounds, flags = O_RDWR | O_DIRECT;

static void note(struct did *d, int write, ssize_t ret, ssize_t want)
{
	if (ret != want) {
		fprintf(stderr, "%zd instead of %zd: %s\n", ret, want, strerror(errno));
		exit(4);
	}
	d->bytes[write] += (unsigned long long)ret;
	d->ops[write] += ret > 0;
}

static int open_or_die(void)
{
	int fd = open(path, flags);

	if (fd < 0)
		exit(3);
	return fd;
}

static void by_posix_aio(int fd, char *buf, struct did *d)
{
	struct aiocb a = {.aio_fildes = fd, .aio_buf = buf, .aio_nbytes = BLOCK, .aio_offset = 0};
	struct aiocb b = a, nop = a, *list[] = {&a, NULL, &nop, &b};
	const struct aiocb *wait[] = {&a};

	a.aio_lio_opcode = LIO_READ;
	b.aio_lio_opcode = LIO_WRITE;
	b.aio_buf = buf + BLOCK;
	b.aio_offset = BLOCK;
	nop.aio_lio_opcode = LIO_NOP;
	if (lio_listio(LIO_WAIT, list, 4, NULL))
		exit(5);
	note(d, 0, aio_return(&a), BLOCK);
	note(d, 1, aio_return(&b), BLOCK);
	for (int write = 0; write < 2; write++) {
		if (write ? aio_write(&a) : aio_read(&a))
			exit(6);
		while (aio_error(&a) == EINPROGRESS)
			aio_suspend(wait, 1, NULL);
		note(d, write, aio_return(&a), BLOCK);
	}
}

/* Page by page through a pipe: what a program does that copies without touching the bytes. */
static void by_pipe(int fd, struct did *d)
{
	off_t from = 0, to = END / 2;
	int pipes[2];

	if (pipe(pipes))
		exit(4);
	note(d, 0, splice(fd, &from, pipes[1], NULL, BLOCK, 0), BLOCK);
	note(d, 1, splice(pipes[0], NULL, fd, &to, BLOCK, 0), BLOCK);
	from = 0;
	note(d, 0, sendfile(pipes[1], fd, &from, BLOCK), BLOCK);
	note(d, 1, splice(pipes[0], NULL, fd, &to, BLOCK, 0), BLOCK);
	close(pipes[0]);
	close(pipes[1]);
}

static void by_every_call(struct did *d, char *buf)
{
	struct iovec v[2] = {{buf, BLOCK}, {buf + BLOCK, BLOCK}};
	int fd = open_or_die();
	off_t from = 0, to = END / 2;
	ssize_t ret;

	note(d, 0, read(fd, buf, BLOCK), BLOCK);
	note(d, 1, write(fd, buf, 2 * BLOCK), 2 * BLOCK);
	note(d, 0, readv(fd, v, 2), 2 * BLOCK);
	note(d, 1, writev(fd, v, 1), BLOCK);
	note(d, 0, pread(fd, buf, BLOCK, BLOCK), BLOCK);
	note(d, 1, pwrite(fd, buf, BLOCK, BLOCK), BLOCK);
	note(d, 0, preadv(fd, v, 2, 0), 2 * BLOCK);
	note(d, 1, pwritev(fd, v, 2, 0), 2 * BLOCK);
	note(d, 0, preadv2(fd, v, 1, 0, 0), BLOCK);
	note(d, 1, pwritev2(fd, v, 1, 0, 0), BLOCK);
	note(d, 0, __read_chk(fd, buf, BLOCK, 2 * BLOCK), BLOCK);
	note(d, 0, __pread_chk(fd, buf, 2 * BLOCK, 0, 2 * BLOCK), 2 * BLOCK);
	note(d, 0, __pread64_chk(fd, buf, BLOCK, BLOCK, 2 * BLOCK), BLOCK);
	/* what was asked for is not what was done */
	note(d, 0, pread(fd, buf, 2 * BLOCK, END - BLOCK), BLOCK);
	note(d, 0, pread(fd, buf, BLOCK, END), 0);
	ret = copy_file_range(fd, &from, fd, &to, BLOCK, 0);
	if (ret > 0) {
		note(d, 0, ret, ret);
		note(d, 1, ret, ret);
	}
	by_pipe(fd, d);
	by_posix_aio(fd, buf, d);
	if (pread(-1, buf, BLOCK, 0) != -1 || pread(fd, nowhere, BLOCK, 0) != -1)
		exit(7);
	close(fd);
}

/* Opened for the page cache, used, and only then made direct. */
static void by_flag(struct did *d, char *buf)
{
	int fd = open_or_die();

	note(&(struct did){0}, 0, pread(fd, buf, 100, 0), 100);
	if (fcntl(fd, F_SETFL, O_DIRECT))
		exit(8);
	note(d, 0, pread(fd, buf, BLOCK, 0), BLOCK);
	if (fcntl(fd, F_SETFL, 0))
		exit(8);
	note(&(struct did){0}, 0, pread(fd, buf, 100, 0), 100);
	close(fd);
}

/* A descriptor that is closed where no hook sees it, and comes back as another file. */
static void by_reuse(struct did *d, char *buf)
{
	FILE *f = fopen(path, "r");
	int was = fileno(f), fd;

	note(&(struct did){0}, 0, pread(was, buf, 100, 0), 100);
	fclose(f);
	fd = open(path, O_RDONLY | O_DIRECT);
	if (fd != was)
		exit(9);
	for (int i = 0; i < 3000; i++)
		note(d, 0, pread(fd, buf, 512, 0), 512);
	close(fd);
}

/* -- the library takes the time, before it looks whether there is anything to do -- */

static __thread int held_up; /* the next time that the thread takes is an old one when it gets it */
static struct timespec old;
static sem_t looked, submitted;

int clock_gettime(clockid_t id, struct timespec *out)
{
	int ret = (int)syscall(SYS_clock_gettime, id, out);

	if (held_up && id == CLOCK_MONOTONIC_COARSE) {
		held_up = 0;
		old = *out;
		sem_post(&looked);
		while (sem_wait(&submitted))
			;
	}
	return ret;
}

static void by_late(struct did *d, char *buf)
{
	static int threads;
	bool first = !__atomic_fetch_add(&threads, 1, __ATOMIC_RELAXED);
	struct timespec now;
	int fd = open_or_die();

	if (first) {
		held_up = 1;
	} else {
		while (sem_wait(&looked))
			;
		do
			clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
		while (now.tv_sec == old.tv_sec && now.tv_nsec == old.tv_nsec);
	}
	note(d, 0, pread(fd, buf, BLOCK, 0), BLOCK);
	if (!first)
		sem_post(&submitted);
	close(fd);
}

static const struct {
	const char *name;
	void (*run)(struct did *d, char *buf);
	int flags;
} modes[] = {
	{"direct", by_every_call, O_RDWR | O_DIRECT},
	{"buffered", by_every_call, O_RDWR},
	{"flag", by_flag, O_RDWR},
	{"reuse", by_reuse, O_RDWR},
	{"late", by_late, O_RDWR | O_DIRECT},
};

static void (*run)(struct did *d, char *buf);

static void *work(void *arg)
{
	struct did d = {0};
	void *buf;

	if (posix_memalign(&buf, BLOCK, 2 * BLOCK))
		exit(2);
	memset(buf, 0, 2 * BLOCK);
	for (int r = 0; r < rounds; r++)
		run(&d, buf);
	printf("%d %llu %llu %llu %llu\n", gettid(), d.bytes[0], d.ops[0], d.bytes[1], d.ops[1]);
	free(buf);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t thread[16];
	int threads = argc > 4 ? atoi(argv[3]) : 0;

	for (unsigned int i = 0; argc > 4 && i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(modes[i].name, argv[2])) {
			run = modes[i].run;
			flags = modes[i].flags;
		}
	if (!run || threads < 1 || threads > 16)
		return 2;
	path = argv[1];
	rounds = atoi(argv[4]);
	sem_init(&looked, 0, 0);
	sem_init(&submitted, 0, 0);
	for (int i = 1; i < threads; i++)
		if (pthread_create(&thread[i], NULL, work, NULL))
			return 2;
	work(NULL);
	for (int i = 1; i < threads; i++)
		pthread_join(thread[i], NULL);
	return 0;
}
