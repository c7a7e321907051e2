/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The board: lookups, damaged content, and when a snapshot may be used again. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "shm/board.h"
#include "shm/ledger.h"
#include "shm/rcu.h"
#include "tests/suite.h"

#define NOW   1000000000000ull
#define BOUND DAM_RCU_MAX_READ_NS

static struct dam_board_writer w;
static struct dam_ledger ledger;

static const struct dam_board_target targets[] = {
	{.id = 11, .is_pool = 1, .lba_bytes = 512, .name = "nvme:subsys0"},
	{.id = 12, .lba_bytes = 4096, .name = "block:vda"},
	{.id = 13, .name = "sim:e0"},
};

static void one_reader(void *ctx, void (*fn)(const struct dam_ledger *l, void *arg), void *arg)
{
	fn(ctx, arg);
}

static int publish_at(uint64_t now_ns)
{
	/* not in order: publishing sorts */
	struct dam_board_dev devs[] = {
		{.dev = 0x10300, .type = DAM_DEV_CHAR, .target = 0},
		{.dev = 0x900000001, .type = DAM_DEV_BLOCK, .target = 1},
		{.dev = 0x10300, .type = DAM_DEV_BLOCK, .target = 1},
		{.dev = 1, .type = DAM_DEV_BLOCK, .target = 2},
	};

	return dam_board_publish(&w, targets, 3, devs, 4, one_reader, &ledger, now_ns);
}

static int lookup(enum dam_dev_type type, uint64_t dev, struct dam_board_target *out)
{
	return dam_board_lookup(w.map, &ledger, type, dev, NOW, out);
}

static struct dam_board_snapshot *current(void)
{
	return &w.map->snapshot[w.current];
}

static void setup(void)
{
	ck_assert_int_eq(dam_board_create(&w), 0);
	dam_ledger_init(&ledger, 1);
}

static void teardown(void)
{
	dam_board_destroy(&w);
}

static const struct {
	const char *why;
	enum dam_dev_type type;
	uint64_t dev;
	int err;
	uint32_t id;
} rows[] = {
	{"a block device", DAM_DEV_BLOCK, 0x10300, 0, 12},
	{"the same number of a character device", DAM_DEV_CHAR, 0x10300, 0, 11},
	{"a number beyond 32 bits", DAM_DEV_BLOCK, 0x900000001, 0, 12},
	{"not its lower half", DAM_DEV_CHAR, 1, -ENOENT, 0},
	{"the first of the sorted list", DAM_DEV_BLOCK, 1, 0, 13},
	{"below the first", DAM_DEV_BLOCK, 0, -ENOENT, 0},
	{"beyond the last", DAM_DEV_CHAR, UINT64_MAX, -ENOENT, 0},
	{"between two", DAM_DEV_BLOCK, 0x10301, -ENOENT, 0},
	{"no kind of device", DAM_DEV_NONE, 0, -ENOENT, 0},
};

START_TEST(test_lookup)
{
	struct dam_board_target t = {.id = 99};

	ck_assert_int_eq(publish_at(NOW), 0);
	ck_assert_msg(lookup(rows[_i].type, rows[_i].dev, &t) == rows[_i].err, "%s", rows[_i].why);
	ck_assert_msg(t.id == (rows[_i].err ? 99 : rows[_i].id), "%s", rows[_i].why);
	if (!rows[_i].err)
		ck_assert_mem_eq(&t, &targets[t.id - 11], sizeof(t));
	ck_assert_uint_eq(ledger.announce, 0);
}
END_TEST

/* Each damages the current snapshot, or the header that leads to it. */
static void many_devs(void)
{
	current()->nr_devs = DAM_BOARD_DEVS + 1;
}

static void all_devs(void)
{
	current()->nr_devs = UINT32_MAX;
}

static void many_targets(void)
{
	current()->nr_targets = UINT32_MAX;
	current()->dev[1].target = DAM_BOARD_TARGETS;
}

static void far_target(void)
{
	current()->dev[1].target = UINT32_MAX;
}

static void unused_target(void)
{
	current()->dev[1].target = 3;
}

