/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The tables of ioctls, io_uring opcodes and libaio opcodes: what one operation moves, without a device. */
#include "config.h"

#include <check.h>
#include <linux/bsg.h>
#include <linux/nvme_ioctl.h>
#include <scsi/sg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "preload/account.h"
#include "preload/aio.h"
#include "preload/ioctls.h"
#include "preload/place.h"
#include "preload/ring.h"
#include "preload/uring.h"

/* -- the rest of the library, as far as the tables see it: descriptor 5 is the engine, 6 a pipe ---------- */

#define ENGINE 2
#define FILE_FD 5
#define PIPE_FD 6

struct dam_gate dam_gate;
__thread struct dam_self dam_self;
bool dam_sealed, dam_enabled;
struct dam_fd dam_fds[DAM_FDS];
uint32_t dam_place_lba[DAM_PLACES] = {[DAM_PLACE_DEVICE] = 512};
static struct dam_slot slot;
static struct dam_ring ring;
static int forgotten, fixed_gone;

struct dam_slot *dam_slot_slow(void)
{
	return &slot;
}

uint8_t dam_place_find(int fd)
{
	return fd == FILE_FD ? ENGINE : DAM_ROUTE_IGNORE;
}

uint8_t dam_place_device(int fd)
{
	return fd == FILE_FD ? DAM_PLACE_DEVICE : DAM_PLACE_IGNORE;
}

void dam_place_forget(int fd)
{
	forgotten = fd;
}

struct dam_ring *dam_ring_get(int fd)
{
	(void)fd;
	return &ring;
}

void dam_ring_files_gone(int fd)
{
	fixed_gone = fd;
}

uint8_t dam_ring_file(int fd, unsigned int index)
{
	(void)fd;
	return index == 1 ? DAM_PLACE_DEVICE : DAM_PLACE_OTHER;
}

void dam_account_sample_slow(struct dam_slot *s, int fd)
{
	(void)s;
	(void)fd;
}

static void setup(void)
{
	memset(&slot, 0, sizeof(slot));
	memset(&ring, 0, sizeof(ring));
	memset(&dam_self, 0, sizeof(dam_self));
	dam_self.fd = -1;
	dam_self.countdown = 100;
	dam_gate.route[DAM_PLACE_IGNORE] = DAM_ROUTE_IGNORE;
	dam_gate.route[DAM_PLACE_DEVICE] = ENGINE;
	forgotten = fixed_gone = -1;
}

/* -- ioctls ------------------------------------------------------------------------------------------ */

static const struct iovec two[2] = {{NULL, 1000}, {NULL, 24}};
static const struct nvme_passthru_cmd nvme_read = {.opcode = 2, .data_len = 4096};
static const struct nvme_passthru_cmd nvme_write = {.opcode = 1, .data_len = 8192};
static const struct nvme_passthru_cmd nvme_flush = {.opcode = 0, .data_len = 0};
static const struct nvme_passthru_cmd nvme_identify = {.opcode = 6, .data_len = 4096};
static const struct nvme_passthru_cmd64 nvme_vec = {.opcode = 2, .addr = 0, .vec_cnt = 2};
static const struct nvme_user_io user_io = {.opcode = 1, .nblocks = 7};
static const struct sg_io_hdr sg_read = {
	.interface_id = 'S', .dxfer_direction = SG_DXFER_FROM_DEV, .dxfer_len = 4096, .resid = 96};
static const struct sg_io_hdr sg_write = {
	.interface_id = 'S', .dxfer_direction = SG_DXFER_TO_DEV, .dxfer_len = 512};
static const struct sg_io_hdr sg_both = {
	.interface_id = 'S', .dxfer_direction = SG_DXFER_TO_FROM_DEV, .dxfer_len = 512};
static const struct sg_io_hdr sg_none = {.interface_id = 'S', .dxfer_direction = SG_DXFER_NONE};
static const struct sg_io_hdr sg_damaged = {
	.interface_id = 'S', .dxfer_direction = SG_DXFER_FROM_DEV, .dxfer_len = 512, .resid = 9999};
static const struct sg_io_v4 sg_v4 = {
	.guard = 'Q', .dout_xfer_len = 512, .din_xfer_len = 4096, .din_resid = 4000};

