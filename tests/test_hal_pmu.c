/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The choice of an event, by software events, which every kernel counts; the names in the list, by
 * libpfm4 itself. */
#include "config.h"

#include <check.h>
#include <dlfcn.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hal/pmu.h"
#include "tests/suite.h"

static bool perf_works(void)
{
	struct perf_event_attr attr = {.size = sizeof(attr),
				       .type = PERF_TYPE_SOFTWARE,
				       .config = PERF_COUNT_SW_PAGE_FAULTS,
				       .exclude_kernel = 1};
	int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool have_pfm(void)
{
#ifdef HAVE_PERFMON_PFMLIB_PERF_EVENT_H
	return dlopen("libpfm.so.4", RTLD_NOW) != NULL;
#else
	return false;
#endif
}

static const struct {
	const char *why, *event, *reason; /* NULL: it is to be taken */
} rows[] = {
	{"counts whenever memory is touched first", "perf::PAGE-FAULTS", NULL},
	{"counts time", "perf::TASK-CLOCK", NULL},
	{"opens, but what it counts does not happen", "perf::CGROUP-SWITCHES", "counts nothing"},
	{"no such event", "perf::FROBNICATIONS", "event not found"},
	{"no such PMU", "frobnicator::X", "event not found"},
	{"not an event at all", "::::", ""},
};

START_TEST(test_wanted)
{
	struct dam_pmu_event e = {.type = 99};
	char why[256] = "";
	int err = dam_pmu_choose(rows[_i].event, &e, why, sizeof(why));

	if (!perf_works() || !have_pfm()) {
		ck_assert_int_ne(err, 0);
		ck_assert_str_ne(why, "");
		return;
	}
	ck_assert_msg((err == 0) == (rows[_i].reason == NULL), "%s: %d, %s", rows[_i].why, err,
		      why);
	if (err) {
		ck_assert_msg(strstr(why, rows[_i].reason) != NULL, "%s: %s", rows[_i].why, why);
		ck_assert_msg(strstr(why, rows[_i].event) == why, "%s: %s", rows[_i].why, why);
		ck_assert_uint_eq(e.type, 99);
	} else {
		ck_assert_uint_eq(e.type, PERF_TYPE_SOFTWARE);
		ck_assert_str_eq(e.name, rows[_i].event);
		ck_assert_uint_gt(e.bytes_per_count, 0);
	}
}
END_TEST

/* Whatever this machine has: an event that counts, or a reason. */
START_TEST(test_any)
{
	struct dam_pmu_event e = {.type = 99};
	char why[256] = "";

	if (dam_pmu_choose(NULL, &e, why, sizeof(why)))
		ck_assert_str_ne(why, "");
	else
		ck_assert_str_ne(e.name, "");
	printf("traffic to memory here: %s\n", *why && e.type == 99 ? why : e.name);
}
END_TEST

#ifdef HAVE_PERFMON_PFMLIB_PERF_EVENT_H
#include <perfmon/pfmlib_perf_event.h>

/* libpfm4 knows the events of all machines of this architecture, if it is asked to. */
START_TEST(test_list)
{
	void *lib = dlopen("libpfm.so.4", RTLD_NOW);
	__typeof__(&pfm_initialize) init =
		lib ? (__typeof__(init))dlsym(lib, "pfm_initialize") : NULL;
	__typeof__(&pfm_get_os_event_encoding) encode =
		lib ? (__typeof__(encode))dlsym(lib, "pfm_get_os_event_encoding") : NULL;
	unsigned int known = 0;

	if (!init || !encode)
		return;
	setenv("LIBPFM_ENCODE_INACTIVE", "1", 1);
	ck_assert_int_eq(init(), PFM_SUCCESS);
	for (unsigned int i = 0; dam_pmu_list(i); i++) {
		struct perf_event_attr attr = {.size = sizeof(attr)};
		pfm_perf_encode_arg_t arg = {.attr = &attr, .size = sizeof(arg)};
		int err = encode(dam_pmu_list(i), PFM_PLM3, PFM_OS_PERF_EVENT, &arg);
		bool arm = !strncmp(dam_pmu_list(i), "arm_", 4);

		known += !err;
#if defined(__x86_64__)
		ck_assert_msg(arm || !err, "%s: %d", dam_pmu_list(i), err);
#elif defined(__aarch64__)
		ck_assert_msg(!arm || !err, "%s: %d", dam_pmu_list(i), err);
#else
		(void)arm;
#endif
	}
	ck_assert_uint_gt(known, 0);
}
END_TEST
#endif

int main(void)
{
	Suite *s = suite_create("hal_pmu");
	TCase *tc = tcase_create("events");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_wanted, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(tc, test_any);
#ifdef HAVE_PERFMON_PFMLIB_PERF_EVENT_H
	tcase_add_test(tc, test_list);
#endif
	suite_add_tcase(s, tc);
	return run_suite(s);
}
