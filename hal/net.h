/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What the files of the net backend share. */
#ifndef DAM_HAL_NET_H
#define DAM_HAL_NET_H

#include "hal/hal.h"

#define DAM_NET_PREFIX "net:"

/**
 * dam_net_add_stack() - a bond, a team, a bridge, a VLAN, down to its ports
 *
 * Over one port it is another name of that; over several it is a pool in which something else than the CPU chooses.
 */
void dam_net_add_stack(struct dam_hal *hal, const char *name);

#endif
