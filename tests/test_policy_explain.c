/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What a tick writes down about its decisions; what experience does to them; where threads should be born. */
#include "config.h"

#include <check.h>
#include <math.h>

#include "policy/explain.h"
#include "tests/fluid.h"
#include "tests/suite.h"

#define MIB 1048576.0
#define CAP (16 * MIB)
#define OP  65536.0
#define DT  0.01
#define DECISIONS 64

struct sink {
	struct dam_policy_explain x;
	struct dam_policy_decision d[DECISIONS];
	struct dam_policy_option o[DECISIONS * DAM_POLICY_WEIGHED];
};

static void sink_open(struct sink *s, struct fluid *f)
{
	*s = (struct sink){.x = {.decision = s->d, .max_decisions = DECISIONS, .option = s->o,
				 .max_options = DECISIONS * DAM_POLICY_WEIGHED}};
	dam_policy_set_explain(f->policy, &s->x);
}

/* Options are listed from the furthest and best; those of one decision do not overlap another's. */
static void check_shape(const struct sink *s)
{
	unsigned int next = 0;

	ck_assert_uint_le(s->x.nr_decisions, DECISIONS);
	for (unsigned int i = 0; i < s->x.nr_decisions; i++) {
		const struct dam_policy_decision *d = &s->d[i];

		ck_assert_uint_eq(d->first, next);
		ck_assert_uint_le(d->nr, DAM_POLICY_WEIGHED);
		ck_assert_uint_le(d->nr, d->weighed);
		ck_assert(d->trigger != DAM_TRIGGER_NONE);
		next += d->nr;
		for (unsigned int k = 1; k < d->nr; k++)
			ck_assert(s->o[d->first + k - 1].verdict >= s->o[d->first + k].verdict);
	}
	ck_assert_uint_eq(s->x.nr_options, next);
}

START_TEST(test_moves_are_explained)
{
	struct fluid *f = fluid_create(2, CAP, CAP, true);
	struct sink s;
	unsigned int seen = 0;

	sink_open(&s, f);
	for (unsigned int i = 0; i < 4; i++)
		fluid_closed(f, 0, 16, OP);
	for (int k = 0; k < 300; k++) {
		fluid_run(f, DT, DT);
		check_shape(&s);
		for (unsigned int i = 0; i < s.x.nr_decisions; i++) {
			const struct dam_policy_decision *d = &s.d[i];
			const struct dam_policy_option *o = &s.o[d->first];

			if (d->move < 0)
				continue;
			seen++;
			ck_assert_int_eq(d->verdict, DAM_VERDICT_MOVED);
			ck_assert_int_eq(o->verdict, DAM_VERDICT_MOVED);
			ck_assert_uint_lt((unsigned int)d->move, f->nr_last);
			ck_assert_uint_eq(o->move.thread, f->last[d->move].thread);
			ck_assert_double_eq_tol(o->move.terms.gain, f->last[d->move].terms.gain, 1e-12);
			ck_assert_int_eq(d->engine, 0);
			ck_assert_uint_eq(d->threads ? 1 : 0, 1);
			ck_assert_double_gt(d->util, 1);
		}
	}
	ck_assert_uint_eq(seen, 2);
	fluid_destroy(f);
}
END_TEST

enum setting { SATURATED, PINNED, OPEN, LONE, USELESS, HATED };

static const struct {
	const char *why;
	enum setting setting;
	enum dam_policy_verdict verdict;
} stuck[] = {
	{"both engines are full: the pair rule", SATURATED, DAM_VERDICT_PAIR},
	{"everybody is pinned by others", PINNED, DAM_VERDICT_PINNED},
	{"open overload everywhere", OPEN, DAM_VERDICT_PAIR},
	{"the only thread would find the same engine again, and lose its cache", LONE, DAM_VERDICT_PAIR},
	{"experience says that it never helps", USELESS, DAM_VERDICT_GAIN},
	{"experience says that it does harm", HATED, DAM_VERDICT_GAIN},
};

struct experience {
	double factor;
	unsigned int asked;
};

static double hate(void *ctx, const struct dam_policy_move *m)
{
	struct experience *x = ctx;

	(void)m;
	x->asked++;
	return x->factor;
}

static void with_hate(struct dam_policy_config *cfg, void *experience)
{
	cfg->favour = hate;
	cfg->favour_ctx = experience;
}

static struct fluid *set_up(enum setting setting, struct experience *x)
{
	struct fluid *f = fluid_create_with(2, CAP, CAP, true, setting >= USELESS ? with_hate : NULL, x);

	for (unsigned int i = 0; i < (setting == LONE ? 1u : 4u); i++) {
		unsigned int on = setting == SATURATED || setting == OPEN ? i % 2 : 0, t;

		t = setting == OPEN ? fluid_open(f, on, 0.6 * CAP, 0, OP) : fluid_closed(f, on, 16, OP);
		f->threads[t].movable = setting != PINNED;
	}
	return f;
}

