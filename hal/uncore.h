/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Counters of components: PMUs outside the cores that count DMA. */
#ifndef DAM_HAL_UNCORE_H
#define DAM_HAL_UNCORE_H

#include "hal/hal.h"

struct dam_uncore;

/**
 * dam_uncore_open() - find PMUs that count the traffic of the hal's components, and open their events
 *
 * A component that has one is told its name; on a recorded tree, or where events may not be opened, that is all.
 * Return: 0 with @out for dam_uncore_close(), or NULL when no event could be opened; -ENOMEM.
 */
int dam_uncore_open(struct dam_hal *hal, struct dam_uncore **out);

/** dam_uncore_close() - takes NULL. */
void dam_uncore_close(struct dam_uncore *u);

/** dam_uncore_sample() - bytes of component @i. Return: 0; -EOPNOTSUPP: no event is open; -errno. */
int dam_uncore_sample(const struct dam_uncore *u, unsigned int i, struct dam_hal_counters *out);

/**
 * dam_pmu_encode() - "event=0xff,umask=0x20" by the format files of a PMU
 * @dir: "/sys/bus/event_source/devices/dsa0"
 * @config: config, config1, config2
 *
 * Return: 0; -EINVAL: a term that has no format, or does not fit.
 */
int dam_pmu_encode(const char *root, const char *dir, const char *terms, uint64_t config[3]);

#endif
