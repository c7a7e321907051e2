/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The ledger: slots come and go, masks are read whole, and lies of the process do no harm. */
#include "config.h"

#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shm/ledger.h"
#include "tests/suite.h"

#define NR_THREADS 10000
#define AT_ONCE	   16
#define OPS	   10

static struct dam_ledger *l;
static int fd;

static void setup(void)
{
	ck_assert_int_eq(dam_ledger_create(4711, &fd, &l), 0);
}

static void teardown(void)
{
	dam_ledger_destroy(l);
	close(fd);
}

START_TEST(test_header)
{
	static struct dam_ledger private_slots;
	uint32_t *word = (uint32_t *)(void *)l;

	ck_assert(dam_ledger_valid(l));
	ck_assert_uint_eq(l->owner_pid, 4711);
	for (unsigned int i = 0; i < 4; i++) { /* magic, version, size */
		word[i] ^= 1;
		ck_assert(!dam_ledger_valid(l));
		word[i] ^= 1;
	}
	ck_assert(!dam_ledger_valid(&private_slots));
	dam_ledger_init(&private_slots, 1);
	ck_assert(dam_ledger_valid(&private_slots));
	dam_ledger_destroy(NULL);
}
END_TEST

START_TEST(test_slot_life)
{
	static const struct dam_cpuset all = {{~0ull}}, some = {{1}};
	struct dam_cpuset a, b;
	struct dam_slot *s = dam_ledger_claim(l, 100), *t = dam_ledger_claim(l, 101);

	ck_assert_ptr_eq(s, &l->slot[0]);
	ck_assert_ptr_eq(t, &l->slot[1]);
	ck_assert_uint_eq(s->tid, 100);
	/* nobody looks before all of it has been written */
	ck_assert_uint_eq(s->state, DAM_SLOT_CLAIMED);
	dam_slot_publish(s);
	ck_assert_uint_eq(s->state, DAM_SLOT_LIVE);
	ck_assert_uint_lt(s->seq, t->seq);
	ck_assert_uint_eq(dam_ledger_nr_slots(l), 2);
	dam_count_add(&s->count[5].read_bytes, 4096);
	dam_count_add(&s->count[DAM_LEDGER_TARGETS - 1].write_ops, 1);
	s->inflight_ops_max = 7;
	dam_slot_set_masks(s, &all, &some);
	s->mapped_bytes = 1;
	dam_slot_end(s);
	ck_assert_uint_eq(s->state, DAM_SLOT_ENDED);
	ck_assert_uint_eq(s->count[5].read_bytes, 4096);
	/* not free before the coordinator has read it */
	ck_assert_ptr_eq(dam_ledger_claim(l, 102), &l->slot[2]);
	dam_slot_free(s);
	ck_assert_ptr_eq(dam_ledger_claim(l, 103), s);
	ck_assert_uint_eq(s->tid, 103);
	ck_assert_uint_eq(s->count[5].read_bytes, 0);
	ck_assert_uint_eq(s->count[DAM_LEDGER_TARGETS - 1].write_ops, 0);
	ck_assert_uint_eq(s->inflight_ops_max, 0);
	ck_assert_uint_eq(s->mapped_bytes, 0);
	ck_assert(!dam_slot_masks(s, &a, &b));
	ck_assert_uint_eq(dam_ledger_nr_slots(l), 3);
}
END_TEST

START_TEST(test_full)
{
	for (uint32_t i = 0; i < DAM_LEDGER_SLOTS; i++) {
		ck_assert_ptr_eq(dam_ledger_claim(l, i + 1), &l->slot[i]);
		ck_assert_uint_eq(dam_ledger_nr_slots(l), i + 1);
	}
	ck_assert_ptr_null(dam_ledger_claim(l, 9999));
	for (unsigned int i = 0; i < 3; i++) { /* wherever the free one is */
		struct dam_slot *s = &l->slot[i * (DAM_LEDGER_SLOTS - 1) / 2];

		dam_slot_end(s);
		ck_assert_ptr_null(dam_ledger_claim(l, 9999));
		dam_slot_free(s);
		ck_assert_ptr_eq(dam_ledger_claim(l, 9999), s);
	}
	ck_assert_uint_eq(dam_ledger_nr_slots(l), DAM_LEDGER_SLOTS);
}
END_TEST

static const struct {
	const char *why;
	uint32_t nr_slots, next_slot;
	unsigned int seen;
} lies[] = {
	{"more slots than there are", DAM_LEDGER_SLOTS + 1, 0, DAM_LEDGER_SLOTS},
	{"a count that overflows", UINT32_MAX, 0, DAM_LEDGER_SLOTS},
	{"the search begins outside", 10, UINT32_MAX, 10},
	{"both", UINT32_MAX, UINT32_MAX, DAM_LEDGER_SLOTS},
	{"fewer than are live", 0, 7, 0},
};

