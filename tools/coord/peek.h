/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* One look into an io_uring ring of another process: mapped read-only, copied, let go; never held.
 */
#ifndef DAM_TOOLS_COORD_PEEK_H
#define DAM_TOOLS_COORD_PEEK_H

#include <linux/io_uring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define COORD_PEEK_SQES 32 /* newest submitted entries that a look copies, at most */

/* What is found out of a ring at the first looks, to be kept by the caller; zeroed at first. */
struct coord_shape {
	uint64_t ino; /* tells a ring from the next one behind the same descriptor; 0: not looked
			 yet */
	uint32_t entries; /* of the submission queue */
	uint32_t cq_entries;
	uint32_t array; /* offset of the submission queue's array; 0: entry i stands at i, or not
			   known */
	bool wide;	/* entries of 128 bytes */
	bool sqes;	/* entries can be mapped */
};

/* Where a process has mapped a ring of its own; a length of 0: that part it has not. */
struct coord_mapped {
	uint64_t ino;
	uint64_t ring_at, ring_bytes, sqes_at, sqes_bytes;
};

/* An entry, with the second half of a wide one. */
struct coord_peek_sqe {
	struct io_uring_sqe sqe;
	uint8_t more[64];
};

/* All of it is the other process's word: a ring's header is writable by its owner. */
struct coord_peek {
	uint32_t head, tail, cq_head, cq_tail, overflow;
	unsigned int nr; /* entries copied, newest first */
	struct coord_peek_sqe sqe[COORD_PEEK_SQES];
};

/**
 * coord_peek_open() - learn from a ring of our own how this kernel lays rings out
 * Return: 0; -errno: no rings can be observed here.
 */
int coord_peek_open(void);

/** coord_peek_distinct() - does each ring have an inode of its own, so that two descriptors of one
 * can be told? */
bool coord_peek_distinct(void);

/**
 * coord_peek() - look at descriptor @fd of the process behind @pidfd
 * @shape: filled at the first look
 * @since: the head at the last look: entries are copied only if some were submitted since then
 *
 * Return: 0; -EBADF: there is no ring any more, or another one; -ESRCH: the process has ended;
 * -EPERM: not allowed; -EOPNOTSUPP: a ring in the program's own memory, which cannot be mapped;
 * -EFAULT: it changed under us.
 */
int coord_peek(int pidfd, int fd, struct coord_shape *shape, uint32_t since,
	       struct coord_peek *out);

/**
 * coord_peek_mapped() - the same for a ring without a descriptor, by copying what process @pid has mapped
 *
 * Return: as coord_peek(); -EOPNOTSUPP: this kernel does not let the memory of rings be read so.
 */
int coord_peek_mapped(pid_t pid, const struct coord_mapped *m, struct coord_shape *shape, uint32_t since,
		      struct coord_peek *out);

#endif
