/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Numbers of threads are used again: before a mask is written, the number has to be the thread's that we know. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/suite.h"
#include "tools/common/proc.h"
#include "tools/coord/births.h"
#include "tools/coord/coord.h"

static struct dam_topology topo = {.nr_domains = 1};
static struct coord c;

const struct dam_topology *dam_hal_topology(const struct dam_hal *hal)
{
	(void)hal;
	return &topo;
}

const struct dam_cpuset *coord_births_adopt(struct coord *co, struct coord_thread *t, uint32_t placed,
					    const struct dam_cpuset *mask)
{
	(void)co;
	(void)t;
	(void)placed;
	(void)mask;
	return NULL;
}

const struct dam_cpuset *coord_births_orig(const struct coord_process *p, const struct dam_cpuset *mask)
{
	(void)p;
	(void)mask;
	return NULL;
}

void coord_followers_pin(struct coord *co, struct coord_thread *t, const struct dam_cpuset *mask)
{
	(void)co;
	(void)t;
	(void)mask;
}

void coord_followers_restore(struct coord *co, struct coord_thread *t)
{
	(void)co;
	(void)t;
}

struct coord_process *coord_client_find(struct coord *co, pid_t pid)
{
	(void)co;
	(void)pid;
	return NULL;
}

int coord_proc_stat(pid_t pid, pid_t *ppid, uint64_t *start)
{
	(void)pid;
	(void)ppid;
	(void)start;
	return -1;
}

static const struct {
	const char *why;
	bool moved;	     /* before */
	unsigned int former; /* ticks by which the thread that we know began before this one; 0: it is this one */
	bool changes;
} rows[] = {
	{"a thread that was never moved is moved", false, 0, true},
	{"one that was is restored", true, 0, true},
	{"another one has the number of one that was moved once", false, 100, false},
	{"another one, with the same mask, has the number of one that is moved", true, 100, false},
};

static bool has(const struct dam_cpuset *mask)
{
	struct dam_cpuset now;

	return !dam_cpuset_get_thread(gettid(), &now) && dam_cpuset_equal(&now, mask);
}

START_TEST(test_rows)
{
	char dir[64], path[80];
	struct coord_process p = {.pid = getpid()};
	struct coord_thread t = {.proc = &p, .pid = getpid(), .tid = gettid(), .slot = COORD_NO_SLOT, .allowed = 1,
				 .mask_entry = -1};
	struct dam_cpuset all, *one = &topo.domain[0].cpus, *before = rows[_i].moved ? one : &all;

	scratch_dir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/masks", dir);
	ck_assert_int_eq(dam_masks_open(path, &c.masks), 0);
	ck_assert_int_eq(dam_cpuset_get_thread(gettid(), &all), 0);
	for (unsigned int cpu = 0; dam_cpuset_empty(one); cpu++)
		if (dam_cpuset_has(&all, cpu))
			dam_cpuset_set(one, cpu);
	if (dam_cpuset_equal(&all, one))
		return; /* nowhere to move */
	ck_assert_int_eq(dam_thread_start_time(getpid(), gettid(), &t.start), 0);
	t.start -= rows[_i].former;
	t.orig = t.own = all;
	t.moved = rows[_i].moved;
	t.asked = t.dam = *one;
	ck_assert_int_eq(dam_cpuset_set_thread(gettid(), before), 0);
	if (t.moved)
		coord_mask_restore(&c, &t);
	else
		coord_mask_pin(&c, &t, 0);
	ck_assert_msg(has(before) != rows[_i].changes, "%s", rows[_i].why);
	dam_masks_close(c.masks);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("coord_masks");
	TCase *tc = tcase_create("numbers");

	tcase_add_loop_test(tc, test_rows, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
