/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * RCU across processes, under stress: no snapshot changes under a reader that is within its bound.
 *
 * Built a second time without the read side's fence (test_shm_rcu_nofence), the same program must see one
 * change. For that the announcement has to linger in the reader's store buffer while its loads go ahead:
 * so stores to many cold lines come just before it. The writer helps by having two snapshots only, and
 * publishing as fast as it can.
 *
 * Usage: test_shm_rcu_stress [SECONDS]. Exit status: 0: no violation; 1: violations; 2: the test could not
 * be carried out; 77: not on this machine.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cpuset.h"
#include "shm/board.h"
#include "shm/ledger.h"
#include "shm/rcu.h"

#define COLD_BYTES  (64u << 20) /* larger than the caches and what the TLB covers */
#define COLD_STORES 40		/* most of a store buffer */
#define COLD_STRIDE (4096 + 64)
#define READ_LOOKS  200	 /* loads of the generation in one read section: a microsecond or so */
#define MIN_READS   1000 /* fewer reads or publications than these prove nothing */
#define GIVE_UP_NS  (60 * DAM_NS_PER_S)

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(DAM_RCU_TEST_NO_FENCE) && (defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer))
#define FENCED_BY_SANITIZER 1
#else
#define FENCED_BY_SANITIZER 0
#endif

enum { EXIT_CLEAN = 0, EXIT_VIOLATED = 1, EXIT_BROKEN = 2, EXIT_SKIP = 77 };

/* Written by the reader, watched by the writer. */
struct report {
	uint64_t reads, violations, late;
};

static struct report *report;
static struct dam_ledger blocker; /* a reader that never ends: keeps two of the snapshots from use */

static void store_cold_lines(unsigned char *buf)
{
	static size_t at;

	for (unsigned int i = 0; i < COLD_STORES; i++) {
		at = (at + COLD_STRIDE) % COLD_BYTES;
		*(volatile unsigned char *)(buf + at) = 1;
	}
}

/* One read section. Return: did the snapshot change under it? */
static bool read_once(const struct dam_board *b, struct dam_ledger *l, unsigned char *cold)
{
	uint64_t now_ns = dam_now_coarse_ns(), former, offset, first, again;
	const struct dam_board_snapshot *s;

	store_cold_lines(cold);
	former = dam_rcu_read_lock(b, l, now_ns);
	offset = __atomic_load_n(&b->current, __ATOMIC_ACQUIRE);
	s = (const struct dam_board_snapshot *)((const char *)b + offset);
	first = again = __atomic_load_n(&s->generation, __ATOMIC_ACQUIRE);
	for (unsigned int i = 0; i < READ_LOOKS && again == first; i++)
		again = __atomic_load_n(&s->generation, __ATOMIC_ACQUIRE);
	dam_rcu_read_unlock(l, former);
	if (first % 2 == 0 && again == first)
		return false;
	/* descheduled beyond the bound: the writer was right not to wait for it */
	if (dam_rcu_timely(now_ns, dam_now_ns()))
		return true;
	__atomic_add_fetch(&report->late, 1, __ATOMIC_RELAXED);
	return false;
}

