/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Dynamic interrupt moderation at work: the life of each moderated device. */
#include "config.h"
#include "tools/coord/moderator.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "tools/common/modfile.h"

#define BACKOFF_MIN_NS DAM_NS_PER_S
#define BACKOFF_MAX_NS (3600 * DAM_NS_PER_S)

/*
 * Net DIM's profiles are for frames. A disk's operations are larger and fewer, and NVMe counts the
 * time in 100 us: none, then two to sixteen completions within the shortest time there is, then
 * twice that.
 */
static const struct dam_dim_profile nvme_profiles[] = {
	{0, 1}, {100, 2}, {100, 4}, {100, 8}, {200, 16}};
static const struct dam_dim_preset nvme_preset = {
	.name = "nvme",
	.algorithm = DAM_DIM_NET,
	.nr_profiles = sizeof(nvme_profiles) / sizeof(nvme_profiles[0]),
	.profile = nvme_profiles,
};

enum state { MEASURING, ACTIVE, ADAPTIVE, LEFT, REFUSED };

static const char *const state_names[] = {
	[MEASURING] = "measuring", [ACTIVE] = "active",	  [ADAPTIVE] = "adaptive",
	[LEFT] = "left",	   [REFUSED] = "refused",
};

struct moderator {
	struct moderators *all;
	char kind[16], device[DAM_MODERATOR_NAME];
	const struct dam_moderation_ops *ops;
	const struct dam_dim_preset *preset;
	struct dam_moderation_limits limits;
	/* the feeding thread's */
	struct dam_dim dim;
	struct dam_dim_sample fed;     /* counters of our own, from 0 */
	uint64_t retry_ns, backoff_ns; /* while set aside; retry_ns 0: not known yet */
	/* the worker's; moderators.lock protects them */
	enum state state;
	bool aside; /* refused, adaptive or left: it is not fed */
	char why[MODERATOR_WHY];
	bool known, warned;
	int profile;
	struct dam_moderation now;
	int entry; /* in the record, or -1 */
};

struct moderators {
	char *path;
	struct dam_dim_worker *worker;
	pthread_mutex_t lock; /* of what the worker tells; nests in nothing, never held while a
				 device is asked */
	int nr;
	struct moderator *device[DAM_MODFILE_MAX];
	/* the record: the worker's until it has ended */
	struct dam_modfile file;
	struct moderator *owner[DAM_MODFILE_MAX]; /* of its entries */
};

const struct dam_dim_preset *moderator_profiles(const char *kind)
{
	return strcmp(kind, "block") ? dam_dim_preset_find("rx-eqe") : &nvme_preset;
}

/* The profile that is nearest to a setting, by its time. */
static unsigned int nearest(const struct moderator *d)
{
	unsigned int best = 0;
	uint32_t least = UINT32_MAX;

	for (unsigned int i = 0; i < d->preset->nr_profiles; i++) {
		struct dam_moderation p = {d->preset->profile[i].usec, d->preset->profile[i].pkts,
					   false};
		uint32_t off;

		dam_moderation_fit(&d->limits, &p);
		off = p.usecs > d->now.usecs ? p.usecs - d->now.usecs : d->now.usecs - p.usecs;
		off += p.packets != d->now.packets; /* between profiles of the same time */
		if (off < least) {
			least = off;
			best = i;
		}
	}
	return best;
}

static void set_aside(struct moderator *d, enum state state, const char *why)
{
	pthread_mutex_lock(&d->all->lock);
	d->state = state;
	d->aside = true;
	dam_strlcpy(d->why, why, sizeof(d->why));
	pthread_mutex_unlock(&d->all->lock);
}

static void refuse(struct moderator *d, const char *what, int err)
{
	char why[MODERATOR_WHY];

	snprintf(why, sizeof(why), "%s: %s", what, strerror(-err));
	if (!d->warned)
		dam_warn("%s:%s: %s; tried again less and less often", d->kind, d->device, why);
	d->warned = true;
	set_aside(d, REFUSED, why);
}

static void note(struct moderator *d, const struct dam_moderation *now)
{
	pthread_mutex_lock(&d->all->lock);
	d->now = *now;
	d->known = true;
	pthread_mutex_unlock(&d->all->lock);
}

