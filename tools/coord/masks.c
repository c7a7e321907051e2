/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Masks: what a thread may run on, who wrote it, how DAM's pin comes and goes.
 *
 * Before every change the mask is read: if it is not the one that DAM wrote last (or saw first), it is somebody
 * else's pin, and the thread is left alone. The original goes into the mask file before the kernel is asked.
 */
#include "config.h"
#include "tools/coord/coord.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "tools/common/proc.h"
#include "tools/coord/births.h"

#define HOLD_NS	      (10 * DAM_NS_PER_S) /* until recording is tried again */
#define FORMER_NS     (2 * DAM_NS_PER_S)
#define MAX_ANCESTORS 16 /* a mask is handed down from shell to shell */

/* The kernel takes it as "whatever the control group allows", also when that changes. */
static const struct dam_cpuset everything = {{[0 ... DAM_CPUSET_WORDS - 1] = UINT64_MAX}};

/* Tell the thread's hooks, if it has any; @dam is NULL when DAM does nothing to its mask. */
static void tell_hooks(const struct coord_thread *t, const struct dam_cpuset *dam)
{
	if (t->slot != COORD_NO_SLOT)
		dam_slot_set_masks(&t->proc->ledger->slot[t->slot], dam ? &t->own : NULL, dam);
}

/* The domains that a thread with this mask of its own may be pinned to, as bits. */
static uint64_t allowed_domains(const struct coord *c, const struct dam_cpuset *orig)
{
	const struct dam_topology *topo = dam_hal_topology(c->hal);
	unsigned int min = (unsigned int)dam_knob_num(&c->knobs, DAM_KNOB_MIN_CPUS);
	uint64_t allowed = 0;

	for (unsigned int d = 0; d < topo->nr_domains && d < 64; d++) {
		struct dam_cpuset both;
		unsigned int has = dam_cpuset_count(&topo->domain[d].cpus);
		unsigned int gets = dam_cpuset_and(&topo->domain[d].cpus, orig, &both);

		if (gets && gets >= (min < has ? min : has))
			allowed |= 1ull << d;
	}
	return allowed;
}

static void set_orig(const struct coord *c, struct coord_thread *t, const struct dam_cpuset *mask)
{
	t->orig = t->own = *mask;
	t->allowed = allowed_domains(c, mask);
}

/* The processors that its control group leaves to the thread are @group now. */
static void set_group(const struct coord *c, struct coord_thread *t, const struct dam_cpuset *group)
{
	if (!dam_cpuset_and(&t->orig, group, &t->own))
		t->own = *group;
	t->allowed = allowed_domains(c, &t->own);
}

/* Numbers are used again: has the thread ended that we know by this one? */
static bool is_another(struct coord_thread *t)
{
	uint64_t start;
	int err = dam_thread_start_time(t->pid, t->tid, &start);

	if (!err && !t->start)
		t->start = start;
	t->gone |= err == -ESRCH || (!err && start != t->start);
	return t->gone;
}

/* What to write to a thread that is to have back what it would have without DAM. */
static const struct dam_cpuset *without_dam(const struct coord_thread *t)
{
	return t->free ? &everything : &t->orig;
}

/* Is @mask what DAM gave the thread, now or until a moment ago? Its children are seen a little after they were made. */
static bool is_ours(const struct coord_thread *t, const struct dam_cpuset *mask)
{
	if (t->moved && dam_cpuset_equal(&t->dam, mask))
		return true;
	return t->former_ns && dam_now_ns() - t->former_ns < FORMER_NS && dam_cpuset_equal(&t->former, mask);
}

/* A thread of @pid that DAM has moved and whose mask is, or was, @mask. */
static struct coord_thread *moved_with(struct coord *c, pid_t pid, const struct dam_cpuset *mask)
{
	for (unsigned int i = 0; i < c->nr_thread; i++)
		if (c->thread[i] && c->thread[i]->pid == pid && is_ours(c->thread[i], mask))
			return c->thread[i];
	return NULL;
}

/* DAM's mask is about to be another one, or none. */
static void keep_former(struct coord_thread *t)
{
	if (!t->moved)
		return;
	t->former = t->dam;
	t->former_ns = dam_now_ns();
}

/* Is the mask of @s's owner the program's, even if DAM has given the same to others? */
static bool is_own(const struct dam_slot *s, uint32_t placed)
{
	return __atomic_load_n(&s->pin_calls, __ATOMIC_RELAXED) ||
	       (!placed && __atomic_load_n(&s->heir, __ATOMIC_RELAXED));
}

