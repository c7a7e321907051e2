/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Invariants of the plan over random machines. The loads are set directly: no time passes. */
#include "config.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "policy/model.h"

#define ENGINES 6
#define THREADS 40
#define CASES	1500
#define BASE_S	100e-6

static uint64_t seed;

static double uniform(double lo, double hi)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return lo + (hi - lo) * (double)(seed >> 11) / 9007199254740992.0;
}

static unsigned int below(unsigned int n)
{
	return (unsigned int)uniform(0, n);
}

struct spec {
	unsigned int engines, threads;
	double capacity[ENGINES], background[ENGINES];
	struct {
		unsigned int engine;
		bool open, movable;
		double demand, depth, think_s, op;
	} t[THREADS];
};

/* kind 0: anything; 1: closed loops of one depth; 2: small open threads that would all fit */
static void random_machine(struct spec *s, int kind)
{
	memset(s, 0, sizeof(*s));
	s->engines = 2 + below(ENGINES - 1);
	s->threads = 1 + below(THREADS);
	for (unsigned int e = 0; e < s->engines; e++) {
		s->capacity[e] = kind ? 1e9 : uniform(0.3e9, 3e9);
		s->background[e] = kind || below(3) ? 0 : uniform(0, 0.5e9);
	}
	for (unsigned int i = 0; i < s->threads; i++) {
		s->t[i].engine = below(1 + below(s->engines));
		s->t[i].movable = kind || below(8);
		s->t[i].open = kind == 2 || (!kind && below(2));
		s->t[i].op = kind ? 65536 : 4096 * exp2(below(8));
		s->t[i].demand = kind == 2 ? uniform(0.3, 1) * fmin(0.5e9, 0.8e9 * s->engines / s->threads) :
					     uniform(1e6, 0.6e9);
		s->t[i].depth = s->t[i].op * (kind ? 32 : uniform(1, 64));
		s->t[i].think_s = kind || below(2) ? 0 : uniform(0, 1e-2);
	}
}

/* The spec as a policy, engines and threads renamed by @ename and @tname (NULL: as they are). */
static struct dam_policy *build(const struct spec *s, const unsigned int *ename,
				const unsigned int *tname, double scale)
{
	struct dam_policy_config cfg = {.weight_throughput = 1, .weight_latency = 1, .threshold = 0.15,
					.tick_s = 0.01, .nr_domains = s->engines};
	struct dam_policy *p;
	double largest = 0;

	for (unsigned int i = 0; i < ENGINES; i++)
		for (unsigned int k = 0; k < ENGINES; k++)
			cfg.distance[i][k] = 1;
	p = dam_policy_create(&cfg, ENGINES, 1, THREADS);
	for (unsigned int i = 0; i < s->engines; i++) {
		unsigned int e = ename ? ename[i] : i;
		struct dam_policy_engine_desc d = {
			.given_capacity = s->capacity[i] * scale, .base_latency_s = BASE_S};

		dam_policy_set_engine(p, e, &d);
		p->pools[0].engine_of_domain[e] = (int)e;
		p->engines[e].capacity = p->engines[e].cap[0] = p->engines[e].cap[1] = s->capacity[i] * scale;
		p->engines[e].background = s->background[i] * scale;
		p->engines[e].op_bytes = 65536 * scale;
		p->engines[e].trigger = DAM_TRIGGER_OVERLOAD;
		largest = fmax(largest, s->capacity[i] * scale);
	}
	for (unsigned int i = 0; i < s->threads; i++) {
		unsigned int t = tname ? tname[i] : i;
		struct dam_thread *th = &p->threads[t];

		dam_policy_add_thread(p, t);
		th->engine = (int)(ename ? ename[s->t[i].engine] : s->t[i].engine);
		th->domain = (unsigned int)th->engine;
		th->home = th->domain;
		th->pool = 0;
		th->movable = s->t[i].movable;
		th->allowed = ~0ull;
		th->open = s->t[i].open;
		th->op_bytes = s->t[i].op * scale;
		th->peak_ops = s->t[i].depth / s->t[i].op;
		th->think_s = s->t[i].think_s;
		th->slow = (struct dam_window){.time = 1, .ops = 1000, .bytes = 1000 * th->op_bytes};
		th->demand = th->ahead = th->demand_slow =
			th->open ? s->t[i].demand * scale :
				   fmin(largest, s->t[i].depth * scale / (th->think_s + BASE_S));
	}
	return p;
}

