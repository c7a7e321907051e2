/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The block backend on small trees: engines, pools, device numbers, counters, changes at run time.
 */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal/hal.h"
#include "hal/sysfs.h"
#include "tests/hal_tree.h"
#include "tests/suite.h"

#define VIRTIO                                                          \
	"block:vda pci=0000:00:02.0 cpus=2-3 pool=- us=200 depth=256\n" \
	"block:vdb pci=0000:00:03.0 cpus=? pool=- us=200 depth=256\n"
#define PATHS                                                                             \
	"block:nvme1c0n1 pci=0000:41:00.0 cpus=0-1 pool=block:nvme1n1 us=100 depth=256\n" \
	"block:nvme1c1n1 pci=0000:81:00.0 cpus=2-3 pool=block:nvme1n1 us=100 depth=256\n"
#define POOL "pool block:nvme1n1 by-cpu 0:block:nvme1c0n1 1:block:nvme1c1n1\n"
#define STACK_DEVS                    \
	"b 252:0 block:vda 512\n"     \
	"b 252:2 block:vda 512\n"     \
	"b 9:0 block:nvme1n1 512\n"   \
	"b 259:1 block:nvme1n1 512\n" \
	"b 259:2 block:nvme1n1 512\n" \
	"b 259:3 block:nvme1n1 512\n" \
	"b 254:0 block:vda 512\n"     \
	"b 254:1 block:vda 512\n"     \
	"b 254:16 block:vdb 512\n"
#define POOL_CHARS                      \
	"c 242:0 block:nvme1n1 512\n"   \
	"c 241:0 block:nvme1c0n1 512\n" \
	"c 241:1 block:nvme1c1n1 512\n"

static const struct {
	const char *why;
	void (*build)(struct hal_tree *t);
	const char *want;
} rows[] = {
	{"virtio: locality from the PCI parent; node -1 is unknown, not node 0", hal_tree_virtio,
	 VIRTIO "b 254:0 block:vda 512\n"
		"b 254:1 block:vda 512\n"
		"b 254:16 block:vdb 512\n"},
	{"nvme: two namespaces share a controller, so nvme2 is ambiguous; a head with one path is "
	 "its path",
	 hal_tree_nvme,
	 "block:nvme2n1 pci=0000:21:00.0 cpus=0-1 pool=- us=100 depth=512\n"
	 "block:nvme2n2 pci=0000:21:00.0 cpus=0-1 pool=- us=100 depth=256\n"
	 "block:nvme3c3n1 pci=0000:22:00.0 cpus=2-3 pool=- us=100 depth=256\n"
	 "b 259:8 block:nvme2n1 512\n"
	 "b 259:9 block:nvme2n2 4096\n"
	 "b 259:10 block:nvme3c3n1 512\n"
	 "c 242:2 block:nvme2n2 4096\n"
	 "c 241:3 block:nvme3c3n1 512\n"},
	{"multipath: the head is a pool that maps CPUs to the paths of their node",
	 hal_tree_multipath,
	 PATHS POOL "b 259:1 block:nvme1n1 512\n"
		    "b 259:2 block:nvme1n1 512\n"
		    "b 259:3 block:nvme1n1 512\n" POOL_CHARS},
	{"stacks: one leaf leads to it, two lead nowhere, two parts of one pool lead to the pool",
	 hal_tree_stacks, PATHS VIRTIO POOL STACK_DEVS POOL_CHARS},
	{"sata: rotational; sg and bsg nodes lead to the disk, an enclosure's nowhere",
	 hal_tree_scsi,
	 "block:sda pci=0000:00:1f.2 cpus=0-1 pool=- us=8000 depth=256\n"
	 "b 8:0 block:sda 512\n"
	 "c 21:0 block:sda 512\n"
	 "c 250:0 block:sda 512\n"},
	{"memory: loop with a file only; ram and zram never", hal_tree_memory,
	 "block:loop0 pci=- cpus=? pool=- us=500 depth=256\n"
	 "b 7:0 block:loop0 512\n"},
	{"btrfs: its own number leads to its disk; to none when it has two; ext4 needs no entry",
	 hal_tree_btrfs,
	 PATHS VIRTIO POOL STACK_DEVS "b 0:40 block:vda 512\nb 0:42 block:vda 512\n" POOL_CHARS},
};
#define NR_ROWS ((int)(sizeof(rows) / sizeof(rows[0])))

static struct hal_tree tree;

static void setup(void)
{
	setenv("HWLOC_SYNTHETIC", "node:2 pu:2", 1);
	hal_tree_open(&tree);
}

static void teardown(void)
{
	hal_tree_close(&tree);
}

static struct dam_hal *open_tree(void)
{
	struct dam_hal_config cfg = {.root = tree.root};
	struct dam_hal *hal = NULL;
	char err[256];

	ck_assert_int_eq(dam_hal_open(&cfg, err, sizeof(err), &hal), 0);
	return hal;
}

