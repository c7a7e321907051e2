/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The drm backend: engine time in the fdinfo of clients, and of the GPU they share. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "hal/drm_fdinfo.h"
#include "hal/hal.h"
#include "tests/hal_tree.h"
#include "tests/suite.h"

#define GPU "/sys/devices/pci0000:00/0000:00:02.0"

static const struct {
	const char *why, *text;
	bool ok;
	struct dam_drm_client c;
} texts[] = {
	{"i915", "pos:\t0\ndrm-driver:\ti915\ndrm-pdev:\t0000:00:02.0\ndrm-client-id:\t7\ndrm-engine-render:\t90 ns\n"
	 "drm-engine-copy:\t20 ns\ndrm-engine-capacity-copy:\t2\n", true, {"0000:00:02.0", 7, 20, 110, 2, 0, 0}},
	{"amdgpu calls its copy engines dma", "drm-pdev: 0000:03:00.0\ndrm-client-id: 1\ndrm-engine-dma: 5 ns\n", true,
	 {"0000:03:00.0", 1, 5, 5, 0, 0, 0}},
	{"xe counts cycles", "drm-pdev:\t0000:04:00.0\ndrm-client-id:\t2\ndrm-cycles-bcs:\t10\ndrm-total-cycles-bcs:\t80\n",
	 true, {"0000:04:00.0", 2, 0, 0, 0, 10, 80}},
	{"a GPU on a chip has no address", "drm-client-id:\t2\ndrm-engine-copy:\t1 ns\n", true, {"", 2, 1, 1, 0, 0, 0}},
	{"a driver that tells no time", "drm-driver:\tast\ndrm-client-id:\t2\n", false, {.id = 0}},
	{"a pipe", "pos:\t0\nflags:\t0100002\nmnt_id:\t25\n", false, {.id = 0}},
	{"a number that is none", "drm-engine-copy:\tmuch ns\n", true, {"", 0, 0, 0, 0, 0, 0}},
	{"cut off", "drm-engine-cop", false, {.id = 0}},
	{"empty", "", false, {.id = 0}},
};

START_TEST(test_parse)
{
	struct dam_drm_client c = {.id = 0};
	char text[512];

	snprintf(text, sizeof(text), "%s", texts[_i].text);
	ck_assert_msg(dam_drm_parse(text, &c) == texts[_i].ok, "%s", texts[_i].why);
	ck_assert_msg(!strcmp(c.pdev, texts[_i].c.pdev) && c.id == texts[_i].c.id &&
		      c.copy_ns == texts[_i].c.copy_ns && c.all_ns == texts[_i].c.all_ns &&
		      c.copy_engines == texts[_i].c.copy_engines && c.copy_cycles == texts[_i].c.copy_cycles && c.total_cycles == texts[_i].c.total_cycles,
		      "%s", texts[_i].why);
}
END_TEST

static struct hal_tree tree;

static void setup(void)
{
	hal_tree_open(&tree);
	hal_tree_pci(&tree, "pci0000:00/0000:00:02.0", 0, "0-1");
	hal_tree_link(&tree, GPU "/driver", "../../../bus/pci/drivers/i915");
	hal_tree_link(&tree, GPU "/drm/card0/device", "../..");
	hal_tree_link(&tree, "/sys/class/drm/card0", "../../devices/pci0000:00/0000:00:02.0/drm/card0");
}

static void teardown(void)
{
	hal_tree_close(&tree);
}

static void client(int pid, int fd, int id, unsigned int copy_ns)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
	hal_tree_put(&tree, path, "drm-pdev:\t0000:00:02.0\ndrm-client-id:\t%d\ndrm-engine-copy:\t%u ns", id, copy_ns);
}

START_TEST(test_process)
{
	struct dam_drm_client c[4];

	client(10, 3, 1, 100);
	client(10, 4, 1, 100); /* the same, duplicated */
	client(10, 5, 2, 50);
	hal_tree_put(&tree, "/proc/10/fdinfo/0", "pos:\t0");
	ck_assert_int_eq(dam_drm_process(tree.root, 10, c, 4), 2);
	ck_assert_uint_eq(c[0].copy_ns + c[1].copy_ns, 150);
	ck_assert_int_eq(dam_drm_process(tree.root, 10, c, 1), 1);
	ck_assert_int_eq(dam_drm_process(tree.root, 11, c, 4), -ENOENT);
}
END_TEST

