/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Processes and threads as /proc tells them. */
#include "config.h"
#include "tools/common/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

/* Fields of /proc/PID/stat, numbered as in proc(5). */
enum { FIELD_PPID = 4, FIELD_START = 22 };

static int read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -EINVAL;
	n = read(fd, text, size - 1);
	close(fd);
	if (n <= 0)
		return -ESRCH; /* ended after open() */
	text[n] = '\0';
	return 0;
}

/* Fields are counted from the last ')', because a thread's name may hold anything. */
static int parse_field(const char *stat, int wanted, uint64_t *out)
{
	const char *p = strrchr(stat, ')');

	for (int field = 2; p && field < wanted; field++) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	if (!p || *p < '0' || *p > '9')
		return -EINVAL;
	errno = 0;
	*out = strtoull(p, NULL, 10);
	return errno ? -EINVAL : 0;
}

int dam_thread_start_time(pid_t pid, pid_t tid, uint64_t *out)
{
	char path[64], text[1024];
	int err;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)tid);
	err = read_text(path, text, sizeof(text));
	return err ? err : parse_field(text, FIELD_START, out);
}

/* Where the group of that name says it: in the unified hierarchy, in one of its own. */
static const char *const allowed_files[] = {"%s/sys/fs/cgroup%s/cpuset.cpus.effective",
					    "%s/sys/fs/cgroup/cpuset%s/cpuset.effective_cpus"};

static int read_cpus(const char *path, struct dam_cpuset *out)
{
	char text[8192];

	if (read_text(path, text, sizeof(text)) || dam_cpuset_parse(text, out) || dam_cpuset_empty(out))
		return -ENOENT;
	return 0;
}

int dam_thread_allowed(const char *root, pid_t tid, struct dam_cpuset *out)
{
	char path[PATH_MAX], group[1024];
	int err;

	snprintf(path, sizeof(path), "%s/proc/%d/cpuset", root, (int)tid);
	err = read_text(path, group, sizeof(group));
	if (err == -ESRCH)
		dam_strlcpy(group, "/", sizeof(group)); /* a kernel without such groups has all in one */
	else if (err)
		return -ENOENT;
	group[strcspn(group, "\n")] = '\0';
	if (strstr(group, "/..")) /* outside what we see of the groups */
		return -ENOENT;
	err = -ENOENT;
	for (size_t i = 0; err && i < sizeof(allowed_files) / sizeof(allowed_files[0]); i++) {
		snprintf(path, sizeof(path), allowed_files[i], root, group);
		err = read_cpus(path, out);
	}
	if (!err || strcmp(group, "/"))
		return err;
	snprintf(path, sizeof(path), "%s/sys/devices/system/cpu/online", root);
	return read_cpus(path, out);
}

bool dam_mask_is_cut(const struct dam_cpuset *wanted, const struct dam_cpuset *group, const struct dam_cpuset *mask)
{
	struct dam_cpuset both;

	return dam_cpuset_and(wanted, group, &both) && dam_cpuset_equal(&both, mask);
}

bool dam_mask_is_void(const struct dam_cpuset *wanted, const struct dam_cpuset *group, const struct dam_cpuset *mask)
{
	struct dam_cpuset both;

	return !dam_cpuset_and(wanted, group, &both) && dam_cpuset_equal(group, mask);
}

bool dam_mask_comes_of(pid_t tid, const struct dam_cpuset *wanted, const struct dam_cpuset *mask)
{
	struct dam_cpuset group;

	if (dam_cpuset_empty(wanted) || dam_cpuset_equal(wanted, mask) || dam_thread_allowed("", tid, &group))
		return dam_cpuset_equal(wanted, mask);
	return dam_mask_is_cut(wanted, &group, mask) || dam_mask_is_void(wanted, &group, mask);
}

uint64_t dam_ticks_now(void)
{
	return dam_clock_read(CLOCK_BOOTTIME) / (DAM_NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
}

static int read_proc(const char *name, struct dam_proc *out)
{
	char path[300], text[1024];
	uint64_t ppid;

	snprintf(path, sizeof(path), "/proc/%s/stat", name);
	if (read_text(path, text, sizeof(text)) || parse_field(text, FIELD_PPID, &ppid) ||
	    parse_field(text, FIELD_START, &out->start_time))
		return -ESRCH;
	out->pid = (pid_t)strtol(name, NULL, 10);
	out->ppid = (pid_t)ppid;
	return 0;
}

static int by_pid(const void *a, const void *b)
{
	const struct dam_proc *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

unsigned int dam_proc_list(struct dam_proc **out)
{
	struct dam_proc *list = NULL, *more, one;
	unsigned int nr = 0, room = 0;
	DIR *dir = opendir("/proc");
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		if (d->d_name[0] < '1' || d->d_name[0] > '9' || read_proc(d->d_name, &one))
			continue;
		if (nr == room) {
			room = 2 * room + 256;
			more = reallocarray(list, room, sizeof(*list));
			if (!more)
				break;
			list = more;
		}
		list[nr++] = one;
	}
	if (dir)
		closedir(dir);
	if (nr)
		qsort(list, nr, sizeof(*list), by_pid);
	*out = list;
	return nr;
}

const struct dam_proc *dam_proc_find(const struct dam_proc *list, unsigned int nr, pid_t pid)
{
	struct dam_proc key = {.pid = pid};

	return nr ? bsearch(&key, list, nr, sizeof(*list), by_pid) : NULL;
}

void dam_proc_each_thread(pid_t pid, void (*fn)(pid_t pid, pid_t tid, void *arg), void *arg)
{
	char path[64];
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir && (d = readdir(dir))) {
		pid_t tid = (pid_t)strtol(d->d_name, NULL, 10);

		if (tid > 0)
			fn(pid, tid, arg);
	}
	if (dir)
		closedir(dir);
}
