/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * A program that knows nothing of DAM: reads and writes through libaio ("lib") or the bare call ("raw"), and
 * prints what it did: "tid read_bytes read_ops write_bytes write_ops". Now and then the kernel refuses the last block,
 * or the only one. Usage: FILE lib|raw ROUNDS
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BLOCK 4096u
#define NO_FD 65000

int main(int argc, char **argv)
{
	unsigned long long bytes[2] = {0}, ops[2] = {0};
	struct iocb cb[4], *list[4];
	struct io_event ev[4];
	struct iovec v[2];
	io_context_t ctx = NULL;
	void *buf;
	int fd, raw, rounds;

	if (argc < 4)
		return 2;
	raw = !strcmp(argv[2], "raw");
	rounds = atoi(argv[3]);
	fd = open(argv[1], O_RDWR | O_DIRECT);
	if (fd < 0 || io_setup(8, &ctx) || posix_memalign(&buf, BLOCK, 4 * BLOCK))
		return 3;
	v[0] = (struct iovec){(char *)buf + 2 * BLOCK, BLOCK};
	v[1] = (struct iovec){(char *)buf + 3 * BLOCK, BLOCK};
	for (int r = 0; r < rounds; r++) {
		int n = 1 + r % 4, ret;

		io_prep_pread(&cb[0], fd, buf, BLOCK, 0);
		io_prep_pwrite(&cb[1], fd, (char *)buf + BLOCK, BLOCK, BLOCK);
		io_prep_preadv(&cb[2], fd, v, 2, 0);
		io_prep_fsync(&cb[3], fd);
		for (int i = 0; i < 4; i++)
			list[i] = &cb[i];
		if (r % 5 == 3)
			io_set_eventfd(list[n - 1], NO_FD);
		ret = raw ? (int)syscall(SYS_io_submit, ctx, (long)n, list) : io_submit(ctx, n, list);
		/* the file system may refuse the asynchronous fsync: then it was not taken */
		if (r % 5 == 3 && ret != (n > 1 ? n - 1 : raw ? -1 : -EBADF))
			return 5;
		if (r % 5 == 3 && n == 1)
			continue;
		if (ret < 1 || io_getevents(ctx, ret, 4, ev, NULL) != ret)
			return 4;
		for (int i = 0; i < ret && i < 3; i++) {
			bytes[i == 1] += i == 2 ? 2 * BLOCK : BLOCK;
			ops[i == 1]++;
		}
	}
	printf("%d %llu %llu %llu %llu\n", gettid(), bytes[0], ops[0], bytes[1], ops[1]);
	return 0;
}
