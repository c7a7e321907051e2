/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The file of changed masks: its one writer, its room, and files that are not what they should be. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/suite.h"
#include "tools/common/maskfile.h"

static char dir[64], path[96];
static struct dam_cpuset mine; /* this process's mask, which no file may change */

static void setup(void)
{
	scratch_dir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/" DAM_MASKS_NAME, dir);
	dam_log_open("test", DAM_LOG_ERR);
	ck_assert_int_eq(dam_cpuset_get_thread(0, &mine), 0);
}

static void teardown(void)
{
	scratch_remove(dir);
}

static void check_mine(void)
{
	struct dam_cpuset now;

	ck_assert_int_eq(dam_cpuset_get_thread(0, &now), 0);
	ck_assert(dam_cpuset_equal(&now, &mine));
}

START_TEST(test_one_writer)
{
	struct dam_masks *m, *other;
	struct dam_masks_result r;

	ck_assert_int_eq(dam_masks_open(path, &m), 0);
	ck_assert_int_eq(dam_masks_open(path, &other), -EBUSY);
	ck_assert_int_eq(dam_masks_restore_all(path, false, &r), -EBUSY);
	ck_assert_int_eq(dam_masks_restore_all(path, true, &r), 0);
	dam_masks_close(m);
	ck_assert_int_eq(dam_masks_open(path, &other), 0);
	dam_masks_close(other);
}
END_TEST

START_TEST(test_full_table)
{
	struct dam_masks *m;
	struct dam_masks_result r;

	ck_assert_int_eq(dam_masks_open(path, &m), 0);
	for (int i = 0; i < DAM_MASKS_ENTRIES; i++)
		ck_assert_int_eq(dam_masks_put(m, INT32_MAX, INT32_MAX - i % 2, 1, &mine, &mine), i);
	ck_assert_int_eq(dam_masks_put(m, INT32_MAX, INT32_MAX, 1, &mine, &mine), -ENOSPC);
	dam_masks_clear(m, 7);
	dam_masks_clear(m, 7);
	dam_masks_clear(m, -1);
	ck_assert_int_eq(dam_masks_put(m, INT32_MAX, INT32_MAX, 1, &mine, &mine), 7);
	ck_assert_int_eq(dam_masks_update(m, DAM_MASKS_ENTRIES, &mine), -EINVAL);
	ck_assert_int_eq(dam_masks_restore(m, &r), 0);
	ck_assert_uint_eq(r.gone, DAM_MASKS_ENTRIES);
	dam_masks_close(m);
}
END_TEST

/* Make a good file with one entry for this thread, then damage it. */
static void good_file(void)
{
	struct dam_masks *m;
	uint64_t start;

	ck_assert_int_eq(dam_masks_open(path, &m), 0);
	ck_assert_int_eq(dam_thread_start_time(getpid(), getpid(), &start), 0);
	ck_assert_int_eq(dam_masks_put(m, getpid(), getpid(), start, &mine, &mine), 0);
	dam_masks_close(m);
}

static const struct {
	const char *why;
	long size; /* cut to this; -1: not */
	long flip; /* invert the byte here; -1: not */
	int err;
} damage_rows[] = {
	{"empty: died between creat() and the header", 0, -1, 0},
	{"half a header", 32, -1, -EBADMSG},
	{"header only", 64, -1, 0},
	{"half an entry", 200, -1, 0},
	{"another file's magic", -1, 0, -EBADMSG},
	{"another version", -1, 8, -EBADMSG},
	{"another size of entries", -1, 12, -EBADMSG},
	{"another boot", -1, 20, -EBADMSG},
	{"another pid namespace", -1, 56, -EBADMSG},
	{"a state that does not exist", -1, 65, 0},
	{"a negative pid", -1, 71, 0},
	{"a tid of another process", -1, 72, 0},
};

START_TEST(test_damage)
{
	const char *why = damage_rows[_i].why;
	struct dam_masks_result r;
	struct dam_masks *m;
	char byte;
	int fd;

	good_file();
	fd = open(path, O_RDWR);
	if (damage_rows[_i].size >= 0)
		ck_assert_int_eq(ftruncate(fd, damage_rows[_i].size), 0);
	if (damage_rows[_i].flip >= 0) {
		ck_assert_int_eq(pread(fd, &byte, 1, damage_rows[_i].flip), 1);
		byte = (char)~byte;
		ck_assert_int_eq(pwrite(fd, &byte, 1, damage_rows[_i].flip), 1);
	}
	close(fd);
	ck_assert_msg(dam_masks_restore_all(path, false, &r) == damage_rows[_i].err, "%s", why);
	ck_assert_msg(damage_rows[_i].err || r.restored == 0, "%s", why);
	check_mine();
	ck_assert_msg(dam_masks_open(path, &m) == 0, "%s: begun anew", why);
	ck_assert_msg(dam_masks_put(m, 1, 1, 1, &mine, &mine) >= 0, "%s: usable", why);
	dam_masks_close(m);
}
END_TEST

START_TEST(test_random_bytes)
{
	struct dam_masks_result r;
	struct dam_masks *m;
	unsigned char junk[8192];
	int fd;

	good_file();
	fd = open(path, O_RDWR);
	srand(1);
	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < sizeof(junk); i++)
			junk[i] = (unsigned char)rand();
		/* the header stays: only then are the entries looked at */
		ck_assert_int_eq(pwrite(fd, junk, sizeof(junk), 64), sizeof(junk));
		ck_assert_int_eq(dam_masks_restore_all(path, false, &r), 0);
		ck_assert_uint_eq(r.restored, 0);
		ck_assert_int_eq(dam_masks_open(path, &m), 0);
		dam_masks_close(m);
	}
	close(fd);
	check_mine();
}
END_TEST

START_TEST(test_not_ours_to_trust)
{
	struct dam_masks_result r;
	struct dam_masks *m;

	ck_assert_int_eq(dam_masks_restore_all(path, false, &r), -ENOENT);
	good_file();
	chmod(path, 0666);
	ck_assert_int_eq(dam_masks_restore_all(path, false, &r), -EPERM);
	ck_assert_int_eq(dam_masks_open(path, &m), -EPERM);
	unlink(path);
	ck_assert_int_eq(symlink("/dev/null", path), 0);
	ck_assert_int_eq(dam_masks_open(path, &m), -EPERM);
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(dam_masks_open(path, &m), -EPERM);
	ck_assert_int_eq(dam_masks_restore_all(path, false, &r), -EPERM);
	unlink(path);
	ck_assert_int_eq(dam_masks_open("/nowhere/masks", &m), -ENOENT);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tools_maskrecord");
	TCase *tc = tcase_create("file");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_one_writer);
	tcase_add_test(tc, test_full_table);
	tcase_add_loop_test(tc, test_damage, 0, sizeof(damage_rows) / sizeof(damage_rows[0]));
	tcase_add_test(tc, test_random_bytes);
	tcase_add_test(tc, test_not_ours_to_trust);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
