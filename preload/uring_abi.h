/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The kernel's io_uring interface, with the few newer names that older headers lack. */
#ifndef DAM_PRELOAD_URING_ABI_H
#define DAM_PRELOAD_URING_ABI_H

#include <liburing.h>
#include <stdint.h>

#ifndef IORING_SETUP_NO_MMAP
#define IORING_SETUP_NO_MMAP (1u << 14)
#endif
#ifndef IORING_SETUP_REGISTERED_FD_ONLY
#define IORING_SETUP_REGISTERED_FD_ONLY (1u << 15)
#endif
#ifndef IORING_SETUP_NO_SQARRAY
#define IORING_SETUP_NO_SQARRAY (1u << 16)
#endif
#ifndef IORING_SETUP_SQ_REWIND
#define IORING_SETUP_SQ_REWIND (1u << 20)
#endif

/*
 * Where a ring (in cq_off) and its entries (in sq_off) lie, if in the program's own memory: the last field of both,
 * which is user_addr or resv2, depending on the header.
 */
#define DAM_URING_USER_ADDR(offsets) ((uint64_t *)(void *)((char *)(&(offsets) + 1) - sizeof(uint64_t)))

#endif
