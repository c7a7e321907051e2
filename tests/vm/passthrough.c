/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * passthrough KIND DEVICE...: ioctls that carry DMA, on real drivers and on devices that stand for others; prints what
 * each thread moved by its own account. A kind has one thread for each manner of doing it.
 *
 * nvme BLOCK CHAR CONTROLLER   reads and writes by every NVMe ioctl, and by io_uring commands
 * scsi SG BLOCK BSG            SG_IO in both versions, short transfers among them
 * video CAPTURE OUTPUT         frames
 * NAME:DEVICE...               one thread each: what DEVICE would be asked if it were of the kind NAME (see stand_ins)
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/bsg.h>
#include <linux/dma-heap.h>
#include <linux/i2c-dev.h>
#include <linux/i2c.h>
#include <linux/nvme_ioctl.h>
#include <linux/spi/spidev.h>
#include <linux/udmabuf.h>
#include <linux/vfio.h>
#include <linux/videodev2.h>
#include <pthread.h>
#include <scsi/scsi.h>
#include <scsi/sg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define BLOCK	    4096u
#define LBA	    512u
#define MAX_WORKERS 16
#define FRAMES	    6
#define BUFFERS	    2
#define NVME_WRITE  1
#define NVME_READ   2
#define IDENTIFY    6

struct worker {
	pthread_t thread;
	void (*work)(struct worker *w);
	const char *device;
	int fd;
	char *buf; /* 4 blocks */
	unsigned int row;
	pid_t tid;
	uint64_t read_bytes, write_bytes, read_ops, write_ops, mapped_bytes;
};

static void die(const struct worker *w, const char *what, int err)
{
	fprintf(stderr, "passthrough: %s: %s: %s\n", w->device, what, strerror(err));
	exit(1);
}

static void must(const struct worker *w, unsigned long request, void *arg)
{
	char what[32];
	int ret = ioctl(w->fd, request, arg);

	snprintf(what, sizeof(what), "ioctl %lx", request);
	if (ret)
		die(w, what, ret < 0 ? errno : EIO);
}

static void did(struct worker *w, bool write, uint64_t bytes)
{
	*(write ? &w->write_ops : &w->read_ops) += 1;
	*(write ? &w->write_bytes : &w->read_bytes) += bytes;
}

/* -- NVMe: commands of one or two blocks, every third a write ------------------------------------------- */

static bool nth_writes(unsigned int i)
{
	return i % 3 == 2;
}

static uint32_t nth_bytes(unsigned int i)
{
	return i % 2 ? 2 * BLOCK : BLOCK;
}

static void by_io_cmd(struct worker *w)
{
	for (unsigned int i = 0; i < 120; i++) {
		uint32_t bytes = nth_bytes(i);
		struct nvme_passthru_cmd c = {
			.opcode = nth_writes(i) ? NVME_WRITE : NVME_READ, .nsid = 1, .addr = (uintptr_t)w->buf,
			.data_len = bytes, .cdw10 = i * 16, .cdw12 = bytes / LBA - 1,
		};

		must(w, NVME_IOCTL_IO_CMD, &c);
		did(w, nth_writes(i), bytes);
	}
}

static void by_io64_cmd(struct worker *w)
{
	for (unsigned int i = 0; i < 90; i++) {
		uint32_t bytes = nth_bytes(i);
		struct nvme_passthru_cmd64 c = {
			.opcode = nth_writes(i) ? NVME_WRITE : NVME_READ, .nsid = 1, .addr = (uintptr_t)w->buf,
			.data_len = bytes, .cdw10 = i * 16, .cdw12 = bytes / LBA - 1,
		};

		must(w, NVME_IOCTL_IO64_CMD, &c);
		did(w, nth_writes(i), bytes);
	}
}

static void by_submit_io(struct worker *w)
{
	for (unsigned int i = 0; i < 60; i++) {
		uint32_t bytes = nth_bytes(i);
		struct nvme_user_io io = {
			.opcode = nth_writes(i) ? NVME_WRITE : NVME_READ, .nblocks = (uint16_t)(bytes / LBA - 1),
			.addr = (uintptr_t)w->buf, .slba = i * 16,
		};

		must(w, NVME_IOCTL_SUBMIT_IO, &io);
		did(w, nth_writes(i), bytes);
	}
}

