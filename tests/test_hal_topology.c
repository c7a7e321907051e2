/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Domains and distances of machines that hwloc is told of, and of this one. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hwloc.h>

#include "hal/hal.h"
#include "hal/topology.h"
#include "tests/hal_tree.h"
#include "tests/suite.h"

static struct dam_topology topo;

/* "0:0-1 1:2-3": number of the node and CPUs of each domain. */
static const char *domains(char *buf, size_t size)
{
	size_t at = 0;
	char cpus[256];

	buf[0] = '\0';
	for (unsigned int d = 0; d < topo.nr_domains; d++)
		at += (size_t)snprintf(buf + at, size - at, "%s%d:%s", d ? " " : "",
				       topo.domain[d].os_node,
				       dam_cpuset_format(&topo.domain[d].cpus, cpus, sizeof(cpus)));
	return buf;
}

static void check_sane(void)
{
	struct dam_cpuset both;

	ck_assert_uint_ge(topo.nr_domains, 1);
	ck_assert_uint_le(topo.nr_domains, DAM_MAX_DOMAINS);
	for (unsigned int a = 0; a < topo.nr_domains; a++) {
		ck_assert(!dam_cpuset_empty(&topo.domain[a].cpus));
		ck_assert_float_eq(topo.distance[a][a], 1);
		for (unsigned int b = 0; b < topo.nr_domains; b++) {
			ck_assert_float_ge(topo.distance[a][b], 1);
			if (a != b)
				ck_assert_uint_eq(dam_cpuset_and(&topo.domain[a].cpus,
								 &topo.domain[b].cpus, &both),
						  0);
		}
	}
	for (unsigned int cpu = 0; cpu < DAM_MAX_CPUS; cpu++)
		for (unsigned int d = 0; d < topo.nr_domains; d++)
			ck_assert_int_eq(dam_cpuset_has(&topo.domain[d].cpus, cpu),
					 topo.cpu_domain[cpu] == d);
}

static const struct {
	const char *why, *synthetic;
	int ret;
	const char *want;
} rows[] = {
	{"two nodes", "node:2 pu:2", 0, "0:0-1 1:2-3"},
	{"four nodes in two packages", "pack:2 node:2 pu:4", 0, "0:0-3 1:4-7 2:8-11 3:12-15"},
	{"one node", "pu:4", 0, "0:0-3"},
	{"in the order of node numbers, not of CPUs", "node:2(indexes=1,0) pu:4", 0, "0:4-7 1:0-3"},
	{"two memories beside the same CPUs are one domain", "pack:2 [numa] [numa] pu:2", 0,
	 "0:0-1 2:2-3"},
	{"memory beside a whole package is no domain", "[numa] pack:2 [numa] pu:2", 0,
	 "0:0-1 1:2-3"},
	{"CPUs beyond the bitmap are left out, and with them a node that has no others",
	 "node:3 pu:1024", 0, "0:0-1023 1:1024-2047"},
	{"nonsense is refused, not replaced by this machine", "bogus", -EINVAL, ""},
};

START_TEST(test_synthetic)
{
	char text[512];

	setenv("HWLOC_SYNTHETIC", rows[_i].synthetic, 1);
	ck_assert_msg(dam_topology_load(&topo) == rows[_i].ret, "%s", rows[_i].why);
	ck_assert_msg(!strcmp(domains(text, sizeof(text)), rows[_i].want), "%s: %s", rows[_i].why,
		      text);
	if (!rows[_i].ret)
		check_sane();
}
END_TEST

START_TEST(test_many_nodes)
{
	setenv("HWLOC_SYNTHETIC", "node:70 pu:1", 1);
	ck_assert_int_eq(dam_topology_load(&topo), 0);
	ck_assert_uint_eq(topo.nr_domains, DAM_MAX_DOMAINS);
	ck_assert_int_eq(topo.domain[63].os_node, 63);
	check_sane();
}
END_TEST

/* A machine as lstopo writes it, with firmware's distances. The call's successor came after
 * hwloc 2.4. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static void export_xml(const char *path)
{
	hwloc_topology_t t;
	hwloc_obj_t node[2];
	hwloc_uint64_t ns[4] = {10, 21, 32, 20};

	hwloc_topology_init(&t);
	hwloc_topology_set_synthetic(t, "node:2 pu:2");
	hwloc_topology_load(t);
	node[0] = hwloc_get_obj_by_type(t, HWLOC_OBJ_NUMANODE, 0);
	node[1] = hwloc_get_obj_by_type(t, HWLOC_OBJ_NUMANODE, 1);
	ck_assert_int_eq(hwloc_distances_add(t, 2, node, ns,
					     HWLOC_DISTANCES_KIND_FROM_USER |
						     HWLOC_DISTANCES_KIND_MEANS_LATENCY,
					     0),
			 0);
	ck_assert_int_eq(hwloc_topology_export_xml(t, path, 0), 0);
	hwloc_topology_destroy(t);
}
#pragma GCC diagnostic pop

START_TEST(test_xml)
{
	struct hal_tree tree;
	char path[300], text[512];

	hal_tree_open(&tree);
	snprintf(path, sizeof(path), "%s/two.xml", tree.root);
	export_xml(path);
	setenv("HWLOC_XMLFILE", path, 1);
	ck_assert_int_eq(dam_topology_load(&topo), 0);
	check_sane();
	ck_assert_str_eq(domains(text, sizeof(text)), "0:0-1 1:2-3");
	/* divided by the smallest diagonal, 10; the diagonal itself is 1 */
	ck_assert_float_eq_tol(topo.distance[0][1], 2.1f, 1e-5f);
	ck_assert_float_eq_tol(topo.distance[1][0], 3.2f, 1e-5f);

	hal_tree_put(&tree, "/two.xml", "<?xml version=\"1.0\"?><topology>");
	ck_assert_int_eq(dam_topology_load(&topo), -EINVAL);
	scratch_remove(path);
	ck_assert_int_eq(dam_topology_load(&topo), -EINVAL);
	hal_tree_close(&tree);
}
END_TEST

