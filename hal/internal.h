/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What hal.c shares with the rest of its room, beside the backends' interface in hal.h. */
#ifndef DAM_HAL_INTERNAL_H
#define DAM_HAL_INTERNAL_H

#include "hal/hal.h"

struct dam_components;

extern const struct dam_hal_backend dam_hal_block;
extern const struct dam_hal_backend dam_hal_net;
extern const struct dam_hal_backend dam_hal_rdma;
extern const struct dam_hal_backend dam_hal_idxd;
extern const struct dam_hal_backend dam_hal_ioat;
extern const struct dam_hal_backend dam_hal_ptdma;
extern const struct dam_hal_backend dam_hal_dmaengine;
extern const struct dam_hal_backend dam_hal_drm;
extern const struct dam_hal_backend dam_hal_nvml;
extern const struct dam_hal_backend dam_hal_sim;

/** dam_hal_backends() - the list, ended by NULL; the order of their scans. */
const struct dam_hal_backend *const *dam_hal_backends(void);

/** dam_hal_apply_capacity() - DAM_CAPACITY, after all scans. Return: 0; -EINVAL with the error line
 * set; -ENOMEM. */
int dam_hal_apply_capacity(struct dam_hal *hal);

/** dam_hal_component_table() - the hal's own, for those who fill it. */
struct dam_components *dam_hal_component_table(struct dam_hal *hal);

/** dam_hal_release() - give up what @e holds: its backend's, and its queues. */
void dam_hal_release(struct dam_hal_engine *e);

#endif