/* The device is no longer ours to restore. */
static int forget(struct moderator *d)
{
	struct moderators *m = d->all;
	unsigned int i = (unsigned int)d->entry;

	if (d->entry < 0)
		return 0;
	m->file.nr--;
	memmove(&m->file.entry[i], &m->file.entry[i + 1],
		(m->file.nr - i) * sizeof(m->file.entry[0]));
	memmove(&m->owner[i], &m->owner[i + 1], (m->file.nr - i) * sizeof(struct moderator *));
	for (; i < m->file.nr; i++)
		m->owner[i]->entry = (int)i;
	d->entry = -1;
	return dam_modfile_save(m->path, &m->file);
}

/* Write down what is about to be set. Return: 0; -errno: it must not be set. */
static int write_ahead(struct moderator *d, const struct dam_moderation *now,
		       const struct dam_moderation *want)
{
	struct moderators *m = d->all;
	struct dam_modfile_entry *e;

	if (d->entry < 0) {
		d->entry = (int)m->file.nr++; /* there are as many as devices */
		m->owner[d->entry] = d;
		e = &m->file.entry[d->entry];
		memset(e, 0, sizeof(*e));
		dam_strlcpy(e->kind, d->kind, sizeof(e->kind));
		dam_strlcpy(e->device, d->device, sizeof(e->device));
		e->orig = *now;
	}
	e = &m->file.entry[d->entry];
	e->former = *now;
	e->dam = *want;
	return dam_modfile_save(m->path, &m->file);
}

/* Is the device still ours to set? */
static bool may_set(struct moderator *d, const struct dam_moderation *now)
{
	if (now->adaptive) {
		forget(d);
		set_aside(d, ADAPTIVE, "it adapts by itself");
		return false;
	}
	if (d->entry >= 0 && !dam_moderation_same(now, &d->all->file.entry[d->entry].dam)) {
		forget(d);
		set_aside(d, LEFT, "somebody else has set it since");
		return false;
	}
	return true;
}

/* Return: 0; -errno, after which the record is right again. */
static int set(struct moderator *d, const struct dam_moderation *now, struct dam_moderation *want)
{
	bool first = d->entry < 0;
	int err = write_ahead(d, now, want);

	if (!err)
		err = d->ops->set(d->device, want);
	if (err) {
		if (first)
			forget(d);
		else
			write_ahead(d, now, now);
		return err;
	}
	/* what the driver has made of it is what must be found there again */
	if (!d->ops->get(d->device, want) && !want->adaptive)
		return write_ahead(d, now, want);
	return 0;
}

/* In the worker's thread. Without dam_dim_rearm() the machine stands still until moderators_feed()
 * starts it anew. */
static void apply(struct dam_dim *dim, struct dam_dim_profile profile, void *arg)
{
	struct moderator *d = arg;
	struct dam_moderation now, want = {.usecs = profile.usec, .packets = profile.pkts};
	int err = d->ops->get(d->device, &now);

	if (err) {
		refuse(d, "its moderation cannot be read", err);
		return;
	}
	note(d, &now);
	if (!may_set(d, &now))
		return;
	dam_moderation_fit(&d->limits, &want);
	err = dam_moderation_same(&now, &want) ? 0 : set(d, &now, &want);
	if (err) {
		refuse(d, "its moderation cannot be set", err);
		return;
	}
	pthread_mutex_lock(&d->all->lock);
	d->now = want;
	d->state = ACTIVE;
	d->why[0] = '\0';
	d->profile = (int)dim->profile_ix;
	pthread_mutex_unlock(&d->all->lock);
	dam_dim_rearm(dim);
}

int moderators_open(const char *record, struct moderators **out)
{
	struct moderators *m = calloc(1, sizeof(*m));
	int err = -ENOMEM;

	if (!m)
		return err;
	pthread_mutex_init(&m->lock, NULL);
	m->path = strdup(record);
	if (m->path)
		err = dam_dim_worker_create(&m->worker);
	if (err)
		moderators_close(m);
	else
		*out = m;
	return err;
}

static void give_back(struct moderators *m)
{
	struct dam_modfile_result r = {0};

	for (unsigned int i = m->file.nr; i--;) {
		struct moderator *d = m->owner[i];

		if (dam_modfile_undo(d->ops, &m->file.entry[i], &r))
			forget(d);
		else
			dam_warn("%s:%s: cannot give it its interrupt moderation back", d->kind,
				 d->device);
	}
}

void moderators_close(struct moderators *m)
{
	if (!m)
		return;
	for (int i = 0; i < m->nr; i++)
		dam_dim_unregister(&m->device[i]->dim);
	dam_dim_worker_destroy(m->worker);
	give_back(m);
	for (int i = 0; i < m->nr; i++)
		free(m->device[i]);
	pthread_mutex_destroy(&m->lock);
	free(m->path);
	free(m);
}

