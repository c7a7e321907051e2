/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* A ledger is another process's word: how much one tick does about it, and that all of it is done in the end. */
#include "config.h"

#include <check.h>
#include <stdlib.h>

#include "shm/ledger.h"
#include "tests/suite.h"
#include "tools/coord/coord.h"

#define SLOTS 4096
#define FEW   512 /* of those in a tick */

static struct coord c;
static struct coord_process p;
static unsigned int starts, ends;

struct coord_thread *coord_thread_start(struct coord *co, struct coord_process *pr, unsigned int slot)
{
	struct coord_thread *t = calloc(1, sizeof(*t));

	ck_assert_ptr_nonnull(t);
	t->proc = pr;
	t->slot = slot;
	t->seq = pr->ledger->slot[slot].seq;
	t->tid_inside = (pid_t)pr->ledger->slot[slot].tid;
	starts++;
	co->nr_live++;
	return t;
}

void coord_thread_end(struct coord *co, struct coord_thread *t)
{
	free(t);
	ends++;
	co->nr_live--;
}

void coord_thread_sample(struct coord *co, struct coord_thread *t, const struct coord_lapse *lapse)
{
	(void)co;
	(void)t;
	(void)lapse;
}

void coord_thread_ring_ops(struct coord_thread *t)
{
	(void)t;
}

void coord_drop(struct coord *co, struct coord_process *pr)
{
	(void)co;
	(void)pr;
}

static void claim_all(enum dam_slot_state state)
{
	for (unsigned int i = 0; i < SLOTS; i++) {
		struct dam_slot *s = &p.ledger->slot[i];

		s->tid = 1000 + i;
		s->seq++;
		__atomic_store_n(&s->state, state, __ATOMIC_RELEASE);
	}
	p.ledger->nr_slots = SLOTS;
}

static void setup(void)
{
	p.ledger = calloc(1, sizeof(*p.ledger));
	ck_assert_ptr_nonnull(p.ledger);
	c.processes = &p;
}

static void teardown(void)
{
	coord_sample_process(&c, &p, 0.01);
	for (unsigned int i = 0; i < p.nr_thread; i++)
		free(p.thread[i]);
	free(p.thread);
	free(p.ledger);
}

/* Ticks until @seen is @wanted. */
static unsigned int ticks_until(const unsigned int *seen, unsigned int wanted)
{
	unsigned int ticks = 0;

	for (; *seen < wanted && ticks < SLOTS; ticks++) {
		unsigned int before = *seen;

		coord_sample_processes(&c, 0.01);
		ck_assert_msg(*seen - before <= FEW, "%u slots in one tick", *seen - before);
	}
	ck_assert_uint_eq(*seen, wanted);
	return ticks;
}

START_TEST(test_all_begin)
{
	claim_all(DAM_SLOT_LIVE);
	ck_assert_uint_le(ticks_until(&starts, SLOTS), 100);
	coord_sample_processes(&c, 0.01);
	ck_assert_uint_eq(starts, SLOTS);
	claim_all(DAM_SLOT_LIVE); /* anew, as a program can that writes what it likes */
	coord_sample_processes(&c, 0.01);
	ck_assert_uint_le(starts, SLOTS + FEW);
}
END_TEST

/* Their counts are taken before slots are anybody's again. */
START_TEST(test_all_end)
{
	claim_all(DAM_SLOT_ENDED);
	coord_sample_processes(&c, 0.01);
	for (unsigned int i = 0, freed = 0; i < SLOTS; i++) {
		freed += p.ledger->slot[i].state == DAM_SLOT_FREE;
		ck_assert_uint_le(freed, ends);
	}
	ticks_until(&ends, SLOTS);
}
END_TEST

/* Its process has ended: nothing comes after this. */
START_TEST(test_last_look)
{
	claim_all(DAM_SLOT_ENDED);
	coord_sample_process(&c, &p, 0.01);
	ck_assert_uint_eq(ends, SLOTS);
}
END_TEST

/* With no room for more threads, room is looked for now and then, and found when there is some. */
START_TEST(test_no_room)
{
	unsigned int asked;

	c.nr_live = COORD_MAX_THREADS;
	claim_all(DAM_SLOT_LIVE);
	for (unsigned int i = 0; i < 1000; i++)
		coord_sample_processes(&c, 0.01);
	asked = (unsigned int)c.threads_dropped;
	ck_assert_msg(asked >= 5 && asked <= 50, "asked %u times in 1,000 ticks", asked);
	ck_assert_uint_eq(starts, 0);
	c.nr_live = 0;
	ticks_until(&starts, SLOTS);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("coord_slots");
	TCase *tc = tcase_create("ticks");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_all_begin);
	tcase_add_test(tc, test_all_end);
	tcase_add_test(tc, test_last_look);
	tcase_add_test(tc, test_no_room);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
