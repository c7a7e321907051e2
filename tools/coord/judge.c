/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Which rings do the library's hooks count? The hooks' count of what was submitted to rings is
 * compared with how far their heads have moved; what the hooks have not counted is observed.
 */
#include "config.h"
#include "tools/coord/observe.h"

#include <math.h>

#include "base/clock.h"

#define UNSURE_NS    (200 * DAM_NS_PER_MS) /* a process may be about to attach, or its counts about to come */
#define JUDGE_NEW_NS (500 * DAM_NS_PER_MS)
#define JUDGE_NS     (2 * DAM_NS_PER_S)
#define ENOUGH_OPS   64	 /* to tell whose they are */
#define MOSTLY	     0.9 /* of a ring's operations counted by hooks: it is theirs */

/* The ring whose operations are most nearly those @left of the hooks' count; those known to be theirs come first. */
static struct coord_ring *best_match(struct coord_watch *w, double left)
{
	struct coord_ring *best = NULL;
	bool theirs = false;
	double off = INFINITY;

	for (unsigned int i = 0; i < w->nr_rings; i++) {
		struct coord_ring *r = w->ring[i];
		double ops = r->head - r->judged;
		bool hooked = r->state == COORD_RING_HOOKED;

		if (r->state == COORD_RING_BLIND || ops <= 0 || r->taken || left < MOSTLY * ops || hooked < theirs)
			continue;
		if (hooked > theirs || fabs(left - ops) < off) {
			off = fabs(left - ops);
			theirs = hooked;
			best = r;
		}
	}
	return best;
}

/*
 * Where hooks count, what they have not counted of a new ring may still be on the way: a thread brings what it counted
 * before the process attached with its next submission, and that may take a while on a processor that is rationed.
 */
static bool may_come(const struct coord_watch *w, const struct coord_ring *r, uint64_t now_ns)
{
	return w->proc->ring_ops && r->state == COORD_RING_NEW && coord_since(now_ns, r->found_ns) < JUDGE_NS;
}

/*
 * What the hooks counted since the last time is dealt out to rings; those that get none are observed. What is left goes
 * over to the next time: the hooks count an entry before the kernel takes it, and a thread may stop in between.
 */
static void deal_out(struct coord_watch *w, uint64_t now_ns, bool last)
{
	double left = w->ahead + (double)dam_count_delta(w->proc->ring_ops, w->ring_ops), room = 0;
	struct coord_ring *r;

	while ((r = best_match(w, left))) {
		left -= r->head - r->judged;
		r->taken = true;
	}
	for (unsigned int i = 0; i < w->nr_rings; i++) {
		r = w->ring[i];
		if (r->state == COORD_RING_BLIND)
			continue;
		if (r->taken) {
			r->state = COORD_RING_HOOKED;
			r->settled = r->head;
		} else if (r->head != r->judged) {
			if (!last && may_come(w, r, now_ns)) {
				room = INFINITY;
				continue;
			}
			r->state = COORD_RING_OBSERVED;
		}
		if (r->state == COORD_RING_HOOKED)
			room += r->shape.entries;
		r->taken = false;
		r->judged = r->head;
	}
	w->ring_ops = w->proc->ring_ops;
	/* more than fits in the queues was for rings that are not here */
	w->ahead = fmin(fmax(left, 0), room);
}

void coord_judge(struct coord *c, struct coord_watch *w, uint64_t now_ns, bool last)
{
	bool new = false, enough = false;
	uint64_t wait_ns;

	for (unsigned int i = 0; i < w->nr_rings; i++) {
		struct coord_ring *r = w->ring[i];

		new |= r->state == COORD_RING_NEW;
		enough |= r->state == COORD_RING_NEW && r->head - r->judged >= ENOUGH_OPS;
	}
	if (!new && !w->proc->ledger)
		return;
	wait_ns = !new ? JUDGE_NS : !w->proc->ledger ? 0 : enough ? UNSURE_NS : JUDGE_NEW_NS;
	if (!last && (coord_since(now_ns, w->judged_ns) < wait_ns ||
		      coord_since(now_ns, w->born_ns) < UNSURE_NS ||
		      coord_since(now_ns, w->proc->attached_ns) < UNSURE_NS))
		return;
	for (unsigned int i = 0; i < w->nr_rings; i++)
		if (w->ring[i]->state == COORD_RING_HOOKED && !last)
			coord_ring_look(c, w, w->ring[i], now_ns);
	/* not those of the last sample: by then the rings had not come as far, and one of many would seem to be nobody's */
	coord_sample_ring_ops(w->proc);
	w->judged_ns = now_ns;
	deal_out(w, now_ns, last);
}
