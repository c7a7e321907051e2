/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What the user tells goes before what the machine tells: DAM_LOCALITY, DAM_CAPACITY; and what a PMU's files tell. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal/hal.h"
#include "hal/uncore.h"
#include "tests/hal_tree.h"
#include "tests/suite.h"

static struct hal_tree tree;
static struct dam_hal *hal;
static char err[256];

/* vda is on node 1, vdb on none; nvme2n1 and nvme2n2 on node 0, behind 0000:20:01.0 */
static void setup(void)
{
	setenv("HWLOC_SYNTHETIC", "node:2 pu:2", 1);
	hal_tree_open(&tree);
	hal_tree_virtio(&tree);
	hal_tree_nvme(&tree);
}

static void teardown(void)
{
	dam_hal_close(hal);
	hal = NULL;
	hal_tree_close(&tree);
}

static int open_hal(const char *locality, const char *capacity)
{
	struct dam_hal_config cfg = {.root = tree.root, .locality = locality, .capacity = capacity};

	return dam_hal_open(&cfg, err, sizeof(err), &hal);
}

static const struct dam_hal_engine *find(const char *name)
{
	int target = dam_hal_find(hal, name);

	ck_assert_msg(target >= 0, "%s", name);
	return &dam_hal_target(hal, (unsigned int)target)->engine;
}

static const struct {
	const char *why, *text, *engine, *cpus;
} places[] = {
	{"nothing is told", NULL, "block:vda", "2-3"},
	{"an empty text tells nothing", "", "block:vda", "2-3"},
	{"by the engine's name", "block:vda=0", "block:vda", "0-1"},
	{"only that one", "block:vda=0", "block:nvme2n1", "0-1"},
	{"a controller above it", "nvme:nvme2=1", "block:nvme2n2", "2-3"},
	{"no controller whose name only begins alike", "nvme:nvme22=1,nvme:nv=1", "block:nvme2n2", "0-1"},
	{"a PCI function", "0000:00:02.0=0", "block:vda", "0-1"},
	{"a bridge above several", "0000:20:01.0=1", "block:nvme2n1", "2-3"},
	{"-1 is next to all, not to node 0", "block:vda=-1", "block:vda", ""},
	{"what the kernel does not know", "block:vdb=1", "block:vdb", "2-3"},
	{"the first rule that fits", "block:vda=0,0000:00:02.0=1", "block:vda", "0-1"},
	{"blanks do not matter", " block:vdb=0 , block:vda=0", "block:vda", "0-1"},
	{"a device that may come later", "net:eth7=0", "block:vda", "2-3"},
	{"a node that this machine does not have: nobody knows", "block:vda=9", "block:vda", ""},
};

START_TEST(test_place)
{
	char cpus[64];

	ck_assert_msg(!open_hal(places[_i].text, NULL), "%s: %s", places[_i].why, err);
	dam_cpuset_format(&find(places[_i].engine)->local_cpus, cpus, sizeof(cpus));
	ck_assert_msg(!strcmp(cpus, places[_i].cpus), "%s: %s", places[_i].why, cpus);
}
END_TEST

static const struct {
	const char *why, *locality, *capacity, *line;
} refused[] = {
	{"no node", "block:vda", NULL, "DAM_LOCALITY: 'block:vda': not of the form DEVICE=NODE"},
	{"no device", "=1", NULL, "DAM_LOCALITY: '=1': not of the form DEVICE=NODE"},
	{"an empty part", "block:vda=1,,block:vdb=1", NULL, "DAM_LOCALITY: '': not of the form DEVICE=NODE"},
	{"not a number", "block:vda=x", NULL, "DAM_LOCALITY: 'block:vda=x': 'x' is no NUMA node; -1: next to all"},
	{"-1 is the only one below 0", "block:vda=-2", NULL,
	 "DAM_LOCALITY: 'block:vda=-2': '-2' is no NUMA node; -1: next to all"},
	{"an amount of nothing", NULL, "block:vda=r:", "DAM_CAPACITY: 'block:vda=r:': 'r:' is no amount of bytes above 0, "
	 "such as 800M or 1.5G"},
	{"one good part does not help the other", NULL, "block:vda=1G/ops:x",
	 "DAM_CAPACITY: 'block:vda=1G/ops:x': 'ops:x' is no amount of bytes above 0, such as 800M or 1.5G"},
	{"neither engine nor component", NULL, "0000:99:00.0=1G",
	 "DAM_CAPACITY: '0000:99:00.0=1G': '0000:99:00.0' is no engine; engines: block:nvme2n1, block:nvme2n2, "
	 "block:nvme3c3n1, block:vda, block:vdb"},
};

START_TEST(test_refused)
{
	ck_assert_msg(open_hal(refused[_i].locality, refused[_i].capacity) == -EINVAL, "%s", refused[_i].why);
	ck_assert_str_eq(err, refused[_i].line);
}
END_TEST

