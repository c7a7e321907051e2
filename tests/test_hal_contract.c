/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What every backend in the list promises, on this machine: a new one is tested the day it is
 * added. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "hal/hal.h"
#include "hal/internal.h"
#include "tests/suite.h"

static struct dam_hal *hal;

static void setup(void)
{
	/* one simulated engine, so that a machine without any still has one to sample */
	struct dam_hal_config cfg = {.root = "", .sim = "engine e capacity=1M"};
	char err[256];

	unsetenv("HWLOC_SYNTHETIC");
	unsetenv("HWLOC_XMLFILE");
	ck_assert_msg(!dam_hal_open(&cfg, err, sizeof(err), &hal), "%s", err);
}

static void teardown(void)
{
	dam_hal_close(hal);
}

START_TEST(test_list)
{
	const struct dam_hal_backend *const *list = dam_hal_backends();

	ck_assert_ptr_nonnull(list[0]);
	for (size_t i = 0; list[i]; i++) {
		ck_assert(list[i]->name && list[i]->name[0] && !strchr(list[i]->name, ':'));
		ck_assert_ptr_nonnull(list[i]->scan);
		ck_assert_ptr_nonnull(list[i]->sample);
		for (size_t j = 0; j < i; j++)
			ck_assert_str_ne(list[i]->name, list[j]->name);
	}
}
END_TEST

static void check_engine(const struct dam_hal_engine *e)
{
	size_t kind = strlen(e->backend->name);

	ck_assert(!strncmp(e->name, e->backend->name, kind) && e->name[kind] == ':' &&
		  e->name[kind + 1]);
	ck_assert(memchr(e->name, '\0', sizeof(e->name)) &&
		  memchr(e->component, '\0', sizeof(e->component)));
	ck_assert_uint_gt(e->base_latency_ns, 0);
	ck_assert_int_eq(e->capacity.bps == 0, e->capacity.source == DAM_CAPACITY_UNKNOWN);
	if (e->pool != DAM_HAL_NONE)
		ck_assert_int_eq(dam_hal_target(hal, (unsigned int)e->pool)->kind, DAM_TARGET_POOL);
}

static void check_monotonic(const struct dam_hal_counters *a, const struct dam_hal_counters *b)
{
	ck_assert_uint_eq(a->have, b->have);
	ck_assert(a->have & DAM_HAVE_BYTES || !(a->read_bytes | a->write_bytes));
	ck_assert(a->have & DAM_HAVE_OPS || !(a->read_ops | a->write_ops));
	ck_assert(b->read_bytes >= a->read_bytes && b->write_bytes >= a->write_bytes);
	ck_assert(b->read_ops >= a->read_ops && b->write_ops >= a->write_ops);
	ck_assert(b->busy_ns >= a->busy_ns && b->wait_ns >= a->wait_ns);
}

START_TEST(test_engines)
{
	unsigned int sampled = 0;

	for (unsigned int i = 0; i < dam_hal_nr_targets(hal); i++) {
		struct dam_hal_engine *e = &dam_hal_target(hal, i)->engine;
		struct dam_hal_counters a, b;
		int ret;

		if (dam_hal_target(hal, i)->kind != DAM_TARGET_ENGINE)
			continue;
		ck_assert_int_eq(dam_hal_find(hal, e->name), (int)i);
		check_engine(e);
		ret = dam_hal_sample(e, &a);
		dam_hal_feed(e, 4096, 1, true);
		if (!ret)
			ret = dam_hal_sample(e, &b);
		ck_assert_msg(!ret || ret == -EAGAIN || ret == -ENODEV, "%s: %d", e->name, ret);
		if (ret)
			continue;
		check_monotonic(&a, &b);
		if (e->simulated)
			ck_assert_uint_eq(b.write_bytes, a.write_bytes + 4096);
		sampled++;
	}
	ck_assert_uint_ge(sampled, 1);
	dam_hal_refresh(hal);
}
END_TEST

static int target_of(uint64_t dev)
{
	unsigned int nr;
	const struct dam_hal_dev *d = dam_hal_devs(hal, &nr);

	for (unsigned int i = 0; i < nr; i++)
		if (d[i].dev == dev && d[i].type == DAM_HAL_DEV_BLOCK)
			return d[i].target;
	return DAM_HAL_NONE;
}

/* The kernel's other list, /proc/diskstats: every disk of hardware is an engine here and its
 * counters agree. */
START_TEST(test_disks)
{
	unsigned int major, minor;
	char line[512], name[64], path[128];
	FILE *f = fopen("/proc/diskstats", "r");

	while (f && fgets(line, sizeof(line), f)) {
		unsigned long long rd_ops, rd_sectors;
		struct dam_hal_counters c;
		struct dam_hal_target *t;
		int i;

		if (sscanf(line, "%u %u %63s %llu %*u %llu", &major, &minor, name, &rd_ops,
			   &rd_sectors) != 5)
			continue;
		snprintf(path, sizeof(path), "/sys/block/%s/device", name);
		if (access(path, F_OK) || !rd_sectors)
			continue; /* a partition, a stack, an empty drive */
		i = target_of(makedev(major, minor));
		ck_assert_msg(i != DAM_HAL_NONE, "%s is not found", name);
		t = dam_hal_target(hal, (unsigned int)i);
		if (t->kind != DAM_TARGET_ENGINE || strcmp(t->engine.name + strlen("block:"), name))
			continue; /* a multipath head: its paths count */
		ck_assert_int_eq(dam_hal_sample(&t->engine, &c), 0);
		ck_assert_uint_ge(c.read_bytes, rd_sectors * 512);
		ck_assert_uint_ge(c.read_ops, rd_ops);
	}
	if (f)
		fclose(f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hal_contract");
	TCase *tc = tcase_create("this machine");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_list);
	tcase_add_test(tc, test_engines);
	tcase_add_test(tc, test_disks);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
