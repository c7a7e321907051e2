/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * A program on liburing whose threads each do another kind of request, and print what they did: reads, writes,
 * vectors, registered buffers, registered files, through the several functions that submit.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define DEPTH	   8
#define FILE_BYTES (16u << 20)

struct worker;

struct kind {
	const char *name;
	unsigned int block, ops;
	/* Return: true when the request writes. */
	bool (*prepare)(struct worker *w, struct io_uring_sqe *sqe, unsigned int slot, uint64_t offset);
	int (*submit)(struct io_uring *ring);
};

struct worker {
	const struct kind *kind;
	pthread_t thread;
	pid_t tid;
	int fd;
	struct io_uring ring;
	char *buf; /* DEPTH blocks, registered as one buffer */
	struct iovec vec[DEPTH][2];
	bool writes[DEPTH];
	uint64_t count; /* requests prepared */
	uint64_t bytes[2], ops[2]; /* [1]: writes; counted at completion */
};

static const char *path;

static void die(const char *what, int err)
{
	fprintf(stderr, "uring_mix: %s: %s\n", what, strerror(err));
	exit(1);
}

static char *block_of(const struct worker *w, unsigned int slot)
{
	return w->buf + (size_t)slot * w->kind->block;
}

static bool prepare_read(struct worker *w, struct io_uring_sqe *sqe, unsigned int slot, uint64_t at)
{
	io_uring_prep_read(sqe, w->fd, block_of(w, slot), w->kind->block, at);
	return false;
}

static bool prepare_write(struct worker *w, struct io_uring_sqe *sqe, unsigned int slot, uint64_t at)
{
	io_uring_prep_write(sqe, w->fd, block_of(w, slot), w->kind->block, at);
	return true;
}

/* Two halves; every third request writes. */
static bool prepare_vector(struct worker *w, struct io_uring_sqe *sqe, unsigned int slot, uint64_t at)
{
	size_t half = w->kind->block / 2;
	bool write = w->count % 3 == 0;

	w->vec[slot][0] = (struct iovec){block_of(w, slot), half};
	w->vec[slot][1] = (struct iovec){block_of(w, slot) + half, half};
	if (write)
		io_uring_prep_writev(sqe, w->fd, w->vec[slot], 2, at);
	else
		io_uring_prep_readv(sqe, w->fd, w->vec[slot], 2, at);
	return write;
}

static bool prepare_fixed_buffer(struct worker *w, struct io_uring_sqe *sqe, unsigned int slot, uint64_t at)
{
	bool write = w->count % 2 == 0;

	if (write)
		io_uring_prep_write_fixed(sqe, w->fd, block_of(w, slot), w->kind->block, at, 0);
	else
		io_uring_prep_read_fixed(sqe, w->fd, block_of(w, slot), w->kind->block, at, 0);
	return write;
}

static bool prepare_fixed_file(struct worker *w, struct io_uring_sqe *sqe, unsigned int slot, uint64_t at)
{
	io_uring_prep_read(sqe, 0, block_of(w, slot), w->kind->block, at);
	sqe->flags |= IOSQE_FIXED_FILE;
	return false;
}

static int submit_and_wait(struct io_uring *ring)
{
	return io_uring_submit_and_wait(ring, 1);
}

static int submit_and_wait_timeout(struct io_uring *ring)
{
	struct __kernel_timespec ts = {.tv_sec = 10};
	struct io_uring_cqe *cqe;
	int ret = io_uring_submit_and_wait_timeout(ring, &cqe, 1, &ts, NULL);

	return ret == -ETIME ? 0 : ret;
}

static int submit_then_wait(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;
	int ret = io_uring_submit(ring);

	return ret < 0 ? ret : io_uring_wait_cqe(ring, &cqe);
}

