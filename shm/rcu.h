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
 * index is checked) and detected (the snapshot's generation is read again after copying).
 */
#ifndef DAM_SHM_RCU_H
#define DAM_SHM_RCU_H

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
	uint64_t former = CMM_LOAD_SHARED(l->announce);

	if (!former) {
		CMM_STORE_SHARED(l->announce_ns, now_ns);
		__atomic_store_n(&l->announce, __atomic_load_n(&b->period, __ATOMIC_ACQUIRE),
				 __ATOMIC_RELAXED);
		dam_rcu_fence();
	}
	return former;
}

static inline void dam_rcu_read_unlock(struct dam_ledger *l, uint64_t former)
{
	__atomic_store_n(&l->announce, former, __ATOMIC_RELEASE);
}

#endif
