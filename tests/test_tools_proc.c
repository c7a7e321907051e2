/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Which processors a thread's control group allows, in trees as kernels show them; what that makes of masks. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"
#include "tools/common/proc.h"

#define TID 7

static const struct {
	const char *why;
	const char *file[2], *text[2]; /* a file of the tree, and what is in it */
	int err;
	const char *cpus;
} trees[] = {
	{"the unified hierarchy", {"proc/7/cpuset", "sys/fs/cgroup/pod/a/cpuset.cpus.effective"},
	 {"/pod/a\n", "0-3,8\n"}, 0, "0-3,8"},
	{"a hierarchy of its own", {"proc/7/cpuset", "sys/fs/cgroup/cpuset/pod/cpuset.effective_cpus"},
	 {"/pod\n", "4\n"}, 0, "4"},
	{"the root of it", {"proc/7/cpuset", "sys/fs/cgroup/cpuset/cpuset.effective_cpus"}, {"/\n", "0-1\n"}, 0, "0-1"},
	{"no controller at work: whatever is online", {"proc/7/cpuset", "sys/devices/system/cpu/online"},
	 {"/\n", "0,2-5\n"}, 0, "0,2-5"},
	{"a kernel without such groups", {"proc/7/stat", "sys/devices/system/cpu/online"}, {"7\n", "0-1\n"}, 0, "0-1"},
	{"a group that is not shown here is not taken for all", {"proc/7/cpuset", "sys/devices/system/cpu/online"},
	 {"/pod\n", "0-1\n"}, -ENOENT, ""},
	{"a group outside of our own", {"proc/7/cpuset", "sys/fs/cgroup/cpuset.cpus.effective"}, {"/../pod\n", "0\n"},
	 -ENOENT, ""},
	{"a list that is none", {"proc/7/cpuset", "sys/fs/cgroup/cpuset.cpus.effective"}, {"/\n", "no\n"}, -ENOENT, ""},
	{"an empty one: nothing runs there", {"proc/7/cpuset", "sys/fs/cgroup/cpuset.cpus.effective"}, {"/\n", "\n"},
	 -ENOENT, ""},
};

static void put(const char *root, const char *file, const char *text)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd), "mkdir -p \"$(dirname '%s/%s')\" && printf '%s' >'%s/%s'", root, file, text, root,
		 file);
	ck_assert_int_eq(system(cmd), 0);
}

START_TEST(test_allowed)
{
	char root[64], text[64] = "";
	struct dam_cpuset cpus;
	int err;

	scratch_dir(root, sizeof(root));
	for (int i = 0; i < 2; i++)
		put(root, trees[_i].file[i], trees[_i].text[i]);
	err = dam_thread_allowed(root, TID, &cpus);
	if (!err)
		dam_cpuset_format(&cpus, text, sizeof(text));
	ck_assert_msg(err == trees[_i].err && !strcmp(text, trees[_i].cpus), "%s: %d, \"%s\"", trees[_i].why, err, text);
}
END_TEST

static const struct {
	const char *why;
	uint64_t wanted, group, mask;
	bool cut, is_void;
} masks[] = {
	{"all of it is allowed", 0x3, 0xf, 0x3, true, false},
	{"a part is not", 0x6, 0x3, 0x2, true, false},
	{"nothing is: the kernel takes the group", 0x8, 0x3, 0x3, false, true},
	{"narrower than the kernel would make it", 0x6, 0xf, 0x2, false, false},
	{"wider", 0x6, 0xf, 0xf, false, false},
	{"nothing is, and it is not the group either", 0x8, 0x3, 0x1, false, false},
};

START_TEST(test_masks)
{
	const struct dam_cpuset wanted = {{masks[_i].wanted}}, group = {{masks[_i].group}}, mask = {{masks[_i].mask}};

	ck_assert_msg(dam_mask_is_cut(&wanted, &group, &mask) == masks[_i].cut, "%s", masks[_i].why);
	ck_assert_msg(dam_mask_is_void(&wanted, &group, &mask) == masks[_i].is_void, "%s", masks[_i].why);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tools_proc");
	TCase *tc = tcase_create("cpus");

	tcase_add_loop_test(tc, test_allowed, 0, sizeof(trees) / sizeof(trees[0]));
	tcase_add_loop_test(tc, test_masks, 0, sizeof(masks) / sizeof(masks[0]));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