/* Sizes are unlike, so that no thread can be taken for another by its bytes. */
static const struct kind kinds[] = {
	{"read", 4096, 2000, prepare_read, submit_then_wait},
	{"write", 8192, 1500, prepare_write, submit_and_wait},
	{"vector", 16384, 1200, prepare_vector, submit_and_wait_timeout},
	{"fixed buffer", 32768, 1000, prepare_fixed_buffer, submit_then_wait},
	{"fixed file", 65536, 800, prepare_fixed_file, submit_and_wait},
};

#define NR_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void queue_one(struct worker *w, unsigned int slot)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&w->ring);
	uint64_t at = w->count * w->kind->block % FILE_BYTES;

	if (!sqe)
		die("submission queue", EBUSY);
	w->writes[slot] = w->kind->prepare(w, sqe, slot, at);
	io_uring_sqe_set_data64(sqe, slot);
	w->count++;
}

static void run(struct worker *w)
{
	unsigned int inflight = 0, slot;
	struct io_uring_cqe *cqe;

	for (slot = 0; slot < DEPTH; slot++, inflight++)
		queue_one(w, slot);
	while (inflight) {
		int ret = w->kind->submit(&w->ring);

		if (ret < 0 && ret != -EINTR)
			die("submit", -ret);
		while (!io_uring_peek_cqe(&w->ring, &cqe)) {
			slot = (unsigned int)cqe->user_data;
			if (cqe->res != (int)w->kind->block)
				die(w->kind->name, cqe->res < 0 ? -cqe->res : EIO);
			w->bytes[w->writes[slot]] += w->kind->block;
			w->ops[w->writes[slot]]++;
			io_uring_cqe_seen(&w->ring, cqe);
			if (w->count < w->kind->ops)
				queue_one(w, slot);
			else
				inflight--;
		}
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct iovec all;
	int ret;

	w->tid = gettid();
	w->fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (w->fd < 0)
		die(path, errno);
	all = (struct iovec){aligned_alloc(4096, (size_t)DEPTH * w->kind->block), (size_t)DEPTH * w->kind->block};
	if (!all.iov_base)
		die("memory", ENOMEM);
	memset(all.iov_base, 'd', all.iov_len);
	w->buf = all.iov_base;
	ret = io_uring_queue_init(DEPTH, &w->ring, 0);
	if (!ret)
		ret = io_uring_register_buffers(&w->ring, &all, 1);
	if (!ret)
		ret = io_uring_register_files(&w->ring, &w->fd, 1);
	if (ret)
		die("io_uring", -ret);
	run(w);
	io_uring_queue_exit(&w->ring);
	free(w->buf);
	close(w->fd);
	return NULL;
}

static void make_file(void)
{
	static char block[65536];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		die(path, errno);
	for (unsigned int i = 0; i < FILE_BYTES / sizeof(block); i++)
		if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block))
			die(path, errno);
	if (fsync(fd) || close(fd))
		die(path, errno);
}

int main(int argc, char **argv)
{
	static struct worker worker[NR_KINDS];

	if (argc != 2) {
		fprintf(stderr, "usage: uring_mix FILE\n");
		return 2;
	}
	path = argv[1];
	make_file();
	for (unsigned int i = 0; i < NR_KINDS; i++) {
		worker[i].kind = &kinds[i];
		if (pthread_create(&worker[i].thread, NULL, work, &worker[i]))
			die("pthread_create", EAGAIN);
	}
	printf("{\"threads\":[");
	for (unsigned int i = 0; i < NR_KINDS; i++) {
		const struct worker *w = &worker[i];

		pthread_join(w->thread, NULL);
		printf("%s{\"tid\":%d,\"kind\":\"%s\",\"read_bytes\":%llu,\"write_bytes\":%llu,\"read_ops\":%llu,"
		       "\"write_ops\":%llu}",
		       i ? "," : "", w->tid, w->kind->name, (unsigned long long)w->bytes[0],
		       (unsigned long long)w->bytes[1], (unsigned long long)w->ops[0],
		       (unsigned long long)w->ops[1]);
	}
	printf("]}\n");
	return 0;
}
