/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The net backend on small trees: which interfaces are engines, their counters, their end. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hal/hal.h"
#include "tests/hal_tree.h"
#include "tests/suite.h"

#define PORT "/sys/devices/pci0000:00/0000:41:00.0/net/"

static struct hal_tree tree;
static struct dam_hal *hal;

static void put_counters(const char *dir, const char *rx_bytes)
{
	static const char *const names[] = {"rx_bytes", "rx_packets", "tx_bytes", "tx_packets"};
	const char *const values[] = {rx_bytes, "7\n", "2000\n", "20\n"};
	char path[256];

	for (int i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/statistics/%s", dir, names[i]);
		hal_tree_put(&tree, path, "%s", values[i]);
	}
}

static void put_interface(const char *dir, const char *name, bool device)
{
	char path[256], link[300], to[300];

	snprintf(path, sizeof(path), "%s%s", dir, name);
	put_counters(path, "1000\n");
	snprintf(link, sizeof(link), "/sys/class/net/%s", name);
	snprintf(to, sizeof(to), "../..%s", path + strlen("/sys"));
	hal_tree_link(&tree, link, to);
	snprintf(link, sizeof(link), "%s/device", path);
	if (device)
		hal_tree_link(&tree, link, "../..");
}

static void setup(void)
{
	hal_tree_open(&tree);
	hal_tree_pci(&tree, "pci0000:00/0000:41:00.0", 1, "2-3");
	put_interface(PORT, "eth0", true);
	put_interface(PORT, "eth1", true);
	put_interface("/sys/devices/virtual/net/", "lo", false);
	put_interface("/sys/devices/virtual/net/", "bond0", false);
}

static void open_hal(void)
{
	struct dam_hal_config cfg = {.root = tree.root};
	char err[256];

	ck_assert_msg(!dam_hal_open(&cfg, err, sizeof(err), &hal), "%s", err);
}

static void teardown(void)
{
	dam_hal_close(hal);
	hal = NULL;
	hal_tree_close(&tree);
}

START_TEST(test_engines)
{
	char buf[4096];

	hal_tree_put(&tree, PORT "eth2/statistics/rx_bytes", "1\n"); /* the others are missing */
	hal_tree_link(&tree, PORT "eth2/device", "../..");
	hal_tree_link(&tree, "/sys/class/net/eth2",
		      "../../devices/pci0000:00/0000:41:00.0/net/eth2");
	open_hal();
	ck_assert_str_eq(hal_tree_dump(hal, buf, sizeof(buf)),
			 "net:eth0 pci=0000:41:00.0 cpus=2-3 pool=- us=20 depth=0\n"
			 "net:eth1 pci=0000:41:00.0 cpus=2-3 pool=- us=20 depth=0\n");
	/* nobody may set the devices of this machine because of a recorded tree */
	ck_assert_str_eq(dam_hal_target(hal, 0)->engine.moderator, "");
}
END_TEST

START_TEST(test_counters)
{
	struct dam_hal_counters c;
	struct dam_hal_engine *e;

	open_hal();
	e = &dam_hal_target(hal, 0)->engine;
	ck_assert_int_eq(dam_hal_sample(e, &c), 0);
	ck_assert_uint_eq(c.have, DAM_HAVE_BYTES | DAM_HAVE_OPS);
	ck_assert_uint_eq(c.read_bytes, 1000);
	ck_assert_uint_eq(c.read_ops, 7);
	ck_assert_uint_eq(c.write_bytes, 2000);
	ck_assert_uint_eq(c.write_ops, 20);
}
END_TEST

START_TEST(test_damage)
{
	static const char *const texts[] = {"", "-1\n", "x\n", "99999999999999999999\n", "1 2\n"};
	struct dam_hal_counters c;

	open_hal();
	put_counters(PORT "eth0", texts[_i]);
	ck_assert_int_eq(dam_hal_sample(&dam_hal_target(hal, 0)->engine, &c), -EAGAIN);
	put_counters(PORT "eth0", "5\n");
	ck_assert_int_eq(dam_hal_sample(&dam_hal_target(hal, 0)->engine, &c), 0);
	ck_assert_uint_eq(c.read_bytes, 5);
}
END_TEST

#define QUEUES 20

static void put_inflight(unsigned int bytes)
{
	char path[256];

	for (int i = 0; i < QUEUES; i++) {
		snprintf(path, sizeof(path), PORT "eth0/queues/tx-%d/byte_queue_limits/inflight", i);
		hal_tree_put(&tree, path, "%u\n", bytes);
	}
}

/* Some queues at each sample, but none is left out, nor told of before it has been read. */
START_TEST(test_inflight)
{
	struct dam_hal_engine *e;
	struct dam_hal_counters c;
	int samples = 0;

	put_inflight(10);
	open_hal();
	e = &dam_hal_target(hal, 0)->engine;
	ck_assert_int_eq(dam_hal_sample(e, &c), 0);
	ck_assert_uint_eq(c.have & DAM_HAVE_INFLIGHT_BYTES, DAM_HAVE_INFLIGHT_BYTES);
	ck_assert_uint_eq(c.inflight_bytes, QUEUES * 10);
	put_inflight(1000);
	do {
		ck_assert_int_eq(dam_hal_sample(e, &c), 0);
		samples++;
	} while (c.inflight_bytes != QUEUES * 1000 && samples < QUEUES);
	ck_assert_uint_eq(c.inflight_bytes, QUEUES * 1000);
	ck_assert_int_gt(samples, 1);
	put_inflight(0);
	while (samples--)
		ck_assert_int_eq(dam_hal_sample(e, &c), 0);
	ck_assert_uint_eq(c.inflight_bytes, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hal_net");
	TCase *t = tcase_create("core");

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_engines);
	tcase_add_test(t, test_counters);
	tcase_add_loop_test(t, test_damage, 0, 5);
	tcase_add_test(t, test_inflight);
	return run_suite(s);
}
