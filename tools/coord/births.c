/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Advice for threads to be born. */
#include "config.h"
#include "tools/coord/births.h"

#include <stdlib.h>

#include "base/clock.h"
#include "tools/common/proc.h"
#include "tools/coord/coord.h"

#define ADVISE_NS  (100 * DAM_NS_PER_MS)
#define RELEASE_NS DAM_NS_PER_S
#define IDLE_TICKS 300 /* of the clock of start times: 3 s without DMA, and it was placed for nothing */
#define NEWBORNS   16  /* that each advice provides for */

struct coord_births {
	struct dam_advice advice; /* what the process was told */
	unsigned int domain[DAM_ADVICE_PLACES];
	int entry[DAM_ADVICE_PLACES]; /* in the record */
	uint64_t placed; /* of the ledger's nr_placed, when its threads were last looked at */
	bool unsettled;	 /* some of them were too young to be judged */
};

/* What the threads of a process do, as far as it tells what the next one will. */
struct habits {
	const struct coord_thread *like; /* one of those that do DMA */
	struct dam_policy_birth birth;
	unsigned int nr;
	bool mixed; /* their masks differ: the program has plans of its own */
};

static void add_habits(struct coord *c, const struct coord_thread *t, struct habits *h)
{
	struct dam_policy_thread_view v;
	const struct dam_hal_engine *e;

	dam_policy_view_thread(dam_decision_policy(c->decision), t->index, &v);
	if (v.engine < 0 || !(v.demand > 0))
		return;
	if (t->why || t->excluded || (h->like && !dam_cpuset_equal(&t->orig, &h->like->orig))) {
		h->mixed = true;
		return;
	}
	e = &dam_hal_target(c->hal, (unsigned int)v.engine)->engine;
	if (!h->like)
		h->birth = (struct dam_policy_birth){.engine = v.engine, .pool = e->pool, .allowed = t->allowed,
						     .class = t->class};
	h->like = t;
	h->birth.demand += v.demand;
	h->nr++;
}

/* Return: something is known, and nothing speaks against it. */
static bool learn_habits(struct coord *c, const struct coord_process *p, struct habits *h)
{
	if (c->opt.dry_run || c->paused || p->excluded)
		return false;
	for (unsigned int i = 0; i < p->nr_thread; i++)
		if (p->thread[i])
			add_habits(c, p->thread[i], h);
	if (!h->nr || h->mixed)
		return false;
	h->birth.demand /= h->nr;
	return true;
}

static struct coord_births *get_births(struct coord_process *p, const struct dam_cpuset *orig)
{
	if (!p->births && (p->births = calloc(1, sizeof(*p->births))))
		p->births->advice.orig = *orig;
	/* those born by older advice are known by its original: there is only one */
	return p->births && dam_cpuset_equal(&p->births->advice.orig, orig) ? p->births : NULL;
}

/* The place of @domain, put on record when it is a new one. Return: -1: it cannot be. */
static int place_of(struct coord *c, struct coord_process *p, unsigned int domain)
{
	struct coord_births *b = p->births;
	unsigned int i = b->advice.nr_places;
	uint64_t start;

	for (unsigned int k = 0; k < i; k++)
		if (b->domain[k] == domain)
			return (int)k;
	if (i == DAM_ADVICE_PLACES || dam_thread_start_time(p->pid, p->pid, &start))
		return -1;
	dam_cpuset_and(&dam_hal_topology(c->hal)->domain[domain].cpus, &b->advice.orig, &b->advice.place[i]);
	b->domain[i] = domain;
	b->entry[i] = dam_masks_put(c->masks, p->pid, 0, start, &b->advice.orig, &b->advice.place[i]);
	if (b->entry[i] < 0)
		return -1;
	b->advice.nr_places++;
	return (int)i;
}

static void withdraw(struct coord_process *p)
{
	if (!p->births || !p->births->advice.nr)
		return;
	p->births->advice.nr = 0;
	dam_advice_set(&p->ledger->advice, &p->births->advice);
}

