/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The whole decision on a small machine, from a cold start: capacities, labels and demands have to be found. */
#include "config.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "tests/fluid.h"

#define MIB 1048576.0
#define DT  0.01

/* Threads of equal depth on two paths of 8 MiB/s with operations of 128 KiB. */
static const struct {
	const char *why;
	unsigned int on0, on1, depth;
	bool seen;
	double op, jitter, seconds;
	unsigned int moves;
	double within_s;
} rows[] = {
	{"two beside an idle path: one move", 2, 0, 8, true, 131072, 0, 20, 1, 1.2},
	{"the same on a coarse throttle", 2, 0, 8, true, 131072, 0.3, 20, 1, 1.2},
	{"64 KiB", 2, 0, 8, true, 65536, 0.3, 20, 1, 1.2},
	{"four: two moves", 4, 0, 8, true, 131072, 0.3, 20, 2, 1.2},
	{"four deep ones", 4, 0, 32, true, 131072, 0.3, 20, 2, 1.5},
	{"three and one: one move", 3, 1, 8, true, 131072, 0.3, 20, 1, 1.2},
	{"seven and one: three moves", 7, 1, 8, true, 131072, 0.3, 20, 3, 1.5},
	{"in-flight work unseen (libaio)", 2, 0, 8, false, 131072, 0.3, 20, 1, 1.2},
	{"four of these", 4, 0, 8, false, 131072, 0.3, 20, 2, 1.2},
	{"depth 1, two of them", 2, 0, 1, true, 131072, 0.3, 20, 1, 1.5},
	{"spread 1 + 1: stay", 1, 1, 8, true, 131072, 0.3, 60, 0, 0},
	{"spread 2 + 2: stay", 2, 2, 8, true, 131072, 0.3, 60, 0, 0},
	{"spread 2 + 2 unseen: stay", 2, 2, 8, false, 131072, 0.3, 60, 0, 0},
	{"2 + 1 is as even as it gets", 2, 1, 8, true, 131072, 0.3, 60, 0, 0},
	{"4 + 4 of depth 1: stay", 4, 4, 1, true, 131072, 0.3, 60, 0, 0},
	{"a single thread: stay", 1, 0, 8, true, 131072, 0.3, 60, 0, 0},
	{"a single unseen thread: stay", 1, 0, 8, false, 131072, 0.3, 60, 0, 0},
	{"an idle machine", 0, 0, 0, true, 131072, 0, 10, 0, 0},
};

START_TEST(test_spread)
{
	struct fluid *f = fluid_create(2, 8 * MIB, 0, true);
	unsigned int n = rows[_i].on0 + rows[_i].on1, half = n / 2;
	double done = 0;

	for (unsigned int i = 0; i < n; i++)
		f->threads[fluid_closed(f, i >= rows[_i].on0, rows[_i].depth, rows[_i].op)].seen =
			rows[_i].seen;
	for (int e = 0; e < 2; e++)
		f->engines[e].jitter = rows[_i].jitter;
	fluid_run(f, rows[_i].seconds, DT);
	ck_assert_msg(f->moves == rows[_i].moves, "%s: %u moves, first at %.2f s", rows[_i].why,
		      f->moves, f->first_move_s);
	if (rows[_i].moves) {
		ck_assert_msg(f->first_move_s <= rows[_i].within_s, "%s: first move at %.2f s",
			      rows[_i].why, f->first_move_s);
		ck_assert_msg(fluid_in_domain(f, 0) == half || fluid_in_domain(f, 1) == half, "%s",
			      rows[_i].why);
	}
	for (unsigned int i = 0; i < n; i++)
		done += f->threads[i].done_bytes;
	if (n > 1)
		ck_assert_msg(done >= 0.9 * 16 * MIB * rows[_i].seconds, "%s: %.1f MiB/s",
			      rows[_i].why, done / MIB / rows[_i].seconds);
	fluid_destroy(f);
}
END_TEST

