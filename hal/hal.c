/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The list of backends, and the tables of targets, device numbers and redirections they fill. */
#include "config.h"
#include "hal/hal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "hal/internal.h"
#include "hal/state.h"
#include "hal/sysfs.h"
#include "hal/uncore.h"

/* sim comes last: it redirects what the others have found */
static const struct dam_hal_backend *const backends[] = {
	&dam_hal_block,
	&dam_hal_net,
	&dam_hal_rdma,
	&dam_hal_idxd,
	&dam_hal_ioat,
	&dam_hal_ptdma,
	&dam_hal_dmaengine,
	&dam_hal_drm,
	&dam_hal_nvml,
	&dam_hal_sim,
	NULL,
};

const struct dam_hal_backend *const *dam_hal_backends(void)
{
	return backends;
}

/* A sum over names, whatever their order. */
static uint64_t stir_of(const struct dam_hal *hal)
{
	uint64_t sum = 0;

	for (size_t b = 0; backends[b]; b++)
		for (size_t i = 0; backends[b]->watch && backends[b]->watch[i]; i++)
			sum += dam_sysfs_names(hal->cfg.root, backends[b]->watch[i]) * (2 * b + 1);
	return sum;
}

static char *copy_text(const char *s)
{
	return s && *s ? strdup(s) : NULL;
}

static int copy_config(struct dam_hal *hal, const struct dam_hal_config *cfg)
{
	const char *root = cfg->root ? cfg->root : "";

	hal->cfg.root = strdup(root);
	hal->cfg.capacity = copy_text(cfg->capacity);
	hal->cfg.sim = copy_text(cfg->sim);
	if (!hal->cfg.root || (cfg->capacity && *cfg->capacity && !hal->cfg.capacity) ||
	    (cfg->sim && *cfg->sim && !hal->cfg.sim))
		return -ENOMEM;
	return dam_locality_parse(hal, cfg->locality, &hal->rules);
}

static int load_topology(struct dam_hal *hal)
{
	static const char *const vars[] = {"HWLOC_SYNTHETIC", "HWLOC_XMLFILE"};
	int err;

	if (hal->cfg.root[0] && !getenv(vars[0]) && !getenv(vars[1]))
		return dam_topology_read(hal->cfg.root, &hal->topo);
	err = dam_topology_load(&hal->topo);
	if (err != -EINVAL)
		return err;
	for (size_t i = 0; i < sizeof(vars) / sizeof(vars[0]); i++) {
		if (!getenv(vars[i]))
			continue;
		dam_hal_error(hal, "%s: hwloc refuses '%s' as a topology", vars[i],
			      getenv(vars[i]));
		return err;
	}
	dam_hal_error(hal, "hwloc cannot read this machine's topology");
	return err;
}

/* Simulated engines are as the user has declared them: they are looked at once. */
static int scan_all(struct dam_hal *hal)
{
	int err;

	hal->stir = stir_of(hal);
	hal->components.scan++;
	for (size_t i = 0; backends[i]; i++) {
		if (hal->components.scan > 1 && backends[i] == &dam_hal_sim)
			continue;
		err = backends[i]->scan(hal);
		if (err)
			return err;
	}
	return 0;
}

int dam_hal_open(const struct dam_hal_config *cfg, char *err, size_t err_size, struct dam_hal **out)
{
	struct dam_hal *hal = calloc(1, sizeof(*hal));
	int ret;

	if (err_size)
		err[0] = '\0';
	if (!hal)
		return -ENOMEM;
	hal->err = err;
	hal->err_size = err_size;
	for (int i = 0; i <= DAM_HAL_TARGETS; i++)
		hal->redirect[i] = i - 1;
	ret = copy_config(hal, cfg);
	if (!ret)
		ret = load_topology(hal);
	if (!ret)
		ret = scan_all(hal);
	if (!ret)
		ret = dam_uncore_open(hal, &hal->uncore);
	if (!ret)
		ret = dam_hal_apply_capacity(hal);
	hal->err = NULL;
	hal->err_size = 0;
	if (ret == -ENOMEM && err_size)
		snprintf(err, err_size, "not enough memory for the list of engines");
	if (ret)
		dam_hal_close(hal);
	else
		*out = hal;
	return ret;
}

static void close_engine(struct dam_hal *hal, unsigned int i)
{
	struct dam_hal_target *t = &hal->target[i];

	if (t->kind == DAM_TARGET_ENGINE && !hal->closed[i])
		dam_hal_release(&t->engine);
	hal->closed[i] = true;
}

