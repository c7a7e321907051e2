/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What /proc says of this process and of a child that ends; what is said when nothing can be opened. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/suite.h"
#include "tools/coord/procfs.h"

static pid_t child = -1;
static int fd = -1; /* of coord_proc_io_kept() */

static void wake(int sig)
{
	(void)sig;
}

static void setup(void)
{
	signal(SIGUSR1, wake);
	child = fork();
	if (child == 0) {
		while (pause())
			;
		_exit(0);
	}
	ck_assert_int_gt(child, 0);
}

static void reap(void)
{
	if (child > 0) {
		kill(child, SIGKILL);
		ck_assert_int_eq(waitpid(child, NULL, 0), child);
	}
}

static void teardown(void)
{
	if (child > 0 && !kill(child, 0))
		reap();
	if (fd >= 0)
		close(fd);
	fd = -1;
}

static int gate[2];

static void *sit(void *arg)
{
	pid_t tid = (pid_t)syscall(SYS_gettid);

	(void)arg;
	if (write(gate[1], &tid, sizeof(tid)) == sizeof(tid))
		pause();
	return NULL;
}

/* No descriptor is left until the limit is @old again. */
static void use_up(struct rlimit *old)
{
	struct rlimit none;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, old), 0);
	none = *old;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
}

START_TEST(test_errors)
{
	int plain, kept, stat;
	struct rlimit old;
	uint64_t io[2], start;
	pid_t parent;

	ck_assert_int_eq(coord_proc_io(child, 0, io), 0);
	ck_assert_int_eq(coord_proc_io(child, child, io), 0);
	use_up(&old);
	plain = coord_proc_io(child, 0, io);
	kept = coord_proc_io_kept(child, &fd, io);
	stat = coord_proc_stat(child, &parent, &start);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	ck_assert_msg(plain == -EMFILE && kept == -EMFILE && stat == -EMFILE,
		      "without descriptors nobody has ended: %d, %d, %d", plain, kept, stat);
	ck_assert_int_eq(coord_proc_io_kept(child, &fd, io), 0);
	reap();
	ck_assert_msg(coord_proc_io(child, 0, io) == -ENOENT, "it has ended");
	ck_assert_int_eq(coord_proc_stat(child, &parent, &start), -ENOENT);
	ck_assert_msg(coord_proc_io_kept(child, &fd, io) == -ENOENT, "it has ended, says what is open");
}
END_TEST

START_TEST(test_parent)
{
	pid_t parent = -1, thread;
	pthread_t id;

	ck_assert_int_eq(coord_proc_parent(child, &parent), 0);
	ck_assert_int_eq(parent, getpid());
	ck_assert_int_eq(pipe(gate), 0);
	ck_assert_int_eq(pthread_create(&id, NULL, sit, &thread), 0);
	ck_assert_int_eq(read(gate[0], &thread, sizeof(thread)), sizeof(thread));
	ck_assert_msg(coord_proc_parent(thread, &parent) == -ENOENT, "a thread is nobody's child");
	pthread_cancel(id);
	pthread_join(id, NULL);
	reap();
	ck_assert_msg(coord_proc_parent(child, &parent) == -ENOENT, "it has ended");
}
END_TEST

START_TEST(test_runtime)
{
	uint64_t now = 0, before;
	clockid_t clock;

	ck_assert_int_eq(coord_proc_clock(child, &clock), 0);
	do { /* it goes to sleep, and then */
		before = now;
		usleep(1000);
		ck_assert_int_eq(coord_proc_runtime(clock, &now), 0);
	} while (now != before);
	kill(child, SIGUSR1);
	while (now == before)
		ck_assert_int_eq(coord_proc_runtime(clock, &now), 0);
	ck_assert_uint_gt(now, before);
	reap();
	ck_assert_msg(coord_proc_runtime(clock, &now) == -ENOENT, "it has ended");
}
END_TEST

