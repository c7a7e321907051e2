/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Net DIM and RDMA DIM: each transition by hand, and each rule of the comparison. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <stdbool.h>

#include "predict/dam_dim.h"
#include "tests/suite.h"

#define BETTER	  DAM_DIM_BETTER
#define SAME	  DAM_DIM_SAME
#define WORSE	  DAM_DIM_WORSE
#define NONE	  DAM_DIM_UNJUDGED
#define TOP	  DAM_DIM_PARKING_ON_TOP
#define TIRED	  DAM_DIM_PARKING_TIRED
#define RIGHT	  DAM_DIM_GOING_RIGHT
#define LEFT	  DAM_DIM_GOING_LEFT
#define KEPT	  DAM_DIM_KEPT
#define CHANGED	  DAM_DIM_CHANGED
#define MEASURING DAM_DIM_MEASURE_IN_PROGRESS
#define APPLY	  DAM_DIM_APPLY_NEW_PROFILE
#define NR(rows)  ((int)(sizeof(rows) / sizeof((rows)[0])))

struct search { /* where the machine is */
	uint32_t tune, ix, left, right, tired;
};

/* A millisecond with 64 events, so that counts are rates; before: 1000 bytes, 100 packets. */
static const struct {
	const char *why;
	struct search from;
	uint64_t bytes;
	enum dam_dim_decision decision;
	enum dam_dim_verdict verdict;
	struct search to;
} net_rows[] = {
	{"parked on top, nearly the same: rests", {TOP, 2, 0, 0, 0}, 1050, KEPT, SAME, {TOP, 2, 0, 0, 0}},
	{"parked on top, better: out, to the left", {TOP, 2, 0, 0, 0}, 2000, CHANGED, BETTER,
	 {LEFT, 1, 1, 0, 1}},
	{"parked on top, worse: out as well", {TOP, 4, 0, 0, 0}, 500, CHANGED, WORSE,
	 {LEFT, 3, 1, 0, 1}},
	{"parked on top at 1: out to 0", {TOP, 1, 0, 0, 0}, 500, CHANGED, WORSE, {LEFT, 0, 1, 0, 1}},
	{"parked on top at 0: the only way out is right", {TOP, 0, 0, 0, 0}, 500, CHANGED, WORSE,
	 {RIGHT, 1, 0, 1, 1}},
	{"parked tired: rests without looking", {TIRED, 3, 0, 0, 10}, 9000, KEPT, NONE,
	 {TIRED, 3, 0, 0, 9}},
	{"parked tired, the last round but one", {TIRED, 3, 0, 0, 2}, 9000, KEPT, NONE,
	 {TIRED, 3, 0, 0, 1}},
	{"parked tired, rested: out, to the left", {TIRED, 3, 0, 0, 1}, 1000, CHANGED, NONE,
	 {LEFT, 2, 1, 0, 1}},
	{"parked tired at 0, rested: out, to the right", {TIRED, 0, 0, 0, 1}, 1000, CHANGED, NONE,
	 {RIGHT, 1, 0, 1, 1}},
	{"going right, better: on", {RIGHT, 1, 0, 1, 1}, 2000, CHANGED, BETTER,
	 {RIGHT, 2, 0, 2, 2}},
	{"going left, better: on", {LEFT, 3, 1, 0, 1}, 2000, CHANGED, BETTER, {LEFT, 2, 2, 0, 2}},
	{"going right, the same: back", {RIGHT, 2, 0, 2, 2}, 1000, CHANGED, SAME,
	 {LEFT, 1, 1, 2, 3}},
	{"going right, worse: back, with a new count", {RIGHT, 2, 3, 1, 4}, 500, CHANGED, WORSE,
	 {LEFT, 1, 1, 1, 5}},
	{"going left, worse: back, with a new count", {LEFT, 2, 1, 3, 4}, 500, CHANGED, WORSE,
	 {RIGHT, 3, 1, 1, 5}},
	{"at the right edge, better: the best there is", {RIGHT, 4, 0, 2, 2}, 2000, KEPT, BETTER,
	 {TOP, 4, 0, 0, 0}},
	{"at the left edge, better: the best there is", {LEFT, 0, 2, 0, 2}, 2000, KEPT, BETTER,
	 {TOP, 0, 0, 0, 0}},
	{"at the right edge, worse: back", {RIGHT, 4, 0, 2, 2}, 500, CHANGED, WORSE,
	 {LEFT, 3, 1, 2, 3}},
	{"at the left edge, worse: back", {LEFT, 0, 2, 0, 2}, 500, CHANGED, WORSE,
	 {RIGHT, 1, 2, 1, 3}},
	{"back by one after two to the left: the top", {RIGHT, 2, 2, 1, 3}, 2000, KEPT, BETTER,
	 {TOP, 2, 0, 0, 0}},
	{"back by one after two to the right: the top", {LEFT, 2, 1, 2, 3}, 2000, KEPT, BETTER,
	 {TOP, 2, 0, 0, 0}},
	{"back by one after one: not yet the top", {RIGHT, 2, 1, 1, 2}, 2000, CHANGED, BETTER,
	 {RIGHT, 3, 1, 2, 3}},
	{"the same to the left", {LEFT, 2, 1, 1, 2}, 2000, CHANGED, BETTER, {LEFT, 1, 2, 1, 3}},
	{"back by two: past the top", {RIGHT, 2, 2, 2, 4}, 2000, CHANGED, BETTER,
	 {RIGHT, 3, 2, 3, 5}},
	{"back by one, but not better: no top", {RIGHT, 2, 2, 1, 3}, 1000, CHANGED, SAME,
	 {LEFT, 1, 1, 1, 4}},
	{"the tenth step", {LEFT, 2, 2, 3, 9}, 2000, CHANGED, BETTER, {LEFT, 1, 3, 3, 10}},
	{"after ten steps: tired", {LEFT, 2, 2, 3, 10}, 2000, KEPT, BETTER, {TIRED, 2, 0, 0, 10}},
	{"tired at an edge: tired, not on top", {LEFT, 0, 2, 3, 10}, 2000, KEPT, BETTER,
	 {TIRED, 0, 0, 0, 10}},
	{"tired on top: on top", {RIGHT, 2, 2, 1, 10}, 2000, KEPT, BETTER, {TOP, 2, 0, 0, 0}},
	{"tired and worse: turns, then rests", {RIGHT, 2, 0, 2, 10}, 500, KEPT, WORSE,
	 {TIRED, 2, 0, 0, 10}},
};

