/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Judging moves. Null data, where nothing was moved, is called worse at most one time in twenty, also where loads are
 * correlated, as in recordings of real ones; a halved rate is found within eight windows.
 */
#include "config.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "policy/outcome.h"
#include "tests/suite.h"
#include "tools/replay/series.h"

#define YOUNG	15
#define MOVE_AT 110 /* windows of a thread's life before its move */
#define LONGEST (MOVE_AT + 45)

static uint64_t seed;

static double uniform(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return ((double)(seed >> 33) + 0.5) / 2147483648.0;
}

static double normal(void)
{
	return sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform());
}

/* A load with a mean of about 1: lognormal, with this variation and correlation time. */
static void make_load(double *v, unsigned int nr, double cv, double correlation_s)
{
	double sigma = sqrt(log1p(cv * cv)), keep = correlation_s > 0 ? exp(-DAM_OUTCOME_WINDOW_S / correlation_s) : 0;
	double x = normal();

	for (unsigned int i = 0; i < nr; i++) {
		v[i] = exp(sigma * x);
		x = keep * x + sqrt(1 - keep * keep) * normal();
	}
}

static struct dam_outcome_window window(double rate)
{
	return (struct dam_outcome_window){rate * 1e6, rate * 100, NAN};
}

/* @windows: that the judgement took. @control may be NULL. */
static struct dam_outcome judge(const double *touched, const double *control, unsigned int at, unsigned int nr)
{
	struct dam_outcome_past t = {0}, c = {0};
	struct dam_outcome o;

	for (unsigned int i = 0; i < nr; i++) {
		struct dam_outcome_window tw = window(touched[i]), cw = window(control ? control[i] : 0);

		if (i == at)
			dam_outcome_begin(&o, &t, &t, control ? &c : NULL);
		dam_outcome_note(&t, &tw);
		dam_outcome_note(&c, &cw);
		if (i >= at && dam_outcome_add(&o, DAM_OUTCOME_WINDOW_S, &tw, &tw, control ? &cw : NULL))
			break;
	}
	return o;
}

/* Invariant 10, on loads made up. */
static const struct {
	const char *why;
	double cv, correlation_s;
	bool control, young;
} nulls[] = {
	{"quiet", 0.1, 0, true, false},
	{"quiet, alone", 0.1, 0, false, false},
	{"as in invariant 9: 0.3 per tick of 10 ms", 0.095, 0, true, false},
	{"the same within windows", 0.3, 0, true, false},
	{"the same, alone", 0.3, 0, false, false},
	{"bursts of some windows", 0.3, 0.3, true, false},
	{"the same, alone", 0.3, 0.3, false, false},
	{"phases as long as a judgement", 0.3, 3, true, false},
	{"the same, alone", 0.3, 3, false, false},
	{"wild", 1, 0.3, true, false},
	{"wild, alone", 1, 0.3, false, false},
	{"wild phases, alone", 1, 3, false, false},
	{"a young thread: as in invariant 9", 0.095, 0, true, true},
	{"young, with bursts", 0.3, 0.3, true, true},
	{"young, with phases", 0.3, 3, true, true},
	{"the same, alone", 0.3, 3, false, true},
};

START_TEST(test_null)
{
	const unsigned int cases = 4000;
	unsigned int worse = 0;
	double t[LONGEST], c[LONGEST];

	seed = 1;
	for (unsigned int i = 0; i < cases; i++) {
		make_load(t, LONGEST, nulls[_i].cv, nulls[_i].correlation_s);
		make_load(c, LONGEST, nulls[_i].cv, nulls[_i].correlation_s);
		worse += judge(t, nulls[_i].control ? c : NULL, nulls[_i].young ? YOUNG : MOVE_AT, LONGEST).verdict ==
			 DAM_OUTCOME_WORSE;
	}
	fprintf(stderr, "null, %s: %.1f %% called worse\n", nulls[_i].why, 100.0 * worse / cases);
	ck_assert_msg(worse <= cases / 20, "%s: %u of %u", nulls[_i].why, worse, cases);
}
END_TEST

/* The same, on recordings: any engine at any time, nothing moved. */
static unsigned int recorded(const struct replay_recording *r, bool control, unsigned int *judged)
{
	double t[LONGEST], c[LONGEST];
	unsigned int worse = 0;

	*judged = 0;
	for (unsigned int i = 0; r->nr > LONGEST && i < 1000; i++) {
		size_t s = (size_t)(uniform() * (double)r->nr_series);
		size_t first = (size_t)(uniform() * (double)(r->nr - LONGEST));
		struct dam_outcome o;

		memcpy(t, r->series[s].bytes + first, sizeof(t));
		memset(c, 0, sizeof(c));
		for (size_t k = 1; k <= 3 && k < r->nr_series; k++)
			for (unsigned int w = 0; w < LONGEST; w++)
				c[w] += r->series[(s + k) % r->nr_series].bytes[first + w];
		o = judge(t, control ? c : NULL, MOVE_AT, LONGEST);
		*judged += o.thread[0].nr_before >= 8 && o.thread[0].nr >= 4;
		worse += o.verdict == DAM_OUTCOME_WORSE;
	}
	return worse;
}

