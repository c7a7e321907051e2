/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * When each watched process is looked at: a budget for every tick, resumed at the next.
 *
 * A round of one process: its descriptors (now and then; its memory, seldom), its rings, its threads if a ring has
 * moved, the settlement.
 */
#include "config.h"
#include "tools/coord/observe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "tools/coord/procfs.h"

#define TICK_UNITS  256 /* about a microsecond each */
#define READ_UNITS  4
#define SCAN_NS \
	(140 *  \
	 DAM_NS_PER_MS) /* descriptors of a process that does I/O: new rings show within 200 ms */
#define SLOW_SCAN_NS DAM_NS_PER_S	  /* of one that does none that the kernel counts */
#define STIRRED_NS   (300 * DAM_NS_PER_MS) /* after a disk has moved, every process gets its turn within this */
#define ROUND_MIN_NS (20 * DAM_NS_PER_MS)
#define ROUND_MAX_NS (100 * DAM_NS_PER_MS)
#define ROUND_RING_NS \
	DAM_NS_PER_MS /* so many rings are looked at in a second as this goes into it */
#define SETTLE_MAX_NS  (200 * DAM_NS_PER_MS)
#define SETTLE_TASK_NS (3 * DAM_NS_PER_MS) /* as ROUND_RING_NS, for threads */

/* Uniform in 0.75 to 1.25 of @ns: what is sampled must not beat with what a program does. */
static uint64_t jittered(struct coord *c, uint64_t ns)
{
	c->random ^= c->random << 13;
	c->random ^= c->random >> 7;
	c->random ^= c->random << 17;
	return ns - ns / 4 + c->random % (ns / 2);
}

static void drop_ended_rings(struct coord *c, struct coord_watch *w)
{
	for (unsigned int i = 0; i < w->nr_rings;)
		if (w->ring[i]->ended)
			coord_ring_drop(c, w, i);
		else
			i++;
}

/* @moved: some ring has; else the rounds become longer. @settle: threads have been read. */
static void finish_round(struct coord *c, struct coord_watch *w, uint64_t now_ns, bool moved,
			 bool settle)
{
	uint64_t round = moved ? c->observed.rings * ROUND_RING_NS : 2 * w->round_ns;

	if (w->proc && w->nr_rings && (settle || !moved)) {
		coord_judge(c, w, now_ns, false);
		coord_settle(c, w, now_ns);
		coord_tasks_drop(c, w, now_ns, false);
		drop_ended_rings(c, w);
	}
	w->phase = WATCH_IDLE;
	w->still = !moved;
	w->quiet_ns = w->quiet_ns * 2 > SCAN_NS ? SCAN_NS : w->quiet_ns * 2;
	w->round_ns = round < ROUND_MIN_NS   ? ROUND_MIN_NS
		      : round > ROUND_MAX_NS ? ROUND_MAX_NS
					     : round;
	w->due_ns = now_ns + (w->nr_rings ? jittered(c, w->round_ns) : w->quiet_ns);
}

static bool open_phase(struct coord_watch *w, const char *what)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)w->pid, what);
	w->dir = opendir(path);
	return w->dir;
}

static void close_phase(struct coord_watch *w)
{
	closedir(w->dir);
	w->dir = NULL;
}

/* Perhaps its pid is somebody else's by now. Who cannot be asked for want of descriptors has not ended. */
static bool still_there(struct coord_watch *w)
{
	uint64_t start;
	pid_t ppid;
	int err = coord_proc_stat(w->pid, &ppid, &start);

	return err ? err != -ENOENT : start == w->start;
}

/* Since its descriptors were looked through: if not, they are the same, and nothing was done by them. */
static bool has_run(struct coord_watch *w)
{
	return coord_proc_runtime(w->clock, &w->run_ns) || w->run_ns != w->scan_run_ns;
}

/*
 * Is it time to look through the descriptors? Only I/O that the kernel counts makes that urgent.
 * Return: 1; 0: no; -ENOENT: the process is gone.
 */