static void advise(struct coord *c, struct coord_process *p)
{
	unsigned int domains[NEWBORNS], nr;
	struct habits h = {0};
	struct dam_advice *a;

	/* where they would do best is read off what all processes say */
	if (c->trust.nr_users > 1 || !learn_habits(c, p, &h) || !get_births(p, &h.like->orig)) {
		withdraw(p);
		return;
	}
	nr = dam_policy_place(dam_decision_policy(c->decision), &h.birth, NEWBORNS, domains);
	a = &p->births->advice;
	for (unsigned int i = 0; i < nr; i++) {
		int place = place_of(c, p, domains[i]);

		if (place < 0)
			nr = 0;
		else
			a->birth[i] = (uint8_t)place;
	}
	if (!nr) {
		withdraw(p);
		return;
	}
	a->nr = nr;
	/* the first of the new list is the next one's */
	__atomic_store_n(&p->ledger->advice.next, 0, __ATOMIC_RELAXED);
	dam_advice_set(&p->ledger->advice, a);
}

const struct dam_cpuset *coord_births_orig(const struct coord_process *p, const struct dam_cpuset *mask)
{
	const struct coord_births *b = p->births;

	for (unsigned int i = 0; b && i < b->advice.nr_places; i++)
		if (dam_cpuset_equal(&b->advice.place[i], mask))
			return &b->advice.orig;
	return NULL;
}

const struct dam_cpuset *coord_births_adopt(struct coord *c, struct coord_thread *t, uint32_t placed,
					    const struct dam_cpuset *mask)
{
	const struct coord_births *b = t->proc->births;
	int entry;

	if (!b || !placed || placed > b->advice.nr_places || !dam_cpuset_equal(&b->advice.place[placed - 1], mask) ||
	    dam_thread_start_time(t->pid, t->tid, &t->start))
		return NULL;
	entry = dam_masks_put(c->masks, t->pid, t->tid, t->start, &b->advice.orig, mask);
	if (entry < 0)
		return NULL;
	t->mask_entry = entry;
	t->dam = *mask;
	t->moved = true;
	t->domain = b->domain[placed - 1];
	return &b->advice.orig;
}

/* A thread that was placed and is not managed has its own mask back after @min_age ticks. Return: it is too young. */
static bool release_thread(const struct coord_process *p, pid_t tid, uint64_t min_age)
{
	const struct dam_cpuset *orig;
	struct dam_cpuset mask;
	uint64_t start;

	if (coord_thread_find((struct coord_process *)p, tid) || dam_cpuset_get_thread(tid, &mask) ||
	    !(orig = coord_births_orig(p, &mask)) || dam_thread_start_time(p->pid, tid, &start))
		return false;
	if (start + min_age > dam_ticks_now())
		return true;
	dam_cpuset_set_thread(tid, orig);
	return false;
}

static void release(struct coord *c, struct coord_process *p, uint64_t min_age)
{
	p->births->unsettled = false;
	for (unsigned int i = 0; i < DAM_ADVICE_PLACED; i++) {
		pid_t inside = (pid_t)__atomic_load_n(&p->ledger->advice.placed[i], __ATOMIC_ACQUIRE);
		pid_t tid = inside > 0 ? coord_names_tid(c, p, inside) : -1;

		if (tid > 0)
			p->births->unsettled |= release_thread(p, tid, min_age);
	}
}

static void look_after(struct coord *c, struct coord_process *p)
{
	uint64_t placed = __atomic_load_n(&p->ledger->advice.nr_placed, __ATOMIC_RELAXED);

	if (placed == p->births->placed && !p->births->unsettled)
		return;
	p->births->placed = placed;
	release(c, p, IDLE_TICKS);
}

void coord_births_end(struct coord *c, struct coord_process *p)
{
	if (!p->births)
		return;
	withdraw(p);
	release(c, p, 0);
	for (unsigned int i = 0; i < p->births->advice.nr_places; i++)
		dam_masks_clear(c->masks, p->births->entry[i]);
	free(p->births);
	p->births = NULL;
}

void coord_births_tick(struct coord *c, uint64_t now_ns)
{
	bool look = now_ns - c->births_released_ns >= RELEASE_NS;

	if (now_ns - c->births_advised_ns < ADVISE_NS)
		return;
	c->births_advised_ns = now_ns;
	if (look)
		c->births_released_ns = now_ns;
	for (struct coord_process *p = c->processes; p; p = p->next) {
		if (!p->ledger || !c->masks)
			continue;
		advise(c, p);
		if (look && p->births)
			look_after(c, p);
	}
}