void dam_hal_close(struct dam_hal *hal)
{
	if (!hal)
		return;
	for (unsigned int i = 0; i < hal->nr_targets; i++)
		close_engine(hal, i);
	dam_uncore_close(hal->uncore);
	free((char *)hal->cfg.root);
	free((char *)hal->cfg.capacity);
	free((char *)hal->cfg.sim);
	free(hal);
}

const struct dam_topology *dam_hal_topology(const struct dam_hal *hal)
{
	return &hal->topo;
}

unsigned int dam_hal_nr_targets(const struct dam_hal *hal)
{
	return hal->nr_targets;
}

struct dam_hal_target *dam_hal_target(struct dam_hal *hal, unsigned int i)
{
	return &hal->target[i];
}

/* What no scan has seen again: its descriptors are closed, its index is nobody else's. */
static void retire(struct dam_hal *hal)
{
	for (unsigned int i = 0; i < hal->nr_targets; i++) {
		struct dam_hal_target *t = &hal->target[i];

		if (hal->seen[i] == hal->components.scan || hal->closed[i] ||
		    (t->kind == DAM_TARGET_ENGINE && t->engine.simulated) ||
		    (t->kind == DAM_TARGET_POOL && (t->pool.gone || !strncmp(t->pool.name, "sim:", 4))))
			continue;
		if (t->kind == DAM_TARGET_ENGINE) {
			t->engine.gone = true;
			t->engine.track.state = DAM_COUNTERS_GONE;
			close_engine(hal, i);
		} else {
			t->pool.gone = true;
			for (int d = 0; d < DAM_MAX_DOMAINS; d++)
				t->pool.engine_of_domain[d] = DAM_HAL_NONE;
		}
		hal->changed = true;
	}
}

int dam_hal_rescan(struct dam_hal *hal)
{
	int err;

	hal->changed = false;
	hal->nr_devs = hal->nr_aliases = 0; /* numbers and names are given to other devices */
	err = scan_all(hal);
	if (err)
		return err;
	retire(hal);
	dam_hal_apply_capacity(hal); /* what it refuses now, it has taken at the start: a device that is away */
	return hal->changed;
}

bool dam_hal_stir(struct dam_hal *hal)
{
	return stir_of(hal) != hal->stir;
}

const struct dam_hal_alias *dam_hal_aliases(const struct dam_hal *hal, unsigned int *nr)
{
	*nr = hal->nr_aliases;
	return hal->alias;
}

const struct dam_hal_component *dam_hal_components(const struct dam_hal *hal, unsigned int *nr)
{
	*nr = hal->components.nr;
	return hal->components.c;
}

int dam_hal_component_sample(struct dam_hal *hal, unsigned int i, struct dam_hal_counters *out)
{
	return dam_uncore_sample(hal->uncore, i, out);
}

int dam_hal_sample(struct dam_hal_engine *eng, struct dam_hal_counters *out)
{
	struct dam_hal_counters c = {0};
	int err = eng->gone ? -ENODEV : eng->backend->sample(eng, &c);

	if (err == -ENODEV) {
		eng->gone = true;
		eng->track.state = DAM_COUNTERS_GONE;
	}
	return err ? err : dam_track_take(&eng->track, &c, dam_now_ns(), out);
}

void dam_hal_refresh(struct dam_hal *hal)
{
	for (size_t i = 0; backends[i]; i++)
		if (backends[i]->refresh)
			backends[i]->refresh(hal);
}

void dam_hal_feed(struct dam_hal_engine *eng, uint64_t bytes, uint64_t ops, bool write)
{
	if (eng->backend->feed)
		eng->backend->feed(eng, bytes, ops, write);
}

/* -- for backends -- */

const char *dam_hal_root(const struct dam_hal *hal)
{
	return hal->cfg.root;
}

const struct dam_hal_config *dam_hal_config(const struct dam_hal *hal)
{
	return &hal->cfg;
}

void dam_hal_place(struct dam_hal *hal, const char *path, struct dam_hal_engine *e)
{
	struct dam_locality where;

	dam_locality_find(hal->cfg.root, path, &where);
	dam_locality_apply(hal, &hal->rules, e->name, &where);
	dam_strlcpy(e->component, where.component, sizeof(e->component));
	e->local_cpus = where.cpus;
	e->component_index = dam_component_add(&hal->components, hal->cfg.root, where.path, where.component,
					       &where.cpus);
}

struct dam_components *dam_hal_component_table(struct dam_hal *hal)
{
	return &hal->components;
}

void dam_hal_error(struct dam_hal *hal, const char *fmt, ...)
{
	va_list ap;

	if (!hal->err_size)
		return;
	va_start(ap, fmt);
	vsnprintf(hal->err, hal->err_size, fmt, ap);
	va_end(ap);
	/* it quotes the user's text: keep it one printable line */
	for (char *p = hal->err; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
}
