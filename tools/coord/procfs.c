/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What /proc says of processes and threads: names, parents, start times, pid namespaces, I/O. */
#include "config.h"
#include "tools/coord/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "tools/common/proc.h"

/* io_uring_enter()'s flags */
#define ENTER_GETEVENTS	      (1ul << 0)
#define ENTER_EXT_ARG	      (1ul << 3) /* there are limits, of time or of signals */
#define ENTER_REGISTERED_RING (1ul << 4) /* the descriptor is an index of the thread's own */

#define MAX_SPACES	      33 /* pid namespaces within one another: the kernel's bound, and the first */
#define FIRST_PID_SPACE	      0xeffffffcu /* PROC_PID_INIT_INO: the inode of the one that the kernel began with */
#define EXITING		      4		   /* PF_EXITING: it gives up its memory and its files, and has not ended yet */

ssize_t coord_proc_read(const char *path, char *buf, size_t size)
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

/* @file of process @pid, or of its thread @tid. */
static const char *path_of(pid_t pid, pid_t tid, const char *file, char buf[64])
{
	if (tid)
		snprintf(buf, 64, "/proc/%d/task/%d/%s", (int)pid, (int)tid, file);
	else
		snprintf(buf, 64, "/proc/%d/%s", (int)pid, file);
	return buf;
}

/* A shortage of descriptors or memory is neither an end nor a refusal. */
static int error_of(int err)
{
	return err == -EPERM ? -EACCES : err == -ESRCH ? -ENOENT : err;
}

/* The beginning of that file, terminated. Return: its length; -ENOENT: gone; -EACCES: not for us; another -errno. */
static ssize_t read_of(pid_t pid, pid_t tid, const char *file, char *buf, size_t size)
{
	char path[64];
	ssize_t n = coord_proc_read(path_of(pid, tid, file, path), buf, size);

	return n < 0 ? error_of((int)n) : n;
}

/*
 * The fields of its stat file from the state on. The name before it may hold blanks and parentheses: fields are
 * counted from its last one. Return: 0; -ENOENT: gone; another -errno.
 */
static int read_stat(pid_t pid, pid_t tid, char buf[1024], const char **out)
{
	ssize_t n = read_of(pid, tid, "stat", buf, 1024);
	const char *p = n < 0 ? NULL : strrchr(buf, ')');

	if (n < 0)
		return (int)n;
	if (!p || !p[1])
		return -EINVAL;
	*out = p + 2;
	return 0;
}

int coord_proc_comm(pid_t pid, pid_t tid, char out[16])
{
	char buf[32];
	ssize_t n = read_of(pid, tid, "comm", buf, sizeof(buf));

	if (n < 0)
		return (int)n;
	buf[strcspn(buf, "\n")] = '\0';
	snprintf(out, 16, "%.15s", buf);
	return 0;
}

int coord_proc_stat(pid_t pid, pid_t *ppid, uint64_t *start)
{
	char buf[1024];
	const char *fields;
	int parent, err = read_stat(pid, 0, buf, &fields);
	unsigned long long begun;

	if (err)
		return err;
	if (sscanf(fields, "%*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
		   &parent, &begun) != 2)
		return -EINVAL;
	*ppid = parent;
	*start = begun;
	return 0;
}

/* Linux 6.13. */
struct process_info {
	uint64_t mask, cgroup;
	uint32_t pid, tgid, ppid, ids[8];
	int32_t exit_code;
};
#define GET_INFO _IOWR(0xff, 11, struct process_info)
#define INFO_PID 1

int coord_proc_parent(pid_t pid, pid_t *ppid)
{
	struct process_info info = {.mask = INFO_PID};
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	uint64_t start;
	bool told;

	if (fd < 0 && (errno == ESRCH || errno == EINVAL || errno == ENOENT))
		return -ENOENT;
	told = fd >= 0 && !ioctl(fd, GET_INFO, &info) && info.mask & INFO_PID;
	if (fd >= 0)
		close(fd);
	if (!told)
		return coord_proc_stat(pid, ppid, &start);
	*ppid = (pid_t)info.ppid;
	return 0;
}

bool coord_proc_ended(pid_t pid)
{
	char buf[1024], state;
	const char *fields;
	unsigned int flags;

	return !read_stat(pid, 0, buf, &fields) && sscanf(fields, "%c %*d %*d %*d %*d %*d %u", &state, &flags) == 2 &&
	       (state == 'Z' || (flags & EXITING));
}

int coord_proc_cpu(pid_t pid, pid_t tid)
{
	char buf[1024];
	const char *p = NULL;

	if (read_stat(pid, tid, buf, &p))
		return -ENOENT;
	for (int field = 3; p && field < 39; field++) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	return p ? (int)strtol(p, NULL, 10) : -ENOENT;
}

int coord_proc_cputime(pid_t pid, pid_t tid, uint64_t *out)
{
	unsigned long long run, wait;
	char buf[96];

	if (read_of(pid, tid, "schedstat", buf, sizeof(buf)) < 0 || sscanf(buf, "%llu %llu", &run, &wait) != 2)
		return -ENOENT;
	*out = run + wait;
	return 0;
}

int coord_proc_clock(pid_t pid, clockid_t *out)
{
	return clock_getcpuclockid(pid, out) ? -ENOENT : 0;
}

int coord_proc_runtime(clockid_t clock, uint64_t *out)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts))
		return -ENOENT;
	*out = (uint64_t)ts.tv_sec * DAM_NS_PER_S + (uint64_t)ts.tv_nsec;
	return 0;
}