static void by_admin_cmd(struct worker *w)
{
	for (unsigned int i = 0; i < 30; i++) {
		struct nvme_passthru_cmd c = {
			.opcode = IDENTIFY, .addr = (uintptr_t)w->buf, .data_len = BLOCK, .cdw10 = 1,
		};

		must(w, NVME_IOCTL_ADMIN_CMD, &c);
		did(w, false, BLOCK);
	}
}

/* As the kernel has it from 5.19 on; older headers do not. */
struct uring_cmd {
	uint8_t opcode, flags;
	uint16_t rsvd1;
	uint32_t nsid, cdw2, cdw3;
	uint64_t metadata, addr;
	uint32_t metadata_len, data_len, cdw10, cdw11, cdw12, cdw13, cdw14, cdw15, timeout_ms, rsvd2;
};

static void by_uring_cmd(struct worker *w)
{
	const unsigned int uring_cmd_op = 46, uring_cmd_io = _IOWR('N', 0x80, struct uring_cmd);
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	int err = io_uring_queue_init(8, &ring, IORING_SETUP_SQE128 | IORING_SETUP_CQE32);

	if (err)
		die(w, "io_uring_queue_init", -err);
	for (unsigned int i = 0; i < 100; i++) {
		uint32_t bytes = nth_bytes(i);
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
		struct uring_cmd c = {
			.opcode = nth_writes(i) ? NVME_WRITE : NVME_READ, .nsid = 1, .addr = (uintptr_t)w->buf,
			.data_len = bytes, .cdw10 = i * 16, .cdw12 = bytes / LBA - 1,
		};

		memset(sqe, 0, 2 * sizeof(*sqe));
		sqe->opcode = (uint8_t)uring_cmd_op;
		sqe->fd = w->fd;
		sqe->off = uring_cmd_io; /* cmd_op */
		memcpy((char *)sqe + 48, &c, sizeof(c));
		if (io_uring_submit_and_wait(&ring, 1) != 1 || io_uring_wait_cqe(&ring, &cqe) || cqe->res)
			die(w, "io_uring command", EIO);
		io_uring_cqe_seen(&ring, cqe);
		did(w, nth_writes(i), bytes);
	}
	io_uring_queue_exit(&ring);
}

/* -- SCSI ---------------------------------------------------------------------------------------------- */

struct cdb {
	uint8_t byte[10];
};

static struct cdb transfer(bool write, uint32_t lba, uint16_t blocks)
{
	return (struct cdb){{write ? WRITE_10 : READ_10, 0, (uint8_t)(lba >> 24), (uint8_t)(lba >> 16), (uint8_t)(lba >> 8),
			     (uint8_t)lba, 0, (uint8_t)(blocks >> 8), (uint8_t)blocks, 0}};
}

static uint64_t sg_v3(struct worker *w, struct cdb cdb, int direction, uint32_t bytes)
{
	struct sg_io_hdr h = {.interface_id = 'S', .dxfer_direction = direction, .cmd_len = cdb.byte[0] == INQUIRY ? 6 : 10,
			      .dxfer_len = bytes, .dxferp = w->buf, .cmdp = cdb.byte, .timeout = 10000};

	must(w, SG_IO, &h);
	if (h.status || h.host_status)
		die(w, "SG_IO", EIO);
	return bytes - (uint32_t)h.resid;
}

static uint64_t sg_v4(struct worker *w, struct cdb cdb, bool write, uint32_t bytes)
{
	struct sg_io_v4 h = {.guard = 'Q', .protocol = BSG_PROTOCOL_SCSI, .subprotocol = BSG_SUB_PROTOCOL_SCSI_CMD,
			     .request_len = 10, .request = (uintptr_t)cdb.byte, .timeout = 10000};

	*(write ? &h.dout_xfer_len : &h.din_xfer_len) = bytes;
	*(write ? &h.dout_xferp : &h.din_xferp) = (uintptr_t)w->buf;
	must(w, SG_IO, &h);
	if (h.device_status || h.transport_status)
		die(w, "SG_IO, version 4", EIO);
	return bytes - (uint32_t)(write ? h.dout_resid : h.din_resid);
}

static void by_sg_v3(struct worker *w)
{
	const struct cdb inquiry = {{INQUIRY, 0, 0, 0, 252}};

	for (unsigned int i = 0; i < 90; i++) {
		bool write = nth_writes(i);
		uint32_t bytes = nth_bytes(i);

		did(w, write, sg_v3(w, transfer(write, i, (uint16_t)(bytes / LBA)),
				    write ? SG_DXFER_TO_DEV : SG_DXFER_FROM_DEV, bytes));
	}
	for (unsigned int i = 0; i < 10; i++) /* fewer bytes come than there is room for */
		did(w, false, sg_v3(w, inquiry, SG_DXFER_FROM_DEV, 252));
}