/* The same for RDMA; prev is 640 completions a millisecond, 1000 per 100 events. */
static const struct {
	const char *why;
	struct search from;
	uint64_t us, comps;
	enum dam_dim_decision decision;
	enum dam_dim_verdict verdict;
	struct search to;
} rdma_rows[] = {
	{"better: on", {RIGHT, 1, 0, 1, 0}, 1000, 800, CHANGED, BETTER, {RIGHT, 2, 0, 2, 0}},
	{"better to the left: on", {LEFT, 5, 1, 0, 0}, 1000, 800, CHANGED, BETTER,
	 {LEFT, 4, 2, 0, 0}},
	{"worse: back, with a new count", {RIGHT, 3, 7, 2, 0}, 1000, 500, CHANGED, WORSE,
	 {LEFT, 2, 1, 2, 0}},
	{"better at the right edge: turns, and stays", {RIGHT, 8, 3, 8, 0}, 1000, 800, KEPT, BETTER,
	 {LEFT, 8, 0, 8, 0}},
	{"better at the left edge: turns, and stays", {LEFT, 0, 3, 8, 0}, 1000, 800, KEPT, BETTER,
	 {RIGHT, 0, 3, 0, 0}},
	{"worse at the left edge, going right: turns twice", {RIGHT, 0, 3, 8, 0}, 1000, 500, KEPT,
	 WORSE, {RIGHT, 0, 0, 0, 0}},
	{"the same, with enough to do: stays", {RIGHT, 8, 0, 8, 0}, 1000, 640, KEPT, SAME,
	 {RIGHT, 8, 0, 8, 0}},
	{"as many completions in half the events: better", {RIGHT, 2, 0, 2, 0}, 2000, 1280, CHANGED,
	 BETTER, {RIGHT, 3, 0, 3, 0}},
	{"as many completions in twice the events: worse", {RIGHT, 2, 0, 2, 0}, 500, 320, CHANGED,
	 WORSE, {LEFT, 1, 1, 2, 0}},
};

static void set(struct dam_dim *dim, const char *preset, const struct search *s)
{
	ck_assert_int_eq(dam_dim_init(dim, dam_dim_preset_find(preset), s->ix), 0);
	dim->state = MEASURING;
	dim->tune = s->tune;
	dim->steps_left = s->left;
	dim->steps_right = s->right;
	dim->tired = s->tired;
}

