/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Learning from verdicts: what moves of a kind are worth after a series of results, and how that fades. */
#include "config.h"

#include <check.h>
#include <math.h>
#include <stdio.h>

#include "policy/learn.h"
#include "tests/suite.h"

#define DAY 86400.0

static struct dam_learn_key key_of(int to)
{
	struct dam_learn_key k;

	dam_learn_key(&k, "fio", "worker", "sim", 0, to);
	return k;
}

/* Results: b etter, w orse, s ame, u ndecided; D: a day passes. */
static const struct {
	const char *why, *results;
	double low, high; /* of the favour afterwards */
} rows[] = {
	{"nothing known", "", 1, 1},
	{"undecided teaches nothing", "uuuuuuuu", 1, 1},
	{"same is no evidence either way", "ssssssss", 1, 1},
	{"one bad move lowers the score", "w", 0.2, 0.6},
	{"two bad moves running end it", "ww", -0.01, 0.01},
	{"more make it a loss", "wwww", -0.8, -0.1},
	{"good ones raise it a little", "bbbb", 1.1, 1.5},
	{"and never by more than half", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", 1.2, 1.5},
	{"good outweighs a bad one", "bbbw", 0.9, 1.1},
	{"two bad ones are tried again after a day", "wwD", 0.3, 0.5},
	{"four are not", "wwwwD", -0.01, 0.01},
	{"but after two", "wwwwDD", 0.3, 0.5},
	{"all is forgotten in the end", "wwwwwwwwDDDDDDDDDDDD", 0.98, 1},
};

START_TEST(test_favour)
{
	struct dam_learn_table *t = dam_learn_create(4);
	struct dam_learn_key k = key_of(1), other = key_of(2);
	double now = 1e9, f;

	for (const char *r = rows[_i].results; *r; r++) {
		enum dam_outcome_verdict v = *r == 'b' ? DAM_OUTCOME_BETTER :
					     *r == 'w' ? DAM_OUTCOME_WORSE :
					     *r == 's' ? DAM_OUTCOME_SAME :
							 DAM_OUTCOME_UNDECIDED;

		if (*r == 'D')
			now += DAY;
		else
			dam_learn_result(t, &k, v, NAN, now);
	}
	f = dam_learn_favour(t, &k, now);
	ck_assert_msg(f >= rows[_i].low - 1e-9 && f <= rows[_i].high + 1e-9, "%s: %g", rows[_i].why, f);
	ck_assert(!(dam_learn_favour(t, &other, now) < 1) && !(dam_learn_favour(t, &other, now) > 1));
	dam_learn_destroy(t);
}
END_TEST

START_TEST(test_bias)
{
	struct dam_learn_table *t = dam_learn_create(4);
	struct dam_learn_key k = key_of(1);
	double last = 1;

	for (int i = 0; i < 20; i++) {
		double b;

		dam_learn_result(t, &k, DAM_OUTCOME_BETTER, 0.7, 1e9);
		b = dam_learn_bias(t, &k, 1e9);
		ck_assert_msg(b < last && b > 0.7, "%d: %g after %g", i, b, last);
		last = b;
	}
	ck_assert_msg(last < 0.75, "%g", last);
	for (int i = 0; i < 1000; i++)
		dam_learn_result(t, &k, DAM_OUTCOME_BETTER, 1e-9, 1e9);
	ck_assert(dam_learn_bias(t, &k, 1e9) >= 0.5);
	dam_learn_result(t, &k, DAM_OUTCOME_BETTER, INFINITY, 1e9);
	dam_learn_result(t, &k, DAM_OUTCOME_BETTER, 0, 1e9);
	ck_assert(dam_learn_bias(t, &k, 1e9) >= 0.5);
	ck_assert_msg(dam_learn_bias(t, &k, 1e9 + 30 * DAY) > 0.99, "%g", dam_learn_bias(t, &k, 1e9 + 30 * DAY));
	dam_learn_destroy(t);
}
END_TEST

/* A full table forgets what was judged longest ago. */
START_TEST(test_full)
{
	struct dam_learn_table *t = dam_learn_create(3);
	struct dam_learn_key k;

	for (int i = 0; i < 4; i++) {
		k = key_of(i);
		dam_learn_result(t, &k, DAM_OUTCOME_WORSE, NAN, 100 + i);
	}
	k = key_of(0);
	ck_assert_ptr_null(dam_learn_find(t, &k));
	k = key_of(3);
	ck_assert_ptr_nonnull(dam_learn_find(t, &k));
	ck_assert_ptr_nonnull(dam_learn_each(t, 2));
	ck_assert_ptr_null(dam_learn_each(t, 3));
	dam_learn_destroy(t);
}
END_TEST

/* What an earlier run kept comes from a file: values that cannot be are refused. */
static const struct {
	const char *why;
	struct dam_learn kind;
	bool taken;
} kept[] = {
	{"ordinary", {.good = 3, .bad = 1, .bias = -0.1, .bias_weight = 2, .time_s = 5}, true},
	{"negative", {.good = -3}, false},
	{"not a number", {.bad = NAN}, false},
	{"infinite", {.good = INFINITY}, false},
	{"a bias that no forecast has", {.bias = 5}, false},
	{"no time", {.time_s = NAN}, false},
};

START_TEST(test_restore)
{
	struct dam_learn_table *t = dam_learn_create(3);

	ck_assert_msg(dam_learn_restore(t, &kept[_i].kind) == kept[_i].taken, "%s", kept[_i].why);
	ck_assert_msg(!!dam_learn_each(t, 0) == kept[_i].taken, "%s", kept[_i].why);
	dam_learn_destroy(t);
}
END_TEST

/* Whatever is forgotten on the way, the latest kinds are there, each with its own results. */
START_TEST(test_many)
{
	struct dam_learn_table *t = dam_learn_create(100);
	struct dam_learn_key k;

	for (int i = 0; i < 1000; i++)
		for (int n = 0; n <= i % 3; n++) {
			k = key_of(i);
			dam_learn_result(t, &k, DAM_OUTCOME_WORSE, NAN, i);
		}
	for (int i = 0; i < 1000; i++) {
		const struct dam_learn *l;

		k = key_of(i);
		l = dam_learn_find(t, &k);
		ck_assert_int_eq(!!l, i >= 900);
		if (l)
			ck_assert(fabs(l->bad - (1 + i % 3)) < 1e-9);
	}
	dam_learn_destroy(t);
}
END_TEST

/* What was learned can be kept: also where every forecast was as wrong as can be. */
START_TEST(test_kept)
{
	struct dam_learn_table *t = dam_learn_create(3), *next = dam_learn_create(3);
	struct dam_learn_key k = key_of(1);

	for (int i = 0; i < 1000; i++) {
		dam_learn_result(t, &k, DAM_OUTCOME_WORSE, _i ? 1e-3 : 1e3, 1e9 + 997 * i);
		ck_assert_msg(dam_learn_restore(next, dam_learn_find(t, &k)), "%d", i);
	}
	dam_learn_destroy(t);
	dam_learn_destroy(next);
}
END_TEST

START_TEST(test_key)
{
	struct dam_learn_key a, b;

	dam_learn_key(&a, "a name that is longer than what is kept of names", "", "sim", 0, 1);
	dam_learn_key(&b, "a name that is longer than what is kept, too", "", "sim", 0, 1);
	ck_assert_str_eq(a.program, "a name that is longer than what");
	ck_assert_mem_eq(&a, &b, sizeof(a));
}
END_TEST

#define NR(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
	Suite *s = suite_create("policy_learn");
	TCase *tc = tcase_create("learn");

	tcase_add_loop_test(tc, test_favour, 0, NR(rows));
	tcase_add_test(tc, test_bias);
	tcase_add_test(tc, test_full);
	tcase_add_test(tc, test_many);
	tcase_add_loop_test(tc, test_restore, 0, NR(kept));
	tcase_add_loop_test(tc, test_kept, 0, 2);
	tcase_add_test(tc, test_key);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