static void by_sg_v4(struct worker *w)
{
	for (unsigned int i = 0; i < 60; i++) {
		bool write = nth_writes(i);
		uint32_t bytes = nth_bytes(i);

		did(w, write, sg_v4(w, transfer(write, i, (uint16_t)(bytes / LBA)), write, bytes));
	}
}

/* -- video --------------------------------------------------------------------------------------------- */

static void frames(struct worker *w, bool out)
{
	uint32_t type = out ? V4L2_BUF_TYPE_VIDEO_OUTPUT : V4L2_BUF_TYPE_VIDEO_CAPTURE;
	struct v4l2_requestbuffers r = {.count = BUFFERS, .type = type, .memory = V4L2_MEMORY_MMAP};
	struct v4l2_format f = {.type = type};

	must(w, VIDIOC_G_FMT, &f);
	must(w, VIDIOC_REQBUFS, &r);
	/* an output keeps its last frame: it is shown until the next one comes */
	for (uint32_t i = 0; i < FRAMES + r.count - out; i++) {
		struct v4l2_buffer b = {.type = type, .memory = V4L2_MEMORY_MMAP, .index = i};

		if (i == r.count)
			must(w, VIDIOC_STREAMON, &type);
		if (i >= r.count) {
			must(w, VIDIOC_DQBUF, &b);
			if (!out)
				did(w, false, b.bytesused);
		}
		if (i >= FRAMES)
			continue;
		b.bytesused = out ? f.fmt.pix.sizeimage : 0;
		b.field = f.fmt.pix.field;
		must(w, VIDIOC_QBUF, &b);
		if (out)
			did(w, true, b.bytesused);
	}
	must(w, VIDIOC_STREAMOFF, &type);
}

static void by_capture(struct worker *w)
{
	frames(w, false);
}

static void by_output(struct worker *w)
{
	frames(w, true);
}

/* -- devices that answer every ioctl, and stand for those that this machine lacks ----------------------- */

static union {
	struct spi_ioc_transfer spi[2];
	struct i2c_rdwr_ioctl_data i2c;
	struct vfio_iommu_type1_dma_map vfio;
	struct dma_heap_allocation_data heap;
	struct udmabuf_create udmabuf;
	struct {
		uint64_t card_address;
		uint32_t aperture;
		uint64_t buffer, len;
	} xdma;
	char any[256];
} spi = {.spi = {{.tx_buf = 8, .len = 100}, {.tx_buf = 8, .rx_buf = 8, .len = 64}}},
  vfio = {.vfio = {.argsz = sizeof(struct vfio_iommu_type1_dma_map), .size = 1 << 20}}, heap = {.heap = {.len = 65536}},
  udmabuf = {.udmabuf = {.size = 8192}}, xdma = {.xdma = {.len = 12345}}, i2c, other;

static struct i2c_msg messages[] = {{.len = 2}, {.flags = I2C_M_RD, .len = 30}};

/* What one request is worth, as the table of ioctls in the documentation has it. */
static const struct {
	const char *kind;
	unsigned long request;
	void *arg;
	uint64_t read_bytes, write_bytes, read_ops, write_ops, mapped_bytes;
} stand_ins[] = {
	{"spidev", SPI_IOC_MESSAGE(2), &spi, 64, 164, 1, 1, 0},
	{"i2c-dev", I2C_RDWR, &i2c, 30, 2, 1, 1, 0},
	{"xdma", _IO('q', 7), &xdma, 12345, 0, 1, 0, 0},
	{"vfio", VFIO_IOMMU_MAP_DMA, &vfio, 0, 0, 0, 0, 1 << 20},
	{"dma_heap", DMA_HEAP_IOCTL_ALLOC, &heap, 0, 0, 0, 0, 65536},
	{"udmabuf", UDMABUF_CREATE, &udmabuf, 0, 0, 0, 0, 8192},
	{"amdgpu", _IOC(_IOC_READ | _IOC_WRITE, 'd', 0x44, 24), &other, 0, 0, 0, 1, 0},
	{"i915", _IOC(_IOC_WRITE, 'd', 0x69, 64), &other, 0, 0, 0, 1, 0},
	{"xe", _IOC(_IOC_WRITE, 'd', 0x49, 56), &other, 0, 0, 0, 1, 0},
	{"kfd", _IOC(_IOC_READ | _IOC_WRITE, 'K', 0x02, 88), &other, 0, 0, 0, 1, 0},
};