static void compare_search(const char *why, const struct dam_dim *dim, const struct search *to)
{
	ck_assert_msg(dim->tune == to->tune && dim->profile_ix == to->ix &&
			      dim->steps_left == to->left && dim->steps_right == to->right &&
			      dim->tired == to->tired,
		      "%s: tune %u, profile %u, left %u, right %u, tired %u", why, dim->tune,
		      dim->profile_ix, dim->steps_left, dim->steps_right, dim->tired);
}

static void compare_rest(const char *why, struct dam_dim *dim, enum dam_dim_decision got,
			 enum dam_dim_decision decision, enum dam_dim_verdict verdict)
{
	ck_assert_msg(got == decision, "%s: decision %d", why, got);
	ck_assert_msg(dim->verdict == verdict, "%s: verdict %u", why, dim->verdict);
	ck_assert_msg(dim->state == (decision == CHANGED ? APPLY : MEASURING), "%s: state %u", why,
		      dim->state);
}

START_TEST(test_net)
{
	const struct dam_dim_sample s = {
		.time_us = 1000, .events = 64, .packets = 100, .bytes = net_rows[_i].bytes};
	struct dam_dim dim;
	bool rests;

	set(&dim, "rx-eqe", &net_rows[_i].from);
	dim.prev = (struct dam_dim_stats){.bpms = 1000, .ppms = 100, .epms = 64};
	compare_rest(net_rows[_i].why, &dim, dam_dim_update(&dim, &s), net_rows[_i].decision,
		     net_rows[_i].verdict);
	compare_search(net_rows[_i].why, &dim, &net_rows[_i].to);
	rests = net_rows[_i].from.tune == TOP && net_rows[_i].to.tune == TOP;
	ck_assert_uint_eq(dim.prev.bpms, rests ? 1000 : net_rows[_i].bytes);
}
END_TEST

START_TEST(test_rdma)
{
	const struct dam_dim_sample s = {
		.time_us = rdma_rows[_i].us, .events = 64, .comps = rdma_rows[_i].comps};
	struct dam_dim dim;

	set(&dim, "rdma", &rdma_rows[_i].from);
	dim.prev = (struct dam_dim_stats){.epms = 64, .cpms = 640, .cpe_ratio = 1000};
	compare_rest(rdma_rows[_i].why, &dim, dam_dim_update(&dim, &s), rdma_rows[_i].decision,
		     rdma_rows[_i].verdict);
	compare_search(rdma_rows[_i].why, &dim, &rdma_rows[_i].to);
	ck_assert_uint_eq(dim.prev.cpms, dim.stats.cpms);
}
END_TEST

/* RDMA, all is the same: whether the profile is given up hangs on the completions per event. */
static const struct {
	const char *why;
	uint32_t ix;
	uint64_t comps;
	uint32_t to_ix;
} few_rows[] = {
	{"4 × 50 is just too few for profile 4", 4, 128, 0},
	{"one more is enough", 4, 129, 4},
	{"no completions at all", 8, 0, 0},
	{"at profile 0 there is nothing to give up", 0, 0, 0},
};

START_TEST(test_rdma_few)
{
	const struct dam_dim_sample s = {
		.time_us = 1000, .events = 64, .comps = few_rows[_i].comps};
	const struct search from = {LEFT, few_rows[_i].ix, 1, 2, 0};
	struct search to = from;
	struct dam_dim dim;

	to.ix = few_rows[_i].to_ix;
	set(&dim, "rdma", &from);
	dim.prev = (struct dam_dim_stats){.epms = 64, .cpms = few_rows[_i].comps,
					  .cpe_ratio = few_rows[_i].comps * 100 / 64};
	compare_rest(few_rows[_i].why, &dim, dam_dim_update(&dim, &s),
		     from.ix == to.ix ? KEPT : CHANGED, SAME);
	compare_search(few_rows[_i].why, &dim, &to);
}
END_TEST

