/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Opcodes of io_uring. A new one is a row. */
#include "config.h"
#include "preload/uring.h"

#include <linux/nvme_ioctl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "preload/account.h"
#include "preload/nvme.h"
#include "preload/peek.h"
#include "preload/place.h"
#include "preload/ring.h"

/* Newer than the oldest supported header. */
#define OP_READ_MULTISHOT 49
#define OP_READV_FIXED	  58
#define OP_WRITEV_FIXED	  59
#define OP_RECV_ZC	  56
#define OP_NOP128	  63
#define OP_URING_CMD128	  64
#define NO_OPCODE	  255

enum len {
	LEN_NONE,    /* no DMA: not counted */
	LEN_LEN,     /* bytes in len */
	LEN_IOV,     /* len is a count of iovecs at addr */
	LEN_MSG,     /* a msghdr at addr */
	LEN_UNKNOWN, /* known at completion only: an operation without bytes */
	LEN_CMD,     /* an NVMe command in cmd */
};

enum {
	LASTS = 1,	   /* may stay in flight for as long as it likes, or complete many times */
	WIDE = 2,	   /* takes two entries in a ring of mixed sizes */
	CLOSES = 4,	   /* closes fd, or the fixed file */
	CHANGES_FIXED = 8, /* changes fixed files */
};

/* One byte a row: the rows in common use share a line of the cache. */
#define ROW(len, dir, flags) ((len) | (dir) << 3 | (flags) << 4)
#define ROW_LEN(row)	     ((enum len)((row)&7))
#define ROW_DIR(row)	     ((enum dam_dir)((row) >> 3 & 1))
#define ROW_FLAGS(row)	     ((unsigned int)(row) >> 4)
#define SIMPLE(row)	     (((row) & ~ROW(0, DAM_DIR_WRITE, 0)) == ROW(LEN_LEN, 0, 0))

static const uint8_t rows[] __attribute__((aligned(64))) = {
	[IORING_OP_READV] = ROW(LEN_IOV, DAM_DIR_READ, 0),
	[IORING_OP_WRITEV] = ROW(LEN_IOV, DAM_DIR_WRITE, 0),
	[IORING_OP_READ_FIXED] = ROW(LEN_LEN, DAM_DIR_READ, 0),
	[IORING_OP_WRITE_FIXED] = ROW(LEN_LEN, DAM_DIR_WRITE, 0),
	[IORING_OP_READ] = ROW(LEN_LEN, DAM_DIR_READ, 0),
	[IORING_OP_WRITE] = ROW(LEN_LEN, DAM_DIR_WRITE, 0),
	[OP_READV_FIXED] = ROW(LEN_IOV, DAM_DIR_READ, 0),
	[OP_WRITEV_FIXED] = ROW(LEN_IOV, DAM_DIR_WRITE, 0),
	[OP_READ_MULTISHOT] = ROW(LEN_UNKNOWN, DAM_DIR_READ, LASTS),
	[IORING_OP_SEND] = ROW(LEN_LEN, DAM_DIR_WRITE, LASTS),
	[IORING_OP_RECV] = ROW(LEN_LEN, DAM_DIR_READ, LASTS),
	[IORING_OP_SENDMSG] = ROW(LEN_MSG, DAM_DIR_WRITE, LASTS),
	[IORING_OP_RECVMSG] = ROW(LEN_MSG, DAM_DIR_READ, LASTS),
	[IORING_OP_SEND_ZC] = ROW(LEN_LEN, DAM_DIR_WRITE, LASTS),
	[IORING_OP_SENDMSG_ZC] = ROW(LEN_MSG, DAM_DIR_WRITE, LASTS),
	[OP_RECV_ZC] = ROW(LEN_UNKNOWN, DAM_DIR_READ, LASTS),
	[IORING_OP_URING_CMD] = ROW(LEN_CMD, 0, 0),
	[OP_URING_CMD128] = ROW(LEN_CMD, 0, WIDE),
	[OP_NOP128] = ROW(LEN_NONE, 0, WIDE),
	[IORING_OP_POLL_ADD] = ROW(LEN_NONE, 0, LASTS),
	[IORING_OP_TIMEOUT] = ROW(LEN_NONE, 0, LASTS),
	[IORING_OP_ACCEPT] = ROW(LEN_NONE, 0, LASTS | CHANGES_FIXED),
	[IORING_OP_LINK_TIMEOUT] = ROW(LEN_NONE, 0, LASTS),
	[IORING_OP_CONNECT] = ROW(LEN_NONE, 0, LASTS),
	[IORING_OP_EPOLL_CTL] = ROW(LEN_NONE, 0, LASTS),
	[IORING_OP_SPLICE] = ROW(LEN_NONE, 0, LASTS),
	[IORING_OP_TEE] = ROW(LEN_NONE, 0, LASTS),
	[IORING_OP_CLOSE] = ROW(LEN_NONE, 0, CLOSES),
	[IORING_OP_FILES_UPDATE] = ROW(LEN_NONE, 0, CHANGES_FIXED),
	[IORING_OP_OPENAT] = ROW(LEN_NONE, 0, CHANGES_FIXED),
	[IORING_OP_OPENAT2] = ROW(LEN_NONE, 0, CHANGES_FIXED),
	[IORING_OP_SOCKET] = ROW(LEN_NONE, 0, CHANGES_FIXED),
};

