/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The record of changed masks: real threads pinned and restored. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/suite.h"
#include "tools/common/maskfile.h"

static char dir[64], path[96];
static struct dam_cpuset all, first, second; /* what this process has; two different parts of it */
static unsigned int nr_cpus;

static void nth_cpu(unsigned int n, struct dam_cpuset *out)
{
	*out = (struct dam_cpuset){{0}};
	for (unsigned int i = 0; i < DAM_MAX_CPUS; i++)
		if (dam_cpuset_has(&all, i) && n-- == 0)
			dam_cpuset_set(out, i);
}

static void setup(void)
{
	scratch_dir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/" DAM_MASKS_NAME, dir);
	dam_log_open("test", DAM_LOG_ERR);
}

static void teardown(void)
{
	scratch_remove(dir);
}

/* A thread that does nothing until it is told to end. */
struct worker {
	pthread_t thread;
	pthread_barrier_t ready, end;
	pid_t tid;
};

static void *work(void *arg)
{
	struct worker *w = arg;

	w->tid = (pid_t)syscall(SYS_gettid);
	pthread_barrier_wait(&w->ready);
	pthread_barrier_wait(&w->end);
	return NULL;
}

static void worker_start(struct worker *w)
{
	pthread_barrier_init(&w->ready, NULL, 2);
	pthread_barrier_init(&w->end, NULL, 2);
	ck_assert_int_eq(pthread_create(&w->thread, NULL, work, w), 0);
	pthread_barrier_wait(&w->ready);
}

static void worker_end(struct worker *w)
{
	uint64_t start;

	pthread_barrier_wait(&w->end);
	pthread_join(w->thread, NULL);
	/* The kernel takes the task out of /proc a little after the join. */
	while (dam_thread_start_time(getpid(), w->tid, &start) != -ESRCH)
		sched_yield();
}

static int put(struct dam_masks *m, pid_t tid, const struct dam_cpuset *dam)
{
	uint64_t start = 0;

	ck_assert_int_eq(dam_thread_start_time(getpid(), tid, &start), 0);
	return dam_masks_put(m, getpid(), tid, start, &all, dam);
}

static bool has_mask(pid_t tid, const struct dam_cpuset *want)
{
	struct dam_cpuset now;

	ck_assert_int_eq(dam_cpuset_get_thread(tid, &now), 0);
	return dam_cpuset_equal(&now, want);
}

static void assert_result(const struct dam_masks_result *r, unsigned int restored, unsigned int gone,
			  unsigned int left)
{
	ck_assert_uint_eq(r->restored, restored);
	ck_assert_uint_eq(r->gone, gone);
	ck_assert_uint_eq(r->left, left);
	ck_assert_uint_eq(r->failed, 0);
}

START_TEST(test_pin_and_restore)
{
	struct worker w;
	struct dam_masks *m;
	struct dam_masks_result r;
	int index;

	worker_start(&w);
	ck_assert_int_eq(dam_masks_open(path, &m), 0);
	index = put(m, w.tid, &first);
	ck_assert_int_ge(index, 0);
	ck_assert_uint_eq(dam_masks_count(m), 1);
	ck_assert_int_eq(dam_cpuset_set_thread(w.tid, &first), 0);
	ck_assert_int_eq(dam_masks_restore(m, &r), 0);
	assert_result(&r, 1, 0, 0);
	ck_assert(has_mask(w.tid, &all));
	ck_assert_uint_eq(dam_masks_count(m), 0);
	ck_assert_int_eq(dam_masks_restore(m, &r), 0);
	assert_result(&r, 0, 0, 0);
	dam_masks_close(m);
	worker_end(&w);
}
END_TEST

/* How far the coordinator came with a second move when it was killed. */
static const struct {
	const char *why;
	bool updated, written, cleared;
	unsigned int restored;
} death_rows[] = {
	{"died after the first pin", false, false, false, 1},
	{"died between the record and the second pin", true, false, false, 1},
	{"died after the second pin", true, true, false, 1},
	{"cleared: the mask is no longer DAM's business", true, true, true, 0},
};

