/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Invariants of the plan over random machines: topologies, engines, what they share, demands, classes. */
#include "config.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/policy_random.h"
#include "tests/suite.h"

#define CASES 2000 /* of each kind; of the first test twice as many of the first two: 12,000 */

/* What a machine is worth and how loaded it is, computed afresh from where its threads are. */
struct state {
	double value;	  /* J, less what waits for CPUs */
	double load;	  /* the largest of all engines and components */
	double overflow;  /* open demand beyond what fits, bytes/s */
	double rate;
	unsigned int strangers; /* on reserved engines */
};

/* Demand by direction on engine @e, or on all engines behind component @c. */
static void demand(const struct dam_policy *p, int e, unsigned int c, double out[2])
{
	out[0] = out[1] = 0;
	for (unsigned int i = 0; i < p->max_engines; i++) {
		const struct dam_engine *en = &p->engines[i];
		bool counts = e >= 0 ? (int)i == e :
				       en->desc.component[0] == c + 1 || en->desc.component[1] == c + 1;

		if (!en->present || !counts)
			continue;
		out[0] += en->background;
		for (unsigned int t = 0; t < p->nr_threads; t++) {
			if (p->threads[t].engine != (int)i)
				continue;
			out[0] += p->threads[t].demand * (1 - p->threads[t].written);
			out[1] += p->threads[t].demand * p->threads[t].written;
		}
	}
}

static double utilisation(const double d[2], double read, double write, bool duplex)
{
	return duplex ? fmax(d[0] / read, d[1] / write) : d[0] / read + d[1] / write;
}

static double largest_load(const struct dam_policy *p)
{
	double most = 0, d[2];

	for (unsigned int e = 0; e < p->max_engines; e++) {
		const struct dam_engine *en = &p->engines[e];
		double usable = en->desc.reserved ? 1 - p->cfg.head_room : 1;

		if (!en->present)
			continue;
		demand(p, (int)e, 0, d);
		most = fmax(most, utilisation(d, en->cap[0] * usable, en->cap[1] * usable, en->desc.duplex));
	}
	for (unsigned int c = 0; c < p->cfg.max_components; c++) {
		const struct dam_component *k = &p->components[c];

		if (!k->present)
			continue;
		demand(p, DAM_POLICY_NONE, c, d);
		if (d[0] + d[1] > 0)
			most = fmax(most, utilisation(d, k->capacity, k->capacity, k->desc.duplex));
	}
	return most;
}

static double waiting(const struct dam_policy *p)
{
	double cpu[RANDOM_DOMAINS] = {0}, sum = 0;

	for (unsigned int t = 0; t < p->nr_threads; t++)
		cpu[p->threads[t].domain] += p->threads[t].cpu;
	for (unsigned int d = 0; d < p->cfg.nr_domains; d++)
		sum += p->cfg.domain_cpus[d] ? fmax(0, cpu[d] - p->cfg.domain_cpus[d]) : 0;
	return sum;
}

/* Of engines and of what they share: both count. */
static double overflow(const struct dam_policy *p)
{
	double sum = 0;

	for (unsigned int e = 0; e < p->max_engines; e++)
		for (int way = 0; p->engines[e].present && way <= p->nodes[e].duplex; way++)
			sum += dam_cost_overflow(&p->nodes[e].own[way]);
	for (unsigned int c = 0; c < p->cfg.max_components; c++)
		for (int way = 0; p->components[c].present && way <= p->components[c].desc.duplex; way++)
			sum += dam_cost_overflow(&p->nodes[p->max_engines + c].own[way]);
	return sum;
}

