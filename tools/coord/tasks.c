/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Threads of watched processes as /proc lists them: the bytes that the kernel counts for each, the
 * rings they wait in. */
#include "config.h"
#include "tools/coord/observe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tools/coord/procfs.h"

#define MAX_TASKS   16384 /* of a process */
#define TASK_UNITS  3
#define PLACE_NS    (500 * DAM_NS_PER_MS)
#define RATE_TAU_S  0.2
#define LINGER_NS   (300 * DAM_NS_PER_MS)
#define WORKER_NAME "iou-" /* iou-sqp-TID and iou-wrk-TID, TID being the thread they work for */

/* Passes meet threads in the same order every time. */
struct coord_task *coord_task_find(struct coord_watch *w, pid_t tid)
{
	for (unsigned int i = 0; i < w->nr_tasks; i++) {
		unsigned int at = (w->task_hint + i) % w->nr_tasks;

		if (w->task[at].tid == tid) {
			w->task_hint = at + 1;
			return &w->task[at];
		}
	}
	return NULL;
}

/* The thread that a ring's kernel thread works for; its number is the kernel's, which means nothing to us in a pid
 * namespace below the first: the process's first thread then. */
static pid_t owner_of(const struct coord *c, struct coord_watch *w, pid_t tid, const char *comm, bool *poller)
{
	pid_t owner;

	*poller = false;
	if (strncmp(comm, WORKER_NAME, 4) || strlen(comm) < 9)
		return tid;
	*poller = !strncmp(comm + 4, "sqp-", 4);
	owner = (pid_t)strtol(comm + 8, NULL, 10);
	return c->outermost && coord_task_find(w, owner) ? owner : w->pid;
}

static bool make_room(struct coord_watch *w)
{
	struct coord_task *more;

	if (w->nr_tasks &
	    (w->nr_tasks - 1)) /* room doubles at powers of two, and is at least that */
		return true;
	more = reallocarray(w->task, w->nr_tasks ? 2 * (size_t)w->nr_tasks : 1, sizeof(*more));
	if (!more)
		return false;
	w->task = more;
	/* threads point back to their tasks, which have moved */
	for (unsigned int i = 0; i < w->nr_tasks; i++)
		if (w->task[i].thread)
			w->task[i].thread->task = &w->task[i];
	return true;
}

static void note_name(struct coord_task *t, const char *comm)
{
	snprintf(t->comm, sizeof(t->comm), "%.15s", comm);
}

static struct coord_task *new_task(struct coord *c, struct coord_watch *w, pid_t tid, const char *comm)
{
	struct coord_task *t, *owner;
	bool poller;

	if (w->nr_tasks >= MAX_TASKS || !make_room(w))
		return NULL;
	t = &w->task[w->nr_tasks++];
	c->observed.tasks++;
	*t = (struct coord_task){.tid = tid, .owner = tid};
	note_name(t, comm);
	t->owner = owner_of(c, w, tid, comm, &poller);
	w->nameless |= t->owner != tid && !c->outermost;
	if (poller) {
		owner = coord_task_find(w, t->owner);
		if (owner)
			owner->sq_tid = tid;
	}
	t->thread = w->proc ? coord_thread_find(w->proc, tid) : NULL;
	if (t->thread)
		t->thread->task = t;
	return t;
}

static struct coord_task *meet(struct coord *c, struct coord_watch *w, pid_t tid)
{
	struct coord_task *t;
	char comm[16];

	if (coord_proc_comm(w->pid, tid, comm))
		comm[0] = '\0';
	t = new_task(c, w, tid, comm);
	if (!t || w->young)
		return t;
	coord_proc_io(w->pid, tid, t->io); /* what it did before we were there is no news */
	if (t->thread)
		memcpy(t->hooked, t->thread->hooked_bytes, sizeof(t->hooked));
	return t;
}

/* Bytes of @t go to the thread it works for. */
static void credit(struct coord_watch *w, struct coord_task *t, const double bytes[2])
{
	struct coord_task *to = t->owner == t->tid ? t : coord_task_find(w, t->owner);

	for (int dir = 0; to && dir < 2; dir++) {
		to->kernel[dir] += bytes[dir];
		to->window[dir] += bytes[dir];
		if (bytes[dir] >= 1)
			to->moved_pass = w->moved_pass = w->pass;
	}
}

