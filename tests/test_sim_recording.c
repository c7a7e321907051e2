/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Recordings of decisions: which lines are read, and what is told of those that are not decided alike. */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/suite.h"
#include "tools/common/decision_text.h"
#include "tools/sim/sim.h"

static const struct {
	const char *why, *line;
	bool good;
} lines[] = {
	{"a double", "busy 0 cpus=1.5", true},
	{"a double that is not known", "busy 0 cpus=nan", true},
	{"the smallest double", "busy 0 cpus=4.9406564584124654e-324", true},
	{"a double beyond all", "busy 0 cpus=1e999", false},
	{"no number", "busy 0 cpus=", false},
	{"more than a number", "busy 0 cpus=1x", false},
	{"the smallest int", "move 0 from_engine=-2147483648", true},
	{"an int that would be cut to 0", "move 0 from_engine=4294967296", false},
	{"the largest unsigned", "move 0 thread=4294967295", true},
	{"an unsigned that would be cut to 0", "move 0 thread=4294967296", false},
	{"a negative one that would wrap", "move 0 thread=-1", false},
	{"64 bits", "engine 0 local_domains=ffffffffffffffff", true},
	{"65 bits", "engine 0 local_domains=1ffffffffffffffff", false},
	{"negative bits", "engine 0 local_domains=-1", false},
	{"a truth", "engine 0 duplex=1", true},
	{"more than true", "engine 0 duplex=2", false},
};

START_TEST(test_lines)
{
	struct dam_decision_text *x = dam_decision_text_create();
	enum dam_decision_call call;
	union dam_decision_arg arg;
	char line[128];
	unsigned int index;

	ck_assert_ptr_nonnull(x);
	snprintf(line, sizeof(line), DAM_DECISION_MARK "%s", lines[_i].line);
	ck_assert_msg((dam_decision_parse(x, line, &call, &index, &arg) == 0) == lines[_i].good, "%s", lines[_i].why);
	dam_decision_text_destroy(x);
}
END_TEST

static const char recording[] =
	"#> config 0 nr_domains=2 tick_s=0.01 max_engines=2 max_pools=1 max_threads=2\n"
	"#> thread 0\n"
	"#> tick 0 dt_s=0.01 max=64\n"
	"#> move 0 thread=0 to_domain=1\n";

START_TEST(test_a_difference_is_told_in_lines)
{
	char dir[64], path[96], text[8192] = "";
	int fd, told = fileno(tmpfile());

	scratch_dir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/recording", dir);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	ck_assert_int_eq(write(fd, recording, strlen(recording)), (int)strlen(recording));
	close(fd);
	ck_assert_int_ge(dup2(told, STDOUT_FILENO), 0);
	ck_assert_int_eq(sim_replay(path, false), 1);
	fflush(stdout);
	ck_assert_int_gt(pread(told, text, sizeof(text) - 1, 0), 0);
	ck_assert_ptr_nonnull(strstr(text, "\n  recorded: #> move 0 "));
	ck_assert_ptr_nonnull(strstr(text, "\n  now:      nothing\n"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sim_recording");
	TCase *tc = tcase_create("recording");

	tcase_add_loop_test(tc, test_lines, 0, sizeof(lines) / sizeof(lines[0]));
	tcase_add_test(tc, test_a_difference_is_told_in_lines);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
