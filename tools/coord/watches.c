/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Which processes are watched for rings: found by pid, and in a list that is gone through. */
#include "config.h"
#include "tools/coord/observe.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "tools/coord/procfs.h"

#define MAX_WATCHES 8192
#define FIRST_NS    (10 * DAM_NS_PER_MS) /* between the first looks; then it doubles */

static struct coord_watch **bucket_of(struct coord *c, pid_t pid)
{
	return &c->watch[(unsigned int)pid % COORD_WATCH_BUCKETS];
}

struct coord_watch *coord_watch_find(struct coord *c, pid_t pid)
{
	struct coord_watch *w = *bucket_of(c, pid);

	while (w && w->pid != pid)
		w = w->next;
	return w;
}

struct coord_watch *coord_watch_add(struct coord *c, pid_t pid, uint32_t run_id, uint64_t delay_ns)
{
	struct coord_watch *w = coord_watch_find(c, pid), **bucket = bucket_of(c, pid);
	uint64_t now = dam_now_ns(), start;
	pid_t ppid;

	if (c->observed.off)
		return NULL;
	if (w) {
		w->run_id = run_id ? run_id : w->run_id;
		return w;
	}
	if (c->nr_watches >= MAX_WATCHES || coord_proc_stat(pid, &ppid, &start))
		return NULL;
	w = calloc(1, sizeof(*w));
	if (!w || coord_proc_clock(pid, &w->clock)) {
		free(w);
		return NULL;
	}
	w->pid = pid;
	w->start = start;
	w->run_id = run_id;
	w->young = w->dead_known = start >= c->start_ticks; /* no thread of its had ended before it began */
	w->born_ns = w->settled_ns = now;
	w->due_ns = now + delay_ns;
	w->quiet_ns = FIRST_NS;
	w->io_fd = -1;
	w->next = *bucket;
	*bucket = w;
	w->after = c->watches;
	if (w->after)
		w->after->before = w;
	c->watches = w;
	c->nr_watches++;
	return w;
}

void coord_watch_drop(struct coord *c, struct coord_watch *w)
{
	struct coord_watch **at = bucket_of(c, w->pid);

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	*(w->before ? &w->before->after : &c->watches) = w->after;
	if (w->after)
		w->after->before = w->before;
	if (c->watch_next == w)
		c->watch_next = w->after;
	c->nr_watches--;
	coord_tasks_drop(c, w, 0, true);
	while (w->nr_rings)
		coord_ring_drop(c, w, w->nr_rings - 1);
	if (w->dir)
		closedir(w->dir);
	coord_mapped_end(w);
	if (w->io_fd >= 0)
		close(w->io_fd);
	if (w->proc)
		w->proc->watch = NULL;
	free(w->ring);
	free(w->task);
	free(w);
}
