/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * A program for containers. inside FILE: two threads, whose names tell how many direct reads of FILE each does.
 * inside FILE alike (root): the same in a pid namespace of its own, where the process has the number that it has
 * outside, and the second thread the number that the first one has outside. What has such numbers is easily mistaken.
 * Exit status 77: that cannot be had here.
 */
#include "config.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK  4096
#define PAUSE_US 2000
#define TRIES  100
#define ABSENT 77

static const char *path;

struct reader {
	const char *name;
	int reads;
	pthread_t thread;
	pthread_barrier_t *begin;
	pid_t outside, inside;
};

/* The numbers of the calling thread; /proc is the one outside. */
static void read_numbers(struct reader *r)
{
	FILE *f = fopen("/proc/thread-self/status", "r");
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "NSpid: %d %d", &r->outside, &r->inside) == 2)
			break;
	if (f)
		fclose(f);
}

static void *read_file(void *arg)
{
	struct reader *r = arg;
	void *buf = NULL;
	int fd;

	prctl(PR_SET_NAME, r->name);
	read_numbers(r);
	pthread_barrier_wait(r->begin); /* the numbers are known */
	pthread_barrier_wait(r->begin); /* both are there, or it is to be tried again */
	fd = open(path, O_RDONLY | O_DIRECT);
	if (fd < 0 || posix_memalign(&buf, BLOCK, BLOCK))
		_exit(1);
	for (int i = 0; i < r->reads; i++) {
		if (pread(fd, buf, BLOCK, 0) != BLOCK)
			_exit(1);
		usleep(PAUSE_US);
	}
	close(fd);
	free(buf);
	return NULL;
}

static void start(struct reader *r, pthread_barrier_t *begin)
{
	pthread_barrier_init(begin, NULL, 2);
	r->begin = begin;
	if (pthread_create(&r->thread, NULL, read_file, r))
		_exit(1);
	pthread_barrier_wait(begin);
}

/* The next thread of this pid namespace is to have this number. */
static bool ask_for(pid_t next)
{
	FILE *f = fopen("/proc/sys/kernel/ns_last_pid", "w");
	bool ok = f && fprintf(f, "%d", (int)next - 1) > 0;

	return f && fclose(f) == 0 && ok;
}

static int run(bool alike)
{
	struct reader first = {.name = "first300", .reads = 300}, second = {.name = "second200", .reads = 200};
	pthread_barrier_t begin[2];

	start(&first, &begin[0]);
	if (alike && !ask_for(first.outside))
		return ABSENT;
	start(&second, &begin[1]);
	if (alike && second.inside != first.outside)
		return ABSENT;
	pthread_barrier_wait(&begin[0]);
	pthread_barrier_wait(&begin[1]);
	pthread_join(first.thread, NULL);
	pthread_join(second.thread, NULL);
	return 0;
}

static int wait_for(pid_t pid)
{
	int status;

	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : ABSENT;
}

/* In the new pid namespace, whose first process this is: a child with one number in both. */
static int run_alike(const char *self)
{
	for (int try = 0; try < TRIES; try++) {
		int32_t number = 20000 + 97 * try, both[2] = {number, number};
		struct clone_args args = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)both, .set_tid_size = 2};
		long pid = syscall(SYS_clone3, &args, sizeof(args));

		if (pid == 0) {
			execl(self, self, path, "begin", (char *)NULL);
			_exit(ABSENT);
		}
		if (pid > 0)
			return wait_for((pid_t)pid);
	}
	return ABSENT;
}

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc < 2)
		return 2;
	path = argv[1];
	if (argc == 2 || !strcmp(argv[2], "begin"))
		return run(argc > 2);
	if (unshare(CLONE_NEWPID))
		return ABSENT;
	pid = fork();
	if (pid == 0)
		_exit(run_alike(argv[0]));
	return wait_for(pid);
}
