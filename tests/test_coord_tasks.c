/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The last bytes of threads that end together: as the kernel tells of each, or shared among those that it did not tell of. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "tests/suite.h"
#include "tools/coord/observe.h"

#define KIB 1024u
#define NR  3 /* threads; the first goes on */

static uint64_t whole; /* the process's count; 0: it cannot be read any more */

int coord_proc_comm(pid_t pid, pid_t tid, char out[16])
{
	(void)pid;
	(void)tid;
	strcpy(out, "prog");
	return 0;
}

int coord_proc_io(pid_t pid, pid_t tid, uint64_t out[2])
{
	(void)pid;
	(void)tid;
	(void)out;
	return -ENOENT;
}

int coord_proc_io_kept(pid_t pid, int *fd, uint64_t out[2])
{
	(void)pid;
	(void)fd;
	out[0] = whole;
	out[1] = 0;
	return whole ? 0 : -ENOENT;
}

int coord_proc_cpu(pid_t pid, pid_t tid)
{
	(void)pid;
	(void)tid;
	return -ENOENT;
}

int coord_proc_ring(pid_t pid, pid_t tid)
{
	(void)pid;
	(void)tid;
	return -ENOENT;
}

struct coord_thread *coord_thread_find(struct coord_process *p, pid_t tid)
{
	(void)p;
	(void)tid;
	return NULL;
}

void coord_thread_place(struct coord *c, struct coord_thread *t, int cpu)
{
	(void)c;
	(void)t;
	(void)cpu;
}

void coord_thread_end(struct coord *c, struct coord_thread *t)
{
	(void)c;
	(void)t;
}

void coord_followers_drop(struct coord *c, struct coord_task *t)
{
	(void)c;
	(void)t;
}

void coord_ring_link(struct coord_watch *w, int fd, pid_t tid, uint64_t now_ns)
{
	(void)w;
	(void)fd;
	(void)tid;
	(void)now_ns;
}

void coord_coverage_note(struct coord_process *p, const uint64_t io[2])
{
	(void)p;
	(void)io;
}

#ifdef HAVE_LIBMNL
void coord_exits_take(struct coord *c)
{
	(void)c;
}
#endif

/* Threads 11 and 12 had read 100 KiB each when they were looked at last, and thread 10 300; then 11 and 12 ended. */
static const struct {
	const char *why;
	unsigned int whole;	   /* KiB of the process by then; 0: not known */
	unsigned int told[NR + 1]; /* KiB of threads 10 to 13, as the kernel said when they ended; 0: it did not */
	double given[NR + 1];	   /* KiB since the last look */
	bool unread;		   /* what the process did in all has to be guessed */
} rows[] = {
	{"nothing was told: shared, as both had been as fast", 540, {0}, {0, 20, 20, 0}, true},
	{"both were told of", 540, {0, 135, 105, 0}, {0, 35, 5, 0}, false},
	{"one was: the rest is the other's", 540, {0, 135, 0, 0}, {0, 35, 5, 0}, true},
	{"both were, and the process's own count is gone", 0, {0, 135, 105, 0}, {0, 35, 5, 0}, false},
	{"one was, and the process's own count is gone", 0, {0, 135, 0, 0}, {0, 35, 0, 0}, true},
	{"a thread between two looks", 560, {0, 135, 105, 20}, {0, 35, 5, 20}, false},
	{"counts are told in whole KiB: less than was seen is nothing", 500, {0, 99, 100, 0}, {0}, false},
};

START_TEST(test_rows)
{
	static struct coord c;
	struct coord_process p = {0};
	struct coord_watch w = {.pid = 10, .proc = &p, .young = true, .dead_known = true, .io_fd = -1, .pass = 2};
	uint64_t now = dam_now_ns();

	for (pid_t i = 0; i < NR; i++) { /* as make_room() would have it */
		w.task = reallocarray(w.task, 4, sizeof(*w.task));
		w.task[w.nr_tasks++] = (struct coord_task){
			.tid = 10 + i, .owner = 10 + i, .read_ns = now - DAM_NS_PER_S / 10, .rate = {1e6, 0},
			.io = {(i ? 100 : 300) * KIB, 0}, .pass = i ? 1 : 2};
	}
	for (pid_t i = 0; i <= NR; i++)
		if (rows[_i].told[i])
			coord_task_told(&c, &w, 10 + i, "late", (const uint64_t[2]){rows[_i].told[i] * KIB, 0});
	whole = rows[_i].whole * (uint64_t)KIB;
	w.ending = !whole;
	coord_tasks_ended(&c, &w, now);
	for (pid_t i = 0; i <= NR; i++) {
		const struct coord_task *t = coord_task_find(&w, 10 + i);
		double kib = t ? t->kernel[0] / KIB : 0;

		ck_assert_msg(kib == rows[_i].given[i], "%s: %g KiB for thread %d, not %g", rows[_i].why, kib, 10 + i,
			      rows[_i].given[i]);
		ck_assert_msg(!t || !rows[_i].told[i] || !strcmp(t->comm, "late"), "%s: it is called %s", rows[_i].why, t->comm);
	}
	ck_assert_msg(whole || w.unread == rows[_i].unread, "%s: the rest is%s guessed", rows[_i].why, w.unread ? "" : " not");
	coord_tasks_drop(&c, &w, 0, true);
	free(w.task);
}
END_TEST

/* What was told of is not counted once more by what the process's own count says of all who have ended. */
START_TEST(test_once)
{
	static struct coord c;
	struct coord_process p = {0};
	struct coord_task *task = calloc(4, sizeof(*task));
	struct coord_watch w = {.pid = 10, .proc = &p, .young = true, .dead_known = true, .io_fd = -1, .pass = 2,
				.task = task, .nr_tasks = NR};
	uint64_t now = dam_now_ns();

	for (pid_t i = 0; i < NR; i++)
		task[i] = (struct coord_task){.tid = 10 + i, .owner = 10 + i, .io = {100 * KIB, 0}, .pass = i == 1 ? 1 : 2};
	coord_task_told(&c, &w, 11, "prog", (const uint64_t[2]){150 * KIB, 0});
	whole = 0;
	coord_tasks_ended(&c, &w, now);
	w.pass = task[0].pass = 3; /* 12 has ended, too, and nobody told of that */
	whole = (100 + 150 + 130) * KIB;
	coord_tasks_ended(&c, &w, now + 1);
	ck_assert_msg(task[1].kernel[0] == 50 * KIB, "%g", task[1].kernel[0]);
	ck_assert_msg(task[2].kernel[0] == 30 * KIB, "%g KiB instead of 30", task[2].kernel[0] / KIB);
	coord_tasks_drop(&c, &w, 0, true);
	free(w.task);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("coord_tasks");
	TCase *tc = tcase_create("ended");

	tcase_add_loop_test(tc, test_rows, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(tc, test_once);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
