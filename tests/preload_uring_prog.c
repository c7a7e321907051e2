/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * A program that knows nothing of DAM: threads that read and write a file through liburing in every way, and
 * print what they did: "tid read_bytes read_ops write_bytes write_ops". Usage: FILE THREADS ROUNDS [buffered]
 */
#include "config.h"

#include <fcntl.h>
#include <liburing.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK	 4096u
#define DEPTH	 8u
#define MAX_THREADS 16
#define BAD_OPCODE 250

static const char *path;
static unsigned int rounds;
static int open_flags = O_RDWR | O_DIRECT;

struct tally {
	int tid;
	unsigned long long read_bytes, read_ops, write_bytes, write_ops;
};

struct job {
	struct io_uring ring;
	int fd;
	char *buf; /* DEPTH blocks, registered as buffer 0 */
	struct iovec vec[DEPTH][2];
	struct tally t;
};

static void die(const char *what, int err)
{
	fprintf(stderr, "%s: %s\n", what, strerror(err < 0 ? -err : err));
	_exit(3);
}

static void count(struct tally *t, int write, unsigned int bytes)
{
	if (write) {
		t->write_bytes += bytes;
		t->write_ops++;
	} else {
		t->read_bytes += bytes;
		t->read_ops++;
	}
}

/* One entry of kind k: read, write, readv, writev, fixed buffer both ways, fixed file both ways, nop. */
static void prepare(struct job *j, unsigned int slot, unsigned int k)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&j->ring);
	char *b = j->buf + slot * BLOCK;
	struct iovec *v = j->vec[slot];
	unsigned int kind = k % 9;

	v[0] = (struct iovec){b, BLOCK / 2};
	v[1] = (struct iovec){b + BLOCK / 2, BLOCK / 2};
	if (kind == 0)
		io_uring_prep_read(sqe, j->fd, b, BLOCK, slot * BLOCK);
	else if (kind == 1)
		io_uring_prep_write(sqe, j->fd, b, BLOCK, slot * BLOCK);
	else if (kind == 2)
		io_uring_prep_readv(sqe, j->fd, v, 2, slot * BLOCK);
	else if (kind == 3)
		io_uring_prep_writev(sqe, j->fd, v, 2, slot * BLOCK);
	else if (kind == 4)
		io_uring_prep_read_fixed(sqe, j->fd, b, BLOCK, slot * BLOCK, 0);
	else if (kind == 5)
		io_uring_prep_write_fixed(sqe, j->fd, b, BLOCK, slot * BLOCK, 0);
	else if (kind == 6)
		io_uring_prep_read(sqe, 1, b, BLOCK, slot * BLOCK); /* fixed file 1 */
	else if (kind == 7)
		io_uring_prep_write(sqe, 1, b, BLOCK, slot * BLOCK);
	else
		io_uring_prep_nop(sqe);
	sqe->user_data = 0;
	if (kind == 6 || kind == 7)
		sqe->flags |= IOSQE_FIXED_FILE;
	if (kind != 8)
		count(&j->t, kind & 1, BLOCK);
}

/* The kernel takes it, refuses it, and leaves what comes after it where it is. */
static void prepare_bad(struct job *j)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&j->ring);

	io_uring_prep_nop(sqe);
	sqe->opcode = BAD_OPCODE;
	sqe->user_data = BAD_OPCODE;
}

#ifdef IO_URING_CHECK_VERSION
#if !IO_URING_CHECK_VERSION(2, 8) /* true where the header is older */
#define HAVE_MIN_TIMEOUT
#endif
#endif

static void submit(struct job *j, unsigned int n, unsigned int how)
{
	struct __kernel_timespec ts = {.tv_sec = 10};
	struct io_uring_cqe *cqe;
	int ret;

	if (how == 0)
		ret = io_uring_submit(&j->ring);
	else if (how == 1)
		ret = io_uring_submit_and_wait(&j->ring, n);
	else if (how == 2)
		ret = io_uring_submit_and_get_events(&j->ring);
#ifdef HAVE_MIN_TIMEOUT
	else if (how == 3)
		ret = io_uring_submit_and_wait_min_timeout(&j->ring, &cqe, n, &ts, 0, NULL);
#endif
	else
		ret = io_uring_submit_and_wait_timeout(&j->ring, &cqe, n, &ts, NULL);
	if (ret < 0)
		die("submit", ret);
	if (io_uring_sq_ready(&j->ring))
		submit(j, n, how);
}

static bool as_it_should(const struct io_uring_cqe *cqe)
{
	return cqe->user_data == BAD_OPCODE ? cqe->res == -EINVAL : cqe->res >= 0;
}

static void *work(void *arg)
{
	struct job *j = arg;
	struct iovec all;
	int files[2], ret;

	j->t.tid = gettid();
	j->fd = open(path, open_flags);
	if (j->fd < 0 || posix_memalign((void **)&j->buf, BLOCK, DEPTH * BLOCK))
		die(path, 1);
	all = (struct iovec){j->buf, DEPTH * BLOCK};
	files[0] = -1;
	files[1] = j->fd;
	if ((ret = io_uring_queue_init(DEPTH, &j->ring, 0)) ||
	    (ret = io_uring_register_buffers(&j->ring, &all, 1)) ||
	    (ret = io_uring_register_files(&j->ring, files, 2)))
		die("ring", ret);
	for (unsigned int r = 0; r < rounds; r++) {
		unsigned int n = 1 + r % DEPTH;

		for (unsigned int i = 0; i < n; i++)
			if (i == 1 && r % 3 == 2)
				prepare_bad(j);
			else
				prepare(j, i, r + i);
		submit(j, n, r % 5);
		for (unsigned int i = 0; i < n; i++) {
			struct io_uring_cqe *cqe;

			if (io_uring_wait_cqe(&j->ring, &cqe) || !as_it_should(cqe))
				die("completion", cqe->res);
			io_uring_cqe_seen(&j->ring, cqe);
		}
	}
	io_uring_queue_exit(&j->ring);
	close(j->fd);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct job job[MAX_THREADS];
	pthread_t thread[MAX_THREADS];
	int n;

	if (argc < 4)
		return 2;
	path = argv[1];
	n = atoi(argv[2]);
	rounds = (unsigned int)atoi(argv[3]);
	if (argc > 4)
		open_flags &= ~O_DIRECT;
	for (int i = 0; i < n; i++)
		pthread_create(&thread[i], NULL, work, &job[i]);
	for (int i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	for (int i = 0; i < n; i++)
		printf("%d %llu %llu %llu %llu\n", job[i].t.tid, job[i].t.read_bytes, job[i].t.read_ops,
		       job[i].t.write_bytes, job[i].t.write_ops);
	return 0;
}