START_TEST(test_hal_says_which_variable)
{
	struct dam_hal_config cfg = {.root = "/nonexistent"};
	struct dam_hal *hal = NULL;
	char err[256];

	setenv("HWLOC_SYNTHETIC", "bogus", 1);
	ck_assert_int_eq(dam_hal_open(&cfg, err, sizeof(err), &hal), -EINVAL);
	ck_assert_str_eq(err, "HWLOC_SYNTHETIC: hwloc refuses 'bogus' as a topology");
	ck_assert_ptr_null(hal);
}
END_TEST

/* A kernel without NUMA: CPUs, and no node directory. */
START_TEST(test_no_numa)
{
	struct hal_tree t;
	char text[512], path[64];

	hal_tree_open(&t);
	hal_tree_put(&t, "/proc/cpuinfo", "processor : 0\n\nprocessor : 1");
	hal_tree_put(&t, "/sys/devices/system/cpu/online", "0-1");
	for (int cpu = 0; cpu < 2; cpu++) {
		static const char *const masks[] = {"thread_siblings", "core_siblings", "core_cpus",
						    "package_cpus"};

		for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
			snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/topology/%s",
				 cpu, masks[i]);
			hal_tree_put(&t, path, "%d", 1 << cpu);
		}
	}
	setenv("HWLOC_FSROOT", t.root, 1);
	ck_assert_int_eq(dam_topology_load(&topo), 0);
	ck_assert_str_eq(domains(text, sizeof(text)), "-1:0-1");
	check_sane();
	ck_assert_uint_eq(dam_topology_domain_of_node(&topo, -1), DAM_NO_DOMAIN);
	hal_tree_close(&t);
}
END_TEST

START_TEST(test_this_machine)
{
	struct dam_cpuset mine;

	ck_assert_int_eq(dam_topology_load(&topo), 0);
	check_sane();
	ck_assert_int_eq(dam_cpuset_get_thread(0, &mine), 0);
	for (unsigned int cpu = 0; cpu < DAM_MAX_CPUS; cpu++) {
		struct dam_cpuset one = {{0}};

		dam_cpuset_set(&one, cpu);
		ck_assert(!dam_cpuset_has(&mine, cpu) || dam_topology_domain_of_cpus(&topo, &one) != DAM_NO_DOMAIN);
	}
}
END_TEST

static const struct {
	const char *why;
	unsigned int domain, nr, home[3], want;
} nearest[] = {
	{"its own", 1, 3, {0, 1, 2}, 1},
	{"none there: the nearest", 2, 2, {0, 1, 0}, 1},
	{"the first of equals", 0, 3, {1, 1, 1}, 0},
	{"no home counts as local", 2, 3, {0, DAM_NO_DOMAIN, 2}, 1},
	{"nothing to choose from", 0, 0, {0, 0, 0}, 0},
};

START_TEST(test_nearest)
{
	setenv("HWLOC_SYNTHETIC", "node:3 pu:1", 1);
	ck_assert_int_eq(dam_topology_load(&topo), 0);
	topo.distance[2][1] = 1.5f;
	ck_assert_msg(dam_topology_nearest(&topo, nearest[_i].domain, nearest[_i].home,
					   nearest[_i].nr) == nearest[_i].want,
		      "%s", nearest[_i].why);
}
END_TEST

static void setup(void)
{
	unsetenv("HWLOC_SYNTHETIC");
	unsetenv("HWLOC_XMLFILE");
	unsetenv("HWLOC_FSROOT");
	memset(&topo, 0, sizeof(topo));
}

int main(void)
{
	Suite *s = suite_create("hal_topology");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_synthetic, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(tc, test_many_nodes);
	tcase_add_test(tc, test_xml);
	tcase_add_test(tc, test_hal_says_which_variable);
	tcase_add_test(tc, test_no_numa);
	tcase_add_test(tc, test_this_machine);
	tcase_add_loop_test(tc, test_nearest, 0, (int)(sizeof(nearest) / sizeof(nearest[0])));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
