/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The functions behind the hooks: one list, found when first called. */
#ifndef DAM_PRELOAD_REAL_H
#define DAM_PRELOAD_REAL_H

#include <errno.h>

#include "base/sys.h"
#include "preload/self.h"

/*
 * X(name, where it lives), those called most often first: six share the gate's first line. A new hook is a row here, its
 * function in a wrap_*.c and its name in preload.map.
 */
#define DAM_REALS(X)                                       \
	X(io_uring_submit, DAM_URING)                      \
	X(io_uring_submit_and_wait, DAM_URING)             \
	X(io_submit, DAM_AIO)                              \
	X(read, DAM_LIBC)                                  \
	X(write, DAM_LIBC)                                 \
	X(ioctl, DAM_LIBC)                                 \
	X(pread, DAM_LIBC)                                 \
	X(pwrite, DAM_LIBC)                                \
	X(readv, DAM_LIBC)                                 \
	X(writev, DAM_LIBC)                                \
	X(__read_chk, DAM_LIBC)                            \
	X(__pread_chk, DAM_LIBC)                           \
	X(fcntl, DAM_LIBC)                                 \
	X(io_destroy, DAM_AIO)                             \
	X(close, DAM_LIBC)                                 \
	X(dup2, DAM_LIBC)                                  \
	X(dup3, DAM_LIBC)                                  \
	X(close_range, DAM_LIBC)                           \
	X(closefrom, DAM_LIBC)                             \
	X(chroot, DAM_LATE)                                \
	X(mmap, DAM_LIBC)                                  \
	X(munmap, DAM_LIBC)                                \
	X(syscall, DAM_LIBC)                               \
	X(prctl, DAM_LIBC)                                 \
	X(sched_setaffinity, DAM_LIBC)                     \
	X(sched_getaffinity, DAM_LIBC)                     \
	X(pthread_setaffinity_np, DAM_PTHREAD)             \
	X(pthread_getaffinity_np, DAM_PTHREAD)             \
	X(pthread_create, DAM_PTHREAD)                     \
	X(thrd_create, DAM_PTHREAD)                        \
	X(preadv, DAM_LATE)                                \
	X(pwritev, DAM_LATE)                               \
	X(preadv2, DAM_LATE)                               \
	X(pwritev2, DAM_LATE)                              \
	X(copy_file_range, DAM_LATE)                       \
	X(splice, DAM_LATE)                                \
	X(sendfile, DAM_LATE)                              \
	X(aio_read, DAM_LATE)                              \
	X(aio_write, DAM_LATE)                             \
	X(lio_listio, DAM_LATE)                            \
	X(io_uring_submit_and_wait_timeout, DAM_URING)     \
	X(io_uring_submit_and_wait_min_timeout, DAM_URING) \
	X(io_uring_submit_and_wait_reg, DAM_URING)         \
	X(io_uring_submit_and_get_events, DAM_URING)       \
	X(io_uring_setup, DAM_URING)                       \
	X(io_uring_enter, DAM_URING)                       \
	X(io_uring_enter2, DAM_URING)                      \
	X(io_uring_register, DAM_URING)                    \
	X(io_uring_queue_exit, DAM_URING)                  \
	X(io_uring_close_ring_fd, DAM_URING)               \
	X(io_uring_register_files, DAM_URING)              \
	X(io_uring_register_files_tags, DAM_URING)         \
	X(io_uring_register_files_sparse, DAM_URING)       \
	X(io_uring_register_files_update, DAM_URING)       \
	X(io_uring_register_files_update_tag, DAM_URING)   \
	X(io_uring_unregister_files, DAM_URING)

enum dam_library {
	DAM_LIBC, /* found by the constructor */
	DAM_LATE, /* in libc too, found when first called */
	DAM_PTHREAD,
	DAM_AIO,
	DAM_URING,
};

enum dam_real_id {
#define DAM_REAL_ID(name, library) DAM_REAL_##name,
	DAM_REALS(DAM_REAL_ID)
#undef DAM_REAL_ID
		DAM_REAL_NR,
};

_Static_assert(DAM_REAL_NR <= 64, "room in the gate");

extern void *dam_real_syscall; /* for the assembler stub */

/** dam_real_find() - look a function up and remember it. Return: NULL when there is none. */
void *dam_real_find(enum dam_real_id id);

/* What was found, for good: the copy in the gate is wiped in a child. */
extern void *dam_real_found[DAM_REAL_NR];

/** dam_real_known() - the same without a search: NULL until the constructor has run. */
static inline void *dam_real_known(enum dam_real_id id)
{
	return __atomic_load_n(&dam_real_found[id], __ATOMIC_ACQUIRE);
}

/** dam_real_init() - find those that must not be looked up late: in a vfork child, a signal handler. */
void dam_real_init(void);

/** dam_real_errno() - report what the kernel returned in libc's manner. */
static inline long dam_real_errno(long ret)
{
	if (!dam_sys_failed(ret))
		return ret;
	errno = (int)-ret;
	return -1;
}

/* As far as the gate knows it: NULL before the first call, and in a child. */
#define DAM_AT_HAND(name) ((__typeof__(&(name)))dam_gate.real[DAM_REAL_##name])

/* The function behind hook @name, with its own type; NULL: there is none. In the hook itself only. */
#define DAM_REAL(name)                                                    \
	((__typeof__(&(name)))(DAM_LIKELY(dam_gate.real[DAM_REAL_##name]) \
				       ? dam_gate.real[DAM_REAL_##name]   \
				       : dam_real_find(DAM_REAL_##name)))

#endif
