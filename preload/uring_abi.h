/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The kernel's io_uring interface, with the few newer names that older headers lack. */
#ifndef DAM_PRELOAD_URING_ABI_H
#define DAM_PRELOAD_URING_ABI_H

#include <liburing.h>

#ifndef IORING_SETUP_NO_MMAP
#define IORING_SETUP_NO_MMAP (1u << 14)
#endif
#ifndef IORING_SETUP_NO_SQARRAY
#define IORING_SETUP_NO_SQARRAY (1u << 16)
#endif
#ifndef IORING_SETUP_SQ_REWIND
#define IORING_SETUP_SQ_REWIND (1u << 20)
#endif

#endif
