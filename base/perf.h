/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* A counter of the calling thread's own, by perf_event_open(). */
#ifndef DAM_BASE_PERF_H
#define DAM_BASE_PERF_H

#include <linux/perf_event.h>
#include <stdint.h>

#include "base/sys.h"

/**
 * dam_perf_open() - count an event of the calling thread's, in user mode, on whatever CPU
 * @type, @config, @config1, @config2: as struct perf_event_attr has them
 *
 * Return: a descriptor, closed on exec; -errno. errno is unchanged. Context: any.
 */
static inline long dam_perf_open(uint32_t type, uint64_t config, uint64_t config1, uint64_t config2)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = type,
		.config = config,
		.config1 = config1,
		.config2 = config2,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};

	return dam_sys6(SYS_perf_event_open, (long)&attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC, 0);
}

#endif
