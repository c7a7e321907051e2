/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The workload of bench_compare.py: bench_submit N makes N submissions of one buffered read, and prints what one took in
 * the quickest block: what disturbs only adds.
 */
#include "config.h"

#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

#define BLOCK	1000
#define WARM_UP 2000 /* also the time in which a library finds its coordinator */

static struct io_uring ring;
static char buf[512];

static void submit(int fd)
{
	struct io_uring_cqe *cqe;

	io_uring_prep_read(io_uring_get_sqe(&ring), fd, buf, sizeof(buf), 0);
	if (io_uring_submit(&ring) != 1 || io_uring_wait_cqe(&ring, &cqe) || cqe->res != (int)sizeof(buf))
		exit(1);
	io_uring_cqe_seen(&ring, cqe);
}

int main(int argc, char **argv)
{
	unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
	int fd = open(".", O_RDWR | O_TMPFILE, 0600);
	uint64_t begin, ns, best = UINT64_MAX;

	if (fd < 0 || write(fd, buf, sizeof(buf)) != (ssize_t)sizeof(buf) || io_uring_queue_init(8, &ring, 0))
		return 77;
	for (int i = 0; i < WARM_UP; i++)
		submit(fd);
	for (unsigned long done = 0; done < n; done += BLOCK) {
		begin = dam_now_ns();
		for (int i = 0; i < BLOCK; i++)
			submit(fd);
		ns = dam_now_ns() - begin;
		best = ns < best ? ns : best;
	}
	printf("ns %.1f\n", (double)best / BLOCK);
	return 0;
}
