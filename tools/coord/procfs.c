/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What /proc says of processes and threads: names, parents, start times, pid namespaces. */
#include "config.h"
#include "tools/coord/coord.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The beginning of a small /proc file, terminated. Return: its length; -errno. */
static ssize_t read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	if (n < 0)
		n = -errno;
	else
		buf[n] = '\0';
	close(fd);
	return n;
}

int coord_proc_comm(pid_t pid, pid_t tid, char out[16])
{
	char path[64], buf[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", (int)pid, (int)tid);
	n = read_file(path, buf, sizeof(buf));
	if (n < 0)
		return (int)n;
	buf[strcspn(buf, "\n")] = '\0';
	snprintf(out, 16, "%.15s", buf);
	return 0;
}

int coord_proc_stat(pid_t pid, pid_t *ppid, uint64_t *start)
{
	char path[64], buf[1024], *p;
	int parent;
	unsigned long long begun;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (read_file(path, buf, sizeof(buf)) < 0)
		return -ENOENT;
	/* the name may hold blanks and parentheses: fields are counted from its last one */
	p = strrchr(buf, ')');
	if (!p || sscanf(p + 1,
			 " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
			 &parent, &begun) != 2)
		return -ENOENT;
	*ppid = parent;
	*start = begun;
	return 0;
}

/* The last of the NSpid numbers in a thread's status: what it is called inside. */
static pid_t inside_tid(pid_t pid, pid_t tid)
{
	char path[64], buf[4096], *p, *end;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", (int)pid, (int)tid);
	if (read_file(path, buf, sizeof(buf)) < 0)
		return -1;
	p = strstr(buf, "\nNSpid:");
	if (!p)
		return -1;
	p += 7;
	end = strchr(p, '\n');
	if (end)
		*end = '\0';
	p = strrchr(p, '\t');
	return p ? (pid_t)strtol(p, NULL, 10) : -1;
}

pid_t coord_proc_tid(pid_t pid, bool same_namespace, pid_t tid_inside)
{
	char path[64];
	struct dirent *d;
	struct stat st;
	pid_t found = -ENOENT;
	DIR *dir;

	if (same_namespace) {
		snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)pid, (int)tid_inside);
		return stat(path, &st) ? -ENOENT : tid_inside;
	}
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (!dir)
		return -ENOENT;
	while (found < 0 && (d = readdir(dir))) {
		pid_t tid = (pid_t)strtol(d->d_name, NULL, 10);

		if (tid > 0 && inside_tid(pid, tid) == tid_inside)
			found = tid;
	}
	closedir(dir);
	return found;
}
