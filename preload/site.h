/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Call sites: one submission in DAM_SAMPLE leaves its stack, its operations and its bytes in the
 * ledger. */
#ifndef DAM_PRELOAD_SITE_H
#define DAM_PRELOAD_SITE_H

#include <stdint.h>

#include "preload/self.h"

/* In a hook itself: where the program called it. */
#define DAM_CALLER __builtin_return_address(0)

/** dam_site_init() - DAM_SAMPLE. Constructor only. */
void dam_site_init(void);

/** dam_site_period() - DAM_SAMPLE; 0: nothing is looked at closely. */
uint32_t dam_site_period(void);

/** dam_site_prepare() - the program makes a thread, perhaps its first: last moment to load
 * libunwind. */
void dam_site_prepare(const void *caller);

/** dam_site_adopt() - move what was counted in private memory to the coordinator's ledger. */
void dam_site_adopt(struct dam_ledger *from, struct dam_ledger *to);

/**
 * dam_site_step() - a sampled submission has been counted
 * @s: the thread's slot
 * @passed: submissions since the last call, this one included
 * @caller: DAM_CALLER of the hook
 *
 * Context: after the submission, any thread, signal handlers too. Keeps errno.
 * Return: how many submissions may pass without a call.
 */
uint32_t dam_site_step(struct dam_slot *s, uint32_t passed, const void *caller);

#endif
