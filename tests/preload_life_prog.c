/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * A program that knows nothing of DAM, in the situations in which an interposer can break one.
 * Usage: MODE FILE. Prints "pid operations" for each process that submitted; exit status 0 if all went well.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "tests/preload_prog.h"

extern char **environ;

#define NOT_ROOT 77

static int mode_plain(void)
{
	open_all();
	reads(50);
	tell();
	return 0;
}

/* Reads until the file named STOP beside the data file appears. */
static int mode_until(void)
{
	char stop[256];

	snprintf(stop, sizeof(stop), "%s.stop", path);
	open_all();
	while (access(stop, F_OK)) {
		one_read(&ring);
		usleep(500);
	}
	tell();
	return 0;
}

static void *read_much(void *arg)
{
	reads(4000);
	return arg;
}

/* The same; then another thread has much to do. */
static int mode_crowded(void)
{
	pthread_t t;

	mode_until();
	need(!pthread_create(&t, NULL, read_much, NULL), "thread");
	pthread_join(t, NULL);
	return 0;
}

static int child_reads(void)
{
	io_uring_queue_exit(&ring);
	done = 0;
	open_all();
	reads(30);
	tell();
	return 0;
}

static int wait_for(pid_t pid)
{
	int status;

	need(waitpid(pid, &status, 0) == pid, "wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int after_fork(pid_t (*how)(void))
{
	pid_t pid;
	int status;

	open_all();
	reads(50);
	pid = how();
	if (pid == 0)
		exit(child_reads());
	status = wait_for(pid);
	reads(20);
	tell();
	return status;
}

static int mode_fork(void)
{
	return after_fork(fork);
}

static int mode_fork_bare(void)
{
	return after_fork(_Fork);
}

static pid_t bare_clone(void)
{
	return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static int mode_clone(void)
{
	return after_fork(bare_clone);
}

static int mode_vfork(void)
{
	pid_t pid;
	int status;

	open_all();
	reads(50);
	pid = vfork();
	if (pid == 0) {
		close(fd);
		execl(self, self, "plain", path, (char *)NULL);
		_exit(127);
	}
	status = wait_for(pid);
	fd = open(path, O_RDWR | O_DIRECT);
	reads(20);
	tell();
	return status;
}

static int clone_child(void *arg)
{
	/* hooks run on the parent's memory here */
	close(*(int *)arg);
	dup2(2, 100);
	return 7;
}

static int mode_spawn(void)
{
	char *const argv[] = {(char *)self, (char *)"plain", (char *)path, NULL};
	pid_t pid;
	int status;

	open_all();
	reads(50);
	need(!posix_spawn(&pid, self, NULL, NULL, argv, environ), "spawn");
	status = wait_for(pid);
	reads(20);
	tell();
	return status;
}

/* A child on its parent's memory, with descriptors of its own. */
static int mode_clone_vm(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	pid_t pid;

	open_all();
	reads(10);
	pid = clone(clone_child, stack + sizeof(stack), CLONE_VM | SIGCHLD, &fd);
	need(wait_for(pid) == 7, "CLONE_VM");
	reads(10);
	tell();
	return 0;
}

static int mode_exec(void)
{
	open_all();
	reads(50);
	execl(self, self, "plain", path, (char *)NULL);
	return 127;
}

/* With the library's question outstanding, most likely. */
static int all_closed(void (*close_all)(void))
{
	open_all();
	reads(1);
	io_uring_queue_exit(&ring);
	close_all();
	open_all();
	reads(60);
	tell();
	return 0;
}

static void by_closefrom(void)
{
	closefrom(3);
}

static void by_close_range(void)
{
	need(!close_range(3, ~0u, 0), "close_range");
}

static void by_close(void)
{
	for (int i = 3; i < 1024; i++)
		close(i);
}

static void by_dup2(void)
{
	for (int i = 3; i < 1024; i++)
		dup2(0, i);
	by_close();
}

static int mode_closefrom(void)
{
	return all_closed(by_closefrom);
}

static int mode_close_range(void)
{
	return all_closed(by_close_range);
}

static int mode_close(void)
{
	return all_closed(by_close);
}

static int mode_dup2(void)
{
	return all_closed(by_dup2);
}

/*
 * The book's way: two forks, no terminal, no descriptor, another folder. The first parent stays to tell: the daemon
 * falls to it, and what it says and has counted is complete once it has ended.
 */
static int mode_daemon(void)
{
	char told[256];
	int out, status;
	pid_t pid;

	snprintf(told, sizeof(told), "%s.stop", path);
	need(!prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "subreaper");
	pid = fork();
	if (pid) {
		need(wait_for(pid) == 0, "parent of the daemon");
		need(wait(&status) > 0 && status == 0, "daemon");
		out = open(told, O_RDONLY);
		need(out >= 0 && read(out, told, sizeof(told)) > 0, "told");
		need(write(1, told, strcspn(told, "\n") + 1) > 0, "write");
		return 0;
	}
	need(setsid() > 0, "setsid");
	if (fork())
		_exit(0);
	closefrom(0);
	need(open("/dev/null", O_RDWR) == 0 && dup(0) == 1 && dup(0) == 2 && !chdir("/"), "daemon");
	open_all();
	reads(60);
	out = open(told, O_WRONLY | O_CREAT | O_EXCL, 0600);
	need(dup2(out, 1) == 1, told);
	tell();
	exit(0);
}

/* Another root, where there is no socket, before anything is submitted; then nothing of root's. */
static int mode_chroot(void)
{
	char folder[256];

	snprintf(folder, sizeof(folder), "%s", path);
	*strrchr(folder, '/') = '\0';
	if (geteuid() != 0)
		return NOT_ROOT;
	open_all();
	need(!chroot(folder) && !chdir("/"), "chroot");
	need(!setuid(65534), "setuid");
	reads(60);
	tell();
	return 0;
}

static int mode_setuid(void)
{
	if (geteuid() != 0)
		return NOT_ROOT;
	open_all();
	need(!setuid(65534), "setuid");
	reads(60);
	tell();
	return 0;
}

/* The strictest filter under which the program itself can go on: anything else kills the process. */
static void install_filter(void)
{
#define ALLOW(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(SYS_io_uring_enter), ALLOW(SYS_write), ALLOW(SYS_getpid), ALLOW(SYS_exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog prog = {sizeof(code) / sizeof(code[0]), code};

	need(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	need(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0), "seccomp");
}

static int mode_seccomp(void)
{
	open_all();
	/* until the coordinator has answered: two seconds are plenty */
	for (int i = 0; i < 400; i++) {
		one_read(&ring);
		usleep(1000);
	}
	install_filter();
	reads(200);
	tell();
	return 0;
}

/* The filter comes before the first submission: the library must stay out altogether. */
static int mode_seccomp_first(void)
{
	open_all();
	install_filter();
	reads(50);
	tell();
	return 0;
}

static void *endless(void *arg)
{
	struct io_uring r;

	need(!io_uring_queue_init(8, &r, 0), "ring");
	pthread_barrier_wait(arg);
	/* between any two instructions, the hooks' too: what the program has to do with it is its own affair */
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	for (;;)
		one_read(&r);
	return NULL;
}

static int mode_cancel(void)
{
	pthread_barrier_t b;
	pthread_t t;

	open_all();
	for (int i = 0; i < 20; i++) {
		pthread_barrier_init(&b, NULL, 2);
		need(!pthread_create(&t, NULL, endless, &b), "thread");
		pthread_barrier_wait(&b);
		usleep(1000);
		pthread_cancel(t);
		pthread_join(t, NULL);
	}
	return 0;
}

/* More threads than a private table would hold if slots were not given back, one after the other. */
static void *brief(void *arg)
{
	(void)arg;
	reads(1);
	return NULL;
}

static int mode_threads(void)
{
	pthread_t t;

	open_all();
	for (int i = 0; i < 200; i++) {
		need(!pthread_create(&t, NULL, brief, NULL), "thread");
		pthread_join(t, NULL);
	}
	tell();
	return 0;
}

static int brief_c11(void *arg)
{
	brief(arg);
	return 7;
}

static int mode_thrd(void)
{
	int result;
	thrd_t t;

	open_all();
	for (int i = 0; i < 50; i++) {
		need(thrd_create(&t, brief_c11, NULL) == thrd_success, "thread");
		need(thrd_join(t, &result) == thrd_success && result == 7, "its result");
	}
	tell();
	return 0;
}

static sem_t notified;

static void notify(union sigval value)
{
	reads((unsigned int)value.sival_int);
	sem_post(&notified);
}

/* Threads that libc itself makes. */
static int mode_sigev_thread(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = notify,
				 .sigev_value.sival_int = 3};
	struct itimerspec soon = {.it_value.tv_nsec = 1000000};
	timer_t timer;

	open_all();
	sem_init(&notified, 0, 0);
	for (int i = 0; i < 20; i++) {
		need(!timer_create(CLOCK_MONOTONIC, &event, &timer), "timer");
		need(!timer_settime(timer, 0, &soon, NULL), "timer");
		while (sem_wait(&notified))
			;
		need(!timer_delete(timer), "timer");
	}
	tell();
	return 0;
}

static int mode_bad_pointers(void)
{
	const struct iovec *const bad[] = {(struct iovec *)4096, NULL};
	struct io_uring_cqe *cqe;

	open_all();
	reads(10);
	for (int i = 0; i < 2; i++) {
		io_uring_prep_readv(io_uring_get_sqe(&ring), fd, bad[i], 3, 0);
		need(io_uring_submit(&ring) == 1, "submit");
		need(!io_uring_wait_cqe(&ring, &cqe) && cqe->res == -EFAULT, "EFAULT");
		io_uring_cqe_seen(&ring, cqe);
	}
	tell();
	return 0;
}

/*
 * Nothing of the library's among the lowest descriptors, which programs count on, and nothing above 63, for which
 * the kernel would enlarge the table and in a program with threads wait for a grace period.
 */
static int mode_descriptors(void)
{
	int before = dup(0), inherited[1024];

	close(before);
	for (int i = 64; i < 1024; i++)
		inherited[i] = fcntl(i, F_GETFD);
	open_all();
	reads(5);
	for (int i = 64; i < 1024; i++)
		need(fcntl(i, F_GETFD) == inherited[i], "a high descriptor");
	io_uring_queue_exit(&ring);
	close(fd);
	need(dup(0) == before, "the lowest free descriptor");
	return 0;
}

static int mode_environment(void)
{
	const char *list = getenv("LD_PRELOAD");

	dprintf(1, "%s\n", list ? list : "(none)");
	return 0;
}

static const struct mode modes[] = {
	{"plain", mode_plain}, {"until", mode_until}, {"crowded", mode_crowded}, {"fork", mode_fork}, {"_Fork", mode_fork_bare},
	{"clone", mode_clone}, {"vfork", mode_vfork}, {"clone-vm", mode_clone_vm}, {"exec", mode_exec},
	{"posix_spawn", mode_spawn}, {"close", mode_close}, {"close_range", mode_close_range}, {"dup2", mode_dup2},
	{"daemon", mode_daemon}, {"chroot", mode_chroot}, {"setuid", mode_setuid}, {"thrd", mode_thrd},
	{"sigev-thread", mode_sigev_thread}, {"closefrom", mode_closefrom}, {"seccomp", mode_seccomp}, {"seccomp-first", mode_seccomp_first},
	{"cancel", mode_cancel}, {"threads", mode_threads},
	{"bad-pointers", mode_bad_pointers}, {"environment", mode_environment}, {"descriptors", mode_descriptors},
};

int main(int argc, char **argv)
{
	return run_mode(argc, argv, modes, sizeof(modes) / sizeof(modes[0]));
}
