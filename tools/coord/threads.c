/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The life of a managed thread: from the claim of its slot to the totals that stay for reports. */
#include "config.h"
#include "tools/coord/coord.h"

#include <errno.h>
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

/* A process that runs out of tids in one namespace may use one again: its former owner has ended. */
static void end_namesake(struct coord *c, struct coord_process *p, pid_t tid, uint64_t seq)
{
	for (unsigned int i = 0; i < p->nr_thread; i++) {
		struct coord_thread *t = p->thread[i];

		if (t && t->tid == tid && t->seq < seq) {
			dam_slot_free(&p->ledger->slot[i]);
			p->thread[i] = NULL;
			coord_thread_end(c, t);
		}
	}
}

struct coord_thread *coord_thread_start(struct coord *c, struct coord_process *p, unsigned int slot)
{
	const struct dam_slot *s = &p->ledger->slot[slot];
	pid_t inside = (pid_t)__atomic_load_n(&s->tid, __ATOMIC_RELAXED);
	uint64_t seq = __atomic_load_n(&s->seq, __ATOMIC_RELAXED);
	pid_t tid = inside > 0 ? coord_proc_tid(p->pid, p->pid == p->pid_inside, inside) : -1;
	struct coord_thread *t;
	int index;

	/* A thread that ended before we looked still has counts to take: its slot says so. */
	if (tid < 0 && __atomic_load_n(&s->state, __ATOMIC_ACQUIRE) != DAM_SLOT_ENDED)
		return NULL;
	if (tid > 0)
		end_namesake(c, p, tid, seq);
	index = free_index(c);
	t = index < 0 ? NULL : calloc(1, sizeof(*t));
	if (!t || !(t->last = calloc(DAM_LEDGER_TARGETS, sizeof(*t->last)))) {
		free(t);
		c->threads_dropped++;
		return NULL;
	}
	t->proc = p;
	t->index = (unsigned int)index;
	t->slot = slot;
	t->seq = seq;
	t->run_id = p->run_id;
	t->pid = p->pid;
	t->tid = tid > 0 ? tid : inside;
	t->tid_inside = inside;
	t->domain = DAM_NO_DOMAIN;
	t->mask_entry = -1;
	if (tid < 0 || coord_proc_comm(p->pid, tid, t->comm))
		memcpy(t->comm, p->comm, sizeof(t->comm));
	coord_mask_first(c, t);
	c->thread[index] = t;
	if (t->index >= c->nr_thread)
		c->nr_thread = t->index + 1;
	c->nr_live++;
	dam_policy_add_thread(c->policy, t->index);
	dam_policy_set_weights(c->policy, t->index, (double)p->weight_throughput,
			       (double)p->weight_latency);
	return t;
}

bool coord_thread_alive(const struct coord_thread *t)
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
	if (t->moved && coord_thread_alive(t))
		coord_mask_restore(c, t);
	if (t->mask_entry >= 0)
		dam_masks_clear(c->masks, t->mask_entry);
	dam_policy_drop_thread(c->policy, t->index);
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
