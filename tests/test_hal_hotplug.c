/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Devices that come and go while a hal is open: indices, names, numbers, pools, descriptors. */
#include "config.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "hal/hal.h"
#include "tests/hal_tree.h"
#include "tests/suite.h"

#define PCI    "/sys/devices/pci0000:80/0000:80:00.0/0000:81:00.0"
#define DISK   "pci0000:00/0000:00:02.0/virtio1/block/vdc"
#define CYCLES 1100 /* more than the table has places */

static struct hal_tree tree;
static struct dam_hal *hal;

static void setup(void)
{
	struct dam_hal_config cfg = {.root = tree.root};
	char err[256];

	setenv("HWLOC_SYNTHETIC", "node:2 pu:2", 1);
	hal_tree_open(&tree);
	hal_tree_multipath(&tree);
	hal_tree_virtio(&tree);
	ck_assert_msg(!dam_hal_open(&cfg, err, sizeof(err), &hal), "%s", err);
}

static void teardown(void)
{
	dam_hal_close(hal);
	hal_tree_close(&tree);
}

static void remove_path(const char *path)
{
	char full[600];

	snprintf(full, sizeof(full), "%s%s", tree.root, path);
	scratch_remove(full);
}

static unsigned int descriptors(void)
{
	unsigned int nr = 0;
	DIR *d = opendir("/proc/self/fd");

	while (readdir(d))
		nr++;
	closedir(d);
	return nr;
}

static bool leads_to(unsigned int major, unsigned int minor, int target)
{
	const struct dam_hal_dev *d;
	unsigned int nr;

	d = dam_hal_devs(hal, &nr);
	for (unsigned int i = 0; i < nr; i++)
		if (d[i].dev == makedev(major, minor))
			return d[i].target == target;
	return target == DAM_HAL_NONE;
}

static struct dam_hal_engine *engine(int target)
{
	return &dam_hal_target(hal, (unsigned int)target)->engine;
}

START_TEST(test_queue_disabled)
{
	static const char *const queues[] = {"wq0.0", "wq0.1", "wq0.2"};
	char path[128];
	int pool;

	hal_tree_put(&tree, "/sys/bus/dsa/devices/dsa0/numa_node", "0\n");
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "/sys/bus/dsa/devices/%s/type", queues[i]);
		hal_tree_put(&tree, path, "user\n");
		snprintf(path, sizeof(path), "/sys/bus/dsa/devices/%s/state", queues[i]);
		hal_tree_put(&tree, path, "enabled\n");
	}
	ck_assert_int_eq(dam_hal_rescan(hal), 1);
	pool = dam_hal_find(hal, "idxd:dsa");
	ck_assert_int_ge(pool, 0);
	ck_assert_int_eq(dam_hal_target(hal, (unsigned int)pool)->pool.engine_of_domain[0],
			 dam_hal_find(hal, "idxd:wq0.0"));
	hal_tree_put(&tree, "/sys/bus/dsa/devices/wq0.0/state", "disabled\n");
	ck_assert_int_eq(dam_hal_rescan(hal), 1);
	ck_assert_int_eq(dam_hal_find(hal, "idxd:wq0.0"), DAM_HAL_NONE);
	ck_assert_int_eq(dam_hal_find(hal, "idxd:dsa"), pool);
	ck_assert_int_eq(dam_hal_target(hal, (unsigned int)pool)->pool.engine_of_domain[0],
			 dam_hal_find(hal, "idxd:wq0.1"));
}
END_TEST

START_TEST(test_nothing)
{
	unsigned int nr = dam_hal_nr_targets(hal), before = descriptors();

	ck_assert(!dam_hal_stir(hal));
	ck_assert_int_eq(dam_hal_rescan(hal), 0);
	ck_assert_uint_eq(dam_hal_nr_targets(hal), nr);
	ck_assert_uint_eq(descriptors(), before);
}
END_TEST

START_TEST(test_comes)
{
	int target;

	hal_tree_disk(&tree, DISK, "254:32");
	ck_assert(dam_hal_stir(hal));
	ck_assert_int_eq(dam_hal_rescan(hal), 1);
	ck_assert(!dam_hal_stir(hal));
	target = dam_hal_find(hal, "block:vdc");
	ck_assert_int_eq(target, (int)dam_hal_nr_targets(hal) - 1);
	ck_assert(leads_to(254, 32, target));
	ck_assert_int_eq(dam_hal_redirect(hal, target), target);
}
END_TEST

/* It goes, and another comes under its name and number: nothing of the first is left but its index. */
START_TEST(test_goes_and_comes_back)
{
	int first = dam_hal_find(hal, "block:vda"), again;
	struct dam_hal_counters c;

	remove_path("/sys/class/block/vda");
	remove_path("/sys/class/block/vda1");
	ck_assert(dam_hal_stir(hal));
	ck_assert_int_eq(dam_hal_rescan(hal), 1);
	ck_assert(engine(first)->gone);
	ck_assert_str_eq(engine(first)->name, "block:vda");
	ck_assert_int_eq(dam_hal_sample(engine(first), &c), -ENODEV);
	ck_assert_int_eq(engine(first)->track.state, DAM_COUNTERS_GONE);
	ck_assert_int_eq(dam_hal_find(hal, "block:vda"), DAM_HAL_NONE);
	ck_assert(leads_to(254, 0, DAM_HAL_NONE));
	ck_assert(leads_to(254, 1, DAM_HAL_NONE));
	hal_tree_disk(&tree, "pci0000:00/0000:00:02.0/virtio1/block/vda", "254:0");
	ck_assert_int_eq(dam_hal_rescan(hal), 1);
	again = dam_hal_find(hal, "block:vda");
	ck_assert_int_gt(again, first);
	ck_assert(leads_to(254, 0, again));
	ck_assert_int_eq(dam_hal_sample(engine(again), &c), 0);
	ck_assert(engine(first)->gone);
}
END_TEST

