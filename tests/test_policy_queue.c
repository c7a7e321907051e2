/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Where there is more to do than can be done: what is queued is load, closed loops give way, overflow is shared. */
#include "config.h"

#include <check.h>
#include <math.h>

#include "tests/fluid.h"
#include "tests/policy_random.h"
#include "tests/suite.h"

#define CAP  16e6
#define OP   16384.0
#define DT   0.01
#define MAX  4 /* threads on one engine */
#define LOOP 0 /* a closed loop, which asks for a whole engine */

/* One plan for two equal engines; the loads are set, no time passes. The hot engine is the first. */
static const struct {
	const char *why;
	double on0[MAX], on1[MAX];   /* open demand of each thread, or LOOP, as a share of a capacity; < 0: no more */
	double backlog0, backlog1;   /* the same, of what is queued */
	enum dam_policy_trigger trigger;
	double age_s;
	int leaves; /* the engine that one thread leaves; DAM_POLICY_NONE: nobody moves */
} plans[] = {
	{"two of 0.3 beside one: an even number of them would be as uneven", {0.3, 0.3, -1}, {0.3, -1}, 0, 0,
	 DAM_TRIGGER_OVERLOAD, 1, DAM_POLICY_NONE},
	{"the same with 0.8 queued in front of them: one goes where nothing is", {0.3, 0.3, -1}, {0.3, -1}, 0.8, 0,
	 DAM_TRIGGER_OVERLOAD, 1, 0},
	{"a queue in front of them that there is room to work off", {0.3, 0.3, -1}, {0.3, -1}, 0.3, 0,
	 DAM_TRIGGER_OVERLOAD, 1, DAM_POLICY_NONE},
	{"means of half a second: a queue is no part of them", {0.3, 0.3, -1}, {0.3, -1}, 0.8, 0,
	 DAM_TRIGGER_IMBALANCE, 1, DAM_POLICY_NONE},
	{"an overload beside room", {0.4, 0.4, 0.4, -1}, {0.2, -1}, 0, 0, DAM_TRIGGER_OVERLOAD, 1, 0},
	{"the room is needed by what is queued there", {0.4, 0.4, 0.4, -1}, {0.2, -1}, 0, 0.9,
	 DAM_TRIGGER_OVERLOAD, 1, DAM_POLICY_NONE},
	{"what is queued there is gone in time, the newcomer counted", {0.4, 0.4, 0.4, -1}, {0.2, -1}, 0, 0.3,
	 DAM_TRIGGER_OVERLOAD, 1, 0},

	{"what flows over goes to closed loops, though theirs is the hotter engine", {0.5, 0.5, 0.5, -1},
	 {LOOP, LOOP, -1}, 0, 0, DAM_TRIGGER_OVERLOAD, 1, 0},
	{"not if the rest would leave the first engine idle at times", {0.5, 0.4, 0.4, -1}, {LOOP, LOOP, -1}, 0, 0,
	 DAM_TRIGGER_OVERLOAD, 1, DAM_POLICY_NONE},
	{"… or would once the queue is gone", {0.4, 0.4, 0.4, -1}, {LOOP, LOOP, -1}, 0.3, 0, DAM_TRIGGER_OVERLOAD, 1,
	 DAM_POLICY_NONE},
	{"not for less than a twentieth", {0.97, 0.04, -1}, {LOOP, LOOP, -1}, 0, 0, DAM_TRIGGER_OVERLOAD, 1,
	 DAM_POLICY_NONE},
	{"not where open demand has taken the engine already", {0.5, 0.5, 0.5, -1}, {LOOP, 0.9, 0.6, -1}, 0, 0,
	 DAM_TRIGGER_OVERLOAD, 1, DAM_POLICY_NONE},

	{"too much for both, but less flows over if the room beside is used", {0.6, 0.6, 0.6, 0.6}, {0.6, -1}, 0, 0,
	 DAM_TRIGGER_OVERLOAD, 1, 0},
	{"a thread's first second shows too much: not yet", {0.6, 0.6, 0.6, 0.6}, {0.6, -1}, 0, 0,
	 DAM_TRIGGER_OVERLOAD, 0.8, DAM_POLICY_NONE},
	{"a young one may go where it does no harm", {0.6, 0.6, 0.6, 0.6}, {0.3, -1}, 0, 0, DAM_TRIGGER_OVERLOAD, 0.3, 0},
	{"both are full: they share it, since no more flows over in all", {0.5, 0.5, 0.5, 0.5}, {0.6, 0.5, -1}, 0, 0,
	 DAM_TRIGGER_OVERLOAD, 1, 0},
	{"both are full, and as even as their threads let them be", {0.5, 0.5, 0.5, -1}, {0.6, 0.6, -1}, 0, 0,
	 DAM_TRIGGER_OVERLOAD, 1, DAM_POLICY_NONE},
	{"it would only be carried along", {1.2, -1}, {-1}, 0.4, 0, DAM_TRIGGER_OVERLOAD, 1, DAM_POLICY_NONE},
	{"what is only foretold is not shared …", {0.5, 0.5, 0.5, 0.5}, {0.6, 0.5, -1}, 0, 0, DAM_TRIGGER_FORECAST, 1,
	 DAM_POLICY_NONE},
	{"… for less than a twentieth of room …", {0.6, 0.6, 0.6, 0.6}, {0.92, -1}, 0, 0, DAM_TRIGGER_FORECAST, 1,
	 DAM_POLICY_NONE},
	{"… but for more", {0.6, 0.6, 0.6, 0.6}, {0.85, -1}, 0, 0, DAM_TRIGGER_FORECAST, 1, 0},
};

