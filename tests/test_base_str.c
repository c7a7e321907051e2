/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Numbers and CPU lists from untrusted text. */
#include "config.h"

#include <check.h>
#include <errno.h>

#include "base/cpuset.h"
#include "base/str.h"
#include "tests/suite.h"

static const struct {
	const char *why, *text;
	int err;
	uint64_t want;
} bytes_rows[] = {
	{"plain bytes", "8388608", 0, 8388608},
	{"binary suffix", "8M", 0, 8388608},
	{"lower case", "1k", 0, 1024},
	{"fraction", "1.5G", 0, 1610612736},
	{"IEC unit", "64KiB", 0, 65536},
	{"bare unit", "7B", 0, 7},
	{"newline of a sysfs file", "4096\n", 0, 4096},
	{"empty", "", -EINVAL, 0},
	{"negative", "-1", -EINVAL, 0},
	{"unknown suffix", "1X", -EINVAL, 0},
	{"trailing text", "1G/s", -EINVAL, 0},
	{"beyond 64 bits", "99999999999T", -ERANGE, 0},
};

START_TEST(test_bytes)
{
	uint64_t v = 0;

	ck_assert_msg(dam_parse_bytes(bytes_rows[_i].text, &v) == bytes_rows[_i].err, "%s",
		      bytes_rows[_i].why);
	ck_assert_msg(v == bytes_rows[_i].want, "%s", bytes_rows[_i].why);
}
END_TEST

static const struct {
	const char *why, *text;
	int err;
	const char *want;
} cpu_rows[] = {
	{"one", "3", 0, "3"},
	{"range and single", "0-3,8", 0, "0-3,8"},
	{"newline", "0-1\n", 0, "0-1"},
	{"blanks, as in mq/N/cpu_list", "0, 1, 5", 0, "0-1,5"},
	{"step", "0-6:2", 0, "0,2,4,6"},
	{"empty: no CPU", "\n", 0, ""},
	{"last CPU", "2047", 0, "2047"},
	{"too far", "2048", -ERANGE, NULL},
	{"huge", "0-99999999999999999999", -ERANGE, NULL},
	{"backwards", "3-1", -EINVAL, NULL},
	{"text", "abc", -EINVAL, NULL},
	{"half a range", "1-", -EINVAL, NULL},
	{"step 0", "0-3:0", -EINVAL, NULL},
};

START_TEST(test_cpulist)
{
	struct dam_cpuset s;
	char buf[256];

	ck_assert_msg(dam_cpuset_parse(cpu_rows[_i].text, &s) == cpu_rows[_i].err, "%s",
		      cpu_rows[_i].why);
	if (cpu_rows[_i].want)
		ck_assert_str_eq(dam_cpuset_format(&s, buf, sizeof(buf)), cpu_rows[_i].want);
}
END_TEST

START_TEST(test_u64)
{
	uint64_t v = 5;

	ck_assert_int_eq(dam_parse_u64("18446744073709551615", &v), 0);
	ck_assert_uint_eq(v, UINT64_MAX);
	ck_assert_int_eq(dam_parse_u64("18446744073709551616", &v), -ERANGE);
	ck_assert_int_eq(dam_parse_u64("-1", &v), -EINVAL);
	ck_assert_int_eq(dam_parse_u64("1 2", &v), -EINVAL);
	ck_assert_uint_eq(v, UINT64_MAX);
}
END_TEST

START_TEST(test_format)
{
	char buf[16];

	ck_assert_str_eq(dam_format_bytes(512, buf, sizeof(buf)), "512 B");
	ck_assert_str_eq(dam_format_bytes(8388608, buf, sizeof(buf)), "8.0 MiB");
	ck_assert_str_eq(dam_format_bytes(1e18, buf, sizeof(buf)), "888.2 PiB");
}
END_TEST

START_TEST(test_thread_mask)
{
	struct dam_cpuset before, after;

	ck_assert_int_eq(dam_cpuset_get_thread(0, &before), 0);
	ck_assert_uint_gt(dam_cpuset_count(&before), 0);
	ck_assert_int_eq(dam_cpuset_set_thread(0, &before), 0);
	ck_assert_int_eq(dam_cpuset_get_thread(0, &after), 0);
	ck_assert(dam_cpuset_equal(&before, &after));
	ck_assert(dam_cpuset_subset(&before, &after));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base_str");
	TCase *tc = tcase_create("rows");

	tcase_add_loop_test(tc, test_bytes, 0, sizeof(bytes_rows) / sizeof(bytes_rows[0]));
	tcase_add_loop_test(tc, test_cpulist, 0, sizeof(cpu_rows) / sizeof(cpu_rows[0]));
	tcase_add_test(tc, test_u64);
	tcase_add_test(tc, test_format);
	tcase_add_test(tc, test_thread_mask);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
