/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What a ring that is gone did after the last look at it, by the bytes of its thread. */
#include "config.h"

#include <check.h>

#include "base/clock.h"
#include "tests/suite.h"
#include "tools/coord/observe.h"

#define SEEN  2000 /* operations, as the head told of them */
#define BLOCK 4096

static struct coord_thread thread;
static double ops, bytes;
static bool about_to_end;

bool coord_proc_ended(pid_t pid)
{
	(void)pid;
	return about_to_end;
}

struct coord_task *coord_task_find(struct coord_watch *w, pid_t tid)
{
	return w->task[0].tid == tid ? &w->task[0] : NULL;
}

struct coord_thread *coord_thread_observe(struct coord *c, struct coord_process *p, struct coord_task *task)
{
	(void)c;
	(void)p;
	(void)task;
	return &thread;
}

void coord_thread_pend(struct coord_thread *t, const struct coord_kind *k, double period_s)
{
	(void)t;
	(void)period_s;
	ops += k->ops[0];
	bytes += k->bytes[0];
}

void coord_thread_inflight(struct coord_thread *t, double mean, double peak)
{
	(void)t;
	(void)mean;
	(void)peak;
}

static const struct {
	const char *why;
	bool closed, exits, ended; /* the ring; its process is about to end; it has */
	double moved, least, most; /* operations after the look, as bytes tell; that may be given, in all */
} rows[] = {
	{"an open ring's head tells all", false, false, false, 0, SEEN, SEEN},
	{"a little that came after the look", true, false, false, 500, SEEN + 500, SEEN + 500},
	{"more than it can have done: the thread does something else by now", true, false, false, 6000, SEEN, SEEN + 3000},
	{"its process closes it as it ends, and had the machine for itself", true, true, false, 6000, SEEN + 6000,
	 SEEN + 6000},
	{"its process has ended", true, false, true, 6000, SEEN + 6000, SEEN + 6000},
};

START_TEST(test_rows)
{
	const uint64_t now = 10 * DAM_NS_PER_S;
	static struct coord c;
	struct coord_process p = {0};
	struct coord_task task = {.tid = 7, .owner = 7, .read_ns = now, .kernel = {(SEEN + rows[_i].moved) * BLOCK, 0}};
	struct coord_ring ring = {
		.state = COORD_RING_OBSERVED, .head = SEEN, .settled = 0, .poll_known = true, .known = true,
		.sampled = true, .nr_kinds = 1, .kind = {{.target = 0, .counted = true, .ops = {32}, .bytes = {32 * BLOCK}}},
		.size = {{32, 32 * BLOCK, 32.0 * BLOCK * BLOCK}}, .shape.entries = 8, .peak_rate = 5000, .rate = 4000,
		.mean_rate = 4000, .found_ns = now - DAM_NS_PER_S, .looked_ns = now - DAM_NS_PER_S / 5,
		.link = {{.tid = 7, .seen_ns = now}}, .ended = rows[_i].closed};
	struct coord_ring *list[] = {&ring};
	struct coord_watch w = {.pid = 7, .proc = &p, .ring = list, .nr_rings = 1, .task = &task, .nr_tasks = 1,
				.settled_ns = now - DAM_NS_PER_S, .ending = rows[_i].ended};

	about_to_end = rows[_i].exits;
	task.window[0] = task.kernel[0];
	coord_settle(&c, &w, now);
	ck_assert_msg(ops >= rows[_i].least - 0.5 && ops <= rows[_i].most + 0.5, "%s: %.1f operations, not %.0f to %.0f",
		      rows[_i].why, ops, rows[_i].least, rows[_i].most);
	ck_assert_msg(bytes >= (rows[_i].least - 0.5) * BLOCK && bytes <= (SEEN + rows[_i].moved + 0.5) * BLOCK,
		      "%s: %.0f bytes", rows[_i].why, bytes);
}
END_TEST

#define ROUNDS 6
#define EACH   100 /* operations in a round, half of them reads */

/* A ring that holds one entry shows a look one: the first read is seen in round @seen of settlements @period_s apart. */
static const struct {
	const char *why;
	int seen;
	double samples, period_s; /* of writes, by then */
	bool given; /* the bytes of all reads */
} firsts[] = {
	{"at once", 0, 2, 0.1, true},
	{"after some rounds: the kernel has counted them all along", 4, 2, 0.1, true},
	{"many looks saw none: the thread reads by other means", 4, 40, 0.1, false},
	{"so long after that they may be anything", 4, 2, 0.6, false},
};

START_TEST(test_first)
{
	static struct coord c;
	struct coord_process p = {0};
	struct coord_task task = {.tid = 7, .owner = 7};
	struct coord_ring ring = {.state = COORD_RING_OBSERVED, .poll_known = true, .known = true, .nr_kinds = 1,
				  .shape.entries = 1, .link = {{7, DAM_NS_PER_S}}};
	struct coord_ring *rings[] = {&ring};
	struct coord_watch w = {.proc = &p, .ring = rings, .nr_rings = 1, .task = &task, .nr_tasks = 1};
	uint64_t now = DAM_NS_PER_S;

	w.settled_ns = now;
	for (int i = 0; i < ROUNDS; i++) {
		double reads = i >= firsts[_i].seen, writes = firsts[_i].samples;

		now += (uint64_t)(firsts[_i].period_s * DAM_NS_PER_S);
		ring.head += EACH;
		ring.sampled = true;
		ring.kind[0] = (struct coord_kind){.target = 0, .counted = true, .ops = {reads, writes},
						   .bytes = {reads * BLOCK, writes * BLOCK}};
		ring.size[0] = (struct coord_sizes){reads, reads * BLOCK, reads * BLOCK * BLOCK};
		ring.size[1] = (struct coord_sizes){writes, writes * BLOCK, writes * BLOCK * BLOCK};
		ring.looked_ns = task.read_ns = now;
		for (int dir = 0; dir < 2; dir++)
			task.kernel[dir] += EACH / 2 * BLOCK;
		coord_settle(&c, &w, now);
	}
	ck_assert_msg((bytes == ROUNDS * EACH / 2 * BLOCK) == firsts[_i].given, "%s: %.0f bytes", firsts[_i].why, bytes);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("coord_settle");
	TCase *tc = tcase_create("rows");

	tcase_add_loop_test(tc, test_rows, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_loop_test(tc, test_first, 0, (int)(sizeof(firsts) / sizeof(firsts[0])));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
