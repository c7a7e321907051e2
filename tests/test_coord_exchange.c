/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Exchanges, from outside: two threads change places, each names the other, and who asks for one back gets both.
 *
 * Two large threads use the engine of CPU 0 and two small ones that of CPU 1: no single move would help.
 */
#include "config.h"

#include <check.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "shm/ledger.h"
#include "tests/coord_ask.h"
#include "tests/suite.h"

#define WAIT_NS (100 * DAM_NS_PER_S) /* as long as this program is kept waiting, the load it makes is noise */
#define THREADS 4

static const unsigned int mb_per_s[THREADS] = {60, 60, 30, 30}; /* an engine has 100 */
static struct client c;

/* Where thread @i runs: where it was pinned to, else where it began. */
static bool on_cpu1(unsigned int i)
{
	return client_has(&c, i, 2) || (i >= 2 && !client_has(&c, i, 1));
}

static void work(uint64_t ns)
{
	for (unsigned int i = 0; i < THREADS; i++) {
		struct dam_slot *s = c.slot[i];

		__atomic_store_n(&s->cpu, on_cpu1(i), __ATOMIC_RELAXED);
		dam_count_add(&s->count[DAM_LOCAL_OTHER].read_bytes, ns * mb_per_s[i] / 1000);
		dam_count_add(&s->count[DAM_LOCAL_OTHER].read_ops, 1);
		dam_count_add(&s->submissions, 1);
	}
}

static size_t nr_moves(void)
{
	json_t *j = client_ask(&c, "moves", 0);
	size_t nr = json_array_size(json_object_get(j, "moves"));

	json_decref(j);
	return nr;
}

/* Work until something was moved. */
static void drive(void)
{
	uint64_t begin = dam_now_ns(), last = begin, asked = begin;

	while (last - begin < WAIT_NS) {
		uint64_t now;

		usleep(1000);
		now = dam_now_ns();
		work(now - last);
		last = now;
		if (now - asked < 20 * DAM_NS_PER_MS)
			continue;
		asked = now;
		if (nr_moves())
			return;
	}
	ck_abort_msg("nothing was moved");
}

static json_int_t number(const json_t *moves, size_t i, const char *key)
{
	return json_integer_value(json_object_get(json_array_get(moves, i), key));
}

static const char *result(const json_t *moves, size_t i)
{
	return json_string_value(json_object_get(json_array_get(moves, i), "result"));
}

START_TEST(test_both_or_none)
{
	json_t *j, *moves;

	client_attach(&c);
	client_claim(&c, THREADS);
	drive();
	j = client_ask(&c, "moves", 0);
	moves = json_object_get(j, "moves");
	ck_assert_uint_eq(json_array_size(moves), 2);
	for (size_t i = 0; i < 2; i++)
		ck_assert_int_eq(number(moves, i, "partner_tid"), number(moves, !i, "tid"));
	ck_assert_int_ne(on_cpu1(0), on_cpu1(1));
	ck_assert_int_ne(on_cpu1(2), on_cpu1(3));
	json_decref(j);
	json_decref(client_ask(&c, "undo", 2));
	ck_assert(!on_cpu1(0) && !on_cpu1(1) && on_cpu1(2) && on_cpu1(3));
	j = client_ask(&c, "moves", 0);
	moves = json_object_get(j, "moves");
	ck_assert_str_eq(result(moves, 0), "undone with its partner");
	ck_assert_str_eq(result(moves, 1), "undone by request");
	json_decref(j);
}
END_TEST

static void setup(void)
{
	client_open(&c);
	client_threads(&c, THREADS);
	setenv("AFFINITY_HISTORY", "off", 1);
	ck_assert_int_eq(client_start(&c, NULL), 0);
}

static void teardown(void)
{
	client_stop(&c, SIGTERM);
	client_join(&c);
	client_close(&c);
}

int main(void)
{
	Suite *s = suite_create("coord_exchange");
	TCase *tc = tcase_create("exchange");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, test_both_or_none);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
