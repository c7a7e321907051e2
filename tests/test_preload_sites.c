/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Call sites: the places of a program that are known to submit, in the shares that are known. */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload/maps.h"
#include "tests/preload_coord.h"
#include "tests/suite.h"

#define TEST_FILE DAM_BUILDDIR "/tests/preload-sites.data"
#define PROG	  DAM_BUILDDIR "/tests/preload_sites_prog"
#define PLUGIN	  DAM_BUILDDIR "/tests/.libs/preload_sites_plugin.so"
#define ROUNDS	  "600"

static struct coord c;

static void setup(void)
{
	int fd = open(TEST_FILE, O_RDWR | O_CREAT, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, 1 << 20), 0);
	close(fd);
	setenv("PLUGIN_FILE", TEST_FILE, 1);
	coord_dir(&c);
	coord_start(&c, TEST_FILE);
}

static void teardown(void)
{
	coord_stop(&c);
	coord_remove_dir(&c);
	unlink(TEST_FILE);
}

/* What the ledger of client @i says of the places whose innermost frame lies in a file that ends
 * with @module. */
struct found {
	unsigned int nr;     /* innermost frames */
	uint64_t offset[32]; /* of each */
	struct dam_site sum[32];
	uint64_t ops; /* of all, whatever their file */
	uint64_t alone; /* of those without a caller */
	unsigned int deepest;
};

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

static void collect(unsigned int i, const char *module, struct found *out)
{
	memset(out, 0, sizeof(*out));
	for (unsigned int k = 0; k < DAM_LEDGER_SITES; k++) {
		struct dam_module m[DAM_SITE_FRAMES];
		struct dam_site s;
		unsigned int n = 0;

		if (!dam_ledger_site_read(c.client[i].ledger, k, &s, m))
			continue;
		out->ops += s.ops;
		if (!ends_with(m[0].path, module))
			continue;
		out->alone += s.nr_frames == 1 ? s.ops : 0;
		if (s.nr_frames > out->deepest)
			out->deepest = s.nr_frames;
		while (n < out->nr && out->offset[n] != s.frame[0])
			n++;
		ck_assert_uint_lt(n, 32);
		out->nr += n == out->nr;
		out->offset[n] = s.frame[0];
		out->sum[n].ops += s.ops;
		out->sum[n].samples += s.samples;
		out->sum[n].read_bytes += s.read_bytes;
	}
}

static int by_ops(const void *a, const void *b)
{
	const struct dam_site *x = a, *y = b;

	return x->ops < y->ops ? -1 : x->ops > y->ops;
}

static const struct {
	const char *why, *how, *sample, *rounds;
	unsigned int clients; /* that the program becomes */
	double times;	      /* rounds of each client, in `rounds` */
	bool stacks;	      /* more than the innermost frame, where there is libunwind; */
	bool all_stacks;      /* always */
} rows[] = {
	{"every submission", "uring", "1", ROUNDS, 1, 1, true, true},
	{"one in eight", "uring", "8", ROUNDS, 1, 1, true, true},
	{"io_submit through syscall()", "aio", "8", ROUNDS, 1, 1, true, true},
	{"plain pread", "plain", "8", ROUNDS, 1, 1, true, true},
	{"four threads that are sampled at the same time", "threads", "32", "3000", 1, 5, true, false},
	{"the stack of one takes longer than all others live", "stalled", "32", "3000", 1, 4, true, false},
	{"the same where every place has been seen before", "known", "32", "3000", 1, 5, true, true},
	{"a child forked while it has threads starts anew", "fork", "32", "3000", 2, 4, true, false},
	{"in a signal handler: nothing is loaded there", "handler", "4", ROUNDS, 1, 1, false, false},
	{"a plugin whose constructor holds the linker's lock", "plugin", "4", ROUNDS, 1, 1, true, true},
};