static inline uint8_t row_of(uint8_t opcode)
{
	return opcode < sizeof(rows) ? rows[opcode] : 0;
}

static uint64_t msg_bytes(const struct msghdr *m)
{
	return dam_peek(m, sizeof(*m)) ? dam_iov_bytes(m->msg_iov, m->msg_iovlen) : 0;
}

/* An NVMe command in an entry of 128 bytes. Return: its direction; -1: another command, or no data. */
static int cmd_bytes(const struct io_uring_sqe *sqe, bool wide, uint64_t *bytes)
{
	const struct nvme_uring_cmd *c = (const void *)sqe->cmd;

	if (!wide || (sqe->cmd_op & ~3u) != (NVME_URING_CMD_IO & ~3u))
		return -1;
	*bytes = sqe->cmd_op & 1 ? dam_iov_bytes((const void *)(uintptr_t)c->addr, c->data_len)
				 : c->data_len;
	return dam_nvme_dir(c->opcode);
}

/* What does not move data by itself, yet changes what is known. */
static DAM_COLD void note_side_effect(const struct io_uring_sqe *sqe, unsigned int flags,
				      int ring_fd)
{
	struct dam_ring *r;

	if (flags & LASTS) {
		r = dam_ring_get(ring_fd);
		if (r)
			r->unsteady = true;
	}
	if ((flags & CLOSES) && !sqe->file_index)
		dam_place_forget(sqe->fd);
	if ((flags & (CLOSES | CHANGES_FIXED)) &&
	    (sqe->file_index || sqe->opcode == IORING_OP_FILES_UPDATE))
		dam_ring_files_gone(ring_fd);
}

/* An entry whose length is not simply len, or with flags, or without DMA. */
static DAM_COLD void count_other(struct dam_run *run, const struct io_uring_sqe *sqe,
				 const struct dam_sq *sq)
{
	uint8_t row = rows[sqe->opcode], index;
	int dir = ROW_DIR(row);
	uint64_t bytes = sqe->len;

	if (ROW_FLAGS(row) || (sqe->flags & IOSQE_CQE_SKIP_SUCCESS))
		note_side_effect(sqe,
				 ROW_FLAGS(row) | (sqe->flags & IOSQE_CQE_SKIP_SUCCESS ? LASTS : 0),
				 sq->ring_fd);
	if (ROW_LEN(row) == LEN_NONE)
		return;
	if (ROW_LEN(row) == LEN_IOV)
		bytes = dam_iov_bytes((const void *)(uintptr_t)sqe->addr, sqe->len);
	else if (ROW_LEN(row) == LEN_MSG)
		bytes = msg_bytes((const void *)(uintptr_t)sqe->addr);
	else if (ROW_LEN(row) == LEN_CMD)
		dir = cmd_bytes(sqe, sq->shift || sqe->opcode == OP_URING_CMD128, &bytes);
	if (dir < 0)
		return;
	if (ROW_LEN(row) == LEN_UNKNOWN || (sqe->flags & IOSQE_BUFFER_SELECT))
		bytes = 0; /* the kernel picks the buffer */
	index = sqe->flags & IOSQE_FIXED_FILE
			? dam_place_index_of(dam_ring_file(sq->ring_fd, (unsigned int)sqe->fd))
			: dam_place_index(sqe->fd);
	if (index != DAM_ROUTE_IGNORE)
		dam_run_add(run, index, (enum dam_dir)dir, bytes);
	else /* a pipe or an eventfd may never be ready */
		note_side_effect(sqe, LASTS, sq->ring_fd);
}

