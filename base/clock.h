/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The clock: monotonic nanoseconds, precise or coarse. */
#ifndef DAM_BASE_CLOCK_H
#define DAM_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define DAM_NS_PER_MS 1000000ull
#define DAM_NS_PER_S  1000000000ull

static inline uint64_t dam_clock_read(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * DAM_NS_PER_S + (uint64_t)ts.tv_nsec;
}

/** dam_now_ns() - CLOCK_MONOTONIC in nanoseconds; about 30 ns. */
static inline uint64_t dam_now_ns(void)
{
	return dam_clock_read(CLOCK_MONOTONIC);
}

/** dam_now_coarse_ns() - the same at the resolution of a jiffy; about 6 ns, never a system call. */
static inline uint64_t dam_now_coarse_ns(void)
{
	return dam_clock_read(CLOCK_MONOTONIC_COARSE);
}

#endif
