/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Tables, JSON in tables, options of the command line, where things are. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/suite.h"
#include "tools/common/options.h"
#include "tools/common/paths.h"
#include "tools/common/table.h"
#include "tools/common/view.h"

#define NR(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *why, *text, *want;
	unsigned int width;
} clean_rows[] = {
	{"plain", "fio", "fio", 3},
	{"empty", "", "", 0},
	{"two bytes, one column", "é", "é", 1},
	{"four bytes, one column", "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", 1},
	{"an escape sequence", "a\x1b[31m", "a?[31m", 6},
	{"a new line would break the table", "a\nb", "a?b", 3},
	{"delete", "\x7f", "?", 1},
	{"a C1 control", "\xc2\x9bm", "??m", 3},
	{"a stray continuation byte", "a\x80z", "a?z", 3},
	{"a character that is cut off", "a\xe2\x82", "a??", 3},
	{"an overlong form", "\xc0\xaf", "??", 2},
	{"beyond Unicode", "\xf5\x80\x80\x80", "????", 4},
};

START_TEST(test_clean)
{
	char text[32];

	strcpy(text, clean_rows[_i].text);
	ck_assert_msg(dam_text_clean(text) == clean_rows[_i].width, "%s", clean_rows[_i].why);
	ck_assert_msg(strcmp(text, clean_rows[_i].want) == 0, "%s: %s", clean_rows[_i].why, text);
}
END_TEST

START_TEST(test_table)
{
	static const struct dam_column column[] = {{"NAME", false}, {"BYTES", true}, {"WHY", false}};
	struct dam_table *t;
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	ck_assert_int_eq(dam_table_create(column, 3, &t), 0);
	dam_table_cell(t, "é");
	dam_table_cell(t, "1234567");
	dam_table_cell(t, "");
	dam_table_cell(t, "longer");
	dam_table_cell(t, "1");
	dam_table_cell(t, "x");
	dam_table_print(t, f, 1);
	dam_table_destroy(t);
	dam_table_destroy(NULL);
	fclose(f);
	ck_assert_str_eq(text, " NAME      BYTES  WHY\n"
			       " é       1234567  \n"
			       " longer        1  x\n");
	free(text);
}
END_TEST

static const struct {
	const char *why;
	bool titles;
	unsigned int limit;
	const char *want;
} fold_rows[] = {
	{"it fits", true, 19, " NAME     RATE  WHY\n e0    1 MiB/s  x\n"},
	{"one column too narrow: the last comes below, and a row is known by its first cell", true, 18,
	 " NAME     RATE\n e0    1 MiB/s\n\n NAME  WHY\n e0    x\n"},
	{"narrower than any column: one at a time", true, 3,
	 " NAME     RATE\n e0    1 MiB/s\n\n NAME  WHY\n e0    x\n"},
	{"not a terminal", true, 0, " NAME     RATE  WHY\n e0    1 MiB/s  x\n"},
	{"names and values, without titles, are not torn apart", false, 5, " e0  1 MiB/s  x\n"},
};

START_TEST(test_fold)
{
	static const struct dam_column titled[] = {{"NAME", false}, {"RATE", true}, {"WHY", false}}, plain[3];
	static const char *const cells[] = {"e0", "1 MiB/s", "x"};
	struct dam_table *t;
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	ck_assert_int_eq(dam_table_create(fold_rows[_i].titles ? titled : plain, 3, &t), 0);
	for (size_t i = 0; i < NR(cells); i++)
		dam_table_cell(t, cells[i]);
	dam_table_print_within(t, f, 1, fold_rows[_i].limit);
	dam_table_destroy(t);
	fclose(f);
	ck_assert_msg(!strcmp(text, fold_rows[_i].want), "%s:\n%s", fold_rows[_i].why, text);
	free(text);
}
END_TEST

START_TEST(test_many_rows)
{
	static const struct dam_column column[] = {{NULL, true}};
	struct dam_table *t;
	char *text, number[16];
	size_t size;
	FILE *f = open_memstream(&text, &size);

	ck_assert_int_eq(dam_table_create(column, 1, &t), 0);
	for (int i = 0; i < 1000; i++) {
		snprintf(number, sizeof(number), "%d", i);
		dam_table_cell(t, number);
	}
	dam_table_print(t, f, 0);
	dam_table_destroy(t);
	fclose(f);
	ck_assert_uint_eq(size, 1000 * 4);
	ck_assert_str_eq(text + size - 4, "999\n");
	free(text);
}
END_TEST

