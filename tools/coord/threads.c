/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The life of a managed thread: from the claim of its slot to the totals that stay for reports. */
#include "config.h"
#include "tools/coord/machine.h"
#include "tools/coord/observe.h"
#include "tools/coord/outcomes.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The lowest free index, so that loops over indices stay short. */
static int free_index(struct coord *c)
{
	for (unsigned int i = 0; i < COORD_MAX_THREADS; i++)
		if (!c->thread[i])
			return (int)i;
	return -1;
}

struct coord_thread *coord_thread_find(struct coord_process *p, pid_t tid)
{
	for (unsigned int i = 0; i < p->nr_thread; i++)
		if (p->thread[i] && p->thread[i]->tid == tid)
			return p->thread[i];
	for (unsigned int i = 0; i < p->nr_extra; i++)
		if (p->extra[i]->tid == tid)
			return p->extra[i];
	return NULL;
}

void coord_thread_classify(struct coord *c, struct coord_thread *t)
{
	enum dam_policy_class class = coord_machine_class(t->proc, t);

	if (class != t->class)
		dam_decision_set_class(c->decision, t->index, class);
	t->class = class;
}

/* @tid as the coordinator sees it; it may have ended. @s: NULL: no hook has seen it. */
static struct coord_thread *new_thread(struct coord *c, struct coord_process *p, pid_t tid, bool alive,
				       const struct dam_slot *s)
{
	int index = free_index(c);
	struct coord_thread *t = index < 0 ? NULL : calloc(1, sizeof(*t));

	if (!t) {
		c->threads_dropped++;
		return NULL;
	}
	t->proc = p;
	t->index = (unsigned int)index;
	t->slot = COORD_NO_SLOT;
	t->run_id = p->run_id;
	t->pid = p->pid;
	t->tid = t->tid_inside = tid;
	t->domain = DAM_NO_DOMAIN;
	t->mask_entry = -1;
	t->excluded = p->excluded;
	t->memory_bps = (double)NAN;
	if (!alive || coord_proc_comm(p->pid, tid, t->comm))
		memcpy(t->comm, p->comm, sizeof(t->comm));
	if (alive) /* else the number may be somebody else's */
		coord_mask_first(c, t, s);
	else
		t->why = "ended";
	t->gone = !alive;
	c->thread[index] = t;
	if (t->index >= c->nr_thread)
		c->nr_thread = t->index + 1;
	c->nr_live++;
	dam_decision_add_thread(c->decision, t->index);
	dam_decision_set_weights(c->decision, t->index, (double)p->weight_throughput,
			       (double)p->weight_latency);
	coord_thread_classify(c, t);
	return t;
}

struct coord_thread *coord_thread_observe(struct coord *c, struct coord_process *p, struct coord_task *task)
{
	struct coord_thread *t = coord_thread_find(p, task->tid), **more;

	if (t) {
		t->task = task;
		return t;
	}
	more = realloc(p->extra, (p->nr_extra + 1) * sizeof(struct coord_thread *));
	if (!more)
		return NULL;
	p->extra = more;
	t = new_thread(c, p, task->tid, !task->ended_ns, NULL);
	if (!t)
		return NULL;
	p->extra[p->nr_extra++] = t;
	t->task = task;
	if (t->gone && task->comm[0]) /* what its process is called says less */
		memcpy(t->comm, task->comm, sizeof(t->comm));
	coord_thread_place(c, t, coord_proc_cpu(p->pid, task->tid));
	return t;
}

static void leave_extra(struct coord_process *p, const struct coord_thread *t)
{
	for (unsigned int i = 0; i < p->nr_extra; i++)
		if (p->extra[i] == t)
			p->extra[i] = p->extra[--p->nr_extra];
}

/* A thread that was only observed until now has claimed a slot. */
static struct coord_thread *take_observed(struct coord_process *p, pid_t tid)
{
	for (unsigned int i = 0; i < p->nr_extra; i++) {
		struct coord_thread *t = p->extra[i];

		if (t->tid == tid) {
			leave_extra(p, t);
			return t;
		}
	}
	return NULL;
}

struct coord_thread *coord_thread_start(struct coord *c, struct coord_process *p, unsigned int slot)
{
	const struct dam_slot *s = &p->ledger->slot[slot];
	pid_t inside = (pid_t)__atomic_load_n(&s->tid, __ATOMIC_RELAXED);
	uint64_t seq = __atomic_load_n(&s->seq, __ATOMIC_RELAXED);
	pid_t tid = inside > 0 ? coord_names_tid(c, p, inside) : -ENOENT;
	struct coord_thread *t;

	/* A thread that ended before we looked still has counts to take, with or without a word of it in its slot. */
	if (tid < 0 && tid != -ENOENT && __atomic_load_n(&s->state, __ATOMIC_ACQUIRE) != DAM_SLOT_ENDED)
		return NULL;
	t = tid > 0 ? take_observed(p, tid) : NULL;
	if (!t)
		t = new_thread(c, p, tid > 0 ? tid : p->elsewhere ? COORD_NO_TID : inside, tid > 0, s);
	if (t && !t->last)
		t->last = calloc(DAM_LEDGER_TARGETS, sizeof(*t->last));
	if (!t || !t->last) {
		if (t)
			coord_thread_end(c, t);
		return NULL;
	}
	t->tid_inside = inside;
	t->slot = slot;
	t->seq = seq;
	if (t->moved) /* its hooks are to hide what was done to it before */
		dam_slot_set_masks(&p->ledger->slot[slot], &t->own, &t->dam);
	return t;
}

/* Does the kernel still know it? */
static bool is_alive(const struct coord_thread *t)
{
	return !syscall(SYS_tgkill, t->pid, t->tid, 0) || errno != ESRCH;
}

static void free_thread(struct coord_thread *t)
{
	free(t->last);
	free(t->use);
	free(t);
}

void coord_thread_end(struct coord *c, struct coord_thread *t)
{
	coord_thread_flush(c, t);
	coord_outcomes_forget(c, t);
	if (t->task)
		t->task->thread = NULL;
	t->task = NULL;
	if (t->slot == COORD_NO_SLOT)
		leave_extra(t->proc, t);
	if (t->moved && is_alive(t))
		coord_mask_restore(c, t);
	if (t->mask_entry >= 0)
		dam_masks_clear(c->masks, t->mask_entry);
	dam_decision_drop_thread(c->decision, t->index);
	c->thread[t->index] = NULL;
	while (c->nr_thread && !c->thread[c->nr_thread - 1])
		c->nr_thread--;
	c->nr_live--;
	free(t->last);
	t->last = NULL;
	t->ended = true;
	t->moved = false;
	t->mask_entry = -1;
	/* its process may be forgotten before it is */
	*c->ended_tail = t;
	c->ended_tail = &t->next_ended;
	if (++c->nr_ended > COORD_MAX_ENDED) {
		struct coord_thread *old = c->ended;

		c->ended = old->next_ended;
		c->nr_ended--;
		free_thread(old);
	}
}

void coord_threads_close(struct coord *c)
{
	while (c->ended) {
		struct coord_thread *t = c->ended;

		c->ended = t->next_ended;
		free_thread(t);
	}
}