/* A path of a pool goes: what is left is no pool; it comes back: there is one again. */
START_TEST(test_path)
{
	int left = dam_hal_find(hal, "block:nvme1c0n1"), pool = dam_hal_find(hal, "block:nvme1n1"), again;

	ck_assert_int_eq(engine(left)->pool, pool);
	remove_path("/sys/class/block/nvme1c1n1");
	ck_assert_int_eq(dam_hal_rescan(hal), 1);
	ck_assert_int_eq(engine(left)->pool, DAM_HAL_NONE);
	ck_assert_int_eq(dam_hal_find(hal, "block:nvme1n1"), left);
	ck_assert(dam_hal_target(hal, (unsigned int)pool)->pool.gone);
	ck_assert_int_eq(dam_hal_target(hal, (unsigned int)pool)->pool.engine_of_domain[0], DAM_HAL_NONE);
	ck_assert(leads_to(259, 1, left));
	hal_tree_link(&tree, "/sys/class/block/nvme1c1n1", "../.." "/devices/pci0000:80/0000:80:00.0/0000:81:00.0"
		      "/nvme/nvme1/nvme1c1n1");
	ck_assert_int_eq(dam_hal_rescan(hal), 1);
	again = dam_hal_find(hal, "block:nvme1n1");
	ck_assert_int_gt(again, pool);
	ck_assert_int_eq(engine(left)->pool, again);
	ck_assert_int_eq(dam_hal_target(hal, (unsigned int)again)->pool.engine_of_domain[1],
			 dam_hal_find(hal, "block:nvme1c1n1"));
	ck_assert(leads_to(259, 1, again));
}
END_TEST

static void put_interface(const char *dir, const char *name)
{
	static const char *const counters[] = {"rx_bytes", "rx_packets", "tx_bytes", "tx_packets"};
	char path[256], to[256];

	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "/sys/devices/%s/net/%s/statistics/%s", dir, name, counters[i]);
		hal_tree_put(&tree, path, "1\n");
	}
	snprintf(path, sizeof(path), "/sys/class/net/%s", name);
	snprintf(to, sizeof(to), "../../devices/%s/net/%s", dir, name);
	hal_tree_link(&tree, path, to);
}

/* A bond that stays is the same pool at each look, and its ports are in it. */
START_TEST(test_bond)
{
	int pool;

	put_interface("pci0000:00/0000:41:00.0", "eth0");
	put_interface("pci0000:00/0000:41:00.0", "eth1");
	hal_tree_link(&tree, "/sys/devices/pci0000:00/0000:41:00.0/net/eth0/device", "../..");
	hal_tree_link(&tree, "/sys/devices/pci0000:00/0000:41:00.0/net/eth1/device", "../..");
	put_interface("virtual", "bond0");
	hal_tree_put(&tree, "/sys/devices/virtual/net/bond0/bonding/mode", "802.3ad 4\n");
	hal_tree_link(&tree, "/sys/devices/virtual/net/bond0/lower_eth0", "../../../pci0000:00/0000:41:00.0/net/eth0");
	hal_tree_link(&tree, "/sys/devices/virtual/net/bond0/lower_eth1", "../../../pci0000:00/0000:41:00.0/net/eth1");
	ck_assert_int_eq(dam_hal_rescan(hal), 1);
	pool = dam_hal_find(hal, "net:bond0");
	ck_assert_int_ne(pool, DAM_HAL_NONE);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(dam_hal_rescan(hal), 0);
		ck_assert_int_eq(dam_hal_find(hal, "net:bond0"), pool);
		ck_assert(!dam_hal_target(hal, (unsigned int)pool)->pool.gone);
		ck_assert_int_eq(engine(dam_hal_find(hal, "net:eth0"))->pool, pool);
		ck_assert_int_eq(engine(dam_hal_find(hal, "net:eth1"))->pool, pool);
	}
}
END_TEST

/* What a sample has found gone is another device when its name is there again. */
START_TEST(test_gone_by_sample)
{
	int first = dam_hal_find(hal, "block:vdb");

	engine(first)->gone = true;
	ck_assert_int_eq(dam_hal_rescan(hal), 1);
	ck_assert_int_gt(dam_hal_find(hal, "block:vdb"), first);
}
END_TEST

/* A disk that comes and goes for ever: descriptors do not pile up; a full table is no disaster. */
START_TEST(test_for_ever)
{
	unsigned int before = descriptors();

	for (int i = 0; i < CYCLES; i++) {
		hal_tree_disk(&tree, DISK, "254:32");
		ck_assert_int_ge(dam_hal_rescan(hal), 0);
		remove_path("/sys/class/block/vdc");
		ck_assert_int_ge(dam_hal_rescan(hal), 0);
	}
	ck_assert_uint_eq(descriptors(), before);
	ck_assert_uint_eq(dam_hal_nr_targets(hal), DAM_HAL_TARGETS);
	ck_assert_int_ne(dam_hal_find(hal, "block:vda"), DAM_HAL_NONE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hal_hotplug");
	TCase *t = tcase_create("core");

	suite_add_tcase(s, t);
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_nothing);
	tcase_add_test(t, test_queue_disabled);
	tcase_add_test(t, test_comes);
	tcase_add_test(t, test_goes_and_comes_back);
	tcase_add_test(t, test_path);
	tcase_add_test(t, test_bond);
	tcase_add_test(t, test_gone_by_sample);
	tcase_add_test(t, test_for_ever);
	return run_suite(s);
}
