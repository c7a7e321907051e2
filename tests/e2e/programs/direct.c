/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Threads with plain direct I/O, for any C library. Usage: FILE BLOCK OPERATIONS. Prints what each has read and written.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define THREADS	   3
#define FILE_BYTES (16 << 20)

static const char *path;
static size_t block;
static long ops;
static struct done {
	long tid, read_bytes, write_bytes, read_ops, write_ops;
} done[THREADS];

static void *work(void *arg)
{
	struct done *d = arg;
	int fd = open(path, O_RDWR | O_DIRECT);
	void *buf;

	if (fd < 0 || posix_memalign(&buf, 4096, block))
		exit(77);
	memset(buf, 5, block);
	d->tid = syscall(SYS_gettid);
	/* each has a number of its own, so that none can be taken for another */
	for (long i = 0; i < ops * (d - done + 1); i++) {
		off_t at = (off_t)(i * (long)block % FILE_BYTES);
		struct iovec iov = {buf, block};
		ssize_t n;

		if (i % 3 == 0) {
			n = i % 2 ? pwrite(fd, buf, block, at) : pwritev(fd, &iov, 1, at);
			d->write_bytes += n;
			d->write_ops++;
		} else {
			n = i % 2 ? pread(fd, buf, block, at) : readv(fd, &iov, 1);
			if (n == 0)
				lseek(fd, 0, SEEK_SET);
			d->read_bytes += n;
			d->read_ops++;
		}
		if (n < 0)
			exit(1);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t t[THREADS];

	if (argc != 4)
		return 2;
	path = argv[1];
	block = strtoul(argv[2], NULL, 10);
	ops = strtol(argv[3], NULL, 10);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, work, &done[i]);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	printf("{\"threads\":[");
	for (int i = 0; i < THREADS; i++)
		printf("%s{\"tid\":%ld,\"read_bytes\":%ld,\"write_bytes\":%ld,\"read_ops\":%ld,\"write_ops\":%ld}",
		       i ? "," : "", done[i].tid, done[i].read_bytes, done[i].write_bytes, done[i].read_ops,
		       done[i].write_ops);
	puts("]}");
	return 0;
}
