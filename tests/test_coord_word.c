/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Whose word counts for whom: a thread of user 1 on engine 0, that of others, and what the engines' own counters say. */
#include "config.h"

#include <check.h>
#include <stdlib.h>

#include "tests/suite.h"
#include "tools/coord/coord.h"

#define CAPACITY 100.0

static struct dam_hal_target target[2];
static struct dam_policy_engine_view engine[2];
static struct dam_policy_thread_view thread[4];
static double foretold;

struct dam_hal_target *dam_hal_target(struct dam_hal *hal, unsigned int i)
{
	(void)hal;
	return &target[i];
}

struct dam_policy *dam_decision_policy(const struct dam_decision *d)
{
	(void)d;
	return NULL;
}

void dam_decision_forecast(const struct dam_decision *d, unsigned int e, struct dam_forecast *out)
{
	(void)d;
	*out = (struct dam_forecast){.p90 = e ? 0 : foretold, .trusted = true};
}

void dam_policy_view_engine(const struct dam_policy *p, unsigned int e, struct dam_policy_engine_view *out)
{
	(void)p;
	*out = engine[e];
}

void dam_policy_view_thread(const struct dam_policy *p, unsigned int t, struct dam_policy_thread_view *out)
{
	(void)p;
	*out = thread[t];
}

void dam_policy_view_component(const struct dam_policy *p, unsigned int c, struct dam_policy_component_view *out)
{
	(void)p;
	*out = (struct dam_policy_component_view){.capacity = CAPACITY, .rate = c ? CAPACITY : 0};
}

int coord_proc_euid(pid_t pid, uid_t *out)
{
	*out = (uid_t)pid;
	return 0;
}

static const struct {
	const char *why;
	enum dam_policy_trigger trigger;
	double asks, beside;  /* of the thread that is to be moved; of another one of its user beside it */
	double said;	      /* by another user's thread, on the same engine */
	double counted[2];    /* by the engines themselves; < 0: they have no counters */
	double foretold;
	int partner, component;
	bool allowed;
} rows[] = {
	{"others say much, and the engine knows nothing of it", DAM_TRIGGER_OVERLOAD, 30, 0, 1e9, {30, 0}, 0, 0, 0, false},
	{"others say much, and nothing counts", DAM_TRIGGER_OVERLOAD, 30, 0, 1e9, {-1, -1}, 0, 0, 0, false},
	{"others do much, by the engine's count", DAM_TRIGGER_OVERLOAD, 30, 0, 1e9, {98, 0}, 0, 0, 0, true},
	{"the same where the other engine does as much", DAM_TRIGGER_OVERLOAD, 30, 0, 1e9, {98, 90}, 0, 0, 0, false},
	{"its own user's threads fill the engine", DAM_TRIGGER_OVERLOAD, 60, 60, 0, {-1, -1}, 0, 0, 0, true},
	{"its own user's threads are out of balance", DAM_TRIGGER_IMBALANCE, 30, 30, 0, {-1, -1}, 0, 0, 0, true},
	{"by too little to be worth it", DAM_TRIGGER_IMBALANCE, 3, 3, 0, {-1, -1}, 0, 0, 0, false},
	{"the engine's counters foretell it", DAM_TRIGGER_FORECAST, 30, 0, 0, {50, 45}, 99, 0, 0, true},
	{"nothing foretells it", DAM_TRIGGER_FORECAST, 30, 0, 1e9, {50, 45}, 50, 0, 0, false},
	{"an exchange with a thread of its user", DAM_TRIGGER_OVERLOAD, 60, 60, 0, {-1, -1}, 0, 2, 0, true},
	{"an exchange with a thread of the liar's", DAM_TRIGGER_OVERLOAD, 60, 60, 0, {-1, -1}, 0, 3, 0, false},
	{"what they share is full, by its engines' counters", DAM_TRIGGER_COMPONENT, 30, 0, 0, {50, 10}, 0, 0, 1, true},
	{"what they share is not", DAM_TRIGGER_COMPONENT, 30, 0, 1e9, {30, 10}, 0, 0, 0, false},
	{"another package would have to be awake", DAM_TRIGGER_POWER, 30, 0, 1e9, {30, 10}, 0, 0, 0, false},
	{"an engine that is kept for others", DAM_TRIGGER_RESERVED, 30, 0, 0, {-1, -1}, 0, 0, 0, true},
};