START_TEST(test_nothing_moved_is_explained)
{
	struct experience x = {.factor = stuck[_i].setting == HATED ? -1 : 0};
	struct fluid *f = set_up(stuck[_i].setting, &x);
	unsigned int seen = 0;
	struct sink s;

	sink_open(&s, f);
	for (int k = 0; k < 500; k++) {
		fluid_run(f, DT, DT);
		check_shape(&s);
		for (unsigned int i = 0; i < s.x.nr_decisions && f->now_s > 3; i++, seen++) {
			ck_assert_msg(s.d[i].verdict == stuck[_i].verdict, "%s: %s", stuck[_i].why,
				      dam_policy_verdict_name(s.d[i].verdict));
			ck_assert_int_eq(s.d[i].move, DAM_POLICY_NONE);
		}
	}
	ck_assert_msg(seen > 0, "%s: nothing was looked at", stuck[_i].why);
	ck_assert_uint_eq(f->moves, 0);
	ck_assert((x.asked > 0) == (stuck[_i].setting >= USELESS));
	fluid_destroy(f);
}
END_TEST

/* A sink without room changes no decision, and says what it dropped. */
START_TEST(test_full_sink)
{
	struct fluid *f = fluid_create(2, CAP, CAP, true);
	struct dam_policy_explain x = {0};
	unsigned int dropped = 0;

	dam_policy_set_explain(f->policy, &x);
	for (unsigned int i = 0; i < 4; i++)
		fluid_closed(f, 0, 16, OP);
	for (int k = 0; k < 300; k++) {
		fluid_run(f, DT, DT);
		dropped += x.dropped;
	}
	ck_assert_uint_eq(f->moves, 2);
	ck_assert_uint_ge(dropped, 2);
	fluid_destroy(f);
}
END_TEST

START_TEST(test_birth_in_a_pool)
{
	struct fluid *f = fluid_create(2, CAP, CAP, true);
	struct dam_policy_birth b = {.pool = 0, .engine = DAM_POLICY_NONE, .demand = 0.2 * CAP, .allowed = ~0ull};
	unsigned int d[4], on1 = 0;

	fluid_open(f, 0, 0.6 * CAP, 0, OP);
	fluid_run(f, 1, DT);
	ck_assert_uint_eq(dam_policy_place(f->policy, &b, 1, d), 1);
	ck_assert_msg(d[0] == 1, "the idle engine");
	ck_assert_uint_eq(dam_policy_place(f->policy, &b, 4, d), 4);
	for (unsigned int i = 0; i < 4; i++)
		on1 += d[i] == 1;
	ck_assert_msg(on1 == 3 || on1 == 4, "each counts for the next: %u of 4", on1);
	b.allowed = 1;
	ck_assert_uint_eq(dam_policy_place(f->policy, &b, 1, d), 1);
	ck_assert_msg(d[0] == 0, "not where it may not run");
	b.allowed = 0;
	ck_assert_uint_eq(dam_policy_place(f->policy, &b, 1, d), 0);
	fluid_destroy(f);
}
END_TEST

START_TEST(test_birth_beside_a_fixed_engine)
{
	struct fluid *f = fluid_create(2, CAP, CAP, false);
	struct dam_policy_birth b = {.pool = DAM_POLICY_NONE, .engine = 1, .allowed = ~0ull};
	unsigned int d[1];

	fluid_run(f, 1, DT);
	ck_assert_uint_eq(dam_policy_place(f->policy, &b, 1, d), 1);
	ck_assert_uint_eq(d[0], 1);
	b.engine = DAM_POLICY_NONE;
	ck_assert_msg(dam_policy_place(f->policy, &b, 1, d) == 0, "nothing speaks for any domain");
	fluid_destroy(f);
}
END_TEST

START_TEST(test_names)
{
	for (int i = 0; i < DAM_VERDICT_NR; i++) {
		ck_assert(dam_policy_verdict_name((enum dam_policy_verdict)i)[0]);
		ck_assert(dam_policy_verdict_text((enum dam_policy_verdict)i)[0]);
	}
	for (int i = 0; i < DAM_TRIGGER_NR; i++)
		ck_assert(dam_policy_trigger_name((enum dam_policy_trigger)i)[0]);
	for (int i = 0; i < DAM_CLASS_NR; i++)
		ck_assert_int_eq(dam_policy_class_find(dam_policy_class_name((enum dam_policy_class)i)), i);
	ck_assert_int_eq(dam_policy_class_find("royal"), -1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy_explain");
	TCase *tc = tcase_create("explain");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_moves_are_explained);
	tcase_add_loop_test(tc, test_nothing_moved_is_explained, 0, sizeof(stuck) / sizeof(stuck[0]));
	tcase_add_test(tc, test_full_sink);
	tcase_add_test(tc, test_birth_in_a_pool);
	tcase_add_test(tc, test_birth_beside_a_fixed_engine);
	tcase_add_test(tc, test_names);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
