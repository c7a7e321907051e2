/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Moderated devices, with a backend that only keeps what it is told: what is set, when, and what is
 * given back. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "tests/suite.h"
#include "tools/common/modfile.h"
#include "tools/coord/moderator.h"

#define PERIOD_NS   (100 * DAM_NS_PER_MS)
#define PATIENCE_NS (20 * DAM_NS_PER_S)

/* The worker calls these while a test looks. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct fake {
	struct dam_moderation now;
	int get_err, set_err;
	uint32_t unit;			 /* it rounds times to this; 0: no */
	unsigned int gets, sets, behind; /* behind: set without a record */
} device[2];
static char order[64]; /* which devices were set: "01" */

static const struct dam_moderation ORIG = {.usecs = 3, .packets = 32};
static char dir[64], path[96];
static struct moderators *m;
static uint64_t now_ns; /* the tests' own time */

static int fake_get(const char *name, struct dam_moderation *out)
{
	struct fake *f = &device[name[3] - '0'];
	int err;

	pthread_mutex_lock(&lock);
	f->gets++;
	err = f->get_err;
	if (!err)
		*out = f->now;
	pthread_mutex_unlock(&lock);
	return err;
}

static bool is_recorded(const char *name, const struct dam_moderation *want)
{
	static struct dam_modfile file;

	if (dam_modfile_load(path, &file))
		return false;
	for (unsigned int i = 0; i < file.nr; i++)
		if (!strcmp(file.entry[i].device, name))
			return dam_moderation_same(&file.entry[i].dam, want) ||
			       dam_moderation_same(&file.entry[i].orig, want);
	return false;
}

static int fake_set(const char *name, const struct dam_moderation *want)
{
	struct fake *f = &device[name[3] - '0'];
	int err;

	pthread_mutex_lock(&lock);
	f->sets++;
	f->behind += !is_recorded(name, want);
	err = f->set_err;
	if (!err) {
		f->now = *want;
		if (f->unit)
			f->now.usecs = want->usecs / f->unit * f->unit;
		if (strlen(order) + 1 < sizeof(order))
			strncat(order, name + 3, 1);
	}
	pthread_mutex_unlock(&lock);
	return err;
}

static void fake_limits(const char *name, struct dam_moderation_limits *out)
{
	(void)name;
	*out = (struct dam_moderation_limits){
		.usecs_max = 100000, .usecs_step = 1, .packets_max = 1024};
}

static const struct dam_moderation_ops ops = {
	.get = fake_get, .set = fake_set, .limits = fake_limits};

static struct fake peek(int i)
{
	struct fake f;

	pthread_mutex_lock(&lock);
	f = device[i];
	pthread_mutex_unlock(&lock);
	return f;
}

static bool is_orig(int i)
{
	struct fake f = peek(i);

	return dam_moderation_same(&f.now, &ORIG);
}

static void poke(int i, struct dam_moderation now, int get_err, int set_err)
{
	pthread_mutex_lock(&lock);
	device[i].now = now;
	device[i].get_err = get_err;
	device[i].set_err = set_err;
	pthread_mutex_unlock(&lock);
}

static void setup(void)
{
	scratch_dir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/" DAM_MODFILE_NAME, dir);
	dam_log_open("test", DAM_LOG_ERR);
	memset(device, 0, sizeof(device));
	order[0] = '\0';
	for (int i = 0; i < 2; i++)
		device[i].now = ORIG;
	now_ns = 5 * DAM_NS_PER_S;
	ck_assert_int_eq(moderators_open(path, &m), 0);
	ck_assert_int_eq(moderators_add(m, "fake", "dev0", &ops), 0);
}

static void teardown(void)
{
	moderators_close(m);
	m = NULL;
	scratch_remove(dir);
}

static void close_all(void)
{
	moderators_close(m);
	m = NULL;
}

static struct moderator_view view(int i)
{
	struct moderator_view v;

	moderators_view(m, i, &v);
	return v;
}

/* Till the next call: the array in what view() returns is gone at the end of its statement. */
static const char *why(int i)
{
	static struct moderator_view v;

	v = view(i);
	return v.why;
}

/* One period of a load that stays the same, but for the interrupts: the longer they wait, the
 * fewer. */
static void feed(int i)
{
	struct moderator_counts c = {.bytes = 100 << 20, .ops = 25600};

	c.interrupts = 20000 / (peek(i).now.usecs + 1) + 100;
	now_ns += PERIOD_NS;
	moderators_feed(m, i, now_ns, PERIOD_NS / 1000, &c);
}

/* Feed device @i, while its worker does what it does, until it is in @state. */
static void feed_until(int i, const char *state)
{
	uint64_t end = dam_now_ns() + PATIENCE_NS;

	while (strcmp(view(i).state, state)) {
		ck_assert_msg(dam_now_ns() < end, "still %s: %s", view(i).state, view(i).why);
		feed(i);
		nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
	}
}

