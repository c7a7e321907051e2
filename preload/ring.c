/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Records of rings: a small table, its entries found by descriptor. */
#include "config.h"
#include "preload/ring.h"

#include <string.h>

#include "preload/place.h"
#include "preload/teardown.h"

static struct dam_ring rings[DAM_RINGS]; /* number 0 is not used: dam_fd.ring says 0 for none */
static unsigned int nr_mapped;		 /* rings whose mappings are noted */

struct dam_ring *dam_ring_of(int fd)
{
	uint8_t n = (unsigned int)fd < DAM_FDS
			    ? __atomic_load_n(&dam_fds[fd].ring, __ATOMIC_ACQUIRE)
			    : 0;

	return n ? &rings[n] : NULL;
}

struct dam_ring *dam_ring_get(int fd)
{
	struct dam_ring *r = dam_ring_of(fd);

	if (r || (unsigned int)fd >= DAM_FDS)
		return r;
	for (unsigned int n = 1; n < DAM_RINGS; n++) {
		r = &rings[n];
		if (__atomic_load_n(&r->used, __ATOMIC_RELAXED) ||
		    __atomic_exchange_n(&r->used, 1, __ATOMIC_ACQUIRE))
			continue;
		r->fd = fd;
		dam_place_note_fd(fd);
		__atomic_store_n(&dam_fds[fd].ring, (uint8_t)n, __ATOMIC_RELEASE);
		return r;
	}
	return NULL;
}

static void drop_mappings(struct dam_ring *r)
{
	if (r->sq || r->cq || r->sqes)
		__atomic_fetch_sub(&nr_mapped, 1, __ATOMIC_RELAXED);
	r->sq = r->cq = r->sqes = NULL;
}

/* A child of vfork closes descriptors of its own, and shares our memory. */
static bool in_vfork_child(void)
{
	uint32_t pid;

	if (!dam_gate.born || !dam_slow_begin())
		return false;
	pid = (uint32_t)dam_sys3(SYS_getpid, 0, 0, 0);
	dam_slow_end();
	return pid != dam_gate.pid;
}

void dam_ring_forget(int fd)
{
	struct dam_ring *r = dam_ring_of(fd);

	if (!r || in_vfork_child())
		return;
	__atomic_store_n(&dam_fds[fd].ring, 0, __ATOMIC_RELEASE);
	drop_mappings(r);
	r->known = r->unsteady = false;
	memset(r->file, DAM_PLACE_UNKNOWN, sizeof(r->file));
	__atomic_store_n(&r->used, 0, __ATOMIC_RELEASE);
}

void dam_ring_setup(int fd, const struct io_uring_params *p)
{
	struct dam_ring *r;

	if (p->flags & IORING_SETUP_REGISTERED_FD_ONLY)
		return; /* @fd is a number that only the calling thread's io_uring_enter() knows */
	dam_place_forget(fd);
	r = dam_ring_get(fd);
	if (!r)
		return;
	r->flags = p->flags;
	r->sq_off = p->sq_off;
	r->cq_off = p->cq_off;
	r->known = true;
	if (p->flags & IORING_SETUP_NO_MMAP) {
		/* the program's own memory: the kernel gives the addresses back */
		r->sq = r->cq = (const char *)(uintptr_t)*DAM_URING_USER_ADDR(p->cq_off);
		r->sqes = (const char *)(uintptr_t)*DAM_URING_USER_ADDR(p->sq_off);
		__atomic_fetch_add(&nr_mapped, 1, __ATOMIC_RELAXED);
	}
}

void dam_ring_mapped(int fd, uint64_t offset, const void *at)
{
	struct dam_ring *r = dam_ring_of(fd);

	if (!r || !r->known)
		return;
	if (!r->sq && !r->cq && !r->sqes)
		__atomic_fetch_add(&nr_mapped, 1, __ATOMIC_RELAXED);
	if (offset == IORING_OFF_SQES)
		r->sqes = at;
	if (offset == IORING_OFF_SQ_RING)
		r->sq = at;
	if (offset == IORING_OFF_CQ_RING || (offset == IORING_OFF_SQ_RING && !r->cq))
		r->cq = at;
}

void dam_ring_unmapped(const void *at, size_t len)
{
	if (!__atomic_load_n(&nr_mapped, __ATOMIC_RELAXED))
		return;
	for (unsigned int n = 1; n < DAM_RINGS; n++) {
		struct dam_ring *r = &rings[n];

		if ((uintptr_t)r->sq - (uintptr_t)at < len ||
		    (uintptr_t)r->cq - (uintptr_t)at < len ||
		    (uintptr_t)r->sqes - (uintptr_t)at < len) {
			drop_mappings(r);
			dam_tear_down();
		}
	}
}

void dam_ring_files(int fd, unsigned int first, const int *fds, unsigned int nr)
{
	struct dam_ring *r = dam_enabled ? dam_ring_get(fd) : NULL;

	if (!r)
		return;
	for (unsigned int i = 0; i < nr && first + i < DAM_RING_FILES; i++) {
		uint8_t place = DAM_PLACE_UNKNOWN;

		if (fds && fds[i] == IORING_REGISTER_FILES_SKIP)
			continue;
		if (fds && fds[i] >= 0)
			place = dam_place_resolve(fds[i]);
		__atomic_store_n(&r->file[first + i], place, __ATOMIC_RELAXED);
	}
}

void dam_ring_files_gone(int fd)
{
	struct dam_ring *r = dam_ring_of(fd);

	if (r)
		memset(r->file, DAM_PLACE_UNKNOWN, sizeof(r->file));
}

void dam_ring_registered(int fd, unsigned int opcode, const void *arg, unsigned int nr)
{
	const struct io_uring_files_update *u = arg;
	const struct io_uring_rsrc_register *reg = arg;
	const struct io_uring_rsrc_update2 *u2 = arg;

	/* the kernel has read these structures: they are there */
	switch (opcode) {
	case IORING_REGISTER_FILES:
		dam_ring_files(fd, 0, arg, nr);
		break;
	case IORING_REGISTER_FILES2:
		dam_ring_files(fd, 0, (const int *)(uintptr_t)reg->data, reg->nr);
		break;
	case IORING_REGISTER_FILES_UPDATE:
		dam_ring_files(fd, u->offset, (const int *)(uintptr_t)u->fds, nr);
		break;
	case IORING_REGISTER_FILES_UPDATE2:
		dam_ring_files(fd, u2->offset, (const int *)(uintptr_t)u2->data, u2->nr);
		break;
	case IORING_UNREGISTER_FILES:
		dam_ring_files_gone(fd);
		break;
	default:
		break;
	}
}

uint8_t dam_ring_file(int fd, unsigned int index)
{
	const struct dam_ring *r = dam_ring_of(fd);
	uint8_t place = r && index < DAM_RING_FILES
				? __atomic_load_n(&r->file[index], __ATOMIC_RELAXED)
				: 0;

	return place ? place : DAM_PLACE_OTHER;
}
