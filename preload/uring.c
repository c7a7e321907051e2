/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Opcodes of io_uring. A new one is a row. */
#include "config.h"
#include "preload/uring.h"

#include <linux/nvme_ioctl.h>
#include <sys/ioctl.h>
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
#define OP_NR		  65

enum len {
	LEN_NONE,    /* no DMA: not counted */
	LEN_LEN,     /* bytes in len */
	LEN_IOV,     /* len is a count of iovecs at addr */
	LEN_MSG,     /* a msghdr at addr */
	LEN_UNKNOWN, /* known at completion only: an operation without bytes */
	LEN_CMD,     /* an NVMe command in cmd */
};

enum {
	LASTS = 1,	 /* may stay in flight for as long as it likes, or complete many times */
	WIDE = 2,	 /* takes two entries in a ring of mixed sizes */
	CLOSES = 4,	 /* closes fd, or the fixed file */
	CHANGES_FIXED = 8, /* changes fixed files */
};

static const struct {
	uint8_t len, dir, flags;
} ops[OP_NR] = {
	[IORING_OP_READV] = {LEN_IOV, DAM_DIR_READ, 0},
	[IORING_OP_WRITEV] = {LEN_IOV, DAM_DIR_WRITE, 0},
	[IORING_OP_READ_FIXED] = {LEN_LEN, DAM_DIR_READ, 0},
	[IORING_OP_WRITE_FIXED] = {LEN_LEN, DAM_DIR_WRITE, 0},
	[IORING_OP_READ] = {LEN_LEN, DAM_DIR_READ, 0},
	[IORING_OP_WRITE] = {LEN_LEN, DAM_DIR_WRITE, 0},
	[OP_READV_FIXED] = {LEN_IOV, DAM_DIR_READ, 0},
	[OP_WRITEV_FIXED] = {LEN_IOV, DAM_DIR_WRITE, 0},
	[OP_READ_MULTISHOT] = {LEN_UNKNOWN, DAM_DIR_READ, LASTS},
	[IORING_OP_SEND] = {LEN_LEN, DAM_DIR_WRITE, LASTS},
	[IORING_OP_RECV] = {LEN_LEN, DAM_DIR_READ, LASTS},
	[IORING_OP_SENDMSG] = {LEN_MSG, DAM_DIR_WRITE, LASTS},
	[IORING_OP_RECVMSG] = {LEN_MSG, DAM_DIR_READ, LASTS},
	[IORING_OP_SEND_ZC] = {LEN_LEN, DAM_DIR_WRITE, LASTS},
	[IORING_OP_SENDMSG_ZC] = {LEN_MSG, DAM_DIR_WRITE, LASTS},
	[OP_RECV_ZC] = {LEN_UNKNOWN, DAM_DIR_READ, LASTS},
	[IORING_OP_URING_CMD] = {LEN_CMD, 0, 0},
	[OP_URING_CMD128] = {LEN_CMD, 0, WIDE},
	[OP_NOP128] = {LEN_NONE, 0, WIDE},
	[IORING_OP_POLL_ADD] = {LEN_NONE, 0, LASTS},
	[IORING_OP_TIMEOUT] = {LEN_NONE, 0, LASTS},
	[IORING_OP_ACCEPT] = {LEN_NONE, 0, LASTS | CHANGES_FIXED},
	[IORING_OP_LINK_TIMEOUT] = {LEN_NONE, 0, LASTS},
	[IORING_OP_CONNECT] = {LEN_NONE, 0, LASTS},
	[IORING_OP_EPOLL_CTL] = {LEN_NONE, 0, LASTS},
	[IORING_OP_SPLICE] = {LEN_NONE, 0, LASTS},
	[IORING_OP_TEE] = {LEN_NONE, 0, LASTS},
	[IORING_OP_CLOSE] = {LEN_NONE, 0, CLOSES},
	[IORING_OP_FILES_UPDATE] = {LEN_NONE, 0, CHANGES_FIXED},
	[IORING_OP_OPENAT] = {LEN_NONE, 0, CHANGES_FIXED},
	[IORING_OP_OPENAT2] = {LEN_NONE, 0, CHANGES_FIXED},
	[IORING_OP_SOCKET] = {LEN_NONE, 0, CHANGES_FIXED},
};

