/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The ledger: one process's counters. The process writes, the coordinator reads and trusts nothing. */
#ifndef DAM_SHM_LEDGER_H
#define DAM_SHM_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/layout.h"

/* -- coordinator -- */

/** dam_ledger_create() - a ledger for process @pid. Return: 0 with @fd and @out owned by the caller; -errno. */
int dam_ledger_create(uint32_t pid, int *fd, struct dam_ledger **out);

/** dam_ledger_destroy() - unmap. Takes NULL. */
void dam_ledger_destroy(struct dam_ledger *l);

/** dam_ledger_nr_slots() - the slots that may be in use, bounded by DAM_LEDGER_SLOTS whatever the process wrote. */
unsigned int dam_ledger_nr_slots(const struct dam_ledger *l);

/**
 * dam_slot_free() - give an ENDED slot back, its final counts having been taken
 *
 * Zeroes the thread's part and forgets the masks, so that the next owner starts from nothing.
 */
void dam_slot_free(struct dam_slot *s);

/**
 * dam_slot_set_masks() - tell the thread what DAM did to its mask
 * @orig: what the program had; NULL: DAM's pin is gone, and so is what the hooks hide
 */
void dam_slot_set_masks(struct dam_slot *s, const struct dam_cpuset *orig,
			const struct dam_cpuset *dam);

/**
 * dam_advice_set() - tell the process where threads to be born do best
 * @from: nr, nr_places, birth, orig and place are taken; the rest is not looked at
 */
void dam_advice_set(struct dam_advice *to, const struct dam_advice *from);

/** dam_count_read() - a copy of counts that their owner may be changing: each value whole by itself. */
void dam_count_read(const struct dam_count *c, struct dam_count *out);

/** dam_count_delta() - growth of a counter; 0 where it ran backwards (an owner may punch holes). */
static inline uint64_t dam_count_delta(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

/**
 * dam_ledger_site_read() - a copy of site @i, with what the process wrote there made safe
 * @module: modules that its frames name, DAM_SITE_FRAMES of them; inode 0 and an empty path: none
 * Return: false: nothing there. Each count is whole by itself.
 */
bool dam_ledger_site_read(const struct dam_ledger *l, unsigned int i, struct dam_site *out,
			  struct dam_module module[DAM_SITE_FRAMES]);

/* -- process. No system call, no lock -- */

/** dam_ledger_valid() - magic, version and size are this library's. */
bool dam_ledger_valid(const struct dam_ledger *l);

/** dam_ledger_init() - write the header of a fresh, zeroed segment (private slots before attaching, tests). */
void dam_ledger_init(struct dam_ledger *l, uint32_t pid);

/**
 * dam_ledger_claim() - a free slot for thread @tid
 * Return: the slot, CLAIMED, with zeroed counts; NULL when the table is full: the whole of it was searched, so
 * do not ask again at every submission. Lock-free; any thread, signal handlers too.
 */
struct dam_slot *dam_ledger_claim(struct dam_ledger *l, uint32_t tid);

/** dam_slot_publish() - the slot is LIVE from now on: others may look at what the owner has written since it claimed it. */
void dam_slot_publish(struct dam_slot *s);

/** dam_slot_end() - the owner will not write again. */
void dam_slot_end(struct dam_slot *s);

/** dam_ledger_target() - the place of board target @id in this process's table. Return: index; DAM_LOCAL_OTHER when full. */
unsigned int dam_ledger_target(struct dam_ledger *l, uint32_t id);

/**
 * dam_ledger_site() - the site of stack @key, or a free one
 * @key: not 0
 * @fresh: set when the caller has to write its frames and then to call dam_ledger_site_ready()
 * Return: NULL: the table is full. Lock-free; counts are added atomically by any thread.
 */
struct dam_site *dam_ledger_site(struct dam_ledger *l, uint64_t key, bool *fresh);
void dam_ledger_site_ready(struct dam_site *s);

/** dam_ledger_module() - the index of the file at @path. Return: DAM_FRAME_NO_MODULE: no room, path too long. */
unsigned int dam_ledger_module(struct dam_ledger *l, const char *path, uint64_t inode);

/**
 * dam_slot_masks() - what DAM did to this thread's mask, read consistently
 * Return: true when DAM has pinned it; then @orig and @dam are written. Never waits: false when the
 * coordinator stopped half-way through a change.
 */
bool dam_slot_masks(const struct dam_slot *s, struct dam_cpuset *orig, struct dam_cpuset *dam);

/**
 * dam_advice_take() - the place of the next thread to be born
 * @have: mask of its creator
 * @orig: what the thread would have without DAM
 * @mask: what it is to have
 *
 * Return: index of the place; -1: no advice, or none for this creator. Never waits.
 */
int dam_advice_take(struct dam_advice *a, const struct dam_cpuset *have, struct dam_cpuset *orig,
		    struct dam_cpuset *mask);

/** dam_advice_placed() - thread @tid has taken its place. */
void dam_advice_placed(struct dam_advice *a, uint32_t tid);

/** dam_advice_has() - has thread @tid taken a place, not long ago? */
bool dam_advice_has(const struct dam_advice *a, uint32_t tid);

/** dam_advice_orig() - is @mask that of a place? Return: true, and @orig: what the thread had without DAM. */
bool dam_advice_orig(const struct dam_advice *a, const struct dam_cpuset *mask, struct dam_cpuset *orig);

/**
 * dam_count_add() - *@p += @n by the only writer of @p
 *
 * One instruction where the machine has it, so that a signal handler that submits between load and
 * store loses nothing.
 */
static inline void dam_count_add(uint64_t *p, uint64_t n)
{
#ifdef __x86_64__
	__asm__ volatile("addq %1, %0" : "+m"(*p) : "er"(n) : "cc");
#else
	__atomic_store_n(p, __atomic_load_n(p, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
#endif
}

#endif
