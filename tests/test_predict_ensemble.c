/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Forecasters: properties that hold for every member of the list, and for the ensemble. */
#include "config.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "predict/predict.h"
#include "tests/random.h"
#include "tests/suite.h"

#define INTERVAL 0.01

static uint64_t seed;

static double uniform(void)
{
	return test_uniform(&seed);
}

static double normal(void)
{
	double u = uniform(), v = uniform();

	return sqrt(-2 * log(u + 1e-300)) * cos(2 * 3.14159265358979 * v);
}

static struct dam_predictor *start(unsigned int horizon)
{
	void *mem = aligned_alloc(16, dam_predict_size(horizon));

	ck_assert_ptr_nonnull(mem);
	memset(mem, 0xa5, dam_predict_size(horizon)); /* init has to clear what it needs */
	return dam_predict_init(mem, INTERVAL, horizon);
}

/* Series: level 1 by default, never negative. */
static double random_walk(unsigned int i, double prev)
{
	return i ? fmax(0, prev + 0.02 * normal()) : 1;
}

static double white(unsigned int i, double prev)
{
	(void)i, (void)prev;
	return fmax(0, 1 + 0.3 * normal());
}

static double ar1(unsigned int i, double prev)
{
	return i ? fmax(0, 1 + 0.8 * (prev - 1) + 0.1 * normal()) : 1;
}

static double steps(unsigned int i, double prev)
{
	(void)prev;
	return fmax(0, (i / 150 % 2 ? 2.0 : 1.0) + 0.1 * normal());
}

static double sparse(unsigned int i, double prev)
{
	(void)i, (void)prev;
	return uniform() < 0.05 ? 10 * uniform() : 0;
}

struct result {
	double se, se_last; /* summed squared errors, of the ensemble and of last value */
	double covered, nr;
	bool trusted;
};

/* One series through @p; truth is computed here, apart from the code under test. */
static struct result measure(struct dam_predictor *p, double (*series)(unsigned int, double),
			     unsigned int n, unsigned int h)
{
	double *y = calloc(n + h, sizeof(*y));
	struct result r = {0};
	struct dam_forecast f;

	seed = 42;
	for (unsigned int i = 0; i < n + h; i++)
		y[i] = series(i, i ? y[i - 1] : 0);
	for (unsigned int i = 0; i < n; i++) {
		double truth = 0;

		dam_predict_update(p, y[i]);
		dam_predict_get(p, &f);
		for (unsigned int k = 1; k <= h; k++)
			truth += y[i + k] / h;
		if (i < 400)
			continue;
		r.se += (truth - f.mean) * (truth - f.mean);
		r.se_last += (truth - y[i]) * (truth - y[i]);
		r.covered += truth <= f.p90;
		r.nr++;
		ck_assert(f.p90 >= f.mean);
	}
	r.trusted = f.trusted;
	free(y);
	return r;
}

static struct result run(double (*series)(unsigned int, double), unsigned int n, unsigned int h)
{
	struct dam_predictor *p = start(h);
	struct result r = measure(p, series, n, h);

	free(p);
	return r;
}

static const struct {
	const char *why;
	double (*series)(unsigned int, double);
	double worst;	/* RMSE at most this share of last value's */
	int trusted;	/* -1: either */
	double lo, hi;	/* coverage of the bound */
} rows[] = {
	{"nothing beats last value on a random walk: never worse by 2 %", random_walk, 1.02, 0, .85, .95},
	{"noise around a level: a mean wins clearly", white, 0.55, 1, .85, .95},
	{"short memory", ar1, 0.97, 1, .85, .95},
	{"steps with noise: the level is followed", steps, 1.0, -1, .85, .95},
	{"sparse bursts: no explosion", sparse, 0.8, -1, .85, .97},
};

START_TEST(test_series)
{
	struct result r = run(rows[_i].series, 20000, 10);

	ck_assert_msg(sqrt(r.se / r.se_last) <= rows[_i].worst, "%s: %.3f", rows[_i].why,
		      sqrt(r.se / r.se_last));
	ck_assert_msg(r.covered / r.nr >= rows[_i].lo && r.covered / r.nr <= rows[_i].hi,
		      "%s: covered %.3f", rows[_i].why, r.covered / r.nr);
	if (rows[_i].trusted >= 0)
		ck_assert_msg(r.trusted == rows[_i].trusted, "%s", rows[_i].why);
}
END_TEST