/* Of these, the ones with a length can complete more than once when ioprio says so (multishot receive). */
#define RECV_MULTISHOT (1u << 1)

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
	*bytes = sqe->cmd_op & 1 ? dam_iov_bytes((const void *)(uintptr_t)c->addr, c->data_len) :
				   c->data_len;
	return dam_nvme_dir(c->opcode);
}

/* What does not move data by itself, yet changes what is known. */
static DAM_COLD void note_side_effect(const struct io_uring_sqe *sqe, unsigned int flags, int ring_fd)
{
	struct dam_ring *r;

	if (flags & LASTS) {
		r = dam_ring_get(ring_fd);
		if (r)
			r->unsteady = true;
	}
	if ((flags & CLOSES) && !sqe->file_index)
		dam_place_forget(sqe->fd);
	if ((flags & (CLOSES | CHANGES_FIXED)) && (sqe->file_index || sqe->opcode == IORING_OP_FILES_UPDATE))
		dam_ring_files_gone(ring_fd);
}

static void count_sqe(struct dam_slot *s, const struct io_uring_sqe *sqe, const struct dam_sq *sq,
		      uint64_t sign)
{
	int dir = ops[sqe->opcode].dir;
	uint64_t bytes = sqe->len;
	uint8_t index;

	if (ops[sqe->opcode].len != LEN_LEN) {
		if (ops[sqe->opcode].len == LEN_IOV)
			bytes = dam_iov_bytes((const void *)(uintptr_t)sqe->addr, sqe->len);
		else if (ops[sqe->opcode].len == LEN_MSG)
			bytes = msg_bytes((const void *)(uintptr_t)sqe->addr);
		else if (ops[sqe->opcode].len == LEN_UNKNOWN)
			bytes = 0;
		else
			dir = cmd_bytes(sqe, sq->shift || sqe->opcode == OP_URING_CMD128, &bytes);
		if (dir < 0)
			return;
	}
	if (DAM_UNLIKELY(sqe->flags & (IOSQE_BUFFER_SELECT | IOSQE_CQE_SKIP_SUCCESS))) {
		if (sqe->flags & IOSQE_BUFFER_SELECT)
			bytes = 0; /* the kernel picks the buffer */
		if (sqe->flags & IOSQE_CQE_SKIP_SUCCESS)
			note_side_effect(sqe, LASTS, sq->ring_fd);
	}
	if (DAM_UNLIKELY(sqe->flags & IOSQE_FIXED_FILE))
		index = dam_route[dam_ring_file(sq->ring_fd, (unsigned int)sqe->fd)];
	else
		index = dam_place_index(sqe->fd);
	if (DAM_LIKELY(index != DAM_ROUTE_IGNORE))
		dam_account_io(s, index, (enum dam_dir)dir, bytes, 1, sign);
	else
		note_side_effect(sqe, LASTS, sq->ring_fd); /* a pipe or an eventfd may never be ready */
}

void dam_uring_walk(struct dam_slot *s, const struct dam_sq *sq, unsigned int n, uint64_t sign)
{
	for (unsigned int i = 0; i < n; i++) {
		unsigned int at = (sq->head + i) & sq->mask;
		const struct io_uring_sqe *sqe;

		if (DAM_UNLIKELY(sq->array != NULL))
			at = __atomic_load_n(&sq->array[at], __ATOMIC_RELAXED) & sq->mask;
		sqe = sq->sqes + ((size_t)at << sq->shift);
		if (DAM_UNLIKELY(sqe->opcode >= OP_NR))
			continue;
		if (DAM_UNLIKELY(ops[sqe->opcode].flags)) {
			note_side_effect(sqe, ops[sqe->opcode].flags, sq->ring_fd);
			i += (ops[sqe->opcode].flags & WIDE) && !sq->shift;
		}
		if (ops[sqe->opcode].len != LEN_NONE)
			count_sqe(s, sqe, sq, sign);
	}
}

int dam_uring_fd(const struct dam_sq *sq)
{
	unsigned int at = sq->head & sq->mask;
	const struct io_uring_sqe *sqe;

	if (sq->array)
		at = sq->array[at] & sq->mask;
	sqe = sq->sqes + ((size_t)at << sq->shift);
	return sqe->flags & IOSQE_FIXED_FILE ? -1 : sqe->fd;
}
