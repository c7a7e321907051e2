/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Coordinators that come, go and hang; programs that fork, exec, close, sandbox and pin. */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/suite.h"

#define PROG	  "tests/preload_life_prog"
#define NOT_ROOT  77
#define TEST_FILE DAM_BUILDDIR "/tests/preload-life.data"

#include "tests/preload_modes.h"

static const struct {
	const char *why, *mode;
	unsigned int processes; /* that print their operations */
	unsigned int attaches;	/* 0: as many */
	int nth;		/* which attach of the process is compared; -1: none */
} rows[] = {
	{"no surprise", "plain", 1, 0, 0},
	{"a child of fork counts in a ledger of its own", "fork", 2, 0, 0},
	{"so does one of _Fork, which no atfork handler sees", "_Fork", 2, 0, 0},
	{"and one of a bare clone", "clone", 2, 0, 0},
	{"vfork and exec", "vfork", 2, 0, 0},
	{"a child on the same memory", "clone-vm", 1, 0, 0},
	{"exec: a second attach from the same pid", "exec", 1, 2, 1},
	{"all descriptors closed: none of ours is missed", "closefrom", 1, 0, 0},
	{"the same by close_range", "close_range", 1, 0, 0},
	{"the same one by one", "close", 1, 0, 0},
	{"the same by something else in their place", "dup2", 1, 0, 0},
	{"a daemon that closes everything", "daemon", 1, 0, 0},
	{"another user than at the start", "setuid", 1, 0, 0},
	{"another root, and another user", "chroot", 1, 0, 0},
	{"posix_spawn", "posix_spawn", 2, 0, 0},
	{"threads of C11", "thrd", 1, 0, 0},
	{"threads that libc makes", "sigev-thread", 1, 0, 0},
	{"a strict filter: counting goes on, system calls do not", "seccomp", 1, 0, 0},
	{"threads that end give their counts", "threads", 1, 0, 0},
	{"cancelled threads", "cancel", 0, 1, -1},
};

START_TEST(test_row)
{
	unsigned int want = rows[_i].attaches ? rows[_i].attaches : rows[_i].processes;
	int status = run_until_answered(rows[_i].mode, want, rows[_i].nth, 0);
	const struct dam_slot *s;

	if (status == NOT_ROOT)
		return;
	ck_assert_msg(status == 0, "%s: status %d", rows[_i].why, status);
	ck_assert_msg(c.nr == want, "%s: attached %u times", rows[_i].why, c.nr);
	if (rows[_i].nth < 0)
		return;
	ck_assert_msg(compare((unsigned int)rows[_i].nth) == rows[_i].processes, "%s", rows[_i].why);
	s = &c.client[0].ledger->slot[0];
	ck_assert_msg(!s->heir && !s->pin_calls, "%s: nobody has pinned it", rows[_i].why);
}
END_TEST

/* The answer is still out when the program closes the line, or goes where it could not ask again. */
static const char *const impatient[] = {"closefrom", "close_range", "close", "dup2", "chroot"};

START_TEST(test_slow_answer)
{
	int status = run_until_answered(impatient[_i], 1, 0, 40);

	if (status == NOT_ROOT)
		return;
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(c.nr, 1);
	ck_assert_uint_eq(compare(0), 1);
}
END_TEST

static const char *const alone[] = {"plain", "fork", "vfork", "exec", "closefrom", "seccomp-first",
				    "cancel", "bad-pointers", "descriptors"};

START_TEST(test_no_coordinator)
{
	ck_assert_int_eq(coord_reap(&c, start(alone[_i])), 0);
}
END_TEST