static int scan_due(const struct coord *c, struct coord_watch *w, uint64_t now_ns, int *units)
{
	bool moved, slow = now_ns >= w->slow_scan_ns;
	uint64_t io[2];
	int err;

	if (now_ns < w->scan_ns)
		return 0;
	--*units;
	if (!has_run(w) && !w->newcomer) {
		w->slow_scan_ns = slow ? now_ns + SLOW_SCAN_NS : w->slow_scan_ns;
		return 0;
	}
	*units -= READ_UNITS;
	err = coord_proc_io_kept(w->pid, &w->io_fd, io);
	if (w->io_fd >= c->max_fd) {
		close(w->io_fd);
		w->io_fd = -1;
	}
	if (err)
		return err == -ENOENT ? err : slow;
	if (slow && !still_there(w))
		return -ENOENT;
	moved = io[0] != w->io[0] || io[1] != w->io[1];
	w->stirs |= moved && w->scanned_ns;
	moved |= coord_since(now_ns, w->born_ns) < SLOW_SCAN_NS;
	w->io[0] = io[0];
	w->io[1] = io[1];
	if (w->proc)
		coord_coverage_note(w->proc, io);
	return moved || slow;
}

static void begin_scan(struct coord *c, struct coord_watch *w, uint64_t now_ns)
{
	w->scan_ns = now_ns + (w->quiet_ns < SCAN_NS ? w->quiet_ns : SCAN_NS) / 2;
	w->slow_scan_ns = now_ns + SLOW_SCAN_NS;
	w->scan_run_ns = w->run_ns;
	coord_family_settle(c, w, now_ns);
	coord_reach_check(c, w);
	if (open_phase(w, "fd")) {
		w->phase = WATCH_FDS;
		w->cursor = 0;
		w->blind = NULL;
		return;
	}
	if (errno != EACCES && errno != EPERM)
		w->scan_run_ns = 0; /* a shortage of descriptors */
	/* what a process that has ended leaves in /proc is root's */
	else if (!coord_proc_ended(w->pid)) {
		w->blind = "its descriptors cannot be read: not dumpable, or another user's";
		if (w->proc || coord_client_get(c, w))
			w->proc->coverage.blind = w->blind;
	}
	w->phase = WATCH_RINGS;
}

static void scan_fds(struct coord *c, struct coord_watch *w, uint64_t now_ns, int *units)
{
	struct dirent *d = NULL;

	while (*units > 0 && (d = readdir(w->dir))) {
		--*units;
		w->cursor++;
		c->observed.fds++;
		coord_ring_find(c, w, d->d_name);
	}
	if (d || *units <= 0)
		return;
	close_phase(w);
	w->scanned_ns = now_ns;
	/* many descriptors are looked through less often: one part in fifty of the time, at most */
	w->scan_ns = now_ns + (w->quiet_ns < SCAN_NS ? w->quiet_ns : SCAN_NS);
	if (w->scan_ns < now_ns + w->cursor * 50000ull)
		w->scan_ns = now_ns + w->cursor * 50000ull;
	w->cursor = 0;
	w->phase = coord_mapped_begin(w, now_ns) ? WATCH_MAPS : WATCH_RINGS;
}

/* Threads are read when enough has come together; at once where that tells whose a ring is, or was.
 */
static bool settle_due(const struct coord *c, const struct coord_watch *w, uint64_t now_ns)
{
	uint64_t wait_ns = c->observed.tasks * SETTLE_TASK_NS;

	for (unsigned int i = 0; i < w->nr_rings; i++)
		if (w->ring[i]->ended || coord_ring_puzzles(w, w->ring[i], now_ns))
			return true;
	return coord_since(now_ns, w->settled_ns) >=
	       (wait_ns < SETTLE_MAX_NS ? wait_ns : SETTLE_MAX_NS);
}

static void look_at_rings(struct coord *c, struct coord_watch *w, uint64_t now_ns, int *units)
{
	bool moved = false;

	while (w->cursor < w->nr_rings) {
		struct coord_ring *r = w->ring[w->cursor];

		if (*units <= 0)
			return;
		w->cursor++;
		if (r->state == COORD_RING_NEW || r->state == COORD_RING_OBSERVED)
			*units -= (int)coord_ring_look(c, w, r, now_ns);
	}
	for (unsigned int i = 0; i < w->nr_rings; i++) {
		struct coord_ring *r = w->ring[i];

		moved |= r->state != COORD_RING_HOOKED && (r->advanced || r->ended);
	}
	w->cursor = 0;
	if (moved && settle_due(c, w, now_ns) && open_phase(w, "task")) {
		w->phase = WATCH_TASKS;
		w->pass++;
		w->task_hint = 0;
	} else {
		finish_round(c, w, now_ns, moved, false);
	}
}

