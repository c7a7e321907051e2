/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The seal: from the moment the program installs a system call filter, none of ours any more. */
#ifndef DAM_PRELOAD_SEAL_H
#define DAM_PRELOAD_SEAL_H

#include "preload/slow.h"

/**
 * dam_seal() - before a filter goes in
 *
 * It may be one for all threads (SECCOMP_FILTER_FLAG_TSYNC): those that are just making system calls of ours come out
 * first. For 0.1 s at most: one that a handler has jumped out of never does.
 */
static inline void dam_seal(void)
{
	__atomic_fetch_add(&dam_sealed, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < DAM_LOCK_TRIES && dam_slow_ready; i++) {
		if (!__atomic_load_n(&dam_gate.inside, __ATOMIC_SEQ_CST))
			break;
		dam_slow_nap(i);
	}
}

/** dam_unseal() - that filter was refused. Another thread's may have gone in. */
static inline void dam_unseal(void)
{
	__atomic_fetch_sub(&dam_sealed, 1, __ATOMIC_SEQ_CST);
}

#endif
