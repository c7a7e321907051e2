/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * A control group's processors change under a program, as when containers come and go beside it: nobody has pinned its
 * threads by that, and nothing of DAM's stays behind. Changing a group takes root.
 */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <jansson.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cpuset.h"
#include "tests/coord_ask.h"
#include "tests/suite.h"

/* Masks. */
enum { ZERO = 1, ONE = 2, BOTH = 3 };

/* Where groups of processors are made: the unified hierarchy, or one of its own. */
static const char *const roots[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/cpuset"};
static char group[64], home[64];

static struct client c;

static bool put(const char *dir, const char *file, const char *text)
{
	char path[128];
	int fd;
	bool ok;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY);
	ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool enter(const char *dir)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	return put(dir, "cgroup.procs", pid);
}

static void leave_group(void)
{
	if (!*group)
		return;
	enter(home);
	rmdir(group);
	group[0] = '\0';
}

/* Make a group of CPUs 0 and 1 and go there. Return: that could be done. */
static bool enter_group(void)
{
	const struct dam_cpuset both = {{BOTH}};
	struct dam_cpuset mask;

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		snprintf(home, sizeof(home), "%s", roots[i]);
		snprintf(group, sizeof(group), "%s/dam-test-%d", roots[i], (int)getpid());
		put(roots[i], "cgroup.subtree_control", "+cpuset");
		if (mkdir(group, 0755))
			continue;
		put(group, "cpuset.mems", "0");
		if (put(group, "cpuset.cpus", "0-1") && enter(group) && !dam_cpuset_get_thread(0, &mask) &&
		    dam_cpuset_equal(&mask, &both))
			return true;
		leave_group();
	}
	group[0] = '\0';
	return false;
}

static void setup(void)
{
	client_open(&c);
	c.machine = "node:3 pu:1"; /* of which the group never has the third */
	ck_assert_int_eq(client_start(&c, NULL), 0);
	ck_assert(enter_group());
	client_threads(&c, 2);
	client_attach(&c);
	client_claim(&c, 2);
}

static void teardown(void)
{
	leave_group();
	client_close(&c);
}

static bool is_pinned(void)
{
	return client_has(&c, 0, ONE) || client_has(&c, 1, ONE);
}

static bool text_is(int i, const char *key, const char *wanted)
{
	json_t *t = client_thread(&c, c.tid[i]);
	bool same = t && !strcmp(json_string_value(json_object_get(t, key)), wanted);

	json_decref(t);
	return same;
}

static bool are_seen(void)
{
	return text_is(0, "class", "rt") && text_is(1, "class", "rt");
}

/* Until the coordinator has read the masks: it reads, at the same time, that the threads are real-time ones. */
static void wait_seen(void)
{
	struct sched_param p = {.sched_priority = 1};

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(sched_setscheduler(c.tid[i], SCHED_RR, &p), 0);
	ck_assert_msg(client_drive(&c, are_seen), "the masks are taken for somebody's pins");
	p.sched_priority = 0;
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(sched_setscheduler(c.tid[i], SCHED_OTHER, &p), 0);
}

/* Narrowed and widened again before anything was moved: afterwards one thread is put elsewhere. */
START_TEST(test_not_moved)
{
	ck_assert(put(group, "cpuset.cpus", "0"));
	wait_seen();
	ck_assert(put(group, "cpuset.cpus", "0-1"));
	ck_assert(client_drive(&c, is_pinned));
	client_join(&c);
}
END_TEST

/* The processor that a thread was put on is taken from the group: it does not come back as a pin. */
START_TEST(test_moved)
{
	ck_assert(client_drive(&c, is_pinned));
	ck_assert(put(group, "cpuset.cpus", "0"));
	ck_assert(client_has(&c, 0, ZERO) && client_has(&c, 1, ZERO));
	wait_seen();
	ck_assert(text_is(0, "why", "") && text_is(1, "why", ""));
	ck_assert_int_eq(client_stop(&c, SIGTERM), 0);
	ck_assert(put(group, "cpuset.cpus", "0-1"));
	ck_assert(client_has(&c, 0, BOTH) && client_has(&c, 1, BOTH));
	client_join(&c);
}
END_TEST

/* The same where nobody looked in between: what the coordinator gives back is the program's own mask. */
START_TEST(test_restored_outside)
{
	ck_assert(client_drive(&c, is_pinned));
	ck_assert(put(group, "cpuset.cpus", "0"));
	ck_assert_int_eq(client_stop(&c, SIGTERM), 0);
	ck_assert(put(group, "cpuset.cpus", "0-1"));
	ck_assert(client_has(&c, 0, BOTH) && client_has(&c, 1, BOTH));
	client_join(&c);
}
END_TEST

/* The same for the next coordinator, where the one that pinned it was killed. */
START_TEST(test_restored_from_record)
{
	ck_assert(client_drive(&c, is_pinned));
	ck_assert(put(group, "cpuset.cpus", "0"));
	ck_assert_int_eq(client_stop(&c, SIGKILL), -SIGKILL);
	ck_assert_int_eq(client_start(&c, NULL), 0);
	ck_assert(put(group, "cpuset.cpus", "0-1"));
	ck_assert(client_has(&c, 0, BOTH) && client_has(&c, 1, BOTH));
	ck_assert_int_eq(client_stop(&c, SIGTERM), 0);
	client_join(&c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("coord_confined");
	TCase *tc = tcase_create("confined");

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2 || getuid() || !enter_group()) {
		printf("SKIP: no control group of two processors can be made here\n");
		return 77;
	}
	leave_group();
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_not_moved);
	tcase_add_test(tc, test_moved);
	tcase_add_test(tc, test_restored_outside);
	tcase_add_test(tc, test_restored_from_record);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
