/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Machines that are more than equal engines: shared ports, directions, unlike engines, reservations, CPUs, power. */
#include "config.h"

#include <check.h>
#include <math.h>

#include "tests/fluid.h"
#include "tests/suite.h"

#define MIB 1048576.0
#define CAP (16 * MIB)
#define OP  65536.0
#define DT  0.01

static double done(const struct fluid *f)
{
	double sum = 0;

	for (unsigned int i = 0; i < f->nr_threads; i++)
		sum += f->threads[i].done_bytes;
	return sum;
}

/* Bytes/s from now on. */
static double rate(struct fluid *f, double seconds)
{
	double before = done(f);

	fluid_run(f, seconds, DT);
	return (done(f) - before) / seconds;
}

/* Engines 0 and 1 share a port of 1.2 of their capacities; @given: the policy is told. */
static struct fluid *shared_port(double given)
{
	struct fluid *f = fluid_create(4, CAP, CAP, true);

	f->port[0].capacity = 1.2 * CAP;
	dam_policy_set_component(f->policy, 0, &(struct dam_policy_component_desc){.given_capacity = given});
	for (unsigned int e = 0; e < 2; e++) {
		struct dam_policy_engine_desc d = fluid_desc(f, e, CAP);

		d.component[0] = 1;
		f->engines[e].port = 1;
		dam_policy_set_engine(f->policy, e, &d);
	}
	return f;
}

/* No engine behind the port is short by itself: three quarters of each are asked for, or what two loops can get. */
static const struct {
	const char *why;
	double given;
	unsigned int depth; /* 0: open */
	double least;	    /* of the rate that all can have, once settled */
} port_rows[] = {
	{"open demand, the port's capacity is known: some leave", 1.2 * CAP, 0, 0.98},
	{"closed loops, known", 1.2 * CAP, 16, 0.95},
	{"closed loops, learned: both engines give less than each gave alone", 0, 16, 0.95},
};

START_TEST(test_shared_port)
{
	struct fluid *f = shared_port(port_rows[_i].given);
	struct dam_policy_component_view v;
	double want = port_rows[_i].depth ? 3.2 * CAP : 1.5 * CAP, got;

	for (unsigned int i = 0; i < 10; i++) {
		if (port_rows[_i].depth)
			fluid_closed(f, i % 2, port_rows[_i].depth, OP);
		else
			fluid_open(f, i % 2, 0.15 * CAP, 0, OP);
	}
	fluid_run(f, 5, DT);
	got = rate(f, 5);
	ck_assert_msg(f->moves > 0, "%s: nobody moved", port_rows[_i].why);
	ck_assert_msg(got >= port_rows[_i].least * want, "%s: %.2f of %.2f MiB/s, %u moves", port_rows[_i].why,
		      got / MIB, want / MIB, f->moves);
	dam_policy_view_component(f->policy, 0, &v);
	ck_assert_msg(fabs(v.capacity / (1.2 * CAP) - 1) < 0.1, "%s: %.2f of %.2f MiB/s", port_rows[_i].why,
		      v.capacity / MIB, 1.2 * CAP / MIB);
	fluid_destroy(f);
}
END_TEST

/* Behind a full port nobody gains by changing sides. */
START_TEST(test_port_is_no_reason_to_change_sides)
{
	struct fluid *f = shared_port(1.2 * CAP);

	for (unsigned int i = 0; i < 5; i++) {
		fluid_closed(f, i < 4 ? 0 : 1, 16, OP);
		f->threads[i].allowed = 3;
	}
	fluid_run(f, 10, DT);
	ck_assert_msg(f->moves <= 1, "4 + 1 behind one port: fairness at most: %u moves", f->moves);
	fluid_destroy(f);
}
END_TEST