static void no_id(void)
{
	current()->target[1].id = 0;
}

static void odd_offset(void)
{
	w.map->current++;
}

static void into_header(void)
{
	w.map->current = 8;
}

static void one_beyond(void)
{
	w.map->current = offsetof(struct dam_board, snapshot) +
			 DAM_SNAPSHOTS * sizeof(struct dam_board_snapshot);
}

static void far_beyond(void)
{
	w.map->current = UINT64_MAX;
}

static void no_snapshot(void)
{
	w.map->current = 0;
}

static void half_filled(void)
{
	current()->generation++;
}

static void never_filled(void)
{
	w.map->current = offsetof(struct dam_board, snapshot) +
			 ((w.current + 1) % DAM_SNAPSHOTS) * sizeof(struct dam_board_snapshot);
}

static void no_devs(void)
{
	current()->nr_devs = 0;
}

static const struct {
	const char *why;
	void (*damage)(void);
	int err;
} damages[] = {
	{"one device too many", many_devs, -EINVAL},
	{"a count that overflows", all_devs, -EINVAL},
	{"a count of targets that lies", many_targets, -EINVAL},
	{"an index far away", far_target, -EINVAL},
	{"an index into unused targets", unused_target, -EINVAL},
	{"a target without id", no_id, -EINVAL},
	{"an offset between snapshots", odd_offset, -EINVAL},
	{"an offset into the header", into_header, -EINVAL},
	{"an offset just beyond", one_beyond, -EINVAL},
	{"an offset that wraps", far_beyond, -EINVAL},
	{"nothing published", no_snapshot, -EAGAIN},
	{"being filled", half_filled, -EAGAIN},
	{"a snapshot of zeroes is an empty one", never_filled, -ENOENT},
	{"an empty directory", no_devs, -ENOENT},
};

START_TEST(test_damage)
{
	struct dam_board_target t = {.id = 99};
	int err;

	ck_assert_int_eq(publish_at(NOW), 0);
	ck_assert_int_eq(lookup(DAM_DEV_BLOCK, 0x10300, &t), 0);
	damages[_i].damage();
	t.id = 99;
	err = lookup(DAM_DEV_BLOCK, 0x10300, &t);
	ck_assert_msg(err == damages[_i].err, "%s: %d", damages[_i].why, err);
	ck_assert_uint_eq(t.id, 99);
	ck_assert_uint_eq(ledger.announce, 0);
}
END_TEST

START_TEST(test_name)
{
	struct dam_board_target t;

	ck_assert_int_eq(publish_at(NOW), 0);
	memset(current()->target[1].name, 'x', DAM_NAME_MAX);
	ck_assert_int_eq(lookup(DAM_DEV_BLOCK, 0x10300, &t), 0);
	ck_assert_uint_eq(strlen(t.name), DAM_NAME_MAX - 1);
}
END_TEST

START_TEST(test_publish_limits)
{
	static struct dam_board_target many[DAM_BOARD_TARGETS + 1];
	static struct dam_board_dev devs[DAM_BOARD_DEVS + 1];
	struct dam_board_target t;

	for (unsigned int i = 0; i <= DAM_BOARD_TARGETS; i++)
		many[i].id = i + 1;
	for (unsigned int i = 0; i <= DAM_BOARD_DEVS; i++)
		devs[i] = (struct dam_board_dev){DAM_BOARD_DEVS - i, DAM_DEV_BLOCK,
						 (DAM_BOARD_DEVS - i) % DAM_BOARD_TARGETS};
	ck_assert_int_eq(dam_board_publish(&w, NULL, 0, NULL, 0, one_reader, &ledger, NOW), 0);
	ck_assert_int_eq(lookup(DAM_DEV_BLOCK, 7, &t), -ENOENT);
	ck_assert_int_eq(dam_board_publish(&w, many, DAM_BOARD_TARGETS + 1, devs, 1, one_reader,
					   &ledger, NOW), -E2BIG);
	ck_assert_int_eq(dam_board_publish(&w, many, DAM_BOARD_TARGETS, devs, DAM_BOARD_DEVS + 1,
					   one_reader, &ledger, NOW), -E2BIG);
	ck_assert_int_eq(dam_board_publish(&w, many, 1, devs, 2, one_reader, &ledger, NOW),
			 -EINVAL);
	ck_assert_uint_eq(w.generation, 2);
	ck_assert_int_eq(dam_board_publish(&w, many, DAM_BOARD_TARGETS, devs, DAM_BOARD_DEVS,
					   one_reader, &ledger, NOW), 0);
	for (uint64_t i = 1; i <= DAM_BOARD_DEVS; i++) {
		ck_assert_int_eq(lookup(DAM_DEV_BLOCK, i, &t), 0);
		ck_assert_uint_eq(t.id, i % DAM_BOARD_TARGETS + 1);
	}
}
END_TEST

