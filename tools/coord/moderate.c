/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Which engines' devices are moderated, and what they are fed: bytes, operations, interrupts. */
#include "config.h"
#include "tools/coord/moderate.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "hal/interrupts.h"
#include "tools/common/modfile.h"
#include "tools/common/paths.h"
#include "tools/coord/coord.h"

#define NS_PER_US 1000
/* Long enough for a rate that means something; and no device is set more often than every second
 * time. */
#define PERIOD_NS  (100 * DAM_NS_PER_MS)
#define REFRESH_NS DAM_NS_PER_S

#define NO_DEVICE (-1)

struct device {
	const struct dam_hal_backend *backend;
	const char *name; /* the engine's */
	int group;	  /* of its interrupts; < 0: it has none of its own */
	uint64_t interrupts;
	struct moderator_counts grown; /* since the last feeding */
};

struct coord_moderate {
	struct moderators *all;
	struct dam_interrupts *irqs; /* NULL: they cannot be read */
	uint64_t fed_ns, refreshed_ns;
	unsigned int nr_engines; /* targets of the hal that have been looked at */
	int nr;
	struct device device[DAM_MODFILE_MAX]; /* by its number in `all` */
	struct {
		int device; /* several engines may have the same */
		uint64_t bytes, ops;
	} engine[DAM_HAL_TARGETS];
};

static bool asks_for_all(const char *list)
{
	return !strcmp(list, "1") || !strcmp(list, "all");
}

/* Is @name one of the words of @list, "block:nvme0n1,net:eth0"? */
static bool is_listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	while (*list) {
		size_t word = strcspn(list += strspn(list, ", "), ", ");

		if (word == len && !memcmp(list, name, len))
			return true;
		list += word;
	}
	return false;
}

/* What is asked for and cannot be had. */
static void check_list(struct coord *c, const char *list)
{
	while (*(list += strspn(list, ", "))) {
		size_t len = strcspn(list, ", ");
		const struct dam_hal_target *t = NULL;

		for (unsigned int i = 0; i < dam_hal_nr_targets(c->hal); i++) {
			const struct dam_hal_target *h = dam_hal_target(c->hal, i);

			if (h->kind == DAM_TARGET_ENGINE && strlen(h->engine.name) == len &&
			    !memcmp(h->engine.name, list, len))
				t = h;
		}
		if (!t || !t->engine.moderator[0] || !t->engine.backend->moderation)
			dam_warn("DAM_MODERATE: %.*s %s",
				 (int)(len < DAM_HAL_NAME ? len : DAM_HAL_NAME), list,
				 t ? "offers no interrupt moderation" : "is no engine");
		list += len;
	}
}

/* The device behind @e, made if it is new. Return: its number; -errno. */
static int find_device(struct coord_moderate *m, const struct dam_hal_engine *e)
{
	struct device *d;
	int i;

	for (i = 0; i < m->nr; i++)
		if (m->device[i].backend == e->backend && !strcmp(m->device[i].name, e->moderator))
			return i;
	i = moderators_add(m->all, e->backend->name, e->moderator, e->backend->moderation);
	if (i < 0)
		return i;
	d = &m->device[m->nr++];
	*d = (struct device){.backend = e->backend, .name = e->moderator};
	d->group = m->irqs ? dam_interrupts_watch(m->irqs, e->component) : -ENOENT;
	return i;
}

static void add_engine(struct coord *c, struct coord_moderate *m, const char *list, unsigned int i)
{
	const struct dam_hal_target *t = dam_hal_target(c->hal, i);
	int device;

	if (t->kind != DAM_TARGET_ENGINE || !t->engine.backend->moderation || !t->engine.moderator[0] ||
	    !(asks_for_all(list) || is_listed(list, t->engine.name)))
		return;
	device = find_device(m, &t->engine);
	if (device < 0)
		dam_warn("%s: no interrupt moderation: %s", t->engine.name, strerror(-device));
	else
		m->engine[i].device = device;
}

static void add_engines(struct coord *c, struct coord_moderate *m, const char *list)
{
	for (unsigned int i = 0; i < DAM_HAL_TARGETS; i++)
		m->engine[i].device = NO_DEVICE;
	for (m->nr_engines = 0; m->nr_engines < dam_hal_nr_targets(c->hal); m->nr_engines++)
		add_engine(c, m, list, m->nr_engines);
	if (!asks_for_all(list))
		check_list(c, list);
}

void coord_moderate_rescan(struct coord *c)
{
	struct coord_moderate *m = c->moderate;

	for (; m && m->nr_engines < dam_hal_nr_targets(c->hal); m->nr_engines++)
		add_engine(c, m, dam_knob_text(&c->knobs, DAM_KNOB_MODERATE), m->nr_engines);
}

