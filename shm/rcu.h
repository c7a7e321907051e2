/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * RCU across processes: the grace-period state lives in the segments, and the writer never waits.
 *
 * Reader (slow paths only): load the board's period, announce it in its own ledger, full fence, load the
 * offset of the current snapshot, read, restore the former announcement (a signal handler may nest).
 * Writer: fill a free immutable snapshot, publish its offset with release, bump the period, full fence;
 * a retired snapshot is free once no live announcement is older than the period of its retirement.
 * Announcements older than DAM_RCU_MAX_READ_NS are ignored: a torn read is then possible, harmless (every
 * index is checked) and detected (the snapshot's generation is read again after copying). Whatever is
 * announced, a snapshot retired for twice that long is free: a hostile reader cannot stop the writer.
 */
#ifndef DAM_SHM_RCU_H
#define DAM_SHM_RCU_H

#include <stdbool.h>
#include <stdint.h>
#include <urcu/arch.h>
#include <urcu/compiler.h>
#include <urcu/system.h>

#include "shm/layout.h"

#define DAM_RCU_MAX_READ_NS 1000000000ull

/* The read side's full fence, which pairs with the writer's in dam_board_publish(). The stress test is built
 * a second time without it, and must then fail. */
#ifdef DAM_RCU_TEST_NO_FENCE
#define dam_rcu_fence() cmm_barrier()
#else
#define dam_rcu_fence() cmm_smp_mb()
#endif

/** dam_rcu_timely() - does an announcement made at @since_ns still protect its reader at @now_ns? */
static inline bool dam_rcu_timely(uint64_t since_ns, uint64_t now_ns)
{
	/* The two clocks were not read at the same moment: a little in the future is timely too. */
	return now_ns - since_ns + DAM_RCU_MAX_READ_NS <= 2 * DAM_RCU_MAX_READ_NS;
}

/**
 * dam_rcu_read_lock() - announce the read in the process's own ledger
 * @now_ns: CLOCK_MONOTONIC_COARSE
 * Return: the former announcement, for dam_rcu_read_unlock(). Async-signal-safe, wait-free, nests.
 *
 * One announcement serves a whole process: the caller makes sure that only one thread of it reads at a
 * time (the interposer's slow path holds a try-lock, and goes without an answer when it is taken).
 */
static inline uint64_t dam_rcu_read_lock(const struct dam_board *b, struct dam_ledger *l,
					 uint64_t now_ns)
{
	uint64_t former = __atomic_load_n(&l->announce, __ATOMIC_RELAXED);
	uint64_t since_ns = __atomic_load_n(&l->announce_ns, __ATOMIC_RELAXED);

	/* One past the bound counts no more: it was left by a longjmp out of its section. */
	if (former && dam_rcu_timely(since_ns, now_ns))
		return former;
	__atomic_store_n(&l->announce_ns, now_ns, __ATOMIC_RELAXED);
	/* Release: whoever sees this announcement sees its time; pairs with the writer's scan. */
	__atomic_store_n(&l->announce, __atomic_load_n(&b->period, __ATOMIC_ACQUIRE),
			 __ATOMIC_RELEASE);
	dam_rcu_fence();
	return 0;
}

static inline void dam_rcu_read_unlock(struct dam_ledger *l, uint64_t former)
{
	__atomic_store_n(&l->announce, former, __ATOMIC_RELEASE);
}

#endif
