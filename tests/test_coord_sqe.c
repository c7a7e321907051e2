/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What io_uring entries ask for: rows, and any bytes at all. */
#include "config.h"

#include <check.h>
#include <linux/nvme_ioctl.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"
#include "tools/coord/sqe.h"

#define NVME_IO	    0xc0484e80u /* NVME_URING_CMD_IO */
#define NVME_IO_VEC 0xc0484e81u
#define OTHER_CMD   0x00007501u

static const struct row {
	const char *why;
	uint8_t opcode, flags;
	uint32_t len, cmd_op;
	bool wide;
	struct coord_sqe want; /* fd 5 */
} rows[] = {
	{"a read has its bytes in len",
	 IORING_OP_READ,
	 0,
	 4096,
	 0,
	 false,
	 {.moves = true, .sized = true, .bytes = 4096}},
	{"so has a write into a registered file",
	 IORING_OP_WRITE_FIXED,
	 IOSQE_FIXED_FILE,
	 8192,
	 0,
	 false,
	 {.moves = true, .write = true, .sized = true, .fixed = true, .bytes = 8192}},
	{"for vectors len is their number", IORING_OP_READV, 0, 2, 0, false, {.moves = true}},
	{"a buffer that the kernel picks has no size yet",
	 IORING_OP_READ,
	 IOSQE_BUFFER_SELECT,
	 4096,
	 0,
	 false,
	 {.moves = true}},
	{"without a completion nobody can tell when it ends",
	 IORING_OP_WRITE,
	 IOSQE_CQE_SKIP_SUCCESS,
	 512,
	 0,
	 false,
	 {.moves = true, .write = true, .sized = true, .lasts = true, .bytes = 512}},
	{"a poll stays as long as it likes", IORING_OP_POLL_ADD, 0, 0, 0, false, {.lasts = true}},
	{"a receive may never end",
	 IORING_OP_RECV,
	 0,
	 100,
	 0,
	 false,
	 {.moves = true, .sized = true, .lasts = true, .bytes = 100}},
	{"nothing is moved by a no-op", IORING_OP_NOP, 0, 7, 0, false, {.moves = false}},
	{"of an operation from the future nothing is known", 200, 0, 7, 0, false, {.lasts = true}},
	{"an NVMe read says its length in the command",
	 IORING_OP_URING_CMD,
	 0,
	 0,
	 NVME_IO,
	 true,
	 {.moves = true, .sized = true, .command = true, .bytes = 4096}},
	{"one with vectors does not",
	 IORING_OP_URING_CMD,
	 0,
	 0,
	 NVME_IO_VEC,
	 true,
	 {.moves = true, .command = true}},
	{"in a narrow entry there is no NVMe command",
	 IORING_OP_URING_CMD,
	 0,
	 0,
	 NVME_IO,
	 false,
	 {.moves = false}},
	{"another driver's command may be anything",
	 IORING_OP_URING_CMD,
	 0,
	 0,
	 OTHER_CMD,
	 true,
	 {.lasts = true}},
};

START_TEST(test_row)
{
	const struct row *r = &rows[_i];
	const struct nvme_uring_cmd cmd = {.opcode = 2, .data_len = 4096};
	struct coord_peek_sqe e = {
		.sqe = {.opcode = r->opcode, .flags = r->flags, .len = r->len, .fd = 5}};
	struct coord_sqe got;

	e.sqe.cmd_op = r->cmd_op;
	if (r->cmd_op)
		memcpy((char *)&e + offsetof(struct io_uring_sqe, cmd), &cmd, sizeof(cmd));
	coord_sqe_read(&e, r->wide, &got);
	ck_assert_msg(got.moves == r->want.moves && got.lasts == r->want.lasts, "%s", r->why);
	if (!got.moves)
		return;
	ck_assert_msg(got.write == r->want.write && got.sized == r->want.sized && got.fd == 5 &&
			      got.command == r->want.command && got.fixed == r->want.fixed &&
			      got.bytes == r->want.bytes,
		      "%s", r->why);
}
END_TEST

/* Entries may be torn, or filled with malice: no content is refused, and sizes are never made up.
 */
START_TEST(test_any_bytes)
{
	srand(1);
	for (int i = 0; i < 100000; i++) {
		struct coord_peek_sqe e;
		struct coord_sqe got;

		for (size_t b = 0; b < sizeof(e); b++)
			((unsigned char *)&e)[b] = (unsigned char)rand();
		coord_sqe_read(&e, i & 1, &got);
		ck_assert(got.sized || !got.bytes);
		ck_assert(got.bytes <= UINT32_MAX);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sqe");
	TCase *t = tcase_create("sqe");

	tcase_add_loop_test(t, test_row, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(t, test_any_bytes);
	suite_add_tcase(s, t);
	return run_suite(s);
}