/* A disk writes at a quarter of the rate at which it reads. Told, or found. */
START_TEST(test_directions)
{
	struct fluid *f = fluid_create(2, CAP, 0, true);
	struct dam_policy_engine_view v;

	for (unsigned int e = 0; e < 2; e++) {
		struct dam_policy_engine_desc d = fluid_desc(f, e, 0);

		f->engines[e].write_capacity = CAP / 4;
		if (!_i) {
			d.given_read = CAP;
			d.given_write = CAP / 4;
		}
		dam_policy_set_engine(f->policy, e, &d);
	}
	/* each engine shows one direction, then the other: their threads trade places */
	for (unsigned int i = 0; i < 4; i++)
		f->threads[fluid_closed(f, i % 2, 8, OP)].written = i % 2;
	fluid_run(f, 3, DT);
	for (unsigned int i = 0; i < 4; i++)
		f->threads[i].written = 1 - f->threads[i].written;
	fluid_run(f, 3, DT);
	for (unsigned int e = 0; e < 2; e++) {
		dam_policy_view_engine(f->policy, e, &v);
		ck_assert_msg(fabs(v.read_capacity / CAP - 1) < 0.1, "engine %u reads %.2f MiB/s", e,
			      v.read_capacity / MIB);
		ck_assert_msg(fabs(v.write_capacity / (CAP / 4) - 1) < 0.1, "engine %u writes %.2f MiB/s", e,
			      v.write_capacity / MIB);
	}
	fluid_destroy(f);
}
END_TEST

/* Open writers of 0.1 fill an engine that writes at a quarter of its rate; readers of as much do not. */
START_TEST(test_writes_weigh_more)
{
	struct fluid *f = fluid_create(2, CAP, 0, true);
	unsigned int wrote = 0;

	for (unsigned int e = 0; e < 2; e++) {
		struct dam_policy_engine_desc d = fluid_desc(f, e, 0);

		f->engines[e].write_capacity = d.given_write = CAP / 4;
		d.given_read = CAP;
		dam_policy_set_engine(f->policy, e, &d);
	}
	for (unsigned int i = 0; i < 6; i++)
		f->threads[fluid_open(f, 0, 0.1 * CAP, 0, OP)].written = i < 3;
	fluid_run(f, 5, DT);
	for (unsigned int i = 0; i < 3; i++)
		wrote += f->threads[i].domain == 1;
	ck_assert_msg(f->moves > 0 && wrote > 0, "0.1 × (3 × 4 + 3) is an overload: %u moves", f->moves);
	ck_assert_msg(rate(f, 3) >= 0.97 * 0.6 * CAP, "all of the demand fits two engines");
	fluid_destroy(f);
}
END_TEST

/* Fast and slow engines in one pool, and one that cannot do the work. */
START_TEST(test_unlike_engines)
{
	static const double capacity[] = {4 * CAP, CAP, CAP, 8 * CAP};
	struct fluid *f = fluid_create(4, CAP, 0, true);
	double got;

	for (unsigned int e = 0; e < 4; e++) {
		struct dam_policy_engine_desc d = fluid_desc(f, e, capacity[e]);

		d.capabilities = e == 3 ? 2 : 3;
		f->engines[e].capacity = capacity[e];
		dam_policy_set_engine(f->policy, e, &d);
	}
	for (unsigned int i = 0; i < 12; i++)
		f->threads[fluid_closed(f, 1, 16, OP)].needs = 1;
	fluid_run(f, 5, DT);
	got = rate(f, 5);
	ck_assert_msg(fluid_in_domain(f, 3) == 0, "the fastest one cannot do the work");
	ck_assert_msg(got >= 0.95 * 6 * CAP, "%.2f of %.2f MiB/s", got / MIB, 6 * CAP / MIB);
	ck_assert_msg(fluid_in_domain(f, 0) >= 6, "%u on the fast engine", fluid_in_domain(f, 0));
	fluid_destroy(f);
}
END_TEST

static void with_head_room(struct dam_policy_config *cfg, void *ctx)
{
	(void)ctx;
	cfg->head_room = 0.2;
}

