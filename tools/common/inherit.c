/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Pins that leaked to threads and processes created by a pinned thread. */
#include "config.h"
#include "tools/common/inherit.h"

#include <stdlib.h>

#include "tools/common/proc.h"

#define MAX_DEPTH 64 /* of a process tree; a list read while pids change might form a ring */

struct search {
	const struct dam_pin *pin; /* those of one process */
	unsigned int nr;
	unsigned int restored;
};

static int by_pid(const void *a, const void *b)
{
	const struct dam_pin *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

static void restore_thread(pid_t pid, pid_t tid, void *arg)
{
	struct search *s = arg;
	struct dam_cpuset now;
	uint64_t start;

	if (dam_thread_start_time(pid, tid, &start) || dam_cpuset_get_thread(tid, &now))
		return;
	for (unsigned int i = 0; i < s->nr; i++) {
		const struct dam_pin *p = &s->pin[i];

		if (start < p->since || dam_cpuset_equal(&now, &p->orig) ||
		    (!dam_cpuset_equal(&now, &p->dam) && !dam_cpuset_equal(&now, &p->former)))
			continue;
		s->restored += dam_cpuset_set_thread(tid, &p->orig) == 0;
		return;
	}
}

/* The pins of process @p, if it is still the one that was pinned: a process is older than its threads. */
static bool pins_of(const struct dam_proc *p, const struct dam_pin *pin, unsigned int nr,
		    struct search *s)
{
	unsigned int lo = 0, hi = nr, first;

	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;

		if (pin[mid].pid < p->pid)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (first = lo; lo < nr && pin[lo].pid == p->pid; lo++)
		if (p->start_time > pin[lo].start_time)
			return false;
	s->pin = pin + first;
	s->nr = lo - first;
	return s->nr > 0;
}

unsigned int dam_inherit_restore(struct dam_pin *pin, unsigned int nr)
{
	struct search s = {.restored = 0};
	struct dam_proc *list = NULL;
	unsigned int nr_procs;

	if (!nr)
		return 0;
	qsort(pin, nr, sizeof(*pin), by_pid);
	nr_procs = dam_proc_list(&list);
	for (unsigned int i = 0; i < nr_procs; i++) {
		const struct dam_proc *up = &list[i];

		for (int depth = 0; up && depth < MAX_DEPTH; depth++) {
			if (pins_of(up, pin, nr, &s))
				dam_proc_each_thread(list[i].pid, restore_thread, &s);
			up = dam_proc_find(list, nr_procs, up->ppid);
		}
	}
	free(list);
	return s.restored;
}
