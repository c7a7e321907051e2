/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Pools in which the engine nearest to the CPU serves it. */
#ifndef DAM_HAL_POOL_H
#define DAM_HAL_POOL_H

#include "hal/hal.h"

/**
 * dam_pool_of_nearest() - engines @member stand in for one another, and the nearest to the CPU is used
 * @nr: fewer than two are no pool
 *
 * Of engines at the same distance the map names the first; which of them is used, the user of the pool decides.
 */
void dam_pool_of_nearest(struct dam_hal *hal, const char *name, const int *member, unsigned int nr);

#endif
