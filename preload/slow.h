/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The rules of the slow path: raw system calls, signals blocked, a try-lock that nobody waits for. */
#ifndef DAM_PRELOAD_SLOW_H
#define DAM_PRELOAD_SLOW_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/clock.h"
#include "base/sys.h"
#include "preload/self.h"

/* dam_slow_prepare() has said yes. Goes on in a child. */
extern bool dam_slow_ready;

/**
 * dam_slow_prepare() - before the first system call that ld.so has not made: did a filter come with the process?
 *
 * And before the first lock is taken: from here on a child finds the gate wiped, whatever other threads are at.
 * Return: false: no system call may be made, or it is not known.
 */
bool dam_slow_prepare(void);

static inline void dam_slow_end(void)
{
	__atomic_fetch_sub(&dam_gate.inside, 1, __ATOMIC_RELEASE);
}

/**
 * dam_slow_hold() - the program's filter waits until dam_slow_end(): see dam_seal(). For calls of ld.so's kind.
 * Return: false: it is there, and nothing is to be ended.
 */
static inline bool dam_slow_hold(void)
{
	/* first counted, then looked: dam_seal() does it the other way round */
	__atomic_fetch_add(&dam_gate.inside, 1, __ATOMIC_SEQ_CST);
	if (DAM_LIKELY(!__atomic_load_n(&dam_sealed, __ATOMIC_SEQ_CST)))
		return true;
	dam_slow_end();
	return false;
}

/** dam_slow_begin() - the same for all system calls. Return: false: they may not be made. */
static inline bool dam_slow_begin(void)
{
	if (!dam_slow_hold())
		return false;
	if (DAM_LIKELY(__atomic_load_n(&dam_slow_ready, __ATOMIC_ACQUIRE)) || dam_slow_prepare())
		return true;
	dam_slow_end();
	return false;
}

/**
 * dam_slow_enter() - block all signals, so that no handler nests, jumps out or sees half a change
 * @old: the thread's signal mask, for dam_slow_leave()
 *
 * Return: false where dam_slow_begin() says so: then nothing is blocked.
 */
static inline bool dam_slow_enter(uint64_t *old)
{
	uint64_t all = ~0ull;

	if (!dam_slow_begin())
		return false;
	if (!dam_sys6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)old, sizeof(all), 0, 0))
		return true;
	dam_slow_end();
	return false;
}

static inline void dam_slow_leave(const uint64_t *old)
{
	dam_sys6(SYS_rt_sigprocmask, SIG_SETMASK, (long)old, 0, sizeof(*old), 0, 0);
	dam_slow_end();
}

/* With a nap after each: 0.1 s at most, and on a machine so busy the program waits as long for its processor. */
#define DAM_LOCK_TRIES 100

/**
 * dam_slow_nap() - let the holder run; longer at each @try, which counts from 0
 *
 * Not by yielding, which makes the scheduler think the CPU overloaded.
 */
static inline void dam_slow_nap(int try)
{
	struct timespec ts = {.tv_nsec = 20000l * (try + 1)};

	dam_sys3(SYS_nanosleep, (long)&ts, 0, 0);
}

/** dam_slow_trylock() - one of the gate's locks, never waited for. Inside dam_slow_enter() only. */
static inline bool dam_slow_trylock(uint32_t *lock)
{
	return !__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE);
}

/**
 * dam_slow_lock_soon() - the same where a moment's patience saves counts: threads that start together
 *
 * A holder has its signals blocked and does nothing that blocks, so it is done in microseconds, or was
 * preempted: let it run. Return: false after DAM_LOCK_TRIES: go without.
 */
static inline bool dam_slow_lock_soon(uint32_t *lock)
{
	for (int i = 0; i < DAM_LOCK_TRIES; i++) {
		if (dam_slow_trylock(lock))
			return true;
		dam_slow_nap(i);
	}
	return false;
}

static inline void dam_slow_unlock(uint32_t *lock)
{
	__atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}

#endif
