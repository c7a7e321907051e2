/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Rings and contexts that go. Once a submission is made another thread may have reaped it, and torn the ring down,
 * before the call has returned here: then there is nothing left to look at. So what is looked at after a call stands
 * between dam_look_begin() and dam_look_end(), and a hook on what tears down lets those who look finish first.
 */
#ifndef DAM_PRELOAD_TEARDOWN_H
#define DAM_PRELOAD_TEARDOWN_H

#include "preload/slow.h"

/* With a nap after each: 1 ms at most. A look takes some 50 ns, but a handler may have jumped out of one. */
#define DAM_LOOK_TRIES 10

/** dam_torn_down() - how many have gone so far: before the call, for dam_look_begin() after it. */
static inline uint32_t dam_torn_down(void)
{
	return __atomic_load_n(&dam_gate.seqs.torn_down, __ATOMIC_RELAXED);
}

static inline void dam_look_end(void)
{
	__atomic_fetch_sub(&dam_gate.looking, 1, __ATOMIC_RELEASE);
}

/** dam_look_begin() - is what was there @before the call still there? Return: false: not to be looked at. */
static inline bool dam_look_begin(uint32_t before)
{
	/* first counted, then looked: dam_tear_down() does it the other way round */
	__atomic_fetch_add(&dam_gate.looking, 1, __ATOMIC_SEQ_CST);
	if (DAM_LIKELY(__atomic_load_n(&dam_gate.seqs.torn_down, __ATOMIC_SEQ_CST) == before))
		return true;
	dam_look_end();
	return false;
}

/** dam_tear_down() - before a ring, a context or a mapping of one goes. */
static inline void dam_tear_down(void)
{
	__atomic_fetch_add(&dam_gate.seqs.torn_down, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < DAM_LOOK_TRIES && __atomic_load_n(&dam_gate.looking, __ATOMIC_SEQ_CST); i++) {
		if (!dam_slow_begin())
			return;
		dam_slow_nap(i);
		dam_slow_end();
	}
}

#endif
