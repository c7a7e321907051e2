/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The program under dam-run: its environment, its signals, its end. */
#include "config.h"
#include "tools/run/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/yama.h"

/* Handed through when a process sent them; what the terminal sends reaches the whole group by itself. */
static const int forwarded[] = {SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};
/* As time(1) does: the terminal's ^C is the program's business. */
static const int ignored[] = {SIGINT, SIGQUIT};

#define NR(a) (sizeof(a) / sizeof((a)[0]))

struct saved_signals {
	sigset_t mask;
	struct sigaction action[NR(ignored)];
};

static void take_signals(struct saved_signals *old, sigset_t *wanted)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	sigemptyset(wanted);
	sigaddset(wanted, SIGCHLD);
	for (size_t i = 0; i < NR(forwarded); i++)
		sigaddset(wanted, forwarded[i]);
	sigprocmask(SIG_BLOCK, wanted, &old->mask);
	for (size_t i = 0; i < NR(ignored); i++)
		sigaction(ignored[i], &ignore, &old->action[i]);
}

static void give_signals_back(const struct saved_signals *old)
{
	for (size_t i = 0; i < NR(ignored); i++)
		sigaction(ignored[i], &old->action[i], NULL);
	sigprocmask(SIG_SETMASK, &old->mask, NULL);
}

/* Other preloaded libraries stay; in a dam-run inside a dam-run ours is there already. */
static int set_preload(const char *library)
{
	const char *old = getenv("LD_PRELOAD");
	char *both;
	int r;

	if (!old || !*old)
		return setenv("LD_PRELOAD", library, 1);
	if (strstr(old, library))
		return 0;
	if (asprintf(&both, "%s:%s", library, old) < 0)
		return -1;
	r = setenv("LD_PRELOAD", both, 1);
	free(both);
	return r;
}

static void exec_program(char **argv, const char *library, const struct run_coordinator *c, uint32_t run_id,
			 int report_fd)
{
	char id[16];
	int err;

	if (c->observer) /* a program that the library cannot enter does not do so itself */
		dam_yama_admit(c->observer);
	snprintf(id, sizeof(id), "%u", run_id);
	if (!set_preload(library) && !setenv("DAM_RUNTIME_DIR", c->dir, 1) &&
	    !setenv("DAM_RUN_ID", id, 1))
		execvp(argv[0], argv);
	err = errno;
	if (write(report_fd, &err, sizeof(err)) < 0)
		_exit(RUN_STATUS_FAILED);
	_exit(RUN_STATUS_NOT_EXECUTED);
}

/* Why the program was not executed; 0: it was, and the pipe was closed by that. */
static int read_exec_errno(int fd)
{
	int err = 0;
	ssize_t n;

	do {
		n = read(fd, &err, sizeof(err));
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(err) ? err : 0;
}

/* It has ended, and is not waited for yet: what the kernel counted for it can still be read. */
static bool has_ended(pid_t child)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == child;
}

static void wait_for(pid_t child, struct run_coordinator *c, const sigset_t *wanted)
{
	siginfo_t info;

	while (!has_ended(child)) {
		int sig;

		run_coordinator_check(c);
		sig = sigwaitinfo(wanted, &info);
		if (sig > 0 && sig != SIGCHLD && info.si_code <= 0)
			kill(child, sig);
	}
}

int run_child(char **argv, const char *library, struct run_coordinator *c, uint32_t run_id,
	      struct run_result *out)
{
	struct run_result r = {0};
	struct saved_signals old;
	sigset_t wanted;
	uint64_t begin;
	int report[2], status = 0;
	pid_t child;

	if (pipe2(report, O_CLOEXEC) < 0)
		return -errno;
	take_signals(&old, &wanted);
	begin = dam_now_ns();
	child = fork();
	if (child < 0) {
		close(report[0]);
		close(report[1]);
		return -errno;
	}
	if (child == 0) {
		give_signals_back(&old);
		exec_program(argv, library, c, run_id, report[1]);
	}
	close(report[1]);
	r.exec_errno = read_exec_errno(report[0]);
	close(report[0]);
	if (!r.exec_errno)
		run_coordinator_watch(c, child, run_id);
	wait_for(child, c, &wanted);
	r.elapsed_s = (double)(dam_now_ns() - begin) / (double)DAM_NS_PER_S;
	if (!r.exec_errno)
		run_coordinator_watch(c, child, run_id);
	waitpid(child, &status, 0);
	r.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	r.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
	*out = r;
	return 0;
}

void run_exit(const struct run_result *r)
{
	sigset_t one;

	if (r->exec_errno)
		exit(r->exec_errno == ENOENT ? RUN_STATUS_NOT_FOUND : RUN_STATUS_NOT_EXECUTED);
	if (!r->signal)
		exit(r->exit_status);
	fflush(NULL);
	prctl(PR_SET_DUMPABLE, 0); /* the program's core is the one of interest */
	signal(r->signal, SIG_DFL);
	sigemptyset(&one);
	sigaddset(&one, r->signal);
	raise(r->signal);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	exit(128 + r->signal); /* not reached: it was deadly for the program */
}