/* What hooks have counted on devices since the last time is no ring's that we observe. */
static void without_hooked(struct coord_task *t, double bytes[2])
{
	for (int dir = 0; t->thread && dir < 2; dir++) {
		bytes[dir] -= (double)(t->thread->hooked_bytes[dir] - t->hooked[dir]);
		t->hooked[dir] = t->thread->hooked_bytes[dir];
	}
}

static void note_rate(struct coord_task *t, const uint64_t io[2], uint64_t now_ns)
{
	double dt = (double)coord_since(now_ns, t->read_ns) / DAM_NS_PER_S;

	for (int dir = 0; dir < 2 && t->read_ns && dt > 0; dir++)
		t->rate[dir] += ((double)dam_count_delta(io[dir], t->io[dir]) / dt - t->rate[dir]) *
				(1 - exp(-dt / RATE_TAU_S));
	t->read_ns = now_ns;
}

/* What others did is counted for the first thread then: that is no reason to move it. */
static void leave_first(struct coord_watch *w, struct coord_thread *first)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < w->nr_tasks; i++)
		nr += w->task[i].owner == w->task[i].tid && !w->task[i].ended_ns;
	if (nr > 1 && !first->why)
		first->why = "rings of several threads count for it, as the coordinator is in a container";
}

unsigned int coord_task_read(struct coord *c, struct coord_watch *w, const char *name,
			     uint64_t now_ns)
{
	pid_t tid = (pid_t)strtol(name, NULL, 10);
	struct coord_task *t;
	double bytes[2];
	uint64_t io[2];
	int fd;

	if (tid <= 0)
		return 0;
	t = coord_task_find(w, tid);
	if (!t)
		t = meet(c, w, tid);
	if (!t || coord_proc_io(w->pid, tid, io))
		return TASK_UNITS;
	c->observed.task_reads++;
	t->pass = w->pass;
	note_rate(t, io, dam_now_ns());
	bytes[0] = (double)dam_count_delta(io[0], t->io[0]);
	bytes[1] = (double)dam_count_delta(io[1], t->io[1]);
	memcpy(t->io, io, sizeof(io));
	without_hooked(t, bytes);
	credit(w, t, bytes);
	if (t->owner != tid)
		return TASK_UNITS;
	if (w->nameless && tid == w->pid && t->thread)
		leave_first(w, t->thread);
	if (t->thread && t->thread->slot == COORD_NO_SLOT &&
	    coord_since(now_ns, t->placed_ns) > PLACE_NS) {
		t->placed_ns = now_ns;
		coord_thread_place(c, t->thread,
				   coord_proc_cpu(w->pid, t->sq_tid ? t->sq_tid : tid));
	}
	if (!w->want_links)
		return TASK_UNITS;
	fd = coord_proc_ring(w->pid, tid);
	if (fd >= 0)
		coord_ring_link(w, fd, tid, now_ns);
	return 2 * TASK_UNITS;
}

/* Bytes of threads that have ended now, which grew since they were read last. Return: false: not
 * known. */
static bool last_bytes(struct coord_watch *w, uint64_t now_ns, double out[2])
{
	uint64_t live[2] = {0}, gone[2] = {0}, whole[2];
	bool known = w->dead_known;

	for (unsigned int i = 0; i < w->nr_tasks; i++) {
		struct coord_task *t = &w->task[i];

		for (int dir = 0; dir < 2; dir++) {
			live[dir] += t->ended_ns ? 0 : t->io[dir];
			gone[dir] += t->ended_ns == now_ns && !t->told ? t->io[dir] : 0;
		}
	}
	/* of a process that has ended only root may open it any more */
	if (coord_proc_io_kept(w->pid, &w->io_fd, whole)) {
		w->unread = w->ending;
		return false;
	}
	for (int dir = 0; dir < 2; dir++) {
		uint64_t dead = dam_count_delta(whole[dir], live[dir]);

		out[dir] = (double)dam_count_delta(dead, w->dead[dir] + gone[dir]);
		w->dead[dir] = dead;
	}
	w->dead_known = true;
	coord_coverage_note(w->proc, whole);
	return known;
}