START_TEST(test_lies)
{
	struct dam_slot *s;

	for (uint32_t i = 0; i < 10; i++)
		ck_assert_ptr_nonnull(dam_ledger_claim(l, i + 1));
	l->nr_slots = lies[_i].nr_slots;
	l->next_slot = lies[_i].next_slot;
	ck_assert_msg(dam_ledger_nr_slots(l) == lies[_i].seen, "%s", lies[_i].why);
	s = dam_ledger_claim(l, 77);
	ck_assert_msg(s && s >= &l->slot[10] && s < &l->slot[DAM_LEDGER_SLOTS], "%s", lies[_i].why);
	ck_assert_msg(s->tid == 77, "%s", lies[_i].why);
}
END_TEST

/* One short-lived thread: claims, counts, ends. */
static void *come_and_go(void *arg)
{
	struct dam_slot *s = dam_ledger_claim(l, (uint32_t)(uintptr_t)arg);

	if (!s)
		return NULL;
	for (unsigned int i = 0; i < OPS; i++)
		dam_count_add(&s->count[DAM_LOCAL_FIRST].read_ops, 1);
	/* the slot is this thread's alone */
	if (s->tid != (uint32_t)(uintptr_t)arg)
		return NULL;
	dam_slot_end(s);
	return s;
}

/* The coordinator's sweep. Return: the operations of the slots it freed. */
static uint64_t sweep(unsigned int *freed)
{
	struct dam_count c;
	uint64_t ops = 0;

	for (unsigned int i = 0; i < dam_ledger_nr_slots(l); i++) {
		struct dam_slot *s = &l->slot[i];

		if (__atomic_load_n(&s->state, __ATOMIC_ACQUIRE) != DAM_SLOT_ENDED)
			continue;
		dam_count_read(&s->count[DAM_LOCAL_FIRST], &c);
		ops += c.read_ops;
		dam_slot_free(s);
		++*freed;
	}
	return ops;
}

static void *sweep_until_done(void *arg)
{
	unsigned int freed = 0;
	uint64_t ops = 0;

	while (!__atomic_load_n((bool *)arg, __ATOMIC_ACQUIRE)) {
		ops += sweep(&freed);
		sched_yield();
	}
	ops += sweep(&freed);
	return (void *)(uintptr_t)(freed == NR_THREADS ? ops : 0);
}

START_TEST(test_many_threads)
{
	pthread_t thread[AT_ONCE], sweeper;
	unsigned int not_free = 0;
	bool done = false;
	void *ret;

	ck_assert_int_eq(pthread_create(&sweeper, NULL, sweep_until_done, &done), 0);
	for (uintptr_t n = 0; n < NR_THREADS; n += AT_ONCE) {
		for (uintptr_t i = 0; i < AT_ONCE; i++)
			ck_assert_int_eq(pthread_create(&thread[i], NULL, come_and_go,
							(void *)(n + i + 1)), 0);
		for (unsigned int i = 0; i < AT_ONCE; i++) {
			pthread_join(thread[i], &ret);
			ck_assert_ptr_nonnull(ret);
		}
	}
	__atomic_store_n(&done, true, __ATOMIC_RELEASE);
	pthread_join(sweeper, &ret);
	ck_assert_uint_eq((uintptr_t)ret, NR_THREADS * OPS);
	for (unsigned int i = 0; i < DAM_LEDGER_SLOTS; i++)
		not_free += l->slot[i].state != DAM_SLOT_FREE;
	ck_assert_uint_eq(not_free, 0);
	ck_assert_uint_eq(l->slot_seq, NR_THREADS);
}
END_TEST

static void *claim_many(void *arg)
{
	uint32_t tid = (uint32_t)(uintptr_t)arg;

	for (unsigned int i = 0; i < DAM_LEDGER_SLOTS / AT_ONCE; i++) {
		struct dam_slot *s = dam_ledger_claim(l, tid);

		if (!s)
			return NULL;
		dam_count_add(&s->count[0].write_ops, 1);
		dam_slot_publish(s);
		/* every thread uses the same targets, in another order */
		if (dam_ledger_target(l, 100 + (i + tid) % 30) < DAM_LOCAL_FIRST)
			return NULL;
	}
	return arg;
}

/* The whole table is claimed at once: every slot has one owner, every target one place. */
START_TEST(test_concurrent_claim)
{
	unsigned int owned[AT_ONCE] = {0};
	pthread_t thread[AT_ONCE];
	void *ret;

	for (uintptr_t i = 0; i < AT_ONCE; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, claim_many, (void *)(i + 1)), 0);
	for (unsigned int i = 0; i < AT_ONCE; i++) {
		pthread_join(thread[i], &ret);
		ck_assert_ptr_nonnull(ret);
	}
	for (unsigned int i = 0; i < DAM_LEDGER_SLOTS; i++) {
		ck_assert_uint_eq(l->slot[i].state, DAM_SLOT_LIVE);
		ck_assert_uint_eq(l->slot[i].count[0].write_ops, 1);
		owned[l->slot[i].tid - 1]++;
	}
	for (unsigned int i = 0; i < AT_ONCE; i++)
		ck_assert_uint_eq(owned[i], DAM_LEDGER_SLOTS / AT_ONCE);
	ck_assert_ptr_null(dam_ledger_claim(l, 1));
	for (unsigned int i = DAM_LOCAL_FIRST; i < DAM_LEDGER_TARGETS; i++)
		ck_assert_uint_eq(dam_ledger_target(l, l->target_id[i]), i);
}
END_TEST

