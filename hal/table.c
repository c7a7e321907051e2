/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The tables of targets, device numbers, further names and redirections that backends fill. */
#include "config.h"
#include "hal/hal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "hal/internal.h"
#include "hal/state.h"

static const char *target_name(const struct dam_hal_target *t)
{
	return t->kind == DAM_TARGET_ENGINE ? t->engine.name : t->pool.name;
}

static bool is_gone(const struct dam_hal_target *t)
{
	return t->kind == DAM_TARGET_ENGINE ? t->engine.gone : t->pool.gone;
}

int dam_hal_find(const struct dam_hal *hal, const char *name)
{
	for (unsigned int i = 0; i < hal->nr_targets; i++)
		if (!is_gone(&hal->target[i]) && !strcmp(target_name(&hal->target[i]), name))
			return (int)i;
	for (unsigned int i = 0; i < hal->nr_aliases; i++)
		if (!strcmp(hal->alias[i].name, name))
			return hal->alias[i].target;
	return DAM_HAL_NONE;
}

const struct dam_hal_dev *dam_hal_devs(const struct dam_hal *hal, unsigned int *nr)
{
	*nr = hal->nr_devs;
	return hal->dev;
}

int dam_hal_redirect(const struct dam_hal *hal, int target)
{
	if (target < DAM_HAL_NONE || target >= DAM_HAL_TARGETS)
		return DAM_HAL_NONE;
	return hal->redirect[target + 1];
}

void dam_hal_release(struct dam_hal_engine *e)
{
	if (e->backend->close)
		e->backend->close(e);
	free(e->queues);
	e->queues = NULL;
	e->nr_queues = 0;
}

/* A device may have come to another pool or place. */
static void take_over(struct dam_hal_engine *old, struct dam_hal_engine *e)
{
	old->pool = e->pool;
	old->local_cpus = e->local_cpus;
	old->component_index = e->component_index;
	free(old->queues);
	old->queues = e->queues;
	old->nr_queues = e->nr_queues;
	old->queues_by = e->queues_by;
	e->queues = NULL;
	if (old->capacity.source == DAM_CAPACITY_LINK && e->capacity.source == DAM_CAPACITY_LINK)
		old->capacity = e->capacity;
	dam_hal_release(e);
}

static int add_target(struct dam_hal *hal, struct dam_hal_target *t)
{
	int old = dam_hal_find(hal, target_name(t));

	if (old != DAM_HAL_NONE && (hal->seen[old] == hal->components.scan || hal->target[old].kind != t->kind))
		return -EEXIST;
	if (old != DAM_HAL_NONE) {
		if (t->kind == DAM_TARGET_ENGINE)
			take_over(&hal->target[old].engine, &t->engine);
		hal->seen[old] = hal->components.scan;
		return old;
	}
	if (hal->nr_targets == DAM_HAL_TARGETS)
		return -ENOSPC;
	hal->target[hal->nr_targets] = *t;
	hal->seen[hal->nr_targets] = hal->components.scan;
	/* a newcomer goes where those of unknown engine go */
	if (hal->components.scan > 1 && hal->redirect[0] != DAM_HAL_NONE)
		hal->redirect[1 + hal->nr_targets] = hal->redirect[0];
	hal->changed = true;
	return (int)hal->nr_targets++;
}

int dam_hal_add_engine(struct dam_hal *hal, const struct dam_hal_engine *e)
{
	struct dam_hal_target t = {.kind = DAM_TARGET_ENGINE, .engine = *e};
	int target;

	t.engine.track.lazy = e->backend->lazy;
	target = e->name[0] ? add_target(hal, &t) : -EINVAL;
	if (target < 0)
		dam_hal_release(&t.engine);
	return target;
}

int dam_hal_add_pool(struct dam_hal *hal, const struct dam_hal_pool *p)
{
	struct dam_hal_target t = {.kind = DAM_TARGET_POOL, .pool = *p};

	return add_target(hal, &t);
}

int dam_hal_add_dev(struct dam_hal *hal, const struct dam_hal_dev *d)
{
	for (unsigned int i = 0; i < hal->nr_devs; i++)
		if (hal->dev[i].dev == d->dev && hal->dev[i].type == d->type)
			return -EEXIST;
	if (hal->nr_devs == DAM_HAL_DEVS)
		return -ENOSPC;
	hal->dev[hal->nr_devs++] = *d;
	return 0;
}

void dam_hal_add_alias(struct dam_hal *hal, const char *name, int target)
{
	int known = dam_hal_find(hal, name);

	/* a pool of that name that this scan has not seen has one engine left, and is about to be gone */
	if (target < 0 || hal->nr_aliases == DAM_HAL_ALIASES ||
	    (known != DAM_HAL_NONE && hal->seen[known] == hal->components.scan))
		return;
	dam_strlcpy(hal->alias[hal->nr_aliases].name, name, DAM_HAL_NAME);
	hal->alias[hal->nr_aliases++].target = target;
}

void dam_hal_set_redirect(struct dam_hal *hal, int from, int to)
{
	if (from >= DAM_HAL_NONE && from < DAM_HAL_TARGETS)
		hal->redirect[from + 1] = to;
}
