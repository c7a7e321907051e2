/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The board's reader: looks a device up in memory that it does not trust, and makes no system call. */
#include "config.h"
#include "shm/board.h"

#include <errno.h>

#include "shm/rcu.h"

bool dam_board_valid(const struct dam_board *b)
{
	return __atomic_load_n(&b->magic, __ATOMIC_ACQUIRE) == DAM_BOARD_MAGIC &&
	       b->version == DAM_SHM_VERSION && b->size == sizeof(*b);
}

bool dam_board_alive(const struct dam_board *b, uint64_t now_ns)
{
	uint64_t beat_ns = __atomic_load_n(&b->heartbeat_ns, __ATOMIC_RELAXED);

	/* the coarse clock lags: a beat may lie in the future */
	return !__atomic_load_n(&b->closed, __ATOMIC_ACQUIRE) &&
	       now_ns - beat_ns + DAM_STALE_NS <= 2 * DAM_STALE_NS;
}

uint64_t dam_board_shift(const struct dam_board *b, uint64_t now_ns)
{
	uint64_t beat_ns = __atomic_load_n(&b->heartbeat_ns, __ATOMIC_RELAXED);

	return now_ns - beat_ns + DAM_STALE_NS / 2 <= DAM_STALE_NS ? 0 : beat_ns - now_ns;
}

/* The snapshot at @offset; NULL unless one begins exactly there. */
static const struct dam_board_snapshot *snapshot_at(const struct dam_board *b, uint64_t offset)
{
	const uint64_t at = offset - offsetof(struct dam_board, snapshot);
	const uint64_t size = sizeof(b->snapshot[0]);

	if (at / size >= DAM_SNAPSHOTS || at % size)
		return NULL;
	return &b->snapshot[at / size];
}

/* Binary search. Return: index of the device's target, unchecked; -ENOENT; -EINVAL: a bad count. */
static int64_t find_target(const struct dam_board_snapshot *s, uint32_t type, uint64_t dev)
{
	uint32_t lo = 0, hi = __atomic_load_n(&s->nr_devs, __ATOMIC_RELAXED);

	if (hi > DAM_BOARD_DEVS)
		return -EINVAL;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		uint32_t t = __atomic_load_n(&s->dev[mid].type, __ATOMIC_RELAXED);
		uint64_t d = __atomic_load_n(&s->dev[mid].dev, __ATOMIC_RELAXED);

		if (t == type && d == dev)
			return __atomic_load_n(&s->dev[mid].target, __ATOMIC_RELAXED);
		if (t < type || (t == type && d < dev))
			lo = mid + 1;
		else
			hi = mid;
	}
	return -ENOENT;
}

/* By words: another process may be writing them, and the check of the generation comes after. */
static void copy_target(const struct dam_board_target *from, struct dam_board_target *to)
{
	to->id = __atomic_load_n(&from->id, __ATOMIC_RELAXED);
	to->is_pool = __atomic_load_n(&from->is_pool, __ATOMIC_RELAXED);
	to->lba_bytes = __atomic_load_n(&from->lba_bytes, __ATOMIC_RELAXED);
	to->reserved = 0;
	for (unsigned int i = 0; i < DAM_NAME_MAX - 1; i++)
		to->name[i] = __atomic_load_n(&from->name[i], __ATOMIC_RELAXED);
	to->name[DAM_NAME_MAX - 1] = '\0';
}

static int read_target(const struct dam_board_snapshot *s, uint32_t type, uint64_t dev,
		       struct dam_board_target *out)
{
	int64_t i = find_target(s, type, dev);

	if (i < 0)
		return (int)i;
	if (i >= DAM_BOARD_TARGETS || i >= __atomic_load_n(&s->nr_targets, __ATOMIC_RELAXED))
		return -EINVAL;
	copy_target(&s->target[i], out);
	return out->id ? 0 : -EINVAL;
}

/* The body of the read section: what read_target() says, unless the snapshot changed meanwhile. */
static int read_current(const struct dam_board *b, uint32_t type, uint64_t dev,
			struct dam_board_target *out)
{
	/* Acquire: pairs with the release in swap_current(). */
	const uint64_t offset = __atomic_load_n(&b->current, __ATOMIC_ACQUIRE);
	const struct dam_board_snapshot *s = snapshot_at(b, offset);
	uint64_t generation;
	int err;

	if (!s)
		return offset ? -EINVAL : -EAGAIN;
	generation = __atomic_load_n(&s->generation, __ATOMIC_ACQUIRE);
	err = read_target(s, type, dev, out);
	/* Pairs with the barrier in fill(): a changed word comes with a changed generation. */
	cmm_smp_rmb();
	if ((generation & 1) || __atomic_load_n(&s->generation, __ATOMIC_RELAXED) != generation)
		return -EAGAIN;
	return err;
}

int dam_board_lookup(const struct dam_board *b, struct dam_ledger *l, enum dam_dev_type type,
		     uint64_t dev, uint64_t now_ns, struct dam_board_target *out)
{
	struct dam_board_target found;
	uint64_t former = dam_rcu_read_lock(b, l, now_ns);
	int err = read_current(b, (uint32_t)type, dev, &found);

	dam_rcu_read_unlock(l, former);
	if (!err)
		*out = found;
	return err;
}
