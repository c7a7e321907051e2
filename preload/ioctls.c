/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * ioctls that carry DMA. A new one is a decoder and a row. What the argument points to is read through dam_peek(); the
 * argument itself the kernel has just read, for a device of the row's kind.
 */
#include "config.h"
#include "preload/ioctls.h"

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
#include <sys/ioctl.h>

#include "preload/account.h"
#include "preload/nvme.h"
#include "preload/place.h"
#include "preload/slow.h"

#ifndef NVME_IOCTL_IO64_CMD_VEC
#define NVME_IOCTL_IO64_CMD_VEC _IOWR('N', 0x49, struct nvme_passthru_cmd64)
#endif
/* Drivers whose headers are not among the kernel's own. */
#define AMDGPU_CS	   _IO('d', 0x44)
#define I915_EXECBUFFER2   _IO('d', 0x69)
#define XE_EXEC		   _IO('d', 0x49)
#define AMDKFD_CREATE_QUEUE _IO('K', 0x02)
#define NVIDIA_MAP_DMA	   _IO('F', 0x57)
#define XDMA_APERTURE_READ _IO('q', 7)
#define XDMA_APERTURE_WRITE _IO('q', 8)

static void add(struct dam_ioctl_io *io, int dir, uint64_t bytes)
{
	if (dir == DAM_DIR_READ) {
		io->reads = true;
		io->read_bytes += bytes;
	} else if (dir == DAM_DIR_WRITE) {
		io->writes = true;
		io->write_bytes += bytes;
	}
}

static void decode_nvme(const struct dam_ioctl_call *call, struct dam_ioctl_io *io)
{
	/* of the 64-bit variant only the result lies elsewhere */
	const struct nvme_passthru_cmd *c = (const void *)call->arg;

	add(io, dam_nvme_dir(c->opcode), c->data_len);
}

static void decode_nvme_vec(const struct dam_ioctl_call *call, struct dam_ioctl_io *io)
{
	const struct nvme_passthru_cmd *c = (const void *)call->arg;

	add(io, dam_nvme_dir(c->opcode),
	    dam_iov_bytes((const void *)(uintptr_t)c->addr, c->data_len));
}

static void decode_nvme_user_io(const struct dam_ioctl_call *call, struct dam_ioctl_io *io)
{
	const struct nvme_user_io *c = (const void *)call->arg;

	add(io, dam_nvme_dir(c->opcode), (uint64_t)(c->nblocks + 1u) * call->lba_bytes);
}

static uint64_t less(uint32_t len, int64_t resid)
{
	return resid > 0 && resid <= len ? len - (uint64_t)resid : len;
}

static void decode_sg(const struct dam_ioctl_call *call, struct dam_ioctl_io *io)
{
	const struct sg_io_hdr *h = (const void *)call->arg;
	const struct sg_io_v4 *h4 = (const void *)call->arg;

	if (h->interface_id == 'S') {
		if (h->dxfer_direction == SG_DXFER_TO_DEV ||
		    h->dxfer_direction == SG_DXFER_TO_FROM_DEV)
			add(io, DAM_DIR_WRITE, less(h->dxfer_len, h->resid));
		if (h->dxfer_direction == SG_DXFER_FROM_DEV ||
		    h->dxfer_direction == SG_DXFER_TO_FROM_DEV)
			add(io, DAM_DIR_READ, less(h->dxfer_len, h->resid));
	} else if (h4->guard == 'Q') {
		if (h4->dout_xfer_len)
			add(io, DAM_DIR_WRITE, less(h4->dout_xfer_len, h4->dout_resid));
		if (h4->din_xfer_len)
			add(io, DAM_DIR_READ, less(h4->din_xfer_len, h4->din_resid));
	}
}

static void decode_vfio(const struct dam_ioctl_call *call, struct dam_ioctl_io *io)
{
	io->mapped_bytes = ((const struct vfio_iommu_type1_dma_map *)(const void *)call->arg)->size;
}

static void decode_heap(const struct dam_ioctl_call *call, struct dam_ioctl_io *io)
{
	io->mapped_bytes = ((const struct dma_heap_allocation_data *)(const void *)call->arg)->len;
}

static void decode_udmabuf(const struct dam_ioctl_call *call, struct dam_ioctl_io *io)
{
	io->mapped_bytes = ((const struct udmabuf_create *)(const void *)call->arg)->size;
}