/* Sample until a round through all processes has ended; the driver is asked twice a second at most. */
static uint64_t busy_ns(struct dam_hal *hal)
{
	struct dam_hal_counters c = {.have = 0};

	while (dam_hal_sample(&dam_hal_target(hal, 0)->engine, &c) == -EAGAIN)
		usleep(1000);
	ck_assert_uint_eq(c.have, DAM_HAVE_BUSY);
	return c.busy_ns;
}

START_TEST(test_engine)
{
	struct dam_hal_config cfg = {.root = tree.root};
	struct dam_hal *hal;
	char err[256];

	client(10, 3, 1, 1000);
	ck_assert(!dam_hal_open(&cfg, err, sizeof(err), &hal));
	ck_assert_str_eq(dam_hal_target(hal, 0)->engine.name, "drm:0000:00:02.0/copy");
	ck_assert_uint_eq(busy_ns(hal), 0); /* what it did before nobody saw */
	client(10, 3, 1, 1500);
	client(11, 3, 2, 700);
	ck_assert_uint_eq(busy_ns(hal), 500);
	client(11, 3, 2, 800);
	ck_assert_uint_eq(busy_ns(hal), 600);
	hal_tree_put(&tree, "/proc/10/fdinfo/3", "pos:\t0"); /* its client ends: nothing is taken back */
	ck_assert_uint_eq(busy_ns(hal), 600);
	dam_hal_close(hal);
}
END_TEST

static void cycles(unsigned int engines, unsigned int copy, unsigned int total)
{
	hal_tree_put(&tree, "/proc/10/fdinfo/3", "drm-pdev:\t0000:00:02.0\ndrm-client-id:\t1\ndrm-cycles-bcs:\t%u\n"
		     "drm-total-cycles-bcs:\t%u\ndrm-engine-capacity-bcs:\t%u", copy, total, engines);
}

/* What share of the time a GPU that counts cycles was busy; the clock is the driver's, the time ours. */
static const struct {
	const char *why;
	unsigned int engines, copy, total, least_percent, most_percent;
} clocks[] = {
	{"one engine, half the time", 1, 500, 1000, 49, 50},
	{"two engines, the cycles of both are added: more than the clock's", 2, 1600, 1000, 79, 80},
	{"eight engines, one of them busy", 8, 1000, 1000, 12, 13},
	{"counters that are read one after the other: a little above all", 1, 1001, 1000, 99, 100},
	{"nothing done", 2, 0, 1000, 0, 0},
};

START_TEST(test_cycles)
{
	struct dam_hal_config cfg = {.root = tree.root};
	uint64_t first, second, busy, before, after;
	struct dam_hal *hal;
	char err[256];

	cycles(clocks[_i].engines, 7, 7);
	ck_assert(!dam_hal_open(&cfg, err, sizeof(err), &hal));
	first = dam_now_ns();
	busy_ns(hal);
	before = dam_now_ns();
	cycles(clocks[_i].engines, 7 + clocks[_i].copy, 7 + clocks[_i].total);
	second = dam_now_ns();
	busy = busy_ns(hal);
	after = dam_now_ns();
	/* between two looks: the first began between first and before, the other between second and after */
	ck_assert_msg(busy <= (after - first) * clocks[_i].most_percent / 100 &&
		      busy >= (second - before) * clocks[_i].least_percent / 100, "%s: %lu of %lu ns", clocks[_i].why,
		      (unsigned long)busy, (unsigned long)(after - first));
	dam_hal_close(hal);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hal_drm");
	TCase *t = tcase_create("core");

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, test_parse, 0, sizeof(texts) / sizeof(texts[0]));
	tcase_add_test(t, test_process);
	tcase_add_test(t, test_engine);
	tcase_add_loop_test(t, test_cycles, 0, sizeof(clocks) / sizeof(clocks[0]));
	return run_suite(s);
}
