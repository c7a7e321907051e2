/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Keeps a depth of direct reads or writes in flight through liburing, and takes the time of each itself: prints the mean
 * from submission until the completion is taken, in microseconds.
 * Usage: FILE DEPTH BLOCK read|write all|one|wait|think SECONDS
 *   all: takes all completions that are there, and submits as many; one: one by one; wait: the same by
 *   io_uring_submit_and_wait(); think: sleeps before each submission
 */
#include "config.h"

#include <fcntl.h>
#include <liburing.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define MAX_DEPTH 128

static struct io_uring ring;
static int fd, writes;
static unsigned int depth, block;
static char *buf[MAX_DEPTH];
static double submitted_us[MAX_DEPTH], sum_us;
static uint64_t blocks, done, state = 88172645463325252ull;

static double now_us(void)
{
	return (double)dam_now_ns() / 1e3;
}

static void prepare(unsigned int i)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
	uint64_t at;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	at = state % blocks * block;
	if (writes)
		io_uring_prep_write(sqe, fd, buf[i], block, at);
	else
		io_uring_prep_read(sqe, fd, buf[i], block, at);
	io_uring_sqe_set_data64(sqe, i);
	submitted_us[i] = now_us();
}

/* Takes up to @most completions, and prepares as many. */
static void turn_over(unsigned int most)
{
	struct io_uring_cqe *cqe;

	if (io_uring_wait_cqe(&ring, &cqe))
		exit(4);
	for (unsigned int n = 0; n < most && !io_uring_peek_cqe(&ring, &cqe); n++) {
		unsigned int i = (unsigned int)io_uring_cqe_get_data64(cqe);

		if (cqe->res != (int)block)
			exit(5);
		io_uring_cqe_seen(&ring, cqe);
		sum_us += now_us() - submitted_us[i];
		done++;
		prepare(i);
	}
}

int main(int argc, char **argv)
{
	const char *style = argc > 6 ? argv[5] : "";
	double end_us;

	if (argc < 7)
		return 2;
	depth = (unsigned int)atoi(argv[2]);
	block = (unsigned int)atoi(argv[3]);
	writes = !strcmp(argv[4], "write");
	fd = open(argv[1], O_RDWR | O_DIRECT);
	if (fd < 0 || depth < 1 || depth > MAX_DEPTH || io_uring_queue_init(MAX_DEPTH, &ring, 0))
		return 3;
	blocks = (uint64_t)lseek(fd, 0, SEEK_END) / block;
	for (unsigned int i = 0; i < depth; i++) {
		if (posix_memalign((void **)&buf[i], 4096, block))
			return 3;
		memset(buf[i], (int)i, block);
		prepare(i);
	}
	end_us = now_us() + atof(argv[6]) * 1e6;
	while (now_us() < end_us) {
		if (!strcmp(style, "think"))
			usleep(2000);
		if (!strcmp(style, "wait"))
			io_uring_submit_and_wait(&ring, 1);
		else
			io_uring_submit(&ring);
		turn_over(strcmp(style, "one") ? MAX_DEPTH : 1);
	}
	printf("%.3f %llu\n", sum_us / (double)done, (unsigned long long)done);
	return 0;
}