static struct fluid *reserved(unsigned int nr_engines, double given)
{
	struct fluid *f = fluid_create_with(nr_engines, CAP, given, true, with_head_room, NULL);
	struct dam_policy_engine_desc d = fluid_desc(f, 0, given);

	d.reserved = DAM_CLASS_RT;
	dam_policy_set_engine(f->policy, 0, &d);
	return f;
}

/* Engine 0 is kept for real-time threads. */
static const struct {
	const char *why;
	unsigned int rt0, normal0, rt1, normal1; /* threads on engines 0 and 1 */
	double open;				 /* share of a capacity each; 0: closed, depth 16 */
	unsigned int strangers_left;		 /* on engine 0 */
	unsigned int least_moves, most_moves;
} reserve_rows[] = {
	{"strangers are put off without any other reason", 1, 2, 0, 0, 0.1, 0, 2, 2},
	{"strangers never come, however idle it is", 0, 0, 0, 4, 0.3, 0, 0, 0},
	{"who is of the class may come", 0, 0, 2, 4, 0.3, 0, 2, 2},
	{"strangers stay where there is no room for what they push", 1, 2, 0, 2, 0.45, 2, 0, 0},
	{"closed loops yield: they go where it is full", 2, 2, 0, 2, 0, 0, 2, 2},
};

START_TEST(test_reservation)
{
	struct fluid *f = reserved(2, CAP);
	unsigned int n[4] = {reserve_rows[_i].rt0, reserve_rows[_i].normal0, reserve_rows[_i].rt1,
			     reserve_rows[_i].normal1}, left = 0;

	for (unsigned int k = 0; k < 4; k++) {
		for (unsigned int i = 0; i < n[k]; i++) {
			unsigned int t = reserve_rows[_i].open > 0 ?
						 fluid_open(f, k / 2, reserve_rows[_i].open * CAP, 0, OP) :
						 fluid_closed(f, k / 2, 16, OP);

			dam_policy_set_class(f->policy, t, k % 2 ? DAM_CLASS_NORMAL : DAM_CLASS_RT);
		}
	}
	for (unsigned int k = 0; k < 600; k++) {
		fluid_run(f, DT, DT);
		for (unsigned int i = 0; i < f->nr_last; i++)
			ck_assert_msg(f->last[i].to_engine != 0 || f->last[i].thread < n[0] ||
					      (f->last[i].thread >= n[0] + n[1] &&
					       f->last[i].thread < n[0] + n[1] + n[2]),
				      "%s: a stranger came", reserve_rows[_i].why);
	}
	for (unsigned int i = n[0]; i < n[0] + n[1]; i++)
		left += f->threads[i].domain == 0;
	ck_assert_msg(left == reserve_rows[_i].strangers_left, "%s: %u are left", reserve_rows[_i].why, left);
	ck_assert_msg(f->moves >= reserve_rows[_i].least_moves && f->moves <= reserve_rows[_i].most_moves,
		      "%s: %u moves", reserve_rows[_i].why, f->moves);
	fluid_destroy(f);
}
END_TEST

static void with_cpus(struct dam_policy_config *cfg, void *ctx)
{
	(void)ctx;
	for (unsigned int d = 0; d < cfg->nr_domains; d++)
		cfg->domain_cpus[d] = 2;
	if (cfg->nr_domains == 3)
		cfg->distance[0][1] = cfg->distance[1][0] = 1.2F; /* 1 is next to 0, 2 is far */
}