static void run_reader(const struct dam_board *b, struct dam_ledger *l)
{
	unsigned char *cold = mmap(NULL, COLD_BYTES, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (cold == MAP_FAILED)
		_exit(EXIT_BROKEN);
	memset(cold, 1, COLD_BYTES);
	for (;;) {
		if (read_once(b, l, cold))
			__atomic_add_fetch(&report->violations, 1, __ATOMIC_RELAXED);
		__atomic_store_n(&report->reads, report->reads + 1, __ATOMIC_RELAXED);
	}
}

static void each_reader(void *ctx, void (*fn)(const struct dam_ledger *l, void *arg), void *arg)
{
	fn(ctx, arg);
	fn(&blocker, arg);
}

static int publish(struct dam_board_writer *w, struct dam_ledger *reader, uint64_t now_ns)
{
	static const struct dam_board_target target = {.id = 1, .name = "sim:e0"};
	struct dam_board_dev dev = {.dev = 1, .type = DAM_DEV_BLOCK};

	blocker.announce_ns = now_ns;
	return dam_board_publish(w, &target, 1, &dev, 1, each_reader, reader, now_ns);
}

/* Leave the writer two snapshots: the others were retired in a period that the blocker is older than. */
static void block_snapshots(struct dam_board_writer *w)
{
	blocker.announce = UINT64_MAX - 1;
	for (unsigned int i = 2; i < DAM_SNAPSHOTS; i++) {
		w->retired[i] = UINT64_MAX;
		w->retired_ns[i] = dam_now_ns() + 2 * GIVE_UP_NS;
	}
}

/* Publish for @seconds and until enough was read. Return: the number of publications. */
static uint64_t run_writer(struct dam_board_writer *w, struct dam_ledger *l, uint64_t seconds)
{
	const uint64_t start_ns = dam_now_ns();
	uint64_t nr = 0, now_ns, reads;

	do {
		for (unsigned int i = 0; i < 1000; i++)
			nr += publish(w, l, dam_now_ns()) == 0;
		now_ns = dam_now_ns();
		reads = __atomic_load_n(&report->reads, __ATOMIC_RELAXED);
	} while (!__atomic_load_n(&report->violations, __ATOMIC_RELAXED) &&
		 now_ns - start_ns < GIVE_UP_NS &&
		 (now_ns - start_ns < seconds * DAM_NS_PER_S || reads < MIN_READS || nr < MIN_READS));
	return nr;
}

/* The two CPUs to use. Return: false when there are fewer. */
static bool two_cpus(struct dam_cpuset cpu[2])
{
	struct dam_cpuset mine;
	unsigned int nr = 0;

	memset(cpu, 0, 2 * sizeof(cpu[0]));
	if (dam_cpuset_get_thread(0, &mine))
		return false;
	for (unsigned int i = 0; i < DAM_MAX_CPUS && nr < 2; i++)
		if (dam_cpuset_has(&mine, i))
			dam_cpuset_set(&cpu[nr++], i);
	return nr == 2;
}

static int verdict(const struct dam_board_writer *w, uint64_t published)
{
	const uint64_t reads = __atomic_load_n(&report->reads, __ATOMIC_RELAXED);
	const uint64_t bad = __atomic_load_n(&report->violations, __ATOMIC_RELAXED);

	printf("%" PRIu64 " reads, %" PRIu64 " publications, %" PRIu64 " skipped, %" PRIu64
	       " late, %" PRIu64 " violations\n",
	       reads, published, w->skipped, report->late, bad);
	if (bad)
		return EXIT_VIOLATED;
	return reads < MIN_READS || published < MIN_READS ? EXIT_BROKEN : EXIT_CLEAN;
}

int main(int argc, char **argv)
{
	const uint64_t seconds = argc > 1 ? strtoull(argv[1], NULL, 10) : 3;
	struct dam_board_writer w;
	struct dam_ledger *l;
	struct dam_cpuset cpu[2];
	uint64_t published;
	pid_t reader;
	int fd;

	if (FENCED_BY_SANITIZER) {
		puts("the thread sanitizer's own fences stand in for the one that was taken out");
		return EXIT_SKIP;
	}
	if (!two_cpus(cpu)) {
		puts("needs two CPUs: what is tested is the order of one CPU's stores as another sees it");
		return EXIT_SKIP;
	}
	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (report == MAP_FAILED || dam_board_create(&w) || dam_ledger_create(1, &fd, &l))
		return EXIT_BROKEN;
	block_snapshots(&w);
	if (publish(&w, l, dam_now_ns()))
		return EXIT_BROKEN;
	reader = fork();
	if (reader == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dam_cpuset_set_thread(0, &cpu[1]);
		run_reader(w.map, l);
	}
	dam_cpuset_set_thread(0, &cpu[0]);
	published = run_writer(&w, l, seconds);
	if (reader < 0 || kill(reader, SIGKILL) || waitpid(reader, NULL, 0) != reader)
		return EXIT_BROKEN;
	dam_ledger_destroy(l);
	return verdict(&w, published);
}