START_TEST(test_death)
{
	const char *why = death_rows[_i].why;
	struct worker w;
	struct dam_masks_result r;
	pid_t child;
	int status;

	worker_start(&w);
	child = fork();
	if (child == 0) { /* the coordinator; it pins a thread of its parent and dies */
		struct dam_masks *m;
		uint64_t start = 0;
		int index = -1;

		if (dam_thread_start_time(getppid(), w.tid, &start) || dam_masks_open(path, &m))
			_exit(1);
		index = dam_masks_put(m, getppid(), w.tid, start, &all, &first);
		if (index < 0 || dam_cpuset_set_thread(w.tid, &first))
			_exit(2);
		if (death_rows[_i].updated && dam_masks_update(m, index, &second))
			_exit(3);
		if (death_rows[_i].written && dam_cpuset_set_thread(w.tid, &second))
			_exit(4);
		if (death_rows[_i].cleared)
			dam_masks_clear(m, index);
		kill(getpid(), SIGKILL);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFSIGNALED(status), "%s: exit %d", why, WEXITSTATUS(status));
	ck_assert_int_eq(dam_masks_restore_all(path, false, &r), 0);
	ck_assert_msg(r.restored == death_rows[_i].restored, "%s: restored %u", why, r.restored);
	ck_assert_msg(has_mask(w.tid, &all) == !death_rows[_i].cleared, "%s", why);
	worker_end(&w);
}
END_TEST

START_TEST(test_recorded_but_never_pinned)
{
	struct worker w;
	struct dam_masks *m;
	struct dam_masks_result r;

	worker_start(&w);
	ck_assert_int_eq(dam_masks_open(path, &m), 0);
	ck_assert_int_ge(put(m, w.tid, &first), 0);
	dam_masks_close(m);
	ck_assert_int_eq(dam_masks_restore_all(path, false, &r), 0);
	assert_result(&r, 0, 0, 1);
	ck_assert(has_mask(w.tid, &all));
	worker_end(&w);
}
END_TEST

START_TEST(test_foreign_mask)
{
	struct worker w;
	struct dam_masks *m;
	struct dam_masks_result r;

	worker_start(&w);
	ck_assert_int_eq(dam_masks_open(path, &m), 0);
	ck_assert_int_ge(put(m, w.tid, &first), 0);
	ck_assert_int_eq(dam_cpuset_set_thread(w.tid, &second), 0); /* taskset, say */
	dam_masks_close(m);
	ck_assert_int_eq(dam_masks_restore_all(path, false, &r), 0);
	assert_result(&r, 0, 0, 1);
	ck_assert(has_mask(w.tid, &second));
	worker_end(&w);
}
END_TEST

START_TEST(test_thread_gone)
{
	struct worker w;
	struct dam_masks *m;
	struct dam_masks_result r;
	uint64_t start = 0;

	worker_start(&w);
	ck_assert_int_eq(dam_masks_open(path, &m), 0);
	ck_assert_int_ge(put(m, w.tid, &first), 0);
	worker_end(&w);
	/* A number that was used again: this very thread, with another start time. */
	ck_assert_int_eq(dam_thread_start_time(getpid(), getpid(), &start), 0);
	ck_assert_int_ge(dam_masks_put(m, getpid(), getpid(), start - 1, &first, &all), 0);
	ck_assert_int_eq(dam_masks_restore(m, &r), 0);
	assert_result(&r, 0, 2, 0);
	ck_assert(has_mask(getpid(), &all));
	dam_masks_close(m);
}
END_TEST

/* A thread that creates another one, and a process, when it is told to. */
struct parent {
	struct worker w;
	pthread_barrier_t create, created;
	struct worker child_thread;
	pid_t child;
};

