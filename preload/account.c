/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Slots: claim, adopt, end; and the now and then of the hot path. */
#include "config.h"
#include "preload/account.h"

#include <pthread.h>
#include <sched.h>

#include "preload/attach.h"
#include "preload/birth.h"
#include "preload/link.h"
#include "preload/peek.h"
#include "preload/pins.h"
#include "preload/place.h"
#include "preload/site.h"
#include "preload/slow.h"
#include "preload/traffic.h"

#define KEY_FIRST_LEVEL 32 /* pthread_setspecific() allocates for keys beyond it */
#define IDLE_SPAN_MAX	31
#define SAMPLE_SPAN_MAX 32
#define DEPTH_ONE_IN	4 /* of a busy thread's samples is one of depth too, see depth.h: a power of two */
#define BUSY_NS		(50 * DAM_NS_PER_MS)
#define SLEEPY_NS	(500 * DAM_NS_PER_MS)
#define SAMPLE_SLOW_NS	(8 * DAM_NS_PER_MS)
#define RECHECK_NS \
	(100 * DAM_NS_PER_MS) /* how long what was seen of a page or descriptor is believed */
#define SEALED_IDLE 1000000u
#define FULL_NS	    (20 * DAM_NS_PER_MS) /* between searches of a full table, which go through all of its slots */

__thread struct dam_self dam_self;

static ptrdiff_t rseq_cpu; /* offset of rseq's cpu_id from the thread pointer; 0: not registered */
static pthread_key_t end_key;
static bool have_key;

/* glibc 2.35 and later; elsewhere they stay undefined */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

/* The counters from mapped_bytes to the next that is no sum. */
#define SECOND_PART                                                                             \
	((offsetof(struct dam_slot, inflight_ops_last) - offsetof(struct dam_slot, mapped_bytes)) / \
	 sizeof(uint64_t))

/* Adds what was counted at @from to @to, and forgets it at @from. Nobody else may write either. */
static void move_counts(struct dam_slot *from, struct dam_slot *to)
{
	for (unsigned int i = 0; i < DAM_LEDGER_TARGETS; i++) {
		struct dam_count *a = &from->count[i];
		uint8_t at = dam_place_remap(i);

		if (at < DAM_LEDGER_TARGETS) {
			dam_count_add(&to->count[at].read_bytes, a->read_bytes);
			dam_count_add(&to->count[at].write_bytes, a->write_bytes);
			dam_count_add(&to->count[at].read_ops, a->read_ops);
			dam_count_add(&to->count[at].write_ops, a->write_ops);
		}
		*a = (struct dam_count){0};
	}
	dam_count_add(&to->inflight_samples, from->inflight_samples);
	dam_count_add(&to->inflight_ops_sum, from->inflight_ops_sum);
	dam_count_add(&to->depth_empty, from->depth_empty);
	from->depth_empty = 0;
	to->inflight_ops_last = from->inflight_ops_last;
	if (from->inflight_ops_max > to->inflight_ops_max)
		to->inflight_ops_max = from->inflight_ops_max;
	to->cpu = from->cpu;
	for (unsigned int i = 0; i < SECOND_PART; i++) {
		dam_count_add(&to->mapped_bytes + i, (&from->mapped_bytes)[i]);
		(&from->mapped_bytes)[i] = 0;
	}
	dam_count_add(&to->ring_ops, from->ring_ops);
	from->ring_ops = 0;
	dam_count_add(&to->submissions, from->submissions);
	from->submissions = from->inflight_samples = from->inflight_ops_sum = 0;
	__atomic_store_n(&from->state, DAM_SLOT_FREE, __ATOMIC_RELEASE);
}

void dam_account_adopt(struct dam_ledger *from, struct dam_ledger *to, bool ended_only)
{
	unsigned int nr = __atomic_load_n(&from->nr_slots, __ATOMIC_ACQUIRE);

	for (unsigned int i = 0; i < nr && i < DAM_LEDGER_SLOTS; i++) {
		struct dam_slot *s = &from->slot[i], *t;
		uint32_t was = __atomic_load_n(&s->state, __ATOMIC_ACQUIRE);

		if (was != DAM_SLOT_ENDED && (ended_only || was != DAM_SLOT_LIVE))
			continue;
		/* while the process ends, another thread may be at it too: one of them takes it */
		if (!__atomic_compare_exchange_n(&s->state, &was, DAM_SLOT_CLAIMED, false, __ATOMIC_ACQUIRE,
						 __ATOMIC_RELAXED))
			continue;
		t = dam_ledger_claim(to, s->tid);
		if (!t) {
			__atomic_store_n(&s->state, was, __ATOMIC_RELEASE);
			return;
		}
		t->pin_calls = s->pin_calls;
		t->placed = s->placed;
		t->heir = s->heir;
		move_counts(s, t);
		(was == DAM_SLOT_ENDED ? dam_slot_end : dam_slot_publish)(t);
	}
}