START_TEST(test_tree)
{
	struct dam_hal *hal;
	char text[8192];

	rows[_i].build(&tree);
	hal = open_tree();
	hal_tree_dump(hal, text, sizeof(text));
	ck_assert_msg(!strcmp(text, rows[_i].want), "%s:\n%s--- instead of\n%s", rows[_i].why, text,
		      rows[_i].want);
	dam_hal_close(hal);
}
END_TEST

/* What sysfs says at run time, and the pool that follows from it. */
static const struct {
	const char *why, *file, *text, *want;
} changes[] = {
	{"round-robin: the CPU does not choose", "/sys/class/nvme-subsystem/nvme-subsys1/iopolicy",
	 "round-robin", "pool block:nvme1n1 not-by-cpu\n"},
	{"numa again", "/sys/class/nvme-subsystem/nvme-subsys1/iopolicy", "numa", POOL},
	{"an inaccessible path is not used", "/sys/class/block/nvme1c0n1/ana_state", "inaccessible",
	 "pool block:nvme1n1 by-cpu 0:block:nvme1c1n1 1:block:nvme1c1n1\n"},
	{"an optimized path beats a nearer one that is not", "/sys/class/block/nvme1c0n1/ana_state",
	 "non-optimized", "pool block:nvme1n1 by-cpu 0:block:nvme1c1n1 1:block:nvme1c1n1\n"},
	{"equal states: distance decides", "/sys/class/block/nvme1c1n1/ana_state", "non-optimized",
	 POOL},
	{"a farther one that is optimized beats it too, whatever their order",
	 "/sys/class/block/nvme1c0n1/ana_state", "optimized",
	 "pool block:nvme1n1 by-cpu 0:block:nvme1c0n1 1:block:nvme1c0n1\n"},
	{"equal states again", "/sys/class/block/nvme1c1n1/ana_state", "optimized", POOL},
	{"a controller that resets carries nothing", "/sys/class/nvme/nvme1/state", "resetting",
	 "pool block:nvme1n1 by-cpu 0:block:nvme1c0n1 1:block:nvme1c0n1\n"},
	{"both gone: no path", "/sys/class/nvme/nvme0/state", "dead",
	 "pool block:nvme1n1 by-cpu 0:- 1:-\n"},
	{"back", "/sys/class/nvme/nvme0/state", "live",
	 "pool block:nvme1n1 by-cpu 0:block:nvme1c0n1 1:block:nvme1c0n1\n"},
	{"back", "/sys/class/nvme/nvme1/state", "live", POOL},
	{"a controller without a node counts as local everywhere; the first of equals wins",
	 "/sys/class/nvme/nvme0/numa_node", "-1",
	 "pool block:nvme1n1 by-cpu 0:block:nvme1c0n1 1:block:nvme1c0n1\n"},
	{"damage is not numa", "/sys/class/nvme-subsystem/nvme-subsys1/iopolicy", "",
	 "pool block:nvme1n1 not-by-cpu\n"},
};

START_TEST(test_refresh)
{
	struct dam_hal *hal;
	char text[8192];

	hal_tree_multipath(&tree);
	hal = open_tree();
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		hal_tree_put(&tree, changes[i].file, "%s", changes[i].text);
		dam_hal_refresh(hal);
		ck_assert_msg(strstr(hal_tree_dump(hal, text, sizeof(text)), changes[i].want),
			      "%s:\n%s", changes[i].why, text);
	}
	dam_hal_close(hal);
}
END_TEST

static const struct {
	const char *why, *stat;
	int ret;
	uint64_t read_bytes, write_bytes, wait_ns, inflight;
} samples[] = {
	{"17 fields", "10 1 80 5 20 2 320 7 3 11 12 100 100 100 100 2 50", 0, 80 * 512, 320 * 512,
	 12000000, 3},
	{"11 fields of an old kernel", "   10  1  80  5  20  2  320  7  3  11  12", 0, 80 * 512,
	 320 * 512, 12000000, 3},
	{"fields of a newer one", "1 1 8 5 2 2 16 7 0 11 12 0 0 0 0 2 1 9 9 9", 0, 4096, 8192,
	 12000000, 0},
	{"cut off", "10 0 80 5 20 0 320", -EAGAIN, 0, 0, 0, 0},
	{"empty", "", -EAGAIN, 0, 0, 0, 0},
	{"not a number", "10 0 x 5 20 0 320 7 3 11 12", -EAGAIN, 0, 0, 0, 0},
	{"negative", "10 0 -80 5 20 0 320 7 3 11 12", -EAGAIN, 0, 0, 0, 0},
	{"beyond 64 bits", "10 0 99999999999999999999 5 20 0 320 7 3 11 12", -EAGAIN, 0, 0, 0, 0},
};

