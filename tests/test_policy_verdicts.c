/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The verdicts that the decision must give, run through the whole of it on the small machine. */
#include "config.h"

#include <check.h>
#include <math.h>

#include "tests/fluid.h"
#include "tests/suite.h"

#define MIB 1048576.0
#define CAP (16 * MIB)
#define OP  65536.0
#define DT  0.01

/* on0 and on1 threads; closed: depth each; open: share of a capacity each */
static const struct {
	const char *why;
	unsigned int on0, on1, depth;
	double open0, open1, capacity1;
	unsigned int moves;
} rows[] = {
	{"4 x depth 32 beside an idle engine: move two", 4, 0, 32, 0, 0, 1, 2},
	{"2 + 2 saturated: stay", 2, 2, 32, 0, 0, 1, 0},
	{"3 + 1, depth 4 each, saturated: move one, for fairness alone", 3, 1, 4, 0, 0, 1, 1},
	{"open 0.9 beside 0.1: move", 9, 1, 0, 0.1, 0.1, 1, 4},
	{"open 1.02 beside 0.5: until they are in balance, and not until they are even", 40, 10, 0, 0.0255, 0.05, 1, 7},
	{"open 0.5 beside 0.4: below the threshold, stay", 5, 4, 0, 0.1, 0.1, 1, 0},
	{"the only thread, target of half its rate: stay", 1, 0, 32, 0, 0, 0.5, 0},
	{"the same, open, and it fits here only", 1, 0, 0, 0.9, 0, 0.5, 0},
	{"open overload has nowhere to go that would not overflow: stay", 2, 2, 0, 0.6, 0.6, 1, 0},
	{"open overload beside room: move one", 2, 1, 0, 0.6, 0.2, 1, 1},
	{"one large open thread would only carry its overload along: stay", 1, 0, 0, 1.2, 0, 1, 0},
};

START_TEST(test_verdict)
{
	struct fluid *f = fluid_create(2, CAP, CAP, true);
	struct dam_policy_engine_desc d = {.pool = 0, .base_latency_s = 100e-6, .local_domains = 2,
					   .given_capacity = CAP * rows[_i].capacity1};

	f->engines[1].capacity = d.given_capacity;
	dam_policy_set_engine(f->policy, 1, &d);
	for (unsigned int i = 0; i < rows[_i].on0 + rows[_i].on1; i++) {
		bool first = i < rows[_i].on0;

		if (rows[_i].depth)
			fluid_closed(f, !first, rows[_i].depth, OP);
		else
			fluid_open(f, !first, CAP * (first ? rows[_i].open0 : rows[_i].open1), 0, OP);
	}
	fluid_run(f, 10, DT);
	ck_assert_msg(f->moves == rows[_i].moves, "%s: %u moves", rows[_i].why, f->moves);
	fluid_destroy(f);
}
END_TEST

/* Fixed engines: a thread in domain 1 drives the engine next to domain 0. */
static const struct {
	const char *why;
	double memory_bps;
	unsigned int neighbours, moves; /* neighbours: threads already in domain 0 */
	bool movable;
} close_rows[] = {
	{"come closer: small memory traffic", 1e6, 0, 1, true},
	{"1 GB/s of memory traffic left behind: stay", 1e9, 0, 0, true},
	{"unknown memory traffic: come closer", NAN, 0, 1, true},
	{"domain 0 has more threads already: not more crowded for locality's sake", 1e6, 3, 0, true},
	{"somebody else's pin", 1e6, 0, 0, false},
};

START_TEST(test_come_closer)
{
	struct fluid *f = fluid_create(2, CAP, 0, false);
	unsigned int t = fluid_open(f, 1, 0.3 * CAP, 0, 4096);

	f->threads[t].engine = 0;
	f->threads[t].memory_bps = close_rows[_i].memory_bps;
	f->threads[t].movable = close_rows[_i].movable;
	for (unsigned int i = 0; i < close_rows[_i].neighbours; i++)
		fluid_open(f, 0, 0.05 * CAP, 0, 4096);
	fluid_run(f, 10, DT);
	ck_assert_msg(f->moves == close_rows[_i].moves, "%s: %u moves", close_rows[_i].why, f->moves);
	if (f->moves) {
		ck_assert_int_eq((int)f->threads[t].domain, 0);
		ck_assert_int_eq((int)f->threads[t].engine, 0);
	}
	fluid_destroy(f);
}
END_TEST

