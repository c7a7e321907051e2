/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Advice for threads to be born: where a process's new threads would do best, given by what its others do.
 *
 * The library takes it in pthread_create(), for threads whose like have done DMA. The masks of places are on record
 * before the advice is given. A thread that was placed and then does no DMA gets its mask back after a while.
 */
#ifndef DAM_TOOLS_COORD_BIRTHS_H
#define DAM_TOOLS_COORD_BIRTHS_H

#include <stdint.h>

#include "base/cpuset.h"

struct coord;
struct coord_process;
struct coord_thread;

/** coord_births_tick() - give advice, or take it back; now and then look for threads that were placed for nothing. */
void coord_births_tick(struct coord *c, uint64_t now_ns);

/**
 * coord_births_adopt() - is @mask what @t was born with, place @placed - 1 of the advice? Then it is on record
 * Return: what the thread has without DAM; NULL: it is not.
 */
const struct dam_cpuset *coord_births_adopt(struct coord *c, struct coord_thread *t, uint32_t placed,
					    const struct dam_cpuset *mask);

/** coord_births_orig() - is @mask that of a place of @p? Return: what a thread has without DAM; NULL: it is not. */
const struct dam_cpuset *coord_births_orig(const struct coord_process *p, const struct dam_cpuset *mask);

/** coord_births_end() - no advice any more; threads that are in no other record get their masks back. */
void coord_births_end(struct coord *c, struct coord_process *p);

#endif