void coord_task_told(struct coord *c, struct coord_watch *w, pid_t tid, const char *comm, const uint64_t io[2])
{
	struct coord_task *t = coord_task_find(w, tid);

	/* it came and went between two looks; where hooks are, its bytes may be theirs */
	if (!t && w->dead_known && w->proc && !w->proc->ledger && io[0] + io[1] > 0)
		t = new_task(c, w, tid, comm);
	if (!t || t->ended_ns || t->told)
		return;
	t->told = true;
	note_name(t, comm);
	memcpy(t->last, io, sizeof(t->last));
	c->exits.told++;
}

/* What the kernel said of the end of @t. */
static void take_last(struct coord_watch *w, struct coord_task *t)
{
	double bytes[2];

	for (int dir = 0; dir < 2; dir++) {
		bytes[dir] = (double)dam_count_delta(t->last[dir], t->io[dir]);
		t->io[dir] += dam_count_delta(t->last[dir], t->io[dir]); /* it is told in whole KiB */
		w->dead[dir] += t->io[dir];
	}
	without_hooked(t, bytes);
	credit(w, t, bytes);
	t->read_ns = dam_now_ns();
}

/* What @t has probably done since it was read. */
static double expected(const struct coord_task *t, int dir, uint64_t now_ns)
{
	return t->rate[dir] * (double)coord_since(now_ns, t->read_ns) / DAM_NS_PER_S;
}

/*
 * What a thread did between our last look and its end is told by the kernel, where that may be asked for. Else it is in
 * its process's counts, together with all other ended threads': the growth of that is shared among those that have
 * ended now, and were not told of.
 */
void coord_tasks_ended(struct coord *c, struct coord_watch *w, uint64_t now_ns)
{
	double bytes[2], all[2] = {0}, mine[2];
	unsigned int nr = 0, nr_told = 0;

	coord_exits_take(c);
	for (unsigned int i = 0; i < w->nr_tasks; i++) {
		struct coord_task *t = &w->task[i];

		if (t->ended_ns || t->pass == w->pass)
			continue;
		t->ended_ns = now_ns;
		if (t->told) {
			nr_told++;
			take_last(w, t);
			continue;
		}
		nr++;
		for (int dir = 0; dir < 2; dir++)
			all[dir] += expected(t, dir, now_ns);
	}
	if (w->dead_known && !nr && !nr_told)
		return;
	if (!last_bytes(w, now_ns, bytes)) {
		w->unread &= nr > 0;
		return;
	}
	for (unsigned int i = 0; i < w->nr_tasks; i++) {
		struct coord_task *t = &w->task[i];

		if (t->ended_ns != now_ns || t->told)
			continue;
		for (int dir = 0; dir < 2; dir++)
			mine[dir] = bytes[dir] *
				    (all[dir] > 0 ? expected(t, dir, now_ns) / all[dir] : 1.0 / nr);
		without_hooked(t, mine);
		credit(w, t, mine);
		t->read_ns = dam_now_ns(); /* later than heads that were looked at since its own count was read */
	}
}

void coord_tasks_drop(struct coord *c, struct coord_watch *w, uint64_t now_ns, bool all)
{
	for (unsigned int i = 0; i < w->nr_tasks;) {
		struct coord_task *t = &w->task[i];

		if (!all && (!t->ended_ns || coord_since(now_ns, t->ended_ns) < LINGER_NS)) {
			i++;
			continue;
		}
		coord_followers_drop(c, t);
		if (t->thread) {
			t->thread->task = NULL;
			if (t->thread->slot == COORD_NO_SLOT)
				coord_thread_end(c, t->thread);
		}
		*t = w->task[--w->nr_tasks];
		c->observed.tasks--;
		if (i < w->nr_tasks && t->thread)
			t->thread->task = t;
	}
}