START_TEST(test_nothing_is_set_at_first)
{
	struct moderator_view v = view(0);

	ck_assert_uint_eq(peek(0).gets, 1);
	ck_assert_uint_eq(peek(0).sets, 0);
	ck_assert_str_eq(v.state, "measuring");
	ck_assert(v.known && v.usecs == 3 && v.packets == 32 && v.profile == -1);
	ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(test_idle_device)
{
	const struct moderator_counts none = {0};

	for (int i = 0; i < 1000; i++)
		moderators_feed(m, 0, now_ns += PERIOD_NS, 100000, &none);
	close_all();
	ck_assert_uint_eq(peek(0).sets, 0);
}
END_TEST

START_TEST(test_profile_is_applied)
{
	const struct dam_dim_preset *p = moderator_profiles("fake");
	struct moderator_view v;

	feed_until(0, "active");
	v = view(0);
	ck_assert_int_ge(v.profile, 0);
	ck_assert_uint_eq(v.usecs, p->profile[v.profile].usec);
	ck_assert_uint_eq(v.packets, p->profile[v.profile].pkts);
	close_all();
	ck_assert_uint_ge(peek(0).sets, 2);
	ck_assert_msg(!peek(0).behind, "set before it was recorded");
	ck_assert(is_orig(0));
	ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

/* Bytes and operations are the same with every profile: what decides is the interrupts. */
START_TEST(test_fewer_interrupts_are_better)
{
	uint64_t end = dam_now_ns() + PATIENCE_NS;

	while (view(0).profile != 4) {
		ck_assert_msg(dam_now_ns() < end, "still at profile %d", view(0).profile);
		feed(0);
		nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
	}
	for (int i = 0; i < 100; i++)
		feed(0);
	ck_assert_int_eq(view(0).profile, 4);
	ck_assert_uint_eq(peek(0).now.usecs, 256);
}
END_TEST

START_TEST(test_adaptive_is_left_alone)
{
	poke(1, (struct dam_moderation){.usecs = 3, .adaptive = true}, 0, 0);
	ck_assert_int_eq(moderators_add(m, "fake", "dev1", &ops), 1);
	ck_assert_str_eq(view(1).state, "adaptive");
	ck_assert_str_ne(why(1), "");
	for (int i = 0; i < 1000; i++)
		feed(1);
	ck_assert_uint_eq(peek(1).sets, 0);
	/* switched off: DAM's turn */
	poke(1, ORIG, 0, 0);
	feed_until(1, "active");
	/* and on again: what it had before is no longer of interest */
	poke(1, (struct dam_moderation){.usecs = 50, .adaptive = true}, 0, 0);
	feed_until(1, "adaptive");
	ck_assert_int_ne(access(path, F_OK), 0);
	close_all();
	ck_assert_uint_eq(peek(1).now.usecs, 50);
}
END_TEST

START_TEST(test_others_are_respected)
{
	struct fake before;

	feed_until(0, "active");
	poke(0, (struct dam_moderation){.usecs = 77, .packets = 7}, 0, 0);
	feed_until(0, "left");
	ck_assert_str_ne(why(0), "");
	before = peek(0);
	for (int i = 0; i < 100000; i++)
		feed(0);
	ck_assert_uint_eq(peek(0).gets, before.gets);
	close_all();
	ck_assert_uint_eq(peek(0).sets, before.sets);
	ck_assert_uint_eq(peek(0).now.usecs, 77);
}
END_TEST

/* stderr, counted */
static unsigned int lines_of(void (*run)(void))
{
	char name[128], buf[4096];
	int saved = dup(2), fd;
	unsigned int lines = 0;
	ssize_t n;

	snprintf(name, sizeof(name), "%s/stderr", dir);
	fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	dup2(fd, 2);
	run();
	dup2(saved, 2);
	close(saved);
	n = pread(fd, buf, sizeof(buf), 0);
	for (ssize_t i = 0; i < n; i++)
		lines += buf[i] == '\n';
	close(fd);
	return lines;
}

static const struct {
	int get_err, set_err;
} refusals[] = {{0, -EOPNOTSUPP}, {0, -EPERM}, {-EACCES, 0}, {-EIO, -EIO}};
static unsigned int tries; /* in an hour */

/* An hour: the worker may be late, so it tries at most so often; then, until it has tried a third
 * time. */
static void an_hour_of_refusal(void)
{
	uint64_t end = now_ns + 3600 * DAM_NS_PER_S, patience = dam_now_ns() + PATIENCE_NS;

	dam_log_open("test", DAM_LOG_WARN);
	while (now_ns < end) {
		now_ns += 9 * PERIOD_NS;
		feed(0);
	}
	tries = peek(0).gets;
	while (peek(0).gets < 3 && dam_now_ns() < patience) {
		now_ns += DAM_NS_PER_S;
		feed(0);
	}
	feed_until(0, "refused");
	dam_log_open("test", DAM_LOG_ERR);
}

START_TEST(test_refusal_backs_off)
{
	bool recorded = true;
	struct fake f;

	poke(0, ORIG, refusals[_i].get_err, refusals[_i].set_err);
	ck_assert_uint_eq(lines_of(an_hour_of_refusal), 1);
	f = peek(0);
	/* 1 s, 2 s, 4 s …: twelve in an hour, beside the first two */
	ck_assert_msg(tries <= 15, "%u tries in an hour", tries);
	ck_assert_uint_ge(f.gets, 3);
	ck_assert_str_ne(why(0), "");
	/* while the worker tries there is a record, which it takes back in its own time */
	for (int i = 0; i < 10000 && recorded; i++) {
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
		recorded = !access(path, F_OK);
	}
	ck_assert_msg(!recorded, "nothing was set, and something stays recorded");
	/* it gives in */
	poke(0, ORIG, 0, 0);
	feed_until(0, "active");
	ck_assert_str_eq(why(0), "");
	close_all();
	ck_assert(is_orig(0));
}
END_TEST

START_TEST(test_refusal_after_success)
{
	static struct dam_modfile file;

	feed_until(0, "active");
	poke(0, peek(0).now, -EIO, -EIO);
	feed_until(0, "refused");
	close_all();
	/* it could not be given back: dam-ctl restore shall try */
	ck_assert_int_eq(dam_modfile_load(path, &file), 0);
	ck_assert_uint_eq(file.nr, 1);
	ck_assert(dam_moderation_same(&file.entry[0].orig, &ORIG));
}
END_TEST

/* What a driver makes of a setting is what has to be found there again. */
START_TEST(test_driver_that_rounds)
{
	pthread_mutex_lock(&lock);
	device[0].unit = 50;
	pthread_mutex_unlock(&lock);
	feed_until(0, "active");
	for (int i = 0; i < 200; i++) {
		feed(0);
		nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
	}
	ck_assert_str_eq(view(0).state, "active");
	pthread_mutex_lock(&lock);
	device[0].unit = 0;
	pthread_mutex_unlock(&lock);
	close_all();
	ck_assert(is_orig(0));
}
END_TEST

START_TEST(test_last_changed_is_first_restored)
{
	ck_assert_int_eq(moderators_add(m, "fake", "dev1", &ops), 1);
	feed_until(1, "active");
	feed_until(0, "active");
	pthread_mutex_lock(&lock);
	order[0] = '\0';
	pthread_mutex_unlock(&lock);
	close_all();
	/* a setting that was on its way may come before */
	ck_assert_uint_ge(strlen(order), 2);
	ck_assert_str_eq(order + strlen(order) - 2, "01");
	ck_assert(is_orig(0));
	ck_assert(is_orig(1));
}
END_TEST

START_TEST(test_no_record_no_setting)
{
	struct moderators *other;

	close_all();
	ck_assert_int_eq(moderators_open("nowhere/at/all", &m), 0);
	other = m;
	ck_assert_int_eq(moderators_add(other, "fake", "dev0", &ops), 0);
	feed_until(0, "refused");
	ck_assert_uint_eq(peek(0).sets, 0);
}
END_TEST

START_TEST(test_profiles)
{
	const struct dam_dim_preset *p = moderator_profiles("block");

	ck_assert_ptr_eq(moderator_profiles("net"), dam_dim_preset_find("rx-eqe"));
	for (unsigned int i = 0; i < p->nr_profiles; i++) {
		ck_assert_uint_eq(p->profile[i].usec % 100, 0); /* the unit of NVMe */
		ck_assert_uint_le(p->profile[i].pkts, 256);
		if (i)
			ck_assert_uint_gt(p->profile[i].pkts, p->profile[i - 1].pkts);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("coord_moderator");
	TCase *t = tcase_create("core");

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_nothing_is_set_at_first);
	tcase_add_test(t, test_idle_device);
	tcase_add_test(t, test_profile_is_applied);
	tcase_add_test(t, test_fewer_interrupts_are_better);
	tcase_add_test(t, test_adaptive_is_left_alone);
	tcase_add_test(t, test_others_are_respected);
	tcase_add_loop_test(t, test_refusal_backs_off, 0,
			    (int)(sizeof(refusals) / sizeof(refusals[0])));
	tcase_add_test(t, test_refusal_after_success);
	tcase_add_test(t, test_driver_that_rounds);
	tcase_add_test(t, test_last_changed_is_first_restored);
	tcase_add_test(t, test_no_record_no_setting);
	tcase_add_test(t, test_profiles);
	return run_suite(s);
}
