/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Programs that pin their threads: the library tells, and shows them the masks that they would have without DAM. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/suite.h"

#define PROG	  "tests/preload_pins_prog"
#define TEST_FILE DAM_BUILDDIR "/tests/preload-pins.data"

#include "tests/preload_modes.h"

static const struct {
	const char *why, *mode;
	bool coordinator;
	unsigned int pin_calls, heir; /* of the thread that submitted */
} rows[] = {
	{"a pin before the first submission", "before", true, 1, 0},
	{"a pin through syscall()", "after", true, 1, 0},
	{"a pin by another thread", "other", true, 1, 0},
	{"a pin of its creator's", "heir", true, 0, 1},
	{"nobody to be told", "other", false, 0, 0},
};

START_TEST(test_row)
{
	const struct dam_slot *s;

	if (!rows[_i].coordinator) {
		ck_assert_int_eq(coord_reap(&c, start(rows[_i].mode)), 0);
		return;
	}
	ck_assert_msg(run_until_answered(rows[_i].mode, 1, 0, 0) == 0, "%s", rows[_i].why);
	ck_assert_uint_eq(c.nr, 1);
	ck_assert_uint_eq(compare(0), 1);
	s = &c.client[0].ledger->slot[0];
	ck_assert_msg(rows[_i].heir ? s->heir : s->pin_calls == rows[_i].pin_calls, "%s", rows[_i].why);
}
END_TEST

START_TEST(test_mask_shown_back)
{
	struct dam_cpuset orig, dam = {{0}};
	struct dam_slot *s;
	unsigned int cpu = 0;
	pid_t pid;

	ck_assert_int_eq(dam_cpuset_get_thread(0, &orig), 0);
	if (dam_cpuset_count(&orig) < 2)
		return;
	while (!dam_cpuset_has(&orig, cpu))
		cpu++;
	dam_cpuset_set(&dam, cpu);
	coord_start(&c, TEST_FILE);
	pid = start("moved");
	wait_attached(1);
	s = &c.client[0].ledger->slot[0];
	dam_slot_set_masks(s, &orig, &dam);
	ck_assert_int_eq(dam_cpuset_set_thread((pid_t)s->tid, &dam), 0);
	ck_assert_int_eq(coord_reap(&c, pid), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("preload_pins");
	TCase *tc = tcase_create("pins");

	if (chdir(DAM_BUILDDIR))
		return EXIT_FAILURE;
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_row, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(tc, test_mask_shown_back);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
