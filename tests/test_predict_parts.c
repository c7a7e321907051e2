/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What forecasts are made of, each against a plain truth: the past, sorted windows, weights, guard, bound, period. */
#include "config.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "predict/blend.h"
#include "predict/conformal.h"
#include "predict/guard.h"
#include "predict/members.h"
#include "predict/mix.h"
#include "predict/past.h"
#include "predict/sorted.h"
#include "tests/random.h"
#include "tests/suite.h"

static uint64_t seed = 1;

static double uniform(void)
{
	return test_uniform(&seed);
}

START_TEST(test_past_means)
{
	static const unsigned int n[] = {1, 2, 7, 100, 500};
	double *y = calloc(3000, sizeof(*y));
	struct dam_past past;
	void *mem = calloc(1, dam_past_size(100));

	dam_past_init(&past, 100, mem);
	for (unsigned int i = 0; i < 3000; i++) {
		y[i] = i == 1500 ? 1e12 : uniform(); /* what rounds everything off must heal */
		dam_past_push(&past, y[i]);
		ck_assert_double_eq(dam_past_value(&past, 0), y[i]);
		for (unsigned int k = 0; k < 5; k++) {
			unsigned int ago = i % 11;
			double sum = 0;

			if (ago + n[k] > past.nr)
				continue;
			for (unsigned int j = 0; j < n[k]; j++)
				sum += y[i - ago - j];
			ck_assert_double_eq_tol(dam_past_mean(&past, ago, n[k]), sum / n[k],
						i < 1500 || i > 2600 ? 1e-9 : 1e12 / n[k]);
		}
	}
	free(mem);
	free(y);
}
END_TEST

START_TEST(test_sorted_window)
{
	float ring[50], sorted[50];

	for (unsigned int i = 0; i < 5000; i++) {
		float v = floorf((float)uniform() * 20); /* many are equal */

		if (i < 50)
			dam_sorted_insert(sorted, i, v);
		else
			dam_sorted_replace(sorted, 50, ring[i % 50], v);
		ring[i % 50] = v;
		for (unsigned int k = 1; k < 50 && k <= i; k++)
			ck_assert(sorted[k - 1] <= sorted[k]);
		for (unsigned int k = 0; k < 50 && k <= i; k++) {
			unsigned int in_ring = 0, in_sorted = 0;

			for (unsigned int j = 0; j < 50 && j <= i; j++) {
				in_ring += !(ring[j] < ring[k]) && !(ring[j] > ring[k]);
				in_sorted += !(sorted[j] < ring[k]) && !(sorted[j] > ring[k]);
			}
			ck_assert_uint_eq(in_ring, in_sorted);
		}
	}
}
END_TEST

/* Two members that err in opposite ways, and a third that is bad: the mix must find their middle. */
START_TEST(test_mix_combines)
{
	static const double prior[3] = {1, 1, 1};
	struct dam_mix mix;

	dam_mix_init(&mix, prior, 3, 5);
	for (int i = 0; i < 3000; i++) {
		double truth = 10 + uniform(), off = 4 * uniform() - 2, mixed = 0, sum = 0;
		_Alignas(16) float made[DAM_MIX_MAX] = {
			(float)(truth + off), (float)(truth - off), (float)(truth + 20 * uniform() - 10)};

		for (int k = 0; k < 3; k++) {
			mixed += mix.weight[k] * (double)made[k];
			sum += mix.weight[k];
			ck_assert(mix.weight[k] >= 0);
		}
		ck_assert_double_eq_tol(sum, 1, 1e-9);
		dam_mix_learn(&mix, made, mixed, truth);
		dam_mix_follow(&mix);
	}
	ck_assert_double_eq_tol(mix.weight[0], 0.5, 0.05);
	ck_assert_double_eq_tol(mix.weight[1], 0.5, 0.05);
}
END_TEST

