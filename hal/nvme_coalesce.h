/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* NVMe interrupt moderation, by controller. */
#ifndef DAM_HAL_NVME_COALESCE_H
#define DAM_HAL_NVME_COALESCE_H

#include "hal/moderation.h"

/* Devices are called as their nodes in /dev: "nvme0". CAP_SYS_ADMIN is needed to set. */
extern const struct dam_moderation_ops dam_nvme_moderation;

/** dam_nvme_is_controller() - is @name that of a controller, "nvme0"? */
bool dam_nvme_is_controller(const char *name);

#endif