/*
 * Another thread that pins this one notes that first, and then looks for a live slot to count it in: where it found
 * none yet, the note is found here. Where both found the other, the pin counts twice, which is as good as once.
 */
static void take_late_pins(struct dam_slot *s)
{
	uint32_t late;

	/* LIVE before the look: pairs with note_other() */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	late = dam_pins_take(s->tid);
	if (!late)
		return;
	dam_self.pins += late;
	__atomic_fetch_add(&s->pin_calls, late, __ATOMIC_RELAXED);
}

/* A free slot for the calling thread; one of a thread's that ends is free when the coordinator has seen that. */
static struct dam_slot *find_slot(struct dam_ledger *l, uint32_t tid, uint64_t now_ns)
{
	struct dam_slot *s;

	if (now_ns - __atomic_load_n(&l->full_ns, __ATOMIC_RELAXED) < FULL_NS)
		return NULL;
	s = dam_ledger_claim(l, tid);
	if (s)
		return s;
	__atomic_store_n(&l->full_ns, now_ns, __ATOMIC_RELAXED);
	__atomic_fetch_add(&l->no_slot, 1, __ATOMIC_RELAXED);
	return NULL;
}

/* The thread enters @epoch: a slot in its ledger, with what it counted in private memory. */
static struct dam_slot *claim(uint64_t epoch, uint64_t now_ns)
{
	struct dam_self *me = &dam_self;
	struct dam_ledger *l = dam_attach_ledger_of(epoch);
	struct dam_slot *former =
		me->epoch && me->epoch == dam_attach_former(epoch) ? me->slot : NULL;
	struct dam_slot *s =
		find_slot(l, former ? former->tid : (uint32_t)dam_pins_tid(pthread_self()), now_ns);

	if (!s)
		return NULL;
	me->pins += dam_pins_take(s->tid);
	s->pin_calls = me->pins;
	s->placed = dam_birth_submits();
	s->heir = me->heir;
	if (former)
		move_counts(former, s);
	dam_slot_publish(s);
	take_late_pins(s);
	if (have_key)
		pthread_setspecific(end_key, me);
	return s;
}

/* From here on the thread counts there. What was remembered of the last submission belongs to the slot before. */
static void take_slot(struct dam_self *me, uint64_t epoch, struct dam_slot *slot)
{
	me->last_ring = NULL;
	me->aio_ready = 0;
	me->slot = slot;
	me->epoch = epoch;
}

/* How many calls to let pass: few when they are rare, IDLE_SPAN_MAX when they come by the thousand. */
static void idle_again(struct dam_self *me, uint64_t now_ns)
{
	uint64_t gone_ns = now_ns - me->idle_ns;

	me->idle_ns = now_ns;
	if (gone_ns < BUSY_NS && me->idle_span < IDLE_SPAN_MAX)
		me->idle_span = me->idle_span * 2 + 1;
	else if (gone_ns > SLEEPY_NS)
		me->idle_span = 0;
	me->idle = me->idle_span;
}

struct dam_slot *dam_slot_slow(void)
{
	struct dam_self *me = &dam_self;
	uint64_t mask, epoch, now_ns;
	bool entered, due;

	if (!dam_enabled)
		return NULL;
	epoch = __atomic_load_n(&dam_gate.epoch, __ATOMIC_ACQUIRE);
	if (!epoch && __atomic_load_n(&dam_sealed, __ATOMIC_RELAXED)) {
		take_slot(me, 0, NULL);
		me->idle = SEALED_IDLE;
		return NULL;
	}
	now_ns = dam_now_coarse_ns();
	idle_again(me, now_ns);
	due = dam_attach_due(now_ns);
	/* looked at once more: perhaps nothing is due because another thread has asked, and opened the gate */
	epoch = __atomic_load_n(&dam_gate.epoch, __ATOMIC_ACQUIRE);
	if (!epoch && !due) {
		take_slot(me, 0, NULL);
		return NULL;
	}
	entered = dam_slow_enter(&mask);
	if (entered)
		dam_attach_step(now_ns);
	epoch = __atomic_load_n(&dam_gate.epoch, __ATOMIC_ACQUIRE);
	take_slot(me, epoch, epoch ? claim(epoch, now_ns) : NULL);
	if (entered)
		dam_slow_leave(&mask);
	return me->slot;
}

/* The thread ends. Its destructors may still submit after this: then it claims anew, and ends once more. */
static void end_thread(void *arg)
{
	struct dam_self *me = arg;
	uint64_t epoch = __atomic_load_n(&dam_gate.epoch, __ATOMIC_ACQUIRE);

	if (me->slot && epoch) {
		if (me->epoch != epoch && me->epoch == dam_attach_former(epoch))
			dam_slot_mine();
		if (me->slot && me->epoch == epoch)
			dam_slot_end(me->slot);
	}
	take_slot(me, 0, NULL);
	dam_traffic_close();
}

