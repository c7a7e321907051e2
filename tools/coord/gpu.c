/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Engine time of processes on GPUs, once a second, where a driver tells it: submissions alone say nothing of their size. */
#include "config.h"
#include "tools/coord/coord.h"

#include <string.h>

#include "base/clock.h"
#include "hal/drm_fdinfo.h"

#define INTERVAL_NS   DAM_NS_PER_S
#define PROCESSES_MAX 256 /* looked at in one interval */
#define CLIENTS_MAX   16  /* of one process */

static bool has_gpu(struct coord *c)
{
	for (unsigned int i = 0; i < dam_hal_nr_targets(c->hal); i++) {
		const struct dam_hal_target *t = dam_hal_target(c->hal, i);

		if (t->kind == DAM_TARGET_ENGINE && !t->engine.gone && !strcmp(t->engine.backend->name, "drm"))
			return true;
	}
	return false;
}

static void read_process(const char *root, struct coord_process *p)
{
	struct dam_drm_client client[CLIENTS_MAX];
	int nr = dam_drm_process(root, p->pid, client, CLIENTS_MAX);
	uint64_t ns = 0;

	for (int i = 0; i < nr; i++)
		ns += client[i].all_ns;
	p->gpu.known = p->gpu.known || nr > 0;
	if (ns > p->gpu.engine_ns) /* a client that was closed takes its time along */
		p->gpu.engine_ns = ns;
}

/* Those whose turn it is: the one after the last, and on; newcomers come first, and move all of the others on by one. */
static void read_some(struct coord *c)
{
	unsigned int nr = c->nr_processes < PROCESSES_MAX ? c->nr_processes : PROCESSES_MAX;
	unsigned int at = c->nr_processes ? c->gpu_next % c->nr_processes : 0;
	struct coord_process *p = c->processes;

	c->gpu_next = at + nr;
	while (at--)
		p = p->next;
	for (; nr; nr--, p = p->next ? p->next : c->processes)
		read_process(dam_hal_root(c->hal), p);
}

void coord_gpu_tick(struct coord *c, uint64_t now_ns)
{
	if (now_ns - c->gpu_read_ns < INTERVAL_NS)
		return;
	c->gpu_read_ns = now_ns;
	if (has_gpu(c))
		read_some(c);
}