static const struct {
	const char *why;
	struct dam_dim_stats prev, curr; /* bytes, packets, events */
	enum dam_dim_verdict want;
} compare_rows[] = {
	{"all the same", {1000, 100, 64, 0, 0}, {1000, 100, 64, 0, 0}, SAME},
	{"more bytes", {1000, 100, 64, 0, 0}, {1110, 100, 64, 0, 0}, BETTER},
	{"fewer bytes", {1000, 100, 64, 0, 0}, {890, 100, 64, 0, 0}, WORSE},
	{"10.9 % are 10 % in whole numbers", {1000, 100, 64, 0, 0}, {1109, 100, 64, 0, 0}, SAME},
	{"10.9 % less", {1000, 100, 64, 0, 0}, {891, 100, 64, 0, 0}, SAME},
	{"bytes go before packets", {1000, 100, 64, 0, 0}, {2000, 10, 64, 0, 0}, BETTER},
	{"bytes go before events", {1000, 100, 64, 0, 0}, {500, 100, 1, 0, 0}, WORSE},
	{"more packets", {1000, 100, 64, 0, 0}, {1000, 111, 64, 0, 0}, BETTER},
	{"fewer packets", {1000, 100, 64, 0, 0}, {1000, 89, 64, 0, 0}, WORSE},
	{"packets within 10 %", {1000, 100, 64, 0, 0}, {1000, 110, 64, 0, 0}, SAME},
	{"packets go before events", {1000, 100, 64, 0, 0}, {1000, 200, 640, 0, 0}, BETTER},
	{"fewer events are better", {1000, 100, 64, 0, 0}, {1000, 100, 32, 0, 0}, BETTER},
	{"more events are worse", {1000, 100, 64, 0, 0}, {1000, 100, 128, 0, 0}, WORSE},
	{"bytes out of nothing", {0, 100, 64, 0, 0}, {1, 10, 640, 0, 0}, BETTER},
	{"no bytes: packets are not looked at", {0, 100, 64, 0, 0}, {0, 1000, 6, 0, 0}, SAME},
	{"packets out of nothing", {1000, 0, 64, 0, 0}, {1000, 1, 640, 0, 0}, BETTER},
	{"no packets: events are not looked at", {1000, 0, 64, 0, 0}, {1000, 0, 6, 0, 0}, SAME},
	{"events out of nothing", {1000, 100, 0, 0, 0}, {1000, 100, 64, 0, 0}, SAME},
	{"to nothing", {1000, 100, 64, 0, 0}, {0, 100, 64, 0, 0}, WORSE},
	{"the smallest step", {1, 100, 64, 0, 0}, {2, 100, 64, 0, 0}, BETTER},
	{"the greatest numbers", {UINT64_MAX, 1, 1, 0, 0}, {UINT64_MAX / 10 * 9, 1, 1, 0, 0}, SAME},
	{"the greatest step", {1, 1, 1, 0, 0}, {UINT64_MAX, 1, 1, 0, 0}, BETTER},
	{"the greatest fall", {UINT64_MAX, 1, 1, 0, 0}, {0, 1, 1, 0, 0}, WORSE},
	{"completions do not count", {1000, 100, 64, 1, 1}, {1000, 100, 64, 1000, 1000}, SAME},
};

START_TEST(test_compare)
{
	const enum dam_dim_verdict got =
		dam_dim_compare(&compare_rows[_i].curr, &compare_rows[_i].prev);

	ck_assert_msg(got == compare_rows[_i].want, "%s: %d", compare_rows[_i].why, got);
}
END_TEST

static struct dam_dim fresh(const char *preset, unsigned int ix)
{
	struct dam_dim dim;

	ck_assert_int_eq(dam_dim_init(&dim, dam_dim_preset_find(preset), ix), 0);
	return dim;
}

START_TEST(test_start)
{
	const struct dam_dim net = fresh("tx-cqe", 3), rdma = fresh("rdma", 8);

	ck_assert_uint_eq(net.state, DAM_DIM_START_MEASURE);
	ck_assert_uint_eq(net.tune, TOP);
	ck_assert_uint_eq(dam_dim_current(&net).usec, 32);
	ck_assert_uint_eq(dam_dim_current(&net).pkts, 32);
	ck_assert_uint_eq(rdma.tune, RIGHT);
	ck_assert_uint_eq(dam_dim_current(&rdma).usec, 32);
	ck_assert_uint_eq(dam_dim_current(&rdma).pkts, 32);
}
END_TEST

START_TEST(test_refused)
{
	const struct dam_dim_profile one = {1, 1};
	struct dam_dim_preset bad = {"bad", (enum dam_dim_algorithm)7, 1, &one};
	struct dam_dim dim;

	ck_assert_int_eq(dam_dim_init(&dim, &bad, 0), -EINVAL);
	bad.algorithm = DAM_DIM_NET;
	ck_assert_int_eq(dam_dim_init(&dim, &bad, 1), -EINVAL);
	ck_assert_int_eq(dam_dim_init(&dim, &bad, 0), 0);
	bad.profile = NULL;
	ck_assert_int_eq(dam_dim_init(&dim, &bad, 0), -EINVAL);
	ck_assert_int_eq(dam_dim_init(&dim, dam_dim_preset_find("rx-eqe"), 5), -EINVAL);
	ck_assert_ptr_null(dam_dim_preset_find("rx"));
	ck_assert_ptr_null(dam_dim_preset(5));
}
END_TEST