void coord_mask_first(struct coord *c, struct coord_thread *t, const struct dam_slot *s)
{
	uint32_t placed = s ? __atomic_load_n(&s->placed, __ATOMIC_RELAXED) : 0;
	const struct coord_thread *creator;
	const struct dam_cpuset *orig;
	struct dam_cpuset mask;

	if (dam_cpuset_get_thread(t->tid, &mask)) {
		t->why = "ended";
		return;
	}
	set_orig(c, t, &mask);
	if (s && is_own(s, placed))
		return;
	orig = coord_births_adopt(c, t, placed, &mask);
	if (orig) {
		set_orig(c, t, orig);
		t->asked = mask;
		return;
	}
	creator = moved_with(c, t->pid, &mask);
	if (!creator)
		return;
	set_orig(c, t, &creator->orig);
	/* It inherited DAM's pin from the thread that created it: undo that, it never asked for it. */
	if (!c->opt.dry_run)
		dam_cpuset_set_thread(t->tid, without_dam(creator));
}

/* Does @mask leave out no CPU of the machine? Then whoever wrote it let the thread go rather than pin it. */
static bool is_everywhere(struct coord *c, const struct dam_cpuset *mask)
{
	const struct dam_topology *topo = dam_hal_topology(c->hal);

	for (unsigned int d = 0; d < topo->nr_domains; d++)
		if (!dam_cpuset_subset(&topo->domain[d].cpus, mask))
			return false;
	return true;
}

/* What DAM did to the thread's mask is no longer so. */
static void forget_pin(struct coord *c, struct coord_thread *t)
{
	t->moved = false;
	tell_hooks(t, NULL);
	dam_masks_clear(c->masks, t->mask_entry);
	t->mask_entry = -1;
}

/* The mask is as wanted, as far as @group, what the thread is allowed now, goes. */
static void accept_cut(struct coord *c, struct coord_thread *t, const struct dam_cpuset *group,
		       const struct dam_cpuset *mask)
{
	set_group(c, t, group);
	if (!t->moved)
		return;
	keep_former(t); /* its children may have been made before */
	t->dam = *mask;
	dam_masks_update(c->masks, t->mask_entry, mask);
	tell_hooks(t, mask);
}

/*
 * Nothing that DAM gave the thread is left to it, and the kernel would come back to our pin when it can.
 * Return: it is ours no longer, nor anybody else's.
 */
static bool let_go(struct coord *c, struct coord_thread *t, const struct dam_cpuset *group)
{
	if (is_another(t) || dam_cpuset_set_thread(t->tid, without_dam(t)))
		return false;
	forget_pin(c, t);
	t->former_ns = 0;
	set_group(c, t, group);
	return true;
}

/* A mask that is not the one seen last: did the control group change, or a processor come or go, and nothing else? */
static bool is_kernels(struct coord *c, struct coord_thread *t, const struct dam_cpuset *group,
		       const struct dam_cpuset *mask)
{
	if (dam_mask_is_cut(t->moved ? &t->asked : &t->orig, group, mask)) {
		accept_cut(c, t, group, mask);
		return true;
	}
	return t->moved && dam_mask_is_void(&t->asked, group, mask) && let_go(c, t, group);
}

bool coord_mask_check(struct coord *c, struct coord_thread *t)
{
	struct dam_cpuset mask, group;
	bool known;

	if (dam_cpuset_get_thread(t->tid, &mask)) {
		t->gone = true;
		t->why = t->why ? t->why : "ended";
		return false;
	}
	if (dam_cpuset_equal(&mask, t->moved ? &t->dam : &t->own))
		return true;
	known = !dam_thread_allowed("", t->tid, &group);
	if (known && is_kernels(c, t, &group, &mask))
		return true;
	/* Somebody else's mask: it stays, and ours is forgotten. */
	t->former_ns = 0;
	if (!is_everywhere(c, &mask) && !(known && dam_cpuset_equal(&mask, &group)))
		t->why = "pinned by somebody else";
	else if (!t->pin_calls)
		t->why = NULL;
	if (t->moved)
		forget_pin(c, t);
	set_orig(c, t, &mask);
	return false;
}

/* Has nobody asked for the mask that it has of its own? Then it is to follow its control group, once it is restored. */
static bool is_free(const struct coord_thread *t)
{
	struct dam_cpuset group;

	return !t->pin_calls && !dam_thread_allowed("", t->tid, &group) && dam_cpuset_subset(&group, &t->orig);
}

bool coord_mask_hold(const struct coord *c)
{
	return c->unrecorded_ns && dam_now_ns() - c->unrecorded_ns < HOLD_NS;
}

/* What could not be put back is not moved. */
static int record_mask(struct coord *c, struct coord_thread *t, const struct dam_cpuset *mask)
{
	int err = t->mask_entry;

	if (err >= 0)
		err = dam_masks_update(c->masks, err, mask);
	else
		err = t->mask_entry = dam_masks_put(c->masks, t->pid, t->tid, t->start, without_dam(t), mask);
	if (err < 0 && !c->unrecorded_ns)
		dam_warn("cannot record masks in %s: %s; nothing is moved until that can be done",
			 c->opt.runtime_dir, strerror(-err));
	c->unrecorded_ns = err < 0 ? dam_now_ns() : 0;
	return err < 0 ? err : 0;
}

