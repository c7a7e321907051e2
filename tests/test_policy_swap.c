/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Exchanges: when two threads change places, when they do not, and what is told of it. */
#include "config.h"

#include <check.h>
#include <string.h>

#include "policy/explain.h"
#include "tests/fluid.h"
#include "tests/suite.h"

#define CAP (16 * 1048576.0)
#define OP  65536.0
#define DT  0.01
#define MAX 4 /* threads on one engine */

/* Who may not take part, of the threads of the second engine. */
enum barrier { FREE, PINNED, ELSEWHERE, HATED, ONE_MOVE };

static const struct {
	const char *why;
	double on0[MAX], on1[MAX]; /* open demand of each thread, as a share of a capacity */
	enum barrier barrier;
	unsigned int moves;
	bool exchange;
} rows[] = {
	{"two large ones beside two small ones: a large one for a small one", {0.6, 0.6}, {0.3, 0.3}, FREE, 2, true},
	{"4 + 3 beside 3 + 1 + 1 of 6.1: the 4 for the 3", {0.656, 0.492}, {0.492, 0.164, 0.164}, FREE, 2, true},
	{"the small ones are pinned", {0.6, 0.6}, {0.3, 0.3}, PINNED, 0, false},
	{"they may not run there", {0.6, 0.6}, {0.3, 0.3}, ELSEWHERE, 0, false},
	{"experience speaks against one half", {0.6, 0.6}, {0.3, 0.3}, HATED, 0, false},
	{"no more than one move is allowed: never half of it", {0.6, 0.6}, {0.3, 0.3}, ONE_MOVE, 0, false},
	{"more is asked for than there is: no exchange ends that", {0.7, 0.6}, {0.5, 0.5}, FREE, 0, false},
	{"nothing is overloaded", {0.45, 0.45}, {0.3, 0.3}, FREE, 0, false},
	{"a single move is enough", {0.6, 0.3, 0.3}, {0.3, 0.2}, FREE, 1, false},
};

/* Moves that bring a thread to the first engine have never done any good. */
static double favour(void *ctx, const struct dam_policy_move *m)
{
	(void)ctx;
	return m->to_engine == 0 ? 0 : 1;
}

static void adjust(struct dam_policy_config *cfg, void *barrier)
{
	if (*(const enum barrier *)barrier == HATED)
		cfg->favour = favour;
	if (*(const enum barrier *)barrier == ONE_MOVE)
		cfg->max_moves = 1;
}

static void put(struct fluid *f, unsigned int domain, const double share[MAX], enum barrier barrier)
{
	for (unsigned int i = 0; i < MAX && share[i] > 0; i++) {
		struct fluid_thread *t = &f->threads[fluid_open(f, domain, share[i] * CAP, 0, OP)];

		t->movable = barrier != PINNED;
		if (barrier == ELSEWHERE)
			t->allowed = 1ull << domain;
	}
}

static struct fluid *set_up(unsigned int row)
{
	enum barrier barrier = rows[row].barrier;
	struct fluid *f = fluid_create_with(2, CAP, CAP, true, adjust, &barrier);

	put(f, 0, rows[row].on0, FREE);
	put(f, 1, rows[row].on1, barrier);
	return f;
}

/* Both of a pair: they name each other, change places, cool down, and share what is gained. */
static void check_pair(const struct fluid *f, const struct dam_policy_move *m)
{
	for (int i = 0; i < 2; i++) {
		struct dam_policy_thread_view v;

		ck_assert_uint_eq(m[i].partner, m[!i].thread + 1);
		ck_assert_int_eq(m[i].to_engine, m[!i].from_engine);
		ck_assert(m[i].from_util_after <= 1 && m[i].to_util_after <= 1);
		ck_assert(m[i].terms.gain * m[i].terms.favour >= m[i].terms.threshold);
		dam_policy_view_thread(f->policy, m[i].thread, &v);
		ck_assert_int_eq(v.engine, m[i].to_engine);
		ck_assert_double_gt(v.cooldown_s, 0.9);
	}
	ck_assert_double_eq_tol(m[0].terms.gain, m[1].terms.gain, 1e-12);
	ck_assert_msg(m[0].from_util > m[1].from_util, "the one off the hot engine comes first");
}

