/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Pins: counted per thread; masks: the original shown for DAM's. */
#include "config.h"
#include "preload/pins.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "preload/attach.h"
#include "preload/link.h"
#include "preload/self.h"
#include "preload/slow.h"

#define NOTED 256

/* Threads pinned by others before they had a slot: tid in the low half, number of calls in the high one. */
static uint64_t noted[NOTED];

static struct dam_slot *slot_of(uint32_t tid)
{
	struct dam_ledger *l = dam_gate.epoch ? dam_attach_ledger() : NULL;
	unsigned int nr = l ? __atomic_load_n(&l->nr_slots, __ATOMIC_ACQUIRE) : 0;

	for (unsigned int i = 0; i < nr && i < DAM_LEDGER_SLOTS; i++)
		if (__atomic_load_n(&l->slot[i].tid, __ATOMIC_RELAXED) == tid &&
		    __atomic_load_n(&l->slot[i].state, __ATOMIC_ACQUIRE) == DAM_SLOT_LIVE)
			return &l->slot[i];
	return NULL;
}

int dam_pins_tid(pthread_t thread)
{
	clockid_t clock;

	/* the only portable way: a thread's clock id is the complement of its id above three bits of kind */
	return pthread_getcpuclockid(thread, &clock) ? 0 : (int)~(clock >> 3);
}

static struct dam_slot *own_slot(void)
{
	return dam_self.epoch && dam_self.epoch == dam_gate.epoch ? dam_self.slot : NULL;
}

static void note_own(void)
{
	struct dam_slot *s = own_slot();

	dam_self.pins++;
	if (s)
		__atomic_fetch_add(&s->pin_calls, 1, __ATOMIC_RELAXED);
}

/* Kept beside the slot too: the next coordinator has to know. A full table forgets the oldest of that place. */
static void note_other(uint32_t tid)
{
	struct dam_slot *s;
	uint64_t *n = &noted[tid % NOTED], was = __atomic_load_n(n, __ATOMIC_RELAXED), now;

	do {
		now = (uint32_t)was == tid ? was + (1ull << 32) : (1ull << 32 | tid);
	} while (!__atomic_compare_exchange_n(n, &was, now, false, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	/* the note before the look: pairs with take_late_pins(), for a thread that is just getting its slot */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	s = slot_of(tid);
	if (s)
		__atomic_fetch_add(&s->pin_calls, 1, __ATOMIC_RELAXED);
}

void dam_pins_note(int tid)
{
	struct dam_slot *s = own_slot();

	if (!dam_enabled)
		return;
	if (tid == 0 || (s && s->tid == (uint32_t)tid) || tid == dam_pins_tid(pthread_self()))
		note_own();
	else if (tid > 0)
		note_other((uint32_t)tid);
}

uint32_t dam_pins_take(uint32_t tid)
{
	uint64_t *n = &noted[tid % NOTED], was = __atomic_load_n(n, __ATOMIC_RELAXED);

	if ((uint32_t)was != tid ||
	    !__atomic_compare_exchange_n(n, &was, 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return 0;
	return (uint32_t)(was >> 32);
}

/* Has the program pinned this thread itself? Then its mask is the program's, even if it is the same as DAM's was. */
static bool is_pinned(uint32_t tid, const struct dam_slot *s)
{
	if (!tid)
		return dam_self.pins != 0;
	return s ? __atomic_load_n(&s->pin_calls, __ATOMIC_RELAXED) != 0
		 : (uint32_t)__atomic_load_n(&noted[tid % NOTED], __ATOMIC_RELAXED) == tid;
}

void dam_pins_settle(void)
{
	static bool settled;
	uint64_t mask;

	if (dam_enabled && !dam_gate.born) /* a child of a bare clone: no handler of fork() has run */
		dam_pins_leave();
	if (!dam_enabled || !dam_link_announced() || __atomic_exchange_n(&settled, true, __ATOMIC_RELAXED) ||
	    !dam_slow_enter(&mask))
		return;
	dam_link_settle();
	dam_slow_leave(&mask);
}

static bool same_mask(const struct dam_cpuset *dam, const void *mask, size_t size)
{
	return !memcmp(dam, mask, size < sizeof(*dam) ? size : sizeof(*dam));
}

static bool hide_by(const struct dam_slot *s, void *mask, size_t size)
{
	struct dam_cpuset orig, dam;

	if (!dam_slot_masks(s, &orig, &dam) || !same_mask(&dam, mask, size))
		return false;
	memcpy(mask, &orig, size < sizeof(orig) ? size : sizeof(orig));
	return true;
}

/* Born where DAM said, and not managed as yet. */
static bool hide_by_advice(const struct dam_ledger *l, void *mask, size_t size)
{
	struct dam_cpuset orig, have = {{0}};

	memcpy(&have, mask, size < sizeof(have) ? size : sizeof(have));
	if (!dam_advice_orig(&l->advice, &have, &orig))
		return false;
	memcpy(mask, &orig, size < sizeof(orig) ? size : sizeof(orig));
	return true;
}

void dam_pins_hide(int tid, void *mask, size_t size)
{
	struct dam_ledger *l = dam_enabled && dam_gate.epoch ? dam_attach_ledger() : NULL;
	struct dam_slot *s = tid ? slot_of((uint32_t)tid) : own_slot();
	unsigned int nr;

	if (!l || dam_attach_board() == NULL || is_pinned((uint32_t)tid, s))
		return;
	if ((tid ? dam_advice_has(&l->advice, (uint32_t)tid) : dam_self.placed != 0) && hide_by_advice(l, mask, size))
		return;
	if (s) {
		hide_by(s, mask, size);
		return;
	}
	if (!tid && dam_self.heir)
		return;
	/* a thread without a slot may have inherited the mask of one that has */
	nr = __atomic_load_n(&l->nr_slots, __ATOMIC_ACQUIRE);
	for (unsigned int i = 0; i < nr && i < DAM_LEDGER_SLOTS; i++)
		if (hide_by(&l->slot[i], mask, size))
			return;
}

void dam_pins_leave(void)
{
	const struct dam_self *me = &dam_self;
	const struct dam_ledger *l = dam_attach_ledger_of(DAM_EPOCH_ATTACHED);
	struct dam_cpuset orig, dam, now = {{0}};
	uint64_t mask;
	bool moved;

	/* the parent's ledger is mapped until this process has one of its own */
	moved = me->epoch & DAM_EPOCH_ATTACHED && me->slot && dam_slot_masks(me->slot, &orig, &dam);
	if (me->pins || (!moved && !(me->placed && l)) || !dam_slow_enter(&mask))
		return;
	/* born where DAM said: whatever it has, if that is a place, is to be its original */
	if (dam_sys3(SYS_sched_getaffinity, 0, sizeof(now), (long)&now) > 0 &&
	    (moved ? !memcmp(&now, &dam, sizeof(now)) : dam_advice_orig(&l->advice, &now, &orig)))
		dam_sys3(SYS_sched_setaffinity, 0, sizeof(orig), (long)&orig);
	dam_slow_leave(&mask);
}
