/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Children of watched processes: found by listing /proc now and then. */
#include "config.h"
#include "tools/coord/observe.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"

#define FAMILY_NS    (100 * DAM_NS_PER_MS)
#define FAMILY_SHARE 200 /* listing processes takes at most this part of the time */
#define FAMILY_BATCH 128 /* processes whose parents are read in one go */

/* A forked child of a program with the library gives itself its mask back, and may have pinned itself by now. */
static bool has_library(const struct coord_watch *parent, pid_t pid)
{
	char path[2][32];
	struct stat exe[2];

	if (!parent->proc || !parent->proc->ledger)
		return false;
	snprintf(path[0], sizeof(path[0]), "/proc/%d/exe", (int)parent->pid);
	snprintf(path[1], sizeof(path[1]), "/proc/%d/exe", (int)pid);
	return !stat(path[0], &exe[0]) && !stat(path[1], &exe[1]) && exe[0].st_ino == exe[1].st_ino &&
	       exe[0].st_dev == exe[1].st_dev;
}

/* A new process whose parent is watched is watched from its first moment. */
static void adopt(struct coord *c, pid_t pid)
{
	struct coord_watch *parent;
	uint64_t start;
	pid_t ppid;

	if (coord_proc_stat(pid, &ppid, &start))
		return;
	parent = coord_watch_find(c, ppid);
	if (!parent)
		return;
	if (!coord_watch_find(c, pid) && !has_library(parent, pid))
		coord_mask_newcomer(c, pid, true);
	coord_watch_add(c, pid, parent->run_id, 0);
}

/* /proc lists processes in the order of their pids: what was not in the former list is new. */
void coord_family_tick(struct coord *c, uint64_t now_ns)
{
	unsigned int room = c->family.nr + 64, nr = 0, old = 0, new = 0;
	pid_t *list, *more;
	struct dirent *d;
	DIR *dir;

	if (now_ns < c->family.due_ns)
		return;
	list = malloc(room * sizeof(*list));
	dir = list ? opendir("/proc") : NULL;
	while (dir && new < FAMILY_BATCH && (d = readdir(dir))) {
		pid_t pid = (pid_t)strtol(d->d_name, NULL, 10);

		if (pid <= 0)
			continue;
		if (nr == room) {
			more = reallocarray(list, room *= 2, sizeof(*list));
			if (!more)
				break;
			list = more;
		}
		list[nr++] = pid;
		while (old < c->family.nr && c->family.pid[old] < pid)
			old++;
		if (old < c->family.nr && c->family.pid[old] == pid)
			continue;
		new ++;
		adopt(c, pid);
	}
	if (dir)
		closedir(dir);
	free(c->family.pid);
	c->family.pid = list;
	c->family.nr = dir ? nr : 0;
	c->family.due_ns = dam_now_ns() + (dam_now_ns() - now_ns) * FAMILY_SHARE;
	if (c->family.due_ns < now_ns + FAMILY_NS)
		c->family.due_ns = now_ns + FAMILY_NS;
}

void coord_family_close(struct coord *c)
{
	free(c->family.pid);
	c->family.pid = NULL;
	c->family.nr = 0;
}