START_TEST(test_capacity_stays_true)
{
	struct fluid *f = fluid_create(2, 8 * MIB, 0, true);
	struct dam_policy_engine_view v;

	for (unsigned int i = 0; i < 2; i++) {
		fluid_closed(f, i, 8, 131072);
		f->engines[i].jitter = 0.3;
	}
	fluid_run(f, 2, DT);
	for (int k = 0; k < 600; k++) {
		fluid_run(f, 0.1, DT);
		for (unsigned int e = 0; e < 2; e++) {
			dam_policy_view_engine(f->policy, e, &v);
			ck_assert_int_eq(v.source, DAM_CAP_LEARNED);
			ck_assert_msg(fabs(v.capacity / (8 * MIB) - 1) < 0.1, "%.2f MiB/s at %.1f s",
				      v.capacity / MIB, f->now_s);
		}
	}
	ck_assert_uint_eq(f->moves, 0);
	fluid_destroy(f);
}
END_TEST

START_TEST(test_noise_moves_nothing)
{
	static const double given[] = {0, 1000 * MIB};
	struct fluid *f = fluid_create(2, 1000 * MIB, given[_i], true);

	for (unsigned int i = 0; i < 8; i++)
		fluid_open(f, i % 2, 175 * MIB, 0.3, 256 * 1024);
	fluid_run(f, 180, DT);
	ck_assert_msg(f->moves == 0, "u = 0.7, CV 0.3: %u moves, first at %.1f s", f->moves,
		      f->first_move_s);
	fluid_destroy(f);
}
END_TEST

START_TEST(test_immovable)
{
	struct fluid *f = fluid_create(2, 8 * MIB, 0, true);

	for (unsigned int i = 0; i < 4; i++) {
		fluid_closed(f, 0, 8, 131072);
		if (_i)
			f->threads[i].allowed = 1;
		else
			f->threads[i].movable = false;
	}
	fluid_run(f, 10, DT);
	ck_assert_uint_eq(f->moves, 0);
	fluid_destroy(f);
}
END_TEST

/* An engine that silently loses three quarters of its capacity shows less traffic: it must not look cool. */
START_TEST(test_sick_engine_gains_nothing)
{
	struct fluid *f = fluid_create(2, 8 * MIB, 0, true);

	for (unsigned int i = 0; i < 8; i++)
		fluid_closed(f, i % 2, 4, 65536);
	fluid_run(f, 5, DT);
	ck_assert_uint_eq(f->moves, 0);
	f->engines[0].capacity = 2 * MIB;
	for (int k = 0; k < 1000; k++) {
		fluid_run(f, DT, DT);
		for (unsigned int i = 0; i < f->nr_last; i++)
			ck_assert_msg(f->last[i].to_engine != 0, "at %.2f s", f->now_s);
	}
	ck_assert_uint_le(fluid_in_domain(f, 0), 4);
	fluid_destroy(f);
}
END_TEST

START_TEST(test_stopped_threads_are_no_load)
{
	struct fluid *f = fluid_create(2, 8 * MIB, 0, true);
	struct dam_policy_thread_view v;

	for (unsigned int i = 0; i < 2; i++)
		fluid_closed(f, i, 8, 131072);
	fluid_run(f, 3, DT);
	f->threads[0].stopped = f->threads[1].stopped = true;
	fluid_run(f, 5, DT);
	dam_policy_view_thread(f->policy, 0, &v);
	ck_assert_msg(v.demand < 0.02 * 8 * MIB, "%.2f MiB/s", v.demand / MIB);
	fluid_run(f, 60, 1.0);
	f->threads[0].stopped = f->threads[1].stopped = false;
	fluid_run(f, 20, DT);
	ck_assert_uint_eq(f->moves, 0);
	fluid_destroy(f);
}
END_TEST

START_TEST(test_overloaded_open_threads)
{
	struct fluid *f = fluid_create(2, 100 * MIB, 100 * MIB, true);

	for (unsigned int i = 0; i < 4; i++)
		fluid_open(f, 0, 30 * MIB, 0, 65536);
	fluid_run(f, 10, DT);
	ck_assert_msg(f->moves == 2, "%u moves", f->moves);
	ck_assert_uint_eq(fluid_in_domain(f, 1), 2);
	fluid_destroy(f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy_sim");
	TCase *tc = tcase_create("scenarios");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_spread, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_loop_test(tc, test_immovable, 0, 2);
	tcase_add_loop_test(tc, test_noise_moves_nothing, 0, 2);
	tcase_add_test(tc, test_capacity_stays_true);
	tcase_add_test(tc, test_sick_engine_gains_nothing);
	tcase_add_test(tc, test_stopped_threads_are_no_load);
	tcase_add_test(tc, test_overloaded_open_threads);
	suite_add_tcase(s, tc);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