static void *create_children(void *arg)
{
	struct parent *p = arg;

	p->w.tid = (pid_t)syscall(SYS_gettid);
	pthread_barrier_wait(&p->w.ready);
	pthread_barrier_wait(&p->create);
	worker_start(&p->child_thread);
	p->child = fork();
	if (p->child == 0)
		for (;;)
			pause();
	pthread_barrier_wait(&p->created);
	pthread_barrier_wait(&p->w.end);
	return NULL;
}

/* Until now comes after then by at least a tick, so that start times differ. */
static void next_tick(void)
{
	uint64_t then = dam_ticks_now();

	while (dam_ticks_now() <= then + 1)
		usleep(1000);
}

START_TEST(test_inherited)
{
	struct parent p;
	struct worker before;
	struct dam_masks *m;
	struct dam_masks_result r;

	worker_start(&before);
	ck_assert_int_eq(dam_cpuset_set_thread(before.tid, &first), 0); /* the program's own pin */
	next_tick();
	pthread_barrier_init(&p.w.ready, NULL, 2);
	pthread_barrier_init(&p.w.end, NULL, 2);
	pthread_barrier_init(&p.create, NULL, 2);
	pthread_barrier_init(&p.created, NULL, 2);
	ck_assert_int_eq(pthread_create(&p.w.thread, NULL, create_children, &p), 0);
	pthread_barrier_wait(&p.w.ready);
	ck_assert_int_eq(dam_masks_open(path, &m), 0);
	ck_assert_int_ge(put(m, p.w.tid, &first), 0);
	ck_assert_int_eq(dam_cpuset_set_thread(p.w.tid, &first), 0);
	next_tick();
	pthread_barrier_wait(&p.create);
	pthread_barrier_wait(&p.created);
	ck_assert(has_mask(p.child_thread.tid, &first));
	ck_assert(has_mask(p.child, &first));
	worker_end(&p.w); /* the creator need not be there any more */

	ck_assert_int_eq(dam_masks_restore(m, &r), 0);
	assert_result(&r, 0, 1, 0);
	ck_assert_uint_eq(r.inherited, 2);
	ck_assert(has_mask(p.child_thread.tid, &all));
	ck_assert(has_mask(p.child, &all));
	ck_assert_msg(has_mask(before.tid, &first), "older than the pin: not inherited");
	dam_masks_close(m);
	kill(p.child, SIGKILL);
	waitpid(p.child, NULL, 0);
	worker_end(&p.child_thread);
	worker_end(&before);
}
END_TEST

/* A dead coordinator's entries survive the next open, and can be restored from there. */
START_TEST(test_left_over)
{
	struct worker w;
	struct dam_masks *m;
	struct dam_masks_result r;

	worker_start(&w);
	ck_assert_int_eq(dam_masks_open(path, &m), 0);
	ck_assert_int_ge(put(m, w.tid, &first), 0);
	ck_assert_int_eq(dam_cpuset_set_thread(w.tid, &first), 0);
	dam_masks_close(m);
	ck_assert_int_eq(dam_masks_open(path, &m), 0);
	ck_assert_uint_eq(dam_masks_count(m), 1);
	ck_assert_int_eq(dam_masks_restore(m, &r), 0);
	assert_result(&r, 1, 0, 0);
	ck_assert(has_mask(w.tid, &all));
	dam_masks_close(m);
	worker_end(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tools_maskfile");
	TCase *tc = tcase_create("rows");

	if (dam_cpuset_get_thread(0, &all))
		return EXIT_FAILURE;
	nr_cpus = dam_cpuset_count(&all);
	if (nr_cpus < 2)
		return 77; /* with one CPU there is nothing to pin to */
	nth_cpu(0, &first);
	nth_cpu(1, &second);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_pin_and_restore);
	tcase_add_loop_test(tc, test_death, 0, sizeof(death_rows) / sizeof(death_rows[0]));
	tcase_add_test(tc, test_recorded_but_never_pinned);
	tcase_add_test(tc, test_foreign_mask);
	tcase_add_test(tc, test_thread_gone);
	tcase_add_test(tc, test_inherited);
	tcase_add_test(tc, test_left_over);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