START_TEST(test_targets)
{
	for (unsigned int round = 0; round < 2; round++)
		for (unsigned int i = DAM_LOCAL_FIRST; i < DAM_LEDGER_TARGETS; i++)
			ck_assert_uint_eq(dam_ledger_target(l, 1000 + i), i);
	ck_assert_uint_eq(dam_ledger_target(l, 5), DAM_LOCAL_OTHER);
	ck_assert_uint_eq(dam_ledger_target(l, 0), DAM_LOCAL_OTHER);
	ck_assert_uint_eq(l->target_id[DAM_LOCAL_OTHER], 0);
	ck_assert_uint_eq(l->target_id[DAM_LOCAL_BUFFERED], 0);
}
END_TEST

static void fill_mask(struct dam_cpuset *s, uint64_t word)
{
	for (unsigned int i = 0; i < DAM_CPUSET_WORDS; i++)
		s->word[i] = word;
}

static void *change_masks(void *arg)
{
	struct dam_slot *s = &l->slot[0];
	struct dam_cpuset orig, dam;

	for (uint64_t n = 1; !__atomic_load_n((bool *)arg, __ATOMIC_ACQUIRE); n++) {
		fill_mask(&orig, n);
		fill_mask(&dam, ~n);
		dam_slot_set_masks(s, n % 64 ? &orig : NULL, &dam);
		/* a pause, or there is hardly a moment at which the masks do not change */
		sched_yield();
	}
	return NULL;
}

START_TEST(test_masks_whole)
{
	struct dam_cpuset orig, dam;
	unsigned int whole = 0;
	pthread_t coordinator;
	bool done = false;
	uint64_t last = 0;

	ck_assert_int_eq(pthread_create(&coordinator, NULL, change_masks, &done), 0);
	while (whole < 10000) {
		if (!dam_slot_masks(&l->slot[0], &orig, &dam))
			continue;
		whole++;
		for (unsigned int i = 0; i < DAM_CPUSET_WORDS; i++) {
			ck_assert_uint_eq(orig.word[i], orig.word[0]);
			ck_assert_uint_eq(dam.word[i], ~orig.word[0]);
		}
		ck_assert_uint_ge(orig.word[0], last);
		last = orig.word[0];
	}
	__atomic_store_n(&done, true, __ATOMIC_RELEASE);
	pthread_join(coordinator, NULL);
}
END_TEST

START_TEST(test_masks_abandoned)
{
	static const struct dam_cpuset all = {{~0ull}}, some = {{1}};
	struct dam_cpuset a = {{5}}, b = {{5}};
	struct dam_slot *s = dam_ledger_claim(l, 1);

	ck_assert(!dam_slot_masks(s, &a, &b));
	dam_slot_set_masks(s, &all, &some);
	ck_assert(dam_slot_masks(s, &a, &b));
	ck_assert(dam_cpuset_equal(&a, &all) && dam_cpuset_equal(&b, &some));
	/* the coordinator died half-way, or the process scribbled: no answer, and no endless wait */
	s->mask_seq |= 1;
	ck_assert(!dam_slot_masks(s, &a, &b));
	dam_slot_set_masks(s, &some, &some);
	ck_assert(dam_slot_masks(s, &a, &b));
	ck_assert(dam_cpuset_equal(&a, &some));
	dam_slot_set_masks(s, NULL, NULL);
	ck_assert(!dam_slot_masks(s, &a, &b));
}
END_TEST

START_TEST(test_counters)
{
	uint64_t v = 0;

	dam_count_add(&v, 3);
	dam_count_add(&v, UINT64_MAX / 2);
	ck_assert_uint_eq(v, UINT64_MAX / 2 + 3);
	ck_assert_uint_eq(dam_count_delta(10, 4), 6);
	ck_assert_uint_eq(dam_count_delta(4, 4), 0);
	/* the process punched a hole */
	ck_assert_uint_eq(dam_count_delta(0, 4), 0);
	ck_assert_uint_eq(dam_count_delta(UINT64_MAX, 0), UINT64_MAX);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("shm_ledger");
	TCase *tc = tcase_create("ledger");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_header);
	tcase_add_test(tc, test_slot_life);
	tcase_add_test(tc, test_full);
	tcase_add_loop_test(tc, test_lies, 0, sizeof(lies) / sizeof(lies[0]));
	tcase_add_test(tc, test_many_threads);
	tcase_add_test(tc, test_concurrent_claim);
	tcase_add_test(tc, test_targets);
	tcase_add_test(tc, test_masks_whole);
	tcase_add_test(tc, test_masks_abandoned);
	tcase_add_test(tc, test_counters);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
