/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * A program that drives io_uring through syscall(), with a ring of its own making: reads, and prints
 * "tid read_bytes read_ops write_bytes write_ops". Usage: FILE ROUNDS [own | large]
 * own: the ring lies in memory of the program's own, where the kernel can do that (6.5).
 * large: the ring has more pages than the library remembers; a submission takes no longer for it.
 */
#include "config.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sys.h"
#include "preload/uring_abi.h"

#define BLOCK 4096u
#define DEPTH 8u
#define LARGE 32768u
#define SLOW  20 /* times as long as without the library; it took 200 times when it looked at every page */
#define OWN   (1u << 16) /* more than a ring of that depth, or its entries, take */

static struct io_uring_params p;
static char *sq, *cq;
static struct io_uring_sqe *sqes;
static unsigned long long bytes, ops;

static unsigned int *at(char *base, unsigned int offset)
{
	return (unsigned int *)(void *)(base + offset);
}

static void *own_memory(void)
{
	void *at = mmap(NULL, OWN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		exit(3);
	return at;
}

/* Return: whether the kernel can do it. */
static bool setup_own(int *ring)
{
	p.flags = IORING_SETUP_NO_MMAP;
	sq = cq = own_memory();
	sqes = own_memory();
	*DAM_URING_USER_ADDR(p.cq_off) = (uintptr_t)sq;
	*DAM_URING_USER_ADDR(p.sq_off) = (uintptr_t)sqes;
	*ring = (int)syscall(SYS_io_uring_setup, DEPTH, &p);
	if (*ring < 0)
		memset(&p, 0, sizeof(p));
	return *ring >= 0;
}

static void setup(int *ring, unsigned int depth)
{
	size_t sq_len, cq_len;

	*ring = (int)syscall(SYS_io_uring_setup, depth, &p);
	if (*ring < 0)
		exit(77);
	sq_len = p.sq_off.array + p.sq_entries * sizeof(unsigned int);
	cq_len = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	sq = mmap(NULL, sq_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, *ring, IORING_OFF_SQ_RING);
	cq = mmap(NULL, cq_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, *ring, IORING_OFF_CQ_RING);
	sqes = mmap(NULL, p.sq_entries * sizeof(*sqes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		    *ring, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || (void *)sqes == MAP_FAILED)
		exit(3);
}

static void push(struct io_uring_sqe what)
{
	unsigned int tail = *at(sq, p.sq_off.tail), mask = *at(sq, p.sq_off.ring_mask);
	/* entries in an order of our own: the array says where they stand */
	unsigned int index = (tail * 5 + 3) & mask;

	sqes[index] = what;
	at(sq, p.sq_off.array)[tail & mask] = index;
	__atomic_store_n(at(sq, p.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
}

static void push_read(int fd, void *buf, unsigned int slot)
{
	struct io_uring_sqe read = {
		.opcode = IORING_OP_READ, .fd = fd, .addr = (unsigned long)buf, .len = BLOCK * (1 + slot % 2)};

	push(read);
	bytes += read.len;
	ops++;
}

/* Return: ns of the quickest of some submissions that move nothing. @seen: by a call that the library sees. */
static uint64_t quickest(int ring, bool seen)
{
	uint64_t best = UINT64_MAX, t;

	for (int i = 0; i < 200; i++) {
		push((struct io_uring_sqe){.opcode = IORING_OP_NOP});
		t = dam_now_ns();
		if ((seen ? syscall(SYS_io_uring_enter, ring, 1, 0, 0, NULL, 8)
			  : dam_sys6(SYS_io_uring_enter, ring, 1, 0, 0, 0, 8)) != 1)
			exit(5);
		t = dam_now_ns() - t;
		best = t < best ? t : best;
		*at(cq, p.cq_off.head) = *at(cq, p.cq_off.tail);
	}
	return best;
}

int main(int argc, char **argv)
{
	int ring, fd, files[1];
	bool large;
	void *buf;

	if (argc < 3)
		return 2;
	fd = open(argv[1], O_RDWR | O_DIRECT);
	if (fd < 0 || posix_memalign(&buf, BLOCK, 2 * BLOCK))
		return 3;
	large = argc > 3 && !strcmp(argv[3], "large");
	if (argc < 4 || large || !setup_own(&ring))
		setup(&ring, large ? LARGE : DEPTH);
	files[0] = fd;
	if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, files, 1))
		return 4;
	for (int r = 0; r < atoi(argv[2]); r++) {
		unsigned int n = 1 + (unsigned int)r % DEPTH;

		for (unsigned int i = 0; i < n; i++)
			push_read(fd, buf, i);
		/* in two calls: the second takes what the first left */
		if (syscall(SYS_io_uring_enter, ring, n / 2, 0, 0, NULL, 8) != (long)(n / 2) ||
		    syscall(SYS_io_uring_enter, ring, n, n, IORING_ENTER_GETEVENTS, NULL, 8) != (long)(n - n / 2))
			return 5;
		*at(cq, p.cq_off.head) = *at(cq, p.cq_off.tail);
	}
	printf("%d %llu %llu 0 0\n", gettid(), bytes, ops);
	if (large && quickest(ring, true) > SLOW * quickest(ring, false))
		return 6;
	return 0;
}
