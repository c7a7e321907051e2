/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The tables of ioctls, io_uring opcodes and libaio opcodes: what one operation moves, without a device. */
#include "config.h"

#include <check.h>
#include <linux/bsg.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/i2c-dev.h>
#include <linux/i2c.h>
#include <linux/nvme_ioctl.h>
#include <linux/spi/spidev.h>
#include <linux/udmabuf.h>
#include <linux/vfio.h>
#include <linux/videodev2.h>
#include <scsi/sg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "preload/account.h"
#include "preload/aio.h"
#include "preload/depth.h"
#include "preload/ioctls.h"
#include "preload/place.h"
#include "preload/ring.h"
#include "preload/slow.h"
#include "preload/uring.h"
#include "tests/suite.h"

/* -- the rest of the library, as far as the tables see it: descriptor 5 is the engine, 6 a pipe ---------- */

#define ENGINE 2
#define FILE_FD 5
#define PIPE_FD 6
#define BUFFER_FD 7
#define BUFFER_SIZE 12345

struct dam_gate dam_gate;
__thread struct dam_self dam_self;
uint32_t dam_sealed;
bool dam_enabled, dam_slow_ready = true;

bool dam_slow_prepare(void)
{
	return true;
}

struct dam_fd dam_fds[DAM_FDS];
uint32_t dam_place_lba[DAM_PLACES] = {[DAM_PLACE_DEVICE] = 512};
uint8_t dam_place_class[DAM_PLACES];
static struct dam_slot slot;
static struct dam_ring ring;
static int forgotten, fixed_gone, buffer_fd;

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
	return fd == FILE_FD || fd == BUFFER_FD ? DAM_PLACE_DEVICE : DAM_PLACE_IGNORE;
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

bool dam_account_sample_slow(struct dam_slot *s, int fd, const void *caller)
{
	(void)s;
	(void)fd;
	(void)caller;
	return false;
}

static void setup(void)
{
	buffer_fd = memfd_create("buffer", 0);
	ck_assert_int_eq(ftruncate(buffer_fd, BUFFER_SIZE), 0);
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

static const struct vfio_iommu_type1_dma_map vfio_map = {.argsz = sizeof(vfio_map), .size = 1 << 20};
static const struct dma_heap_allocation_data heap_alloc = {.len = 8192};
static const struct udmabuf_create udmabuf = {.size = 4096};
static const struct { /* struct udmabuf_create_list, which ends in an array of any length */
	uint32_t flags, count;
	struct udmabuf_create_item item[2];
} udmabuf_list = {0, 2, {{.size = 4096}, {.size = 8192}}}, udmabuf_absurd = {0, ~0u, {{0}}};
static const struct dma_buf_sync sync_read = {.flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ};
static const struct dma_buf_sync sync_write = {.flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW};
static const struct dma_buf_sync sync_nothing = {.flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE};
static struct v4l2_plane planes[2] = {{.bytesused = 100}, {.bytesused = 50}};
static const struct v4l2_buffer capture = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .bytesused = 640};
static const struct v4l2_buffer output = {.type = V4L2_BUF_TYPE_VIDEO_OUTPUT, .bytesused = 480};
static const struct v4l2_buffer output_planes = {
	.type = V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE, .m.planes = planes, .length = 2};
static const struct v4l2_buffer bad_planes = {
	.type = V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE, .m.planes = (void *)4096, .length = 2};
static const struct v4l2_buffer many_planes = {
	.type = V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE, .m.planes = planes, .length = ~0u};
static const struct {
	uint32_t handle[4];
	uint64_t offset, length;
} nvidia_map = {.length = 4096};
static const struct {
	uint64_t address;
	uint32_t aperture;
	uint64_t buffer, len;
} xdma = {.len = 4096};
static const struct spi_ioc_transfer spi[2] = {{.tx_buf = 8, .len = 10}, {.tx_buf = 8, .rx_buf = 8, .len = 5}};
static struct i2c_msg messages[2] = {{.len = 1}, {.len = 6, .flags = I2C_M_RD}};
static const struct i2c_rdwr_ioctl_data i2c = {messages, 2}, bad_i2c = {(void *)4096, 2}, many_i2c = {messages, ~0u};