static void put(struct random_spec *s, unsigned int engine, const double share[MAX])
{
	for (unsigned int i = 0; i < MAX && share[i] >= 0; i++) {
		unsigned int t = s->threads++;

		s->t[t].domain = engine;
		s->t[t].open = share[i] > LOOP;
		s->t[t].demand = share[i] * CAP;
		s->t[t].op = OP;
		s->t[t].depth = 32 * OP;
		s->t[t].allowed = ~0ull;
		s->t[t].movable = true;
	}
}

static struct dam_policy *build(int row)
{
	struct random_spec s = {.kind = RANDOM_PLAIN, .engines = 2, .domains = 2, .engine_of_domain = {0, 1}};
	struct dam_policy *p;

	for (unsigned int e = 0; e < 2; e++) {
		s.e[e].read = s.e[e].write = CAP;
		s.distance[e][0] = s.distance[e][1] = 1;
	}
	put(&s, 0, plans[row].on0);
	put(&s, 1, plans[row].on1);
	p = random_build(&s, NULL, NULL, 1);
	random_refresh(p);
	p->engines[0].backlog = plans[row].backlog0 * CAP;
	p->engines[1].backlog = plans[row].backlog1 * CAP;
	for (unsigned int e = 0; e < 2; e++)
		p->engines[e].trigger = plans[row].trigger;
	for (unsigned int t = 0; t < s.threads; t++)
		p->threads[t].age_s = plans[row].age_s;
	return p;
}

START_TEST(test_plan)
{
	struct dam_policy *p = build(_i);
	struct dam_policy_move m;
	unsigned int nr;

	dam_plan_sort(p);
	nr = dam_plan_pool(p, 0, &m, 0, 1);
	ck_assert_msg((nr ? m.from_engine : DAM_POLICY_NONE) == plans[_i].leaves, "%s: %u moves", plans[_i].why, nr);
	dam_policy_destroy(p);
}
END_TEST

/* How much of what an engine has in flight is a backlog: of the capacity, as all here, so that it is gone in a second. */
static const struct {
	const char *why;
	double open, looped, others; /* bytes/s of a thread each, and of nobody known */
	double inflight;	     /* bytes */
	bool told;		     /* else only the latency is, by which so much is in flight */
	double backlog;
} backlogs[] = {
	{"what open demand has in flight has to be done yet", 0.5, 0, 0, 0.2, true, 0.2},
	{"it is found by Little's law where it is not told", 0.5, 0, 0, 0.2, false, 0.2},
	{"what closed loops keep in flight is their demand already", 0, 0.5, 0, 0.2, true, 0},
	{"of one queue each has the share that it has of the rate", 0.3, 0.1, 0, 0.2, true, 0.15},
	{"nobody known: it is taken for inelastic", 0, 0, 0.5, 0.2, true, 0.2},
	{"nobody known beside closed loops", 0, 0.25, 0.25, 0.2, true, 0.1},
	{"nothing in flight", 0.5, 0.1, 0, 0, true, 0},
};

static void feed(struct dam_policy *p, int row)
{
	const double rate[2] = {backlogs[row].open, backlogs[row].looped};
	double all = rate[0] + rate[1] + backlogs[row].others, bytes = all * CAP * DT, n = backlogs[row].inflight * CAP / OP;
	struct dam_policy_engine_sample es = {.bytes = bytes, .ops = bytes / OP, .wait_s = n * DT, .valid = true,
					      .inflight_ops = backlogs[row].told ? n : NAN};
	struct dam_policy_move none;

	dam_policy_engine(p, 0, DT, &es);
	for (unsigned int t = 0; t < 2; t++)
		dam_policy_thread(p, t, DT, &(struct dam_policy_thread_sample){
			.engine = rate[t] > 0 ? 0 : DAM_POLICY_NONE, .pool = 0, .bytes = rate[t] * CAP * DT,
			.ops = rate[t] * CAP * DT / OP, .inflight_ops = NAN, .inflight_peak_ops = NAN, .allowed = 1});
	dam_policy_tick(p, DT, NULL, &none, 1);
}

START_TEST(test_backlog)
{
	struct fluid *f = fluid_create(1, CAP, CAP, true);
	const struct dam_engine *en = &f->policy->engines[0];

	dam_policy_add_thread(f->policy, 0);
	dam_policy_add_thread(f->policy, 1);
	f->policy->threads[1].open = false;
	for (int i = 0; i < 25; i++) /* it is not saturated for long enough to judge who is open */
		feed(f->policy, _i);
	ck_assert_msg(fabs(en->backlog / CAP - backlogs[_i].backlog) < 0.01, "%s: %.3f", backlogs[_i].why,
		      en->backlog / CAP);
	fluid_destroy(f);
}
END_TEST