/* Threads of the fixed engine 0; its domain has two CPUs, the next one two, the far one two. */
static const struct {
	const char *why;
	unsigned int at[3]; /* threads in each domain */
	double cpu, others; /* of each thread; of somebody else, in domain 0 */
	unsigned int end[3];
} cpu_rows[] = {
	{"all come closer where there are CPUs for them", {0, 0, 2}, 0.6, 0, {2, 0, 0}},
	{"four are too many for two CPUs: the lesser evil is the next domain", {0, 0, 4}, 0.9, 0, {2, 2, 0}},
	{"a crowd beside the engine makes room", {4, 0, 0}, 0.9, 0, {2, 2, 0}},
	{"others' work counts: one comes, one goes to the next domain", {0, 0, 2}, 0.9, 1, {1, 1, 0}},
	{"no CPU time is known: threads are counted", {0, 0, 3}, 0, 0, {2, 1, 0}},
};

START_TEST(test_cpus_of_the_local_domain)
{
	struct fluid *f = fluid_create_with(3, CAP, 0, false, with_cpus, NULL);

	for (unsigned int d = 0; d < 3; d++) {
		for (unsigned int i = 0; i < cpu_rows[_i].at[d]; i++) {
			unsigned int t = fluid_open(f, d, 0.1 * CAP, 0, 4096);

			f->threads[t].engine = 0;
			f->threads[t].cpu = cpu_rows[_i].cpu;
		}
	}
	for (unsigned int k = 0; k < 20; k++) {
		double used = cpu_rows[_i].others;

		for (unsigned int i = 0; i < f->nr_threads; i++)
			used += f->threads[i].domain == 0 ? f->threads[i].cpu : 0;
		dam_policy_set_busy(f->policy, 0, used);
		fluid_run(f, 0.5, DT);
	}
	for (unsigned int d = 0; d < 3; d++)
		ck_assert_msg(fluid_in_domain(f, d) == cpu_rows[_i].end[d], "%s: %u in domain %u, %u moves",
			      cpu_rows[_i].why, fluid_in_domain(f, d), d, f->moves);
	fluid_destroy(f);
}
END_TEST

static void with_power(struct dam_policy_config *cfg, void *ctx)
{
	cfg->weight_power = *(double *)ctx;
	for (unsigned int d = 0; d < cfg->nr_domains; d++)
		cfg->domain_cpus[d] = 8;
}

/* Four domains, two packages of two; a pool. */
static const struct {
	const char *why;
	double weight, load; /* of each engine */
	bool kept_awake, pinned;
	bool gathered;
	double others; /* CPUs of each domain's eight that somebody else uses, where its threads use 5 % of one each */
} power_rows[] = {
	{"light load is gathered on one package", 1, 0.1, false, false, true, 0},
	{"off by default", 0, 0.1, false, false, false, 0},
	{"not where it would not fit", 1, 0.45, false, false, false, 0},
	{"not from a package that others keep awake", 1, 0.1, true, false, false, 0},
	{"not if somebody has to stay", 1, 0.1, false, true, false, 0},
	{"others leave CPUs enough for all", 1, 0.1, false, false, true, 7},
	{"others leave CPUs for half of those that would come", 1, 0.1, false, false, false, 7.84},
};

START_TEST(test_power)
{
	double weight = power_rows[_i].weight;
	struct fluid *f = fluid_create_with(4, CAP, CAP, true, with_power, &weight);
	unsigned int first, second;

	for (unsigned int d = 0; d < 4; d++)
		dam_policy_set_power(f->policy, d, &(struct dam_policy_power){
			.package = d / 2, .idle_w = 20, .dynamic_w = 50, .wake_s = 1e-4,
			.kept_awake = power_rows[_i].kept_awake});
	for (unsigned int i = 0; i < 8; i++)
		f->threads[fluid_open(f, i % 4, power_rows[_i].load / 2 * CAP, 0, OP)].movable =
			!power_rows[_i].pinned || i % 4 == 1;
	for (unsigned int i = 0; i < 8; i++)
		f->threads[i].cpu = power_rows[_i].others > 0 ? 0.05 : 0;
	for (unsigned int k = 0; k < 20; k++) {
		for (unsigned int d = 0; power_rows[_i].others > 0 && d < 4; d++)
			dam_policy_set_busy(f->policy, d, power_rows[_i].others + 0.05 * fluid_in_domain(f, d));
		fluid_run(f, 0.5, DT);
	}
	first = fluid_in_domain(f, 0) + fluid_in_domain(f, 1);
	second = fluid_in_domain(f, 2) + fluid_in_domain(f, 3);
	ck_assert_msg((first == 0 || second == 0) == power_rows[_i].gathered, "%s: %u + %u, %u moves",
		      power_rows[_i].why, first, second, f->moves);
	ck_assert_msg(f->moves <= 8, "%s: %u moves", power_rows[_i].why, f->moves);
	fluid_destroy(f);
}
END_TEST

