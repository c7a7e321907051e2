/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Plain I/O: what a descriptor is, and the counts of those that do DMA. */
#include "config.h"
#include "preload/plain.h"

#include <aio.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "preload/link.h"
#include "preload/peek.h"
#include "preload/slow.h"

/* /dev/null and its like, terminals: known without a look at sysfs. */
static bool common_device(dev_t dev)
{
	const unsigned int mem = 1, tty = 4, tty_aux = 5, pts = 136, pts_last = 143;

	return major(dev) == mem || major(dev) == tty || major(dev) == tty_aux ||
	       (major(dev) >= pts && major(dev) <= pts_last);
}

/* Where there is no coordinator, one call in so many asks whether there is one now: no system call but once a second. */
#define UNWATCHED_RECHECK 64

/* Is there anybody to count for? As long as there is not, nothing is asked about any descriptor. */
static bool is_watched(void)
{
	static bool watched;

	if (DAM_LIKELY(__atomic_load_n(&watched, __ATOMIC_RELAXED)))
		return true;
	if (!dam_link_seen(dam_now_coarse_ns()))
		return false;
	__atomic_store_n(&watched, true, __ATOMIC_RELAXED);
	dam_place_forget_plain();
	return true;
}

/* Two system calls at most for files, and no lock: a compiler reads hundreds of files, each once. */
static bool look(int fd, uint8_t *plain)
{
	struct stat st;

	if (dam_sys3(SYS_fstat, fd, (long)&st, 0) != 0)
		return false;
	*plain = DAM_PLAIN_NOT;
	if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)) {
		long flags = dam_sys3(SYS_fcntl, fd, F_GETFL, 0);

		if (flags >= 0 && (flags & O_DIRECT))
			*plain = DAM_PLAIN_DMA;
	} else if (S_ISCHR(st.st_mode) && !common_device(st.st_rdev) &&
		   dam_place_class[dam_place_resolve(fd)] == DAM_CLASS_XDMA) {
		*plain = DAM_PLAIN_DMA;
	}
	return true;
}

bool dam_plain_ask(int fd)
{
	uint8_t plain = DAM_PLAIN_NOT;
	bool known = true;

	if (!dam_enabled)
		return false;
	if (!is_watched()) {
		dam_self.plain_calls = DAM_PLAIN_RECHECK - UNWATCHED_RECHECK;
	} else if (dam_slow_begin()) {
		known = look(fd, &plain);
		dam_slow_end();
	}
	if (known)
		dam_place_note_plain(fd, plain);
	return known && plain == DAM_PLAIN_DMA;
}

void dam_plain_count(int fd, enum dam_dir dir, ssize_t ret, const void *caller)
{
	struct dam_slot *s = ret > 0 ? dam_slot_mine() : NULL;
	uint8_t index;

	if (!s)
		return;
	index = dam_place_index(fd);
	if (DAM_UNLIKELY(index == DAM_ROUTE_IGNORE || index == DAM_LOCAL_BUFFERED)) {
		/* it is not what it was */
		__atomic_store_n(&dam_fds[fd].plain, DAM_PLAIN_UNKNOWN, __ATOMIC_RELAXED);
		return;
	}
	dam_account_io(s, index, dir, (uint64_t)ret, 1, 1);
	dam_count_add(&s->submissions, 1);
	if (DAM_UNLIKELY(dam_account_due()))
		dam_account_sample_slow(s, fd, caller);
}

/* Return: was it counted? */
static bool count_block(const struct aiocb *cb, int dir, uint64_t sign)
{
	struct dam_slot *s;
	uint8_t index;

	if (!cb || !dam_peek(cb, sizeof(*cb)))
		return false;
	if (dir < 0 && cb->aio_lio_opcode != LIO_READ && cb->aio_lio_opcode != LIO_WRITE)
		return false;
	if (dir < 0)
		dir = cb->aio_lio_opcode == LIO_READ ? DAM_DIR_READ : DAM_DIR_WRITE;
	if (dam_plain_not(cb->aio_fildes) || !dam_plain_dma(cb->aio_fildes))
		return false;
	s = dam_slot_mine();
	index = s ? dam_place_index(cb->aio_fildes) : DAM_ROUTE_IGNORE;
	if (index == DAM_ROUTE_IGNORE || index == DAM_LOCAL_BUFFERED)
		return false;
	dam_account_io(s, index, (enum dam_dir)dir, cb->aio_nbytes, 1, sign);
	return true;
}

void dam_plain_aio(struct aiocb *const *blocks, int nr, int dir, uint64_t sign)
{
	bool counted = false;

	for (int i = 0; i < nr; i++)
		if (dam_peek(&blocks[i], sizeof(*blocks)))
			counted |= count_block(blocks[i], dir, sign);
	if (counted && dam_self.slot)
		dam_count_add(&dam_self.slot->submissions, 1);
}
