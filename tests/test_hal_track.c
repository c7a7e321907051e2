/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Counters that wrap, begin anew, refresh slowly, stand still; utilisation by the best source. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <math.h>

#include "base/clock.h"
#include "hal/hal.h"
#include "tests/suite.h"

#define STEP_NS (10 * DAM_NS_PER_MS)
#define MIB	1048576ull

static struct dam_track track;
static struct dam_hal_counters raw, out;
static uint64_t now;

static void setup(void)
{
	track = (struct dam_track){.modulus = 0};
	raw = out = (struct dam_hal_counters){.have = DAM_HAVE_BYTES | DAM_HAVE_OPS};
	now = DAM_NS_PER_S;
}

/* One more sample, @bytes later. */
static int step(uint64_t bytes)
{
	raw.read_bytes += bytes;
	raw.read_ops += bytes ? 1 : 0;
	now += STEP_NS;
	return dam_track_take(&track, &raw, now, &out);
}

/* [from, to): what two readings of the driver become */
static const struct {
	const char *why;
	uint64_t modulus, from, to, gain;
	unsigned int wraps, resets;
} readings[] = {
	{"it moves", 0, 100, 150, 50, 0, 0},
	{"32 bits wrap", 0, UINT32_MAX - 9, 20, 30, 1, 0},
	{"32 bits of four bytes each wrap", 4ull << 32, (4ull << 32) - 40, 80, 120, 1, 0},
	{"a driver that was loaded again: what it did is not known", 0, 1000, 10, 0, 0, 1},
	{"64 bits do not wrap at 2^32", 0, 1ull << 40, 10, 0, 0, 1},
	{"a small step back is no wrap", 0, UINT32_MAX, UINT32_MAX - 100, 0, 0, 1},
};

START_TEST(test_readings)
{
	uint64_t before;

	track.modulus = readings[_i].modulus;
	raw.write_bytes = readings[_i].from;
	step(0);
	before = out.write_bytes;
	raw.write_bytes = readings[_i].to;
	step(0);
	ck_assert_msg(out.write_bytes - before == readings[_i].gain, "%s", readings[_i].why);
	ck_assert_msg(track.wraps == readings[_i].wraps && track.resets == readings[_i].resets, "%s", readings[_i].why);
}
END_TEST

START_TEST(test_idle)
{
	for (int i = 0; i < 500; i++)
		ck_assert_int_eq(step(0), 0);
	ck_assert_int_eq(track.state, DAM_COUNTERS_IDLE);
	ck_assert_uint_eq(out.have, raw.have);
	step(1);
	ck_assert_int_eq(track.state, DAM_COUNTERS_MOVING);
}
END_TEST

/* A driver that asks its card once a second: between, 0 bytes would be a lie. */
START_TEST(test_coarse)
{
	int last = 0, told = 0;

	track.lazy = true;
	for (int i = 0; i < 1000; i++) {
		last = step(i % 100 ? 0 : MIB);
		told += i > 600 && !last;
	}
	ck_assert_int_eq(track.state, DAM_COUNTERS_COARSE);
	ck_assert_int_eq(last, -EAGAIN);
	ck_assert_int_eq(told, 3); /* at the jumps, which cover all the time between them */
	/* it goes idle: after two periods and a half, silence is no pause any more */
	for (int i = 0; i < 260; i++)
		last = step(0);
	ck_assert_int_eq(last, 0);
	ck_assert_int_eq(track.state, DAM_COUNTERS_IDLE);
}
END_TEST

/* What looks alike, and is no such driver. */
static const struct {
	const char *why;
	bool lazy;
	int every, width; /* samples between bursts, and of a burst */
	uint64_t bytes;
} bursts[] = {
	{"a disk's counters are exact: it is written once a second", false, 100, 1, MIB},
	{"a burst that lasts is seen to last", true, 100, 3, MIB},
	{"one packet each second is one packet each second", true, 100, 1, 90},
	{"ten times a second is fast enough", true, 10, 1, MIB},
};

START_TEST(test_bursts)
{
	track.lazy = bursts[_i].lazy;
	for (int i = 0; i < 1000; i++)
		ck_assert_msg(!step(i % bursts[_i].every < bursts[_i].width ? bursts[_i].bytes : 0), "%s",
			      bursts[_i].why);
}
END_TEST