/* The pool's state, computed afresh. */
static void state(const struct dam_policy *p, struct dam_cost_sums *sums, double *util_max,
		  struct dam_cost_engine *out)
{
	*sums = (struct dam_cost_sums){0};
	*util_max = 0;
	for (int e = p->pools[0].first; e >= 0; e = p->engines[e].next) {
		dam_cost_clear(&out[e], p->engines[e].capacity, 0);
		dam_cost_background(&out[e], p->engines[e].background, 0, p->engines[e].op_bytes,
				    dam_engine_base_latency(p, (unsigned int)e, p->engines[e].op_bytes));
	}
	for (unsigned int t = 0; t < p->nr_threads; t++) {
		struct dam_cost_thread ct;

		dam_thread_cost(p, t, (unsigned int)p->threads[t].engine, p->threads[t].domain, false, &ct);
		dam_cost_add(&out[p->threads[t].engine], &ct, 1);
	}
	for (int e = p->pools[0].first; e >= 0; e = p->engines[e].next) {
		dam_cost_sum(&out[e], sums);
		*util_max = fmax(*util_max, dam_cost_util(&out[e]));
	}
}

/* Plan once. */
static unsigned int plan(struct dam_policy *p, struct dam_policy_move *m, unsigned int max)
{
	p->pools[0].triggered = true;
	dam_plan_sort(p);
	return dam_plan_pool(p, 0, m, 0, max);
}

/* Plan and carry out until nothing moves; @batch moves at a time. Returns the number of moves. */
static unsigned int settle(struct dam_policy *p, unsigned int batch, bool check)
{
	struct dam_policy_move m[THREADS];
	struct dam_cost_engine ce[ENGINES];
	struct dam_cost_sums before, after;
	double util, util_after;
	unsigned int total = 0, nr;

	state(p, &before, &util, ce);
	while ((nr = plan(p, m, batch)) > 0) {
		for (unsigned int i = 0; i < nr; i++) {
			dam_plan_commit(p, &m[i]);
			p->threads[m[i].thread].cooldown_s = 0;
		}
		for (int e = p->pools[0].first; e >= 0; e = p->engines[e].next)
			p->engines[e].trigger = DAM_TRIGGER_OVERLOAD;
		total += nr;
		ck_assert_msg(total < 50 * THREADS, "moves do not end");
		if (!check)
			continue;
		state(p, &after, &util_after, ce);
		ck_assert_msg(dam_cost_value(&after, 1, 1) > dam_cost_value(&before, 1, 1), "J fell");
		ck_assert_msg(util_after <= util * (1 + 1e-9), "the maximum rose: %g to %g", util,
			      util_after);
		ck_assert_msg(after.overflow <= before.overflow + 1e-6 * before.rate,
			      "open overflow rose");
		before = after;
		util = util_after;
	}
	return total;
}

START_TEST(test_ends_and_only_improves)
{
	unsigned int moves = 0;

	seed = 1;
	for (int i = 0; i < CASES; i++) {
		struct spec s;
		struct dam_policy *p;

		random_machine(&s, 0);
		p = build(&s, NULL, NULL, 1);
		moves += settle(p, i % 2 ? 1 : THREADS, true);
		dam_policy_destroy(p);
	}
	ck_assert_msg(moves > CASES, "the machines asked for moves: %u", moves);
}
END_TEST

/*
 * At rest: the hottest engine is above the mean by less than one thread and a margin. The margin is what the gain in
 * fairness has to reach where nothing else is gained: 0.1 ln(n/(n - 1)) >= 0.02, that is 22 %.
 */