/* It accepts nobody: connections wait in the backlog, nobody ever answers. */
START_TEST(test_hanging_coordinator)
{
	int status;
	pid_t pid;

	coord_start(&c, TEST_FILE);
	pid = start(alone[_i]);
	while (waitpid(pid, &status, WNOHANG) == 0)
		usleep(1000);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(test_filter_first)
{
	coord_start(&c, TEST_FILE);
	ck_assert_int_eq(coord_reap(&c, start("seccomp-first")), 0);
	ck_assert_uint_eq(c.nr, 0);
}
END_TEST

START_TEST(test_bad_pointers)
{
	ck_assert_int_eq(run_until_answered("bad-pointers", 1, 0, 0), 0);
	ck_assert_uint_eq(c.nr, 1);
	/* the operations were submitted; nobody can say how many bytes they asked for */
	ck_assert_uint_eq(ops_of(0), 12);
	ck_assert_uint_eq(coord_sum(&c, 0, 7).read_bytes, 10 * 4096);
}
END_TEST

static void stop_program(pid_t pid)
{
	int fd = open(TEST_FILE ".stop", O_CREAT | O_RDWR, 0600);

	close(fd);
	ck_assert_int_eq(coord_reap(&c, pid), 0);
}

START_TEST(test_comes_later)
{
	pid_t pid = start("until");

	coord_step(&c, 300); /* nobody is there yet */
	coord_start(&c, TEST_FILE);
	wait_attached(1);
	stop_program(pid);
}
END_TEST

/* Every slot is taken: to look at all of them at each submission would cost more than those do. */
START_TEST(test_no_slot)
{
	uint64_t begin, most, seen;
	struct dam_ledger *l;
	pid_t pid;

	coord_start(&c, TEST_FILE);
	pid = start("crowded");
	wait_attached(1);
	l = c.client[0].ledger;
	for (unsigned int i = 0; i < DAM_LEDGER_SLOTS; i++)
		if (l->slot[i].state == DAM_SLOT_FREE)
			l->slot[i].state = DAM_SLOT_CLAIMED;
	begin = dam_now_ns();
	stop_program(pid);
	most = 2 + (dam_now_ns() - begin) / (20 * DAM_NS_PER_MS);
	seen = l->no_slot;
	ck_assert_uint_ge(seen, 1);
	ck_assert_msg(seen <= most, "looked for %u times, not %u", (unsigned int)seen, (unsigned int)most);
}
END_TEST

START_TEST(test_ends_and_comes_back)
{
	pid_t pid;

	coord_start(&c, TEST_FILE);
	pid = start("until");
	wait_attached(1);
	coord_stop(&c);
	coord_start(&c, TEST_FILE);
	wait_attached(1);
	stop_program(pid);
}
END_TEST

/* Killed: nobody marks the board closed, its heart just stops. */
START_TEST(test_killed_and_comes_back)
{
	struct dam_ledger *first;
	uint64_t end = dam_now_ns() + 20 * DAM_NS_PER_S;
	pid_t pid;

	coord_start(&c, TEST_FILE);
	pid = start("until");
	wait_attached(1);
	first = c.client[0].ledger;
	close(c.listener);
	c.listener = -1;
	while (!__atomic_load_n(&first->detached, __ATOMIC_ACQUIRE)) {
		ck_assert(dam_now_ns() < end);
		coord_step(&c, 10);
	}
	coord_start(&c, TEST_FILE);
	wait_attached(1);
	stop_program(pid);
}
END_TEST

static const struct {
	const char *why, *follow, *list, *want;
} follow_rows[] = {
	{"the default: children are followed", NULL, "%s", "%s"},
	{"1 is the default", "1", "%s", "%s"},
	{"alone: the variable goes", "0", "%s", "(none)"},
	{"others stay", "0", "/lib/none.so:%s:/lib/nil.so", "/lib/none.so:/lib/nil.so"},
};

START_TEST(test_follow)
{
	static const char lib[] = DAM_BUILDDIR "/.libs/libdam_preload.so";
	char list[1024], want[1024], line[1024] = "", cmd[2048];
	FILE *p;

	/* rows of this file, not input */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(list, sizeof(list), follow_rows[_i].list, lib);
	snprintf(want, sizeof(want), follow_rows[_i].want, lib);
#pragma GCC diagnostic pop
	snprintf(cmd, sizeof(cmd), "DAM_RUNTIME_DIR=%s %s%s LD_PRELOAD=%s %s environment - 2>/dev/null", c.dir,
		 follow_rows[_i].follow ? "DAM_FOLLOW=" : "",
		 follow_rows[_i].follow ? follow_rows[_i].follow : "", list, PROG);
	p = popen(cmd, "r");
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), p));
	pclose(p);
	line[strcspn(line, "\n")] = '\0';
	ck_assert_msg(!strcmp(line, want), "%s: %s", follow_rows[_i].why, line);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("preload_life");
	TCase *tc = tcase_create("life");

	if (chdir(DAM_BUILDDIR))
		return EXIT_FAILURE;
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_row, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_loop_test(tc, test_slow_answer, 0, sizeof(impatient) / sizeof(impatient[0]));
	tcase_add_loop_test(tc, test_no_coordinator, 0, sizeof(alone) / sizeof(alone[0]));
	tcase_add_loop_test(tc, test_hanging_coordinator, 0, sizeof(alone) / sizeof(alone[0]));
	tcase_add_test(tc, test_filter_first);
	tcase_add_test(tc, test_bad_pointers);
	tcase_add_test(tc, test_comes_later);
	tcase_add_test(tc, test_no_slot);
	tcase_add_test(tc, test_ends_and_comes_back);
	tcase_add_test(tc, test_killed_and_comes_back);
	tcase_add_loop_test(tc, test_follow, 0, sizeof(follow_rows) / sizeof(follow_rows[0]));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
