/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The record of changed interrupt moderation: what is written is read, what is damaged is refused,
 * what is DAM's is undone. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/suite.h"
#include "tools/common/modfile.h"

static char dir[64], path[96];
static struct dam_modfile file;
static char order[256]; /* names of devices that were set */

/* Devices that keep what they are told; one that is not there, one that refuses. */
static struct dam_moderation device[3];

static struct dam_moderation *find_device(const char *name)
{
	return !strncmp(name, "dev", 3) && name[3] >= '0' && name[3] < '3' ? &device[name[3] - '0']
									   : NULL;
}

static int fake_get(const char *name, struct dam_moderation *out)
{
	const struct dam_moderation *d = find_device(name);

	if (!strcmp(name, "stubborn"))
		*out = (struct dam_moderation){.usecs = 100, .packets = 4};
	else if (d)
		*out = *d;
	return d || !strcmp(name, "stubborn") ? 0 : -ENODEV;
}

static int fake_set(const char *name, const struct dam_moderation *m)
{
	struct dam_moderation *d = find_device(name);

	if (!d)
		return -EIO;
	*d = *m;
	strcat(order, name);
	return 0;
}

static const struct dam_moderation_ops fake = {.get = fake_get, .set = fake_set};

static const struct dam_moderation_ops *find(const char *kind)
{
	return strcmp(kind, "fake") ? NULL : &fake;
}

static void setup(void)
{
	scratch_dir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/" DAM_MODFILE_NAME, dir);
	memset(&file, 0, sizeof(file));
	order[0] = '\0';
}

static void teardown(void)
{
	scratch_remove(dir);
}

static void add(const char *kind, const char *name)
{
	struct dam_modfile_entry *e = &file.entry[file.nr++];

	snprintf(e->kind, sizeof(e->kind), "%s", kind);
	snprintf(e->device, sizeof(e->device), "%s", name);
	e->orig = (struct dam_moderation){.usecs = 7, .packets = 1};
	e->dam = (struct dam_moderation){.usecs = 100, .packets = 4};
	e->former = (struct dam_moderation){.usecs = 100, .packets = 2};
}

static const struct {
	const char *why, *kind, *name;
	struct dam_moderation now;
	struct dam_modfile_result want;
	uint32_t usecs; /* afterwards */
	bool stays;	/* in the record */
} rows[] = {
	{"what DAM set last is undone", "fake", "dev0", {100, 4, false}, {.restored = 1}, 7, false},
	{"so is what it had set before, should it have died in between",
	 "fake",
	 "dev0",
	 {100, 2, false},
	 {.restored = 1},
	 7,
	 false},
	{"anything else is somebody's", "fake", "dev0", {100, 3, false}, {.left = 1}, 100, false},
	{"a device that adapts by itself now is left alone",
	 "fake",
	 "dev0",
	 {100, 4, true},
	 {.left = 1},
	 100,
	 false},
	{"a device that is not there is forgotten",
	 "fake",
	 "dev9",
	 {0, 0, false},
	 {.gone = 1},
	 0,
	 false},
	{"one that refuses is not", "fake", "stubborn", {0, 0, false}, {.failed = 1}, 0, true},
	{"nor is one that this build knows nothing of",
	 "other",
	 "dev0",
	 {100, 4, false},
	 {.failed = 1},
	 100,
	 true},
};

START_TEST(test_restore)
{
	struct dam_modfile_result r = {0};

	device[0] = rows[_i].now;
	add(rows[_i].kind, rows[_i].name);
	ck_assert_int_eq(dam_modfile_save(path, &file), 0);
	ck_assert_int_eq(dam_modfile_restore(path, find, &r), 0);
	ck_assert_msg(!memcmp(&r, &rows[_i].want, sizeof(r)) && device[0].usecs == rows[_i].usecs,
		      "%s", rows[_i].why);
	ck_assert_msg((access(path, F_OK) == 0) == rows[_i].stays, "%s: the record", rows[_i].why);
}
END_TEST

START_TEST(test_several)
{
	struct dam_modfile_result r = {0};
	static struct dam_modfile left;

	for (int i = 0; i < 3; i++)
		device[i] = (struct dam_moderation){.usecs = 100, .packets = 4};
	add("fake", "dev0");
	add("fake", "stubborn");
	add("fake", "dev1");
	add("fake", "dev2");
	ck_assert_int_eq(dam_modfile_save(path, &file), 0);
	ck_assert_int_eq(dam_modfile_restore(path, find, &r), 0);
	ck_assert_uint_eq(r.restored, 3);
	ck_assert_uint_eq(r.failed, 1);
	ck_assert_str_eq(order, "dev2dev1dev0");
	ck_assert_int_eq(dam_modfile_load(path, &left), 0);
	ck_assert_uint_eq(left.nr, 1);
	ck_assert_mem_eq(&left.entry[0], &file.entry[1], sizeof(left.entry[0]));
	/* again: what was undone is not touched a second time */
	ck_assert_int_eq(dam_modfile_restore(path, find, &r), 0);
	ck_assert_uint_eq(r.restored, 0);
	ck_assert_uint_eq(r.failed, 1);
}
END_TEST