static const struct {
	const char *file;
	uint64_t interval_ns;
} recordings[] = {
	{"build-a.txt.gz", 100000000},
	{"build-b.txt.gz", 100000000},
	{"mqsim-tpcc.txt.gz", 500000}, /* too short to be taken at its pace */
};

START_TEST(test_null_recorded)
{
	struct replay_recording r = {0};
	char path[4096];

	snprintf(path, sizeof(path), "%s/tests/traces/%s", DAM_SRCDIR, recordings[_i].file);
	ck_assert_int_eq(replay_recording_load(path, recordings[_i].interval_ns, &r), 0);
	seed = 1;
	for (int control = 0; control <= (r.nr_series > 1); control++) {
		unsigned int judged, worse = recorded(&r, control, &judged);

		fprintf(stderr, "null, %s%s: %u of %u called worse\n", recordings[_i].file,
			control ? ", with a control" : "", worse, judged);
		ck_assert_msg(judged > 100 && worse * 20 <= judged, "%s: %u of %u", recordings[_i].file, worse, judged);
	}
	replay_recording_close(&r);
}
END_TEST

/* What is to be found: noise of one tick of 10 ms, ten of them in a window. */
static const struct {
	const char *why;
	double cv, effect;
	bool control;
	enum dam_outcome_verdict verdict;
	double share;	/* that is right */
	unsigned int windows; /* within */
} effects[] = {
	{"half the rate", 0.3, 0.5, true, DAM_OUTCOME_WORSE, 0.97, 8},
	{"twice the rate", 0.3, 2, true, DAM_OUTCOME_BETTER, 0.97, 8},
	{"half the rate, alone", 0.3, 0.5, false, DAM_OUTCOME_WORSE, 0.85, 8},
	{"a third less", 0.3, 0.67, true, DAM_OUTCOME_WORSE, 0.85, 40},
	{"a fifth less, little noise", 0.05, 0.8, true, DAM_OUTCOME_WORSE, 0.97, 8},
	{"the same, alone", 0.05, 0.8, false, DAM_OUTCOME_WORSE, 0.97, 8},
	{"nothing, little noise: same", 0.05, 1, true, DAM_OUTCOME_SAME, 0.97, 40},
	{"nothing, too much noise to tell", 1, 1, true, DAM_OUTCOME_UNDECIDED, 0.97, 40},
};

START_TEST(test_effect)
{
	const unsigned int cases = 1000;
	double t[LONGEST], c[LONGEST];
	unsigned int right = 0;

	seed = 1;
	for (unsigned int i = 0; i < cases; i++) {
		struct dam_outcome o;

		make_load(t, LONGEST, effects[_i].cv / sqrt(10), 0);
		make_load(c, LONGEST, effects[_i].cv / sqrt(10) / 2, 0); /* several threads */
		for (unsigned int w = MOVE_AT; w < LONGEST; w++)
			t[w] *= effects[_i].effect;
		o = judge(t, effects[_i].control ? c : NULL, MOVE_AT, LONGEST);
		right += o.verdict == effects[_i].verdict && o.thread[0].nr <= effects[_i].windows;
	}
	fprintf(stderr, "%s: %.1f %% right\n", effects[_i].why, 100.0 * right / cases);
	ck_assert_msg(right >= effects[_i].share * cases, "%s: %u of %u", effects[_i].why, right, cases);
}
END_TEST