START_TEST(test_rows)
{
	static struct coord_engine ce[2];
	static struct coord c = {.engine = ce, .nr_modelled = 2, .nr_thread = 3, .nr_processes = 2};
	struct coord_process other = {.pid = 2, .uid = 2, .nr_thread = 1}, own = {.pid = 1, .uid = 1, .nr_thread = 2, .next = &other};
	struct coord_thread t[3] = {{.proc = &own, .index = 0}, {.proc = &own, .index = 1}, {.proc = &other, .index = 2}};
	struct dam_policy_move m = {.trigger = rows[_i].trigger, .from_engine = 0, .to_engine = 1,
				    .partner = (unsigned int)rows[_i].partner, .component = rows[_i].component};

	dam_knobs_load(getenv, NULL, &c.knobs);
	c.processes = &own;
	for (unsigned int i = 0; i < 3; i++)
		c.thread[i] = &t[i];
	for (unsigned int i = 0; i < 2; i++) {
		ce[i].known = true;
		ce[i].last.have = rows[_i].counted[i] < 0 ? 0 : DAM_HAVE_BYTES;
		/* where nothing counts, the rate is what threads say */
		engine[i] = (struct dam_policy_engine_view){.capacity = CAPACITY,
			.rate = rows[_i].counted[i] < 0 ? rows[_i].said : rows[_i].counted[i]};
	}
	thread[0] = (struct dam_policy_thread_view){.demand = rows[_i].asks, .rate = rows[_i].asks};
	thread[1] = (struct dam_policy_thread_view){.demand = rows[_i].beside, .rate = rows[_i].beside};
	thread[2] = (struct dam_policy_thread_view){.demand = rows[_i].said, .rate = rows[_i].said};
	foretold = rows[_i].foretold;
	coord_trust_tick(&c);
	ck_assert_uint_eq(c.trust.nr_users, 2);
	ck_assert_msg(coord_trust_allows(&c, &m) == rows[_i].allowed, "%s", rows[_i].why);
	ck_assert_uint_eq(c.trust.refused, !rows[_i].allowed);
	other.pid = (pid_t)(other.uid = 1); /* now there is one user only */
	coord_trust_tick(&c);
	ck_assert_msg(coord_trust_allows(&c, &m), "%s: of one user", rows[_i].why);
}
END_TEST

/* What was right for the first thread of a plan need not be for the second. */
START_TEST(test_plan)
{
	static struct coord_engine ce[2] = {{.known = true}, {.known = true}};
	static struct coord c = {.engine = ce, .nr_modelled = 2, .nr_thread = 3, .nr_processes = 2};
	struct coord_process other = {.pid = 2, .uid = 2, .nr_thread = 1}, own = {.pid = 1, .uid = 1, .nr_thread = 2, .next = &other};
	struct coord_thread t[3] = {{.proc = &own, .index = 0}, {.proc = &own, .index = 1}, {.proc = &other, .index = 2}};
	struct dam_policy_move m = {.trigger = DAM_TRIGGER_OVERLOAD, .from_engine = 0, .to_engine = 1};

	dam_knobs_load(getenv, NULL, &c.knobs);
	c.processes = &own;
	for (unsigned int i = 0; i < 3; i++) {
		c.thread[i] = &t[i];
		thread[i] = (struct dam_policy_thread_view){.demand = i == 2 ? 1e9 : 50, .rate = 50};
	}
	engine[0].capacity = engine[1].capacity = CAPACITY;
	coord_trust_tick(&c);
	ck_assert(coord_trust_allows(&c, &m));
	coord_trust_moved(&c, &m);
	m.thread = 1;
	ck_assert_msg(!coord_trust_allows(&c, &m), "the last thread follows the first");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("coord_word");
	TCase *tc = tcase_create("word");

	tcase_add_loop_test(tc, test_rows, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(tc, test_plan);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