START_TEST(test_round_trip)
{
	static struct dam_modfile read;

	for (int i = 0; i < DAM_MODFILE_MAX; i++) {
		add("abcdefghijklmno", "a-device.name_as:long.as.may.be");
		file.entry[i].orig.usecs = UINT32_MAX;
		file.entry[i].dam.packets = (uint32_t)i;
	}
	ck_assert_int_eq(dam_modfile_save(path, &file), 0);
	ck_assert_int_eq(dam_modfile_load(path, &read), 0);
	ck_assert_mem_eq(&read, &file, sizeof(file));
	file.nr = 0;
	ck_assert_int_eq(dam_modfile_save(path, &file), 0);
	ck_assert_int_eq(dam_modfile_load(path, &read), -ENOENT);
	ck_assert_uint_eq(read.nr, 0);
}
END_TEST

/* Write a good record, changed by @damage, and see that it is refused as a whole. */
static void write_text(const char *text, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, size), (ssize_t)size);
	close(fd);
}

static size_t read_text(char *buf, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, buf, size);

	ck_assert_int_gt(n, 0);
	close(fd);
	return (size_t)n;
}

static const struct {
	const char *why, *line; /* appended; NULL: see the test */
} damage[] = {
	{"too few numbers", "fake dev0 1 2 3 4 5\n"},
	{"too many", "fake dev0 1 2 3 4 5 6 7\n"},
	{"no number", "fake dev0 1 2 x 4 5 6\n"},
	{"no end of the line", "fake dev0 1 2 3 4 5 6"},
	{"a name that leads elsewhere", "fake ../dev0 1 2 3 4 5 6\n"},
	{"a kind that is none", "FAKE dev0 1 2 3 4 5 6\n"},
	{"an empty line", "\n"},
	{"a name that is too long",
	 "fake dev0123456789012345678901234567890123456789 1 2 3 4 5 6\n"},
};

START_TEST(test_damage)
{
	struct dam_modfile_result r = {0};
	char text[4096];
	size_t n;

	device[0] = (struct dam_moderation){.usecs = 100, .packets = 4};
	add("fake", "dev0");
	ck_assert_int_eq(dam_modfile_save(path, &file), 0);
	n = read_text(text, sizeof(text));
	n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", damage[_i].line);
	write_text(text, n);
	ck_assert_msg(dam_modfile_restore(path, find, &r) == -EBADMSG, "%s", damage[_i].why);
	ck_assert_msg(device[0].usecs == 100, "%s: nothing may be touched", damage[_i].why);
}
END_TEST

/* Every prefix of a record, and every record with one byte changed, is read or refused, and never
 * more is found than was written. */
START_TEST(test_every_byte)
{
	static struct dam_modfile read;
	char text[4096], changed[4096];
	size_t n;
	int good = 0;

	add("fake", "dev0");
	add("fake", "dev1");
	ck_assert_int_eq(dam_modfile_save(path, &file), 0);
	n = read_text(text, sizeof(text));
	for (size_t i = 0; i < n; i++) {
		write_text(text, i);
		good += !dam_modfile_load(path, &read);
		ck_assert_uint_lt(read.nr, 2);
		memcpy(changed, text, n);
		changed[i] = (char)(i % 2 ? 0 : changed[i] ^ 0x85);
		write_text(changed, n);
		if (!dam_modfile_load(path, &read))
			ck_abort_msg("byte %zu of %zu was changed, and nobody noticed", i, n);
	}
	ck_assert_int_eq(good,
			 2); /* those cut at the end of a line: the heading, the first entry */
}
END_TEST

START_TEST(test_another_boot)
{
	char text[4096];
	size_t n;

	add("fake", "dev0");
	ck_assert_int_eq(dam_modfile_save(path, &file), 0);
	n = read_text(text, sizeof(text));
	text[strlen("dam-moderation 1 ")] ^= 1;
	write_text(text, n);
	ck_assert_int_eq(dam_modfile_load(path, &file), -EBADMSG);
}
END_TEST

START_TEST(test_trust)
{
	char other[112];

	add("fake", "dev0");
	ck_assert_int_eq(dam_modfile_save(path, &file), 0);
	chmod(path, 0620);
	ck_assert_int_eq(dam_modfile_load(path, &file), -EPERM);
	chmod(path, 0600);
	ck_assert_int_eq(dam_modfile_load(path, &file), 0);
	snprintf(other, sizeof(other), "%s.other", path);
	rename(path, other);
	ck_assert_int_eq(symlink("moderation.other", path), 0);
	ck_assert_int_eq(dam_modfile_load(path, &file), -EPERM);
	/* writing replaces the link, and leaves alone what it led to */
	add("fake", "dev0");
	ck_assert_int_eq(dam_modfile_save(path, &file), 0);
	ck_assert_int_eq(dam_modfile_load(path, &file), 0);
}
END_TEST

START_TEST(test_nowhere)
{
	add("fake", "dev0");
	ck_assert_int_eq(dam_modfile_save("nowhere/at/all", &file), -ENOENT);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tools_modfile");
	TCase *t = tcase_create("core");

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, test_restore, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(t, test_several);
	tcase_add_test(t, test_round_trip);
	tcase_add_loop_test(t, test_damage, 0, (int)(sizeof(damage) / sizeof(damage[0])));
	tcase_add_test(t, test_every_byte);
	tcase_add_test(t, test_another_boot);
	tcase_add_test(t, test_trust);
	tcase_add_test(t, test_nowhere);
	return run_suite(s);
}
