/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Mean latency by Little's law from a slot's sums: when it holds, and when it is unknown. */
#include "config.h"

#include <check.h>
#include <math.h>
#include <string.h>

#include "tests/suite.h"
#include "tools/coord/depth.h"

#define TICK_S	 0.01
#define TICKS	 200
#define TICK_OPS 100 /* 10,000 a second */

static const struct {
	const char *why;
	unsigned int depth, before, ready, swing; /* after a submission, before the next, complete then; ± depth */
	unsigned int blind;			  /* percent of the time */
	unsigned int outside;			  /* the same, not in the call that submits */
	unsigned int offers, left, busy;	  /* percent of samples; of the time of those that need not wait */
	unsigned int still;			  /* this many ticks in the middle without a submission */
	bool empty;				  /* the ring ran empty in them */
	bool often;				  /* and does so all the time */
	unsigned int awaits;			  /* so many of those ticks, from the first, it is seen to wait */
	bool last;				  /* after them it ends */
	double want_us;
} rows[] = {
	{"depth 32, kept up", 32, 31, 0, 0, 0, 90, 0, 0, 0, 0, false, false, 0, false, 3200},
	{"depth 8", 8, 7, 0, 0, 0, 90, 0, 0, 0, 0, false, false, 0, false, 800},
	{"one by one, always busy: the middle of what may be", 8, 7, 6, 0, 0, 100, 50, 50, 100, 0, false, false, 0, false, 750},
	{"one by one, it mostly waits", 8, 7, 6, 0, 0, 90, 50, 50, 10, 0, false, false, 0, false, 795},
	{"all at once, and some are complete by the time it submits", 32, 30, 4, 0, 0, 100, 50, 0, 100, 0, false, false, 0, false, 3100},
	{"many are: it does something else before it submits", 8, 4, 3, 0, 0, 100, 50, 0, 100, 0, false, false, 0, false, NAN},
	{"it waits in the call that submits, so there is no time for that", 8, 0, 8, 0, 0, 5, 0, 0, 0, 0, false, false, 0, false, 780},
	{"it takes all, and then does something else, or waits: who knows", 8, 0, 8, 0, 0, 90, 0, 0, 0, 0, false, false, 0, false, NAN},
	{"several rings now and then", 8, 7, 0, 0, 10, 90, 0, 0, 0, 0, false, false, 0, false, NAN},
	{"hardly ever", 8, 7, 0, 0, 2, 90, 0, 0, 0, 0, false, false, 0, false, 800},
	{"depth comes and goes, much is taken back at a time", 8, 5, 0, 4, 0, 90, 0, 0, 0, 0, false, false, 0, false, NAN},
	{"comes and goes, little is taken at a time", 40, 38, 0, 20, 0, 100, 0, 0, 0, 0, false, false, 0, false, 3900},
	{"a pause, with nothing in flight, does not count", 8, 7, 0, 0, 0, 90, 0, 0, 0, 50, true, false, 0, false, 800},
	{"a stall, after which all is complete, does", 8, 7, 0, 0, 0, 90, 0, 0, 0, 50, true, false, 50, false, 1000},
	{"a pause, or a stall of the disk: who knows", 8, 0, 8, 0, 0, 5, 0, 0, 0, 50, true, true, 0, false, NAN},
	{"a stall: it waits for completions", 8, 0, 8, 0, 0, 5, 0, 0, 0, 50, true, true, 50, false, 975},
	{"a stall at the end", 8, 0, 8, 0, 0, 5, 0, 0, 0, 50, true, true, 50, true, 1175},
	{"a pause within a stall: who knows", 8, 0, 8, 0, 0, 5, 0, 0, 0, 50, true, true, 20, false, NAN},
	{"a disk that stalls does", 8, 7, 0, 0, 0, 90, 0, 0, 0, 50, false, false, 0, false, 1000},
};

#define SAMPLES 100
#define LENGTH	1000 /* of a sample */

static void submit(struct dam_slot *s, int i, unsigned int tick)
{
	uint64_t depth = rows[i].depth, span = LENGTH * (SAMPLES - rows[i].blind);

	depth += tick % 2 ? rows[i].swing : -(uint64_t)rows[i].swing;
	s->submissions += 10;
	s->depth_empty += rows[i].often ? 10 : 0;
	s->ring_ops += TICK_OPS / 2;
	s->aio_ops += TICK_OPS / 2;
	s->depth_span += LENGTH * SAMPLES;
	s->depth_blind += (uint64_t)LENGTH * rows[i].blind;
	s->depth_sum += span * depth;
	s->depth_square += span * depth * depth;
	s->depth_fall += span * (rows[i].depth - rows[i].before);
	s->depth_ready += span * rows[i].ready;
	s->depth_outside += span * rows[i].outside / 100;
	s->depth_samples += SAMPLES - rows[i].blind;
	s->depth_offers += rows[i].offers;
	s->depth_left += rows[i].left;
	s->depth_busy += (uint64_t)LENGTH * rows[i].offers * rows[i].busy / 100;
}

START_TEST(test_row)
{
	struct coord_depth d = {0};
	struct dam_slot s;
	unsigned int from = TICKS / 2, to = from + rows[_i].still;
	double got;

	memset(&s, 0, sizeof(s));
	for (unsigned int tick = 0; tick < (rows[_i].last ? to : TICKS + rows[_i].still); tick++) {
		if (tick < from || tick >= to)
			submit(&s, _i, tick);
		else if (rows[_i].empty)
			s.depth_empty |= 1; /* counted with the submission that ends it */
		coord_depth_take(&d, &s, TICK_S);
		if (coord_depth_asks(&d))
			coord_depth_told(&d, tick < from + rows[_i].awaits);
	}
	got = coord_depth_latency(&d) * 1e6;
	if (isnan(rows[_i].want_us))
		ck_assert_msg(isnan(got), "%s: %g us", rows[_i].why, got);
	else
		ck_assert_msg(fabs(got / rows[_i].want_us - 1) < 0.02, "%s: %g us", rows[_i].why, got);
}
END_TEST

/* However long it does not submit, the kernel is asked seldom. */
START_TEST(test_seldom)
{
	struct coord_depth d = {0};
	struct dam_slot s;
	unsigned int asked = 0;

	memset(&s, 0, sizeof(s));
	for (unsigned int tick = 0; tick < 100 * TICKS; tick++) {
		if (tick < TICKS)
			submit(&s, _i, tick);
		coord_depth_take(&d, &s, TICK_S);
		if (coord_depth_asks(&d))
			coord_depth_told(&d, asked++ % 2);
	}
	ck_assert_msg(asked > 5 && asked < 50, "%s: %u times", rows[_i].why, asked);
}
END_TEST

/* A process may write what it likes into its slot. */
START_TEST(test_damage)
{
	struct coord_depth d = {0};
	struct dam_slot s;

	memset(&s, 0, sizeof(s));
	ck_assert(isnan(coord_depth_latency(&d)));
	for (unsigned int tick = 0; tick < TICKS; tick++) {
		memset(&s, (int)(tick * 37), sizeof(s));
		coord_depth_take(&d, &s, TICK_S);
		ck_assert(!isinf(coord_depth_latency(&d)));
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("coord_depth");
	TCase *tc = tcase_create("rows");

	tcase_add_loop_test(tc, test_row, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_loop_test(tc, test_seldom, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(tc, test_damage);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
