/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The worker of libdam_dim: who runs the callback, how often, and what unregistering waits for. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>

#include "predict/dam_dim.h"
#include "tests/suite.h"

#define PATIENCE_S 20 /* to wait for what has to happen */

struct device {
	struct dam_dim dim;
	struct dam_dim_sample counters;
	pthread_t thread;    /* that ran apply() */
	struct dam_dim_profile profile;
	int entered, left;   /* calls of apply(); atomic */
	int gate;	     /* apply() waits until it is open; atomic */
	bool rearm, unregister, signals;
};

static struct dam_dim_worker *worker;
static int order; /* calls of apply() of all devices; atomic */

static int get(int *at)
{
	return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

static void add(int *at)
{
	__atomic_add_fetch(at, 1, __ATOMIC_ACQ_REL);
}

static void wait_for(int *at, int value)
{
	const time_t end = time(NULL) + PATIENCE_S;

	while (get(at) < value) {
		if (time(NULL) > end)
			ck_abort_msg("waited in vain");
		sched_yield();
	}
}

static void apply(struct dam_dim *dim, struct dam_dim_profile profile, void *arg)
{
	struct device *d = arg;
	sigset_t blocked;

	if (dim != &d->dim)
		ck_abort_msg("another machine's argument");
	d->thread = pthread_self();
	d->profile = profile;
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	d->signals = !sigismember(&blocked, SIGTERM) || !sigismember(&blocked, SIGUSR1);
	add(&d->entered);
	wait_for(&d->gate, 1);
	if (d->unregister)
		dam_dim_unregister(dim);
	if (d->rearm)
		dam_dim_rearm(dim);
	add(&order);
	add(&d->left);
}

static void open_device(struct device *d)
{
	*d = (struct device){.gate = 1, .rearm = true};
	ck_assert_int_eq(dam_dim_init(&d->dim, dam_dim_preset_find("rx-eqe"), 0), 0);
	ck_assert_int_eq(dam_dim_register(worker, &d->dim, apply, d), 0);
	dam_dim_update(&d->dim, &d->counters);
}

/* One measurement; every second one carries twice the bytes, so that there is much to change. */
static enum dam_dim_decision measure(struct device *d)
{
	d->counters.time_us += 1000;
	d->counters.events += 64;
	d->counters.bytes += 1000 << d->counters.events / 64 % 2;
	return dam_dim_update(&d->dim, &d->counters);
}

static void setup(void)
{
	order = 0;
	ck_assert_int_eq(dam_dim_worker_create(&worker), 0);
}

static void teardown(void)
{
	dam_dim_worker_destroy(worker);
}

START_TEST(test_runs_elsewhere)
{
	struct device d;

	open_device(&d);
	ck_assert_int_eq(measure(&d), DAM_DIM_CHANGED);
	wait_for(&d.left, 1);
	ck_assert(!pthread_equal(d.thread, pthread_self()));
	ck_assert_uint_eq(d.profile.usec, 8);
	ck_assert(!d.signals);
	ck_assert_uint_eq(d.dim.state, DAM_DIM_START_MEASURE);
	dam_dim_unregister(&d.dim);
	ck_assert_int_eq(d.left, 1);
}
END_TEST

/* The device re-arms later, from its own thread: until then it is left alone. */
START_TEST(test_rearms_later)
{
	struct device d;

	open_device(&d);
	d.rearm = false;
	ck_assert_int_eq(measure(&d), DAM_DIM_CHANGED);
	wait_for(&d.left, 1);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(measure(&d), DAM_DIM_NOTHING);
	dam_dim_rearm(&d.dim);
	measure(&d);
	ck_assert_int_eq(measure(&d), DAM_DIM_CHANGED);
	wait_for(&d.left, 2);
	dam_dim_unregister(&d.dim);
	ck_assert_int_eq(d.entered, 2);
}
END_TEST

/* The caller of dam_dim_update() is never held up by a callback that blocks. */
START_TEST(test_blocking_callback)
{
	struct device slow, other;

	open_device(&slow);
	open_device(&other);
	slow.gate = 0;
	ck_assert_int_eq(measure(&slow), DAM_DIM_CHANGED);
	wait_for(&slow.entered, 1);
	ck_assert_int_eq(measure(&other), DAM_DIM_CHANGED);
	ck_assert_int_eq(measure(&other), DAM_DIM_NOTHING);
	ck_assert_int_eq(get(&other.entered), 0);
	add(&slow.gate);
	wait_for(&other.left, 1);
	dam_dim_unregister(&slow.dim);
	dam_dim_unregister(&other.dim);
}
END_TEST

static void *open_gate(void *arg)
{
	struct device *d = arg;

	wait_for(&d->entered, 1);
	for (int i = 0; i < 1000; i++) /* time for a wrong dam_dim_unregister() to return */
		sched_yield();
	add(&d->gate);
	return NULL;
}

START_TEST(test_unregister_waits)
{
	struct device d;
	pthread_t opener;

	open_device(&d);
	d.gate = 0;
	measure(&d);
	wait_for(&d.entered, 1);
	ck_assert_int_eq(pthread_create(&opener, NULL, open_gate, &d), 0);
	dam_dim_unregister(&d.dim);
	ck_assert_int_eq(get(&d.left), 1);
	pthread_join(opener, NULL);
}
END_TEST

/* What is queued behind a callback that blocks is dropped, and the others keep their order. */
START_TEST(test_unregister_drops)
{
	struct device slow, d[3];
	int seen[3];

	open_device(&slow);
	slow.gate = 0;
	measure(&slow);
	wait_for(&slow.entered, 1);
	for (int i = 0; i < 3; i++) {
		open_device(&d[i]);
		measure(&d[i]);
	}
	dam_dim_unregister(&d[1].dim);
	ck_assert_uint_eq(d[1].dim.state, DAM_DIM_APPLY_NEW_PROFILE);
	d[2].gate = 0;
	add(&slow.gate);
	wait_for(&d[2].entered, 1); /* last of all */
	for (int i = 0; i < 3; i++)
		seen[i] = get(&d[i].left);
	ck_assert(seen[0] == 1 && seen[1] == 0 && seen[2] == 0);
	add(&d[2].gate);
	dam_dim_unregister(&d[0].dim);
	dam_dim_unregister(&d[2].dim);
	dam_dim_unregister(&slow.dim);
}
END_TEST

START_TEST(test_unregister_by_itself)
{
	struct device d, other;

	open_device(&d);
	open_device(&other);
	d.unregister = true;
	measure(&d);
	measure(&other);
	wait_for(&other.left, 1);
	ck_assert_int_eq(d.left, 1);
	ck_assert_ptr_null(d.dim.work);
	measure(&d); /* the baseline */
	ck_assert_int_eq(measure(&d), DAM_DIM_CHANGED);
	ck_assert_uint_eq(d.dim.state, DAM_DIM_APPLY_NEW_PROFILE); /* nobody is there to apply it */
	dam_dim_unregister(&d.dim);
	dam_dim_unregister(&other.dim);
}
END_TEST

START_TEST(test_refused)
{
	struct device d;

	open_device(&d);
	ck_assert_int_eq(dam_dim_register(worker, &d.dim, apply, &d), -EBUSY);
	dam_dim_unregister(&d.dim);
	ck_assert_int_eq(dam_dim_register(worker, &d.dim, NULL, &d), -EINVAL);
	ck_assert_int_eq(dam_dim_register(worker, &d.dim, apply, &d), 0);
	dam_dim_unregister(&d.dim);
	dam_dim_worker_destroy(NULL);
}
END_TEST

#define DRIVERS 4
#define DEVICES 8
#define CHANGES 200

static void *drive(void *arg)
{
	struct device *d = arg;
	int changes = 0;

	while (changes < CHANGES) {
		for (int i = 0; i < DEVICES; i++)
			changes += measure(&d[i]) == DAM_DIM_CHANGED;
		sched_yield();
	}
	return (void *)(intptr_t)changes;
}

/* Every change is applied once, however many threads ask for some at the same time. */
START_TEST(test_many)
{
	static struct device d[DRIVERS][DEVICES];
	pthread_t driver[DRIVERS];
	int changes = 0, applied = 0;
	void *r;

	for (int i = 0; i < DRIVERS; i++) {
		for (int k = 0; k < DEVICES; k++)
			open_device(&d[i][k]);
		ck_assert_int_eq(pthread_create(&driver[i], NULL, drive, d[i]), 0);
	}
	for (int i = 0; i < DRIVERS; i++) {
		pthread_join(driver[i], &r);
		changes += (int)(intptr_t)r;
	}
	wait_for(&order, changes);
	for (int i = 0; i < DRIVERS * DEVICES; i++) {
		dam_dim_unregister(&d[i / DEVICES][i % DEVICES].dim);
		applied += d[i / DEVICES][i % DEVICES].left;
	}
	ck_assert_int_eq(applied, changes);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dim/worker");
	TCase *tcase = tcase_create("worker");

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 2 * PATIENCE_S);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_runs_elsewhere);
	tcase_add_test(tcase, test_rearms_later);
	tcase_add_test(tcase, test_blocking_callback);
	tcase_add_test(tcase, test_unregister_waits);
	tcase_add_test(tcase, test_unregister_drops);
	tcase_add_test(tcase, test_unregister_by_itself);
	tcase_add_test(tcase, test_refused);
	tcase_add_test(tcase, test_many);
	return run_suite(suite);
}
