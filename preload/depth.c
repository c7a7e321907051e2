/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Samples of work in flight over time. */
#include "config.h"
#include "preload/depth.h"

bool dam_depth_blind;

/* Of any unit: only shares of the whole are made of it. */
static uint64_t ticks(void)
{
#if defined(__x86_64__)
	return __builtin_ia32_rdtsc();
#else
	uint64_t t;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(t));
	return t;
#endif
}

static void close_sample(struct dam_slot *s, const struct dam_depth *now, uint64_t end)
{
	const unsigned int shift = 6; /* sums of squares of it last for weeks */
	struct dam_self *me = &dam_self;
	uint64_t span = (end - me->depth_begin) >> shift, depth = me->depth_inflight;
	uint64_t outside = (end - me->depth_made) >> shift;
	uint64_t reaped = depth > now->inflight ? depth - now->inflight : 0, call, old;

	/* the clocks of two processors may differ */
	if (end < me->depth_made || me->depth_made < me->depth_begin)
		return;
	dam_count_add(&s->depth_span, span);
	if (!me->depth_good || !now->good || now->ring != me->depth_ring) {
		dam_count_add(&s->depth_blind, span);
		return;
	}
	call = span - outside;
	old = depth - me->depth_fresh;
	dam_count_add(&s->depth_sum, outside * depth + call * old);
	dam_count_add(&s->depth_square, outside * depth * depth + call * old * old);
	dam_count_add(&s->depth_fall, span * reaped);
	/* where nothing is left, nothing can complete that would tell for how long */
	dam_count_add(&s->depth_ready, span * (now->inflight ? now->ready : reaped));
	dam_count_add(&s->depth_outside, outside);
	dam_count_add(&s->depth_samples, 1);
	if (!me->depth_ready)
		return;
	dam_count_add(&s->depth_offers, 1);
	dam_count_add(&s->depth_left, reaped < me->depth_ready);
	dam_count_add(&s->depth_busy, outside);
}

void dam_depth_before(struct dam_slot *s, const struct dam_depth *now)
{
	struct dam_self *me = &dam_self;
	uint64_t t;

	if (dam_depth_blind) {
		/* what has begun and was jumped out of, before the program forbade it, ends nowhere */
		me->depth_begun = me->depth_open = false;
		return;
	}
	t = ticks();
	if (me->depth_open)
		close_sample(s, now, t);
	me->depth_begun = !me->depth_open;
	me->depth_begin = t;
	me->depth_open = false;
}

void dam_depth_after(const struct dam_depth *now)
{
	struct dam_self *me = &dam_self;

	me->depth_made = ticks();
	me->depth_ring = now->ring;
	me->depth_inflight = now->inflight;
	me->depth_ready = now->ready;
	me->depth_good = now->good;
	me->depth_fresh = now->fresh;
	me->drawn = me->countdown = 0;
	me->depth_due = me->depth_open = true;
}