/* A hint moves the weights at once, and is forgotten with the next truth. */
START_TEST(test_mix_hears)
{
	static const double prior[2] = {1, 1};
	_Alignas(16) float well[DAM_MIX_MAX] = {1, 3}, badly[DAM_MIX_MAX] = {3, 1};
	struct dam_mix mix;

	dam_mix_init(&mix, prior, 2, 50);
	for (int i = 0; i < 60; i++) {
		dam_mix_learn(&mix, well, 1.5, 1);
		dam_mix_follow(&mix);
	}
	ck_assert_msg(mix.weight[0] > 0.9, "the first has always been right: %g", mix.weight[0]);
	dam_mix_learn(&mix, well, 1.5, 1);
	dam_mix_hint(&mix, badly, 1.5, 1, 50);
	dam_mix_follow(&mix);
	ck_assert_msg(mix.weight[0] < 0.6, "what has come since speaks for the second: %g", mix.weight[0]);
	dam_mix_learn(&mix, well, 1.5, 1);
	dam_mix_follow(&mix);
	ck_assert_msg(mix.weight[0] > 0.9, "a hint is not remembered: %g", mix.weight[0]);
}
END_TEST

START_TEST(test_guard)
{
	struct dam_guard g;

	dam_guard_init(&g, 10);
	ck_assert_msg(dam_guard_apply(&g, 1, 3) == 3, "nothing is known: the mix");
	for (int i = 0; i < 1000; i++)
		dam_guard_learn(&g, 5, 5 + uniform(), 5 + 2 * uniform());
	ck_assert_msg(dam_guard_apply(&g, 1, 3) == 3, "the mix is better");
	for (int i = 0; i < 5000; i++)
		dam_guard_learn(&g, 5, 6, 5);
	ck_assert_msg(dam_guard_apply(&g, 1, 3) < 1.5, "the mix has been worse for long");
	dam_guard_init(&g, 10);
	for (int i = 0; i < 100; i++)
		dam_guard_see(&g, i % 7 ? 0 : 1);
	ck_assert_msg(dam_guard_apply(&g, 0, 3) == 3, "a pause as ever");
	for (int i = 0; i < 20; i++)
		dam_guard_see(&g, 0);
	ck_assert_msg(dam_guard_apply(&g, 0, 3) < 0.5, "silence of twice the horizon, three times the longest");
	for (int i = 0; i < 80; i++)
		dam_guard_see(&g, 0);
	ck_assert_msg(dam_guard_apply(&g, 0, 3) < 0.1, "silence of ten times the horizon");
}
END_TEST

/* Noise is best forecast by the slow mean, a walk by the fast one, however irregular the intervals are. */
START_TEST(test_blend)
{
	struct dam_blend noise = {0}, walk = {0};
	double level = 0;

	ck_assert_msg(dam_blend_mean(&noise, 3, 1) == 3, "nothing is known: the fast one");
	for (int i = 0; i < 5000; i++) {
		double dt = 0.005 + 0.01 * uniform();

		dam_blend_add(&noise, dt, dt * uniform(), 0.5 + 0.4 * (uniform() - 0.5), 0.5, 0.1);
		level += uniform() - 0.5;
		dam_blend_add(&walk, dt, dt * level, level, level / 2, 0.1);
		dam_blend_add(&walk, 0, 1e9, 0, 0, 0.1);
		dam_blend_add(&walk, NAN, 1e9, 0, 0, 0.1);
	}
	ck_assert_double_le(dam_blend_mean(&noise, 0.7, 0.5), 0.56);
	ck_assert_msg(dam_blend_mean(&noise, 3, 1) >= 2.6, "a difference that noise never made is believed");
	ck_assert_double_ge(dam_blend_mean(&walk, 3, 1), 2.6);
	ck_assert_double_le(dam_blend_mean(&walk, 3, 1), 3);
}
END_TEST

/* A bound whose errors suddenly become ten times as large has to hold again soon. */
START_TEST(test_conformal_follows)
{
	struct dam_conformal *c = malloc(sizeof(*c));
	unsigned int held = 0;

	dam_conformal_init(c, 1);
	for (int i = 0; i < 4000; i++) {
		double error = (uniform() - 0.5) * (i < 2000 ? 1 : 10);
		double margin = dam_conformal_margin(c);

		held += i >= 2000 && error <= margin;
		dam_conformal_add(c, (float)error, (float)(error - margin));
	}
	ck_assert_msg(held > 1700 && held < 1900, "held %u times in 2000", held);
	free(c);
}
END_TEST

