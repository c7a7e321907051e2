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

/* What an entry does that needs no closer look. */
enum dam_uring_moves {
	DAM_URING_STILL, /* moves nothing: IORING_OP_NOP is 0, so zeroes are right */
	DAM_URING_MOVES, /* bytes are in len; + enum dam_dir */
};

/**
 * dam_uring_same() - dam_uring_walk() of a single entry of 64 bytes that is like the one before, on the same descriptor
 * Return: how many operations were counted, 0 or 1; -1: it is another one, and nothing was counted.
 */
static DAM_INLINE int dam_uring_same(struct dam_slot *s, const struct io_uring_sqe *sqe)
{
	const struct dam_self *me = &dam_self;
	uint8_t moves = me->moves;

	if (DAM_UNLIKELY((sqe->opcode ^ me->opcode) | (sqe->flags & (uint8_t)~DAM_URING_PLAIN)))
		return -1;
	if (moves == DAM_URING_STILL) {
		dam_count_add(&s->ring_ops, 1);
		return 0;
	}
	if (DAM_UNLIKELY(dam_place_unlike(sqe->fd)))
		return -1;
	dam_count_add(&s->ring_ops, 1);
	dam_account_io(s, me->index, (enum dam_dir)(moves - DAM_URING_MOVES), sqe->len, 1, 1);
	return 1;
}

#endif
