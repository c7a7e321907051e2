/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Who uses a ring: its poller's owner, threads seen waiting in it, or whoever moves bytes. */
#include "config.h"
#include "tools/coord/observe.h"

#include <math.h>

#include "base/clock.h"

#define LINK_NS (3 * DAM_NS_PER_S) /* a thread not seen in a ring for as long may use another */

static double moved(const struct coord_task *t)
{
	return fmax(t->window[0], 0) + fmax(t->window[1], 0);
}

uint64_t coord_ring_last_link(const struct coord_ring *r)
{
	uint64_t seen = 0;

	for (unsigned int i = 0; i < COORD_LINKS; i++)
		if (r->link[i].seen_ns > seen)
			seen = r->link[i].seen_ns;
	return seen;
}

/* The threads seen in it; where nobody was lately, those that were last. */
static unsigned int linked_users(struct coord_watch *w, const struct coord_ring *r, uint64_t now_ns,
				 struct coord_user *u)
{
	uint64_t last = coord_ring_last_link(r),
		 from = coord_since(now_ns, last) < LINK_NS ? now_ns : last;
	unsigned int nr = 0;

	if (r->owner) {
		u[0].task = coord_task_find(w, r->owner);
		return u[0].task != NULL;
	}
	for (unsigned int i = 0; i < COORD_LINKS; i++) {
		if (!r->link[i].tid || coord_since(from, r->link[i].seen_ns) >= LINK_NS)
			continue;
		u[nr].task = coord_task_find(w, r->link[i].tid);
		nr += u[nr].task != NULL;
	}
	return nr;
}

static bool moves_and_is_free(const struct coord_watch *w, const struct coord_task *t)
{
	(void)w;
	return moved(t) > 0 && !t->linked;
}

static bool moves(const struct coord_watch *w, const struct coord_task *t)
{
	(void)w;
	return moved(t) > 0;
}

/* Bytes may have been seen one settlement earlier than the operations that they belong to. */
static bool moved_last(const struct coord_watch *w, const struct coord_task *t)
{
	return w->moved_pass && t->moved_pass == w->moved_pass;
}

static bool is_first(const struct coord_watch *w, const struct coord_task *t)
{
	return t->tid == w->pid;
}

/* Where nobody was seen: the first of these that holds for any thread. */
static bool (*const likely[])(const struct coord_watch *w, const struct coord_task *t) = {
	moves_and_is_free, moves, moved_last, is_first};

static unsigned int likely_users(struct coord_watch *w, struct coord_user *u)
{
	unsigned int nr = 0;

	for (size_t how = 0; !nr && how < sizeof(likely) / sizeof(likely[0]); how++)
		for (unsigned int i = 0; i < w->nr_tasks && nr < COORD_USERS; i++)
			if (w->task[i].owner == w->task[i].tid && likely[how](w, &w->task[i]))
				u[nr++].task = &w->task[i];
	return nr;
}

unsigned int coord_users(struct coord_watch *w, const struct coord_ring *r, uint64_t now_ns,
			 struct coord_user u[COORD_USERS])
{
	unsigned int nr = linked_users(w, r, now_ns, u);
	double sum = 0;

	if (!nr)
		nr = likely_users(w, u);
	for (unsigned int i = 0; i < nr; i++)
		sum += u[i].weight = moved(u[i].task) + 1;
	for (unsigned int i = 0; i < nr; i++)
		u[i].weight /= sum;
	return nr;
}

void coord_users_note(struct coord_watch *w, uint64_t now_ns)
{
	struct coord_user u[COORD_USERS];

	for (unsigned int i = 0; i < w->nr_tasks; i++)
		w->task[i].linked = false;
	for (unsigned int i = 0; i < w->nr_rings; i++) {
		unsigned int nr = linked_users(w, w->ring[i], now_ns, u);

		while (nr)
			u[--nr].task->linked = true;
	}
}
