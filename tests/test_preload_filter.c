/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Is there a system call filter? Where that cannot be known, none of our calls is made. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload/filter.h"
#include "preload/seal.h"
#include "tests/suite.h"

uint32_t dam_sealed;
bool dam_slow_ready = true;
struct dam_gate dam_gate;

static void nothing(void)
{
}

static void allow_all(void)
{
	struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog prog = {.len = 1, .filter = code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0))
		_exit(77);
}

static void no_descriptors(void)
{
	const struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_NOFILE, &none))
		_exit(77);
}

static const struct {
	const char *why;
	void (*prepare)(void);
	int want;
} rows[] = {
	{"as the test was started", nothing, 0},
	{"a filter, even one that allows all", allow_all, EPERM},
	{"no descriptor to look with: not known", no_descriptors, EMFILE},
};

START_TEST(test_filtered)
{
	int status, want = rows[_i].want;
	pid_t pid = fork();

	if (!want && prctl(PR_GET_SECCOMP, 0, 0, 0, 0))
		want = EPERM; /* in a container that has one */
	ck_assert_int_ge(pid, 0);
	if (!pid) {
		rows[_i].prepare();
		_exit(-dam_filter_any());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == want, "%s: %#x", rows[_i].why, status);
}
END_TEST

/* Two threads install filters, one is refused: the other's is there all the same. */
START_TEST(test_one_refused)
{
	dam_seal();
	dam_seal();
	dam_unseal();
	ck_assert(dam_sealed);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("preload_filter");
	TCase *tc = tcase_create("filter");

	tcase_add_loop_test(tc, test_filtered, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(tc, test_one_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