static const struct {
	const char *why, *json;
	dam_view_format format;
	const char *want;
} view_rows[] = {
	{"a number", "17", dam_view_number, "17"},
	{"a fraction", "0.25", dam_view_number, "0.25"},
	{"no number", "\"x\"", dam_view_number, "-"},
	{"unknown", "null", dam_view_number, "-"},
	{"bytes", "8388608", dam_view_bytes, "8.0 MiB"},
	{"a rate", "8388608.0", dam_view_rate, "8.0 MiB/s"},
	{"no rate", "null", dam_view_rate, "-"},
	{"a share", "0.5", dam_view_percent, "50 %"},
	{"a small share", "0.013", dam_view_percent, "1.3 %"},
	{"nothing", "0", dam_view_percent, "0 %"},
	{"text", "\"fio\"", dam_view_text, "fio"},
	{"empty text", "\"\"", dam_view_text, "-"},
	{"text wanted, number given", "1", dam_view_text, "-"},
	{"yes", "true", dam_view_bool, "yes"},
	{"no", "false", dam_view_bool, "no"},
	{"neither", "0", dam_view_bool, "-"},
	{"numbers", "[0, 1]", dam_view_list, "0,1"},
	{"objects", "[{\"name\": \"a\"}, {\"name\": \"b\"}, {}]", dam_view_list, "a,b,-"},
	{"no list", "{}", dam_view_list, "-"},
	{"seconds", "0.3", dam_view_seconds, "0.30 s"},
};

START_TEST(test_view)
{
	json_t *value = json_loads(view_rows[_i].json, JSON_DECODE_ANY, NULL);
	char cell[DAM_VIEW_CELL];

	view_rows[_i].format(value, cell, sizeof(cell));
	ck_assert_msg(strcmp(cell, view_rows[_i].want) == 0, "%s: %s", view_rows[_i].why, cell);
	view_rows[_i].format(NULL, cell, sizeof(cell));
	ck_assert_msg(strcmp(cell, "-") == 0, "%s: a key that is missing", view_rows[_i].why);
	json_decref(value);
}
END_TEST

/* Lists and texts longer than a cell are cut, not written beyond it. */
START_TEST(test_view_bounds)
{
	json_t *list = json_array();
	char cell[16];

	for (int i = 0; i < 100; i++)
		json_array_append_new(list, json_string("block:nvme0n1"));
	memset(cell, 'z', sizeof(cell));
	dam_view_list(list, cell, 8);
	ck_assert_str_eq(cell, "block:n");
	ck_assert_int_eq(cell[8], 'z');
	dam_view_text(json_array_get(list, 0), cell, 8);
	ck_assert_str_eq(cell, "block:n");
	json_decref(list);
}
END_TEST

START_TEST(test_view_print)
{
	static const struct dam_view_column column[] = {
		{"NAME", "name", dam_view_text, false}, {"READ", "read_bytes", dam_view_bytes, true}};
	json_t *rows = json_loads("[{\"name\": \"a\", \"read_bytes\": 512}, {\"other\": 1}, 3]", 0, NULL);
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	dam_view_print(f, 0, column, 2, rows);
	dam_view_print_object(f, 0, column, 2, json_array_get(rows, 0));
	dam_view_print(f, 0, column, 2, NULL);
	fclose(f);
	ck_assert_str_eq(text, "NAME   READ\n"
			       "a     512 B\n"
			       "-         -\n"
			       "-         -\n"
			       "NAME  a\n"
			       "READ  512 B\n"
			       "NAME  READ\n");
	json_decref(rows);
	free(text);
}
END_TEST

struct values {
	bool flag;
	const char *text;
	int number;
};

static const struct dam_option options[] = {
	{.name = "flag", .letter = 'f', .type = DAM_OPTION_FLAG, .offset = offsetof(struct values, flag),
	 .help = "a flag"},
	{.name = "text", .letter = 't', .type = DAM_OPTION_TEXT, .arg = "TEXT",
	 .offset = offsetof(struct values, text), .help = "a text"},
	{.name = "number", .type = DAM_OPTION_NUMBER, .arg = "N", .min = 1, .max = 99,
	 .offset = offsetof(struct values, number), .help = "a number"},
};

static const struct dam_tool runs = {
	.name = "tool", .usage = "[options] PROGRAM", .summary = "A tool", .option = options,
	.nr_options = NR(options), .stop_at_operand = true,
};
static const struct dam_tool asks = {
	.name = "tool", .usage = "[options] WORD", .summary = "A tool", .option = options,
	.nr_options = NR(options),
};

