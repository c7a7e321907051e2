/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The drm backend: the copy engines of GPUs, by the engine time that /proc/PID/fdinfo tells of their clients.
 *
 * Nobody tells a GPU's total: it is the sum over the clients of all processes that we may look at. Looking costs
 * time, so that each call takes a few processes, and what it finds is told once all of them have been visited.
 */
#include "config.h"
#include "hal/drm_fdinfo.h"
#include "hal/hal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "hal/internal.h"
#include "hal/sysfs.h"

#define BASE_LATENCY_NS 20000 /* a first guess: a small blit and its fence */
#define CLIENTS_MAX	512   /* of all GPUs */
#define PER_PROCESS	16
#define STEP		8     /* processes looked at in one call; of a recorded tree all */
#define ROUND_NS	(500 * DAM_NS_PER_MS) /* a round begins at most so often */

/* Drivers that tell the time of their copy engines. */
static const char *const drivers[] = {"i915", "xe", "amdgpu"};

struct client {
	struct dam_drm_client last;
	unsigned int round; /* that saw it */
};

/* What all engines of one hal share. */
struct census {
	unsigned int users; /* engines */
	char root[DAM_SYSFS_PATH];
	DIR *proc;     /* NULL: there is none */
	bool looking;  /* a round is going on: proc stands at the next process */
	unsigned int round;	   /* rounds that have ended */
	uint64_t began_ns, ago_ns; /* of this round, and of the one before */
	unsigned int nr_client;
	struct client client[CLIENTS_MAX];
	struct total {
		char pdev[DAM_DRM_PDEV];
		uint64_t busy_ns, next_ns; /* told, and gathered in the round that is going on */
	} total[16];
	unsigned int nr_total;
};

struct engine_state {
	struct census *census;
	unsigned int total;
	unsigned int round; /* told last */
};

static uint64_t gain(uint64_t from, uint64_t to)
{
	return to > from ? to - from : 0;
}

/* Busy time of a client since it was seen last. */
static uint64_t busy(const struct census *c, const struct dam_drm_client *from, const struct dam_drm_client *to)
{
	uint64_t cycles = gain(from->copy_cycles, to->copy_cycles), total = gain(from->total_cycles, to->total_cycles);
	uint64_t engines = to->copy_engines ? to->copy_engines : 1;
	double share;

	if (!total)
		return gain(from->copy_ns, to->copy_ns) / engines;
	/* the cycles are those of all engines of the class, the total is one clock's */
	share = (double)cycles / (double)total / (double)engines;
	return (uint64_t)((share < 1 ? share : 1) * (double)(c->began_ns - c->ago_ns));
}

static struct client *find_client(struct census *c, const struct dam_drm_client *k)
{
	for (unsigned int i = 0; i < c->nr_client; i++)
		if (c->client[i].last.id == k->id && !strcmp(c->client[i].last.pdev, k->pdev))
			return &c->client[i];
	return NULL;
}

static void count(struct census *c, const struct dam_drm_client *k)
{
	struct client *known = find_client(c, k);

	if (!known && c->nr_client == CLIENTS_MAX)
		return;
	if (!known) {
		known = &c->client[c->nr_client++];
		known->last = *k; /* what it did before we looked is not ours */
	}
	for (unsigned int i = 0; i < c->nr_total; i++)
		if (!strcmp(c->total[i].pdev, k->pdev))
			c->total[i].next_ns += busy(c, &known->last, k);
	known->last = *k;
	known->round = c->round;
}

static void end_round(struct census *c)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < c->nr_total; i++)
		c->total[i].busy_ns = c->total[i].next_ns;
	for (unsigned int i = 0; i < c->nr_client; i++)
		if (c->client[i].round == c->round)
			c->client[kept++] = c->client[i];
	c->nr_client = kept;
	c->round++;
	c->looking = false;
}

static void look_at(struct census *c, pid_t pid)
{
	struct dam_drm_client found[PER_PROCESS];
	int nr = dam_drm_process(c->root, pid, found, PER_PROCESS);

	for (int i = 0; i < nr; i++)
		count(c, &found[i]);
}

