/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What a domain draws and how deeply it sleeps, as far as cpuidle, cpufreq, powercap and the energy model tell. */
#ifndef DAM_HAL_POWER_H
#define DAM_HAL_POWER_H

#include "hal/topology.h"

struct dam_hal_power {
	unsigned int package; /* physical package; domains of one sleep as one */
	double idle_w;	      /* awake and idle */
	double dynamic_w;     /* more at full load */
	double wake_s;	      /* exit latency of the deepest sleep that is enabled; 0: it does not sleep */
};

/**
 * dam_hal_power() - of domain @d; a guess where the machine does not tell: only proportions matter
 * @root: "" for this machine, else the path of a recorded tree
 */
void dam_hal_power(const char *root, const struct dam_topology *topo, unsigned int d, struct dam_hal_power *out);

#endif
