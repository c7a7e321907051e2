/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Which rings are the hooks': their count beside the heads, as both come in. */
#include "config.h"

#include <check.h>
#include <string.h>

#include "base/clock.h"
#include "tests/suite.h"
#include "tools/coord/observe.h"

#define RINGS 3
#define LOOKS 6
#define NEW   COORD_RING_NEW
#define OURS  COORD_RING_HOOKED
#define SEEN  COORD_RING_OBSERVED
#define BLIND COORD_RING_BLIND
#define ENTRIES 32

/* The heads and the count stand still between looks. */
unsigned int coord_ring_look(struct coord *c, struct coord_watch *w, struct coord_ring *r, uint64_t now_ns)
{
	(void)c;
	(void)w;
	(void)r;
	(void)now_ns;
	return 0;
}

void coord_sample_ring_ops(struct coord_process *p)
{
	(void)p;
}

struct look {
	double at_s; /* since the rings were found; 0: no more looks */
	uint32_t head[RINGS];
	uint64_t counted; /* by the hooks, in all */
	enum coord_ring_state state[RINGS];
};

static const struct {
	const char *why;
	unsigned int rings;
	bool blind; /* the last one cannot be looked at */
	double attach_s; /* since the rings were found */
	struct look look[LOOKS];
} rows[] = {
	{"hooks count it", 1, false, -1, {{1, {100}, 100, {OURS}}, {4, {200}, 200, {OURS}}}},
	{"no hook counts it", 1, false, -1, {{1, {100}, 0, {SEEN}}, {4, {200}, 0, {SEEN}}}},
	{"hooks count one of two, for as long as the other's may be on the way", 2, false, -1,
	 {{1, {100, 90}, 100, {OURS, NEW}}, {1.5, {120, 95}, 120, {OURS, NEW}}, {2.5, {200, 99}, 200, {OURS, SEEN}}}},
	{"a thread that had to wait brings the second one's with its next submission", 2, false, -1,
	 {{1, {100, 90}, 100, {OURS, NEW}}, {1.5, {120, 95}, 215, {OURS, OURS}}}},
	{"and it is not taken for the first one's", 2, false, -1,
	 {{1, {100, 80}, 100, {OURS, NEW}}, {1.5, {180, 85}, 265, {OURS, OURS}}}},
	{"part of what a new one did has been counted so far", 1, false, -1,
	 {{1, {100}, 50, {NEW}}, {1.5, {110}, 60, {NEW}}, {1.8, {120}, 120, {OURS}}}},
	{"counted before the kernel takes them: the next time there are more than were counted", 1, false, -1,
	 {{1, {100}, 110, {OURS}}, {4, {120}, 120, {OURS}}, {7, {130}, 140, {OURS}}, {10, {141}, 141, {OURS}}}},
	{"the same with two of them, in turns", 2, false, -1,
	 {{1, {100, 100}, 216, {OURS, OURS}}, {4, {120, 110}, 230, {OURS, OURS}}, {7, {128, 120}, 256, {OURS, OURS}}}},
	{"what is counted for a ring that cannot be looked at is no other's", 2, true, -1,
	 {{1, {100, 0}, 5000, {OURS, BLIND}}, {4, {2100, 0}, 5100, {SEEN, BLIND}}}},
	{"what was counted of its first submission comes with its next one", 1, false, -1,
	 {{0.2, {1}, 0, {NEW}}, {1.9, {1}, 0, {NEW}}, {2.5, {1}, 0, {NEW}}, {3.1, {20}, 20, {OURS}}}},
	{"of which the queue can hold many", 1, false, -1, {{1, {64}, 0, {NEW}}, {1.9, {96}, 96, {OURS}}}},
	{"but nobody waits for it for good", 1, false, -1, {{3, {40}, 0, {NEW}}, {4, {80}, 0, {SEEN}}}},
	{"it was nobody's until the process attached", 1, false, 1.5,
	 {{1, {300}, 0, {SEEN}}, {1.6, {310}, 0, {NEW}}, {2, {340}, 40, {OURS}}}},
	{"and still is", 1, false, 1.5, {{1, {300}, 0, {SEEN}}, {2, {400}, 5, {NEW}}, {3.6, {500}, 5, {SEEN}}}},
	{"its first submission makes it attach", 1, false, 0.15,
	 {{0.1, {1}, 0, {NEW}}, {0.4, {1}, 0, {NEW}}, {2, {9}, 9, {OURS}}}},
	{"a few late ones do not make a stranger of it", 1, false, -1,
	 {{1, {100}, 100, {OURS}}, {4, {105}, 100, {OURS}}, {7, {205}, 205, {OURS}}}},
	{"hooks have stopped counting it", 1, false, -1,
	 {{1, {100}, 100, {OURS}}, {4, {200}, 100, {SEEN}}, {7, {300}, 200, {OURS}}}},
};

START_TEST(test_rows)
{
	static char some_ledger; /* only whether there is one is asked */
	struct coord_process p = {0};
	struct coord_ring ring[RINGS], *list[RINGS];
	struct coord_watch w = {.proc = &p, .ring = list, .nr_rings = rows[_i].rings, .born_ns = DAM_NS_PER_S};
	const uint64_t found_ns = 2 * DAM_NS_PER_S;

	memset(ring, 0, sizeof(ring));
	for (unsigned int i = 0; i < rows[_i].rings; i++) {
		list[i] = &ring[i];
		ring[i].shape.entries = ENTRIES;
		ring[i].found_ns = found_ns;
		ring[i].state = rows[_i].blind && i == rows[_i].rings - 1 ? BLIND : NEW;
	}
	for (const struct look *l = rows[_i].look; l < rows[_i].look + LOOKS && l->at_s > 0; l++) {
		for (unsigned int i = 0; i < rows[_i].rings; i++)
			ring[i].head = l->head[i];
		p.ring_ops = l->counted;
		if (!p.ledger && l->at_s >= rows[_i].attach_s) {
			p.ledger = (void *)&some_ledger;
			p.attached_ns = (uint64_t)((double)found_ns + rows[_i].attach_s * DAM_NS_PER_S);
		}
		coord_judge(NULL, &w, found_ns + (uint64_t)(l->at_s * DAM_NS_PER_S), false);
		for (unsigned int i = 0; i < rows[_i].rings; i++) {
			ring[i].settled = ring[i].state == SEEN ? ring[i].head : ring[i].settled;
			ck_assert_msg(ring[i].state == l->state[i], "%s: after %g s ring %u is %d, not %d", rows[_i].why,
				      l->at_s, i, ring[i].state, l->state[i]);
		}
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("coord_judge");
	TCase *tc = tcase_create("rows");

	tcase_add_loop_test(tc, test_rows, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