static void measure(struct dam_policy *p, struct state *out)
{
	unsigned int list[RANDOM_ENGINES], nr = 0;
	struct dam_tree tree;

	random_refresh(p);
	for (int e = p->pools[0].first; e >= 0; e = p->engines[e].next)
		list[nr++] = (unsigned int)e;
	dam_tree_open(&tree, p, list, nr, false);
	for (unsigned int t = 0; t < p->nr_threads; t++) {
		struct dam_cost_thread ct;

		dam_thread_cost(p, t, (unsigned int)p->threads[t].engine, p->threads[t].domain, false, &ct);
		dam_tree_put(&tree, (unsigned int)p->threads[t].engine, &ct);
	}
	dam_tree_close(&tree, list, nr);
	*out = (struct state){
		.value = dam_cost_value(&tree.sums, 1, 1) - waiting(p) / fmax(1, tree.sums.nr),
		.load = largest_load(p), .overflow = overflow(p), .rate = tree.sums.rate};
	for (unsigned int e = 0; e < p->max_engines; e++)
		out->strangers += p->engines[e].present ? p->engines[e].strangers : 0;
}

/* A move goes where the thread may run, to the engine that is used from there, and only if that takes such work. */
static void check_move(const struct dam_policy *p, const struct dam_policy_move *m)
{
	const struct dam_thread *th = &p->threads[m->thread];
	const struct dam_engine *to = &p->engines[m->to_engine];

	ck_assert(th->movable);
	ck_assert(th->allowed >> m->to_domain & 1);
	ck_assert_int_eq(p->pools[0].engine_of_domain[m->to_domain], m->to_engine);
	ck_assert_msg(!to->desc.capabilities || !(th->needs & ~to->desc.capabilities), "it cannot do the work");
	ck_assert_msg(!to->desc.reserved || to->desc.reserved == th->class, "it is reserved");
}

/*
 * Strangers are put off by command, not for gain; @fills: a move delivered more; @clipped: more latency is lost than is
 * ever counted.
 */
static void compare(const struct state *before, const struct state *after, bool fills, bool clipped)
{
	ck_assert_msg(after->strangers <= before->strangers, "strangers came to a reserved engine");
	ck_assert_msg(after->overflow <= before->overflow + 1e-6 * before->rate, "open overflow rose");
	if (before->strangers > after->strangers)
		return;
	/* closed loops yield to what flows over elsewhere, and take what room they find, however much they ask for */
	if (after->overflow >= before->overflow && !fills)
		ck_assert_msg(after->load <= before->load * (1 + 1e-9), "the maximum rose: %g to %g", before->load,
			      after->load);
	if (!clipped)
		ck_assert_msg(after->value > before->value, "J fell: %.12g to %.12g", before->value, after->value);
}

/* A pair stands alone in its plan, ends the overload it is made for, and brings the hot engine less than it takes. */
static void check_exchange(const struct dam_policy *p, const struct dam_policy_move *m, unsigned int nr)
{
	double less = p->threads[m[0].thread].demand - p->threads[m[1].thread].demand;

	ck_assert_uint_eq(nr, 2);
	ck_assert(m[0].partner == m[1].thread + 1 && m[1].partner == m[0].thread + 1);
	ck_assert(m[0].from_engine == m[1].to_engine && m[1].from_engine == m[0].to_engine);
	ck_assert(less > 0 && m[0].from_util > 0.95 && fmax(m[0].from_util_after, m[0].to_util_after) <= 1);
}

static unsigned int exchanges; /* that settle() has seen */

/* Plan and carry out until nothing moves; @batch moves at a time. Return: the number of moves. */
static unsigned int settle(struct dam_policy *p, unsigned int batch, bool check)
{
	struct dam_policy_move m[RANDOM_THREADS];
	struct state before = {0}, after;
	unsigned int total = 0, nr;
	bool fills, clipped;

	if (check)
		measure(p, &before);
	while ((nr = random_plan(p, m, batch)) > 0) {
		fills = clipped = false;
		if (m[0].partner && check)
			check_exchange(p, m, nr);
		exchanges += m[0].partner > 0;
		for (unsigned int i = 0; i < nr; i++) {
			fills |= m[i].terms.throughput > 1e-6;
			clipped |= m[i].terms.latency <= -0.5;
			if (check)
				check_move(p, &m[i]);
			dam_plan_commit(p, &m[i]);
		}
		total += nr;
		ck_assert_msg(total < 50 * RANDOM_THREADS, "moves do not end");
		if (!check)
			continue;
		measure(p, &after);
		compare(&before, &after, fills, clipped);
		before = after;
	}
	return total;
}

