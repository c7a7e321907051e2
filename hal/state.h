/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What an open hal holds; hal.c opens, looks and closes, table.c keeps the tables. */
#ifndef DAM_HAL_STATE_H
#define DAM_HAL_STATE_H

#include "hal/component.h"
#include "hal/hal.h"
#include "hal/locality.h"

struct dam_uncore;

struct dam_hal {
	struct dam_hal_config cfg; /* its strings are copies */
	struct dam_topology topo;
	unsigned int nr_targets, nr_devs, nr_aliases;
	struct dam_hal_target target[DAM_HAL_TARGETS];
	unsigned int seen[DAM_HAL_TARGETS]; /* number of the scan that saw the target last */
	bool closed[DAM_HAL_TARGETS];
	struct dam_components components; /* numbers the scans */
	struct dam_locality_rules rules;
	struct dam_uncore *uncore; /* counters of components; NULL: none */
	uint64_t stir; /* of the directories that backends watch, as last seen */
	bool changed;  /* by the scan that is going on */
	struct dam_hal_dev dev[DAM_HAL_DEVS];
	struct dam_hal_alias alias[DAM_HAL_ALIASES];
	int redirect[1 + DAM_HAL_TARGETS]; /* of target i - 1; [0]: of DAM_HAL_NONE */
	char *err;
	size_t err_size;
};

#endif
