/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Readers that are killed or stopped while they read: the writer goes on, and no reader is deceived. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "shm/board.h"
#include "shm/ledger.h"
#include "shm/rcu.h"
#include "tests/suite.h"

#define NR_READERS 3
#define NR_TARGETS 16
#define BOUND	   DAM_RCU_MAX_READ_NS

/* Written by a reader, watched by the test. */
struct progress {
	uint32_t inside; /* 1: it has announced itself and stays in the section */
	uint32_t changed; /* 1: it has seen its snapshot's generation change */
	uint64_t found, torn; /* lookups: answered; given up because the snapshot was replaced */
	uint64_t wrong;	 /* answers that belong to no publication: must stay 0 */
};

struct reader {
	pid_t pid; /* 0: gone, and reaped */
	struct dam_ledger *ledger;
	struct progress *progress;
};

static struct dam_board_writer w;
static struct reader readers[NR_READERS];

static void each_live(void *ctx, void (*fn)(const struct dam_ledger *l, void *arg), void *arg)
{
	(void)ctx;
	for (unsigned int i = 0; i < NR_READERS; i++)
		if (readers[i].pid)
			fn(readers[i].ledger, arg);
}

/*
 * Publication n: target i has id 16n + i + 1, and says n and i in its name; device d leads to target
 * (d + n) mod 16. So an answer mixed from two publications contradicts itself.
 */
static int publish(uint64_t now_ns)
{
	static uint32_t n;
	struct dam_board_target t[NR_TARGETS];
	struct dam_board_dev d[NR_TARGETS];
	int err;

	memset(t, 0, sizeof(t));
	for (unsigned int i = 0; i < NR_TARGETS; i++) {
		t[i].id = n * NR_TARGETS + i + 1;
		t[i].lba_bytes = i;
		snprintf(t[i].name, sizeof(t[i].name), "sim:%u.%u.%032u", n, i, n);
		d[i] = (struct dam_board_dev){i, DAM_DEV_BLOCK, (i + n) % NR_TARGETS};
	}
	err = dam_board_publish(&w, t, NR_TARGETS, d, NR_TARGETS, each_live, NULL, now_ns);
	n += !err;
	return err;
}

static bool contradicts(const struct dam_board_target *t, uint64_t dev)
{
	const uint32_t n = (t->id - 1) / NR_TARGETS, i = (t->id - 1) % NR_TARGETS;
	char name[DAM_NAME_MAX];

	snprintf(name, sizeof(name), "sim:%u.%u.%032u", n, i, n);
	return t->lba_bytes != i || i != (dev + n) % NR_TARGETS || strcmp(t->name, name) != 0;
}

/* A reader that looks devices up until it is killed. */
static void look_up(struct dam_ledger *l, struct progress *p)
{
	struct dam_board_target t;

	for (uint64_t dev = 0;; dev = (dev + 1) % NR_TARGETS) {
		int err = dam_board_lookup(w.map, l, DAM_DEV_BLOCK, dev, dam_now_coarse_ns(), &t);

		if (!err)
			__atomic_add_fetch(&p->found, 1, __ATOMIC_RELAXED);
		else if (err == -EAGAIN)
			__atomic_add_fetch(&p->torn, 1, __ATOMIC_RELAXED);
		if ((err && err != -EAGAIN) || (!err && contradicts(&t, dev)))
			__atomic_add_fetch(&p->wrong, 1, __ATOMIC_RELAXED);
	}
}

/* A reader that announces itself and stays in the section, looking at the generation. */
static void stay_inside(struct dam_ledger *l, struct progress *p)
{
	const struct dam_board_snapshot *s;
	uint64_t generation;

	dam_rcu_read_lock(w.map, l, dam_now_coarse_ns());
	s = (const void *)((const char *)w.map + __atomic_load_n(&w.map->current, __ATOMIC_ACQUIRE));
	generation = __atomic_load_n(&s->generation, __ATOMIC_ACQUIRE);
	__atomic_store_n(&p->inside, 1, __ATOMIC_RELEASE);
	for (;;)
		if (__atomic_load_n(&s->generation, __ATOMIC_ACQUIRE) != generation)
			__atomic_store_n(&p->changed, 1, __ATOMIC_RELEASE);
}

static void start(struct reader *r, void (*run)(struct dam_ledger *l, struct progress *p))
{
	int fd;

	ck_assert_int_eq(dam_ledger_create(1, &fd, &r->ledger), 0);
	close(fd);
	r->pid = fork();
	ck_assert_int_ge(r->pid, 0);
	if (r->pid)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	run(r->ledger, r->progress);
}

