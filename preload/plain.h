/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* read() and its kin: which descriptors they do DMA on, at the price of one look for all others. */
#ifndef DAM_PRELOAD_PLAIN_H
#define DAM_PRELOAD_PLAIN_H

#include <stdbool.h>
#include <sys/types.h>

#include "preload/account.h"
#include "preload/place.h"

struct aiocb;

enum dam_plain {
	DAM_PLAIN_UNKNOWN, /* not asked yet */
	DAM_PLAIN_NOT,	   /* page cache, pipe, socket, terminal: never counted */
	DAM_PLAIN_DMA,	   /* O_DIRECT, or a device that moves data itself */
};

/* A power of two: one call in so many on descriptors without DMA asks again: they may have been reused unseen. */
#define DAM_PLAIN_RECHECK 1024u

/** dam_plain_ask() - ask the kernel what @fd is, remember it. Return: does plain I/O on it do DMA? Keeps errno. */
bool dam_plain_ask(int fd);

/**
 * dam_plain_not() - is plain I/O on @fd known to do no DMA?
 *
 * One look for a descriptor that was seen before. Descriptors from DAM_FDS on are taken for ones without.
 * Context: any thread, any signal handler, before the constructor.
 */
static inline bool dam_plain_not(int fd)
{
	return (unsigned int)fd >= DAM_FDS ||
	       (__atomic_load_n(&dam_fds[fd].plain, __ATOMIC_RELAXED) == DAM_PLAIN_NOT &&
		++dam_self.plain_calls % DAM_PLAIN_RECHECK);
}

/** dam_plain_dma() - where dam_plain_not() does not know: does it? Never attaches the process. Context: the same. */
static inline bool dam_plain_dma(int fd)
{
	return (unsigned int)fd < DAM_FDS &&
	       (__atomic_load_n(&dam_fds[fd].plain, __ATOMIC_RELAXED) == DAM_PLAIN_DMA ||
		dam_plain_ask(fd));
}

/** dam_plain_count() - a call on a descriptor with DMA returned @ret: bytes, or an error. Keeps errno. */
void dam_plain_count(int fd, enum dam_dir dir, ssize_t ret, const void *caller);

/**
 * dam_plain_aio() - count @nr control blocks of POSIX aio, for the thread that hands them in
 * @dir: of all; -1: as each says itself
 * @sign: 1, or -1 to take back what was not accepted
 *
 * Before the call: afterwards the blocks may be gone. Never faults.
 */
void dam_plain_aio(struct aiocb *const *blocks, int nr, int dir, uint64_t sign);

#endif
