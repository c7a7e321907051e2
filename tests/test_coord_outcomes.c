/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Learning, from outside: where moves of a kind always hurt, they are taken back, and after two of them none is made
 * any more, by the next coordinator neither. And the requests by which people steer a coordinator.
 *
 * Two threads of this program do next to nothing whenever they run on CPU 1, so that it shows on a busy machine, too.
 * A third one keeps the engine there busy; when it stops, everything speaks for moving one of the two.
 */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cpuset.h"
#include "shm/ledger.h"
#include "tests/coord_ask.h"
#include "tests/suite.h"
#include "tools/common/control.h"

#define WAIT_NS	 (30 * DAM_NS_PER_S) /* generous: only a failure takes as long */
#define STEADY_NS (1800 * DAM_NS_PER_MS) /* of input: more than the windows that a judgement looks back at */
#define THREADS	 3
#ifdef HAVE_SQLITE3
#define HAVE_HISTORY 1
#else
#define HAVE_HISTORY 0
#endif

#define STEADY_GAP_NS (50 * DAM_NS_PER_MS) /* half a window of judgement: input that comes no later is steady */
#define TRIES	      5

static struct client c;
static uint64_t longest_gap; /* between two pieces of input, since the start */
static struct dam_slot *slot[THREADS];
static bool third_works, far_hurts;
static char history[96];

static bool is_far(int i)
{
	struct dam_cpuset mask, one = {{2}};

	return i == 2 || (!dam_cpuset_get_thread(c.tid[i], &mask) && dam_cpuset_equal(&mask, &one));
}

/* What each thread does in @ns nanoseconds. */
static void work(uint64_t ns)
{
	for (int i = 0; i < THREADS; i++) {
		bool far = is_far(i);
		uint64_t rate = i == 2 ? (third_works ? 88 : 0) : far && far_hurts ? 3 : 45; /* MB/s */

		if (!rate)
			continue;
		__atomic_store_n(&slot[i]->cpu, far, __ATOMIC_RELAXED);
		dam_count_add(&slot[i]->count[DAM_LOCAL_OTHER].read_bytes, ns * rate / 1000);
		dam_count_add(&slot[i]->count[DAM_LOCAL_OTHER].read_ops, 1);
		dam_count_add(&slot[i]->submissions, 1);
	}
}

/* Work until @done says so, or, without one, for @ns. */
static bool drive(bool (*done)(void), uint64_t ns)
{
	uint64_t begin = dam_now_ns(), last = begin, asked = begin;

	while (last - begin < ns) {
		uint64_t now;

		usleep(1000);
		now = dam_now_ns();
		work(now - last);
		longest_gap = now - last > longest_gap ? now - last : longest_gap;
		last = now;
		if (done && now - asked > 20 * DAM_NS_PER_MS) {
			asked = now;
			if (done())
				return true;
		}
	}
	return !done;
}

static size_t nr_moves(const char *result)
{
	json_t *j = client_ask(&c, "moves", 0), *m;
	size_t i, nr = 0;

	json_array_foreach (json_object_get(j, "moves"), i, m)
		nr += !result || !strcmp(json_string_value(json_object_get(m, "result")), result);
	json_decref(j);
	return nr;
}

static bool moved(void)
{
	return nr_moves(NULL) > 0;
}

static bool undone_twice(void)
{
	return nr_moves("undone") >= 2;
}

static bool judged(void)
{
	return nr_moves("better") + nr_moves("same") + nr_moves("undecided") > 0;
}

static bool judged_or_undone(void)
{
	return judged() || nr_moves("undone") > 0;
}

/* The engine still asks for a move, and the only one that there is is not made, for it has always been bad. */
static bool refused(void)
{
	json_t *j = client_ask(&c, "explain", 0), *d;
	bool found = false;
	size_t i;

	json_array_foreach (json_object_get(j, "decisions"), i, d) {
		const json_t *o = json_array_get(json_object_get(d, "options"), 0);
		double favour = json_number_value(json_object_get(json_object_get(o, "terms"), "favour"));

		found |= !strcmp(json_string_value(json_object_get(d, "verdict")), "gain") && favour < 0.1 &&
			 json_number_value(json_object_get(o, "gain")) > 0;
	}
	json_decref(j);
	return found;
}

static void start(const char *file)
{
	setenv("AFFINITY_HISTORY", file, 1);
	ck_assert_int_eq(client_start(&c, NULL), 0);
	client_attach(&c);
	for (int i = 0; i < THREADS; i++) {
		slot[i] = dam_ledger_claim(c.ledger, (uint32_t)c.tid[i]);
		ck_assert_ptr_nonnull(slot[i]);
		slot[i]->pin_calls = i == 2; /* not to be moved */
		dam_slot_publish(slot[i]);
	}
	longest_gap = 0;
	third_works = true;
	drive(NULL, STEADY_NS);
	ck_assert_uint_eq(nr_moves(NULL), 0);
	third_works = false;
}

static void stop(void)
{
	ck_assert_int_eq(client_stop(&c, SIGTERM), 0);
}

static void setup(void)
{
	client_open(&c);
	snprintf(history, sizeof(history), "%s/history.db", c.dir);
	client_threads(&c, THREADS);
	far_hurts = true;
}

static void teardown(void)
{
	client_join(&c);
	client_close(&c);
}

static void check_bad_kind(const json_t *answer)
{
	const json_t *kinds = json_object_get(answer, "kinds"), *k = json_array_get(kinds, 0);

	ck_assert_uint_eq(json_array_size(kinds), 1);
	ck_assert_str_eq(json_string_value(json_object_get(k, "engine")), "sim");
	ck_assert(json_number_value(json_object_get(k, "bad")) > 1.9);
	ck_assert(json_number_value(json_object_get(k, "favour")) < 0.1);
}

