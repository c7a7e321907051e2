/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The simulated machine against what queueing theory and arithmetic say of it. */
#include "config.h"

#include <check.h>
#include <math.h>
#include <string.h>

#include "tests/suite.h"
#include "tools/sim/sim.h"

#define MIB 1048576.0

/* One policy on a scenario given as text. */
static struct sim_result run(const char *text, const struct sim_policy *policy)
{
	struct sim_scenario *s = NULL;
	struct sim_loads *loads;
	struct sim_result r;
	char why[512] = "";

	ck_assert_msg(!sim_scenario_parse("test", text, strlen(text), why, sizeof(why), &s), "%s", why);
	ck_assert(!sim_loads_open(s, &loads));
	ck_assert(!sim_run(s, loads, policy, NULL, NULL, &r));
	sim_loads_close(loads);
	sim_scenario_free(s);
	return r;
}

#define ONE "topology synthetic node:2 core:4 pu:1\nrun seconds=10\n"
#define ENGINE "engine e capacity=64M domain=0 latency=100 "

/* 64 KiB take 976.6 us at 64 MiB/s, and 100 us on top. */
static const struct {
	const char *why, *text;
	double mib_s, p50_us; /* < 0: not asked */
} rows[] = {
	{"depth 1 waits for itself alone", ONE ENGINE "\nthreads t on=e domain=0 depth=1 op=64K cpu=0\n", 58.05, 1076.6},
	{"depth 2 keeps it busy", ONE ENGINE "\nthreads t on=e domain=0 depth=2 op=64K cpu=0\n", 64, 1953},
	{"the latency of depth 32 is 32 turns (Little's law)",
	 ONE ENGINE "\nthreads t on=e domain=0 depth=32 op=64K cpu=0\n", 64, 31250},
	{"from afar an operation takes 20 % longer, once it is moved",
	 ONE ENGINE "\nthreads t on=e domain=1 depth=1 op=64K cpu=0\n", 57.02, 1096.6},
	{"think time", ONE ENGINE "\nthreads t on=e domain=0 depth=1 op=64K cpu=0 think=1000\n", 30.1, 1076.6},
	{"processor time delays submissions, not operations",
	 ONE ENGINE "\nthreads t on=e domain=0 depth=1 op=64K cpu=1000\n", 30.1, 1076.6},
	{"an engine that takes one operation at a time", ONE ENGINE "depth=1\nthreads t on=e domain=0 depth=32 op=64K\n",
	 58.05, -1},
	{"open load passes, while there is room", ONE ENGINE "\nthreads t on=e domain=0 rate=32M op=64K\n", 32, 1076.6},
	{"open load beyond the capacity does not", ONE ENGINE "\nthreads t on=e domain=0 rate=128M op=64K\n", 64, -1},
	{"writes at their own pace", ONE ENGINE "write=16M\nthreads t on=e domain=0 depth=4 op=64K writes=1\n", 16, -1},
	{"half writes: the harmonic mean",
	 ONE ENGINE "write=16M\nthreads t on=e domain=0 depth=4 op=64K writes=0.5\n", 25.6, -1},
	{"a capacity that changes half-way", ONE ENGINE "\nthreads t on=e domain=0 depth=4\nat 5 engine e capacity=16M\n",
	 40, -1},
	{"what an engine does not do while it stands still, it does not make up for afterwards",
	 ONE ENGINE "\nthreads t on=e domain=0 depth=1 op=64K cpu=0\nat 3 engine e capacity=1K\nat 5 engine e capacity=64M\n",
	 46.44, 1076.6},
	{"a thread's life", ONE ENGINE "\nthreads t on=e domain=0 rate=32M start=2 life=5\n", 16, -1},
	{"threads one after the other",
	 ONE ENGINE "\nthreads t on=e count=4 domain=0 rate=16M start=2 stagger=2 life=2\n", 12.8, -1},
	{"eight threads that want four processors each for themselves",
	 ONE ENGINE "\nthreads t on=e count=8 domain=0 depth=1 op=4K cpu=1000 think=0\n", 15.6, -1},
	{"many operations at once are simulated in groups",
	 ONE "engine e capacity=8G domain=0 latency=100\nthreads t on=e domain=0 depth=256 op=4K cpu=0\n", 8192, -1},
};