/* One judgement over steady loads: what each thing was before and after, thread / engines / control. */
static const struct {
	const char *why;
	struct dam_outcome_window before[3], after[3];
	enum dam_outcome_verdict verdict;
	enum dam_outcome_metric metric;
	bool undo;
} rows[] = {
	{"less bytes: worse", {{100, 10, 1}, {200, 20, 2}, {100, 10, 1}}, {{70, 7, 1}, {170, 17, 2}, {100, 10, 1}},
	 DAM_OUTCOME_WORSE, DAM_OUTCOME_BYTES, true},
	{"worse, by less than an undo is for", {{100, 10, 1}, {200, 20, 2}, {100, 10, 1}},
	 {{93, 9.3, 1}, {193, 19, 2}, {100, 10, 1}}, DAM_OUTCOME_WORSE, DAM_OUTCOME_BYTES, false},
	{"bytes come before operations", {{100, 10, 1}, {200, 20, 2}, {100, 10, 1}},
	 {{130, 5, 1}, {200, 20, 2}, {100, 10, 1}}, DAM_OUTCOME_BETTER, DAM_OUTCOME_BYTES, false},
	{"operations decide where bytes are the same", {{100, 10, 1}, {200, 20, 2}, {100, 10, 1}},
	 {{100, 5, 1}, {200, 15, 2}, {100, 10, 1}}, DAM_OUTCOME_WORSE, DAM_OUTCOME_OPS, true},
	{"latency decides where both are the same", {{100, 10, 1}, {200, 20, 2}, {100, 10, 1}},
	 {{100, 10, 3}, {200, 20, 4}, {100, 10, 1}}, DAM_OUTCOME_WORSE, DAM_OUTCOME_LATENCY, true},
	{"and may be better, too", {{100, 10, 3}, {200, 20, 4}, {100, 10, 1}}, {{100, 10, 1}, {200, 20, 2}, {100, 10, 1}},
	 DAM_OUTCOME_BETTER, DAM_OUTCOME_LATENCY, false},
	{"everybody has less: nobody's fault", {{100, 10, 1}, {200, 20, 2}, {100, 10, 1}},
	 {{50, 5, 1}, {100, 10, 2}, {50, 5, 1}}, DAM_OUTCOME_SAME, DAM_OUTCOME_BYTES, false},
	{"the control alone has more: neither", {{100, 10, 1}, {200, 20, 2}, {100, 10, 1}},
	 {{100, 10, 1}, {200, 20, 2}, {300, 30, 3}}, DAM_OUTCOME_SAME, DAM_OUTCOME_BYTES, false},
	{"it made room: others gain more than it loses", {{100, 10, 1}, {200, 20, 2}, {100, 10, 1}},
	 {{70, 7, 1}, {300, 30, 2}, {100, 10, 1}}, DAM_OUTCOME_SAME, DAM_OUTCOME_BYTES, false},
	{"it does nothing any more: that is no verdict", {{100, 10, 1}, {200, 20, 2}, {100, 10, 1}},
	 {{0, 0, 0}, {100, 10, 1}, {100, 10, 1}}, DAM_OUTCOME_UNDECIDED, DAM_OUTCOME_BYTES, false},
	{"it did nothing before: nor is that", {{0, 0, 0}, {100, 10, 1}, {100, 10, 1}},
	 {{100, 10, 1}, {200, 20, 2}, {100, 10, 1}}, DAM_OUTCOME_UNDECIDED, DAM_OUTCOME_BYTES, false},
};

static void note_all(struct dam_outcome_past past[3], const struct dam_outcome_window w[3])
{
	for (int i = 0; i < 3; i++)
		dam_outcome_note(&past[i], &w[i]);
}

START_TEST(test_row)
{
	struct dam_outcome_past past[3] = {0};
	enum dam_outcome_verdict v = DAM_OUTCOME_OPEN;
	struct dam_outcome o;

	for (int i = 0; i < DAM_OUTCOME_BEFORE; i++)
		note_all(past, rows[_i].before);
	dam_outcome_begin(&o, &past[0], &past[1], &past[2]);
	for (int i = 0; i < 41 && v == DAM_OUTCOME_OPEN; i++)
		v = dam_outcome_add(&o, DAM_OUTCOME_WINDOW_S, &rows[_i].after[0], &rows[_i].after[1],
				    &rows[_i].after[2]);
	ck_assert_msg(v == rows[_i].verdict, "%s: %s", rows[_i].why, dam_outcome_verdict_name(v));
	ck_assert_msg(o.metric == rows[_i].metric, "%s: %s", rows[_i].why, dam_outcome_metric_name(o.metric));
	ck_assert_msg(dam_outcome_undo(&o) == rows[_i].undo, "%s: effect %g", rows[_i].why, o.effect);
}
END_TEST

/* When the control ends, the windows before are still there, and the threshold is twice as high. */
START_TEST(test_lost_control)
{
	const struct dam_outcome_window before = {100, 10, 1}, after = {70, 7, 1}, little = {93, 9.3, 1};
	struct dam_outcome_past past = {0};
	struct dam_outcome o;

	for (int i = 0; i < DAM_OUTCOME_BEFORE; i++)
		dam_outcome_note(&past, &before);
	dam_outcome_begin(&o, &past, &past, &past);
	for (int i = 0; i < 41; i++)
		dam_outcome_add(&o, DAM_OUTCOME_WINDOW_S, &little, &little, i < 3 ? &before : NULL);
	ck_assert_int_eq(o.verdict, DAM_OUTCOME_SAME);
	dam_outcome_begin(&o, &past, &past, &past);
	for (int i = 0; i < 41; i++)
		dam_outcome_add(&o, DAM_OUTCOME_WINDOW_S, &after, &after, i < 3 ? &before : NULL);
	ck_assert_int_eq(o.verdict, DAM_OUTCOME_WORSE);
	ck_assert(fabs(o.effect + 0.3) < 0.001);
}
END_TEST

#define NR(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void)
{
	Suite *s = suite_create("policy_outcome");
	TCase *tc = tcase_create("outcome");

	tcase_add_loop_test(tc, test_row, 0, NR(rows));
	tcase_add_test(tc, test_lost_control);
	tcase_add_loop_test(tc, test_effect, 0, NR(effects));
	tcase_add_loop_test(tc, test_null, 0, NR(nulls));
	tcase_add_loop_test(tc, test_null_recorded, 0, NR(recordings));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
