/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The nvml backend, with a library that stands in for NVIDIA's. */
#include "config.h"

#include <check.h>
#include <dlfcn.h>
#include <errno.h>

#include "hal/hal.h"
#include "tests/suite.h"

static void *fake;
static struct dam_hal *hal;

/* The loader finds it by its name, for it is there already. */
static void setup(void)
{
	struct dam_hal_config cfg = {.root = ""};
	char err[256];

	fake = dlopen(DAM_BUILDDIR "/tests/libnvidia-ml.so.1", RTLD_NOW);
	ck_assert_msg(fake != NULL, "%s", dlerror());
	ck_assert_msg(!dam_hal_open(&cfg, err, sizeof(err), &hal), "%s", err);
}

static void teardown(void)
{
	dam_hal_close(hal);
	ck_assert_int_eq(*(int *)dlsym(fake, "fake_nvml_users"), 0);
	dlclose(fake);
}

START_TEST(test_gpu)
{
	unsigned long long *bytes = dlsym(fake, "fake_nvml_bytes");
	int target = dam_hal_find(hal, "nvml:0000:3b:00.0");
	struct dam_hal_counters c;
	struct dam_hal_engine *e;

	ck_assert_int_ge(target, 0);
	e = &dam_hal_target(hal, (unsigned int)target)->engine;
	ck_assert_int_eq(dam_hal_sample(e, &c), 0);
	ck_assert_uint_eq(c.have, DAM_HAVE_BYTES);
	ck_assert_uint_eq(c.read_bytes, 1000);
	ck_assert_uint_eq(c.write_bytes, 2000);
	*bytes = 1u << 31;
	ck_assert_int_eq(dam_hal_sample(e, &c), 0);
	*bytes = (1ull << 31) + 500; /* what it received wraps */
	ck_assert_int_eq(dam_hal_sample(e, &c), 0);
	ck_assert_uint_eq(c.read_bytes, (1ull << 31) + 500);
	*(int *)dlsym(fake, "fake_nvml_lost") = 1;
	ck_assert_int_eq(dam_hal_sample(e, &c), -ENODEV);
	ck_assert(e->gone);
	*(int *)dlsym(fake, "fake_nvml_lost") = 0;
	*bytes = 1000;
}
END_TEST

START_TEST(test_no_counters)
{
	ck_assert_int_eq(dam_hal_find(hal, "nvml:0000:5e:00.0"), DAM_HAL_NONE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hal_nvml");
	TCase *t = tcase_create("core");

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_gpu);
	tcase_add_test(t, test_no_counters);
	return run_suite(s);
}