START_TEST(test_machine)
{
	struct sim_result r = run(rows[_i].text, &sim_none);

	ck_assert_msg(fabs(r.throughput / MIB / rows[_i].mib_s - 1) < 0.02, "%s: %.2f MiB/s", rows[_i].why,
		      r.throughput / MIB);
	if (rows[_i].p50_us > 0)
		ck_assert_msg(fabs(r.p50_s * 1e6 / rows[_i].p50_us - 1) < 0.01, "%s: %.1f us", rows[_i].why, r.p50_s * 1e6);
}
END_TEST

static const struct {
	const char *load;
	double mean; /* of the rate */
} loads[] = {
	{"", 1},
	{"load=ramp peak=3 at=2 over=4", 2.2},
	{"load=flash peak=3 at=2 over=1 hold=2", 1.6},
	{"load=diurnal period=5 peak=0.9", 1},
	{"load=periodic peak=3 period=2 duty=0.25", 1.5},
	{"load=bursty peak=2 onfor=0.02 offfor=0.06", 0.5},
	{"cv=0.3", 1},
	{"cv=0.3 corr=20", 1},
};

START_TEST(test_load)
{
	char text[256];
	struct sim_result r;

	snprintf(text, sizeof(text), "%s%s\nthreads t on=e domain=0 count=8 rate=2M op=4K %s\n", ONE, ENGINE,
		 loads[_i].load);
	r = run(text, &sim_none);
	ck_assert_msg(fabs(r.throughput / (16 * MIB) / loads[_i].mean - 1) < 0.03, "%s: %.3f", loads[_i].load,
		      r.throughput / (16 * MIB));
}
END_TEST

START_TEST(test_runs_are_repeated)
{
	static const char text[] =
		"topology synthetic node:2 core:4 pu:1\nrun seconds=5\npool p\n"
		"engine a capacity=64M domain=0 pool=p jitter=0.3\nengine b capacity=64M domain=1 pool=p\n"
		"threads t on=p count=6 rate=12M cv=0.5 corr=100\nthreads u on=p domain=0 count=3 depth=4\n";

	for (unsigned int i = 0; sim_policies[i]; i++) {
		struct sim_result a = run(text, sim_policies[i]), b = run(text, sim_policies[i]);

		a.elapsed_s = b.elapsed_s = 0;
		ck_assert_msg(a.throughput - b.throughput == 0 && a.p999_s - b.p999_s == 0 && a.moves == b.moves, "%s",
			      a.policy);
	}
}
END_TEST

/* Two threads of one loop each: the one that is moved uses the other engine. */
START_TEST(test_policies)
{
	static const char text[] = "topology synthetic node:2 core:4 pu:1\nrun seconds=10\npool p\n"
				   "engine a capacity=64M domain=0 pool=p\nengine b capacity=64M domain=1 pool=p\n"
				   "threads t on=p count=2 domain=0 depth=8 op=128K\n";
	static const struct {
		const struct sim_policy *policy;
		double least, most; /* of 128 MiB/s */
	} row[] = {
		{&sim_none, 0.49, 0.51}, {&sim_round_robin, 0.99, 1.01}, {&sim_cpu_balance, 0.49, 1.01},
		{&sim_reactive, 0.93, 1}, {&sim_dam, 0.93, 1}, {&sim_oracle, 0.99, 1.01},
	};

	for (unsigned int i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		double share = run(text, row[i].policy).throughput / (128 * MIB);

		ck_assert_msg(share >= row[i].least && share <= row[i].most, "%s: %.3f", row[i].policy->name, share);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sim_machine");
	TCase *tc = tcase_create("machine");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_machine, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_loop_test(tc, test_load, 0, sizeof(loads) / sizeof(loads[0]));
	tcase_add_test(tc, test_runs_are_repeated);
	tcase_add_test(tc, test_policies);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