#define STAND_INS (sizeof(stand_ins) / sizeof(stand_ins[0]))

static void by_stand_in(struct worker *w)
{
	i2c.i2c = (struct i2c_rdwr_ioctl_data){messages, 2};
	for (unsigned int i = 0; i < 50 + w->row; i++) {
		must(w, stand_ins[w->row].request, stand_ins[w->row].arg);
		w->read_bytes += stand_ins[w->row].read_bytes;
		w->write_bytes += stand_ins[w->row].write_bytes;
		w->read_ops += stand_ins[w->row].read_ops;
		w->write_ops += stand_ins[w->row].write_ops;
		w->mapped_bytes += stand_ins[w->row].mapped_bytes;
	}
}

/* NAME:DEVICE; the colon becomes the name's end. */
static const char *stand_in(char *arg, unsigned int *row)
{
	char *colon = strchr(arg, ':');

	if (colon)
		*colon = '\0';
	for (*row = 0; colon && *row < STAND_INS; ++*row)
		if (!strcmp(stand_ins[*row].kind, arg))
			return colon + 1;
	fprintf(stderr, "passthrough: %s is no kind\n", arg);
	exit(2);
}

/* ------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *kind;
	unsigned int device; /* which argument */
	void (*work)(struct worker *w);
} manners[] = {
	{"nvme", 0, by_io_cmd},	 {"nvme", 0, by_submit_io}, {"nvme", 1, by_io64_cmd}, {"nvme", 1, by_uring_cmd},
	{"nvme", 2, by_admin_cmd}, {"scsi", 0, by_sg_v3},	    {"scsi", 1, by_sg_v3},    {"scsi", 2, by_sg_v4},
	{"video", 0, by_capture}, {"video", 1, by_output},
};

static void *run(void *arg)
{
	struct worker *w = arg;

	w->tid = gettid();
	w->fd = open(w->device, O_RDWR);
	if (w->fd < 0)
		die(w, "open", errno);
	if (posix_memalign((void **)&w->buf, BLOCK, 4 * BLOCK))
		die(w, "memory", ENOMEM);
	w->work(w);
	return NULL;
}

static unsigned int choose(int argc, char **argv, struct worker *w)
{
	unsigned int nr = 0;

	for (size_t i = 0; i < sizeof(manners) / sizeof(manners[0]); i++)
		if (!strcmp(manners[i].kind, argv[1]) && manners[i].device + 2 < (unsigned int)argc)
			w[nr++] = (struct worker){.work = manners[i].work, .device = argv[manners[i].device + 2]};
	for (int i = 1; !nr && i < argc && i <= MAX_WORKERS; i++) {
		w[i - 1].work = by_stand_in;
		w[i - 1].device = stand_in(argv[i], &w[i - 1].row);
	}
	return nr ? nr : (unsigned int)argc - 1;
}

int main(int argc, char **argv)
{
	static struct worker w[MAX_WORKERS];
	unsigned int nr;

	if (argc < 2 || argc > MAX_WORKERS) {
		fprintf(stderr, "usage: passthrough nvme|scsi|video DEVICE... | NAME:DEVICE...\n");
		return 2;
	}
	nr = choose(argc, argv, w);
	for (unsigned int i = 0; i < nr; i++) {
		if (pthread_create(&w[i].thread, NULL, run, &w[i]))
			return 1;
		if (i == 0) /* while it asks for a ledger, others might do something that is not counted */
			pthread_join(w[i].thread, NULL);
	}
	for (unsigned int i = 1; i < nr; i++)
		pthread_join(w[i].thread, NULL);
	printf("{\"intervals\":[],\"threads\":[");
	for (unsigned int i = 0; i < nr; i++)
		printf("%s{\"tid\":%d,\"read_bytes\":%llu,\"write_bytes\":%llu,\"read_ops\":%llu,\"write_ops\":%llu,"
		       "\"mapped_bytes\":%llu}", i ? "," : "", (int)w[i].tid, (unsigned long long)w[i].read_bytes,
		       (unsigned long long)w[i].write_bytes, (unsigned long long)w[i].read_ops,
		       (unsigned long long)w[i].write_ops, (unsigned long long)w[i].mapped_bytes);
	puts("]}");
	return 0;
}