/* Silence teaches nothing: after it the bound follows as soon as it would have without. */
START_TEST(test_conformal_silence)
{
	struct dam_conformal *c = malloc(sizeof(*c));
	double before;

	dam_conformal_init(c, 1);
	for (int i = 0; i < 50; i++)
		dam_conformal_add(c, 0, 0);
	before = c->level;
	for (int i = 0; i < 1000; i++)
		dam_conformal_add(c, 0, 0);
	ck_assert_double_eq(c->level, before);
	ck_assert_double_eq(dam_conformal_margin(c), 0);
	for (int i = 0; i < 8; i++)
		dam_conformal_add(c, 1, (float)(1 - dam_conformal_margin(c)));
	ck_assert_double_ge(dam_conformal_margin(c), 1);
	free(c);
}
END_TEST

/* Rows: a period, a horizon, and how far the forecast may be off at most once the period is known. */
static const struct {
	unsigned int period, horizon;
	double most;
	double level; /* what the swing of 3 sits on */
} seasons[] = {
	{7, 3, 0.2, 0}, {13, 50, 0.2, 0}, {60, 10, 0.2, 0}, {200, 50, 0.2, 0}, {200, 1, 0.2, 0}, {13, 5, 0.2, 1e5},
};

START_TEST(test_season)
{
	const struct dam_predict_member *m = &dam_predict_season;
	const unsigned int p = seasons[_i].period, h = seasons[_i].horizon;
	void *state = aligned_alloc(16, (m->size + 15) & ~(size_t)15), *mem = calloc(1, dam_past_size(h));
	struct dam_past past;

	memset(state, 0, m->size);
	dam_past_init(&past, h, mem);
	for (unsigned int i = 0; i < 3000; i++) {
		double truth = 0, f;

		dam_past_push(&past, seasons[_i].level + (i % p < p / 3 ? 3 : 0));
		f = m->update(state, &past) - seasons[_i].level;
		for (unsigned int k = 1; k <= h; k++)
			truth += ((i + k) % p < p / 3 ? 3.0 : 0.0) / h;
		if (i > 2500)
			ck_assert_msg(fabs(f - truth) < seasons[_i].most, "period %u: %g, not %g", p, f, truth);
	}
	free(mem);
	free(state);
}
END_TEST

/*
 * A pattern of four bursts, each followed by a quiet time of random length: no period, but who has seen the first
 * burst of a pattern knows what comes. Silence, and a scale, change nothing.
 */
START_TEST(test_analog)
{
	static const double burst[] = {5, 1, 3, 2}, scales[] = {1, 1e-9, 1e12};
	const struct dam_predict_member *m = &dam_predict_analog;
	void *state = aligned_alloc(16, (m->size + 15) & ~(size_t)15), *mem = calloc(1, dam_past_size(4));
	unsigned int at = 4, quiet = 0;
	struct dam_past past;
	double f = 0;

	memset(state, 0, m->size);
	dam_past_init(&past, 4, mem);
	for (unsigned int i = 0; i < 3000; i++) {
		if (at == 4 && !quiet--) {
			at = 0;
			quiet = 6 + (unsigned int)(uniform() * 9);
		}
		if (at == 1 && i > 600)
			ck_assert_msg(fabs(f / scales[_i] - 6.0 / 4) < 0.05, "after %u: %g", i, f / scales[_i]);
		dam_past_push(&past, at < 4 ? burst[at++] * scales[_i] : 0);
		f = m->update(state, &past);
	}
	for (unsigned int i = 0; i < 3000; i++) {
		dam_past_push(&past, 0);
		f = m->update(state, &past);
	}
	ck_assert_double_eq(f, 0);
	free(mem);
	free(state);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("predict_parts");
	TCase *tc = tcase_create("parts");

	tcase_add_test(tc, test_past_means);
	tcase_add_test(tc, test_sorted_window);
	tcase_add_test(tc, test_mix_combines);
	tcase_add_test(tc, test_mix_hears);
	tcase_add_test(tc, test_guard);
	tcase_add_test(tc, test_blend);
	tcase_add_test(tc, test_conformal_follows);
	tcase_add_test(tc, test_conformal_silence);
	tcase_add_loop_test(tc, test_analog, 0, 3);
	tcase_add_loop_test(tc, test_season, 0, sizeof(seasons) / sizeof(seasons[0]));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
