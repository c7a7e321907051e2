/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* NVMe commands, as ioctls and io_uring commands carry them, and vectors of buffers. */
#ifndef DAM_PRELOAD_NVME_H
#define DAM_PRELOAD_NVME_H

#include <stdint.h>
#include <sys/uio.h>

#include "preload/account.h"
#include "preload/peek.h"

#define DAM_IOV_MAX 1024

/** dam_iov_bytes() - the sum of @nr lengths at @iov, untrusted. Return: bytes; 0: not readable. */
static inline uint64_t dam_iov_bytes(const struct iovec *iov, uint64_t nr)
{
	uint64_t sum = 0;

	if (nr == 0 || nr > DAM_IOV_MAX || !dam_peek(iov, nr * sizeof(*iov)))
		return 0;
	for (uint64_t i = 0; i < nr; i++)
		sum += iov[i].iov_len;
	return sum;
}

/** dam_nvme_dir() - the direction in an NVMe opcode's bits 1:0. Return: -1: it moves no data. */
static inline int dam_nvme_dir(uint8_t opcode)
{
	return (opcode & 3) == 1 ? DAM_DIR_WRITE : (opcode & 3) == 2 ? DAM_DIR_READ : -1;
}

#endif