static const struct {
	const char *why;
	const struct dam_tool *tool;
	char *argv[6];
	int want; /* first operand, or -EINVAL */
	struct values values;
} option_rows[] = {
	{"nothing", &runs, {"x"}, 1, {0}},
	{"long", &runs, {"x", "--flag", "--number", "7", "prog"}, 4, {true, NULL, 7}},
	{"long with =", &runs, {"x", "--text=a b", "prog"}, 2, {false, "a b", 0}},
	{"short", &runs, {"x", "-ft", "a", "prog"}, 3, {true, "a", 0}},
	{"the program's options are its own", &runs, {"x", "prog", "--flag"}, 1, {0}},
	{"--", &runs, {"x", "--", "--flag"}, 2, {0}},
	{"operands may come first", &asks, {"x", "word", "--flag"}, 2, {true, NULL, 0}},
	{"unknown", &runs, {"x", "--no-such"}, -EINVAL, {0}},
	{"unknown letter", &asks, {"x", "-z"}, -EINVAL, {0}},
	{"a value is missing", &runs, {"x", "--text"}, -EINVAL, {0}},
	{"a flag takes no value", &runs, {"x", "--flag=1"}, -EINVAL, {0}},
	{"not a number", &runs, {"x", "--number", "seven"}, -EINVAL, {0}},
	{"too small", &runs, {"x", "--number", "0"}, -EINVAL, {0}},
	{"too large", &runs, {"x", "--number", "99999999999999999999"}, -EINVAL, {0}},
};

START_TEST(test_options)
{
	const char *why = option_rows[_i].why;
	struct values v = {0};
	char *argv[7] = {0};
	int argc = 0;

	for (; option_rows[_i].argv[argc]; argc++)
		argv[argc] = option_rows[_i].argv[argc];
	ck_assert_msg(dam_options_parse(option_rows[_i].tool, argc, argv, &v) == option_rows[_i].want,
		      "%s", why);
	if (option_rows[_i].want < 0)
		return;
	ck_assert_msg(v.flag == option_rows[_i].values.flag, "%s", why);
	ck_assert_msg(v.number == option_rows[_i].values.number, "%s", why);
	ck_assert_msg(!v.text == !option_rows[_i].values.text, "%s", why);
	if (v.text)
		ck_assert_str_eq(v.text, option_rows[_i].values.text);
}
END_TEST

START_TEST(test_runtime_dir)
{
	char out[DAM_RUNTIME_DIR_MAX], want[DAM_RUNTIME_DIR_MAX], dir[64];
	struct stat st;

	scratch_dir(dir, sizeof(dir));
	setenv("DAM_RUNTIME_DIR", "/from/env", 1);
	ck_assert_int_eq(dam_runtime_dir(NULL, false, out), 0);
	ck_assert_str_eq(out, "/from/env");
	ck_assert_int_eq(dam_runtime_dir("/given", false, out), 0);
	ck_assert_str_eq(out, "/given");
	unsetenv("DAM_RUNTIME_DIR");
	setenv("XDG_RUNTIME_DIR", "/run/user/9", 1);
	ck_assert_int_eq(dam_runtime_dir(NULL, false, out), 0);
	ck_assert_str_eq(out, geteuid() ? "/run/user/9/dam" : "/run/dam");
	unsetenv("XDG_RUNTIME_DIR");
	snprintf(want, sizeof(want), geteuid() ? "/tmp/dam-%u" : "/run/dam", geteuid());
	ck_assert_int_eq(dam_runtime_dir(NULL, false, out), 0);
	ck_assert_str_eq(out, want);

	memset(want, 'x', sizeof(want) - 1);
	want[sizeof(want) - 1] = '\0';
	want[0] = '/';
	ck_assert_int_eq(dam_runtime_dir(want, false, out), 0);
	ck_assert_int_eq(dam_path_join(out, "coord.sock", want, sizeof(want)), -ENAMETOOLONG);

	ck_assert_int_eq(chdir(dir), 0);
	ck_assert_int_eq(dam_runtime_dir("./run", true, out), 0);
	ck_assert_int_eq(out[0], '/');
	ck_assert_int_eq(stat(out, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
	ck_assert_int_eq(dam_runtime_dir("./run", true, out), 0);
	chmod("run", 0777);
	ck_assert_int_eq(dam_runtime_dir("./run", true, out), -EPERM);
	ck_assert_int_eq(rmdir("run"), 0);
	ck_assert_int_eq(symlink("/", "run"), 0);
	ck_assert_int_eq(dam_runtime_dir("./run", true, out), -ENOTDIR);
	ck_assert_int_eq(dam_runtime_dir("no/such/run", true, out), -ENOENT);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tools_table");
	TCase *tc = tcase_create("rows");

	tcase_add_loop_test(tc, test_clean, 0, NR(clean_rows));
	tcase_add_test(tc, test_table);
	tcase_add_loop_test(tc, test_fold, 0, NR(fold_rows));
	tcase_add_test(tc, test_many_rows);
	tcase_add_loop_test(tc, test_view, 0, NR(view_rows));
	tcase_add_test(tc, test_view_bounds);
	tcase_add_test(tc, test_view_print);
	tcase_add_loop_test(tc, test_options, 0, NR(option_rows));
	tcase_add_test(tc, test_runtime_dir);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
