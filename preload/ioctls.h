/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* ioctls that carry DMA: one table. */
#ifndef DAM_PRELOAD_IOCTLS_H
#define DAM_PRELOAD_IOCTLS_H

#include <stdbool.h>
#include <stdint.h>

/* What one call moved. */
struct dam_ioctl_io {
	uint64_t read_bytes, write_bytes;
	bool reads, writes;
};

/* 1: the table has requests of that type, the second lowest byte. */
extern const uint8_t dam_ioctl_types[256];

/** dam_ioctl_may() - the filter before anything else: may @req be in the table? */
static inline bool dam_ioctl_may(unsigned long req)
{
	return dam_ioctl_types[req >> 8 & 0xff];
}

/**
 * dam_ioctl_decode() - what a call that succeeded moved
 * @lba_bytes: logical block of the device; 0: not known
 * @arg: the program's structure, which the kernel has read
 * Return: false: not in the table, or nothing moved.
 */
bool dam_ioctl_decode(unsigned long req, const void *arg, uint32_t lba_bytes,
		      struct dam_ioctl_io *out);

/** dam_ioctl_count() - after a call on @fd that returned @ret; keeps errno. */
void dam_ioctl_count(int fd, unsigned long req, const void *arg, int ret);

#endif