START_TEST(test_bound_at_rest)
{
	seed = 2;
	for (int i = 0; i < CASES; i++) {
		struct spec s;
		struct dam_policy *p;
		struct dam_cost_engine ce[ENGINES];
		struct dam_cost_sums sums;
		double max, demand = 0, capacity = 0, smallest = INFINITY, bound;

		random_machine(&s, 1 + _i);
		p = build(&s, NULL, NULL, 1);
		settle(p, THREADS, true);
		state(p, &sums, &max, ce);
		for (unsigned int e = 0; e < s.engines; e++) {
			demand += ce[e].open + ce[e].clipped;
			capacity += ce[e].capacity;
		}
		for (unsigned int t = 0; t < s.threads; t++)
			if (dam_cost_util(&ce[p->threads[t].engine]) >= max * (1 - 1e-9))
				smallest = fmin(smallest, p->threads[t].demand);
		bound = demand / capacity + (s.engines - 1) * smallest / capacity + 0.22 * fmax(1, max);
		ck_assert_msg(max <= bound + 1e-9, "kind %d: %u engines, %u threads: %g > %g", 1 + _i,
			      s.engines, s.threads, max, bound);
		dam_policy_destroy(p);
	}
}
END_TEST

static void shuffle(unsigned int *v, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		v[i] = i;
	for (unsigned int i = n; i > 1; i--) {
		unsigned int k = below(i), x = v[i - 1];

		v[i - 1] = v[k];
		v[k] = x;
	}
}

START_TEST(test_names_do_not_matter)
{
	seed = 3;
	for (int i = 0; i < CASES / 3; i++) {
		unsigned int ename[ENGINES], tname[THREADS];
		struct spec s;
		struct dam_policy *a, *b;

		random_machine(&s, 0);
		shuffle(ename, s.engines);
		shuffle(tname, s.threads);
		a = build(&s, NULL, NULL, 1);
		b = build(&s, ename, tname, 1);
		settle(a, THREADS, false);
		settle(b, THREADS, false);
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
	seed = 4;
	for (int i = 0; i < CASES / 3; i++) {
		struct spec s;
		struct dam_policy *a, *b;

		random_machine(&s, 0);
		a = build(&s, NULL, NULL, 1);
		b = build(&s, NULL, NULL, 1024);
		settle(a, THREADS, false);
		settle(b, THREADS, false);
		for (unsigned int t = 0; t < s.threads; t++)
			ck_assert_int_eq(a->threads[t].engine, b->threads[t].engine);
		dam_policy_destroy(a);
		dam_policy_destroy(b);
	}
}
END_TEST

START_TEST(test_batch_equals_one_by_one)
{
	seed = 5;
	for (int i = 0; i < CASES / 3; i++) {
		struct spec s;
		struct dam_policy *a, *b;

		random_machine(&s, 0);
		a = build(&s, NULL, NULL, 1);
		b = build(&s, NULL, NULL, 1);
		settle(a, THREADS, false);
		settle(b, 1, false);
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
	struct spec s = {.engines = 4, .threads = 40, .capacity = {1e9, 1e9, 1e9, 1e9}};
	struct dam_policy_move m[THREADS];
	struct dam_policy *p;

	for (unsigned int i = 0; i < s.threads; i++) {
		s.t[i].movable = true;
		s.t[i].op = 65536;
		s.t[i].depth = 32 * 65536;
	}
	p = build(&s, NULL, NULL, 1);
	ck_assert_uint_ge(plan(p, m, THREADS), 27);
	ck_assert_uint_eq(plan(p, m, 7), 7);
	dam_policy_destroy(p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy_plan");
	TCase *tc = tcase_create("invariants");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, test_ends_and_only_improves);
	tcase_add_loop_test(tc, test_bound_at_rest, 0, 2);
	tcase_add_test(tc, test_names_do_not_matter);
	tcase_add_test(tc, test_units_do_not_matter);
	tcase_add_test(tc, test_batch_equals_one_by_one);
	tcase_add_test(tc, test_one_plan_spreads_a_crowd);
	suite_add_tcase(s, tc);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
