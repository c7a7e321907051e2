/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The board's writer: fills free snapshots and publishes them, without ever waiting for a reader. */
#include "config.h"
#include "shm/board.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shm/rcu.h"
#include "shm/segment.h"

int dam_board_create(struct dam_board_writer *out)
{
	struct dam_board_writer w = {.current = DAM_SNAPSHOTS, .period = 1};
	void *map = NULL;
	int err = dam_segment_create("dam-board", sizeof(*w.map), true, &w.fd, &map);

	if (err)
		return err;
	w.map = map;
	w.map->version = DAM_SHM_VERSION;
	w.map->size = sizeof(*w.map);
	w.map->pid = (uint32_t)getpid();
	w.map->period = w.period;
	/* last: whoever sees the magic sees the rest */
	__atomic_store_n(&w.map->magic, DAM_BOARD_MAGIC, __ATOMIC_RELEASE);
	*out = w;
	return 0;
}

void dam_board_set_memory(struct dam_board_writer *w, const struct dam_board_memory *m)
{
	w->map->memory = *m;
}

void dam_board_destroy(struct dam_board_writer *w)
{
	if (!w || !w->map)
		return;
	__atomic_store_n(&w->map->closed, 1, __ATOMIC_RELEASE);
	munmap(w->map, sizeof(*w->map));
	close(w->fd);
	w->map = NULL;
	w->fd = -1;
}

void dam_board_beat(struct dam_board_writer *w, uint64_t now_ns)
{
	__atomic_store_n(&w->map->heartbeat_ns, now_ns, __ATOMIC_RELAXED);
}

struct scan {
	uint64_t now_ns;
	uint64_t oldest; /* smallest live announcement */
};

static void scan_reader(const struct dam_ledger *l, void *arg)
{
	struct scan *scan = arg;
	/* Acquire: the time that is read next is this announcement's or a newer one's. */
	uint64_t announce = __atomic_load_n(&l->announce, __ATOMIC_ACQUIRE);
	uint64_t since_ns = __atomic_load_n(&l->announce_ns, __ATOMIC_RELAXED);

	if (announce && announce < scan->oldest && dam_rcu_timely(since_ns, scan->now_ns))
		scan->oldest = announce;
}

/*
 * A reader that announced the period which began with a snapshot's retirement, or a later one, found
 * another snapshot current. And none that is within its bound can still read what was retired for
 * longer than that; twice, because the time of retirement was taken somewhat before it.
 */
static bool is_free(const struct dam_board_writer *w, unsigned int i, const struct scan *scan)
{
	if (i == w->current)
		return false;
	return scan->oldest >= w->retired[i] ||
	       scan->now_ns > w->retired_ns[i] + 2 * DAM_RCU_MAX_READ_NS;
}

/* The free snapshot that has been out of use longest. Return: index; DAM_SNAPSHOTS: none is free. */
static unsigned int find_free(const struct dam_board_writer *w, const struct scan *scan)
{
	unsigned int best = DAM_SNAPSHOTS;

	for (unsigned int i = 0; i < DAM_SNAPSHOTS; i++)
		if (is_free(w, i, scan) &&
		    (best == DAM_SNAPSHOTS || w->retired[i] < w->retired[best]))
			best = i;
	return best;
}

static int compare_devs(const void *a, const void *b)
{
	const struct dam_board_dev *x = a, *y = b;

	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	return (x->dev > y->dev) - (x->dev < y->dev);
}

static void fill(struct dam_board_snapshot *s, uint64_t generation,
		 const struct dam_board_target *targets, unsigned int nr_targets,
		 const struct dam_board_dev *devs, unsigned int nr_devs)
{
	/* Odd before the first word changes, even after the last: pairs with the reader's second look. */
	__atomic_store_n(&s->generation, generation - 1, __ATOMIC_RELAXED);
	cmm_smp_wmb();
	s->nr_targets = nr_targets;
	s->nr_devs = nr_devs;
	if (nr_targets)
		memcpy(s->target, targets, nr_targets * sizeof(*targets));
	if (nr_devs)
		memcpy(s->dev, devs, nr_devs * sizeof(*devs));
	__atomic_store_n(&s->generation, generation, __ATOMIC_RELEASE);
}

/* Make snapshot @next current and retire the one before it. */
static void swap_current(struct dam_board_writer *w, unsigned int next, uint64_t now_ns)
{
	const uint64_t offset = offsetof(struct dam_board, snapshot) +
				next * sizeof(struct dam_board_snapshot);

	/* Release: the offset is seen after what it leads to, the period after the offset. */
	__atomic_store_n(&w->map->current, offset, __ATOMIC_RELEASE);
	__atomic_store_n(&w->map->period, ++w->period, __ATOMIC_RELEASE);
	if (w->current < DAM_SNAPSHOTS) {
		w->retired[w->current] = w->period;
		w->retired_ns[w->current] = now_ns;
	}
	w->current = next;
	/* Between this publication and the scan of the next: pairs with dam_rcu_fence(). A reader whose
	 * announcement that scan misses loads the new offset. */
	cmm_smp_mb();
}

int dam_board_publish(struct dam_board_writer *w, const struct dam_board_target *targets,
		      unsigned int nr_targets, struct dam_board_dev *devs, unsigned int nr_devs,
		      dam_board_each_reader each, void *ctx, uint64_t now_ns)
{
	struct scan scan = {.now_ns = now_ns, .oldest = UINT64_MAX};
	unsigned int next;

	if (nr_targets > DAM_BOARD_TARGETS || nr_devs > DAM_BOARD_DEVS)
		return -E2BIG;
	for (unsigned int i = 0; i < nr_devs; i++)
		if (devs[i].target >= nr_targets)
			return -EINVAL;
	each(ctx, scan_reader, &scan);
	next = find_free(w, &scan);
	if (next == DAM_SNAPSHOTS) {
		w->skipped++;
		return -EAGAIN;
	}
	if (nr_devs)
		qsort(devs, nr_devs, sizeof(*devs), compare_devs);
	w->generation += 2;
	fill(&w->map->snapshot[next], w->generation, targets, nr_targets, devs, nr_devs);
	swap_current(w, next, now_ns);
	return 0;
}