/* What a coordinator that was killed left set. */
static void restore(const char *path)
{
	struct dam_modfile_result r = {0};
	int err = dam_modfile_restore(path, dam_moderation_find, &r);

	if (err)
		dam_warn("cannot restore interrupt moderation from %s: %s", path,
			 err == -EBADMSG ? "damaged, or of another boot or version of DAM"
					 : strerror(-err));
	else if (r.restored || r.failed)
		dam_warn("gave %u devices the interrupt moderation back that an earlier "
			 "coordinator had changed; "
			 "failed: %u",
			 r.restored, r.failed);
}

static bool is_off(const char *list)
{
	return !list || !strcmp(list, "0") || !strcmp(list, "off");
}

void coord_moderate_open(struct coord *c)
{
	const char *list = dam_knob_text(&c->knobs, DAM_KNOB_MODERATE);
	struct coord_moderate *m;
	char path[PATH_MAX];
	int err = dam_path_join(c->opt.runtime_dir, DAM_MODFILE_NAME, path, sizeof(path));

	if (!err)
		restore(path);
	if (is_off(list) || c->opt.dry_run)
		return;
	m = calloc(1, sizeof(*m));
	if (!err)
		err = m ? moderators_open(path, &m->all) : -ENOMEM;
	if (err) {
		dam_warn("no interrupt moderation: %s", strerror(-err));
		free(m);
		return;
	}
	if (dam_interrupts_open("", &m->irqs))
		m->irqs = NULL;
	add_engines(c, m, list);
	c->moderate = m;
}

void coord_moderate_close(struct coord *c)
{
	struct coord_moderate *m = c->moderate;

	if (!m)
		return;
	moderators_close(m->all);
	dam_interrupts_close(m->irqs);
	free(m);
	c->moderate = NULL;
}

/* What every engine did goes to its device. */
static void collect(struct coord *c, struct coord_moderate *m)
{
	for (unsigned int i = 0; i < dam_hal_nr_targets(c->hal); i++) {
		const struct coord_engine *ce = &c->engine[i];
		uint64_t bytes, ops;
		struct device *d;

		if (m->engine[i].device == NO_DEVICE || !ce->last_ns)
			continue;
		d = &m->device[m->engine[i].device];
		bytes = ce->last.read_bytes + ce->last.write_bytes;
		ops = ce->last.read_ops + ce->last.write_ops;
		d->grown.bytes += dam_count_delta(bytes, m->engine[i].bytes);
		d->grown.ops += dam_count_delta(ops, m->engine[i].ops);
		m->engine[i].bytes = bytes;
		m->engine[i].ops = ops;
	}
}

/* Where a device has no interrupts that can be seen, every operation is taken for one. */
static void count_interrupts(struct coord_moderate *m, struct device *d)
{
	uint64_t now;

	if (d->group < 0) {
		d->grown.interrupts = d->grown.ops;
		return;
	}
	now = dam_interrupts_count(m->irqs, d->group);
	d->grown.interrupts = dam_count_delta(now, d->interrupts);
	d->interrupts = now;
}

void coord_moderate_tick(struct coord *c, uint64_t now_ns)
{
	struct coord_moderate *m = c->moderate;
	uint64_t elapsed_us;

	if (!m || !m->nr || now_ns - m->fed_ns < PERIOD_NS)
		return;
	elapsed_us = (now_ns - m->fed_ns) / NS_PER_US;
	if (m->irqs && now_ns - m->refreshed_ns >= REFRESH_NS) {
		dam_interrupts_refresh(m->irqs);
		m->refreshed_ns = now_ns;
	}
	if (m->irqs)
		dam_interrupts_read(m->irqs);
	collect(c, m);
	for (int i = 0; i < m->nr; i++) {
		struct device *d = &m->device[i];

		count_interrupts(m, d);
		if (m->fed_ns) /* the first time there is nothing to compare with */
			moderators_feed(m->all, i, now_ns, elapsed_us, &d->grown);
		d->grown = (struct moderator_counts){0};
	}
	m->fed_ns = now_ns;
}

uint64_t coord_moderate_interval_ns(const struct coord *c)
{
	return c->moderate && c->moderate->nr ? PERIOD_NS : UINT64_MAX;
}

bool coord_moderate_view(struct coord *c, unsigned int i, struct moderator_view *out)
{
	struct coord_moderate *m = c->moderate;

	if (!m || m->engine[i].device == NO_DEVICE)
		return false;
	moderators_view(m->all, m->engine[i].device, out);
	return true;
}