/* START_MEASURE stores a baseline, which stays while there are few events, or in no time. */
START_TEST(test_measure)
{
	struct dam_dim dim = fresh("rx-eqe", 0);
	struct dam_dim_sample s = {50, 1000, 7, 9000, 3};

	ck_assert_int_eq(dam_dim_update(&dim, &s), DAM_DIM_NOTHING);
	ck_assert_uint_eq(dim.state, MEASURING);
	s.time_us = 1050, s.events += 63, s.bytes += 1;
	ck_assert_int_eq(dam_dim_update(&dim, &s), DAM_DIM_NOTHING);
	s.time_us = 50, s.events += 1;
	ck_assert_int_eq(dam_dim_update(&dim, &s), DAM_DIM_NOTHING);
	ck_assert_uint_eq(dim.baseline.events, 1000);
	s.time_us = 3051, s.comps = 10;
	ck_assert_int_eq(dam_dim_update(&dim, &s), CHANGED);
	ck_assert_uint_eq(dim.stats.bpms, 1); /* all rounded up, but the last */
	ck_assert_uint_eq(dim.stats.ppms, 0);
	ck_assert_uint_eq(dim.stats.epms, 22);
	ck_assert_uint_eq(dim.stats.cpms, 4); /* of all 10: Net DIM has no baseline of them */
	ck_assert_uint_eq(dim.stats.cpe_ratio, 18);
}
END_TEST

START_TEST(test_rearm)
{
	struct dam_dim dim = fresh("rx-eqe", 0);
	struct dam_dim_sample s = {0};

	dam_dim_rearm(&dim);
	ck_assert_uint_eq(dim.state, DAM_DIM_START_MEASURE);
	dam_dim_update(&dim, &s);
	dam_dim_rearm(&dim);
	ck_assert_uint_eq(dim.state, MEASURING);
	s = (struct dam_dim_sample){.time_us = 1000, .events = 64, .bytes = 5};
	ck_assert_int_eq(dam_dim_update(&dim, &s), CHANGED);
	for (unsigned int i = 0; i < 5; i++) {
		s.time_us += 1000, s.events += 1000, s.bytes *= 7;
		ck_assert_int_eq(dam_dim_update(&dim, &s), DAM_DIM_NOTHING);
		ck_assert_uint_eq(dim.state, APPLY);
		ck_assert_uint_eq(dim.profile_ix, 1);
	}
	dam_dim_rearm(&dim);
	ck_assert_int_eq(dam_dim_update(&dim, &s), DAM_DIM_NOTHING);
	ck_assert_uint_eq(dim.baseline.bytes, s.bytes);
}
END_TEST

/* Rates beyond what 64 bits hold, in both directions: bounded, not wrapped. */
START_TEST(test_limits)
{
	struct dam_dim dim = fresh("rx-eqe", 0);
	struct dam_dim_sample s = {0};

	dam_dim_update(&dim, &s);
	s = (struct dam_dim_sample){1, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
	ck_assert_int_eq(dam_dim_update(&dim, &s), CHANGED);
	ck_assert_uint_eq(dim.stats.bpms, DAM_DIM_RATE_MAX);
	ck_assert_uint_eq(dim.stats.epms, 64000);
	ck_assert_uint_eq(dim.stats.cpe_ratio, DAM_DIM_RATE_MAX * 100 / 64000);
	dam_dim_rearm(&dim);
	dam_dim_update(&dim, &s);
	s.time_us = 0, s.events = 63, s.bytes = 0; /* back: nearly 2^64 µs have passed */
	dam_dim_update(&dim, &s);
	ck_assert_uint_eq(dim.stats.bpms, 1);
	ck_assert_uint_eq(dim.stats.epms, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("predict/dim");
	TCase *tcase = tcase_create("rows");

	suite_add_tcase(suite, tcase);
	tcase_add_loop_test(tcase, test_net, 0, NR(net_rows));
	tcase_add_loop_test(tcase, test_rdma, 0, NR(rdma_rows));
	tcase_add_loop_test(tcase, test_rdma_few, 0, NR(few_rows));
	tcase_add_loop_test(tcase, test_compare, 0, NR(compare_rows));
	tcase_add_test(tcase, test_start);
	tcase_add_test(tcase, test_refused);
	tcase_add_test(tcase, test_measure);
	tcase_add_test(tcase, test_rearm);
	tcase_add_test(tcase, test_limits);
	return run_suite(suite);
}