/* Q/(Z + R) = x and x <= D <= C hold for closed loops, whatever their depth. */
START_TEST(test_demand_identity)
{
	static const unsigned int depth[] = {1, 4, 32};
	struct fluid *f = fluid_create(2, CAP, CAP, true);
	struct dam_policy_thread_view v;
	struct dam_policy_engine_view e;

	for (unsigned int i = 0; i < 6; i++)
		fluid_closed(f, i % 2, depth[_i], OP);
	fluid_run(f, 5, DT);
	dam_policy_view_engine(f->policy, 0, &e);
	ck_assert(e.saturated == (depth[_i] > 1 || e.latency_s > 1.5 * e.base_latency_s));
	for (unsigned int i = 0; i < 6; i += 2) {
		dam_policy_view_thread(f->policy, i, &v);
		ck_assert(!v.open_loop);
		ck_assert_msg(fabs(v.peak / (v.think_s + e.latency_s) / v.rate - 1) < 0.25,
			      "depth %u: Q/(Z + R) %.2f, x %.2f MiB/s", depth[_i],
			      v.peak / (v.think_s + e.latency_s) / MIB, v.rate / MIB);
		ck_assert_msg(v.demand >= 0.9 * v.rate && v.demand <= CAP, "depth %u: D %.2f MiB/s",
			      depth[_i], v.demand / MIB);
	}
	fluid_destroy(f);
}
END_TEST

/* The rise that a trusted bound foretells is acted on before the overload. */
static const struct {
	const char *why;
	bool trusted, moves;
	double mean;  /* foretold, as a share of the capacity; the load is a half */
	double swing; /* of the load, every fifth of a second, as a share of it */
} forecast_rows[] = {
	{"an untrusted bound", false, false, 0.9, 0},
	{"a trusted one", true, true, 0.9, 0},
	{"a trusted one, but no more of a rise than comes and goes all the time", true, false, 0.75, 0.7},
};

START_TEST(test_forecast)
{
	struct fluid *f = fluid_create(2, CAP, CAP, true);
	struct dam_policy_forecast fc[FLUID_ENGINES] = {
		{.mean = forecast_rows[_i].mean * CAP, .p90 = CAP, .trusted = forecast_rows[_i].trusted}};
	struct dam_policy_move m[8];
	unsigned int moves = 0;

	for (unsigned int i = 0; i < 6; i++)
		fluid_open(f, 0, 0.1 * CAP, 0, OP);
	for (unsigned int i = 0; i < 5; i++)
		fluid_open(f, 1, 0.1 * CAP, 0, OP);
	for (int k = 0; k < 41; k++) {
		for (unsigned int i = 0; i < 11; i++)
			f->threads[i].rate = (1 + forecast_rows[_i].swing * (k % 2 ? 1 : -1)) * 0.1 * CAP;
		fluid_run(f, 0.2, DT);
	}
	ck_assert_uint_eq(f->moves, 0);
	for (int k = 0; k < 10; k++) {
		unsigned int nr = dam_policy_tick(f->policy, DT, fc, m, 8);

		for (unsigned int i = 0; i < nr; i++)
			ck_assert_int_eq(m[i].trigger, DAM_TRIGGER_FORECAST);
		moves += nr;
	}
	ck_assert_msg((moves > 0) == forecast_rows[_i].moves, "%s: %u moves", forecast_rows[_i].why, moves);
	fluid_destroy(f);
}
END_TEST