/* The ratio is 1 : 2 : 4 in operations, and every place has moved as many bytes as every other. */
START_TEST(test_shares)
{
	const char *argv[] = {PROG, TEST_FILE, rows[_i].rounds, rows[_i].how, PLUGIN, NULL};
	const double ops = atof(rows[_i].rounds) * rows[_i].times;
	struct found f;

	setenv("DAM_SAMPLE", rows[_i].sample, 1);
	ck_assert_msg(coord_run(&c, (char *const *)argv) == 0, "%s", rows[_i].why);
	ck_assert_uint_eq(c.nr, rows[_i].clients);
	for (unsigned int i = 0; i < c.nr; i++) {
		collect(i, "preload_sites_prog", &f);
		ck_assert_msg(f.nr == 3, "%s: %u places", rows[_i].why, f.nr);
		qsort(f.sum, 3, sizeof(f.sum[0]), by_ops);
		for (unsigned int k = 0; k < 3; k++) {
			double want = ops * (1 << k), got = (double)f.sum[k].ops;
			/* five standard deviations of the sampling, and what was done before the
			 * answer came */
			double slack = 5 * sqrt(want * atof(rows[_i].sample)) + 0.1 * want + 8;

			ck_assert_msg(got > want - slack && got < want + slack,
				      "%s: place %u has %.0f operations instead of %.0f",
				      rows[_i].why, k, got, want);
			ck_assert_uint_eq(f.sum[k].read_bytes, f.sum[k].ops * (4096u >> k));
			ck_assert_uint_eq(f.sum[k].ops,
					  f.sum[k].samples * strtoul(rows[_i].sample, NULL, 10));
		}
#ifdef HAVE_LIBUNWIND_H
		ck_assert_msg((f.deepest > 1) == rows[_i].stacks, "%s: %u frames", rows[_i].why,
			      f.deepest);
		ck_assert_msg(!(rows[_i].all_stacks && f.alone), "%s: %lu operations of no caller", rows[_i].why,
			      (unsigned long)f.alone);
#endif
	}
}
END_TEST

START_TEST(test_plugin)
{
	const char *argv[] = {PROG, TEST_FILE, "10", "plugin", PLUGIN, NULL};
	struct found f;

	setenv("DAM_SAMPLE", "1", 1);
	ck_assert_int_eq(coord_run(&c, (char *const *)argv), 0);
	collect(0, "preload_sites_plugin.so", &f);
	ck_assert_uint_eq(f.nr, 1);
	/* twice 200, less what was done before the answer came */
	ck_assert_uint_gt(f.sum[0].ops, 200);
	ck_assert_uint_le(f.sum[0].ops, 400);
}
END_TEST

START_TEST(test_sealed)
{
	const char *argv[] = {PROG, TEST_FILE, ROUNDS, "sealed", NULL};
	struct found f;

	setenv("DAM_SAMPLE", "1", 1);
	ck_assert_int_eq(coord_run(&c, (char *const *)argv), 0);
	collect(0, "preload_sites_prog", &f);
	/* after the filter they count on, by addresses that no file is named for */
	ck_assert_uint_eq(f.nr, 3);
	ck_assert_uint_gt(f.ops, f.sum[0].ops + f.sum[1].ops + f.sum[2].ops);
}
END_TEST

static void set_event(uint32_t type, uint64_t event)
{
	struct dam_board_memory m = {.type = type, .bytes_per_count = 64, .config = event};

	dam_board_set_memory(&c.board, &m);
}

