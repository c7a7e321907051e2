/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Pollers and workers of rings: they submit in place of the thread that owns them, so they have to
 * go where it goes. */
#include "config.h"
#include "tools/coord/observe.h"

#include "tools/common/proc.h"

static bool works_for(const struct coord_task *t, const struct coord_thread *owner)
{
	return t->owner == owner->tid && t->tid != t->owner && !t->ended_ns;
}

static void forget(struct coord *c, struct coord_task *t)
{
	if (t->follows)
		dam_masks_clear(c->masks, t->mask_entry);
	t->follows = false;
}

/* A narrower mask than its owner's was asked for by the program (IORING_SETUP_SQ_AFF): it stays. */
static bool may_follow(struct coord_task *t, const struct coord_thread *owner)
{
	struct dam_cpuset now, both;

	if (dam_cpuset_get_thread(t->tid, &now))
		return false;
	if (t->follows)
		return dam_cpuset_equal(&now, &t->dam);
	dam_cpuset_and(&now, &owner->orig, &both);
	t->orig = now;
	return dam_cpuset_equal(&both, &owner->orig);
}

/* As for every thread: the record comes first. */
static void pin(struct coord *c, struct coord_task *t, pid_t pid, const struct dam_cpuset *mask)
{
	uint64_t start;

	if (t->follows) {
		dam_masks_update(c->masks, t->mask_entry, mask);
	} else {
		if (dam_thread_start_time(pid, t->tid, &start))
			return;
		t->mask_entry = dam_masks_put(c->masks, pid, t->tid, start, &t->orig, mask);
		t->follows = t->mask_entry >= 0;
	}
	t->dam = *mask;
	if (!t->follows)
		return;
	if (dam_cpuset_set_thread(t->tid, mask)) /* before Linux 6.3 they cannot be pinned */
		forget(c, t);
	else
		dam_cpuset_get_thread(t->tid, &t->dam);
}

void coord_followers_pin(struct coord *c, struct coord_thread *t, const struct dam_cpuset *mask)
{
	struct coord_watch *w = t->proc->watch;

	for (unsigned int i = 0; w && i < w->nr_tasks; i++) {
		if (!works_for(&w->task[i], t))
			continue;
		if (may_follow(&w->task[i], t))
			pin(c, &w->task[i], w->pid, mask);
		else
			forget(c, &w->task[i]);
	}
}

void coord_followers_restore(struct coord *c, struct coord_thread *t)
{
	struct coord_watch *w = t->proc->watch;

	for (unsigned int i = 0; w && i < w->nr_tasks; i++)
		if (works_for(&w->task[i], t) && w->task[i].follows) {
			if (may_follow(&w->task[i], t))
				dam_cpuset_set_thread(w->task[i].tid, &w->task[i].orig);
			forget(c, &w->task[i]);
		}
}

void coord_followers_drop(struct coord *c, struct coord_task *t)
{
	if (t->follows && may_follow(t, NULL))
		dam_cpuset_set_thread(t->tid, &t->orig);
	forget(c, t);
}
