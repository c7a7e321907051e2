/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Descriptors to places, places to the ledger's targets. */
#include "config.h"
#include "preload/place.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "preload/attach.h"
#include "preload/ring.h"
#include "preload/slow.h"
#include "shm/board.h"

struct dam_fd dam_fds[DAM_FDS];
uint32_t dam_place_lba[DAM_PLACES];
uint8_t dam_place_class[DAM_PLACES] = {[DAM_PLACE_DMABUF] = DAM_CLASS_DMABUF};
/* The devices seen so far. Grows under the routing lock. */
static struct {
	uint64_t dev;
	uint32_t type; /* enum dam_dev_type */
} devices[DAM_PLACES];
static unsigned int nr_places = DAM_PLACE_DEVICE;

/* Beyond this nothing is remembered of any descriptor: a program that closes all that there may be need not look. */
static unsigned int fds_end;

void dam_place_note_fd(int fd)
{
	unsigned int end = __atomic_load_n(&fds_end, __ATOMIC_RELAXED);

	while (end <= (unsigned int)fd && !__atomic_compare_exchange_n(&fds_end, &end, (unsigned int)fd + 1, false,
								       __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

void dam_place_init(void)
{
	dam_gate.route[DAM_PLACE_UNKNOWN] = DAM_LOCAL_OTHER;
	dam_gate.route[DAM_PLACE_IGNORE] = DAM_ROUTE_IGNORE;
	dam_gate.route[DAM_PLACE_BUFFERED] = DAM_LOCAL_BUFFERED;
	dam_gate.route[DAM_PLACE_OTHER] = DAM_LOCAL_OTHER;
	dam_gate.route[DAM_PLACE_DMABUF] = DAM_LOCAL_OTHER;
	dam_place_changed();
}

void dam_place_changed(void)
{
	static uint32_t seq; /* goes on in a child, whose threads remember their parents' */

	__atomic_store_n(&dam_gate.seqs.fds, __atomic_add_fetch(&seq, 1, __ATOMIC_RELAXED),
			 __ATOMIC_RELEASE);
}

/* What index of a private ledger became in the coordinator's. */
static uint8_t remap[DAM_LEDGER_TARGETS];

/* An index for target @id in ledger @l: @wish if it can be had. */
static uint8_t target_index(struct dam_ledger *l, uint32_t id, uint8_t wish)
{
	for (unsigned int i = DAM_LOCAL_FIRST; i < DAM_LEDGER_TARGETS; i++)
		if (l->target_id[i] == id)
			return (uint8_t)i;
	if (wish < DAM_LOCAL_FIRST || wish >= DAM_LEDGER_TARGETS || l->target_id[wish])
		return (uint8_t)dam_ledger_target(l, id);
	__atomic_store_n(&l->target_id[wish], id, __ATOMIC_RELEASE);
	return wish;
}

/* Return: -EAGAIN when the directory cannot be read just now. */
static int route_one(unsigned int place, struct dam_ledger *l, const struct dam_board *b,
		     uint64_t now_ns)
{
	/* a terminal or /dev/null moves nothing; a GPU does, though it is no engine that the board knows */
	uint8_t none = dam_place_class[place] ? DAM_LOCAL_OTHER : DAM_ROUTE_IGNORE;
	struct dam_board_target t;
	int err;

	if (!b) {
		/* a private ledger: its target ids are places, until a board can name them */
		dam_gate.route[place] = (uint8_t)dam_ledger_target(l, place);
		return 0;
	}
	err = dam_board_lookup(b, l, devices[place].type, devices[place].dev, now_ns, &t);
	if (!err) {
		dam_place_lba[place] = t.lba_bytes;
		none = target_index(l, t.id, dam_gate.route[place]);
	}
	__atomic_store_n(&dam_gate.route[place], none, __ATOMIC_RELAXED);
	return err == -EAGAIN ? err : 0;
}

int dam_place_route_all(struct dam_ledger *l, const struct dam_board *b, uint64_t now_ns)
{
	int err = 0;

	for (unsigned int p = DAM_PLACE_DEVICE; p < nr_places; p++)
		if (route_one(p, l, b, now_ns))
			err = -EAGAIN;
	dam_place_changed();
	return err;
}

void dam_place_remap_all(const struct dam_ledger *private_ledger)
{
	for (unsigned int i = 0; i < DAM_LEDGER_TARGETS; i++) {
		uint32_t place = i < DAM_LOCAL_FIRST ? 0 : private_ledger->target_id[i];

		remap[i] = place && place < DAM_PLACES ? dam_gate.route[place] : (uint8_t)i;
	}
}

uint8_t dam_place_remap(unsigned int i)
{
	return remap[i];
}

static uint8_t find_device(uint32_t type, uint64_t dev)
{
	unsigned int nr = __atomic_load_n(&nr_places, __ATOMIC_ACQUIRE);

	for (unsigned int p = DAM_PLACE_DEVICE; p < nr; p++)
		if (devices[p].dev == dev && devices[p].type == type)
			return (uint8_t)p;
	return DAM_PLACE_UNKNOWN;
}

/* The place of a device; DAM_PLACE_UNKNOWN when the lock cannot be had just now. */
static uint8_t device_place(uint32_t type, uint64_t dev)
{
	uint8_t place = find_device(type, dev);
	enum dam_class class = DAM_CLASS_DISK;

	if (place)
		return place;
	if (type == DAM_DEV_CHAR)
		class = dam_device_class("/sys", dev);
	if (!dam_slow_lock_soon(&dam_gate.routing))
		return place;
	place = find_device(type, dev);
	if (!place && nr_places == DAM_PLACES) {
		place = DAM_PLACE_OTHER;
	} else if (!place) {
		place = (uint8_t)nr_places;
		devices[place].dev = dev;
		devices[place].type = type;
		dam_place_class[place] = (uint8_t)class;
		dam_gate.route[place] = DAM_LOCAL_OTHER;
		if (dam_attach_ledger())
			route_one(place, dam_attach_ledger(), dam_attach_board(),
				  dam_now_coarse_ns());
		/* Release: who finds the device finds its route. */
		__atomic_store_n(&nr_places, place + 1u, __ATOMIC_RELEASE);
	}
	dam_slow_unlock(&dam_gate.routing);
	return place;
}

/* Buffers have no type of file, or pass for regular ones, on a file system without a device. */
static bool is_dmabuf(int fd, const struct stat *st)
{
	struct statfs fs;

	return !major(st->st_dev) && !dam_sys3(SYS_fstatfs, fd, (long)&fs, 0) &&
	       fs.f_type == DMA_BUF_MAGIC;
}

/* Asks the kernel. @device: what passthrough ioctls on @fd reach. Return: the place of reads and writes. */
static uint8_t ask(int fd, uint8_t *device)
{
	struct stat st;
	long flags;
	uint8_t place;

	*device = DAM_PLACE_IGNORE;
	if (dam_sys3(SYS_fstat, fd, (long)&st, 0) != 0)
		return DAM_PLACE_UNKNOWN;
	switch (st.st_mode & S_IFMT) {
	case S_IFSOCK:
		return DAM_PLACE_OTHER;
	case S_IFCHR:
		return *device = device_place(DAM_DEV_CHAR, st.st_rdev);
	case S_IFBLK:
		place = device_place(DAM_DEV_BLOCK, st.st_rdev);
		*device = place;
		break;
	case 0:
		if (is_dmabuf(fd, &st))
			*device = DAM_PLACE_DMABUF;
		return DAM_PLACE_IGNORE;
	case S_IFREG:
		if (is_dmabuf(fd, &st)) {
			*device = DAM_PLACE_DMABUF;
			return DAM_PLACE_IGNORE;
		}
		place = device_place(DAM_DEV_BLOCK, st.st_dev);
		break;
	default:
		return DAM_PLACE_IGNORE;
	}
	flags = dam_sys3(SYS_fcntl, fd, F_GETFL, 0);
	return flags >= 0 && (flags & O_DIRECT) ? place : DAM_PLACE_BUFFERED;
}

static uint8_t resolve(int fd, bool want_device)
{
	uint8_t place = DAM_PLACE_UNKNOWN, device = DAM_PLACE_UNKNOWN;
	uint64_t mask;

	if (dam_slow_enter(&mask)) {
		place = ask(fd, &device);
		if ((unsigned int)fd < DAM_FDS) {
			dam_place_note_fd(fd);
			__atomic_store_n(&dam_fds[fd].place, place, __ATOMIC_RELAXED);
			__atomic_store_n(&dam_fds[fd].device, device, __ATOMIC_RELAXED);
		}
		dam_slow_leave(&mask);
	}
	if (want_device)
		place = device;
	return place ? place : DAM_PLACE_OTHER;
}

uint8_t dam_place_resolve(int fd)
{
	return resolve(fd, false);
}

uint8_t dam_place_device(int fd)
{
	uint8_t device = DAM_PLACE_UNKNOWN;

	if ((unsigned int)fd < DAM_FDS)
		device = __atomic_load_n(&dam_fds[fd].device, __ATOMIC_RELAXED);
	return device ? device : resolve(fd, true);
}

void dam_place_recheck(int fd)
{
	uint8_t was = (unsigned int)fd < DAM_FDS ? dam_fds[fd].place : 0;

	if (was && resolve(fd, false) != was)
		dam_place_changed();
}

uint8_t dam_place_find(int fd)
{
	struct dam_self *me = &dam_self;
	/* before the look: a change while we look makes what we found stale */
	uint32_t seq = __atomic_load_n(&dam_gate.seqs.fds, __ATOMIC_ACQUIRE);
	uint8_t place = DAM_PLACE_OTHER;

	if (DAM_LIKELY((unsigned int)fd < DAM_FDS)) {
		place = __atomic_load_n(&dam_fds[fd].place, __ATOMIC_RELAXED);
		if (DAM_UNLIKELY(!place)) {
			place = dam_place_resolve(fd);
			/* it may not have been remembered: then it is not to be remembered here either */
			if (!dam_fds[fd].place)
				return dam_place_index_of(place);
		}
	}
	me->index = dam_place_index_of(place);
	me->fd = fd;
	me->fds_seq = seq;
	return me->index;
}

void dam_place_reflag(int fd)
{
	if ((unsigned int)fd >= DAM_FDS)
		return;
	/* read first: most descriptors were never looked at, and their pages need not exist */
	if (dam_fds[fd].plain)
		__atomic_store_n(&dam_fds[fd].plain, 0, __ATOMIC_RELAXED);
	if (dam_fds[fd].place | dam_fds[fd].device) {
		__atomic_store_n(&dam_fds[fd].place, DAM_PLACE_UNKNOWN, __ATOMIC_RELAXED);
		__atomic_store_n(&dam_fds[fd].device, DAM_PLACE_UNKNOWN, __ATOMIC_RELAXED);
		dam_place_changed();
	}
}

void dam_place_forget(int fd)
{
	dam_place_reflag(fd);
	if ((unsigned int)fd < DAM_FDS && DAM_UNLIKELY(dam_fds[fd].ring))
		dam_ring_forget(fd);
}

void dam_place_forget_range(unsigned int first, unsigned int last)
{
	unsigned int end = __atomic_load_n(&fds_end, __ATOMIC_RELAXED);

	for (unsigned int fd = first; fd <= last && fd < end; fd++)
		dam_place_forget((int)fd);
}

void dam_place_note_plain(int fd, uint8_t plain)
{
	dam_place_note_fd(fd);
	__atomic_store_n(&dam_fds[fd].plain, plain, __ATOMIC_RELAXED);
}

void dam_place_forget_plain(void)
{
	unsigned int end = __atomic_load_n(&fds_end, __ATOMIC_RELAXED);

	for (unsigned int fd = 0; fd < end; fd++)
		if (dam_fds[fd].plain)
			__atomic_store_n(&dam_fds[fd].plain, 0, __ATOMIC_RELAXED);
}
