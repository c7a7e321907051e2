/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The knob table: every row at, inside and beyond its range. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/knobs.h"
#include "tests/suite.h"

static const char *env_name;
static char env_value[64];
static char warned[256];
static int nr_warned;

static char *fake_get(const char *name)
{
	return env_name && !strcmp(name, env_name) ? env_value : NULL;
}

static void fake_warn(const char *line)
{
	nr_warned++;
	snprintf(warned, sizeof(warned), "%s", line);
}

static double load(enum dam_knob id, const char *value)
{
	struct dam_knobs k;

	env_name = dam_knob_desc(id)->name;
	snprintf(env_value, sizeof(env_value), "%s", value);
	nr_warned = 0;
	dam_knobs_load(fake_get, fake_warn, &k);
	return dam_knob_num(&k, id);
}

START_TEST(test_row)
{
	enum dam_knob id = (enum dam_knob)_i;
	const struct dam_knob_desc *d = dam_knob_desc(id);
	const char *bad[] = {"x", "1x", "nan", "inf", "1e999", "--1", "1,5"};
	char text[64];

	ck_assert_ptr_nonnull(d->name);
	ck_assert_ptr_nonnull(d->help);
	ck_assert_ptr_nonnull(d->unit);
	if (d->type == DAM_KNOB_TEXT) {
		ck_assert_ptr_nonnull(d->def_text);
		return;
	}
	ck_assert_double_ge(d->def, d->min);
	ck_assert_double_le(d->def, d->max);
	snprintf(text, sizeof(text), "%g", d->min);
	ck_assert_double_eq(load(id, text), d->min);
	ck_assert_int_eq(nr_warned, 0);
	snprintf(text, sizeof(text), "%g", d->max);
	ck_assert_double_eq(load(id, text), d->max);
	ck_assert_int_eq(nr_warned, 0);
	snprintf(text, sizeof(text), "%g", d->max + 1);
	ck_assert_double_eq(load(id, text), d->def);
	ck_assert_int_eq(nr_warned, 1);
	ck_assert_ptr_nonnull(strstr(warned, d->name));
	ck_assert_ptr_nonnull(strstr(warned, text));
	snprintf(text, sizeof(text), "%g", d->min - 1);
	ck_assert_double_eq(load(id, text), d->def);
	ck_assert_int_eq(nr_warned, 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_double_eq(load(id, bad[i]), d->def);
		ck_assert_int_eq(nr_warned, 1);
	}
	if (d->type == DAM_KNOB_INTEGER) {
		snprintf(text, sizeof(text), "%g.5", d->min);
		ck_assert_double_eq(load(id, text), d->def);
		ck_assert_int_eq(nr_warned, 1);
	}
}
END_TEST

START_TEST(test_mission_names)
{
	static const char *const names[] = {"DMA_WEIGHT_LATENCY", "DMA_WEIGHT_THROUGHPUT",
					    "MIGRATION_THRESHOLD", "PREDICTION_HORIZON",
					    "AFFINITY_HISTORY"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int found = 0;

		for (int id = 0; id < DAM_KNOB_NR; id++)
			found += !strcmp(dam_knob_desc((enum dam_knob)id)->name, names[i]);
		ck_assert_int_eq(found, 1);
	}
	/* all others begin with DAM_ */
	for (int id = DAM_KNOB_AFFINITY_HISTORY + 1; id < DAM_KNOB_NR; id++)
		ck_assert_int_eq(strncmp(dam_knob_desc((enum dam_knob)id)->name, "DAM_", 4), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base_knobs");
	TCase *tc = tcase_create("rows");

	tcase_add_loop_test(tc, test_row, 0, DAM_KNOB_NR);
	tcase_add_test(tc, test_mission_names);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
