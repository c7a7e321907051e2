/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Net DIM and RDMA DIM: what holds for any input. */
#include "config.h"

#include <check.h>
#include <stdbool.h>

#include "predict/dam_dim.h"
#include "tests/suite.h"

static uint64_t seed;

static uint64_t rnd(void) /* xorshift64* */
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * 0x2545f4914f6cdd1dull;
}

/* The 10 % rule against its definition, in numbers that cannot overflow. */
START_TEST(test_ten_percent)
{
	seed = 7;
	for (unsigned int i = 0; i < 100000; i++) {
		uint64_t ref = (rnd() >> rnd() % 64) | 1;
		uint64_t step = ref / 8 ? rnd() % (ref / 4 + 1) : rnd() % 8;
		uint64_t val = rnd() % 2 && step <= ref ? ref - step : ref + step;
		double gap = val > ref ? (double)(val - ref) : (double)(ref - val);
		struct dam_dim_stats prev = {.bpms = ref, .ppms = 1, .epms = 1};
		struct dam_dim_stats curr = {.bpms = val, .ppms = 1, .epms = 1};
		enum dam_dim_verdict got = dam_dim_compare(&curr, &prev), want = DAM_DIM_SAME;

		if (100 * gap >= 11 * (double)ref)
			want = val > ref ? DAM_DIM_BETTER : DAM_DIM_WORSE;
		/* A double is not exact above 2^46: leave out what is close to the limit there. */
		if (got != want &&
		    (ref < 1ull << 46 || gap < 0.1099 * (double)ref || gap > 0.1101 * (double)ref))
			ck_abort_msg("%llu after %llu: %d", (unsigned long long)val,
				     (unsigned long long)ref, got);
	}
}
END_TEST

#define EVEN 840 /* divides by 1 … 8: the ms of a measurement, so that no rate is rounded */

/* A load with phases, idle times and samples in no time at all; every 11th sample is wild. */
static void advance(struct dam_dim_sample *s, unsigned int i, uint64_t scale)
{
	const uint64_t phase = i / 200 % 5;
	const uint64_t rate = phase == 4 ? 0 : EVEN * (10 * (phase + 1) + rnd() % 4);

	s->time_us += i % 13 == 5 ? 0 : 1000;
	s->events += 8 + rnd() % 40;
	s->packets += rate * scale;
	s->bytes += rate * 1500 * scale * (i % 11 ? 1 : 3);
	s->comps += rate * scale;
}

static const struct dam_dim_profile custom[7] = {{1, 1}, {2, 2}, {3, 3}, {4, 4},
						 {5, 5}, {6, 6}, {7, 7}};

/* The presets, then both algorithms with 1, 2 and 7 profiles. */
#define PRESETS	 5
#define VARIANTS (PRESETS + 6)

static struct dam_dim variant(int i)
{
	static const uint32_t sizes[] = {1, 1, 2, 2, 7, 7};
	struct dam_dim_preset p;
	struct dam_dim dim;

	if (i < PRESETS)
		p = *dam_dim_preset((unsigned int)i);
	else
		p = (struct dam_dim_preset){"own", i % 2 ? DAM_DIM_NET : DAM_DIM_RDMA,
					    sizes[i - PRESETS], custom};
	ck_assert_int_eq(dam_dim_init(&dim, &p, (unsigned int)i % p.nr_profiles), 0);
	return dim;
}

/* ck_assert() costs microseconds; loops use this. */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			ck_abort_msg(#condition);                                                  \
	} while (0)

START_TEST(test_ranges)
{
	struct dam_dim_sample s = {0};
	struct dam_dim dim = variant(_i);
	unsigned int changes = 0;

	seed = 1 + (uint64_t)_i;
	for (unsigned int i = 0; i < 20000; i++) {
		const uint32_t before = dim.profile_ix;
		enum dam_dim_decision d;

		advance(&s, i, 1);
		d = dam_dim_update(&dim, &s);
		CHECK(dim.profile_ix < dim.nr_profiles);
		CHECK(dim.tired <= 10);
		CHECK(dim.tune <= DAM_DIM_GOING_LEFT);
		CHECK((d == DAM_DIM_CHANGED) == (dim.profile_ix != before));
		CHECK((d == DAM_DIM_CHANGED) == (dim.state == DAM_DIM_APPLY_NEW_PROFILE));
		changes += d == DAM_DIM_CHANGED;
		dam_dim_rearm(&dim);
	}
	ck_assert_int_eq(changes > 20, dim.nr_profiles > 1); /* or the loop has shown nothing */
}
END_TEST

static void same_course(const struct dam_dim *a, const struct dam_dim *b, enum dam_dim_decision da,
			enum dam_dim_decision db)
{
	CHECK(da == db);
	CHECK(a->profile_ix == b->profile_ix);
	CHECK(a->tune == b->tune);
	CHECK(a->state == b->state);
	CHECK(a->verdict == b->verdict);
}

/* Two machines side by side: neither @scale nor @offset of the counters changes what they do. */
static void run_pair(int i, uint64_t scale, const struct dam_dim_sample *offset)
{
	struct dam_dim_sample sa = {0}, sb = offset ? *offset : sa;
	struct dam_dim a = variant(i), b = variant(i);

	for (unsigned int n = 0; n < 5000; n++) {
		enum dam_dim_decision da, db;

		seed = n + 1;
		advance(&sa, n, 1);
		seed = n + 1;
		advance(&sb, n, scale);
		da = dam_dim_update(&a, &sa);
		db = dam_dim_update(&b, &sb);
		same_course(&a, &b, da, db);
		dam_dim_rearm(&a);
		dam_dim_rearm(&b);
	}
}

/* Net DIM decides by ratios; RDMA also by a fixed number of completions per event. */
START_TEST(test_scale)
{
	if (variant(_i).algorithm == DAM_DIM_NET)
		run_pair(_i, 1000003 * ((uint64_t)_i + 1), NULL);
}
END_TEST

/* Counters may start anywhere and wrap at 2^64. */
START_TEST(test_wrap)
{
	const uint64_t late = UINT64_MAX - 100000;
	const struct dam_dim_sample offset = {late, late, late, late, late};

	run_pair(_i, 1, &offset);
}
END_TEST

/* Without bytes Net DIM never leaves its rest. */
START_TEST(test_no_bytes)
{
	struct dam_dim_sample s = {0};
	struct dam_dim dim;

	ck_assert_int_eq(dam_dim_init(&dim, dam_dim_preset_find("rx-cqe"), 2), 0);
	for (unsigned int i = 0; i < 1000; i++) {
		s.time_us += 1000, s.events += 64, s.packets += 100;
		CHECK(dam_dim_update(&dim, &s) != DAM_DIM_CHANGED);
	}
	ck_assert_uint_eq(dim.tune, DAM_DIM_PARKING_ON_TOP);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("predict/dim_properties");
	TCase *tcase = tcase_create("properties");

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, test_ten_percent);
	tcase_add_loop_test(tcase, test_ranges, 0, VARIANTS);
	tcase_add_loop_test(tcase, test_scale, 0, VARIANTS);
	tcase_add_loop_test(tcase, test_wrap, 0, VARIANTS);
	tcase_add_test(tcase, test_no_bytes);
	return run_suite(suite);
}