START_TEST(test_still_in_flight)
{
	raw.have |= DAM_HAVE_INFLIGHT;
	raw.inflight = 3;
	for (int i = 0; i < 90; i++)
		step(0);
	ck_assert_int_eq(track.state, DAM_COUNTERS_IDLE);
	for (int i = 0; i < 20; i++)
		step(0);
	ck_assert_int_eq(track.state, DAM_COUNTERS_STILL);
	ck_assert(!(out.have & DAM_HAVE_BYTES));
	step(1);
	ck_assert_int_eq(track.state, DAM_COUNTERS_MOVING);
	ck_assert(out.have & DAM_HAVE_BYTES);
}
END_TEST

START_TEST(test_still_expected)
{
	for (int i = 0; i < 150; i++) {
		dam_track_expect(&track, now);
		step(0);
	}
	ck_assert_int_eq(track.state, DAM_COUNTERS_STILL);
	/* nobody expects anything any more: idle */
	for (int i = 0; i < 150; i++)
		step(0);
	ck_assert_int_eq(track.state, DAM_COUNTERS_IDLE);
}
END_TEST

START_TEST(test_stuck_at_the_end)
{
	track.modulus = 4ull << 32;
	raw.read_bytes = 4ull * UINT32_MAX;
	step(0);
	step(0);
	ck_assert_int_eq(track.state, DAM_COUNTERS_STILL);
}
END_TEST

START_TEST(test_untrusted)
{
	raw = (struct dam_hal_counters){.untrusted = DAM_HAVE_BYTES, .write_bytes = 7};
	step(0);
	ck_assert_int_eq(track.state, DAM_COUNTERS_NONE);
	ck_assert_uint_eq(out.have, 0);
	ck_assert_uint_eq(out.write_bytes, 7); /* to be shown */
}
END_TEST

/* In one second it did: 100 bytes read, 300 written, 40 operations, 0.25 s busy; 8 in flight. */
static const struct {
	const char *why;
	struct dam_hal_engine engine;
	unsigned int have;
	enum dam_hal_util_source source;
	double util;
} sources[] = {
	{"one thing at a time: busy time is it", {.serial = true, .capacity.bps = 1000}, 63, DAM_UTIL_BUSY, 0.25},
	{"a hardware queue", {.queue = true, .depth = 16, .capacity.bps = 1000}, 63, DAM_UTIL_OCCUPANCY, 0.5},
	{"bytes by capacity", {.depth = 16, .capacity.bps = 1000}, 63, DAM_UTIL_BYTES, 0.4},
	{"of a link, the fuller direction", {.capacity = {.bps = 1000, .read_bps = 500, .write_bps = 500}}, 63,
	 DAM_UTIL_BYTES, 0.6},
	{"operations by capacity", {.capacity.ops = 80}, 63, DAM_UTIL_OPS, 0.5},
	{"a small block drive is bound by bytes it has", {.capacity = {.bps = 4000, .ops = 40}}, 63, DAM_UTIL_BYTES, 0.1},
	{"no capacity is known: an upper bound", {.depth = 16}, 63, DAM_UTIL_BUSY, 0.25},
	{"and without busy time a lower one", {.depth = 16}, DAM_HAVE_BYTES | DAM_HAVE_INFLIGHT, DAM_UTIL_OCCUPANCY, 0.5},
	{"nothing", {.depth = 0}, DAM_HAVE_BYTES, DAM_UTIL_NONE, NAN},
};

START_TEST(test_util)
{
	struct dam_hal_counters from = {.have = sources[_i].have}, to = from;
	double util = -1;

	to.read_bytes = 100;
	to.write_bytes = 300;
	to.read_ops = to.write_ops = 20;
	to.busy_ns = DAM_NS_PER_S / 4;
	to.inflight = 8;
	ck_assert_msg(dam_hal_util(&sources[_i].engine, &from, &to, 1, &util) == sources[_i].source, "%s",
		      sources[_i].why);
	ck_assert_msg(isnan(sources[_i].util) ? isnan(util) : fabs(util - sources[_i].util) < 1e-9, "%s: %g",
		      sources[_i].why, util);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hal_track");
	TCase *t = tcase_create("core");

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_loop_test(t, test_readings, 0, sizeof(readings) / sizeof(readings[0]));
	tcase_add_test(t, test_idle);
	tcase_add_test(t, test_coarse);
	tcase_add_loop_test(t, test_bursts, 0, sizeof(bursts) / sizeof(bursts[0]));
	tcase_add_test(t, test_still_in_flight);
	tcase_add_test(t, test_still_expected);
	tcase_add_test(t, test_stuck_at_the_end);
	tcase_add_test(t, test_untrusted);
	tcase_add_loop_test(t, test_util, 0, sizeof(sources) / sizeof(sources[0]));
	return run_suite(s);
}
