/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Children of watched processes: found by the numbers that the kernel has given out since the last look. */
#include "config.h"
#include "tools/coord/observe.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#define FAMILY_NS    (100 * DAM_NS_PER_MS)
#define FAMILY_SHARE 400 /* looking for them takes at most this part of the time */
#define SETTLED_NS   (30 * DAM_NS_PER_MS) /* a process made to execute another program has done so */
#define FAMILY_FEW   256 /* numbers that are tried one by one; most of many are threads', which no list has */

/* The number that the last new process or thread got; it stands at the end of /proc/loadavg. -1: not known. */
static pid_t newest_pid(struct coord *c)
{
	char text[128], *at;
	ssize_t n;

	if (c->family.fd < 0)
		return -1;
	n = pread(c->family.fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	at = strrchr(text, ' ');
	return at ? (pid_t)strtol(at, NULL, 10) : -1;
}

/* A new process whose parent is watched is watched from its first moment. */
static void adopt(struct coord *c, pid_t pid)
{
	struct coord_watch *parent, *w;
	pid_t ppid;

	/* a coordinator may be a child of what it watches */
	if (pid == getpid() || coord_proc_parent(pid, &ppid))
		return;
	parent = coord_watch_find(c, ppid);
	if (!parent || coord_proc_leader(pid) != pid || coord_watch_find(c, pid))
		return;
	w = coord_watch_add(c, pid, parent->run_id, 0);
	if (w)
		w->newcomer = true;
}

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

void coord_family_settle(struct coord *c, struct coord_watch *w, uint64_t now_ns)
{
	struct coord_watch *parent;
	uint64_t start;
	pid_t ppid;

	if (!w->newcomer || coord_since(now_ns, w->born_ns) < SETTLED_NS)
		return;
	w->newcomer = false;
	if (coord_proc_stat(w->pid, &ppid, &start))
		return;
	parent = coord_watch_find(c, ppid);
	if (!parent || !has_library(parent, w->pid))
		coord_mask_newcomer(c, w->pid, true);
}

/* Numbers begin anew after the highest. */
static bool is_between(pid_t from, pid_t pid, pid_t to)
{
	return from <= to ? pid > from && pid <= to : pid > from || pid <= to;
}

static void adopt_listed(struct coord *c, pid_t from, pid_t to)
{
	DIR *dir = opendir("/proc");
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		pid_t pid = (pid_t)strtol(d->d_name, NULL, 10);

		if (pid > 0 && is_between(from, pid, to))
			adopt(c, pid);
	}
	if (dir)
		closedir(dir);
}

void coord_family_tick(struct coord *c, uint64_t now_ns)
{
	pid_t from = c->family.newest, to;
	uint64_t rest_ns;

	if (now_ns < c->family.due_ns)
		return;
	to = newest_pid(c);
	if (to < 0)
		adopt_listed(c, 0, INT_MAX);
	else if (!from || to < from || to - from > FAMILY_FEW)
		adopt_listed(c, from, to);
	else
		while (from < to)
			adopt(c, ++from);
	c->family.newest = to > 0 ? to : 0;
	/* at first everybody is new: that says nothing of what the next look costs */
	rest_ns = from ? coord_since(dam_now_ns(), now_ns) * FAMILY_SHARE : 0;
	c->family.due_ns = now_ns + (rest_ns > FAMILY_NS ? rest_ns : FAMILY_NS);
}

void coord_family_open(struct coord *c)
{
	c->family.fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
}

void coord_family_close(struct coord *c)
{
	if (c->family.fd >= 0)
		close(c->family.fd);
	c->family.fd = -1;
}
