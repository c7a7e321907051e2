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

/* What a thread may have counted before the process attached, and not brought yet: it goes no further before it does. */
static double one_submission(const struct coord_ring *r)
{
	return fmax(ENOUGH_OPS, r->shape.entries);
}

/*
 * What the hooks have not counted of a new ring may still be on the way: a thread brings what it counted before the
 * process attached with its next submission, and that may take a while on a processor that is rationed.
 */
static bool may_come(const struct coord_watch *w, const struct coord_ring *r, uint64_t now_ns)
{
	const struct coord_process *p = w->proc;
	uint64_t since_ns = r->found_ns > p->attached_ns ? r->found_ns : p->attached_ns;
	bool few = r->head - r->judged <= one_submission(r);

	if (r->state != COORD_RING_NEW)
		return false;
	if (!p->ledger) /* its first submission may be what makes it ask for one */
		return few && coord_since(now_ns, since_ns) < UNSURE_NS;
	return (few || p->ring_ops) && coord_since(now_ns, since_ns) < JUDGE_NS;
}

/* No hook has counted what @r did since the last time: it is observed once that is more than counts can be late by. */
static void leave_unclaimed(const struct coord_watch *w, struct coord_ring *r, bool last)
{
	r->unclaimed += r->head - r->judged;
	if (last || !w->proc->ledger || r->unclaimed > one_submission(r))
		r->state = COORD_RING_OBSERVED;
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
			r->unclaimed = 0;
		} else if (r->head != r->judged) {
			if (!last && may_come(w, r, now_ns)) {
				room = INFINITY;
				continue;
			}
			leave_unclaimed(w, r, last);
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

/* The hooks have begun to count, and may count rings that were nobody's until now. */
static void ask_anew(struct coord_watch *w)
{
	if (w->proc->attached_ns < w->judged_ns)
		return;
	for (unsigned int i = 0; i < w->nr_rings; i++) {
		struct coord_ring *r = w->ring[i];

		if (r->state != COORD_RING_OBSERVED)
			continue;
		r->state = COORD_RING_NEW;
		r->judged = r->settled;
		r->unclaimed = 0;
	}
}

void coord_judge(struct coord *c, struct coord_watch *w, uint64_t now_ns, bool last)
{
	bool new = false, enough = false;
	uint64_t wait_ns;

	ask_anew(w);
	for (unsigned int i = 0; i < w->nr_rings; i++) {
		struct coord_ring *r = w->ring[i];

		new |= r->state == COORD_RING_NEW;
		enough |= r->state == COORD_RING_NEW && r->head - r->judged >= ENOUGH_OPS;
	}
	if (!new && !w->proc->ledger)
		return;
	wait_ns = !new ? JUDGE_NS : w->proc->ledger ? (enough ? UNSURE_NS : JUDGE_NEW_NS) : enough ? 0 : UNSURE_NS;
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
