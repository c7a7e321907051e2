/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The whole decision on a small machine, from a cold start: capacities, labels and demands have to be found. */
#include "config.h"

#include <check.h>
#include <math.h>

#include "tests/fluid.h"
#include "tests/suite.h"

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
	{"four of 64 KiB: capacity is known before the labels are", 4, 0, 8, true, 65536, 0.3, 20, 2, 1.2},
	{"the same unseen", 4, 0, 8, false, 65536, 0.3, 20, 2, 1.2},
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
	{"a single thread tries the other path, and stays there", 1, 0, 8, true, 131072, 0.3, 60, 1, 1.2},
	{"a single unseen thread: the same", 1, 0, 8, false, 131072, 0.3, 60, 1, 1.2},
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

/* The scheduler brings the thread that nobody holds after the one that was moved: it is the one to go back. */
START_TEST(test_follower_goes_back)
{
	struct fluid *f = fluid_create(2, 8 * MIB, 0, true);
	unsigned int mover, follower;

	for (unsigned int i = 0; i < 2; i++)
		fluid_closed(f, 0, 8, 131072);
	while (!f->moves && f->now_s < 10)
		fluid_run(f, DT, DT);
	ck_assert_uint_eq(f->moves, 1);
	mover = f->last[0].thread;
	follower = 1 - mover;
	for (int round = 0; round < 2; round++) {
		fluid_run(f, 3, DT); /* past the mover's cool-down */
		f->threads[follower].placed = false;
		f->threads[follower].domain = f->threads[mover].domain;
		f->threads[follower].engine = f->threads[mover].engine;
		f->moves = 0;
		while (!f->moves && f->now_s < 30)
			fluid_run(f, DT, DT);
		ck_assert_uint_eq(f->moves, 1);
		ck_assert_uint_eq(f->last[0].thread, follower);
	}
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

/* The loop is slow when nothing happens, and late when the machine is busy. */
START_TEST(test_uneven_ticks)
{
	static const double first[] = {1.0, 0.5, DT}, rest[] = {DT, 0.03, 0.1};
	struct fluid *f = fluid_create(2, 8 * MIB, 0, true);

	for (unsigned int i = 0; i < 4; i++) {
		fluid_closed(f, 0, 8, 131072);
		f->threads[i].stopped = true;
		f->engines[i % 2].jitter = 0.3;
	}
	fluid_run(f, 30, first[_i]);
	for (unsigned int i = 0; i < 4; i++)
		f->threads[i].stopped = false;
	fluid_run(f, first[_i], first[_i]);
	for (int k = 0; k < 400; k++)
		fluid_run(f, rest[_i], k % 3 ? rest[_i] : rest[_i] / 2);
	ck_assert_msg(f->moves == 2, "%u moves, first at %.2f s", f->moves, f->first_move_s);
	ck_assert_uint_eq(fluid_in_domain(f, 1), 2);
	ck_assert_msg(f->first_move_s < 33, "first at %.2f s", f->first_move_s);
	fluid_destroy(f);
}
END_TEST

/* Ten operations in flight at once on a device that serves them side by side: slow, but no queue. */
START_TEST(test_slow_is_not_saturated)
{
	struct fluid *f = fluid_create(2, 8 * MIB, 0, true);
	struct dam_policy_engine_view v;

	for (int k = 0; k < 500; k++) {
		struct dam_policy_engine_sample s = {.bytes = 250 * 4096, .ops = 250, .valid = true,
						     .wait_s = 250 * 400e-6, .inflight_ops = 10};

		dam_policy_engine(f->policy, 0, DT, &s);
		dam_policy_tick(f->policy, DT, NULL, f->last, FLUID_THREADS);
	}
	dam_policy_view_engine(f->policy, 0, &v);
	ck_assert_msg(!v.saturated, "four times a guessed latency");
	ck_assert_int_eq(v.source, DAM_CAP_UNKNOWN);
	ck_assert(isnan(v.util));
	fluid_destroy(f);
}
END_TEST

/* A queue may look like a slow engine: one thread finds out what an operation takes where nobody waits. */
static const struct {
	const char *why;
	double beside_s; /* latency on the idle engine */
	unsigned int fewest, most;
} unclear[] = {
	{"the idle engine is as slow: one tries it, and the others stay", 300e-6, 1, 1},
	{"it is faster: the others follow", 100e-6, 2, 6},
};

START_TEST(test_unclear)
{
	struct fluid *f = fluid_create(2, 1000 * MIB, 0, true);
	unsigned int on[6] = {0}, moves = 0;

	for (unsigned int t = 0; t < 6; t++)
		fluid_closed(f, 0, 1, 65536);
	for (int k = 0; k < 500; k++) {
		unsigned int nr, n[2] = {0};

		for (unsigned int t = 0; t < 6; t++) {
			double ops = DT / (on[t] ? unclear[_i].beside_s : 300e-6);
			struct dam_policy_thread_sample s = {
				.engine = (int)on[t], .pool = 0, .domain = on[t], .bytes = ops * 65536, .ops = ops,
				.inflight_ops = 1, .inflight_peak_ops = 1, .movable = true, .allowed = 3,
				.memory_bps = NAN};

			n[on[t]]++;
			dam_policy_thread(f->policy, t, DT, &s);
		}
		for (unsigned int e = 0; e < 2; e++) {
			double ops = n[e] * DT / (e ? unclear[_i].beside_s : 300e-6);
			struct dam_policy_engine_sample s = {.bytes = ops * 65536, .ops = ops, .valid = true,
							     .wait_s = n[e] * DT, .inflight_ops = n[e]};

			dam_policy_engine(f->policy, e, DT, &s);
		}
		nr = dam_policy_tick(f->policy, DT, NULL, f->last, FLUID_THREADS);
		for (unsigned int i = 0; i < nr; i++)
			on[f->last[i].thread] = (unsigned int)f->last[i].to_engine;
		moves += nr;
	}
	ck_assert_msg(moves >= unclear[_i].fewest && moves <= unclear[_i].most, "%s: %u moves", unclear[_i].why, moves);
	fluid_destroy(f);
}
END_TEST

/* What others do on an engine is load, and known threads' own work is not taken for it. */
START_TEST(test_background)
{
	struct fluid *f = fluid_create(2, 100 * MIB, 100 * MIB, true);
	struct dam_policy_engine_view v;
	unsigned int other = fluid_open(f, 0, 40 * MIB, 0, 65536);

	f->threads[fluid_open(f, 0, 20 * MIB, 0, 65536)].movable = false;
	dam_policy_drop_thread(f->policy, other);
	fluid_run(f, 8, DT);
	dam_policy_view_engine(f->policy, 0, &v);
	ck_assert_msg(fabs(v.background / MIB - 40) < 4, "%.1f MiB/s", v.background / MIB);
	ck_assert_msg(fabs(v.attributed / MIB - 20) < 2, "%.1f MiB/s", v.attributed / MIB);
	ck_assert_msg(fabs(v.util - 0.6) < 0.06, "%.2f", v.util);
	fluid_destroy(f);
}
END_TEST

/* The limit of a path changes in the run: 8, 2, 8 MiB/s. The estimate follows down, and up again. */
START_TEST(test_limit_changes)
{
	static const double limit[] = {8, 2, 8};
	struct fluid *f = fluid_create(2, 8 * MIB, 0, true);
	struct dam_policy_engine_view v;

	for (unsigned int i = 0; i < 2; i++)
		fluid_closed(f, i, 8, 65536);
	for (int k = 0; k < 3; k++) {
		f->engines[0].capacity = limit[k] * MIB;
		fluid_run(f, 6, DT);
		dam_policy_view_engine(f->policy, 0, &v);
		ck_assert_msg(fabs(v.capacity / MIB / limit[k] - 1) < 0.1, "%.2f of %.0f MiB/s",
			      v.capacity / MIB, limit[k]);
	}
	fluid_destroy(f);
}
END_TEST

/* A mere imbalance is judged on means of half a second: no thread is moved for less. */
START_TEST(test_newborn_is_left_alone)
{
	struct fluid *f = fluid_create(2, 100 * MIB, 100 * MIB, true);

	fluid_open(f, 0, 30 * MIB, 0, 65536);
	fluid_open(f, 0, 30 * MIB, 0, 65536);
	fluid_run(f, 0.45, DT);
	ck_assert_uint_eq(f->moves, 0);
	fluid_run(f, 1, DT);
	ck_assert_uint_eq(f->moves, 1);
	fluid_destroy(f);
}
END_TEST

/* Both capacities are learned, and then one thread is left: it must not chase the noise between two estimates. */
START_TEST(test_last_thread_stays)
{
	struct fluid *f = fluid_create(2, 8 * MIB, 0, true);

	for (unsigned int i = 0; i < 2; i++) {
		fluid_closed(f, i, 8, 131072);
		f->engines[i].jitter = 0.5;
	}
	fluid_run(f, 10, DT);
	f->threads[1].stopped = true;
	for (int k = 0; k < 50; k++) {
		f->engines[0].capacity = 8 * MIB * (0.93 + 0.14 * fluid_random(f));
		fluid_run(f, 1, DT);
	}
	ck_assert_msg(f->moves == 0, "%u moves, first at %.1f s", f->moves, f->first_move_s);
	fluid_destroy(f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy_sim");
	TCase *tc = tcase_create("scenarios");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_spread, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_loop_test(tc, test_immovable, 0, 2);
	tcase_add_loop_test(tc, test_noise_moves_nothing, 0, 2);
	tcase_add_loop_test(tc, test_uneven_ticks, 0, 3);
	tcase_add_test(tc, test_slow_is_not_saturated);
	tcase_add_loop_test(tc, test_unclear, 0, sizeof(unclear) / sizeof(unclear[0]));
	tcase_add_test(tc, test_background);
	tcase_add_test(tc, test_last_thread_stays);
	tcase_add_test(tc, test_newborn_is_left_alone);
	tcase_add_test(tc, test_limit_changes);
	tcase_add_test(tc, test_capacity_stays_true);
	tcase_add_test(tc, test_sick_engine_gains_nothing);
	tcase_add_test(tc, test_follower_goes_back);
	tcase_add_test(tc, test_stopped_threads_are_no_load);
	tcase_add_test(tc, test_overloaded_open_threads);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