/* Tell the mask file and the thread's hooks, then the kernel; in that order. */
static int write_mask(struct coord *c, struct coord_thread *t, const struct dam_cpuset *mask)
{
	int err;

	if (!t->moved)
		t->free = is_free(t);
	if (is_another(t) || !t->start)
		return -ESRCH;
	err = record_mask(c, t, mask);
	if (err)
		return err;
	tell_hooks(t, mask);
	err = dam_cpuset_set_thread(t->tid, mask);
	if (err == -EPERM || err == -EBUSY)
		t->why = "its mask cannot be changed";
	if (err)
		return err;
	keep_former(t);
	t->asked = t->dam = *mask;
	t->moved = true;
	/* the kernel may have taken CPUs away that the thread's cpuset lacks: remember what it really is */
	if (!dam_cpuset_get_thread(t->tid, &t->dam) && !dam_cpuset_equal(&t->dam, mask)) {
		dam_masks_update(c->masks, t->mask_entry, &t->dam);
		tell_hooks(t, &t->dam);
	}
	return 0;
}

int coord_mask_pin(struct coord *c, struct coord_thread *t, unsigned int domain)
{
	const struct dam_topology *topo = dam_hal_topology(c->hal);
	struct dam_cpuset mask;
	int err;

	if (!coord_mask_check(c, t))
		return -EBUSY;
	if (!(t->allowed >> domain & 1))
		return -EINVAL;
	dam_cpuset_and(&topo->domain[domain].cpus, &t->orig, &mask);
	err = write_mask(c, t, &mask);
	if (err == -EINVAL && !dam_thread_allowed("", t->tid, &mask))
		set_group(c, t, &mask);
	if (err) {
		if (t->moved) { /* the former pin is still in place */
			dam_masks_update(c->masks, t->mask_entry, &t->dam);
			tell_hooks(t, &t->dam);
		} else {
			tell_hooks(t, NULL);
			if (t->mask_entry >= 0)
				dam_masks_clear(c->masks, t->mask_entry);
			t->mask_entry = -1;
		}
		return err;
	}
	t->domain = domain;
	coord_followers_pin(c, t, &mask);
	return 0;
}

void coord_mask_disown(struct coord *c, struct coord_thread *t)
{
	struct dam_cpuset mask;

	t->former_ns = 0; /* what its children inherit is the program's */
	if (!t->moved)
		return;
	forget_pin(c, t);
	if (!dam_cpuset_get_thread(t->tid, &mask))
		set_orig(c, t, &mask);
}

void coord_mask_restore(struct coord *c, struct coord_thread *t)
{
	if (!t->moved || !coord_mask_check(c, t) || is_another(t))
		return;
	coord_followers_restore(c, t);
	if (dam_cpuset_set_thread(t->tid, without_dam(t)))
		return; /* its record stays in the mask file */
	keep_former(t);
	forget_pin(c, t);
}

struct gift {
	const struct dam_cpuset *mask, *orig;
};

/* Give a thread that carries @mask the mask @orig. */
static void give_back(pid_t pid, pid_t tid, void *arg)
{
	const struct gift *g = arg;
	struct dam_cpuset now;

	(void)pid;
	if (!dam_cpuset_get_thread(tid, &now) && dam_cpuset_equal(&now, g->mask))
		dam_cpuset_set_thread(tid, g->orig);
}

/*
 * What whoever handed @mask down to @pid has without DAM: a thread of @pid before it executed another program, or of
 * an ancestor, moved, or born in a place of DAM's. NULL: the mask is none of DAM's.
 */
static const struct dam_cpuset *inherited_orig(struct coord *c, pid_t pid, const struct dam_cpuset *mask, bool first)
{
	uint64_t start;

	for (int up = 0; up <= MAX_ANCESTORS && pid > 1; up++) {
		const struct coord_thread *giver = moved_with(c, pid, mask);
		const struct coord_process *p = giver ? NULL : coord_client_find(c, pid);
		const struct dam_cpuset *orig = giver ? without_dam(giver) : p ? coord_births_orig(p, mask) : NULL;

		if (orig || !first || coord_proc_stat(pid, &pid, &start))
			return orig;
	}
	return NULL;
}

void coord_mask_newcomer(struct coord *c, pid_t pid, bool first)
{
	const struct dam_cpuset *orig;
	struct dam_cpuset mask;

	if (c->opt.dry_run || dam_cpuset_get_thread(pid, &mask))
		return;
	orig = inherited_orig(c, pid, &mask, first);
	if (!orig)
		return;
	dam_proc_each_thread(pid, give_back, &(struct gift){&mask, orig});
	for (unsigned int i = 0; i < c->nr_thread; i++) { /* the threads of before are gone */
		struct coord_thread *t = c->thread[i];

		if (!t || t->pid != pid)
			continue;
		t->former_ns = 0;
		if (t->moved)
			forget_pin(c, t);
	}
}