#define DISK DAM_CLASS_DISK

static const struct {
	const char *why;
	enum dam_class class;
	unsigned long req;
	const void *arg;
	int fd, ret;
	struct dam_count want;
	uint64_t mapped;
} ioctl_rows[] = {
	{"read", DISK, NVME_IOCTL_IO_CMD, &nvme_read, FILE_FD, 0, {4096, 0, 1, 0}, 0},
	{"write", DAM_CLASS_NVME, NVME_IOCTL_IO64_CMD, &nvme_write, FILE_FD, 0, {0, 8192, 0, 1}, 0},
	{"a command without data", DISK, NVME_IOCTL_IO_CMD, &nvme_flush, FILE_FD, 0, {0, 0, 0, 0}, 0},
	{"admin command", DISK, NVME_IOCTL_ADMIN_CMD, &nvme_identify, FILE_FD, 0, {4096, 0, 1, 0}, 0},
	{"a vector: its length is a count", DISK, NVME_IOCTL_IO64_CMD_VEC, &nvme_vec, FILE_FD, 0, {1024, 0, 1, 0}, 0},
	{"blocks: one less than there are", DISK, NVME_IOCTL_SUBMIT_IO, &user_io, FILE_FD, 0, {0, 4096, 0, 1}, 0},
	{"the device's own error: it was submitted", DISK, NVME_IOCTL_IO_CMD, &nvme_read, FILE_FD, 0x4002,
	 {4096, 0, 1, 0}, 0},
	{"refused by the kernel: not counted", DISK, NVME_IOCTL_IO_CMD, &nvme_read, FILE_FD, -1, {0, 0, 0, 0}, 0},
	{"no argument", DISK, NVME_IOCTL_IO_CMD, NULL, FILE_FD, 0, {0, 0, 0, 0}, 0},
	{"not on a device: the letter N is others' too", DISK, NVME_IOCTL_IO_CMD, &nvme_read, PIPE_FD, 0, {0, 0, 0, 0},
	 0},
	{"another kind of device", DAM_CLASS_VIDEO, NVME_IOCTL_IO_CMD, &nvme_read, FILE_FD, 0, {0, 0, 0, 0}, 0},
	{"another request of that type", DISK, NVME_IOCTL_RESET, &nvme_read, FILE_FD, 0, {0, 0, 0, 0}, 0},
	{"what was left over is not counted", DAM_CLASS_SCSI, SG_IO, &sg_read, FILE_FD, 0, {4000, 0, 1, 0}, 0},
	{"to the device", DISK, SG_IO, &sg_write, FILE_FD, 0, {0, 512, 0, 1}, 0},
	{"both ways", DISK, SG_IO, &sg_both, FILE_FD, 0, {512, 512, 1, 1}, 0},
	{"no data", DISK, SG_IO, &sg_none, FILE_FD, 0, {0, 0, 0, 0}, 0},
	{"more left over than there was", DISK, SG_IO, &sg_damaged, FILE_FD, 0, {512, 0, 1, 0}, 0},
	{"version 4", DAM_CLASS_SCSI, SG_IO, &sg_v4, FILE_FD, 0, {96, 512, 1, 1}, 0},
	{"a mapping is no traffic", DAM_CLASS_VFIO, VFIO_IOMMU_MAP_DMA, &vfio_map, FILE_FD, 0, {0, 0, 0, 0}, 1 << 20},
	{"a buffer of a heap", DAM_CLASS_HEAP, DMA_HEAP_IOCTL_ALLOC, &heap_alloc, FILE_FD, 0, {0, 0, 0, 0}, 8192},
	{"the console has a letter H, too", DAM_CLASS_NONE, DMA_HEAP_IOCTL_ALLOC, &heap_alloc, FILE_FD, 0, {0, 0, 0, 0},
	 0},
	{"memory of a memfd", DAM_CLASS_UDMABUF, UDMABUF_CREATE, &udmabuf, FILE_FD, 9, {0, 0, 0, 0}, 4096},
	{"of several", DAM_CLASS_UDMABUF, UDMABUF_CREATE_LIST, &udmabuf_list, FILE_FD, 9, {0, 0, 0, 0}, 12288},
	{"of an absurd number", DAM_CLASS_UDMABUF, UDMABUF_CREATE_LIST, &udmabuf_absurd, FILE_FD, 9, {0, 0, 0, 0}, 0},
	{"before reading a shared buffer: its size", DAM_CLASS_DMABUF, DMA_BUF_IOCTL_SYNC, &sync_read, BUFFER_FD, 0,
	 {BUFFER_SIZE, 0, 1, 0}, 0},
	{"after writing it", DAM_CLASS_DMABUF, DMA_BUF_IOCTL_SYNC, &sync_write, BUFFER_FD, 0, {0, BUFFER_SIZE, 0, 1},
	 0},
	{"before writing it nothing moves", DAM_CLASS_DMABUF, DMA_BUF_IOCTL_SYNC, &sync_nothing, BUFFER_FD, 0,
	 {0, 0, 0, 0}, 0},
	{"a buffer whose size cannot be had", DAM_CLASS_DMABUF, DMA_BUF_IOCTL_SYNC, &sync_read, FILE_FD, 0,
	 {0, 0, 1, 0}, 0},
	{"a frame for the device", DAM_CLASS_VIDEO, VIDIOC_QBUF, &output, FILE_FD, 0, {0, 480, 0, 1}, 0},
	{"its buffer comes back", DAM_CLASS_VIDEO, VIDIOC_DQBUF, &output, FILE_FD, 0, {0, 0, 0, 0}, 0},
	{"an empty buffer for a frame", DAM_CLASS_VIDEO, VIDIOC_QBUF, &capture, FILE_FD, 0, {0, 0, 0, 0}, 0},
	{"a frame from the device", DAM_CLASS_VIDEO, VIDIOC_DQBUF, &capture, FILE_FD, 0, {640, 0, 1, 0}, 0},
	{"in planes", DAM_CLASS_VIDEO, VIDIOC_QBUF, &output_planes, FILE_FD, 0, {0, 150, 0, 1}, 0},
	{"planes nowhere", DAM_CLASS_VIDEO, VIDIOC_DQBUF, &bad_planes, FILE_FD, 0, {0, 0, 1, 0}, 0},
	{"an absurd number of planes", DAM_CLASS_VIDEO, VIDIOC_DQBUF, &many_planes, FILE_FD, 0, {0, 0, 1, 0}, 0},
	{"amdgpu: bytes unknown", DAM_CLASS_AMDGPU, _IOWR('d', 0x44, uint64_t[3]), &nvme_read, FILE_FD, 0, {0, 0, 0, 1},
	 0},
	{"what amdgpu's means to i915", DAM_CLASS_I915, _IOWR('d', 0x44, uint64_t[3]), &nvme_read, FILE_FD, 0,
	 {0, 0, 0, 0}, 0},
	{"i915: bytes unknown", DAM_CLASS_I915, _IOW('d', 0x69, uint64_t[8]), &nvme_read, FILE_FD, 0, {0, 0, 0, 1}, 0},
	{"with a result", DAM_CLASS_I915, _IOWR('d', 0x69, uint64_t[8]), &nvme_read, FILE_FD, 0, {0, 0, 0, 1}, 0},
	{"xe", DAM_CLASS_XE, _IOW('d', 0x49, uint64_t[7]), &nvme_read, FILE_FD, 0, {0, 0, 0, 1}, 0},
	{"KFD: a queue", DAM_CLASS_KFD, _IOWR('K', 0x02, uint64_t[11]), &nvme_read, FILE_FD, 0, {0, 0, 0, 1}, 0},
	{"NVIDIA: a mapping", DAM_CLASS_NVIDIA, _IOWR('F', 0x57, uint64_t[7]), &nvidia_map, FILE_FD, 0, {0, 0, 0, 0},
	 4096},
	{"XDMA from the card", DAM_CLASS_XDMA, _IOW('q', 7, void *), &xdma, FILE_FD, 0, {4096, 0, 1, 0}, 0},
	{"XDMA to the card", DAM_CLASS_XDMA, _IOW('q', 8, void *), &xdma, FILE_FD, 0, {0, 4096, 0, 1}, 0},
	{"SPI, two transfers", DAM_CLASS_SPI, SPI_IOC_MESSAGE(2), spi, FILE_FD, 0, {5, 15, 1, 1}, 0},
	{"I2C, a write and a read", DAM_CLASS_I2C, I2C_RDWR, &i2c, FILE_FD, 2, {6, 1, 1, 1}, 0},
	{"I2C messages nowhere", DAM_CLASS_I2C, I2C_RDWR, &bad_i2c, FILE_FD, 2, {0, 0, 0, 0}, 0},
	{"an absurd number of messages", DAM_CLASS_I2C, I2C_RDWR, &many_i2c, FILE_FD, 2, {0, 0, 0, 0}, 0},
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
	dam_place_class[DAM_PLACE_DEVICE] = ioctl_rows[_i].class;
	dup2(buffer_fd, BUFFER_FD);
	close(FILE_FD); /* whatever has that number here: its size is not to be had */
	ck_assert(dam_ioctl_may(ioctl_rows[_i].req) || ioctl_rows[_i].req == NVME_IOCTL_RESET);
	dam_ioctl_count(ioctl_rows[_i].fd, ioctl_rows[_i].req, arg == &nvme_vec ? &vec : arg,
			ioctl_rows[_i].ret, NULL);
	check_count(&ioctl_rows[_i].want, ioctl_rows[_i].why);
	ck_assert_msg(slot.mapped_bytes == ioctl_rows[_i].mapped, "%s", ioctl_rows[_i].why);
	ck_assert_uint_eq(slot.submissions, !!(slot.count[ENGINE].read_ops + slot.count[ENGINE].write_ops +
					      slot.mapped_bytes));
}
END_TEST

