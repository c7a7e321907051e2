/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Which submission is looked at, what it moved, where it came from. What a single submission moved
 * is the growth of the thread's counts between two samples with no submission between: so the hot
 * path has no part in it.
 */
#include "config.h"
#include "preload/site.h"

#include <stdlib.h>

#include "base/knobs.h"
#include "base/str.h"
#include "preload/attach.h"
#include "preload/link.h"
#include "preload/maps.h"
#include "preload/object.h"
#include "preload/slow.h"
#include "preload/unwind.h"

static uint32_t period = DAM_SAMPLE_DEFAULT;

/*
 * Pid of the process whose thread unwinds just now; 0: none. In memory that a child inherits: what
 * a thread of the parent was doing to libunwind when it forked stays half done in the child, which
 * then goes without.
 */
static uint32_t holder;
static bool broken;

void dam_site_init(void)
{
	const char *text = getenv("DAM_SAMPLE");
	uint64_t v;

	if (text && !dam_parse_u64(text, &v) && v <= DAM_SAMPLE_MAX)
		period = (uint32_t)v;
}

uint32_t dam_site_period(void)
{
	return period;
}

void dam_site_prepare(const void *caller)
{
	if (DAM_UNLIKELY(!dam_unwind_tried()) && dam_enabled && period &&
	    (dam_gate.epoch || dam_link_announced()))
		dam_unwind_load(caller);
}