START_TEST(test_sample)
{
	struct dam_hal_counters c = {.read_bytes = 77};
	struct dam_hal *hal;
	int i, ret;

	hal_tree_virtio(&tree);
	hal = open_tree();
	i = dam_hal_find(hal, "block:vda");
	ck_assert_int_ge(i, 0);
	hal_tree_put(&tree, "/sys/class/block/vda/stat", "%s", samples[_i].stat);
	ret = dam_hal_sample(&dam_hal_target(hal, (unsigned int)i)->engine, &c);
	ck_assert_msg(ret == samples[_i].ret, "%s: %d", samples[_i].why, ret);
	if (ret) {
		ck_assert_uint_eq(c.read_bytes, 77); /* not written */
	} else {
		ck_assert_msg(c.read_bytes == samples[_i].read_bytes &&
				      c.write_bytes == samples[_i].write_bytes &&
				      c.wait_ns == samples[_i].wait_ns &&
				      c.inflight == samples[_i].inflight,
			      "%s", samples[_i].why);
		ck_assert_uint_eq(c.busy_ns, 11000000);
	}
	dam_hal_close(hal);
}
END_TEST

/* Natural order keeps indices, and so the first of equals, the same on every start. */
START_TEST(test_order)
{
	struct dam_hal *hal;

	hal_tree_disk(&tree, "virtual/block/sdb", "8:16");
	hal_tree_disk(&tree, "virtual/block/nvme0n10", "259:10");
	hal_tree_disk(&tree, "virtual/block/nvme0n2", "259:2");
	hal_tree_disk(&tree, "virtual/block/sda", "8:0");
	hal = open_tree();
	ck_assert_int_eq(dam_hal_find(hal, "block:nvme0n2"), 0);
	ck_assert_int_eq(dam_hal_find(hal, "block:nvme0n10"), 1);
	ck_assert_int_eq(dam_hal_find(hal, "block:sda"), 2);
	ck_assert_int_eq(dam_hal_find(hal, "block:sdb"), 3);
	ck_assert_int_eq(dam_hal_find(hal, "block:sd"), DAM_HAL_NONE);
	dam_hal_close(hal);
}
END_TEST

/* Stacks on themselves, and on each other: a device mapper would never make them. */
START_TEST(test_loop)
{
	struct dam_hal *hal;
	unsigned int nr;

	for (int i = 0; i < 3; i++) {
		static const char *const dm[] = {"dm-0", "dm-1", "dm-2"}, *const on[] = {"dm-1",
											 "dm-0",
											 "dm-2"};
		char path[128];

		snprintf(path, sizeof(path), "virtual/block/%s", dm[i]);
		hal_tree_disk(&tree, path, "252:7");
		snprintf(path, sizeof(path), "/sys/devices/virtual/block/%s/slaves/%s", dm[i],
			 on[i]);
		hal_tree_link(&tree, path, ".");
	}
	hal = open_tree();
	dam_hal_devs(hal, &nr);
	ck_assert_uint_eq(nr, 0);
	dam_hal_close(hal);
}
END_TEST

/* More disks than there are targets: the first ones, and no error. */
START_TEST(test_many)
{
	struct dam_hal *hal;
	char where[64], dev[16];

	for (int i = 0; i < DAM_HAL_TARGETS + 5; i++) {
		snprintf(where, sizeof(where), "virtual/block/sd%d", i);
		snprintf(dev, sizeof(dev), "8:%d", i);
		hal_tree_disk(&tree, where, dev);
	}
	hal = open_tree();
	ck_assert_uint_eq(dam_hal_nr_targets(hal), DAM_HAL_TARGETS);
	dam_hal_close(hal);
}
END_TEST

START_TEST(test_no_sysfs)
{
	struct dam_hal *hal = open_tree();

	ck_assert_uint_eq(dam_hal_nr_targets(hal), 0);
	dam_hal_refresh(hal);
	dam_hal_close(hal);
	dam_hal_close(NULL);
}
END_TEST

/* A link that leads out of the tree is not followed: a recorded tree must not show this machine. */
START_TEST(test_escape)
{
	char out[DAM_SYSFS_PATH];
	struct dam_hal *hal;

	hal_tree_virtio(&tree);
	hal_tree_link(&tree, "/sys/class/block/vdc", "/etc");
	hal_tree_link(&tree, "/sys/class/block/vdd", "vdd");
	ck_assert_int_eq(dam_sysfs_real(out, tree.root, "/sys/class/block/vdc"), -EXDEV);
	ck_assert_int_eq(dam_sysfs_real(out, tree.root, "/sys/class/block/vdd"), -ELOOP);
	hal = open_tree();
	ck_assert_uint_eq(dam_hal_nr_targets(hal), 2);
	dam_hal_close(hal);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hal_block");
	TCase *tc = tcase_create("trees");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_tree, 0, NR_ROWS);
	tcase_add_test(tc, test_refresh);
	tcase_add_loop_test(tc, test_sample, 0, (int)(sizeof(samples) / sizeof(samples[0])));
	tcase_add_test(tc, test_order);
	tcase_add_test(tc, test_loop);
	tcase_add_test(tc, test_many);
	tcase_add_test(tc, test_no_sysfs);
	tcase_add_test(tc, test_escape);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