START_TEST(test_capacity)
{
	const struct dam_hal_component *list;
	const struct dam_hal_capacity *c;
	unsigned int nr, i = 0;

	ck_assert_msg(!open_hal(NULL, "block:vda=r:2K/w:1K/ops:3K,0000:20:01.0=4K"), "%s", err);
	c = &find("block:vda")->capacity;
	ck_assert(c->source == DAM_CAPACITY_GIVEN && !c->bps && c->read_bps == 2048 && c->write_bps == 1024 &&
		  c->ops == 3072);
	list = dam_hal_components(hal, &nr);
	while (i < nr && strcmp(list[i].name, "0000:20:01.0"))
		i++;
	ck_assert_uint_lt(i, nr);
	ck_assert(list[i].kind == DAM_COMPONENT_BRIDGE && list[i].capacity.source == DAM_CAPACITY_GIVEN &&
		  list[i].capacity.bps == 4096);
}
END_TEST

static const struct {
	const char *why, *speed, *width;
	uint64_t bps; /* one direction */
} links[] = {
	{"four lanes of the fourth generation", "16.0 GT/s PCIe", "4", 7876923076},
	{"as older kernels write it", "8 GT/s", "1", 984615384},
	{"the first generation", "2.5 GT/s PCIe", "16", 4000000000},
	{"a link that is down", "Unknown", "0", 0},
	{"a width that no link has", "16.0 GT/s PCIe", "255", 0},
	{"a speed of the future", "128.0 GT/s PCIe", "4", 0},
	{"16 is not 1", "1 GT/s", "4", 0},
};

START_TEST(test_link)
{
	const struct dam_hal_component *list;
	unsigned int nr, i = 0;

	hal_tree_put(&tree, "/sys/devices/pci0000:00/0000:00:02.0/current_link_speed", "%s", links[_i].speed);
	hal_tree_put(&tree, "/sys/devices/pci0000:00/0000:00:02.0/current_link_width", "%s", links[_i].width);
	ck_assert(!open_hal(NULL, NULL));
	list = dam_hal_components(hal, &nr);
	while (i < nr && strcmp(list[i].name, "0000:00:02.0"))
		i++;
	ck_assert_uint_lt(i, nr);
	ck_assert_msg(list[i].capacity.read_bps == links[_i].bps && list[i].capacity.write_bps == links[_i].bps &&
		      list[i].capacity.bps == 2 * links[_i].bps, "%s: %llu", links[_i].why,
		      (unsigned long long)list[i].capacity.read_bps);
}
END_TEST

#define PMU "/sys/bus/event_source/devices/p"

static const struct {
	const char *why, *terms;
	int ret;
	uint64_t config, config1;
} events[] = {
	{"one term", "event=0x1f", 0, 0x1f, 0},
	{"bits apart: 8 low ones, the others from 32 on", "event=0x81f", 0, 0x80000001f, 0},
	{"several, in decimal too", "event=1,umask=254,wq=3", 0, 0xfe01, 3},
	{"nothing", "", 0, 0, 0},
	{"too large for its bits", "umask=0x100", -EINVAL, 0, 0},
	{"a term that has no format", "edge=1", -EINVAL, 0, 0},
	{"a path", "../type=1", -EINVAL, 0, 0},
	{"no value", "event", -EINVAL, 0, 0},
	{"no number", "event=x", -EINVAL, 0, 0},
	{"a format that is none", "bad=1", -EINVAL, 0, 0},
	{"bits that a word does not have", "far=1", -EINVAL, 0, 0},
};

START_TEST(test_event)
{
	uint64_t config[3];

	hal_tree_put(&tree, PMU "/format/event", "config:0-7,32-37");
	hal_tree_put(&tree, PMU "/format/umask", "config:8-15");
	hal_tree_put(&tree, PMU "/format/wq", "config1:0-31");
	hal_tree_put(&tree, PMU "/format/bad", "config:x");
	hal_tree_put(&tree, PMU "/format/far", "config:60-70");
	ck_assert_msg(dam_pmu_encode(tree.root, PMU, events[_i].terms, config) == events[_i].ret, "%s", events[_i].why);
	if (!events[_i].ret)
		ck_assert_msg(config[0] == events[_i].config && config[1] == events[_i].config1 && !config[2], "%s",
			      events[_i].why);
}
END_TEST

#define NR(a) (sizeof(a) / sizeof((a)[0]))

int main(void)
{
	Suite *s = suite_create("hal_told");
	TCase *t = tcase_create("core");

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, test_place, 0, NR(places));
	tcase_add_loop_test(t, test_refused, 0, NR(refused));
	tcase_add_test(t, test_capacity);
	tcase_add_loop_test(t, test_link, 0, NR(links));
	tcase_add_loop_test(t, test_event, 0, NR(events));
	return run_suite(s);
}
