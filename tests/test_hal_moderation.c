/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Interrupt moderation without a device: limits, names, and what every backend that offers it
 * keeps. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "hal/internal.h"
#include "hal/moderation.h"
#include "hal/nvme_coalesce.h"
#include "tests/suite.h"

static const struct dam_moderation_limits nvme = {0, 25500, 100, 1, 256},
					  net = {10, 10000, 1, 0, 512};

static const struct {
	const char *why;
	const struct dam_moderation_limits *limits;
	struct dam_moderation want, fits;
} rows[] = {
	{"what fits stays", &nvme, {300, 8, false}, {300, 8, false}},
	{"times are rounded to the device's unit", &nvme, {128, 8, false}, {100, 8, false}},
	{"half a unit is rounded up", &nvme, {50, 8, false}, {100, 8, false}},
	{"less than half a unit is none", &nvme, {49, 8, false}, {0, 8, false}},
	{"no more than the field holds", &nvme, {4000000000u, 4000, false}, {25500, 256, false}},
	{"at least one completion", &nvme, {0, 0, false}, {0, 1, false}},
	{"values below the least one are names of modes", &net, {1, 256, false}, {10, 256, false}},
	{"the largest time does not wrap", &net, {UINT32_MAX, 1, false}, {10000, 1, false}},
};

START_TEST(test_fit)
{
	struct dam_moderation m = rows[_i].want;

	dam_moderation_fit(rows[_i].limits, &m);
	ck_assert_msg(m.usecs == rows[_i].fits.usecs && m.packets == rows[_i].fits.packets,
		      "%s: %u us, %u", rows[_i].why, m.usecs, m.packets);
}
END_TEST

START_TEST(test_names)
{
	ck_assert(dam_nvme_is_controller("nvme0"));
	ck_assert(dam_nvme_is_controller("nvme12"));
	ck_assert(!dam_nvme_is_controller("nvme0n1"));
	ck_assert(!dam_nvme_is_controller("nvme"));
	ck_assert(!dam_nvme_is_controller("nvme0/../sda"));
	ck_assert(!dam_nvme_is_controller("nvme-subsys0"));
	ck_assert(!dam_nvme_is_controller(""));
}
END_TEST

/* A device that is not there, whatever it is called, is an error and nothing else. */
START_TEST(test_absent_devices)
{
	static const char *const names[] = {
		"",	      "/",	   "../null",
		"nvme987654", "dam-none0", "a-name-that-is-longer-than-any-interface"};
	const struct dam_hal_backend *const *list = dam_hal_backends();
	unsigned int offered = 0;

	for (size_t b = 0; list[b]; b++) {
		const struct dam_moderation_ops *ops = dam_moderation_find(list[b]->name);

		ck_assert_ptr_eq(ops, list[b]->moderation);
		if (!ops)
			continue;
		offered++;
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			struct dam_moderation m = {.usecs = 77, .packets = 7};
			struct dam_moderation_limits l = {0};

			ck_assert_int_lt(ops->get(names[i], &m), 0);
			ck_assert_uint_eq(m.usecs, 77);
			ck_assert_int_lt(ops->set(names[i], &m), 0);
			ops->limits(names[i], &l);
			ck_assert_uint_gt(l.usecs_max, 0);
			ck_assert_uint_gt(l.packets_max, 0);
		}
	}
	ck_assert_uint_ge(offered, 1);
	ck_assert_ptr_null(dam_moderation_find("sim"));
	ck_assert_ptr_null(dam_moderation_find("nonesuch"));
}
END_TEST

/* lo is everywhere, and has no moderation: the whole of the conversation with the kernel. */
START_TEST(test_loopback)
{
	const struct dam_moderation_ops *ops = dam_moderation_find("net");
	struct dam_moderation m = {.usecs = 10};
	int err;

	if (!ops)
		return;
	err = ops->get("lo", &m);
	ck_assert_msg(err == -EOPNOTSUPP || err == -ENODEV || err == -EPERM, "%d", err);
	err = ops->set("lo", &m);
	ck_assert_msg(err == -EOPNOTSUPP || err == -ENODEV || err == -EPERM, "%d", err);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hal_moderation");
	TCase *t = tcase_create("core");

	suite_add_tcase(s, t);
	tcase_add_loop_test(t, test_fit, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(t, test_names);
	tcase_add_test(t, test_absent_devices);
	tcase_add_test(t, test_loopback);
	return run_suite(s);
}