START_TEST(test_ioctl_filter)
{
	static const unsigned long others[] = {TCGETS, TCSETS, TIOCGPGRP, FIONREAD, TIOCGWINSZ, FIONBIO,
						0x8912 /* SIOCGIFCONF */, 0xae80 /* KVM_RUN */, 0, ~0ul};

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

/* Where no ring of the kernel's is; link-time optimisation need not know. */
static volatile unsigned long context = 1;

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

	s = dam_aio_before(context, 6, list);
	check_count(&all, "up to the one that cannot be read");
	dam_self.slot = s;
	dam_aio_after(s, context, 6, list, 1, NULL);
	check_count(&one, "the kernel took one");
	memset(&slot, 0, sizeof(slot));
	dam_self.slot = s = dam_aio_before(context, 6, list);
	dam_aio_after(s, context, 6, list, -22, NULL);
	check_count(&none, "the kernel took none");
	ck_assert_ptr_null(dam_aio_before(context, -1, list));
	ck_assert_ptr_null(dam_aio_before(context, 1, NULL));
}
END_TEST

/* A handler jumped out of a call that a sample began with; then the program gave up the processor's clock. */
START_TEST(test_clock_given_up)
{
	const struct dam_depth now = {.ring = 1, .inflight = 1, .good = true};

	dam_depth_before(&slot, &now);
	ck_assert(dam_self.depth_begun);
	dam_depth_blind = true;
	dam_depth_before(&slot, &now);
	ck_assert_msg(!dam_self.depth_begun, "dam_depth_after() would read the clock");
	dam_depth_blind = false;
}
END_TEST

int main(void)
{
	Suite *s = suite_create("preload_tables");
	TCase *tc = tcase_create("rows");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, test_ioctl, 0, sizeof(ioctl_rows) / sizeof(ioctl_rows[0]));
	tcase_add_test(tc, test_ioctl_filter);
	tcase_add_loop_test(tc, test_sqe, 0, sizeof(sqe_rows) / sizeof(sqe_rows[0]));
	tcase_add_test(tc, test_batch);
	tcase_add_test(tc, test_aio);
	tcase_add_test(tc, test_clock_given_up);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
