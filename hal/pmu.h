/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The event that tells a thread's traffic to memory: the best that this machine counts. */
#ifndef DAM_HAL_PMU_H
#define DAM_HAL_PMU_H

#include <stddef.h>
#include <stdint.h>

/* As perf_event_open() takes it: user mode only, one thread, whatever CPU. */
struct dam_pmu_event {
	uint32_t type;
	uint32_t bytes_per_count;
	uint64_t config, config1, config2;
	char name[128];
};

/**
 * dam_pmu_choose() - find an event that opens and counts, by trying it on the calling thread
 * @wanted: an event string of libpfm4, and no other; NULL: the first of the list that will do
 * @why: when there is none: one line without the program's name
 *
 * libpfm4 is loaded here, and let go of again; without it only the generic event is tried. Takes
 * milliseconds. Return: 0; -ENOENT with @why set.
 */
int dam_pmu_choose(const char *wanted, struct dam_pmu_event *out, char *why, size_t size);

/** dam_pmu_list() - the event strings that are tried, best first; NULL past the end. */
const char *dam_pmu_list(unsigned int i);

#endif