static void read_tasks(struct coord *c, struct coord_watch *w, uint64_t now_ns, int *units)
{
	struct dirent *d = NULL;

	while (*units > 0 && (d = readdir(w->dir)))
		*units -= (int)coord_task_read(c, w, d->d_name, now_ns);
	if (d || *units <= 0)
		return;
	close_phase(w);
	coord_tasks_ended(c, w, now_ns);
	finish_round(c, w, now_ns, true, true);
}

/* Nothing has been heard of its rings, and no disk has moved that one of them could have moved: once a second will do. */
static bool may_rest(const struct coord *c, const struct coord_watch *w, uint64_t now_ns)
{
	return w->phase == WATCH_IDLE && w->still && now_ns < w->slow_scan_ns && !c->storage_unseen &&
	       coord_since(now_ns, c->storage_ns) > STIRRED_NS && coord_since(now_ns, w->born_ns) > SLOW_SCAN_NS;
}

static void step(struct coord *c, struct coord_watch *w, uint64_t now_ns, int *units)
{
	if (may_rest(c, w, now_ns))
		return;
	if (w->phase == WATCH_IDLE && now_ns >= w->due_ns) {
		int scan = scan_due(c, w, now_ns, units);

		/* a process that we have a descriptor of is dropped when that says so */
		if (scan < 0 && !w->proc) {
			coord_watch_drop(c, w);
			return;
		}
		w->cursor = 0;
		if (scan > 0)
			begin_scan(c, w, now_ns);
		else
			w->phase = WATCH_RINGS;
	}
	if (w->phase == WATCH_FDS)
		scan_fds(c, w, now_ns, units);
	if (w->phase == WATCH_MAPS && coord_mapped_go_on(c, w, units))
		w->phase = WATCH_RINGS;
	if (w->phase == WATCH_RINGS)
		look_at_rings(c, w, now_ns, units);
	if (w->phase == WATCH_TASKS)
		read_tasks(c, w, now_ns, units);
}

void coord_observe_tick(struct coord *c, uint64_t now_ns)
{
	/* who has very many descriptors or threads does not keep the others from being looked at */
	const int share = c->nr_watches > 1 ? TICK_UNITS / 2 : TICK_UNITS;
	int left = TICK_UNITS;
	uint64_t begin = dam_now_ns(), ns;

	if (!c->nr_watches)
		return;
	coord_family_tick(c, begin);
	coord_exits_tick(c, begin);
	for (unsigned int n = c->nr_watches; n && c->watches && left > 0; n--) {
		struct coord_watch *w = c->watch_next ? c->watch_next : c->watches;
		int units = share < left ? share : left;

		left -= units;
		c->watch_next = w;
		if (w->phase != WATCH_IDLE || now_ns >= w->due_ns)
			step(c, w, now_ns, &units);
		left += units;
		if (c->watch_next == w && left > 0) /* else it was dropped, or is resumed */
			c->watch_next = w->after;
	}
	c->observed.cut_short += left <= 0;
	ns = dam_now_ns() - begin;
	c->observed.ns += ns;
	if (ns > c->observed.ns_max)
		c->observed.ns_max = ns;
}

void coord_observe_end(struct coord *c, struct coord_watch *w)
{
	uint64_t now = dam_now_ns();

	if (w->dir)
		close_phase(w);
	w->ending = true;
	w->pass++; /* every thread has ended */
	for (unsigned int i = 0; i < w->nr_rings; i++)
		w->ring[i]->ended = true;
	if (w->proc && w->nr_rings) {
		coord_tasks_ended(c, w, now);
		coord_judge(c, w, now, true);
		coord_settle(c, w, now);
	}
	coord_watch_drop(c, w);
}

int coord_observe_open(struct coord *c)
{
	int err = coord_peek_open();

	c->random = dam_now_ns() | 1;
	coord_family_open(c);
	c->outermost = coord_proc_outermost();
	if (err) {
		c->observed.off = strerror(-err);
		dam_warn("io_uring rings cannot be observed here: %s", c->observed.off);
	}
	return err;
}

void coord_observe_close(struct coord *c)
{
	while (c->watches)
		coord_watch_drop(c, c->watches);
	coord_exits_close(c);
	coord_family_close(c);
}
