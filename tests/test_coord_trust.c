/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * A process that lies about its DMA: it says that it fills the engine on which another process has a thread, which then
 * had better leave. The liar's own thread is pinned. Of another user's process it must not be believed.
 */
#include "config.h"

#include <check.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/coord_ask.h"
#include "tests/suite.h"

#define NOBODY 65534
#define ENOUGH 20 /* moves refused */

static struct client c;
static pid_t liar;

static void setup(void)
{
	client_open(&c);
	c.mb_per_s = 30; /* of an engine's 100 */
}

static void teardown(void)
{
	if (liar > 0) {
		kill(liar, SIGKILL);
		waitpid(liar, NULL, 0);
	}
	client_close(&c);
}

static bool never(void)
{
	return false;
}

/* On CPU 0, and there to stay. */
static void lie(uid_t uid)
{
	struct dam_cpuset zero = {{1}};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dam_cpuset_set_thread(0, &zero) || setgid(uid) || setuid(uid))
		_exit(98);
	client_threads(&c, 1); /* inherits the mask */
	client_attach(&c);
	client_claim(&c, 1);
	c.mb_per_s = 85;
	for (;;)
		client_drive(&c, never);
}

static json_int_t distrusted(void)
{
	json_t *j = client_ask(&c, "status", 0);
	json_int_t n = json_integer_value(json_object_get(j, "moves_distrusted"));

	json_decref(j);
	return n;
}

static bool has_left(void)
{
	return client_has(&c, 0, 2);
}

static bool settled(void)
{
	return has_left() || distrusted() >= ENOUGH;
}

static const struct {
	const char *why;
	uid_t uid;
	bool leaves;
} rows[] = {
	{"a process of the same user has its way: it could move the thread itself", 0, true},
	{"one of another user has not", NOBODY, false},
};

START_TEST(test_liar)
{
	ck_assert_int_eq(client_start(&c, NULL), 0);
	liar = fork();
	if (!liar)
		lie(rows[_i].uid);
	client_threads(&c, 1);
	client_attach(&c);
	client_claim(&c, 1);
	ck_assert_msg(client_drive(&c, settled), "%s: nothing came of it", rows[_i].why);
	ck_assert_msg(has_left() == rows[_i].leaves, "%s", rows[_i].why);
	client_end(&c);
}
END_TEST

static bool one_on_each(void)
{
	for (unsigned int i = 0; i < 2; i++)
		if (client_has(&c, i, 2))
			return client_has(&c, !i, 1) || client_free(&c, !i);
	return false;
}

/* What is right without the others' word is done all the same. */
START_TEST(test_own)
{
	ck_assert_int_eq(client_start(&c, NULL), 0);
	liar = fork();
	if (!liar)
		lie(NOBODY);
	client_threads(&c, 2);
	client_attach(&c);
	client_claim(&c, 2);
	c.mb_per_s = 80;
	ck_assert(client_drive(&c, one_on_each));
	client_end(&c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("coord_trust");
	TCase *tc = tcase_create("liar");

	if (getuid()) {
		puts("only root has other users' processes");
		return 77;
	}
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_liar, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(tc, test_own);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