START_TEST(test_horizons)
{
	static const unsigned int h[] = {1, 2, 10, 100, 200};
	struct result r = run(white, 20000, h[_i]);

	ck_assert_msg(r.se <= r.se_last, "horizon %u", h[_i]);
	ck_assert_msg(fabs(r.covered / r.nr - 0.9) <= 0.05, "horizon %u: covered %.3f", h[_i],
		      r.covered / r.nr);
}
END_TEST

/* A period of 50: over a horizon of 50 all is the same, however it begins. */
static double turns(unsigned int i, double prev)
{
	(void)prev;
	return i / 25 % 2 ? 1 + 0.1 * uniform() : 0;
}

static double level_then_bursts(unsigned int i, double prev)
{
	(void)prev;
	if (i < 200)
		return 50 + 30 * uniform();
	return i % 60 == 7 ? 100 * (1 + 0.2 * uniform()) : 0.1 * uniform();
}

static const struct {
	const char *why;
	double (*series)(unsigned int, double);
	unsigned int n, h;
	double worst; /* RMSE at most this share of last value's */
} young[] = {
	{"hints that have been wrong are not believed, 0.021 if they are", turns, 600, 50, 0.009},
	{"a period found late is believed, 0.21 where it pays for what was not known", level_then_bursts, 1500, 10,
	 0.19},
};

START_TEST(test_young)
{
	struct result r = run(young[_i].series, young[_i].n, young[_i].h);

	ck_assert_msg(sqrt(r.se / r.se_last) <= young[_i].worst, "%s: %.3f", young[_i].why,
		      sqrt(r.se / r.se_last));
}
END_TEST

START_TEST(test_before_any_update)
{
	struct dam_predictor *p = start(10);
	struct dam_forecast f;

	dam_predict_get(p, &f);
	ck_assert_double_eq(f.mean, 0);
	ck_assert(isinf(f.p90));
	ck_assert(!f.trusted);
	free(p);
}
END_TEST

START_TEST(test_constant)
{
	static const double levels[] = {0, 1, 0.1, 8388608, 1e12};
	struct dam_predictor *p = start(10);
	struct dam_forecast f;

	for (int i = 0; i < 500; i++)
		dam_predict_update(p, levels[_i]);
	dam_predict_get(p, &f);
	ck_assert_double_eq_tol(f.mean, levels[_i], levels[_i] * 1e-7 + 1e-300); /* medians are kept as float */
	ck_assert(f.p90 <= f.mean * (1 + 1e-6));
	ck_assert_msg(!f.trusted, "last value is as good");
	free(p);
}
END_TEST

START_TEST(test_scale)
{
	static const double scales[] = {1.0 / 1024, 1024, 1099511627776.0};
	struct dam_predictor *a = start(10), *b = start(10);
	struct dam_forecast fa, fb;

	seed = 7;
	for (int i = 0; i < 3000; i++) {
		double y = steps((unsigned int)i, 0);

		dam_predict_update(a, y);
		dam_predict_update(b, y * scales[_i]);
	}
	dam_predict_get(a, &fa);
	dam_predict_get(b, &fb);
	ck_assert_double_eq(fb.mean, fa.mean * scales[_i]);
	ck_assert_double_eq_tol(fb.p90, fa.p90 * scales[_i], fb.p90 * 1e-6);
	ck_assert(fa.trusted == fb.trusted);
	free(a);
	free(b);
}
END_TEST

START_TEST(test_step_is_followed)
{
	struct dam_predictor *p = start(10);
	struct dam_forecast f;

	for (int i = 0; i < 1000; i++)
		dam_predict_update(p, 1);
	for (int i = 0; i < 100; i++)
		dam_predict_update(p, 5);
	dam_predict_get(p, &f);
	ck_assert_msg(fabs(f.mean - 5) < 0.5, "1 s after a step from 1 to 5: %g", f.mean);
	free(p);
}
END_TEST