static const struct {
	const char *why;
	unsigned long req;
	const void *arg;
	int fd, ret;
	struct dam_count want;
} ioctl_rows[] = {
	{"read", NVME_IOCTL_IO_CMD, &nvme_read, FILE_FD, 0, {4096, 0, 1, 0}},
	{"write", NVME_IOCTL_IO64_CMD, &nvme_write, FILE_FD, 0, {0, 8192, 0, 1}},
	{"a command without data", NVME_IOCTL_IO_CMD, &nvme_flush, FILE_FD, 0, {0, 0, 0, 0}},
	{"admin command", NVME_IOCTL_ADMIN_CMD, &nvme_identify, FILE_FD, 0, {4096, 0, 1, 0}},
	{"a vector: its length is a count", NVME_IOCTL_IO64_CMD_VEC, &nvme_vec, FILE_FD, 0, {1024, 0, 1, 0}},
	{"blocks: one less than there are", NVME_IOCTL_SUBMIT_IO, &user_io, FILE_FD, 0, {0, 4096, 0, 1}},
	{"the device's own error: it was submitted", NVME_IOCTL_IO_CMD, &nvme_read, FILE_FD, 0x4002,
	 {4096, 0, 1, 0}},
	{"refused by the kernel: not counted", NVME_IOCTL_IO_CMD, &nvme_read, FILE_FD, -1, {0, 0, 0, 0}},
	{"not on a device: the letter N is others' too", NVME_IOCTL_IO_CMD, &nvme_read, PIPE_FD, 0, {0, 0, 0, 0}},
	{"another request of that type", NVME_IOCTL_RESET, &nvme_read, FILE_FD, 0, {0, 0, 0, 0}},
	{"what was left over is not counted", SG_IO, &sg_read, FILE_FD, 0, {4000, 0, 1, 0}},
	{"to the device", SG_IO, &sg_write, FILE_FD, 0, {0, 512, 0, 1}},
	{"both ways", SG_IO, &sg_both, FILE_FD, 0, {512, 512, 1, 1}},
	{"no data", SG_IO, &sg_none, FILE_FD, 0, {0, 0, 0, 0}},
	{"more left over than there was", SG_IO, &sg_damaged, FILE_FD, 0, {512, 0, 1, 0}},
	{"version 4", SG_IO, &sg_v4, FILE_FD, 0, {96, 512, 1, 1}},
};

static void check_count(const struct dam_count *want, const char *why)
{
	const struct dam_count *c = &slot.count[ENGINE];

	ck_assert_msg(!memcmp(c, want, sizeof(*c)), "%s: %lu/%lu bytes, %lu/%lu operations", why,
		      c->read_bytes, c->write_bytes, c->read_ops, c->write_ops);
}

START_TEST(test_ioctl)
{
	struct nvme_passthru_cmd64 vec = nvme_vec;
	const void *arg = ioctl_rows[_i].arg;

	vec.addr = (uintptr_t)two;
	ck_assert(dam_ioctl_may(ioctl_rows[_i].req));
	dam_ioctl_count(ioctl_rows[_i].fd, ioctl_rows[_i].req, arg == &nvme_vec ? &vec : arg,
			ioctl_rows[_i].ret);
	check_count(&ioctl_rows[_i].want, ioctl_rows[_i].why);
}
END_TEST

