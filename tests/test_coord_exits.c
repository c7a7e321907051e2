/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The kernel tells of threads that end: is its count there by then, and is it theirs? Needs root in the first namespaces. */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/suite.h"
#include "tools/coord/observe.h"

#define BLOCK	4096
#define THREADS 8
#define CHURN	4000 /* more than the queue holds */

static struct coord_watch watch;
static unsigned int nr_told;
static struct {
	pid_t tid;
	uint64_t io[2];
} told[THREADS], own[THREADS];

struct coord_watch *coord_watch_find(struct coord *c, pid_t pid)
{
	(void)c;
	return pid == getpid() ? &watch : NULL;
}

void coord_task_told(struct coord *c, struct coord_watch *w, pid_t tid, const char *comm, const uint64_t io[2])
{
	(void)c;
	(void)comm;
	ck_assert_ptr_eq(w, &watch);
	for (unsigned int i = 0; i < THREADS; i++)
		if (own[i].tid == tid) {
			told[i].tid = tid;
			memcpy(told[i].io, io, sizeof(told[i].io));
		}
	nr_told++;
}

/* Reads as many blocks as its number says. */
static void *read_blocks(void *arg)
{
	unsigned int i = (unsigned int)(uintptr_t)arg;
	static _Alignas(BLOCK) char buf[THREADS][BLOCK];
	char path[] = "exits.XXXXXX";
	int fd = mkstemp(path);

	own[i].tid = (pid_t)syscall(SYS_gettid);
	for (unsigned int k = 0; k < i; k++)
		if (pwrite(fd, buf[i], BLOCK, (off_t)k * BLOCK) != BLOCK)
			break;
	fsync(fd);
	fcntl(fd, F_SETFL, O_DIRECT);
	for (unsigned int k = 0; k < i; k++)
		if (pread(fd, buf[i], BLOCK, (off_t)k * BLOCK) != BLOCK)
			break;
	close(fd);
	unlink(path);
	coord_proc_io(getpid(), own[i].tid, own[i].io);
	return NULL;
}

static void *nothing(void *arg)
{
	return arg;
}

static void churn(void)
{
	for (unsigned int i = 0; i < CHURN; i++) {
		pthread_t t;

		ck_assert(!pthread_create(&t, NULL, nothing, NULL));
		pthread_join(t, NULL);
	}
}

static void hear(struct coord *c)
{
	coord_exits_tick(c, dam_now_ns());
}

START_TEST(test_told)
{
	static struct coord c = {.observed.rings = 1};
	pthread_t thread[THREADS];

	watch.nr_rings = 1;
	hear(&c);
	ck_assert(c.exits.nl);
	for (uintptr_t i = 0; i < THREADS; i++)
		ck_assert(!pthread_create(&thread[i], NULL, read_blocks, (void *)i));
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	hear(&c);
	for (unsigned int i = 0; i < THREADS; i++) {
		ck_assert_msg(told[i].tid == own[i].tid, "thread %u was not told of", i);
		for (int dir = 0; dir < 2; dir++)
			ck_assert_msg(told[i].io[dir] / 1024 == own[i].io[dir] / 1024, "thread %u: %llu instead of %llu", i,
				      (unsigned long long)told[i].io[dir], (unsigned long long)own[i].io[dir]);
	}
	ck_assert_msg(own[THREADS - 1].io[0] || own[THREADS - 1].io[1], "no thread has moved anything: no proof");
	coord_exits_close(&c);
}
END_TEST

/* What is dropped costs no more than that; a tick hears no more than its share, and others are nobody's. */
START_TEST(test_flood)
{
	static struct coord c = {.observed.rings = 1};
	unsigned int before;

	watch.nr_rings = 1;
	hear(&c);
	churn();
	hear(&c);
	ck_assert_msg(nr_told && nr_told < CHURN / 2, "%u told of in a tick", nr_told);
	do {
		before = nr_told;
		hear(&c);
	} while (nr_told != before);
	churn();
	hear(&c);
	ck_assert_msg(nr_told > before, "nothing is heard after a flood");
	watch.nr_rings = 0; /* a process without rings */
	do {
		before = nr_told;
		hear(&c);
	} while (nr_told != before);
	coord_exits_close(&c);
}
END_TEST

/* It stops listening a while after the last ring is gone. */
START_TEST(test_stops)
{
	static struct coord c = {.observed.rings = 1};
	uint64_t now = dam_now_ns();

	coord_exits_tick(&c, now);
	ck_assert(c.exits.nl);
	c.observed.rings = 0;
	coord_exits_tick(&c, now + DAM_NS_PER_MS);
	ck_assert(c.exits.nl);
	coord_exits_tick(&c, now + 60 * DAM_NS_PER_S);
	ck_assert(!c.exits.nl);
}
END_TEST

int main(void)
{
	static struct coord c = {.observed.rings = 1};
	Suite *s = suite_create("coord_exits");
	TCase *tc = tcase_create("told");

	coord_exits_tick(&c, dam_now_ns());
	if (!c.exits.nl) {
		puts("the kernel does not tell of threads that end here: no right, or no TASKSTATS");
		return 77;
	}
	coord_exits_close(&c);
	tcase_add_test(tc, test_told);
	tcase_add_test(tc, test_flood);
	tcase_add_test(tc, test_stops);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
