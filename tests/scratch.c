/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* A folder for what tests write, which nothing outlives. */
#include "config.h"
#include "tests/scratch.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char top[64]; /* of scratch_run(); "": none */
static volatile pid_t runner;

void scratch_dir(char *out, size_t size)
{
	const char *in = top[0] ? top : access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";

	if (snprintf(out, size, "%s/dam-test-XXXXXX", in) >= (int)size || !mkdtemp(out) || chmod(out, 0711)) {
		perror(out);
		exit(99);
	}
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void scratch_remove(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* libcheck ends the running test on this one. */
static void on_signal(int sig)
{
	(void)sig;
	kill(runner, SIGTERM);
}

static void end_orphans(void)
{
	int pid;
	FILE *f;

	/* one at a time: the end of one may bring others here */
	while ((f = fopen("/proc/thread-self/children", "r"))) {
		if (fscanf(f, "%d", &pid) != 1)
			pid = 0;
		fclose(f);
		if (!pid)
			return;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

int scratch_run(int (*run)(void *arg), void *arg)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGTERM};
	struct sigaction action = {.sa_handler = on_signal}, former[3];
	sigset_t blocked, before;
	int status;

	sigemptyset(&blocked);
	for (int i = 0; i < 3; i++)
		sigaddset(&blocked, signals[i]);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	scratch_dir(top, sizeof(top));
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	runner = fork();
	if (runner == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
		setpgid(0, 0); /* libcheck hands signals on to its whole group */
		sigprocmask(SIG_SETMASK, &before, NULL);
		exit(run(arg));
	}
	for (int i = 0; i < 3; i++)
		sigaction(signals[i], &action, &former[i]);
	sigprocmask(SIG_SETMASK, &before, NULL);
	while (waitpid(runner, &status, 0) < 0 && errno == EINTR)
		;
	for (int i = 0; i < 3; i++)
		sigaction(signals[i], &former[i], NULL);
	end_orphans();
	scratch_remove(top);
	top[0] = '\0';
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
