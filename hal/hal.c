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

#include "base/str.h"
#include "hal/internal.h"

/* sim comes last: it redirects what the others have found */
static const struct dam_hal_backend *const backends[] = {
	&dam_hal_block,
	&dam_hal_net,
	&dam_hal_sim,
	NULL,
};

struct dam_hal {
	struct dam_hal_config cfg; /* its strings are copies */
	struct dam_topology topo;
	unsigned int nr_targets, nr_devs;
	struct dam_hal_target target[DAM_HAL_TARGETS];
	struct dam_hal_dev dev[DAM_HAL_DEVS];
	int redirect[1 + DAM_HAL_TARGETS]; /* of target i - 1; [0]: of DAM_HAL_NONE */
	char *err;
	size_t err_size;
};

const struct dam_hal_backend *const *dam_hal_backends(void)
{
	return backends;
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
	return 0;
}

static int load_topology(struct dam_hal *hal)
{
	static const char *const vars[] = {"HWLOC_SYNTHETIC", "HWLOC_XMLFILE"};
	int err = dam_topology_load(&hal->topo);

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

static int scan_all(struct dam_hal *hal)
{
	int err;

	for (size_t i = 0; backends[i]; i++) {
		err = backends[i]->scan(hal);
		if (err)
			return err;
	}
	return dam_hal_apply_capacity(hal);
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

void dam_hal_close(struct dam_hal *hal)
{
	if (!hal)
		return;
	for (unsigned int i = 0; i < hal->nr_targets; i++) {
		struct dam_hal_target *t = &hal->target[i];

		if (t->kind == DAM_TARGET_ENGINE && t->engine.backend->close)
			t->engine.backend->close(&t->engine);
	}
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

const struct dam_hal_dev *dam_hal_devs(const struct dam_hal *hal, unsigned int *nr)
{
	*nr = hal->nr_devs;
	return hal->dev;
}

static const char *target_name(const struct dam_hal_target *t)
{
	return t->kind == DAM_TARGET_ENGINE ? t->engine.name : t->pool.name;
}

int dam_hal_find_n(const struct dam_hal *hal, const char *name, size_t len)
{
	for (unsigned int i = 0; i < hal->nr_targets; i++) {
		const char *have = target_name(&hal->target[i]);

		if (strlen(have) == len && !memcmp(have, name, len))
			return (int)i;
	}
	return DAM_HAL_NONE;
}

int dam_hal_find(const struct dam_hal *hal, const char *name)
{
	return dam_hal_find_n(hal, name, strlen(name));
}

int dam_hal_sample(struct dam_hal_engine *eng, struct dam_hal_counters *out)
{
	struct dam_hal_counters c = {0};
	int err = eng->gone ? -ENODEV : eng->backend->sample(eng, &c);

	if (err == -ENODEV)
		eng->gone = true;
	if (!err)
		*out = c;
	return err;
}

void dam_hal_refresh(struct dam_hal *hal)
{
	for (size_t i = 0; backends[i]; i++)
		if (backends[i]->refresh)
			backends[i]->refresh(hal);
}

int dam_hal_redirect(const struct dam_hal *hal, int target)
{
	if (target < DAM_HAL_NONE || target >= DAM_HAL_TARGETS)
		return DAM_HAL_NONE;
	return hal->redirect[target + 1];
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

static int add_target(struct dam_hal *hal, const struct dam_hal_target *t)
{
	if (dam_hal_find(hal, target_name(t)) != DAM_HAL_NONE)
		return -EEXIST;
	if (hal->nr_targets == DAM_HAL_TARGETS)
		return -ENOSPC;
	hal->target[hal->nr_targets] = *t;
	return (int)hal->nr_targets++;
}

int dam_hal_add_engine(struct dam_hal *hal, const struct dam_hal_engine *e)
{
	struct dam_hal_target t = {.kind = DAM_TARGET_ENGINE, .engine = *e};

	return add_target(hal, &t);
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

void dam_hal_set_redirect(struct dam_hal *hal, int from, int to)
{
	if (from >= DAM_HAL_NONE && from < DAM_HAL_TARGETS)
		hal->redirect[from + 1] = to;
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
