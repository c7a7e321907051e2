/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Counts are the program's own figures, thread by thread. */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/preload_coord.h"
#include "tests/suite.h"

#define MAX_BATCH 8
#define TEST_FILE DAM_BUILDDIR "/tests/preload-count.data"

static struct coord c;
static FILE *out;

static void setup(void)
{
	int fd = open(TEST_FILE, O_RDWR | O_CREAT, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, 1 << 20), 0);
	close(fd);
	coord_dir(&c);
	coord_start(&c, TEST_FILE);
	out = tmpfile();
}

static void teardown(void)
{
	fclose(out);
	coord_stop(&c);
	coord_remove_dir(&c);
	unlink(TEST_FILE);
}

static const struct dam_slot *slot_of(const struct dam_ledger *l, unsigned int tid)
{
	for (unsigned int i = 0; i < dam_ledger_nr_slots(l); i++)
		if (l->slot[i].tid == tid)
			return &l->slot[i];
	return NULL;
}

/* Every thread that the program printed must stand in the ledger with the same figures, at index @t. */
static int compare(unsigned int client, unsigned int t, bool ring)
{
	struct dam_count w;
	unsigned int tid;
	int threads = 0;

	rewind(out);
	while (fscanf(out, "%u %lu %lu %lu %lu", &tid, &w.read_bytes, &w.read_ops, &w.write_bytes,
		      &w.write_ops) == 5) {
		const struct dam_slot *s = slot_of(c.client[client].ledger, tid);

		ck_assert_msg(s != NULL, "thread %u has no slot", tid);
		ck_assert_uint_eq(s->count[t].read_bytes, w.read_bytes);
		ck_assert_uint_eq(s->count[t].read_ops, w.read_ops);
		ck_assert_uint_eq(s->count[t].write_bytes, w.write_bytes);
		ck_assert_uint_eq(s->count[t].write_ops, w.write_ops);
		if (ring) /* also what was submitted before the ledger came */
			ck_assert_uint_ge(s->ring_ops, w.read_ops + w.write_ops);
		threads++;
	}
	return threads;
}

static const struct {
	const char *why, *argv[6];
	int threads;
	bool buffered, plain; /* plain: nothing is in flight after a call */
} rows[] = {
	{"liburing, one thread", {"tests/preload_uring_prog", TEST_FILE, "1", "400"}, 1, false, false},
	{"liburing, four threads", {"tests/preload_uring_prog", TEST_FILE, "4", "200"}, 4, false, false},
	{"liburing, so short that the answer comes at exit",
	 {"tests/preload_uring_prog", TEST_FILE, "1", "1"}, 1, false, false},
	{"through the page cache: not the engine's",
	 {"tests/preload_uring_prog", TEST_FILE, "1", "50", "buffered"}, 1, true, false},
	{"plain calls and POSIX aio", {"tests/preload_plain_prog", TEST_FILE, "direct", "1", "40"}, 1, false, true},
	{"plain calls, four threads", {"tests/preload_plain_prog", TEST_FILE, "direct", "4", "20"}, 4, false, true},
	{"another asks between this one's look at the gate and at the time",
	 {"tests/preload_plain_prog", TEST_FILE, "late", "2", "1"}, 2, false, true},
	{"made direct after the first read", {"tests/preload_plain_prog", TEST_FILE, "flag", "1", "20"}, 1, false, true},
	{"libaio", {"tests/preload_aio_prog", TEST_FILE, "lib", "200"}, 1, false, false},
	{"libaio, batches", {"tests/preload_batch_prog", TEST_FILE}, 1, false, false},
	{"a ring of the program's own, through syscall()", {"tests/preload_raw_prog", TEST_FILE, "200"}, 1, false, false},
	{"a ring in memory of the program's own", {"tests/preload_raw_prog", TEST_FILE, "200", "own"}, 1, false, false},
	{"a large ring", {"tests/preload_raw_prog", TEST_FILE, "200", "large"}, 1, false, false},
	{"io_submit through syscall()", {"tests/preload_aio_prog", TEST_FILE, "raw", "200"}, 1, false, false},
};