/* Begin to measure, with the profile that is in place. */
static int start(struct moderator *d)
{
	unsigned int ix = d->profile >= 0 ? (unsigned int)d->profile : d->known ? nearest(d) : 0;

	dam_dim_unregister(&d->dim);
	dam_dim_init(&d->dim, d->preset, ix);
	return dam_dim_register(d->all->worker, &d->dim, apply, d);
}

int moderators_add(struct moderators *m, const char *kind, const char *device,
		   const struct dam_moderation_ops *ops)
{
	struct moderator *d;
	int err;

	if (m->nr == DAM_MODFILE_MAX)
		return -ENOSPC;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	*d = (struct moderator){.all = m,
				.ops = ops,
				.preset = moderator_profiles(kind),
				.profile = -1,
				.entry = -1,
				.backoff_ns = BACKOFF_MIN_NS};
	dam_strlcpy(d->kind, kind, sizeof(d->kind));
	dam_strlcpy(d->device, device, sizeof(d->device));
	ops->limits(device, &d->limits);
	m->device[m->nr++] = d;
	err = ops->get(device, &d->now);
	d->known = !err;
	if (err)
		refuse(d, "its moderation cannot be read", err);
	else if (d->now.adaptive)
		set_aside(d, ADAPTIVE, "it adapts by itself");
	if (start(d))
		refuse(d, "it cannot be moderated", -ENOMEM);
	return m->nr - 1;
}

/* A device that was set aside is measured anew when its time has come. Return: shall it be fed? */
static bool wants_feed(struct moderator *d, uint64_t now_ns)
{
	enum state state;
	bool aside;

	pthread_mutex_lock(&d->all->lock);
	state = d->state;
	aside = d->aside;
	pthread_mutex_unlock(&d->all->lock);
	if (state == ACTIVE)
		d->backoff_ns = BACKOFF_MIN_NS;
	if (!aside || state == LEFT)
		return !aside;
	if (!d->retry_ns)
		d->retry_ns = now_ns + d->backoff_ns;
	if (now_ns < d->retry_ns)
		return false;
	d->retry_ns = 0;
	d->backoff_ns = d->backoff_ns < BACKOFF_MAX_NS / 2 ? 2 * d->backoff_ns : BACKOFF_MAX_NS;
	if (start(d))
		return false; /* no memory: the same later */
	pthread_mutex_lock(&d->all->lock);
	d->aside = false;
	pthread_mutex_unlock(&d->all->lock);
	return true;
}

/*
 * The machine takes the time of DAM_DIM_EVENTS interrupts, however many there were: drivers feed it
 * at every one. We look less often, so of a period with more of them its first part counts, as if
 * it had been even.
 */
static double share(const struct dam_dim *dim, const struct dam_dim_sample *fed,
		    uint64_t interrupts)
{
	uint64_t seen = fed->events - dim->baseline.events, need;

	if (__atomic_load_n(&dim->state, __ATOMIC_ACQUIRE) != DAM_DIM_MEASURE_IN_PROGRESS)
		return 1;
	need = seen < DAM_DIM_EVENTS ? DAM_DIM_EVENTS - seen : 1;
	return interrupts > need ? (double)need / (double)interrupts : 1;
}

void moderators_feed(struct moderators *m, int i, uint64_t now_ns, uint64_t elapsed_us,
		     const struct moderator_counts *c)
{
	struct moderator *d = m->device[i];
	double part;

	if (!wants_feed(d, now_ns))
		return;
	part = share(&d->dim, &d->fed, c->interrupts);
	d->fed.time_us += (uint64_t)((double)elapsed_us * part + 0.5);
	d->fed.events += (uint64_t)((double)c->interrupts * part + 0.5);
	d->fed.packets += (uint64_t)((double)c->ops * part + 0.5);
	d->fed.bytes += (uint64_t)((double)c->bytes * part + 0.5);
	dam_dim_update(&d->dim, &d->fed);
}

void moderators_view(struct moderators *m, int i, struct moderator_view *out)
{
	const struct moderator *d = m->device[i];

	pthread_mutex_lock(&m->lock);
	*out = (struct moderator_view){.known = d->known,
				       .usecs = d->now.usecs,
				       .packets = d->now.packets,
				       .profile = d->profile,
				       .state = state_names[d->state]};
	memcpy(out->why, d->why, sizeof(out->why));
	pthread_mutex_unlock(&m->lock);
}