static const enum random_kind kinds[] = {RANDOM_PLAIN, RANDOM_SHARED, RANDOM_RESERVED, RANDOM_PACKED};

START_TEST(test_ends_and_only_improves)
{
	unsigned int moves = 0;
	int cases = kinds[_i] == RANDOM_RESERVED || kinds[_i] == RANDOM_PACKED ? CASES : 2 * CASES;

	random_seed = 1 + (uint64_t)_i;
	for (int i = 0; i < cases; i++) {
		struct random_spec s;
		struct dam_policy *p;

		random_machine(&s, kinds[_i]);
		p = random_build(&s, NULL, NULL, 1);
		moves += settle(p, i % 2 ? 2 : RANDOM_THREADS, true);
		dam_policy_destroy(p);
	}
	ck_assert_msg(moves > (unsigned int)cases, "the machines asked for moves: %u", moves);
	ck_assert_msg(exchanges > (kinds[_i] == RANDOM_PACKED ? CASES / 10 : 0), "… and for exchanges: %u", exchanges);
}
END_TEST

/*
 * At rest: the hottest engine is above the mean by less than one thread and a margin. The margin is what the gain in
 * fairness has to reach where nothing else is gained: 0.1 ln(n/(n - 1)) >= 0.02, that is 22 %.
 */
START_TEST(test_bound_at_rest)
{
	random_seed = 20;
	for (int i = 0; i < CASES; i++) {
		struct random_spec s;
		struct dam_policy *p;
		struct state at_rest;
		double sum = 0, capacity = 0, smallest = INFINITY, bound, d[2];

		random_machine(&s, _i ? RANDOM_OPEN : RANDOM_CLOSED);
		p = random_build(&s, NULL, NULL, 1);
		settle(p, RANDOM_THREADS, true);
		measure(p, &at_rest);
		for (unsigned int e = 0; e < s.engines; e++)
			capacity += p->engines[e].cap[0];
		for (unsigned int t = 0; t < s.threads; t++) {
			const struct dam_engine *en = &p->engines[p->threads[t].engine];

			sum += p->threads[t].demand;
			demand(p, p->threads[t].engine, 0, d);
			if (d[0] / en->cap[0] >= at_rest.load * (1 - 1e-9))
				smallest = fmin(smallest, p->threads[t].demand);
		}
		bound = sum / capacity + (s.engines - 1) * smallest / capacity + 0.22 * fmax(1, at_rest.load);
		ck_assert_msg(at_rest.load <= bound + 1e-9, "kind %d: %u engines, %u threads: %g > %g", _i,
			      s.engines, s.threads, at_rest.load, bound);
		dam_policy_destroy(p);
	}
}
END_TEST

START_TEST(test_names_do_not_matter)
{
	random_seed = 30 + (uint64_t)_i;
	for (int i = 0; i < CASES / 2; i++) {
		unsigned int ename[RANDOM_ENGINES], tname[RANDOM_THREADS];
		struct random_spec s;
		struct dam_policy *a, *b;

		random_machine(&s, kinds[_i]);
		random_shuffle(ename, s.engines);
		random_shuffle(tname, s.threads);
		a = random_build(&s, NULL, NULL, 1);
		b = random_build(&s, ename, tname, 1);
		settle(a, RANDOM_THREADS, false);
		settle(b, RANDOM_THREADS, false);
		for (unsigned int t = 0; t < s.threads; t++)
			ck_assert_msg((int)ename[a->threads[t].engine] == b->threads[tname[t]].engine,
				      "case %d, thread %u", i, t);
		dam_policy_destroy(a);
		dam_policy_destroy(b);
	}
}
END_TEST

START_TEST(test_units_do_not_matter)
{
	random_seed = 40 + (uint64_t)_i;
	for (int i = 0; i < CASES / 2; i++) {
		struct random_spec s;
		struct dam_policy *a, *b;

		random_machine(&s, kinds[_i]);
		a = random_build(&s, NULL, NULL, 1);
		b = random_build(&s, NULL, NULL, 1024);
		settle(a, RANDOM_THREADS, false);
		settle(b, RANDOM_THREADS, false);
		for (unsigned int t = 0; t < s.threads; t++)
			ck_assert_int_eq(a->threads[t].engine, b->threads[t].engine);
		dam_policy_destroy(a);
		dam_policy_destroy(b);
	}
}
END_TEST

