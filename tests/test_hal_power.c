/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What trees of /sys say of power. */
#include "config.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "hal/power.h"
#include "tests/hal_tree.h"
#include "tests/suite.h"

/* Two packages: the first of two domains, fast and slow, the second of one. Two CPUs each. */
static void machine(struct dam_topology *topo)
{
	*topo = (struct dam_topology){.nr_domains = 3};
	for (unsigned int cpu = 0; cpu < 6; cpu++)
		dam_cpuset_set(&topo->domain[cpu / 2].cpus, cpu);
}

static void packages(struct hal_tree *t)
{
	hal_tree_open(t);
	for (unsigned int cpu = 0; cpu < 6; cpu++) {
		char path[96];

		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/topology/physical_package_id", cpu);
		hal_tree_put(t, path, "%u\n", cpu / 4);
	}
}

static const int clocks[] = {0, -1};

#define CPU(n) "/sys/devices/system/cpu/cpu" #n

START_TEST(test_told)
{
	struct dam_topology topo;
	struct dam_hal_power p[3];
	struct hal_tree t;

	machine(&topo);
	packages(&t);
	hal_tree_put(&t, "/sys/class/powercap/intel-rapl:0/name", "package-0\n");
	hal_tree_put(&t, "/sys/class/powercap/intel-rapl:0/constraint_0_power_limit_uw", "200000000\n");
	hal_tree_put(&t, "/sys/class/powercap/intel-rapl:1/name", "package-1\n");
	hal_tree_put(&t, "/sys/class/powercap/intel-rapl:1/constraint_0_power_limit_uw", "100000000\n");
	hal_tree_put(&t, CPU(0) "/cpufreq/cpuinfo_max_freq", "3000000\n");
	hal_tree_put(&t, CPU(2) "/cpufreq/cpuinfo_max_freq", "1000000\n");
	hal_tree_put(&t, CPU(0) "/cpuidle/state0/latency", "0\n");
	hal_tree_put(&t, CPU(0) "/cpuidle/state1/latency", "10\n");
	hal_tree_put(&t, CPU(0) "/cpuidle/state2/latency", "133\n");
	hal_tree_put(&t, CPU(0) "/cpuidle/state2/disable", "1\n");
	for (unsigned int d = 0; d < 3; d++)
		dam_hal_power(t.root, &topo, d, &p[d]);
	ck_assert(p[0].package == 0 && p[1].package == 0 && p[2].package == 1);
	ck_assert_msg(fabs(p[0].idle_w + p[0].dynamic_w - 150) < 1e-6, "three quarters of 200 W by clock");
	ck_assert_msg(fabs(p[1].idle_w + p[1].dynamic_w - 50) < 1e-6, "the rest");
	ck_assert_msg(fabs(p[2].idle_w + p[2].dynamic_w - 100) < 1e-6, "the other package has its own limit");
	ck_assert_msg(fabs(p[0].wake_s - 10e-6) < 1e-12, "the deepest state is disabled");
	ck_assert(p[2].wake_s <= 0);
	hal_tree_close(&t);
}
END_TEST

START_TEST(test_energy_model)
{
	struct dam_topology topo;
	struct dam_hal_power p[2];
	struct hal_tree t;

	machine(&topo);
	packages(&t);
	for (unsigned int i = 0; i < 2; i++) {
		char path[96];

		snprintf(path, sizeof(path), "/sys/kernel/debug/energy_model/cpu%u/ps:1000/power", 2 * i);
		hal_tree_put(&t, path, "%u\n", 100);
		snprintf(path, sizeof(path), "/sys/kernel/debug/energy_model/cpu%u/ps:2000/power", 2 * i);
		hal_tree_put(&t, path, "%u\n", i ? 200 : 600);
		snprintf(path, sizeof(path), "/sys/kernel/debug/energy_model/cpu%u/cpus", 2 * i);
		hal_tree_put(&t, path, "%u-%u\n", 2 * i, 2 * i + 1);
	}
	for (unsigned int d = 0; d < 2; d++)
		dam_hal_power(t.root, &topo, d, &p[d]);
	ck_assert_msg(fabs(p[0].dynamic_w / p[1].dynamic_w - 3) < 1e-6, "600 to 200");
	hal_tree_close(&t);
}
END_TEST

START_TEST(test_untold)
{
	struct dam_topology topo;
	struct dam_hal_power p;
	struct hal_tree t;

	machine(&topo);
	hal_tree_open(&t);
	dam_hal_power(t.root, &topo, 2, &p);
	ck_assert(p.package == 0 && p.idle_w > 0 && p.dynamic_w > p.idle_w && p.wake_s <= 0);
	hal_tree_close(&t);
}
END_TEST

/* A driver that does not know its clock says 0: what is told of power goes into a decision, and has to be a number. */
START_TEST(test_no_clock)
{
	struct dam_topology topo;
	struct dam_hal_power p;
	struct hal_tree t;

	machine(&topo);
	packages(&t);
	for (unsigned int cpu = 0; cpu < 6; cpu += 2) {
		char path[96];

		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/cpufreq/cpuinfo_max_freq", cpu);
		hal_tree_put(&t, path, "%d\n", clocks[_i]);
	}
	dam_hal_power(t.root, &topo, 0, &p);
	ck_assert_msg(p.idle_w > 0 && p.dynamic_w > p.idle_w, "%f W idle, %f W more", p.idle_w, p.dynamic_w);
	hal_tree_close(&t);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hal_power");
	TCase *tc = tcase_create("power");

	tcase_add_test(tc, test_told);
	tcase_add_test(tc, test_energy_model);
	tcase_add_test(tc, test_untold);
	tcase_add_loop_test(tc, test_no_clock, 0, 2);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
