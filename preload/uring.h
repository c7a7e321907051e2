/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What a submission queue entry moves: one table of opcodes, and the walk over a batch. */
#ifndef DAM_PRELOAD_URING_H
#define DAM_PRELOAD_URING_H

#include <stdint.h>

#include "preload/uring_abi.h"
#include "shm/layout.h"

/* A run of entries of a submission queue. */
struct dam_sq {
	const struct io_uring_sqe *sqes;
	const unsigned int *array; /* NULL: entry i stands at i */
	unsigned int head, mask;
	unsigned int shift; /* 1: entries of 128 bytes */
	int ring_fd;
};

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

#endif