static bool can_count(void)
{
	struct perf_event_attr attr = {.size = sizeof(attr),
				       .type = PERF_TYPE_SOFTWARE,
				       .config = PERF_COUNT_SW_TASK_CLOCK,
				       .exclude_kernel = 1};
	int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

#define SOFTWARE(event) PERF_TYPE_SOFTWARE, PERF_COUNT_SW_##event

static const struct {
	const char *why, *how;
	uint32_t type;
	uint64_t event;
	bool counts;
} counters[] = {
	{"a thread's time, which always moves", "uring", SOFTWARE(TASK_CLOCK), true},
	{"five threads, some after the others", "threads", SOFTWARE(TASK_CLOCK), true},
	{"in a child the parent's counter is of no use", "fork", SOFTWARE(TASK_CLOCK), true},
	{"after a filter nothing is opened or read", "sealed", SOFTWARE(TASK_CLOCK), true},
	{"no such event", "uring", PERF_TYPE_SOFTWARE, 4711, false},
	{"no such PMU", "threads", 4711, 0, false},
};

/* The counter is read with the submissions, thread by thread; where it cannot be, nothing else suffers. */
START_TEST(test_traffic)
{
	const char *argv[] = {PROG, TEST_FILE, "3000", counters[_i].how, NULL};
	bool counts = counters[_i].counts && can_count();

	setenv("DAM_SAMPLE", "64", 1);
	set_event(counters[_i].type, counters[_i].event);
	ck_assert_msg(coord_run(&c, (char *const *)argv) == 0, "%s", counters[_i].why);
	for (unsigned int i = 0; i < c.nr; i++) {
		const struct dam_ledger *l = c.client[i].ledger;
		unsigned int read = 0, refused = 0;

		for (unsigned int s = 0; s < dam_ledger_nr_slots(l); s++) {
			read += l->slot[s].memory_ns && l->slot[s].memory_count;
			refused += l->slot[s].memory_errno != 0;
		}
		ck_assert_msg((read > 0) == counts && (refused > 0) == !counts,
			      "%s: %u counted, %u refused", counters[_i].why, read, refused);
	}
}
END_TEST

START_TEST(test_off)
{
	const char *argv[] = {PROG, TEST_FILE, "50", "uring", NULL};
	struct found f;

	setenv("DAM_SAMPLE", "0", 1);
	ck_assert_int_eq(coord_run(&c, (char *const *)argv), 0);
	collect(0, "", &f);
	ck_assert_uint_eq(f.ops, 0);
	ck_assert_uint_eq(c.client[0].ledger->sites.period, 0);
}
END_TEST

static const struct {
	const char *why, *line;
	bool good;
	struct dam_mapping m;
} lines[] = {
	{"a library",
	 "7f0000001000-7f0000003000 r-xp 00001000 fe:00 4711                       /lib/libc.so.6",
	 true,
	 {0x7f0000001000, 0x7f0000003000, 0x1000, 4711, "/lib/libc.so.6"}},
	{"blanks in a name",
	 "1000-2000 r--p 0 00:2f 3 /a b (deleted)",
	 true,
	 {0x1000, 0x2000, 0, 3, "/a b (deleted)"}},
	{"no file", "1000-2000 rw-p 00000000 00:00 0 ", true, {0x1000, 0x2000, 0, 0, ""}},
	{"no file, nothing behind",
	 "1000-2000 rw-p 00000000 00:00 0",
	 true,
	 {0x1000, 0x2000, 0, 0, ""}},
	{"a name in brackets",
	 "1000-2000 rw-p 00000000 00:00 0    [stack]",
	 true,
	 {0x1000, 0x2000, 0, 0, "[stack]"}},
	{"nothing", "", false, {0}},
	{"no end", "1000-", false, {0}},
	{"no permissions", "1000-2000", false, {0}},
	{"no offset", "1000-2000 r-xp ", false, {0}},
	{"no device", "1000-2000 r-xp 0 ", false, {0}},
	{"half a device", "1000-2000 r-xp 0 fe", false, {0}},
	{"no number at all", "x-y r-xp 0 00:00 0", false, {0}},
};

START_TEST(test_line)
{
	struct dam_mapping m;

	ck_assert_msg(dam_maps_parse(lines[_i].line, &m) == lines[_i].good, "%s", lines[_i].why);
	if (!lines[_i].good)
		return;
	ck_assert_uint_eq(m.start, lines[_i].m.start);
	ck_assert_uint_eq(m.end, lines[_i].m.end);
	ck_assert_uint_eq(m.offset, lines[_i].m.offset);
	ck_assert_uint_eq(m.inode, lines[_i].m.inode);
	ck_assert_str_eq(m.path, lines[_i].m.path);
}
END_TEST

/* What is to be found: this program, a file with a very long path, and the stack, which lies behind both. */
struct places {
	uintptr_t file, stack;
	bool has_me, has_file, has_stack;
};

static bool covers(const struct dam_mapping *m, uintptr_t at)
{
	return at - m->start < m->end - m->start;
}

static bool find_places(const struct dam_mapping *m, void *arg)
{
	struct places *p = arg;

	p->has_me |= covers(m, (uintptr_t)find_places) && strstr(m->path, "test_preload_sites");
	p->has_file |= covers(m, p->file) && strlen(m->path) >= DAM_MODULE_PATH && *m->path == '/';
	p->has_stack |= covers(m, p->stack) && !strcmp(m->path, "[stack]");
	return true;
}

/* A file @depth folders of 150 letters below this one, mapped, and gone again. */
static void *map_deep(int depth)
{
	char name[151];
	void *at;
	int fd;

	memset(name, 'x', 150);
	name[150] = '\0';
	if (!depth) {
		fd = open(name, O_RDWR | O_CREAT, 0600);
		at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
		close(fd);
		unlink(name);
		return at;
	}
	ck_assert(!mkdir(name, 0700) && !chdir(name));
	return map_deep(depth - 1);
}

START_TEST(test_maps)
{
	char dir[64];
	struct places p = {.stack = (uintptr_t)__builtin_frame_address(0)};

	scratch_dir(dir, sizeof(dir));
	ck_assert_int_eq(chdir(dir), 0);
	p.file = (uintptr_t)map_deep(_i);
	dam_maps_each(find_places, &p);
	ck_assert(p.has_me);
	ck_assert(p.has_file == (_i > 0));
	ck_assert(p.has_stack);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("preload_sites");
	TCase *tc = tcase_create("programs"), *maps = tcase_create("maps");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_shares, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(tc, test_plugin);
	tcase_add_test(tc, test_sealed);
	tcase_add_test(tc, test_off);
	tcase_add_loop_test(tc, test_traffic, 0, sizeof(counters) / sizeof(counters[0]));
	suite_add_tcase(s, tc);
	tcase_add_loop_test(maps, test_line, 0, sizeof(lines) / sizeof(lines[0]));
	tcase_add_loop_test(maps, test_maps, 0, 4); /* folders */
	suite_add_tcase(s, maps);
	return run_suite(s);
}