void dam_account_init(void)
{
	have_key = !pthread_key_create(&end_key, end_thread);
	if (have_key && end_key >= KEY_FIRST_LEVEL) {
		pthread_key_delete(end_key);
		have_key = false;
	}
	if (&__rseq_size && &__rseq_offset && __rseq_size)
		rseq_cpu = __rseq_offset + (ptrdiff_t)sizeof(uint32_t); /* after cpu_id_start */
}

/* A thread that submits rarely is sampled every time; a busy one at jittered intervals. */
static void next_countdown(struct dam_self *me, uint64_t now_ns)
{
	uint64_t gone_ns = now_ns - me->sample_ns;

	me->sample_ns = now_ns;
	if (gone_ns > SAMPLE_SLOW_NS)
		me->span = 1;
	else if (me->span < SAMPLE_SPAN_MAX)
		me->span = me->span ? me->span * 2 : 1;
	/* xorshift32: what is sampled must not fall in step with what the program does */
	me->random = me->random ? me->random : (uint32_t)(uintptr_t)me | 1;
	me->random ^= me->random << 13;
	me->random ^= me->random >> 17;
	me->random ^= me->random << 5;
	me->drawn = me->random % (2 * me->span - 1);
	me->countdown = me->drawn;
	/* what has begun on a ring ends with something else */
	me->depth_begun = me->depth_open = false;
	me->depth_due = me->span < SAMPLE_SPAN_MAX || (me->random >> 16) % DEPTH_ONE_IN == 0;
}

/* Where the thread runs, as the kernel keeps it up to date in the thread's own memory. */
static void note_cpu(struct dam_slot *s)
{
	char *tp;

#ifdef __x86_64__
	__asm__("mov %%fs:0, %0" : "=r"(tp));
#else
	tp = __builtin_thread_pointer();
#endif
	__atomic_store_n(&s->cpu, *(const volatile uint32_t *)(tp + rseq_cpu), __ATOMIC_RELAXED);
}

/* What the library has to see to once in a while. */
static void look_around(struct dam_slot *s, int fd)
{
	struct dam_self *me = &dam_self;
	uint64_t now_ns, mask;

	if (rseq_cpu)
		note_cpu(s);
	if (__atomic_load_n(&dam_sealed, __ATOMIC_RELAXED)) {
		next_countdown(me, me->sample_ns);
		return;
	}
	now_ns = dam_now_coarse_ns();
	next_countdown(me, now_ns);
	if (!rseq_cpu)
		__atomic_store_n(&s->cpu, (uint32_t)sched_getcpu(), __ATOMIC_RELAXED);
	if (now_ns - me->check_ns > RECHECK_NS) {
		me->check_ns = now_ns;
		dam_peek_forget();
		if (fd >= 0)
			dam_place_recheck(fd);
	}
	if (now_ns - me->traffic_ns > RECHECK_NS)
		dam_traffic_read(s, now_ns);
	if (!dam_attach_due(now_ns))
		return;
	if (dam_slow_enter(&mask)) {
		dam_attach_step(now_ns);
		dam_slow_leave(&mask);
	}
}

bool dam_account_sample_slow(struct dam_slot *s, int fd, const void *caller)
{
	struct dam_self *me = &dam_self;
	uint32_t passed = me->drawn + 1, most;
	bool begun = me->depth_begun;

	look_around(s, fd);
	most = dam_site_step(s, passed, caller);
	if (me->drawn > most)
		me->drawn = me->countdown = most;
	return begun;
}

void dam_account_attach(void)
{
	uint64_t mask;

	if (!dam_enabled || !dam_slow_enter(&mask))
		return;
	dam_attach_step(dam_now_coarse_ns());
	dam_attach_wait();
	dam_slow_leave(&mask);
}

void dam_account_closing(unsigned int first, unsigned int last)
{
	uint64_t mask;

	if (DAM_LIKELY(!dam_link_within(first, last)) || !dam_slow_enter(&mask))
		return;
	/* not in a child on the same memory, whose descriptors are its own */
	if ((uint32_t)dam_sys3(SYS_getpid, 0, 0, 0) == dam_gate.pid)
		dam_attach_wait();
	dam_slow_leave(&mask);
}

void dam_account_last_words(void)
{
	uint64_t mask;
	bool entered;

	if (!dam_gate.born)
		return;
	entered = dam_slow_enter(&mask);
	if (entered) {
		dam_attach_wait();
		dam_slow_leave(&mask);
	}
	/* threads that have not submitted since the answer came still have their counts in private memory */
	if (dam_gate.epoch & DAM_EPOCH_ATTACHED) {
		dam_slot_mine();
		dam_account_adopt(dam_attach_private(), dam_attach_ledger(), false);
		dam_site_adopt(dam_attach_private(), dam_attach_ledger());
	}
}