START_TEST(test_name)
{
	pid_t parent = -1;
	uint64_t start = 0;
	char comm[16];
	int cpu = sched_getcpu();
	cpu_set_t here;

	CPU_ZERO(&here);
	ck_assert_int_eq(prctl(PR_SET_NAME, "a) Z 1 (b"), 0);
	ck_assert_int_eq(coord_proc_comm(getpid(), getpid(), comm), 0);
	ck_assert_str_eq(comm, "a) Z 1 (b");
	ck_assert_int_eq(coord_proc_stat(getpid(), &parent, &start), 0);
	ck_assert_int_eq(parent, getppid());
	ck_assert_uint_gt(start, 0);
	ck_assert(!coord_proc_ended(getpid()));
	CPU_SET(cpu, &here);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(here), &here), 0);
	ck_assert_int_eq(coord_proc_cpu(getpid(), getpid()), cpu);
	ck_assert_int_eq(coord_proc_leader(getpid()), getpid());
}
END_TEST

/* In one pid namespace everybody has one number. */
START_TEST(test_one_namespace)
{
	ck_assert(coord_proc_fits());
	ck_assert_int_eq(coord_proc_inside(getpid(), getpid()), getpid());
	ck_assert(!coord_proc_elsewhere(child));
	ck_assert_int_eq(coord_proc_child(getpid(), child), child);
	ck_assert_int_eq(coord_proc_inside(getpid(), child), -ENOENT);
}
END_TEST

/* Ended, and not waited for. */
START_TEST(test_zombie)
{
	siginfo_t info;

	kill(child, SIGKILL);
	ck_assert_int_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	ck_assert(coord_proc_ended(child));
}
END_TEST

static const struct {
	const char *what;
	long nr, arg[6]; /* [0]: none: the context, or the ring */
	bool want;
} waits[] = {
	{"io_getevents(), one, however long", SYS_io_getevents, {0, 1, 8, 0, 0}, true},
	{"io_pgetevents(), the same", SYS_io_pgetevents, {0, 1, 8, 0, 0, 0}, true},
	{"io_uring_enter(), the same", SYS_io_uring_enter, {0, 0, 1, 1, 0, 8}, true},
	{"io_getevents(), up to a time", SYS_io_getevents, {0, 1, 8, 0, (long)&(struct timespec){1000, 0}}, false},
	{"io_uring_enter(), up to a time", SYS_io_uring_enter,
	 {0, 0, 1, 1 | 1 << 3, (long)&(uint64_t[]){0, 8, (uint64_t)(uintptr_t)&(int64_t[]){1000, 0}}, 24}, false},
	{"for something else", SYS_ppoll, {0, 0, 0, 0, 0}, false},
};

/* A context or a ring, as the call wants it. Return: false: this kernel has none. */
static bool make_first(long nr, long *out)
{
	uint64_t params[15] = {0};

	*out = 0;
	if (nr == SYS_io_uring_enter)
		return (*out = syscall(SYS_io_uring_setup, 4, params)) >= 0;
	return nr == SYS_ppoll || !syscall(SYS_io_setup, 8, out);
}

static void wait_in_call(int i)
{
	uint64_t events[8][4];
	long arg[6];

	memcpy(arg, waits[i].arg, sizeof(arg));
	if (!make_first(waits[i].nr, &arg[0]))
		_exit(0);
	if (waits[i].nr == SYS_io_getevents || waits[i].nr == SYS_io_pgetevents)
		arg[3] = (long)events;
	syscall(waits[i].nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
	_exit(1);
}

START_TEST(test_awaits)
{
	char path[64], text[16];
	pid_t pid = fork();
	int status = 1;

	if (!pid)
		wait_in_call(_i);
	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	do {
		ck_assert_int_gt(coord_proc_read(path, text, sizeof(text)), 0);
		if (waitpid(pid, &status, WNOHANG)) {
			ck_assert_msg(!status, "%s: it does not wait", waits[_i].what);
			return; /* there is no such thing here */
		}
	} while (strtol(text, NULL, 10) != waits[_i].nr);
	ck_assert_msg(coord_proc_awaits(pid, pid) == waits[_i].want, "%s", waits[_i].what);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert(!coord_proc_awaits(pid, pid));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("procfs");
	TCase *t = tcase_create("procfs");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_errors);
	tcase_add_test(t, test_parent);
	tcase_add_test(t, test_runtime);
	tcase_add_test(t, test_name);
	tcase_add_test(t, test_one_namespace);
	tcase_add_test(t, test_zombie);
	tcase_add_loop_test(t, test_awaits, 0, sizeof(waits) / sizeof(waits[0]));
	suite_add_tcase(s, t);
	return run_suite(s);
}
