/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Interrupt moderation of network interfaces, by ethtool's netlink messages. */
#ifndef DAM_HAL_ETHTOOL_H
#define DAM_HAL_ETHTOOL_H

#include "hal/moderation.h"

/* Devices are called as their interfaces, of the caller's network namespace: "eth0". CAP_NET_ADMIN
 * is needed to set. */
extern const struct dam_moderation_ops dam_ethtool_moderation;

#endif
