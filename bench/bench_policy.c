/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * What a decision costs: one tick of policy/ with 100 to 100,000 threads on 256 engines in 16 pools over 16 domains,
 * half of the engines behind ports of their own capacity. With nothing to move, with a plan of 100 moves, and
 * where every engine is overloaded and nothing would help.
 */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "policy/policy.h"

#define DOMAINS	   16
#define POOLS	   16
#define ENGINES	   (POOLS * DOMAINS)
#define CAPACITY   1e9
#define OP	   65536.0
#define BASE_S	   1e-4
#define DT	   0.01
#define MOVES	   100
#define ROUNDS	   15

struct machine {
	struct dam_policy *policy;
	unsigned int threads;
	bool crowded; /* all threads of the first pools sit on one engine of each */
	bool full;    /* more is asked of every engine than it has, and nothing helps */
};

/* Pools of which one engine has everybody: enough for MOVES moves, and not all of the machine. */
static unsigned int crowded_pools(const struct machine *m)
{
	return !m->crowded ? 0 : m->threads < 1000 ? POOLS : 4;
}

static unsigned int engine_of(const struct machine *m, unsigned int t)
{
	unsigned int pool = t % POOLS;

	return pool * DOMAINS + (pool < crowded_pools(m) ? 0 : t / POOLS % DOMAINS);
}

static void open_machine(struct machine *m)
{
	struct dam_policy_config cfg = {.weight_throughput = 1, .weight_latency = 1, .threshold = 0.15,
					.tick_s = DT, .max_moves = MOVES, .nr_domains = DOMAINS,
					.memory_bps = 10e9, .cache_bytes = 1 << 20, .max_components = ENGINES / 4};

	for (unsigned int a = 0; a < DOMAINS; a++)
		for (unsigned int b = 0; b < DOMAINS; b++)
			cfg.distance[a][b] = a == b ? 1 : 2.1F;
	m->policy = dam_policy_create(&cfg, ENGINES, POOLS, m->threads);
	for (unsigned int e = 0; e < ENGINES; e++)
		dam_policy_set_engine(m->policy, e, &(struct dam_policy_engine_desc){
			.pool = (int)(e / DOMAINS), .given_capacity = CAPACITY, .base_latency_s = BASE_S,
			.local_domains = 1ull << e % DOMAINS, .component = {e % 2 ? 1 + e / 4 : 0}});
	for (unsigned int c = 0; c < ENGINES / 4; c++)
		dam_policy_set_component(m->policy, c,
					 &(struct dam_policy_component_desc){.given_capacity = 1.9 * CAPACITY});
	for (unsigned int i = 0; i < POOLS; i++) {
		int map[DOMAINS];

		for (unsigned int d = 0; d < DOMAINS; d++)
			map[d] = (int)(i * DOMAINS + d);
		dam_policy_set_pool(m->policy, i, map);
	}
	for (unsigned int t = 0; t < m->threads; t++)
		dam_policy_add_thread(m->policy, t);
}

/* Samples of one tick: half of the engines' capacity is asked for when all are spread, or 1.2 of it. */
static void feed(const struct machine *m)
{
	double rate = fmin((m->full ? 1.2 : 0.5) * CAPACITY * ENGINES / m->threads, 0.4 * CAPACITY);
	double inflight = m->crowded || m->full ? 1 : rate * BASE_S / OP;
	static unsigned int users[ENGINES];

	for (unsigned int e = 0; e < ENGINES; e++)
		users[e] = 0;
	for (unsigned int t = 0; t < m->threads; t++) {
		unsigned int e = engine_of(m, t);

		users[e]++;
		dam_policy_thread(m->policy, t, DT, &(struct dam_policy_thread_sample){
			.engine = (int)e, .pool = (int)(e / DOMAINS), .domain = e % DOMAINS, .bytes = rate * DT,
			.ops = rate * DT / OP, .inflight_ops = inflight, .inflight_peak_ops = ceil(inflight), .memory_bps = NAN,
			.allowed = ~0ull, .movable = true, .cpu = 0.1});
	}
	for (unsigned int e = 0; e < ENGINES; e++)
		dam_policy_engine(m->policy, e, DT, &(struct dam_policy_engine_sample){
			.bytes = fmin(CAPACITY, users[e] * rate) * DT,
			.ops = fmin(CAPACITY, users[e] * rate) * DT / OP, .wait_s = NAN,
			.inflight_ops = users[e] * inflight, .valid = true});
}

/* Of the one core that is used, whoever else is on the machine. */
static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct cost {
	double feed_us, idle_us, plan_us;
	double most_us; /* of all ticks: where nothing helps, the one that looked for something */
	unsigned int moves;
};

/* Ticks of one machine until it plans, or, where nothing is to be moved, as many as are wanted. */
static void run(struct machine *m, struct cost *out)
{
	static struct dam_policy_move moves[MOVES];
	double feeds[ROUNDS], ticks[ROUNDS];

	open_machine(m);
	out->moves = 0;
	for (unsigned int i = 0; i < 100 + ROUNDS && !out->moves; i++) {
		double begin = now_us(), middle;

		feed(m);
		middle = now_us();
		out->moves = dam_policy_tick(m->policy, DT, NULL, moves, MOVES);
		feeds[i % ROUNDS] = middle - begin;
		ticks[i % ROUNDS] = out->plan_us = now_us() - middle;
	}
	dam_policy_destroy(m->policy);
	if (out->moves) { /* it planned early: no medians */
		out->most_us = out->plan_us;
		return;
	}
	qsort(feeds, ROUNDS, sizeof(feeds[0]), by_size);
	qsort(ticks, ROUNDS, sizeof(ticks[0]), by_size);
	out->feed_us = feeds[ROUNDS / 2];
	out->idle_us = ticks[ROUNDS / 2];
	out->most_us = ticks[ROUNDS - 1];
}

static void measure(unsigned int threads)
{
	struct machine still = {.threads = threads}, crowd = {.threads = threads, .crowded = true},
		       full = {.threads = threads, .full = true};
	struct cost idle = {.idle_us = NAN}, plan, vain;
	double plans[ROUNDS];

	run(&still, &idle);
	run(&full, &vain);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		run(&crowd, &plan);
		plans[i] = plan.plan_us;
	}
	qsort(plans, ROUNDS, sizeof(plans[0]), by_size);
	printf("%8u %12.3f ms %12.3f ms %12.3f ms %8u %12.3f ms\n", threads, idle.feed_us / 1e3, idle.idle_us / 1e3,
	       plans[ROUNDS / 2] / 1e3, plan.moves, vain.most_us / 1e3);
	fflush(stdout);
}

int main(void)
{
	printf("policy: one tick, %d engines, %d domains, median of %d "
	       "(aim with 10,000 threads: nothing to move <= 1 ms, 100 moves <= 5 ms)\n", ENGINES, DOMAINS, ROUNDS);
	printf("%8s %15s %15s %15s %8s %15s\n", "threads", "samples", "nothing to move", "a plan", "moves", "all full");
	for (unsigned int threads = 100; threads <= 100000; threads *= 10)
		measure(threads);
	return 0;
}
