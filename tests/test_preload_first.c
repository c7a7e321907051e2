/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The application comes first: moments at which the library once killed a program, held it up or slowed it down. */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/suite.h"

#define PROG	  "tests/preload_first_prog"
#define SKIPPED	  77
#define TEST_FILE DAM_BUILDDIR "/tests/preload-first.data"

#include "tests/preload_modes.h"

static const struct {
	const char *why, *mode;
	bool coordinator; /* with one, too */
	int times;
} rows[] = {
	{"a filter that came with the process: no call that the program would not make", "jail", false, 1},
	{"the same in an environment that invites the library", "jail-invited", true, 1},
	{"a filter for all threads, while others are in hooks", "all-threads", true, 10},
	{"all descriptors closed: what is known of none is not looked at", "untouched", true, 1},
	{"no libunwind: no error that the program would take for its own", "hide-unwinder", true, 1},
	{"a ring torn down by another thread before the hook has come back", "torn-ring", true, 1},
	{"a context of libaio, likewise", "torn-context", true, 1},
	{"all memory to come is locked: not the library's", "locked", true, 1},
};

START_TEST(test_row)
{
	for (int with = 0; with <= rows[_i].coordinator; with++) {
		if (with)
			coord_start(&c, TEST_FILE);
		for (int i = 0; i < rows[_i].times; i++) {
			int status = coord_reap(&c, start(rows[_i].mode));

			if (status == SKIPPED)
				return;
			ck_assert_msg(status == 0, "%s, %s coordinator: status %d", rows[_i].why,
				      with ? "a" : "no", status);
		}
	}
}
END_TEST

/* The child asks for a ledger of its own, as any other does, and is not held up by a lock that is nobody's. */
START_TEST(test_fork_asking)
{
	unsigned int pid, ops, n = 0;
	int status;

	coord_start(&c, TEST_FILE);
	status = coord_reap(&c, start("fork-asking"));
	if (status == SKIPPED)
		return;
	ck_assert_int_eq(status, 0);
	rewind(out);
	for (; fscanf(out, "%u %u", &pid, &ops) == 2; n++) {
		unsigned int i = 0;

		while (i < c.nr && (unsigned int)c.client[i].pid != pid)
			i++;
		ck_assert_msg(i < c.nr, "process %u did not attach", pid);
	}
	ck_assert_uint_eq(n, 2);
}
END_TEST

/* Nobody was there at first, so nothing was asked about the descriptor. */
START_TEST(test_plain_comes_later)
{
	uint64_t end = dam_now_ns() + 20 * DAM_NS_PER_S;
	pid_t pid = start("until-plain");

	coord_step(&c, 100);
	coord_start(&c, TEST_FILE);
	while (!c.nr || ops_of(0) < 10) {
		coord_step(&c, 5);
		ck_assert_msg(dam_now_ns() < end, "attached %u times", c.nr);
	}
	close(open(TEST_FILE ".stop", O_CREAT | O_RDWR, 0600));
	ck_assert_int_eq(coord_reap(&c, pid), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("preload_first");
	TCase *tc = tcase_create("first");

	if (chdir(DAM_BUILDDIR))
		return EXIT_FAILURE;
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_row, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(tc, test_fork_asking);
	tcase_add_test(tc, test_plain_comes_later);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
