/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The slots of ledgers: who owns each by now, which is another process's word; all are looked at in every tick. */
#include "config.h"
#include "tools/coord/coord.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RATE_TAU_S   1.0 /* of the rates that people see */
#define RECENT_TAU_S 2.0 /* of what decides the target that a thread uses most */
#define RECHECKS_S   0.5 /* in which all masks are read at most once: not those of a thousand threads in one tick */
#define MAX_STARTS   256 /* owners that one process may change in a tick: each is looked up in /proc, and among all others */
#define MAX_REST     64 /* ticks between looks for room in the table of threads, while there is none */
#define AHEAD	     4	 /* slots: what other processors have written takes long to come */

void coord_sample_ring_ops(struct coord_process *p)
{
	for (unsigned int i = 0; p->ledger && i < p->nr_thread; i++)
		if (p->thread[i])
			coord_thread_ring_ops(p->thread[i]);
}

/* Its owner has ended. What it did last is taken before the slot is anybody's again. */
static void end_slot(struct coord *c, struct coord_process *p, unsigned int i, const struct coord_lapse *lapse)
{
	struct coord_thread *t = p->thread[i];

	if (t)
		coord_thread_sample(c, t, lapse);
	p->thread[i] = NULL;
	if (t)
		coord_thread_end(c, t);
	dam_slot_free(&p->ledger->slot[i]);
}

/* Ids of threads are used again: the former owner of this one's has ended, even if its slot does not say so. */
static void end_namesakes(struct coord *c, struct coord_process *p, const struct dam_slot *s,
			  const struct coord_lapse *lapse)
{
	pid_t tid = (pid_t)__atomic_load_n(&s->tid, __ATOMIC_RELAXED);
	uint64_t seq = __atomic_load_n(&s->seq, __ATOMIC_RELAXED);

	for (unsigned int i = 0; i < p->nr_thread; i++)
		if (p->thread[i] && p->thread[i]->tid_inside == tid && p->thread[i]->seq < seq)
			end_slot(c, p, i, lapse);
}

/* Nobody has room for more threads, and threads that end are few: it is asked for less and less often. */
static void rest(struct coord_process *p)
{
	p->starts_left = 0;
	p->patience = 2 * p->patience + 1 < MAX_REST ? 2 * p->patience + 1 : MAX_REST;
	p->rest = p->patience;
}

/* Slot @i has a new owner, if there is room for it. Return: NULL: not yet, or none that we may look at. */
static struct coord_thread *start(struct coord *c, struct coord_process *p, unsigned int i,
				  const struct coord_lapse *lapse)
{
	p->starts_left--;
	end_namesakes(c, p, &p->ledger->slot[i], lapse);
	if (c->nr_live >= COORD_MAX_THREADS) {
		c->threads_dropped++;
		rest(p);
		return NULL;
	}
	p->patience = 0;
	return coord_thread_start(c, p, i);
}

/* One slot: who owns it now? Takes what a former owner left. */
static void sample_slot(struct coord *c, struct coord_process *p, unsigned int i,
			const struct coord_lapse *lapse)
{
	struct dam_slot *s = &p->ledger->slot[i];
	uint32_t state = __atomic_load_n(&s->state, __ATOMIC_ACQUIRE);
	struct coord_thread *t = p->thread[i];

	if (state == DAM_SLOT_CLAIMED || (state == DAM_SLOT_FREE && !t))
		return;
	if (t && (t->seq != __atomic_load_n(&s->seq, __ATOMIC_RELAXED) || state == DAM_SLOT_FREE)) {
		/* only we free slots: the process has overwritten its own ledger */
		p->thread[i] = NULL;
		coord_thread_end(c, t);
		t = NULL;
	}
	if (!t && state != DAM_SLOT_FREE) {
		if (!p->starts_left)
			return; /* what it counts stays there */
		t = p->thread[i] = start(c, p, i, lapse);
	}
	if (t)
		coord_thread_sample(c, t, lapse);
	/* a thread that died without a word is found when its mask is read again */
	if (state == DAM_SLOT_ENDED || (t && t->gone))
		end_slot(c, p, i, lapse);
}

static bool grow(struct coord_process *p, unsigned int nr)
{
	struct coord_thread **v;

	if (nr <= p->nr_thread)
		return true;
	v = realloc(p->thread, nr * sizeof(struct coord_thread *));
	if (!v)
		return false;
	memset(v + p->nr_thread, 0, (nr - p->nr_thread) * sizeof(struct coord_thread *));
	p->thread = v;
	p->nr_thread = nr;
	return true;
}

static void sample_ledger(struct coord *c, struct coord_process *p, const struct coord_lapse *lapse)
{
	if (!grow(p, dam_ledger_nr_slots(p->ledger)))
		return;
	p->nr_local = DAM_LOCAL_FIRST; /* places in the target table are given out in order */
	while (p->nr_local < DAM_LEDGER_TARGETS &&
	       __atomic_load_n(&p->ledger->target_id[p->nr_local], __ATOMIC_ACQUIRE))
		p->nr_local++;
	for (unsigned int i = 0; i < p->nr_thread; i++) {
		const struct dam_slot *ahead = &p->ledger->slot[i + AHEAD < p->nr_thread ? i + AHEAD : i];

		__builtin_prefetch(ahead);
		__builtin_prefetch(ahead->count);
		sample_slot(c, p, i, lapse);
	}
}

static void sample(struct coord *c, struct coord_process *p, double dt_s, unsigned int starts)
{
	const struct coord_lapse lapse = {dt_s, exp(-dt_s / RATE_TAU_S), exp(-dt_s / RECENT_TAU_S)};

	p->starts_left = starts;
	if (p->ledger)
		sample_ledger(c, p, &lapse);
	/* coord_tasks_drop() ends these, once their rings have told all */
	for (unsigned int i = 0; i < p->nr_extra; i++)
		coord_thread_sample(c, p->extra[i], &lapse);
}

void coord_sample_processes(struct coord *c, double dt_s)
{
	struct coord_process *next;

	c->rechecks = 1 + (unsigned int)(c->nr_live * dt_s / RECHECKS_S);
	for (struct coord_process *p = c->processes; p; p = next) {
		next = p->next;
		sample(c, p, dt_s, p->rest ? 0 : MAX_STARTS);
		p->rest -= p->rest > 0;
		if (p->ledger && __atomic_load_n(&p->ledger->detached, __ATOMIC_ACQUIRE))
			coord_drop(c, p);
	}
}

void coord_sample_process(struct coord *c, struct coord_process *p, double dt_s)
{
	sample(c, p, dt_s, UINT_MAX);
}
