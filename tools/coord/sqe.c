/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What an io_uring entry asks for: one table of opcodes. A new one is a row. */
#include "config.h"
#include "tools/coord/sqe.h"

#include <linux/nvme_ioctl.h>
#include <stddef.h>
#include <string.h>

/* Newer than the oldest supported header. */
#define OP_READ_MULTISHOT 49
#define OP_READV_FIXED	  58
#define OP_WRITEV_FIXED	  59
#define OP_RECV_ZC	  56
#define OP_URING_CMD128	  64
#define OP_NR		  65

enum { MOVES = 1, WRITE = 2, SIZED = 4, LASTS = 8, COMMAND = 16 };

static const uint8_t ops[OP_NR] = {
	[IORING_OP_READV] = MOVES,
	[IORING_OP_WRITEV] = MOVES | WRITE,
	[IORING_OP_READ_FIXED] = MOVES | SIZED,
	[IORING_OP_WRITE_FIXED] = MOVES | WRITE | SIZED,
	[IORING_OP_READ] = MOVES | SIZED,
	[IORING_OP_WRITE] = MOVES | WRITE | SIZED,
	[OP_READV_FIXED] = MOVES,
	[OP_WRITEV_FIXED] = MOVES | WRITE,
	[OP_READ_MULTISHOT] = MOVES | LASTS,
	[IORING_OP_SEND] = MOVES | WRITE | SIZED | LASTS,
	[IORING_OP_RECV] = MOVES | SIZED | LASTS,
	[IORING_OP_SENDMSG] = MOVES | WRITE | LASTS,
	[IORING_OP_RECVMSG] = MOVES | LASTS,
	[IORING_OP_SEND_ZC] = MOVES | WRITE | SIZED | LASTS,
	[IORING_OP_SENDMSG_ZC] = MOVES | WRITE | LASTS,
	[OP_RECV_ZC] = MOVES | LASTS,
	[IORING_OP_URING_CMD] = COMMAND,
	[OP_URING_CMD128] = COMMAND,
	[IORING_OP_POLL_ADD] = LASTS,
	[IORING_OP_TIMEOUT] = LASTS,
	[IORING_OP_ACCEPT] = LASTS,
	[IORING_OP_LINK_TIMEOUT] = LASTS,
	[IORING_OP_CONNECT] = LASTS,
	[IORING_OP_EPOLL_CTL] = LASTS,
	[IORING_OP_SPLICE] = LASTS,
	[IORING_OP_TEE] = LASTS,
};

/* An NVMe command; bits 1:0 of its opcode say where data goes. */
static void read_command(const struct coord_peek_sqe *e, struct coord_sqe *out)
{
	struct nvme_uring_cmd cmd;

	if ((e->sqe.cmd_op >> 8 & 0xff) != 'N') {
		out->lasts = true; /* some other driver's: nothing is known of it */
		return;
	}
	memcpy(&cmd, (const char *)e + offsetof(struct io_uring_sqe, cmd), sizeof(cmd));
	out->moves = cmd.opcode & 3;
	out->write = cmd.opcode & 1;
	out->command = true;
	out->sized = !(e->sqe.cmd_op & 1); /* odd: data_len counts iovecs */
	out->bytes = out->sized ? cmd.data_len : 0;
}

void coord_sqe_read(const struct coord_peek_sqe *e, bool wide, struct coord_sqe *out)
{
	const struct io_uring_sqe *sqe = &e->sqe;
	unsigned int row = sqe->opcode < OP_NR ? ops[sqe->opcode] : LASTS;

	*out = (struct coord_sqe){
		.moves = row & MOVES,
		.write = row & WRITE,
		.sized = (row & SIZED) && !(sqe->flags & IOSQE_BUFFER_SELECT),
		.lasts = row & LASTS || sqe->flags & IOSQE_CQE_SKIP_SUCCESS,
		.fixed = sqe->flags & IOSQE_FIXED_FILE,
		.fd = sqe->fd,
	};
	if (out->sized)
		out->bytes = sqe->len;
	if (row & COMMAND && (wide || sqe->opcode == OP_URING_CMD128))
		read_command(e, out);
}