/* As the coordinator does: a dead process's ledger is read no more. */
static void end(struct reader *r)
{
	ck_assert_int_eq(kill(r->pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(r->pid, NULL, 0), r->pid);
	r->pid = 0;
	dam_ledger_destroy(r->ledger);
}

static void stop(struct reader *r)
{
	int status;

	ck_assert_int_eq(kill(r->pid, SIGSTOP), 0);
	ck_assert_int_eq(waitpid(r->pid, &status, WUNTRACED), r->pid);
	ck_assert(WIFSTOPPED(status));
}

static void wait_inside(const struct reader *r)
{
	while (!__atomic_load_n(&r->progress->inside, __ATOMIC_ACQUIRE))
		sched_yield();
}

static unsigned int publish_many(unsigned int nr, uint64_t now_ns)
{
	unsigned int done = 0;

	for (unsigned int i = 0; i < nr; i++)
		done += publish(now_ns) == 0;
	return done;
}

static void setup(void)
{
	struct progress *p = mmap(NULL, sizeof(*p) * NR_READERS, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(p, MAP_FAILED);
	for (unsigned int i = 0; i < NR_READERS; i++)
		readers[i].progress = &p[i];
	ck_assert_int_eq(dam_board_create(&w), 0);
	ck_assert_int_eq(publish(dam_now_ns()), 0);
}

static void teardown(void)
{
	for (unsigned int i = 0; i < NR_READERS; i++)
		if (readers[i].pid)
			end(&readers[i]);
	dam_board_destroy(&w);
}

START_TEST(test_killed_inside)
{
	uint64_t now_ns;

	for (unsigned int i = 0; i < NR_READERS; i++) {
		start(&readers[i], stay_inside);
		wait_inside(&readers[i]);
	}
	/* one moment for all that follows: nothing grows old */
	now_ns = dam_now_ns();
	ck_assert_uint_eq(publish_many(10, now_ns), DAM_SNAPSHOTS - 1);
	for (unsigned int i = 0; i < NR_READERS; i++)
		ck_assert_uint_eq(readers[i].progress->changed, 0);
	for (unsigned int i = 0; i < NR_READERS; i++)
		end(&readers[i]);
	ck_assert_uint_eq(publish_many(100, now_ns), 100);
}
END_TEST

START_TEST(test_stopped_inside)
{
	struct reader *r = &readers[0];
	uint64_t now_ns;

	start(r, stay_inside);
	wait_inside(r);
	stop(r);
	now_ns = dam_now_ns();
	ck_assert_uint_eq(publish_many(10, now_ns), DAM_SNAPSHOTS - 1);
	/* past the bound it is not waited for, however long it stays there */
	ck_assert_uint_eq(publish_many(100, now_ns + BOUND + 1), 100);
	ck_assert_uint_eq(r->progress->changed, 0);
	/* and when it goes on, it can tell */
	ck_assert_int_eq(kill(r->pid, SIGCONT), 0);
	while (!__atomic_load_n(&r->progress->changed, __ATOMIC_ACQUIRE))
		sched_yield();
}
END_TEST

/* Stop, continue, kill and replace one reader after the other, between publications. */
static void disturb(unsigned int round, uint64_t ahead_ns)
{
	struct reader *r = &readers[round % NR_READERS];

	if (round % 16 == 0) {
		end(r);
		start(r, look_up);
		return;
	}
	stop(r);
	publish_many(8, dam_now_ns() + ahead_ns);
	ck_assert_int_eq(kill(r->pid, SIGCONT), 0);
}

static const struct {
	const char *why;
	uint64_t ahead_ns; /* how far the writer's clock is ahead of the readers' */
} storms[] = {
	{"readers that announce themselves", 0},
	{"every announcement looks too old: the generation alone protects", 10 * BOUND},
};

START_TEST(test_storm)
{
	uint64_t found = 0, torn = 0, published = 0;

	for (unsigned int i = 0; i < NR_READERS; i++)
		start(&readers[i], look_up);
	for (unsigned int round = 1; round <= 300; round++) {
		disturb(round, storms[_i].ahead_ns);
		published += publish_many(200, dam_now_ns() + storms[_i].ahead_ns);
	}
	for (unsigned int i = 0; i < NR_READERS; i++) {
		const struct progress *p = readers[i].progress;

		ck_assert_msg(!__atomic_load_n(&p->wrong, __ATOMIC_RELAXED), "%s", storms[_i].why);
		found += __atomic_load_n(&p->found, __ATOMIC_RELAXED);
		torn += __atomic_load_n(&p->torn, __ATOMIC_RELAXED);
	}
	printf("%s: %" PRIu64 " publications, %" PRIu64 " skipped, %" PRIu64 " found, %" PRIu64
	       " torn\n", storms[_i].why, published, w.skipped, found, torn);
	ck_assert_uint_gt(published, 300);
	ck_assert_uint_gt(found, 300);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("shm_readers");
	TCase *tc = tcase_create("readers");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_killed_inside);
	tcase_add_test(tc, test_stopped_inside);
	tcase_add_loop_test(tc, test_storm, 0, sizeof(storms) / sizeof(storms[0]));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