START_TEST(test_ioctl_filter)
{
	static const unsigned long others[] = {TCGETS, FIONREAD, TIOCGWINSZ, FIONBIO, 0, ~0ul};

	for (unsigned int i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ck_assert(!dam_ioctl_may(others[i]));
}
END_TEST

/* -- io_uring ---------------------------------------------------------------------------------------- */

static struct msghdr msg = {.msg_iov = (struct iovec *)two, .msg_iovlen = 2};
static const struct nvme_uring_cmd cmd_read = {.opcode = 2, .data_len = 2048};

static const struct {
	const char *why;
	struct io_uring_sqe sqe;
	const void *pointer; /* becomes addr */
	bool wide, unsteady; /* entries of 128 bytes; the ring tells nothing of DMA in flight afterwards */
	int forgets;
	struct dam_count want;
} sqe_rows[] = {
	{"read", {.opcode = IORING_OP_READ, .fd = FILE_FD, .len = 100}, NULL, 0, 0, -1, {100, 0, 1, 0}},
	{"write", {.opcode = IORING_OP_WRITE, .fd = FILE_FD, .len = 100}, NULL, 0, 0, -1, {0, 100, 0, 1}},
	{"fixed buffer", {.opcode = IORING_OP_READ_FIXED, .fd = FILE_FD, .len = 7}, NULL, 0, 0, -1, {7, 0, 1, 0}},
	{"vector: a count", {.opcode = IORING_OP_READV, .fd = FILE_FD, .len = 2}, two, 0, 0, -1, {1024, 0, 1, 0}},
	{"vector out", {.opcode = IORING_OP_WRITEV, .fd = FILE_FD, .len = 2}, two, 0, 0, -1, {0, 1024, 0, 1}},
	{"a bad vector: the operation counts, its bytes are unknown",
	 {.opcode = IORING_OP_READV, .fd = FILE_FD, .len = 2}, (void *)4096, 0, 0, -1, {0, 0, 1, 0}},
	{"no vector at all", {.opcode = IORING_OP_READV, .fd = FILE_FD, .len = 2}, NULL, 0, 0, -1, {0, 0, 1, 0}},
	{"an absurd vector", {.opcode = IORING_OP_READV, .fd = FILE_FD, .len = ~0u}, two, 0, 0, -1, {0, 0, 1, 0}},
	{"linked", {.opcode = IORING_OP_READ, .fd = FILE_FD, .len = 9, .flags = IOSQE_IO_LINK}, NULL, 0, 0, -1,
	 {9, 0, 1, 0}},
	{"fixed file 1", {.opcode = IORING_OP_READ, .fd = 1, .len = 100, .flags = IOSQE_FIXED_FILE}, NULL, 0, 0,
	 -1, {100, 0, 1, 0}},
	{"provided buffers: bytes unknown",
	 {.opcode = IORING_OP_READ, .fd = FILE_FD, .len = 100, .flags = IOSQE_BUFFER_SELECT}, NULL, 0, 0, -1,
	 {0, 0, 1, 0}},
	{"no completion: in flight drifts",
	 {.opcode = IORING_OP_READ, .fd = FILE_FD, .len = 1, .flags = IOSQE_CQE_SKIP_SUCCESS}, NULL, 0, 1, -1,
	 {1, 0, 1, 0}},
	{"a pipe is no DMA, and may never be ready", {.opcode = IORING_OP_READ, .fd = PIPE_FD, .len = 100}, NULL,
	 0, 1, -1, {0, 0, 0, 0}},
	{"nop", {.opcode = IORING_OP_NOP, .fd = FILE_FD, .len = 100}, NULL, 0, 0, -1, {0, 0, 0, 0}},
	{"poll", {.opcode = IORING_OP_POLL_ADD, .fd = FILE_FD}, NULL, 0, 1, -1, {0, 0, 0, 0}},
	{"close", {.opcode = IORING_OP_CLOSE, .fd = FILE_FD}, NULL, 0, 0, FILE_FD, {0, 0, 0, 0}},
	{"message", {.opcode = IORING_OP_SENDMSG, .fd = FILE_FD}, &msg, 0, 1, -1, {0, 1024, 0, 1}},
	{"a bad message", {.opcode = IORING_OP_SENDMSG, .fd = FILE_FD}, (void *)4096, 0, 1, -1, {0, 0, 0, 1}},
	{"NVMe command", {.opcode = IORING_OP_URING_CMD, .fd = FILE_FD, .cmd_op = NVME_URING_CMD_IO}, NULL, 1, 0,
	 -1, {2048, 0, 1, 0}},
	{"another driver's command", {.opcode = IORING_OP_URING_CMD, .fd = FILE_FD, .cmd_op = 1}, NULL, 1, 0, -1,
	 {0, 0, 0, 0}},
	{"an opcode nobody knows", {.opcode = 255, .fd = FILE_FD, .len = 100}, NULL, 0, 0, -1, {0, 0, 0, 0}},
};

START_TEST(test_sqe)
{
	struct io_uring_sqe sqes[4] = {{0}};
	struct dam_sq sq = {.sqes = sqes, .head = 7, .mask = 1, .shift = sqe_rows[_i].wide, .ring_fd = 9};
	struct io_uring_sqe *sqe = &sqes[1u << sq.shift]; /* entry 7 & 1 */
	static const struct dam_count none;

	*sqe = sqe_rows[_i].sqe;
	if (sqe_rows[_i].pointer)
		sqe->addr = (uintptr_t)sqe_rows[_i].pointer;
	if (sqe_rows[_i].wide)
		memcpy((char *)sqe + offsetof(struct io_uring_sqe, cmd), &cmd_read, sizeof(cmd_read));
	dam_uring_walk(&slot, &sq, 1, 1);
	check_count(&sqe_rows[_i].want, sqe_rows[_i].why);
	ck_assert_msg(ring.unsteady == sqe_rows[_i].unsteady, "%s", sqe_rows[_i].why);
	ck_assert_msg(forgotten == sqe_rows[_i].forgets, "%s", sqe_rows[_i].why);
	/* and back */
	dam_uring_walk(&slot, &sq, 1, (uint64_t)-1);
	check_count(&none, sqe_rows[_i].why);
}
END_TEST

START_TEST(test_batch)
{
	static const unsigned int array[4] = {3, 2, 1, 0};
	static const struct dam_count want = {30, 100, 2, 1}, last = {10, 0, 1, 0};
	struct io_uring_sqe sqes[4] = {
		{.opcode = IORING_OP_READ, .fd = FILE_FD, .len = 10},
		{.opcode = IORING_OP_WRITE, .fd = FILE_FD, .len = 100},
		{.opcode = IORING_OP_READ, .fd = FILE_FD, .len = 20},
		{.opcode = IORING_OP_READ, .fd = PIPE_FD, .len = 5},
	};
	struct dam_sq sq = {.sqes = sqes, .array = array, .head = ~0u, .mask = 3, .ring_fd = 9};

	/* the head wraps; by the array, entries 0 (at ~0 & 3), 3, 2, 1 in turn */
	ck_assert(dam_uring_walk(&slot, &sq, 4, 1));
	check_count(&want, "a batch");
	memset(&slot, 0, sizeof(slot));
	dam_uring_walk(&slot, &sq, 1, 1);
	check_count(&last, "its first entry");
}
END_TEST

/* -- libaio ------------------------------------------------------------------------------------------ */

START_TEST(test_aio)
{
	struct iocb cb[5] = {
		{.aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = FILE_FD, .aio_nbytes = 10},
		{.aio_lio_opcode = IOCB_CMD_PWRITEV, .aio_fildes = FILE_FD, .aio_nbytes = 2,
		 .aio_buf = (uintptr_t)two},
		{.aio_lio_opcode = IOCB_CMD_FSYNC, .aio_fildes = FILE_FD, .aio_nbytes = 99},
		{.aio_lio_opcode = 99, .aio_fildes = FILE_FD, .aio_nbytes = 99},
		{.aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = FILE_FD, .aio_nbytes = 5},
	};
	struct iocb *list[6] = {&cb[0], &cb[1], &cb[2], &cb[3], &cb[4], (struct iocb *)4096};
	static const struct dam_count all = {10, 1029, 1, 2}, one = {10, 0, 1, 0}, none;
	struct dam_slot *s;

	s = dam_aio_before(1, 6, list);
	check_count(&all, "up to the one that cannot be read");
	dam_self.slot = s;
	dam_aio_after(s, 1, 6, list, 1);
	check_count(&one, "the kernel took one");
	memset(&slot, 0, sizeof(slot));
	dam_self.slot = s = dam_aio_before(1, 6, list);
	dam_aio_after(s, 1, 6, list, -22);
	check_count(&none, "the kernel took none");
	ck_assert_ptr_null(dam_aio_before(1, -1, list));
	ck_assert_ptr_null(dam_aio_before(1, 1, NULL));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("preload_tables");
	TCase *tc = tcase_create("rows");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, test_ioctl, 0, sizeof(ioctl_rows) / sizeof(ioctl_rows[0]));
	tcase_add_test(tc, test_ioctl_filter);
	tcase_add_loop_test(tc, test_sqe, 0, sizeof(sqe_rows) / sizeof(sqe_rows[0]));
	tcase_add_test(tc, test_batch);
	tcase_add_test(tc, test_aio);
	suite_add_tcase(s, tc);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