START_TEST(test_learning)
{
	json_t *j;

	start(HAVE_HISTORY ? history : "off");
	ck_assert(drive(undone_twice, WAIT_NS));
	ck_assert(drive(refused, WAIT_NS));
	ck_assert_uint_eq(nr_moves(NULL), nr_moves("undone"));
	for (int i = 0; i < 2; i++)
		ck_assert(!is_far(i));
	j = client_ask(&c, "history", 0);
	check_bad_kind(j);
	json_decref(j);
	stop();
	if (!HAVE_HISTORY)
		return;
	start(history); /* it knows */
	ck_assert(drive(refused, WAIT_NS));
	ck_assert_uint_eq(nr_moves(NULL), 0);
	stop();
	start("off"); /* it does not */
	ck_assert(drive(moved, WAIT_NS));
	stop();
}
END_TEST

/* A move that is good stays, and the explanation says why it was made. */
START_TEST(test_good_move)
{
	double expected, actual;
	json_t *j, *d, *m;
	bool steady;
	char *told;

	far_hurts = false;
	/* Where this program is kept waiting, its threads really do less for a while, and nothing tells that from harm. */
	for (int i = 0;; i++) {
		start("off");
		ck_assert(drive(judged_or_undone, WAIT_NS));
		steady = longest_gap < STEADY_GAP_NS;
		if (steady || i + 1 == TRIES || !nr_moves("undone"))
			break;
		stop();
	}
	j = client_ask(&c, "explain", 1);
	told = json_dumps(json_object_get(j, "moves"), 0);
	ck_assert_msg(!nr_moves("undone"), "undone; the longest gap in the input was %.0f ms; %s",
		      (double)longest_gap / 1e6, told);
	free(told);
	d = json_array_get(json_object_get(j, "decisions"), 0);
	m = json_array_get(json_object_get(j, "moves"), 0);
	ck_assert_str_eq(json_string_value(json_object_get(d, "verdict")), "moved");
	ck_assert_str_eq(json_string_value(json_object_get(d, "engine")), "sim:e0");
	ck_assert_str_eq(json_string_value(json_object_get(json_array_get(json_object_get(d, "options"), 0), "verdict")),
			 "moved");
	expected = json_number_value(json_object_get(m, "expected_bps"));
	actual = json_number_value(json_object_get(m, "actual_bps"));
	ck_assert_msg(!steady || (expected > 40e6 && actual > 30e6),
		      "expected %.1f MB/s of 45, then %.1f; the longest gap in the input was %.0f ms", expected / 1e6,
		      actual / 1e6, (double)longest_gap / 1e6);
	json_decref(j);
	stop();
}
END_TEST

static bool all_masks_back(void)
{
	struct dam_cpuset m;

	for (int i = 0; i < THREADS; i++)
		if (dam_cpuset_get_thread(c.tid[i], &m) || !dam_cpuset_equal(&m, &c.everywhere))
			return false;
	return true;
}

static void refuses(const char *cmd, uint64_t id)
{
	char error[DAM_CONTROL_ERROR] = "";
	json_t *j = NULL;

	ck_assert_int_eq(dam_control_ask_of(c.sock_path, cmd, id, 10000, error, &j), -EREMOTEIO);
}

/* What people ask for is done at once, and lasts. */
START_TEST(test_requests)
{
	json_t *j;

	far_hurts = false;
	start("off");
	ck_assert(drive(moved, WAIT_NS));
	ck_assert(!all_masks_back());
	json_decref(client_ask(&c, "pause", 0));
	ck_assert(all_masks_back());
	drive(NULL, 300 * DAM_NS_PER_MS);
	ck_assert(all_masks_back());
	j = client_ask(&c, "status", 0);
	ck_assert(json_is_true(json_object_get(j, "paused")));
	json_decref(j);
	refuses("undo", 1);
	refuses("undo", 1000);
	refuses("exclude", 4000000);
	refuses("explain", 1000);
	json_decref(client_ask(&c, "exclude", (uint64_t)getpid()));
	json_decref(client_ask(&c, "resume", 0));
	drive(NULL, 300 * DAM_NS_PER_MS);
	ck_assert(all_masks_back());
	json_decref(client_ask(&c, "include", (uint64_t)getpid()));
	stop();
}
END_TEST

/* The thread of the first move: the other one may be moved next. */
static int first_moved(void)
{
	json_t *j = client_ask(&c, "moves", 0);
	pid_t tid = (pid_t)json_integer_value(
		json_object_get(json_array_get(json_object_get(j, "moves"), 0), "tid"));

	json_decref(j);
	return c.tid[1] == tid;
}

START_TEST(test_undo)
{
	json_t *j;

	far_hurts = false;
	start("off");
	ck_assert(drive(moved, WAIT_NS));
	ck_assert(is_far(first_moved()));
	json_decref(client_ask(&c, "undo", 1));
	ck_assert(!is_far(first_moved()));
	ck_assert_uint_eq(nr_moves("undone by request"), 1);
	refuses("undo", 1);
	j = client_ask(&c, "history", 0);
	ck_assert(json_number_value(json_object_get(json_array_get(json_object_get(j, "kinds"), 0), "bad")) > 0.9);
	json_decref(j);
	stop();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("coord_outcomes");
	TCase *tc = tcase_create("outcomes");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_learning);
	tcase_add_test(tc, test_good_move);
	tcase_add_test(tc, test_requests);
	tcase_add_test(tc, test_undo);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
