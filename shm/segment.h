/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Segments: sealed memfds that the coordinator creates and others map after checking them. */
#ifndef DAM_SHM_SEGMENT_H
#define DAM_SHM_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>

/**
 * dam_segment_create() - make a zeroed memfd of @size bytes, map it writable, seal it
 * @name: shown in /proc/PID/maps
 * @size: a multiple of the page size
 * @read_only: also seal against later writable mappings (the board): only the mapping made here can write
 * @fd: the descriptor to hand over; close-on-exec; the caller closes it
 * @map: writable mapping, owned by the caller (munmap)
 *
 * Sealed SHRINK, GROW and SEAL: no peer can truncate it under another.
 * Return: 0; -errno (-ENOMEM, -EMFILE, …).
 */
int dam_segment_create(const char *name, size_t size, bool read_only, int *fd, void **map);

/**
 * dam_segment_check() - is @fd a memfd that may be mapped: @size bytes, sealed SHRINK and GROW?
 * @read_only: it must be sealed FUTURE_WRITE too
 *
 * Raw system calls, so that the interposer may call it. Return: 0; -EINVAL; -EBADF.
 */
int dam_segment_check(int fd, size_t size, bool read_only);

/**
 * dam_segment_map() - check @fd and map it
 * @at: NULL, or the address of a reservation of @size bytes that is replaced in place
 * @out: the mapping; writable unless @read_only
 *
 * Raw system calls. Return: 0; -EINVAL when the check fails; -errno.
 */
int dam_segment_map(int fd, size_t size, bool read_only, void *at, void **out);

/**
 * dam_segment_fresh() - anonymous memory, zeroed
 * @at: NULL, or the address of a reservation of @size bytes that is replaced in place
 *
 * In small pages: few of them are touched, and the first touch of a huge one would clear 2 MB while other threads'
 * submissions go uncounted. Raw system calls. Return: the mapping; NULL.
 */
void *dam_segment_fresh(void *at, size_t size);

#endif
