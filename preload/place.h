/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Where a file descriptor leads: a place, this process's own number for a device, whoever the coordinator is. */
#ifndef DAM_PRELOAD_PLACE_H
#define DAM_PRELOAD_PLACE_H

#include <stdint.h>

#include "preload/device.h"
#include "preload/self.h"
#include "shm/layout.h"

/* Places outlive a coordinator: only their route, the index in the ledger's target table, changes with it. */
enum {
	DAM_PLACE_UNKNOWN,  /* not asked yet */
	DAM_PLACE_IGNORE,   /* pipes, terminals, eventfds, directories: no DMA */
	DAM_PLACE_BUFFERED, /* files without O_DIRECT */
	DAM_PLACE_OTHER,    /* sockets, what could not be found out */
	DAM_PLACE_DMABUF,   /* buffers that devices share */
	DAM_PLACE_DEVICE,   /* the first of the devices */
	DAM_PLACES = 256,
};

#define DAM_FDS		 65536 /* descriptors at or above it lead to DAM_PLACE_OTHER */
#define DAM_ROUTE_IGNORE 0xff

/* What is known of a descriptor; all zero: nothing. Side by side, so that most programs touch one page of them. */
struct dam_fd {
	uint8_t place;	/* of reads and writes */
	uint8_t device; /* of passthrough ioctls: the device, with or without O_DIRECT */
	uint8_t ring;	/* number of the io_uring ring behind it, see ring.h; 0: none known */
	uint8_t plain;	/* enum dam_plain: what read() and write() on it are */
};

extern struct dam_fd dam_fds[DAM_FDS];

/** dam_place_note_fd() - something of @fd is remembered: see dam_place_forget_range(). @fd is below DAM_FDS. */
void dam_place_note_fd(int fd);

extern uint32_t dam_place_lba[DAM_PLACES]; /* bytes of a logical block; 0: not known */
extern uint8_t dam_place_class[DAM_PLACES]; /* enum dam_class */

/** dam_place_resolve() - ask the kernel where @fd leads, and remember it. Return: a place. Keeps errno. */
uint8_t dam_place_resolve(int fd);

/** dam_place_device() - the device behind @fd for passthrough. Return: a place. Keeps errno. */
uint8_t dam_place_device(int fd);

/** dam_place_recheck() - ask again: the descriptor may have been closed and reused unseen. */
void dam_place_recheck(int fd);

/** dam_place_reflag() - the flags of @fd have changed: O_DIRECT perhaps. */
void dam_place_reflag(int fd);

/** dam_place_note_plain() - remember what plain I/O on @fd is: enum dam_plain, see plain.h. */
void dam_place_note_plain(int fd, uint8_t plain);

/** dam_place_forget_plain() - it is asked anew of all. */
void dam_place_forget_plain(void);

/** dam_place_forget() - @fd is being closed or replaced. */
void dam_place_forget(int fd);
void dam_place_forget_range(unsigned int first, unsigned int last);

/**
 * dam_place_route_all() - give every place its index in @l
 * @b: the board that knows the devices; NULL: none yet, each place stands for itself
 *
 * On the way from private memory to a ledger a place keeps its index or joins another's, so that a
 * thread that still counts in private memory with a new route counts at an index that means the same.
 * Return: 0; -EAGAIN: the directory was being replaced, ask again later.
 * Context: under the routing lock.
 */
int dam_place_route_all(struct dam_ledger *l, const struct dam_board *b, uint64_t now_ns);

/** dam_place_remap_all() - note where the indices of @private_ledger lead after dam_place_route_all(). */
void dam_place_remap_all(const struct dam_ledger *private_ledger);

/** dam_place_remap() - where private counts at index @i belong. Return: an index; DAM_ROUTE_IGNORE. */
uint8_t dam_place_remap(unsigned int i);

/** dam_place_changed() - what was remembered of any descriptor, in any thread, holds no longer. */
void dam_place_changed(void);

/** dam_place_init() - the places that every process has. Before the gate first opens. */
void dam_place_init(void);

/** dam_place_index_of() - index in the ledger of a place; DAM_ROUTE_IGNORE. */
static inline uint8_t dam_place_index_of(uint8_t place)
{
	return __atomic_load_n(&dam_gate.route[place], __ATOMIC_RELAXED);
}

/** dam_place_find() - dam_place_index() of a descriptor that was not the last one. */
uint8_t dam_place_find(int fd);

/** dam_place_index() - the hot path: index in the ledger of what @fd leads to; DAM_ROUTE_IGNORE. */
static inline uint8_t dam_place_index(int fd)
{
	struct dam_self *me = &dam_self;

	if (DAM_LIKELY(me->fd == fd &&
		       me->fds_seq == __atomic_load_n(&dam_gate.seqs.fds, __ATOMIC_RELAXED)))
		return me->index;
	return dam_place_find(fd);
}

/** dam_place_unlike() - 0: @fd is the last one, and its index, which leads somewhere, is still right. Without a jump. */
static DAM_INLINE uint32_t dam_place_unlike(int fd)
{
	const struct dam_self *me = &dam_self;

	return (uint32_t)(fd ^ me->fd) | (me->index & ~(DAM_LEDGER_TARGETS - 1)) |
	       (me->fds_seq ^ __atomic_load_n(&dam_gate.seqs.fds, __ATOMIC_RELAXED));
}

#endif