/* An exchange is two moves: room for fewer would never find one. */
START_TEST(test_batch_equals_two_by_two)
{
	random_seed = 50 + (uint64_t)_i;
	for (int i = 0; i < CASES / 2; i++) {
		struct random_spec s;
		struct dam_policy *a, *b;

		random_machine(&s, kinds[_i]);
		a = random_build(&s, NULL, NULL, 1);
		b = random_build(&s, NULL, NULL, 1);
		settle(a, RANDOM_THREADS, false);
		settle(b, 2, false);
		for (unsigned int t = 0; t < s.threads; t++)
			ck_assert_msg(a->threads[t].engine == b->threads[t].engine,
				      "case %d, thread %u", i, t);
		dam_policy_destroy(a);
		dam_policy_destroy(b);
	}
}
END_TEST

/* A crowd on one of four engines leaves in one plan, within the margin above, and no more than asked at once. */
START_TEST(test_one_plan_spreads_a_crowd)
{
	struct random_spec s = {.kind = RANDOM_CLOSED, .engines = 4, .domains = 4, .threads = 40};
	struct dam_policy_move m[RANDOM_THREADS];
	struct dam_policy *p;

	for (unsigned int i = 0; i < RANDOM_DOMAINS; i++) {
		s.engine_of_domain[i] = i;
		for (unsigned int k = 0; k < RANDOM_DOMAINS; k++)
			s.distance[i][k] = 1;
	}
	for (unsigned int e = 0; e < s.engines; e++)
		s.e[e].read = s.e[e].write = 1e9;
	for (unsigned int i = 0; i < s.threads; i++) {
		s.t[i].movable = true;
		s.t[i].allowed = ~0ull;
		s.t[i].op = 65536;
		s.t[i].depth = 32 * 65536;
	}
	p = random_build(&s, NULL, NULL, 1);
	ck_assert_uint_ge(random_plan(p, m, RANDOM_THREADS), 27);
	ck_assert_uint_eq(random_plan(p, m, 7), 7);
	dam_policy_destroy(p);
}
END_TEST

/* A rise is one when it stands out of the scatter. */
static const struct {
	const char *why;
	double slope, scatter; /* per second; of each tick, as a share */
	double least, most;    /* of the rise within 0.1 s */
} trend_rows[] = {
	{"a steady load", 0, 0, 0, 0},
	{"a noisy one", 0, 0.3, 0, 0},
	{"a ramp", 2, 0, 0.15, 0.21},
	{"a ramp with some noise", 4, 0.005, 0.3, 0.5},
	{"a ramp within the noise", 1, 0.3, 0, 0},
	{"a fall", -1, 0, 0, 0},
};

START_TEST(test_trend)
{
	struct dam_trend t = {0};
	double rise = 0;

	random_seed = 7;
	for (int k = 0; k < 200; k++) {
		double rate = 2 + trend_rows[_i].slope * k * 0.01;

		dam_trend_add(&t, 0.01, rate * (1 + trend_rows[_i].scatter * random_uniform(-1, 1)));
		rise = dam_trend_rise(&t, 0.1);
		if (k == 3)
			ck_assert_msg(rise <= 0, "%s: four samples are no trend", trend_rows[_i].why);
	}
	ck_assert_msg(rise >= trend_rows[_i].least && rise <= trend_rows[_i].most, "%s: %.3f", trend_rows[_i].why, rise);
	dam_trend_break(&t);
	ck_assert_msg(dam_trend_rise(&t, 0.1) <= 0, "a move breaks it");
}
END_TEST