/* Look at some processes more. */
static void step(struct census *c)
{
	uint64_t now = dam_now_ns(), pid;
	const struct dirent *e;

	if (!c->proc)
		return;
	if (!c->looking) {
		if (c->round && now - c->began_ns < ROUND_NS)
			return;
		c->ago_ns = c->began_ns;
		c->began_ns = now;
		rewinddir(c->proc);
		c->looking = true;
	}
	for (int looked = 0; looked < STEP || c->root[0]; looked++) {
		do {
			e = readdir(c->proc);
		} while (e && (dam_parse_u64(e->d_name, &pid) || !pid || pid > INT32_MAX));
		if (!e) {
			end_round(c);
			return;
		}
		look_at(c, (pid_t)pid);
	}
}

static int drm_sample(struct dam_hal_engine *eng, struct dam_hal_counters *out)
{
	struct engine_state *s = eng->priv;
	struct census *c = s->census;

	step(c);
	if (!c->round || s->round == c->round)
		return -EAGAIN;
	s->round = c->round;
	out->have = DAM_HAVE_BUSY;
	out->busy_ns = c->total[s->total].busy_ns;
	return 0;
}

static struct census *open_census(const char *root)
{
	struct census *c = calloc(1, sizeof(*c));
	char path[DAM_SYSFS_PATH];

	if (!c)
		return NULL;
	dam_strlcpy(c->root, root, sizeof(c->root));
	if (snprintf(path, sizeof(path), "%s/proc", root) < (int)sizeof(path))
		c->proc = opendir(path);
	c->users = 1;
	return c;
}

static void put_census(struct census *c)
{
	if (--c->users)
		return;
	if (c->proc)
		closedir(c->proc);
	free(c);
}

static void drm_close(struct dam_hal_engine *eng)
{
	struct engine_state *s = eng->priv;

	put_census(s->census);
	free(s);
}

/* The driver by its link, or as the device's uevent says: "DRIVER=amdgpu". */
static bool tells_time(const char *root, const char *path)
{
	char text[1024], driver[64] = "";

	if (dam_sysfs_link_name(driver, sizeof(driver), root, "%s/device/driver", path) &&
	    (dam_sysfs_read(text, sizeof(text), root, "%s/device/uevent", path) <= 0 ||
	     sscanf(text, "DRIVER=%63s", driver) != 1))
		return false;
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (!strcmp(driver, drivers[i]))
			return true;
	return false;
}

static int add_card(struct dam_hal *hal, struct census *c, const char *card)
{
	struct dam_hal_engine e = {.pool = DAM_HAL_NONE, .backend = &dam_hal_drm, .serial = true,
				   .base_latency_ns = BASE_LATENCY_NS,
				   .caps = {.operations = DAM_OP_COPY | DAM_OP_FILL,
					    .directions = DAM_DIR_TO_MEMORY | DAM_DIR_FROM_MEMORY}};
	const char *root = dam_hal_root(hal);
	struct engine_state *s;
	char path[DAM_SYSFS_PATH];
	unsigned int number;
	int end = 0;

	if (sscanf(card, "card%5u%n", &number, &end) != 1 || card[end] ||
	    dam_sysfs_real(path, root, "/sys/class/drm/%s", card) || !tells_time(root, path) ||
	    c->nr_total == sizeof(c->total) / sizeof(c->total[0]))
		return 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->census = c;
	s->total = c->nr_total;
	e.priv = s;
	snprintf(e.name, sizeof(e.name), "drm:%s/copy", card);
	dam_hal_place(hal, path, &e);
	if (e.component[0])
		snprintf(e.name, sizeof(e.name), "drm:%.40s/copy", e.component);
	dam_strlcpy(c->total[c->nr_total++].pdev, e.component, DAM_DRM_PDEV);
	c->users++;
	dam_hal_add_engine(hal, &e); /* no room for it: left out */
	return 0;
}

static int drm_scan(struct dam_hal *hal)
{
	const char *root = dam_hal_root(hal);
	char **list;
	int nr = dam_sysfs_list(&list, root, "/sys/class/drm"), err = 0;
	struct census *c;

	if (nr <= 0)
		return nr;
	c = open_census(root);
	if (!c) {
		dam_sysfs_list_free(list, nr);
		return -ENOMEM;
	}
	for (int i = 0; i < nr && !err; i++)
		err = add_card(hal, c, list[i]);
	dam_sysfs_list_free(list, nr);
	put_census(c);
	return err;
}

static const char *const watch[] = {"/sys/class/drm", NULL};

const struct dam_hal_backend dam_hal_drm = {
	.name = "drm",
	.scan = drm_scan,
	.sample = drm_sample,
	.close = drm_close,
	.watch = watch,
};
