/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What is known of io_uring rings by descriptor: fixed files, the program's own mappings. Nothing is mapped here. */
#ifndef DAM_PRELOAD_RING_H
#define DAM_PRELOAD_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/uring_abi.h"

#define DAM_RINGS      64
#define DAM_RING_FILES 4096

struct dam_ring {
	uint32_t used; /* claimed by exchange; everything else is zero when it is not */
	int fd;
	bool unsteady; /* holds polls, timeouts and the like: what is in flight says nothing of DMA */
	bool known;    /* the three below are set, and what the program maps of the ring is noted */
	uint32_t flags;
	struct io_sqring_offsets sq_off;
	struct io_cqring_offsets cq_off;
	const char *sq, *cq, *sqes;   /* in the program's mappings; NULL: not seen */
	uint8_t file[DAM_RING_FILES]; /* places of the fixed files */
};

/** dam_ring_of() - what is known of the ring behind @fd; NULL: nothing. */
struct dam_ring *dam_ring_of(int fd);

/** dam_ring_get() - the same, or a new record; NULL when the table is full. */
struct dam_ring *dam_ring_get(int fd);

/** dam_ring_forget() - @fd is closed. */
void dam_ring_forget(int fd);

/** dam_ring_setup() - the program has made ring @fd with @p as the kernel filled it. */
void dam_ring_setup(int fd, const struct io_uring_params *p);

/** dam_ring_mapped() / dam_ring_unmapped() - the program mapped part of @fd, or unmapped memory. */
void dam_ring_mapped(int fd, uint64_t offset, const void *at);
void dam_ring_unmapped(const void *at, size_t len);

/**
 * dam_ring_files() - descriptors registered as fixed files from index @first on
 * @fds: NULL: that many empty places. A place in it: -1: empty; IORING_REGISTER_FILES_SKIP: as it was
 */
void dam_ring_files(int fd, unsigned int first, const int *fds, unsigned int nr);

/** dam_ring_files_gone() - all fixed files unregistered, or changed in a way that is not followed. */
void dam_ring_files_gone(int fd);

/** dam_ring_registered() - an io_uring_register() that succeeded. */
void dam_ring_registered(int fd, unsigned int opcode, const void *arg, unsigned int nr);

/** dam_ring_file() - the place of fixed file @index of ring @fd. */
uint8_t dam_ring_file(int fd, unsigned int index);

#endif