/* The targets of a publication lie in a page that cannot be read yet: so the writer is caught half-way. */
static struct dam_board_target *hidden;
static int seen_old, seen_half;

static void half_way(int sig)
{
	struct dam_board_target t;
	const uint64_t published = w.map->current;

	(void)sig;
	seen_old = lookup(DAM_DEV_BLOCK, 1, &t) == 0 && t.id == 13;
	/* a reader that was overtaken has the offset of the snapshot that is being filled */
	w.map->current = offsetof(struct dam_board, snapshot) + sizeof(struct dam_board_snapshot);
	seen_half = lookup(DAM_DEV_BLOCK, 1, &t);
	w.map->current = published;
	mprotect(hidden, sizeof(targets), PROT_READ);
}

START_TEST(test_caught_half_way)
{
	struct dam_board_dev dev = {.dev = 1, .type = DAM_DEV_BLOCK, .target = 1};
	struct dam_board_target t;

	ck_assert_int_eq(publish_at(NOW), 0);
	ck_assert_uint_eq(w.current, 0);
	hidden = mmap(NULL, sizeof(targets), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	ck_assert_ptr_ne(hidden, MAP_FAILED);
	memcpy(hidden, targets, sizeof(targets));
	ck_assert_int_eq(mprotect(hidden, sizeof(targets), PROT_NONE), 0);
	signal(SIGSEGV, half_way);
	ck_assert_int_eq(dam_board_publish(&w, hidden, 3, &dev, 1, one_reader, &ledger, NOW), 0);
	signal(SIGSEGV, SIG_DFL);
	ck_assert_int_eq(seen_old, 1);
	ck_assert_int_eq(seen_half, -EAGAIN);
	ck_assert_uint_eq(w.current, 1);
	ck_assert_int_eq(lookup(DAM_DEV_BLOCK, 1, &t), 0);
	ck_assert_uint_eq(t.id, 12);
}
END_TEST

/* The rules of reuse: a reader announced @age_ns before the writer's clock; how many of @wanted get through? */
static const struct {
	const char *why;
	uint64_t announce; /* 0: a reader of the present period */
	int64_t age_ns;
	unsigned int through; /* publications of 20, all at NOW */
} readers[] = {
	{"a reader blocks the reuse of what it may read", 0, 0, 3},
	{"the coarse clock lags", 0, 4000000, 3},
	{"the writer read its clock first", 0, -4000000, 3},
	{"just within the bound", 0, BOUND, 3},
	{"beyond the bound it is ignored", 0, BOUND + 1, 20},
	{"a time far in the future is no excuse", 0, -(int64_t)BOUND - 1, 20},
	{"a lie: older than anything", 1, 0, 3},
	{"a lie: a period yet to come", UINT64_MAX, 0, 20},
};

START_TEST(test_reuse)
{
	unsigned int through = 0;
	uint64_t generation;

	ck_assert_int_eq(publish_at(NOW), 0);
	generation = w.generation;
	dam_rcu_read_lock(w.map, &ledger, NOW - (uint64_t)readers[_i].age_ns);
	if (readers[_i].announce)
		ledger.announce = readers[_i].announce;
	for (unsigned int i = 0; i < 20; i++)
		through += publish_at(NOW) == 0;
	ck_assert_msg(through == readers[_i].through, "%s: %u", readers[_i].why, through);
	ck_assert_uint_eq(w.skipped, 20 - through);
	if (through < 20) /* what it reads is as it was */
		ck_assert_uint_eq(w.map->snapshot[0].generation, generation);
	dam_rcu_read_unlock(&ledger, 0);
	ck_assert_int_eq(publish_at(NOW), 0);
}
END_TEST

START_TEST(test_hostile_reader)
{
	unsigned int through = 0;
	uint64_t now_ns = NOW;

	/* announces the oldest period again and again: publication slows down, and goes on */
	for (unsigned int tick = 0; tick < 2000; tick++, now_ns += 10000000) {
		ledger.announce = 1;
		ledger.announce_ns = now_ns;
		through += publish_at(now_ns) == 0;
	}
	ck_assert_uint_ge(through, 20);
	ck_assert_uint_eq(through + w.skipped, 2000);
}
END_TEST

START_TEST(test_nesting)
{
	struct dam_board_target t;
	uint64_t former, inner;

	ck_assert_int_eq(publish_at(NOW), 0);
	former = dam_rcu_read_lock(w.map, &ledger, NOW);
	ck_assert_uint_eq(former, 0);
	ck_assert_int_eq(publish_at(NOW), 0);
	/* a signal handler looks something up: the older announcement stays */
	ck_assert_int_eq(lookup(DAM_DEV_BLOCK, 1, &t), 0);
	inner = dam_rcu_read_lock(w.map, &ledger, NOW + 1);
	ck_assert_uint_eq(ledger.announce, inner);
	ck_assert_uint_eq(ledger.announce_ns, NOW);
	ck_assert_uint_lt(inner, w.period);
	dam_rcu_read_unlock(&ledger, inner);
	ck_assert_uint_eq(ledger.announce, inner);
	/* it left by siglongjmp; a later read must not take the leftover for its own */
	former = dam_rcu_read_lock(w.map, &ledger, NOW + BOUND + 1);
	ck_assert_uint_eq(former, 0);
	ck_assert_uint_eq(ledger.announce, w.period);
	dam_rcu_read_unlock(&ledger, former);
	ck_assert_uint_eq(ledger.announce, 0);
}
END_TEST

START_TEST(test_header)
{
	struct dam_board_writer none = {.map = NULL};
	uint32_t *word = (uint32_t *)(void *)w.map;

	ck_assert(dam_board_valid(w.map));
	for (unsigned int i = 0; i < 4; i++) { /* magic, version, size */
		word[i] ^= 1;
		ck_assert(!dam_board_valid(w.map));
		word[i] ^= 1;
	}
	ck_assert(!dam_board_alive(w.map, NOW));
	dam_board_beat(&w, NOW);
	ck_assert(dam_board_alive(w.map, NOW));
	ck_assert(dam_board_alive(w.map, NOW - 4000000));
	ck_assert(dam_board_alive(w.map, NOW + DAM_STALE_NS));
	ck_assert(!dam_board_alive(w.map, NOW + DAM_STALE_NS + 1));
	w.map->closed = 1;
	ck_assert(!dam_board_alive(w.map, NOW));
	dam_board_destroy(NULL);
	dam_board_destroy(&none);
}
END_TEST

#define ADD_ROWS(tc, test, rows) tcase_add_loop_test(tc, test, 0, sizeof(rows) / sizeof((rows)[0]))

int main(void)
{
	Suite *s = suite_create("shm_board");
	TCase *tc = tcase_create("board");

	tcase_add_checked_fixture(tc, setup, teardown);
	ADD_ROWS(tc, test_lookup, rows);
	ADD_ROWS(tc, test_damage, damages);
	ADD_ROWS(tc, test_reuse, readers);
	tcase_add_test(tc, test_name);
	tcase_add_test(tc, test_caught_half_way);
	tcase_add_test(tc, test_publish_limits);
	tcase_add_test(tc, test_hostile_reader);
	tcase_add_test(tc, test_nesting);
	tcase_add_test(tc, test_header);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
