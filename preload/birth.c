/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Placement at birth: which start routines' threads do DMA, and the first steps of a thread. */
#include "config.h"
#include "preload/birth.h"

#include <stdbool.h>
#include <string.h>

#include "preload/attach.h"
#include "preload/link.h"
#include "preload/self.h"
#include "preload/slow.h"
#include "shm/ledger.h"

#define BIRTHS	 64 /* threads between their creation and their start, that can be placed */
#define ROUTINES 64
#define PROBES	 8

struct dam_birth {
	uint32_t taken;
	uint32_t routine; /* index + 1; 0: no room for it */
	void (*start)(void);
	void *arg;
	int place; /* -1: none */
	bool pinned; /* by an attribute of the program's */
	bool heir; /* its creator is pinned by the program, or was such an heir */
	bool own;  /* its creator was placed: it gets back what that would have without DAM */
	struct dam_advice *advice;
	struct dam_cpuset mask, orig;
};

static struct dam_birth births[BIRTHS];

/* Start routines: how many threads were created with each, how many of them have submitted. Never taken out. */
static struct {
	void (*start)(void);
	uint32_t created, submitting;
} routines[ROUTINES];

/* glibc's alone */
extern int pthread_attr_getaffinity_np(const pthread_attr_t *attr, size_t size, cpu_set_t *set)
	__attribute__((weak));

static uint32_t routine_of(void (*start)(void))
{
	uintptr_t hash = (uintptr_t)start >> 4;

	for (unsigned int i = 0; i < PROBES; i++) {
		unsigned int at = (unsigned int)((hash + i) % ROUTINES);
		void (*there)(void) = NULL;

		if (__atomic_compare_exchange_n(&routines[at].start, &there, start, false, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED) ||
		    there == start)
			return at + 1;
	}
	return 0;
}

/* Half of those before it submitted: so will this one. */
static bool will_submit(uint32_t routine)
{
	uint32_t created, submitting;

	if (!routine)
		return false;
	created = __atomic_load_n(&routines[routine - 1].created, __ATOMIC_RELAXED);
	submitting = __atomic_load_n(&routines[routine - 1].submitting, __ATOMIC_RELAXED);
	return submitting && submitting >= created / 2;
}

/* Without an attribute for it glibc says that all CPUs are allowed, also those that there are not. */
static bool sets_affinity(const pthread_attr_t *attr)
{
	struct dam_cpuset set;
	const unsigned char *byte = (const unsigned char *)&set;

	if (!attr || !&pthread_attr_getaffinity_np)
		return false;
	memset(&set, 0xff, sizeof(set));
	if (pthread_attr_getaffinity_np(attr, sizeof(set), (cpu_set_t *)(void *)&set))
		return true; /* more than can be understood here */
	for (size_t i = 0; i < sizeof(set); i++)
		if (byte[i] != 0xff)
			return true;
	return false;
}

/* The ledger of a coordinator that is alive; else NULL: who would give the mask back? */
static struct dam_ledger *live_ledger(void)
{
	return dam_attach_alive(dam_now_coarse_ns()) ? dam_attach_ledger() : NULL;
}

/* Is the creator free of pins of the program's own, and is there advice for it? */
static void choose(struct dam_birth *b, const pthread_attr_t *attr)
{
	struct dam_ledger *l = live_ledger();
	struct dam_cpuset have = {{0}};
	uint64_t mask;
	bool wanted;

	b->pinned = sets_affinity(attr);
	b->heir = dam_self.pins || dam_self.heir;
	if (!l || dam_self.pins || b->pinned)
		return;
	wanted = __atomic_load_n(&l->advice.nr, __ATOMIC_RELAXED) && will_submit(b->routine);
	if (!(wanted || dam_self.placed) || !dam_slow_enter(&mask))
		return;
	dam_sys3(SYS_sched_getaffinity, 0, sizeof(have), (long)&have);
	b->advice = &l->advice;
	if (wanted)
		b->place = dam_advice_take(b->advice, &have, &b->orig, &b->mask);
	if (b->place < 0 && dam_self.placed)
		b->own = dam_advice_orig(b->advice, &have, &b->mask);
	dam_slow_leave(&mask);
}

struct dam_birth *dam_birth_prepare(const pthread_attr_t *attr, void (*start)(void), void *arg)
{
	struct dam_birth *b = NULL;

	/* without a coordinator nothing is different */
	if (!dam_enabled || !dam_link_announced() || !start)
		return NULL;
	for (unsigned int i = 0; i < BIRTHS && !b; i++) {
		uint32_t free = 0;

		if (__atomic_compare_exchange_n(&births[i].taken, &free, 1, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			b = &births[i];
	}
	if (!b)
		return NULL;
	b->start = start;
	b->arg = arg;
	b->place = -1;
	b->own = false;
	b->routine = routine_of(start);
	choose(b, attr);
	if (b->routine)
		__atomic_fetch_add(&routines[b->routine - 1].created, 1, __ATOMIC_RELAXED);
	return b;
}

void dam_birth_cancel(struct dam_birth *b)
{
	if (!b)
		return;
	if (b->routine)
		__atomic_fetch_sub(&routines[b->routine - 1].created, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&b->taken, 0, __ATOMIC_RELEASE);
}

static void take_place(const struct dam_birth *b)
{
	uint32_t tid = (uint32_t)dam_sys3(SYS_gettid, 0, 0, 0);

	dam_advice_placed(b->advice, tid);
	if (!dam_sys_failed(dam_sys3(SYS_sched_setaffinity, 0, sizeof(b->mask), (long)&b->mask)))
		dam_self.placed = (uint32_t)b->place + 1;
	/*
	 * Taken back meanwhile? The coordinator withdraws advice first, and then looks for threads that it has to give
	 * masks back to: either it finds this one, or this is seen here; the system calls are the fences.
	 */
	if (!__atomic_load_n(&b->advice->nr, __ATOMIC_ACQUIRE)) {
		dam_sys3(SYS_sched_setaffinity, 0, sizeof(b->orig), (long)&b->orig);
		dam_self.placed = 0;
	}
}

/* The thread's first steps. The copy is its own: another birth may use @b at once. */
static struct dam_birth begin(struct dam_birth *b)
{
	struct dam_birth mine = *b;
	uint64_t mask;

	__atomic_store_n(&b->taken, 0, __ATOMIC_RELEASE);
	dam_self.routine = mine.routine;
	dam_self.pins += mine.pinned;
	dam_self.heir = mine.heir;
	if (!(mine.place >= 0 || mine.own) || !dam_slow_enter(&mask))
		return mine;
	if (mine.place >= 0)
		take_place(&mine);
	else
		dam_sys3(SYS_sched_setaffinity, 0, sizeof(mine.mask), (long)&mine.mask);
	dam_slow_leave(&mask);
	return mine;
}

void *dam_birth_thread(void *birth)
{
	struct dam_birth b = begin(birth);

	return ((void *(*)(void *))(void *)b.start)(b.arg);
}

int dam_birth_thrd(void *birth)
{
	struct dam_birth b = begin(birth);

	return ((int (*)(void *))(void *)b.start)(b.arg);
}

uint32_t dam_birth_submits(void)
{
	if (dam_self.routine)
		__atomic_fetch_add(&routines[dam_self.routine - 1].submitting, 1, __ATOMIC_RELAXED);
	dam_self.routine = 0;
	return dam_self.placed;
}
