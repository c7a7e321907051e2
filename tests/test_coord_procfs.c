/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What /proc says of this process and of a child that ends; what is said when nothing can be opened. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
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
	suite_add_tcase(s, t);
	return run_suite(s);
}