START_TEST(test_exchange)
{
	struct fluid *f = set_up((unsigned int)_i);
	unsigned int exchanges = 0;

	while (f->now_s < 6) {
		fluid_run(f, DT, DT);
		if (!f->nr_last || !f->last[0].partner)
			continue;
		ck_assert_uint_eq(f->nr_last, 2);
		check_pair(f, f->last);
		exchanges++;
	}
	ck_assert_msg(f->moves == rows[_i].moves, "%s: %u moves", rows[_i].why, f->moves);
	ck_assert_msg(exchanges == rows[_i].exchange, "%s: %u exchanges", rows[_i].why, exchanges);
	fluid_destroy(f);
}
END_TEST

/* Each half has a decision of its own, so that either move can be asked for; the pair is named in both. */
START_TEST(test_explained)
{
	struct dam_policy_decision d[8];
	struct dam_policy_option o[8 * DAM_POLICY_WEIGHED];
	struct dam_policy_explain sink = {.decision = d, .max_decisions = 8, .option = o,
					  .max_options = sizeof(o) / sizeof(o[0])};
	struct fluid *f = set_up(0);
	unsigned int told = 0;

	dam_policy_set_explain(f->policy, &sink);
	for (int k = 0; k < 500 && !f->moves; k++)
		fluid_run(f, DT, DT);
	for (unsigned int i = 0; i < sink.nr_decisions; i++) {
		const struct dam_policy_move *m = &o[d[i].first].move;

		if (d[i].move < 0)
			continue;
		ck_assert_int_eq(d[i].verdict, DAM_VERDICT_MOVED);
		ck_assert_int_eq(o[d[i].first].verdict, DAM_VERDICT_MOVED);
		ck_assert_uint_eq(m->thread, f->last[d[i].move].thread);
		ck_assert_uint_eq(m->partner, f->last[!d[i].move].thread + 1);
		ck_assert_int_eq(d[i].engine, m->from_engine);
		told |= 1u << d[i].move;
	}
	ck_assert_msg(told == 3, "both moves are explained: %u", told);
	fluid_destroy(f);
}
END_TEST

/* Why no exchange was made. */
static const struct {
	unsigned int row; /* of rows */
	enum dam_policy_verdict verdict;
} none_rows[] = {
	{2, DAM_VERDICT_NO_SWAP}, {4, DAM_VERDICT_GAIN}, {6, DAM_VERDICT_NO_SWAP},
};

START_TEST(test_none_explained)
{
	struct dam_policy_decision d[8];
	struct dam_policy_option o[8 * DAM_POLICY_WEIGHED];
	struct dam_policy_explain sink = {.decision = d, .max_decisions = 8, .option = o,
					  .max_options = sizeof(o) / sizeof(o[0])};
	struct fluid *f = set_up(none_rows[_i].row);
	bool told = false;

	dam_policy_set_explain(f->policy, &sink);
	for (int k = 0; k < 500 && !told; k++) {
		fluid_run(f, DT, DT);
		for (unsigned int i = 0; i < sink.nr_decisions; i++)
			told |= d[i].exchange == none_rows[_i].verdict && d[i].move < 0;
	}
	ck_assert_msg(told, "%s", rows[none_rows[_i].row].why);
	fluid_destroy(f);
}
END_TEST

/* Both halves are taken back, and are not tried again at once. */
START_TEST(test_taken_back)
{
	struct fluid *f = set_up(0);
	struct dam_policy_move pair[2];

	for (int k = 0; k < 500 && !f->moves; k++)
		fluid_run(f, DT, DT);
	ck_assert_uint_eq(f->nr_last, 2);
	memcpy(pair, f->last, sizeof(pair));
	for (unsigned int i = 0; i < 2; i++) {
		const struct dam_policy_move *m = &pair[i];
		struct dam_policy_thread_view v;

		dam_policy_take_back(f->policy, m);
		dam_policy_view_thread(f->policy, m->thread, &v);
		ck_assert_int_eq(v.engine, m->from_engine);
		ck_assert_double_gt(v.cooldown_s, 1.9);
		f->threads[m->thread].domain = f->threads[m->thread].engine = m->from_domain;
	}
	fluid_run(f, 1.8, DT);
	for (unsigned int i = 0; i < 2; i++)
		ck_assert_uint_eq(f->threads[pair[i].thread].domain, pair[i].from_domain);
	fluid_destroy(f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy_swap");
	TCase *tc = tcase_create("exchanges");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_exchange, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(tc, test_explained);
	tcase_add_loop_test(tc, test_none_explained, 0, sizeof(none_rows) / sizeof(none_rows[0]));
	tcase_add_test(tc, test_taken_back);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
