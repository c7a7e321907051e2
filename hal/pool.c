/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Pools in which the engine nearest to the CPU serves it. */
#include "config.h"
#include "hal/pool.h"

#include "base/str.h"

void dam_pool_of_nearest(struct dam_hal *hal, const char *name, const int *member, unsigned int nr)
{
	const struct dam_topology *topo = dam_hal_topology(hal);
	struct dam_hal_pool pool = {.cpu_driven = true};
	unsigned int home[DAM_HAL_TARGETS];
	int index;

	if (nr < 2)
		return;
	dam_strlcpy(pool.name, name, sizeof(pool.name));
	index = dam_hal_add_pool(hal, &pool);
	if (index < 0)
		return;
	for (unsigned int i = 0; i < nr; i++) {
		struct dam_hal_engine *e = &dam_hal_target(hal, (unsigned int)member[i])->engine;

		e->pool = index;
		home[i] = dam_topology_domain_of_cpus(topo, &e->local_cpus);
	}
	for (unsigned int d = 0; d < DAM_MAX_DOMAINS; d++)
		dam_hal_target(hal, (unsigned int)index)->pool.engine_of_domain[d] =
			d < topo->nr_domains ? member[dam_topology_nearest(topo, d, home, nr)] : DAM_HAL_NONE;
}
