/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Random bytes in board and ledger: every function answers, and none leaves the segment. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shm/board.h"
#include "shm/ledger.h"
#include "shm/segment.h"
#include "tests/suite.h"

#define GUARD  DAM_SEGMENT_UNIT
#define ROUNDS 300

static uint64_t state;

static uint64_t rnd(void) /* xorshift64* */
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dull;
}

/* A number of the kind that breaks checks: small, at a limit, next to one, or anything. */
static uint64_t nasty(void)
{
	static const uint64_t edge[] = {0, 1, DAM_BOARD_TARGETS, DAM_BOARD_DEVS, DAM_LEDGER_SLOTS,
					INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX};
	const uint64_t v = rnd();

	if (v % 4 == 0)
		return rnd();
	return edge[v / 4 % (sizeof(edge) / sizeof(edge[0]))] + v / 64 % 3 - 1;
}

static void scribble(void *p, size_t size)
{
	uint64_t *word = p;

	for (size_t i = 0; i < size / 8; i++)
		word[i] = rnd();
}

/* A segment with unmapped memory before and after it. */
static void *guarded(size_t size)
{
	char *area = mmap(NULL, size + 2 * GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *made, *map;
	int fd;

	ck_assert_ptr_ne(area, MAP_FAILED);
	ck_assert_int_eq(dam_segment_create("fuzz", size, false, &fd, &made), 0);
	munmap(made, size);
	ck_assert_int_eq(dam_segment_map(fd, size, false, area + GUARD, &map), 0);
	close(fd);
	return map;
}

/* Mostly a board that passes the first checks, so that the later ones are reached. */
static void damage_board(struct dam_board *b)
{
	const unsigned int i = rnd() % DAM_SNAPSHOTS;
	struct dam_board_snapshot *s = &b->snapshot[i];

	b->current = rnd() % 8 ? offsetof(struct dam_board, snapshot) + i * sizeof(*s) : nasty();
	b->period = nasty();
	s->generation = rnd() % 8 ? rnd() * 2 : rnd();
	s->nr_devs = rnd() % 4 ? rnd() % (DAM_BOARD_DEVS + 1) : (uint32_t)nasty();
	s->nr_targets = rnd() % 4 ? rnd() % (DAM_BOARD_TARGETS + 1) : (uint32_t)nasty();
	/* sorted, so that some devices are found */
	for (uint32_t n = 0; n < DAM_BOARD_DEVS && rnd() % 64; n++)
		s->dev[n] = (struct dam_board_dev){
			n, DAM_DEV_BLOCK, rnd() % 2 ? rnd() % DAM_BOARD_TARGETS : (uint32_t)nasty()};
}

static bool try_lookup(const struct dam_board *b, struct dam_ledger *l)
{
	struct dam_board_target t;
	const uint64_t dev = rnd() % 2 ? rnd() % 64 : nasty();
	int err = dam_board_lookup(b, l, rnd() % 4 ? DAM_DEV_BLOCK : DAM_DEV_CHAR, dev, nasty(), &t);

	ck_assert(err == 0 || err == -ENOENT || err == -EAGAIN || err == -EINVAL);
	ck_assert(err || (t.id != 0 && memchr(t.name, '\0', sizeof(t.name))));
	return err == 0;
}

START_TEST(test_board)
{
	struct dam_board *b = guarded(sizeof(*b));
	struct dam_ledger *l = guarded(sizeof(*l));
	unsigned int found = 0;

	state = 0x9e3779b97f4a7c15ull + (uint64_t)_i;
	for (unsigned int round = 0; round < ROUNDS / 3; round++) {
		scribble(b, sizeof(*b));
		ck_assert(!dam_board_valid(b));
		dam_board_alive(b, nasty());
		damage_board(b);
		l->announce = rnd() % 2 ? nasty() : 0;
		l->announce_ns = nasty();
		for (unsigned int i = 0; i < 100; i++)
			found += try_lookup(b, l);
	}
	/* the rows in between were reached */
	ck_assert_uint_gt(found, 0);
}
END_TEST

START_TEST(test_ledger)
{
	struct dam_ledger *l = guarded(sizeof(*l));
	struct dam_cpuset a, b;

	state = 0x2545f4914f6cdd1dull + (uint64_t)_i;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		struct dam_slot *s;

		scribble(l, offsetof(struct dam_ledger, slot[2]));
		l->slot[0].state = (uint32_t)nasty();
		l->nr_slots = (uint32_t)nasty();
		l->next_slot = (uint32_t)nasty();
		ck_assert(!dam_ledger_valid(l));
		ck_assert_uint_le(dam_ledger_nr_slots(l), DAM_LEDGER_SLOTS);
		ck_assert_uint_lt(dam_ledger_target(l, (uint32_t)nasty()), DAM_LEDGER_TARGETS);
		dam_slot_masks(&l->slot[0], &a, &b);
		dam_slot_set_masks(&l->slot[1], &a, &b);
		ck_assert(dam_slot_masks(&l->slot[1], &a, &b));
		s = dam_ledger_claim(l, 1);
		if (!s)
			continue;
		ck_assert(s >= &l->slot[0] && s < &l->slot[DAM_LEDGER_SLOTS]);
		ck_assert_uint_eq(((uintptr_t)s - (uintptr_t)l->slot) % sizeof(*s), 0);
		dam_slot_free(s);
		ck_assert_uint_eq(s->state, DAM_SLOT_FREE);
	}
}
END_TEST

static void one_reader(void *ctx, void (*fn)(const struct dam_ledger *l, void *arg), void *arg)
{
	fn(ctx, arg);
}

/* What a process may write where the coordinator reads: the writer neither crashes nor stops for good. */
START_TEST(test_announcements)
{
	static struct dam_ledger l;
	struct dam_board_writer w;
	unsigned int done = 0;
	uint64_t now_ns = 1;

	state = 0xd1342543de82ef95ull + (uint64_t)_i;
	ck_assert_int_eq(dam_board_create(&w), 0);
	for (unsigned int round = 0; round < 10000; round++, now_ns += rnd() % 20000000) {
		l.announce = rnd() % 2 ? rnd() % (w.period + 1) : nasty();
		l.announce_ns = rnd() % 2 ? now_ns - rnd() % 2000000000 : nasty();
		done += dam_board_publish(&w, NULL, 0, NULL, 0, one_reader, &l, now_ns) == 0;
	}
	ck_assert_uint_gt(done, 30);
	dam_board_destroy(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("shm_fuzz");
	TCase *tc = tcase_create("fuzz");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_board, 0, 3);
	tcase_add_loop_test(tc, test_ledger, 0, 3);
	tcase_add_loop_test(tc, test_announcements, 0, 3);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