/* Who is an open loop is told by in-flight work that grows; a backlog that is worked off tells nothing. */
static const struct {
	const char *why;
	double slope;	/* of the work in flight, operations per second, … */
	double turn_s;	/* … and the other way from then on; 0: for ever */
	bool yes, no;	/* bounded, unbounded: is that ever said? */
} bound_rows[] = {
	{"a queue that is kept full", 0, 0, true, false},
	{"a backlog that grows", 100, 0, false, true},
	{"a backlog that is worked off: an open loop must not be taken for a closed one that asks for all of it", -100,
	 0, false, false},
	{"the same, the peak being the largest of two blocks", 100, 0.16, false, false},
};

START_TEST(test_bound)
{
	struct dam_bound_watch watch;
	unsigned int said[3] = {0};

	dam_bound_reset(&watch);
	for (int k = 0; k < 300; k++) {
		double t = k * 0.01, turn = bound_rows[_i].turn_s > 0 ? bound_rows[_i].turn_s : t;

		said[dam_bound_add(&watch, 0.01, 2, 400 + bound_rows[_i].slope * (t < turn ? t : 2 * turn - t), 0.01)]++;
	}
	ck_assert_msg((said[DAM_BOUND_YES] > 0) == bound_rows[_i].yes && (said[DAM_BOUND_NO] > 0) == bound_rows[_i].no,
		      "%s: bounded %u times, unbounded %u times", bound_rows[_i].why, said[DAM_BOUND_YES],
		      said[DAM_BOUND_NO]);
}
END_TEST

/* After 0.1 s with eight operations in flight a thread is silent for a second. */
static const struct {
	const char *why;
	double latency_s;
	bool waits;
} silent_rows[] = {
	{"what it had in flight is long complete: it has nothing to do, and is no closed loop for that", 0.02, false},
	{"it waits for what is still in the queue", 1, true},
};

START_TEST(test_silence)
{
	struct dam_bound_watch watch;
	bool yes = false;

	dam_bound_reset(&watch);
	for (int k = 0; k < 110; k++)
		yes |= dam_bound_add(&watch, 0.01, k < 10 ? 8 : 0, k < 10 ? 8 : NAN, silent_rows[_i].latency_s) == DAM_BOUND_YES;
	ck_assert_msg(yes == silent_rows[_i].waits, "%s", silent_rows[_i].why);
}
END_TEST

/* An open loop that brings a little more than is served: the backlog is small beside what has passed, but grows on. */
START_TEST(test_slow_growth)
{
	struct dam_bound_watch watch;
	double share = _i / 100.0, since_no_s = INFINITY;
	unsigned int said[3] = {0};

	dam_bound_reset(&watch);
	for (int k = 0; k < 2000; k++) {
		enum dam_bound answer = dam_bound_add(&watch, 0.01, 20, 4 + share * 20 * k, 0.01);

		said[answer]++;
		since_no_s = answer == DAM_BOUND_NO ? 0 : since_no_s + 0.01;
		ck_assert_msg(answer != DAM_BOUND_YES || since_no_s <= 2,
			      "%d %%: taken for a closed loop at %.2f s", _i, k * 0.01);
	}
	ck_assert_uint_gt(said[DAM_BOUND_NO], 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy_plan");
	TCase *tc = tcase_create("invariants");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, test_ends_and_only_improves, 0, sizeof(kinds) / sizeof(kinds[0]));
	tcase_add_loop_test(tc, test_bound_at_rest, 0, 2);
	tcase_add_loop_test(tc, test_names_do_not_matter, 0, sizeof(kinds) / sizeof(kinds[0]));
	tcase_add_loop_test(tc, test_units_do_not_matter, 0, sizeof(kinds) / sizeof(kinds[0]));
	tcase_add_loop_test(tc, test_batch_equals_two_by_two, 0, sizeof(kinds) / sizeof(kinds[0]));
	tcase_add_test(tc, test_one_plan_spreads_a_crowd);
	tcase_add_loop_test(tc, test_trend, 0, sizeof(trend_rows) / sizeof(trend_rows[0]));
	tcase_add_loop_test(tc, test_bound, 0, sizeof(bound_rows) / sizeof(bound_rows[0]));
	tcase_add_loop_test(tc, test_silence, 0, sizeof(silent_rows) / sizeof(silent_rows[0]));
	tcase_add_loop_test(tc, test_slow_growth, 2, 6);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
