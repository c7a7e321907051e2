/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* ioctls that carry DMA, or make memory reachable for it: one table. */
#ifndef DAM_PRELOAD_IOCTLS_H
#define DAM_PRELOAD_IOCTLS_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/device.h"

/* One call that succeeded. */
struct dam_ioctl_call {
	unsigned long req;
	const char *arg; /* the program's structure, which the kernel has read */
	int fd;
	uint32_t lba_bytes; /* logical block of the device; 0: not known */
};

/* What it moved. */
struct dam_ioctl_io {
	uint64_t read_bytes, write_bytes;
	bool reads, writes;
	uint64_t mapped_bytes; /* made reachable for a device: not traffic */
};

/* Requests of the table, by a hash of type and number: most others are told from them by one look. */
#define DAM_IOCTL_HASH(req) ((((req)&0xffff) * 497 >> 6) & 0xff)
extern const uint8_t dam_ioctl_filter[256];

/** dam_ioctl_may() - the filter before anything else: may @req be in the table? */
static inline bool dam_ioctl_may(unsigned long req)
{
	return dam_ioctl_filter[DAM_IOCTL_HASH(req)];
}

/**
 * dam_ioctl_decode() - what a call on a device of kind @class did
 * Return: false: not in the table, or nothing moved nor mapped.
 */
bool dam_ioctl_decode(const struct dam_ioctl_call *call, enum dam_class class,
		      struct dam_ioctl_io *out);

/** dam_ioctl_count() - after a call on @fd that returned @ret, from @caller (site.h); keeps errno. */
void dam_ioctl_count(int fd, unsigned long req, const void *arg, int ret, const void *caller);

#endif