START_TEST(test_missing_samples)
{
	static const double bad[] = {NAN, INFINITY, -INFINITY, -1};
	struct dam_predictor *a = start(5), *b = start(5);
	struct dam_forecast fa, fb;

	seed = 3;
	for (int i = 0; i < 500; i++) {
		double y = white(0, 0);

		dam_predict_update(a, y);
		dam_predict_update(b, y);
		dam_predict_update(b, bad[i % 4]);
	}
	dam_predict_get(a, &fa);
	dam_predict_get(b, &fb);
	ck_assert_double_eq(fa.mean, fb.mean);
	ck_assert_double_eq(fa.p90, fb.p90);
	free(a);
	free(b);
}
END_TEST

static double any_value(void)
{
	static const double odd[] = {0, 1e-300, 1e300, 1.7e308, 1, 1e9, 4.9e-324, 0};

	return uniform() < 0.5 ? odd[(int)(uniform() * 8)] : uniform() * 1e6;
}

/* What a forecaster says of a series that nothing but the worst is true of. */
static void check_finite(struct dam_predictor *p, const char *name)
{
	struct dam_forecast f;
	double highest = 0;

	seed = 11;
	for (int i = 0; i < 5000; i++) {
		double y = any_value();

		highest = fmax(highest, fmin(y, 1e30)); /* a value is taken to be that much at most */
		dam_predict_update(p, y);
		dam_predict_get(p, &f);
		ck_assert_msg(isfinite(f.mean) && f.mean >= 0, "%s: %g", name, f.mean);
		ck_assert_msg(f.mean <= highest * 1.001, "%s: %g is more than ever was", name, f.mean);
		ck_assert_msg(f.p90 >= f.mean, "%s: bound %g", name, f.p90);
	}
	free(p);
}

START_TEST(test_finite)
{
	unsigned int nr;
	const struct dam_predict_member *const *m = dam_predict_members(&nr);

	for (unsigned int k = 0; k < nr; k++) {
		void *mem = aligned_alloc(16, dam_predict_size(7));

		ck_assert_ptr_nonnull(mem);
		check_finite(dam_predict_init_member(mem, INTERVAL, 7, m[k]), m[k]->name);
	}
	check_finite(start(7), "ensemble");
}
END_TEST

/* Sparse series drive a naive RLS to 100,000 times the error; none may be far worse than last value on any. */
START_TEST(test_members_do_not_diverge)
{
	unsigned int nr;
	const struct dam_predict_member *const *m = dam_predict_members(&nr);
	double last = 0;

	for (unsigned int k = 0; k < nr; k++) {
		void *mem = aligned_alloc(16, dam_predict_size(10));
		struct dam_predictor *p = dam_predict_init_member(mem, INTERVAL, 10, m[k]);
		struct result r = measure(p, rows[_i].series, 10000, 10);

		if (k == 0)
			last = r.se;
		ck_assert_msg(r.se <= 400 * last, "%s, %s: %.1f times the error of last value",
			      rows[_i].why, m[k]->name, sqrt(r.se / last));
		free(p);
	}
}
END_TEST

START_TEST(test_size_and_clamp)
{
	struct dam_forecast f;
	struct dam_predictor *p;

	ck_assert_uint_eq(dam_predict_size(0), dam_predict_size(1));
	ck_assert_uint_eq(dam_predict_size(1u << 31), dam_predict_size(DAM_PREDICT_HORIZON_MAX));
	ck_assert_uint_lt(dam_predict_size(DAM_PREDICT_HORIZON_MAX), 128 * 1024);
	p = start(0);
	dam_predict_update(p, 3);
	dam_predict_get(p, &f);
	ck_assert_double_eq(f.mean, 3);
	free(p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("predict_ensemble");
	TCase *tc = tcase_create("properties");

	tcase_add_loop_test(tc, test_series, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_loop_test(tc, test_horizons, 0, 5);
	tcase_add_loop_test(tc, test_young, 0, sizeof(young) / sizeof(young[0]));
	tcase_add_loop_test(tc, test_constant, 0, 5);
	tcase_add_loop_test(tc, test_scale, 0, 3);
	tcase_add_test(tc, test_before_any_update);
	tcase_add_test(tc, test_step_is_followed);
	tcase_add_test(tc, test_missing_samples);
	tcase_add_test(tc, test_finite);
	tcase_add_loop_test(tc, test_members_do_not_diverge, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(tc, test_size_and_clamp);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