START_TEST(test_terms_add_up)
{
	struct fluid *f = fluid_create(2, CAP, CAP, true);
	unsigned int seen = 0;

	for (unsigned int i = 0; i < 4; i++)
		fluid_closed(f, 0, 16, OP);
	for (int k = 0; k < 300; k++) {
		fluid_run(f, DT, DT);
		for (unsigned int i = 0; i < f->nr_last; i++, seen++) {
			const struct dam_policy_terms *t = &f->last[i].terms;

			ck_assert_double_eq_tol(t->gain, t->throughput + t->latency + t->fairness -
							 t->overflow - t->refill - t->remote, 1e-12);
			ck_assert(t->gain >= t->threshold && t->threshold > 0);
			ck_assert(f->last[i].to_util_after < f->last[i].from_util);
			ck_assert_str_eq(dam_policy_trigger_name(f->last[i].trigger), "overload");
		}
	}
	ck_assert_uint_eq(seen, 2);
	fluid_destroy(f);
}
END_TEST

START_TEST(test_cooldown_and_undo)
{
	struct fluid *f = fluid_create(2, CAP, CAP, true);
	struct dam_policy_thread_view v;

	for (unsigned int i = 0; i < 2; i++)
		fluid_closed(f, 0, 16, OP);
	for (int k = 0; k < 500 && !f->moves; k++)
		fluid_run(f, DT, DT);
	ck_assert_uint_eq(f->moves, 1);
	dam_policy_view_thread(f->policy, f->last[0].thread, &v);
	ck_assert_int_eq(v.engine, 1);
	ck_assert_double_gt(v.cooldown_s, 0.9);
	dam_policy_undo(f->policy, &f->last[0]);
	dam_policy_view_thread(f->policy, f->last[0].thread, &v);
	ck_assert_int_eq(v.engine, 0);
	ck_assert_msg(v.cooldown_s > 0.9, "it keeps its cool-down, or it would be tried every tick");
	fluid_destroy(f);
}
END_TEST

/* Odd values from a broken driver or a hostile process must not spread. */
START_TEST(test_odd_samples)
{
	static const double odd[] = {NAN, INFINITY, -INFINITY, -1, 0, 1e300, 4.9e-324};
	struct fluid *f = fluid_create(2, CAP, 0, true);
	struct dam_policy_engine_view e;
	struct dam_policy_thread_view t;

	for (unsigned int i = 0; i < 4; i++)
		fluid_closed(f, 0, 8, OP);
	for (int k = 0; k < 5000; k++) {
		double a = odd[(int)(fluid_random(f) * 7)], b = odd[(int)(fluid_random(f) * 7)];
		struct dam_policy_engine_sample es = {.bytes = a, .ops = b, .wait_s = a,
						      .inflight_ops = b, .valid = k % 3 != 0};
		struct dam_policy_thread_sample ts = {
			.engine = k % 7 - 2, .pool = k % 4 - 1, .domain = (unsigned int)k % 70,
			.bytes = b, .ops = a, .inflight_ops = a, .inflight_peak_ops = b,
			.memory_bps = b, .allowed = ~0ull, .movable = true};

		dam_policy_engine(f->policy, (unsigned int)k % 6, k % 5 ? DT : a, &es);
		dam_policy_thread(f->policy, (unsigned int)k % 5, k % 5 ? DT : b, &ts);
		dam_policy_tick(f->policy, k % 11 ? DT : a, NULL, f->last, FLUID_THREADS);
		dam_policy_view_engine(f->policy, 0, &e);
		dam_policy_view_thread(f->policy, 0, &t);
		ck_assert(e.rate >= 0 && e.demand >= 0 && e.capacity >= 0);
		ck_assert(t.rate >= 0 && t.demand >= 0);
	}
	fluid_destroy(f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy_verdicts");
	TCase *tc = tcase_create("verdicts");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_verdict, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_loop_test(tc, test_come_closer, 0, sizeof(close_rows) / sizeof(close_rows[0]));
	tcase_add_loop_test(tc, test_demand_identity, 0, 3);
	tcase_add_loop_test(tc, test_forecast, 0, sizeof(forecast_rows) / sizeof(forecast_rows[0]));
	tcase_add_test(tc, test_terms_add_up);
	tcase_add_test(tc, test_cooldown_and_undo);
	tcase_add_test(tc, test_odd_samples);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