static void decode_udmabuf_list(const struct dam_ioctl_call *call, struct dam_ioctl_io *io)
{
	const struct udmabuf_create_list *l = (const void *)call->arg;

	if (l->count > DAM_IOV_MAX || !dam_peek(l->list, l->count * sizeof(l->list[0])))
		return;
	for (unsigned int i = 0; i < l->count; i++)
		io->mapped_bytes += l->list[i].size;
}

/* Caches are made to agree before the processor reads what a device wrote, and after it wrote what one will read. */
static void decode_dmabuf(const struct dam_ioctl_call *call, struct dam_ioctl_io *io)
{
	uint64_t flags = ((const struct dma_buf_sync *)(const void *)call->arg)->flags;
	bool end = flags & DMA_BUF_SYNC_END;
	long size = 0;

	if (!(flags & (end ? DMA_BUF_SYNC_WRITE : DMA_BUF_SYNC_READ)))
		return;
	if (dam_slow_begin()) {
		size = dam_sys3(SYS_lseek, call->fd, 0, SEEK_END);
		dam_slow_end();
	}
	add(io, end ? DAM_DIR_WRITE : DAM_DIR_READ, size > 0 ? (uint64_t)size : 0);
}

/* Data for the device is there when the buffer is handed in, data from it when the buffer comes back. */
static void decode_video(const struct dam_ioctl_call *call, struct dam_ioctl_io *io)
{
	const struct v4l2_buffer *b = (const void *)call->arg;
	bool out = V4L2_TYPE_IS_OUTPUT(b->type), in_queue = (uint32_t)call->req == (uint32_t)VIDIOC_QBUF;
	uint64_t bytes = 0;

	if (out != in_queue)
		return;
	if (!V4L2_TYPE_IS_MULTIPLANAR(b->type))
		bytes = b->bytesused;
	else if (b->length <= VIDEO_MAX_PLANES &&
		 dam_peek(b->m.planes, b->length * sizeof(*b->m.planes)))
		for (unsigned int i = 0; i < b->length; i++)
			bytes += b->m.planes[i].bytesused;
	add(io, out ? DAM_DIR_WRITE : DAM_DIR_READ, bytes);
}

/* The driver knows how much it moves, the caller does not. */
static void decode_unknown(const struct dam_ioctl_call *call, struct dam_ioctl_io *io)
{
	(void)call;
	add(io, DAM_DIR_WRITE, 0);
}

/* Work itself is submitted by a doorbell that nobody sees; what can be seen is memory that becomes reachable. */
static void decode_nvidia(const struct dam_ioctl_call *call, struct dam_ioctl_io *io)
{
	const struct {
		uint32_t client, device, dma, memory;
		uint64_t offset, length;
	} *c = (const void *)call->arg;

	io->mapped_bytes = c->length;
}

static void decode_xdma(const struct dam_ioctl_call *call, struct dam_ioctl_io *io)
{
	const struct {
		uint64_t card_address;
		uint32_t aperture;
		uint64_t buffer, len;
	} *c = (const void *)call->arg;

	add(io, _IOC_NR(call->req) == _IOC_NR(XDMA_APERTURE_WRITE) ? DAM_DIR_WRITE : DAM_DIR_READ,
	    c->len);
}

static void decode_spi(const struct dam_ioctl_call *call, struct dam_ioctl_io *io)
{
	const struct spi_ioc_transfer *t = (const void *)call->arg;
	size_t nr = _IOC_SIZE(call->req) / sizeof(*t);

	for (size_t i = 0; i < nr; i++) {
		if (t[i].tx_buf)
			add(io, DAM_DIR_WRITE, t[i].len);
		if (t[i].rx_buf)
			add(io, DAM_DIR_READ, t[i].len);
	}
}

static void decode_i2c(const struct dam_ioctl_call *call, struct dam_ioctl_io *io)
{
	const struct i2c_rdwr_ioctl_data *d = (const void *)call->arg;

	if (d->nmsgs > I2C_RDWR_IOCTL_MAX_MSGS || !dam_peek(d->msgs, d->nmsgs * sizeof(*d->msgs)))
		return;
	for (unsigned int i = 0; i < d->nmsgs; i++)
		add(io, d->msgs[i].flags & I2C_M_RD ? DAM_DIR_READ : DAM_DIR_WRITE, d->msgs[i].len);
}

#define OF(class) (1u << DAM_CLASS_##class)