/* The same on a machine that runs: an engine all but stands still for a while, beside one with room. */
static const struct {
	const char *why;
	double still_s;
	bool moves;
} stalls[] = {
	{"two seconds of 0.6 have piled up: threads go where they need not wait", 2, true},
	{"a tenth of a second of it is gone at once", 0.1, false},
};

START_TEST(test_stall)
{
	struct fluid *f = fluid_create(2, CAP, CAP, true);

	for (unsigned int i = 0; i < 3; i++)
		fluid_open(f, i / 2, 0.3 * CAP, 0, OP);
	fluid_run(f, 3, DT);
	ck_assert_uint_eq(f->moves, 0);
	f->engines[0].capacity = 0.01 * CAP;
	fluid_run(f, stalls[_i].still_s, DT);
	f->engines[0].capacity = CAP;
	fluid_run(f, 0.5, DT);
	ck_assert_msg((f->moves > 0) == stalls[_i].moves, "%s: %u moves", stalls[_i].why, f->moves);
	fluid_destroy(f);
}
END_TEST

/* Does a rate follow the latency? Phases of two seconds each. */
static const struct {
	const char *why;
	double ops[MAX], latency_ms[MAX]; /* operations/s; 0: no more */
	bool stiff;
} rates[] = {
	{"the latency halves, the rate stays: it waits for nobody", {800, 800}, {8, 4}, true},
	{"it doubles, as that of a loop without think time does", {800, 1600}, {8, 4}, false},
	{"it falls while the latency rises", {1600, 800}, {4, 8}, false},
	{"both rise: it is what makes others wait", {800, 1600}, {4, 8}, true},
	{"what a tenth of the latency does is noise", {800, 800}, {8, 7.2}, false},
	{"many tenths are something", {800, 800, 800, 800}, {8, 7.2, 6.4, 5.6}, true},
	{"a loop that mostly thinks asks for the same wherever it is", {800, 840}, {1, 0.5}, true},
	{"half of a change shows neither: it was stiff before", {800, 800, 1130}, {8, 4, 2}, true},
	{"… or was not", {800, 1130}, {8, 4}, false},
	{"later it follows", {800, 800, 1600}, {8, 4, 2}, false},
	{"few operations show nothing", {4, 4}, {8, 4}, false},
	{"no latency is known", {800, 800}, {-1, -1}, false},
};

START_TEST(test_rates)
{
	struct dam_elastic s = {0};

	for (unsigned int i = 0; i < MAX && rates[_i].ops[i] > 0; i++)
		for (double t = 0; t < 2; t += DT)
			dam_elastic_add(&s, DT, rates[_i].ops[i] * OP * DT, rates[_i].ops[i] * DT,
					rates[_i].latency_ms[i] > 0 ? rates[_i].latency_ms[i] * 1e-3 : NAN);
	ck_assert_msg(s.stiff == rates[_i].stiff, "%s", rates[_i].why);
}
END_TEST

/* What may be expected of an open loop while it would have to stay, in terms of what it asks for now. */
static const struct {
	const char *why;
	unsigned int on, off; /* ticks of each burst, of each pause; no pause: twice the rate at last, for so long */
	double least, most;
} bursts[] = {
	{"comes and goes: a move would come too late for this burst", 10, 40, 0, 0.6},
	{"steady so far, and now it is twice as much: that is believed at once", 30, 0, 0.9, 1.1},
};

START_TEST(test_bursts)
{
	struct fluid *f = fluid_create(1, CAP, CAP, true);
	const struct dam_thread *th = &f->policy->threads[fluid_open(f, 0, 0.2 * CAP, 0, OP / 16)];
	double *rate = &f->threads[0].rate, once = *rate;

	if (!bursts[_i].off)
		fluid_run(f, 20, DT);
	for (int k = 0; bursts[_i].off && k < 40; k++) {
		*rate = once;
		fluid_run(f, bursts[_i].on * DT, DT);
		*rate = 0;
		fluid_run(f, bursts[_i].off * DT, DT);
	}
	*rate = bursts[_i].off ? once : 2 * once;
	fluid_run(f, bursts[_i].on * DT, DT);
	ck_assert_msg(th->ahead >= bursts[_i].least * *rate && th->ahead <= bursts[_i].most * *rate, "%s: %.3f of it",
		      bursts[_i].why, th->ahead / *rate);
	fluid_destroy(f);
}
END_TEST

#define ROWS(r) (int)(sizeof(r) / sizeof((r)[0]))

int main(void)
{
	Suite *s = suite_create("policy_queue");
	TCase *tc = tcase_create("queue");

	tcase_add_loop_test(tc, test_plan, 0, ROWS(plans));
	tcase_add_loop_test(tc, test_backlog, 0, ROWS(backlogs));
	tcase_add_loop_test(tc, test_rates, 0, ROWS(rates));
	tcase_add_loop_test(tc, test_stall, 0, ROWS(stalls));
	tcase_add_loop_test(tc, test_bursts, 0, ROWS(bursts));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