static bool try_lock(void)
{
	uint32_t there = 0;

	if (__atomic_compare_exchange_n(&holder, &there, dam_gate.pid, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED))
		return true;
	if (there == dam_gate.pid ||
	    !__atomic_compare_exchange_n(&holder, &there, dam_gate.pid, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		return false;
	broken = true;
	return true;
}

static void unlock(void)
{
	__atomic_store_n(&holder, 0, __ATOMIC_RELEASE);
}

/* A stack on its way into the ledger. */
struct stack {
	struct dam_ledger *l;
	uintptr_t pc[DAM_SITE_FRAMES];
	uint64_t frame[DAM_SITE_FRAMES];
	unsigned int nr, left; /* frames; those not yet found in a file */
};

static bool place_frames(const struct dam_mapping *m, void *arg)
{
	struct stack *k = arg;

	for (unsigned int i = 0; i < k->nr; i++) {
		uint64_t module;

		if (k->pc[i] - m->start >= m->end - m->start)
			continue;
		k->left--;
		module = *m->path == '/' ? dam_ledger_module(k->l, m->path, m->inode)
					 : DAM_FRAME_NO_MODULE;
		if (module != DAM_FRAME_NO_MODULE)
			k->frame[i] = module << DAM_FRAME_SHIFT | (k->pc[i] - m->start + m->offset);
	}
	return k->left;
}

static uint64_t key_of(const struct stack *k)
{
	uint64_t h = 0;

	for (unsigned int i = 0; i < k->nr; i++)
		h = (h ^ k->pc[i]) * 0x9e3779b97f4a7c15ull ^ h >> 29;
	return h ? h : 1;
}

/* A stack seen for the first time: in which files does it lie? */
static void describe(struct stack *k, struct dam_site *site, bool may_ask)
{
	k->left = k->nr;
	for (unsigned int i = 0; i < k->nr; i++)
		k->frame[i] = DAM_FRAME_NO_MODULE << DAM_FRAME_SHIFT |
			      (k->pc[i] & ((1ull << DAM_FRAME_SHIFT) - 1));
	if (may_ask)
		dam_maps_each(place_frames, k);
	for (unsigned int i = 0; i < k->nr; i++)
		site->frame[i] = k->frame[i];
	site->nr_frames = k->nr;
	dam_ledger_site_ready(site);
}

static void add(uint64_t *p, uint64_t n)
{
	__atomic_fetch_add(p, n, __ATOMIC_RELAXED);
}

static void add_sample(struct dam_site *site, const struct dam_count *d)
{
	add(&site->samples, 1);
	add(&site->ops, (d->read_ops + d->write_ops) * period);
	add(&site->read_bytes, d->read_bytes * period);
	add(&site->write_bytes, d->write_bytes * period);
}

static void count(struct stack *k, const struct dam_count *d, bool may_ask)
{
	struct dam_sites *sites = &k->l->sites;
	struct dam_site *site;
	bool fresh;

	__atomic_store_n(&sites->period, period, __ATOMIC_RELAXED);
	__atomic_store_n(&sites->stacks, dam_unwind_there() && !broken, __ATOMIC_RELAXED);
	site = k->nr ? dam_ledger_site(k->l, key_of(k), &fresh) : NULL;
	if (!site) {
		add(&sites->lost, 1);
		return;
	}
	if (fresh)
		describe(k, site, may_ask);
	add_sample(site, d);
}

/*
 * The stack that a place was last seen with, by a hash of the place: the key of the stack XOR the place. Of
 * another place with the same hash it yields a key that no stack has.
 */
static uint64_t last_seen[64];

static uint64_t *last_seen_at(uintptr_t place)
{
	return &last_seen[(place * 0x9e3779b97f4a7c15ull) >> 58];
}

static void remember(const struct stack *k)
{
	if (k->nr)
		__atomic_store_n(last_seen_at(k->pc[0]), key_of(k) ^ k->pc[0], __ATOMIC_RELAXED);
}

/* Return: false: the place has not been seen in this ledger. */
static bool count_as_last_seen(struct dam_ledger *l, const struct dam_count *d, const void *caller)
{
	uintptr_t place = (uintptr_t)caller;
	uint64_t key = __atomic_load_n(last_seen_at(place), __ATOMIC_RELAXED) ^ place;

	for (unsigned int i = 0; i < DAM_LEDGER_SITES; i++) {
		struct dam_site *s = &l->sites.site[i];

		if (__atomic_load_n(&s->state, __ATOMIC_ACQUIRE) == DAM_ENTRY_READY && s->key == key) {
			add_sample(s, d);
			return true;
		}
	}
	return false;
}

/* The same frames, with the indices of modules that @to gives them. */
static void copy_frames(const struct dam_site *s, struct dam_ledger *from, struct dam_ledger *to,
			struct dam_site *out)
{
	for (unsigned int f = 0; f < s->nr_frames; f++) {
		uint64_t module = s->frame[f] >> DAM_FRAME_SHIFT;
		const struct dam_module *m = &from->sites.module[module % DAM_LEDGER_MODULES];

		if (module < DAM_LEDGER_MODULES)
			module = dam_ledger_module(to, m->path, m->inode);
		out->frame[f] =
			module << DAM_FRAME_SHIFT | (s->frame[f] & ((1ull << DAM_FRAME_SHIFT) - 1));
	}
	out->nr_frames = s->nr_frames;
}

static uint64_t take(uint64_t *p)
{
	return __atomic_exchange_n(p, 0, __ATOMIC_RELAXED);
}

void dam_site_adopt(struct dam_ledger *from, struct dam_ledger *to)
{
	if (from->sites.period) {
		to->sites.period = from->sites.period;
		to->sites.stacks = from->sites.stacks;
	}
	add(&to->sites.lost, take(&from->sites.lost));
	for (unsigned int i = 0; i < DAM_LEDGER_SITES; i++) {
		struct dam_site *s = &from->sites.site[i], *t;
		bool fresh;

		if (__atomic_load_n(&s->state, __ATOMIC_ACQUIRE) != DAM_ENTRY_READY || !s->samples)
			continue;
		t = dam_ledger_site(to, s->key, &fresh);
		if (!t)
			return;
		if (fresh) {
			copy_frames(s, from, to, t);
			dam_ledger_site_ready(t);
		}
		add(&t->samples, take(&s->samples));
		add(&t->ops, take(&s->ops));
		add(&t->read_bytes, take(&s->read_bytes));
		add(&t->write_bytes, take(&s->write_bytes));
	}
}

static void take_stack(struct stack *k, const void *caller, bool may_unwind)
{
	k->nr = may_unwind && dam_unwind_there() && !broken
			? dam_unwind_stack(k->pc, DAM_SITE_FRAMES)
			: 0;
	if (!k->nr && !dam_object_has(caller)) {
		k->pc[0] = (uintptr_t)caller;
		k->nr = 1;
	}
}

/*
 * One stack is taken at a time. While another thread is at it, the next submission will do as well: @may_wait. Not for
 * ever: a thread that was preempted in the middle may get on only after all others have ended. Then the stack is taken
 * for the one that the place was last seen with; where it was not, the place alone is noted, without who called it.
 *
 * Return: false: not now.
 */
static bool record(const struct dam_count *d, const void *caller, bool may_wait)
{
	struct stack k = {.l = dam_attach_ledger_of(dam_self.epoch)};
	uint64_t mask;
	bool locked;

	if (!dam_slow_enter(&mask)) {
		/* sealed: not one system call */
		take_stack(&k, caller, false);
		count(&k, d, false);
		return true;
	}
	locked = try_lock();
	if (!locked && may_wait) {
		dam_slow_leave(&mask);
		return false;
	}
	/* with a signal blocked, this may be a handler that has interrupted an allocation */
	if (DAM_UNLIKELY(!dam_unwind_tried()) && locked && !mask)
		dam_unwind_load(NULL);
	if (locked || !count_as_last_seen(k.l, d, caller)) {
		take_stack(&k, caller, locked);
		count(&k, d, true);
	}
	if (locked) {
		remember(&k);
		unlock();
	}
	dam_slow_leave(&mask);
	return true;
}

static struct dam_count total(const struct dam_slot *s)
{
	struct dam_count sum = {0};

	for (unsigned int i = 0; i < DAM_LEDGER_TARGETS; i++) {
		sum.read_bytes += s->count[i].read_bytes;
		sum.write_bytes += s->count[i].write_bytes;
		sum.read_ops += s->count[i].read_ops;
		sum.write_ops += s->count[i].write_ops;
	}
	return sum;
}

/* What was counted since the mark; false: nothing, or the kernel took less than was counted then.
 */
static bool grown(const struct dam_slot *s, struct dam_count *out)
{
	const struct dam_count *mark = &dam_self.site_mark;
	struct dam_count now = total(s);

	out->read_bytes = now.read_bytes - mark->read_bytes;
	out->write_bytes = now.write_bytes - mark->write_bytes;
	out->read_ops = now.read_ops - mark->read_ops;
	out->write_ops = now.write_ops - mark->write_ops;
	return out->read_ops + out->write_ops && !((out->read_ops | out->write_ops) >> 32);
}

/* The mean of these is the period; they must not fall in step with what the program does. */
static int64_t interval(uint32_t random)
{
	return period == 1 ? 1 : period / 2 + random % (period + 1);
}

static void mark(struct dam_slot *s)
{
	dam_self.site_slot = s;
	dam_self.site_mark = total(s);
}

uint32_t dam_site_step(struct dam_slot *s, uint32_t passed, const void *caller)
{
	struct dam_self *me = &dam_self;
	struct dam_count d;

	if (!period || !me->epoch)
		return UINT32_MAX;
	/* it may wait until the next one is due */
	if (me->site_slot && me->site_slot == s && grown(s, &d) && !record(&d, caller, me->site_left > passed)) {
		mark(s);
		me->site_left -= passed;
		return 0;
	}
	me->site_slot = NULL;
	if (!me->site_left)
		me->site_left = 1 + me->random % period; /* the thread's first */
	me->site_left -= passed;
	if (me->site_left > 0)
		return me->site_left > UINT32_MAX ? UINT32_MAX : (uint32_t)me->site_left - 1;
	/* the next submission is the one: mark where the counts stand before it. What is missed is
	 * made up for */
	me->site_left += interval(me->random);
	mark(s);
	return 0;
}