/* What of an entry tells whether it is like another. */
union head {
	struct {
		uint8_t opcode, flags;
		uint16_t ioprio;
		int32_t fd;
	};
	uint64_t word;
};
_Static_assert(offsetof(struct io_uring_sqe, fd) == offsetof(union head, fd), "the kernel's order");

/* From entry @i on, whatever they are. Return: how many were counted. */
static __attribute__((noinline)) uint64_t walk_mixed(struct dam_slot *s, const struct dam_sq *sq, unsigned int i,
						     unsigned int n, uint64_t sign)
{
	struct dam_run run = dam_run_begin(s, sign);

	for (; i < n; i++) {
		const struct io_uring_sqe *sqe = dam_sq_entry(sq, i);
		uint8_t row, index;

		row = row_of(sqe->opcode);
		if (row == 0)
			continue;
		if (DAM_LIKELY(SIMPLE(row) && !(sqe->flags & ~DAM_URING_PLAIN))) {
			index = dam_place_index(sqe->fd);
			if (DAM_LIKELY(index != DAM_ROUTE_IGNORE)) {
				dam_run_add(&run, index, ROW_DIR(row), sqe->len);
				continue;
			}
		}
		count_other(&run, sqe, sq);
		i += (ROW_FLAGS(row) & WIDE) && !sq->shift;
	}
	dam_run_end(&run);
	return run.counted;
}

/* Entries like this one are known from here on: dam_uring_unlike(). @row: its. After it was counted in slot @s. */
static inline void note_like(struct dam_slot *s, union head first, uint8_t row)
{
	struct dam_self *me = &dam_self;
	uint32_t seq = __atomic_load_n(&dam_gate.seqs.fds, __ATOMIC_RELAXED);
	bool moves = SIMPLE(row) && !first.flags && first.fd == me->fd && seq == me->fds_seq &&
		     me->index < DAM_LEDGER_TARGETS;

	me->last_seqs.fds = seq;
	me->like_fd = first.fd;
	me->like_opcode = moves || !row ? first.opcode : NO_OPCODE;
	me->like_moves = moves;
	me->like_sum = moves ? dam_account_where(s, me->index, ROW_DIR(row)) : &me->like_nothing.read_bytes;
}

/* Entries alike, on the descriptor counted last, are added up in registers: a batch is mostly nothing else. */
DAM_HOT uint64_t dam_uring_walk(struct dam_slot *s, const struct dam_sq *sq, unsigned int n, uint64_t sign)
{
	const union head relevant = {.opcode = 0xff, .flags = (uint8_t)~DAM_URING_PLAIN, .fd = -1};
	struct dam_self *me = &dam_self;
	const struct io_uring_sqe *sqe = dam_sq_entry(sq, 0);
	uint64_t bytes = 0;
	unsigned int i = 0;
	union head first, next;
	uint8_t row;

	dam_count_add(&s->ring_ops, n * sign);
	first = (union head){.opcode = sqe->opcode, .flags = sqe->flags & (uint8_t)~DAM_URING_PLAIN, .fd = sqe->fd};
	row = row_of(first.opcode);
	if (DAM_UNLIKELY(!SIMPLE(row) || first.flags || dam_place_unlike(first.fd))) {
		uint64_t counted = walk_mixed(s, sq, 0, n, sign);

		note_like(s, first, row);
		return counted;
	}
	note_like(s, first, row);
	for (;;) {
		bytes += sqe->len;
		if (++i == n)
			break;
		sqe = dam_sq_entry(sq, i);
		memcpy(&next, sqe, sizeof(next));
		if ((next.word & relevant.word) != first.word)
			break;
	}
	dam_account_io(s, me->index, ROW_DIR(row), bytes, i, sign);
	return DAM_LIKELY(i == n) ? n : i + walk_mixed(s, sq, i, n, sign);
}

int dam_uring_fd(const struct dam_sq *sq)
{
	const struct io_uring_sqe *sqe = dam_sq_entry(sq, 0);

	return sqe->flags & IOSQE_FIXED_FILE ? -1 : sqe->fd;
}
