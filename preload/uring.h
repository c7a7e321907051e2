/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What a submission queue entry moves: the walk over a batch, and a short cut. */
#ifndef DAM_PRELOAD_URING_H
#define DAM_PRELOAD_URING_H

#include <stdint.h>

#include "preload/account.h"
#include "preload/place.h"
#include "preload/uring_abi.h"

/* Flags of an entry that do not change what it moves. */
#define DAM_URING_PLAIN ((uint8_t)(IOSQE_IO_DRAIN | IOSQE_IO_LINK | IOSQE_IO_HARDLINK | IOSQE_ASYNC))

/* A run of entries of a submission queue. */
struct dam_sq {
	const struct io_uring_sqe *sqes;
	const unsigned int *array; /* NULL: entry i stands at i */
	unsigned int head, mask;
	unsigned int shift; /* 1: entries of 128 bytes */
	int ring_fd;
};

/** dam_sq_entry() - entry @i of a run, wherever the kernel will look for it. */
static inline const struct io_uring_sqe *dam_sq_entry(const struct dam_sq *sq, unsigned int i)
{
	unsigned int at = (sq->head + i) & sq->mask;

	if (DAM_UNLIKELY(sq->array != NULL))
		at = __atomic_load_n(&sq->array[at], __ATOMIC_RELAXED) & sq->mask;
	return sq->sqes + ((size_t)at << sq->shift);
}

/**
 * dam_uring_walk() - count @n entries, one at least, from @sq->head in slot @s
 * @sign: 1, or -1 to take back what the kernel did not consume
 *
 * Before the system call, while everything the entries point to is still the program's. Never faults.
 * Return: how many operations were counted.
 */
uint64_t dam_uring_walk(struct dam_slot *s, const struct dam_sq *sq, unsigned int n, uint64_t sign);

/** dam_uring_fd() - a descriptor that the run's first entry uses, to look at it again; -1: a fixed file. */
int dam_uring_fd(const struct dam_sq *sq);

/** dam_uring_unlike() - 0: the entry is like the one that was noted last, on the same descriptor. Without a jump. */
static DAM_INLINE uint32_t dam_uring_unlike(const struct io_uring_sqe *sqe)
{
	const struct dam_self *me = &dam_self;

	/* piece by piece, as it was written a moment ago: a wider load would have to wait for the cache */
	return (uint32_t)(sqe->opcode ^ me->like_opcode) | (sqe->flags & (uint8_t)~DAM_URING_PLAIN) |
	       (uint32_t)(sqe->fd ^ me->like_fd);
}

/** dam_uring_same() - dam_uring_walk() of a single such entry. Return: operations counted: 0, 1. */
static DAM_INLINE uint64_t dam_uring_same(struct dam_slot *s, const struct io_uring_sqe *sqe)
{
	const struct dam_self *me = &dam_self;

	dam_count_add(&s->ring_ops, 1);
	dam_account_at(me->like_sum, sqe->len, 1);
	return me->like_moves;
}

#endif