/* X(request, kinds of device, decoder). Type and number tell requests apart; sizes differ with the caller's headers. */
#define ROWS(X)                                                     \
	X(NVME_IOCTL_IO_CMD, OF(NVME) | OF(DISK), decode_nvme)      \
	X(NVME_IOCTL_IO64_CMD, OF(NVME) | OF(DISK), decode_nvme)    \
	X(NVME_IOCTL_IO64_CMD_VEC, OF(NVME) | OF(DISK), decode_nvme_vec) \
	X(NVME_IOCTL_ADMIN_CMD, OF(NVME) | OF(DISK), decode_nvme)   \
	X(NVME_IOCTL_ADMIN64_CMD, OF(NVME) | OF(DISK), decode_nvme) \
	X(NVME_IOCTL_SUBMIT_IO, OF(NVME) | OF(DISK), decode_nvme_user_io) \
	X(SG_IO, OF(SCSI) | OF(DISK), decode_sg)                    \
	X(VFIO_IOMMU_MAP_DMA, OF(VFIO), decode_vfio)                \
	X(DMA_HEAP_IOCTL_ALLOC, OF(HEAP), decode_heap)              \
	X(UDMABUF_CREATE, OF(UDMABUF), decode_udmabuf)              \
	X(UDMABUF_CREATE_LIST, OF(UDMABUF), decode_udmabuf_list)    \
	X(DMA_BUF_IOCTL_SYNC, OF(DMABUF), decode_dmabuf)            \
	X(VIDIOC_QBUF, OF(VIDEO), decode_video)                     \
	X(VIDIOC_DQBUF, OF(VIDEO), decode_video)                    \
	X(AMDGPU_CS, OF(AMDGPU), decode_unknown)                    \
	X(I915_EXECBUFFER2, OF(I915), decode_unknown)               \
	X(XE_EXEC, OF(XE), decode_unknown)                          \
	X(AMDKFD_CREATE_QUEUE, OF(KFD), decode_unknown)         \
	X(NVIDIA_MAP_DMA, OF(NVIDIA), decode_nvidia)                \
	X(XDMA_APERTURE_READ, OF(XDMA), decode_xdma)                \
	X(XDMA_APERTURE_WRITE, OF(XDMA), decode_xdma)               \
	X(SPI_IOC_MESSAGE(0), OF(SPI), decode_spi)                  \
	X(I2C_RDWR, OF(I2C), decode_i2c)

static const struct row {
	uint16_t req; /* type and number */
	uint32_t classes;
	void (*decode)(const struct dam_ioctl_call *call, struct dam_ioctl_io *io);
} table[] = {
#define ROW(req, classes, decode) {(req)&0xffff, classes, decode},
	ROWS(ROW)
#undef ROW
};

const uint8_t dam_ioctl_filter[256] = {
#define FILTER(req, classes, decode) [DAM_IOCTL_HASH(req)] = 1,
	ROWS(FILTER)
#undef FILTER
};

static const struct row *find_row(unsigned long req)
{
	for (unsigned int i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].req == (req & 0xffff))
			return &table[i];
	return NULL;
}

bool dam_ioctl_decode(const struct dam_ioctl_call *call, enum dam_class class,
		      struct dam_ioctl_io *out)
{
	const struct row *row = call->arg ? find_row(call->req) : NULL;
	struct dam_ioctl_io io = {0};

	if (!row || !(row->classes >> class & 1))
		return false;
	row->decode(call, &io);
	*out = io;
	return io.reads || io.writes || io.mapped_bytes;
}

void dam_ioctl_count(int fd, unsigned long req, const void *arg, int ret, const void *caller)
{
	struct dam_ioctl_call call = {.req = req, .arg = arg, .fd = fd};
	struct dam_slot *slot;
	struct dam_ioctl_io io;
	uint8_t place, index;

	if (ret < 0 || !find_row(req))
		return;
	/* the kind of the descriptor first: type letters of requests collide */
	place = dam_place_device(fd);
	call.lba_bytes = dam_place_lba[place];
	slot = dam_ioctl_decode(&call, dam_place_class[place], &io) ? dam_slot_mine() : NULL;
	if (!slot)
		return;
	index = dam_place_index_of(place);
	if (io.reads && index != DAM_ROUTE_IGNORE)
		dam_account_io(slot, index, DAM_DIR_READ, io.read_bytes, 1, 1);
	if (io.writes && index != DAM_ROUTE_IGNORE)
		dam_account_io(slot, index, DAM_DIR_WRITE, io.write_bytes, 1, 1);
	dam_count_add(&slot->mapped_bytes, io.mapped_bytes);
	dam_count_add(&slot->submissions, 1);
	if (dam_account_due())
		dam_account_sample_slow(slot, -1, caller);
}