/* The line of a thread's status that begins with @field, which brings its newline. NULL: not known. */
static char *status_of(pid_t pid, pid_t tid, const char *field, char *buf, size_t size)
{
	return read_of(pid, tid, "status", buf, size) < 0 ? NULL : strstr(buf, field);
}

pid_t coord_proc_leader(pid_t tid)
{
	char buf[1024], *p;

	p = status_of(tid, 0, "\nTgid:", buf, sizeof(buf));
	return p ? (pid_t)strtol(p + 6, NULL, 10) : -ENOENT;
}

int coord_proc_euid(pid_t pid, uid_t *out)
{
	char buf[1024], *p;
	unsigned int euid;

	p = status_of(pid, 0, "\nUid:", buf, sizeof(buf));
	if (!p || sscanf(p, "\nUid: %*u %u", &euid) != 1)
		return -ENOENT;
	*out = euid;
	return 0;
}

/*
 * What a thread is called in our pid namespace, in each one below that it is in, and in its own, which is the last.
 * Return: how many they are; 0: not known.
 */
static unsigned int read_names(pid_t pid, pid_t tid, pid_t out[MAX_SPACES])
{
	char buf[4096], *p, *end;
	unsigned int nr = 0;

	p = status_of(pid, tid, "\nNSpid:", buf, sizeof(buf));
	for (p = p ? p + 7 : NULL; p && *p == '\t' && nr < MAX_SPACES; p = end)
		out[nr++] = (pid_t)strtol(p, &end, 10);
	return nr;
}

pid_t coord_proc_inside(pid_t pid, pid_t tid)
{
	pid_t name[MAX_SPACES];
	unsigned int nr = read_names(pid, tid, name);

	return nr ? name[nr - 1] : -ENOENT;
}

bool coord_proc_elsewhere(pid_t pid)
{
	pid_t name[MAX_SPACES];

	return read_names(pid, 0, name) > 1;
}

pid_t coord_proc_child(pid_t parent, pid_t child)
{
	pid_t name[MAX_SPACES], found = -ENOENT;
	unsigned int depth = read_names(parent, 0, name), nr;
	struct dam_proc *list;

	if (depth <= 1)
		return child;
	nr = dam_proc_list(&list);
	for (unsigned int i = 0; i < nr && found < 0; i++)
		if (list[i].ppid == parent && read_names(list[i].pid, 0, name) >= depth && name[depth - 1] == child)
			found = list[i].pid;
	free(list);
	return found;
}

bool coord_proc_fits(void)
{
	char text[16], *end;
	ssize_t n = readlink("/proc/self", text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return strtol(text, &end, 10) == getpid() && !*end;
}

bool coord_proc_outermost(void)
{
	struct stat st;

	return !stat("/proc/self/ns/pid", &st) && st.st_ino == FIRST_PID_SPACE;
}

static int parse_io(const char *text, uint64_t out[2])
{
	const char *p = strstr(text, "read_bytes: ");
	unsigned long long read, written;

	if (!p || sscanf(p, "read_bytes: %llu write_bytes: %llu", &read, &written) != 2)
		return -ENOENT;
	out[0] = read;
	out[1] = written;
	return 0;
}

int coord_proc_io(pid_t pid, pid_t tid, uint64_t out[2])
{
	char buf[512];
	ssize_t n = read_of(pid, tid, "io", buf, sizeof(buf));

	return n < 0 ? (int)n : parse_io(buf, out);
}

int coord_proc_io_kept(pid_t pid, int *fd, uint64_t out[2])
{
	char path[64], buf[512];
	ssize_t n;

	if (*fd < 0)
		*fd = open(path_of(pid, 0, "io", path), O_RDONLY | O_CLOEXEC);
	n = *fd < 0 ? -1 : pread(*fd, buf, sizeof(buf) - 1, 0);
	if (n < 0)
		return error_of(-errno);
	buf[n] = '\0';
	return parse_io(buf, out);
}

/* The system call that a thread is in. Return: 0; -ENOENT: in none; another -errno. */
static int read_syscall(pid_t pid, pid_t tid, long *nr, unsigned long arg[6])
{
	char buf[256];
	ssize_t n = read_of(pid, tid, "syscall", buf, sizeof(buf));

	if (n < 0)
		return (int)n;
	return sscanf(buf, "%ld 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx 0x%lx", nr, &arg[0], &arg[1], &arg[2], &arg[3], &arg[4],
		      &arg[5]) == 7 ? 0 : -ENOENT;
}

int coord_proc_ring(pid_t pid, pid_t tid)
{
	unsigned long arg[6];
	long nr;
	int err = read_syscall(pid, tid, &nr, arg);

	if (err)
		return err;
	return nr != SYS_io_uring_enter || arg[3] & ENTER_REGISTERED_RING ? -ENOENT : (int)arg[0];
}

bool coord_proc_awaits(pid_t pid, pid_t tid)
{
	unsigned long arg[6];
	long nr;

	if (read_syscall(pid, tid, &nr, arg))
		return false;
	if (nr == SYS_io_uring_enter) /* (ring, to submit, completions, flags, limits, their size) */
		return arg[2] && arg[3] & ENTER_GETEVENTS && !(arg[3] & ENTER_EXT_ARG);
	/* (context, completions, at most, where to, time limit) */
	return (nr == SYS_io_getevents || nr == SYS_io_pgetevents) && arg[1] && !arg[4];
}