/* Load rises after it was gathered: the sleeping package wakes, weight or not. */
START_TEST(test_power_yields_to_load)
{
	double weight = 1;
	struct fluid *f = fluid_create_with(2, CAP, CAP, true, with_power, &weight);

	for (unsigned int d = 0; d < 2; d++)
		dam_policy_set_power(f->policy, d, &(struct dam_policy_power){.package = d, .idle_w = 20, .dynamic_w = 50});
	for (unsigned int i = 0; i < 4; i++)
		fluid_open(f, i % 2, 0.1 * CAP, 0, OP);
	fluid_run(f, 5, DT);
	ck_assert_msg(fluid_in_domain(f, 0) == 0 || fluid_in_domain(f, 1) == 0, "gathered");
	for (unsigned int i = 0; i < 4; i++)
		f->threads[i].rate = 0.45 * CAP;
	fluid_run(f, 5, DT);
	ck_assert_uint_eq(fluid_in_domain(f, 0), 2);
	fluid_destroy(f);
}
END_TEST

/* Who needs quick answers keeps away from processors that sleep deeply, where there is a choice. */
START_TEST(test_latency_class_avoids_sleepers)
{
	double weight = 0;
	struct fluid *f = fluid_create_with(4, CAP, CAP, true, with_power, &weight);

	for (unsigned int d = 1; d < 4; d++)
		f->map[d] = 1;
	dam_policy_set_pool(f->policy, 0, f->map);
	for (unsigned int d = 0; d < 4; d++)
		dam_policy_set_power(f->policy, d, &(struct dam_policy_power){
			.package = d, .idle_w = 20, .dynamic_w = 50, .wake_s = 1e-4, .kept_awake = d == 3});
	for (unsigned int i = 0; i < 3; i++) {
		unsigned int t = fluid_open(f, 0, 0.4 * CAP, 0, OP);

		dam_policy_set_class(f->policy, t, _i ? DAM_CLASS_LATENCY : DAM_CLASS_NORMAL);
	}
	fluid_run(f, 3, DT);
	ck_assert_uint_eq(f->moves, 1);
	ck_assert_msg((fluid_in_domain(f, 3) == 1) == (_i == 1), "class %d", _i);
	fluid_destroy(f);
}
END_TEST

#define ROWS(r) (int)(sizeof(r) / sizeof((r)[0]))

int main(void)
{
	Suite *s = suite_create("policy_machine");
	TCase *tc = tcase_create("machines");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_shared_port, 0, ROWS(port_rows));
	tcase_add_test(tc, test_port_is_no_reason_to_change_sides);
	tcase_add_loop_test(tc, test_directions, 0, 2);
	tcase_add_test(tc, test_writes_weigh_more);
	tcase_add_test(tc, test_unlike_engines);
	tcase_add_loop_test(tc, test_reservation, 0, ROWS(reserve_rows));
	tcase_add_loop_test(tc, test_cpus_of_the_local_domain, 0, ROWS(cpu_rows));
	tcase_add_loop_test(tc, test_power, 0, ROWS(power_rows));
	tcase_add_test(tc, test_power_yields_to_load);
	tcase_add_loop_test(tc, test_latency_class_avoids_sleepers, 0, 2);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
