/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What a process of another pid namespace calls its threads: its numbers and ours, side by side. */
#include "config.h"
#include "tools/coord/coord.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tools/coord/procfs.h"

#define MAX_LISTINGS 4 /* of a process's threads in one tick */

static struct coord_name *find_inside(struct coord_names *n, pid_t inside)
{
	for (unsigned int i = 0; i < n->nr; i++)
		if (n->name[i].inside == inside)
			return &n->name[i];
	return NULL;
}

/* Lists show threads in the same order every time. */
static struct coord_name *find_tid(struct coord_names *n, pid_t tid)
{
	for (unsigned int i = 0; i < n->nr; i++) {
		unsigned int at = (n->hint + i) % n->nr;

		if (n->name[at].tid == tid) {
			n->hint = at + 1;
			return &n->name[at];
		}
	}
	return NULL;
}

static bool add(struct coord_names *n, pid_t tid, pid_t inside)
{
	if (n->nr == n->room) {
		unsigned int room = n->room ? 2 * n->room : 16;
		struct coord_name *more = reallocarray(n->name, room, sizeof(*more));

		if (!more)
			return false;
		n->name = more;
		n->room = room;
	}
	n->name[n->nr++] = (struct coord_name){.tid = tid, .inside = inside, .listing = n->listing};
	return true;
}

/* Return: it is known now. */
static bool note(struct coord_process *p, pid_t tid)
{
	struct coord_name *known = find_tid(&p->names, tid);
	pid_t inside;

	if (known) {
		known->listing = p->names.listing;
		return true;
	}
	inside = coord_proc_inside(p->pid, tid);
	return inside > 0 && add(&p->names, tid, inside);
}

static void forget_ended(struct coord_names *n)
{
	for (unsigned int i = 0; i < n->nr;)
		if (n->name[i].listing != n->listing)
			n->name[i] = n->name[--n->nr];
		else
			i++;
}

/* Of a directory of threads: its links are two and one for each thread. */
static unsigned int nr_threads(DIR *dir)
{
	struct stat st;

	return fstat(dirfd(dir), &st) || st.st_nlink < 2 ? 0 : (unsigned int)st.st_nlink - 2;
}

/* Return: 0: all threads were listed; -EAGAIN: one may have been left out, as happens while others end; -errno. */
static int list_threads(struct coord_process *p)
{
	unsigned int listed = 0, before;
	char path[64];
	struct dirent *d;
	bool all = true;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)p->pid);
	dir = opendir(path);
	if (!dir)
		return -errno;
	p->names.listing++;
	before = nr_threads(dir);
	while ((d = readdir(dir))) {
		pid_t tid = (pid_t)strtol(d->d_name, NULL, 10);

		if (tid > 0) {
			all &= note(p, tid);
			listed++;
		}
	}
	all &= listed == before && listed == nr_threads(dir);
	closedir(dir);
	forget_ended(&p->names);
	return all ? 0 : -EAGAIN;
}

/* A number may be another thread's by now. */
static pid_t known_tid(struct coord_process *p, pid_t inside)
{
	struct coord_name *known = find_inside(&p->names, inside);

	if (!known)
		return -ENOENT;
	if (coord_proc_inside(p->pid, known->tid) == inside)
		return known->tid;
	*known = p->names.name[--p->names.nr];
	return -ENOENT;
}

/* Where both call it the same. */
static pid_t same_tid(pid_t pid, pid_t tid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)pid, (int)tid);
	return stat(path, &st) ? -errno : tid;
}

pid_t coord_names_tid(struct coord *c, struct coord_process *p, pid_t inside)
{
	struct coord_names *n = &p->names;
	pid_t tid;
	int err;

	if (!p->elsewhere)
		return same_tid(p->pid, inside);
	tid = known_tid(p, inside);
	if (tid > 0)
		return tid;
	if (n->tick != c->nr_ticks) {
		n->tick = c->nr_ticks;
		n->listings = 0;
	}
	if (n->listings++ >= MAX_LISTINGS)
		return -EAGAIN;
	err = list_threads(p);
	tid = known_tid(p, inside);
	return tid > 0 || !err ? tid : err;
}

void coord_names_free(struct coord_process *p)
{
	free(p->names.name);
	p->names = (struct coord_names){.nr = 0};
}