START_TEST(test_counts)
{
	unsigned int t;
	bool ring;
	pid_t pid = coord_spawn(&c, (char *const *)rows[_i].argv, fileno(out));

	ck_assert_int_eq(coord_reap(&c, pid), 0);
	ck_assert_msg(c.nr == 1 && c.client[0].pid == pid, "%s: attached %u times", rows[_i].why, c.nr);
	t = rows[_i].buffered ? DAM_LOCAL_BUFFERED : coord_index(&c, 0, 7);
	ck_assert_msg(t != DAM_LOCAL_OTHER, "%s: the engine was not found", rows[_i].why);
	/* the program reaps all before it submits again: never more in flight than one batch */
	ck_assert_uint_eq(c.client[0].ledger->slot[0].inflight_samples == 0, rows[_i].plain);
	ck_assert_uint_le(c.client[0].ledger->slot[0].inflight_ops_max, MAX_BATCH);
	ring = strstr(rows[_i].argv[0], "uring") || strstr(rows[_i].argv[0], "raw");
	ck_assert_msg(compare(0, t, ring) == rows[_i].threads, "%s", rows[_i].why);
}
END_TEST

/* What is counted in a shorter way is what is like the last one in everything, and no more than that. */
START_TEST(test_one_at_a_time)
{
	static const char *const ways[] = {"uring", "aio"};
	char *argv[] = {"tests/preload_single_prog", TEST_FILE, (char *)ways[_i], NULL};
	unsigned long submissions = 0;

	ck_assert_int_eq(coord_reap(&c, coord_spawn(&c, argv, fileno(out))), 0);
	ck_assert_uint_eq(c.nr, 1);
	ck_assert_int_eq(compare(0, coord_index(&c, 0, 7), false), 1);
	rewind(out);
	ck_assert_int_eq(fscanf(out, "%*u %*u %*u %*u %*u %lu", &submissions), 1);
	/* each is taken back before the next */
	ck_assert_uint_eq(c.client[0].ledger->slot[0].depth_empty, submissions);
	/* about one submission in 32 is looked at */
	ck_assert_uint_ge(c.client[0].ledger->slot[0].inflight_samples, 5);
	/* where a pipe would be, cut to what there is room for */
	ck_assert_uint_eq(c.client[0].ledger->slot[0].count[DAM_LEDGER_TARGETS - 1].read_ops, 0);
}
END_TEST

/* Page cache alone: the process never even asks for a ledger. */
START_TEST(test_plain_buffered)
{
	char *argv[] = {"tests/preload_plain_prog", TEST_FILE, "buffered", "2", "20", NULL};

	ck_assert_int_eq(coord_reap(&c, coord_spawn(&c, argv, fileno(out))), 0);
	ck_assert_uint_eq(c.nr, 0);
}
END_TEST

/* What was taken for a page cache's descriptor is looked at again after so many calls. */
START_TEST(test_plain_reuse)
{
	char *argv[] = {"tests/preload_plain_prog", TEST_FILE, "reuse", "1", "1", NULL};
	struct dam_count n;

	ck_assert_int_eq(coord_reap(&c, coord_spawn(&c, argv, fileno(out))), 0);
	ck_assert_uint_eq(c.nr, 1);
	n = coord_sum(&c, 0, 7);
	ck_assert_uint_ge(n.read_ops, 3000 - 1024);
	ck_assert_uint_le(n.read_ops, 3000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("preload_count");
	TCase *tc = tcase_create("rows");

	if (chdir(DAM_BUILDDIR))
		return EXIT_FAILURE;
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, test_counts, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_loop_test(tc, test_one_at_a_time, 0, 2);
	tcase_add_test(tc, test_plain_buffered);
	tcase_add_test(tc, test_plain_reuse);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
