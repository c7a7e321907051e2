/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The list of policies, and those that know nothing of engines. */
#include "config.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "tools/sim/sim.h"

#define BALANCE_S     0.1  /* a scheduler looks so often … */
#define BALANCE_RATIO 1.25 /* … and acts on so much more load, … */
#define BALANCE_LEAST 0.02 /* … if it is as much of a domain's processors */

const struct sim_policy *const sim_policies[] = {
	&sim_none, &sim_round_robin, &sim_random_place, &sim_cpu_balance, &sim_reactive, &sim_dam, &sim_oracle, NULL,
};

const struct sim_policy sim_none = {
	.name = "none",
	.help = "every thread stays where it started",
};

/* -- round-robin, random: one choice at the start -- */

static int open_counter(struct sim_run *r)
{
	r->state = calloc(1, sizeof(unsigned int));
	return r->state ? 0 : -ENOMEM;
}

static void close_state(struct sim_run *r)
{
	free(r->state);
}

static void begin_in_turn(struct sim_run *r, unsigned int t)
{
	unsigned int *next = r->state;

	sim_run_move(r, t, (*next)++ % r->s->topo.nr_domains, DAM_TRIGGER_NONE);
}

static void begin_anywhere(struct sim_run *r, unsigned int t)
{
	unsigned int d = (unsigned int)(sim_random(&r->random) * r->s->topo.nr_domains);

	sim_run_move(r, t, d, DAM_TRIGGER_NONE);
}

const struct sim_policy sim_round_robin = {
	.name = "round-robin",
	.help = "domains in turn as threads start, and there they stay",
	.open = open_counter, .begin = begin_in_turn, .close = close_state,
};

const struct sim_policy sim_random_place = {
	.name = "random",
	.help = "a random domain as threads start, and there they stay",
	.begin = begin_anywhere,
};

/* -- cpu-balance: processor time is all it sees -- */

struct balance {
	double *load; /* by thread: share of a processor, decayed */
	double due_s;
};

static int balance_open(struct sim_run *r)
{
	struct balance *b = calloc(1, sizeof(*b));

	r->state = b;
	if (b)
		b->load = calloc(r->s->nr_threads, sizeof(*b->load));
	return b && b->load ? 0 : -ENOMEM;
}

static void balance_close(struct sim_run *r)
{
	struct balance *b = r->state;

	if (b)
		free(b->load);
	free(b);
}

/* The thread of domain @from that leaves the smallest gap behind when it goes. */
static int best_to_go(const struct sim_run *r, const struct balance *b, unsigned int from, double gap)
{
	int best = -1;
	double least = gap;

	for (unsigned int t = 0; t < r->s->nr_threads; t++) {
		double left = fabs(gap - 2 * b->load[t]);

		if (r->machine->thread[t].domain != from || !sim_run_movable(r, t) || b->load[t] <= 0 || left >= least)
			continue;
		least = left;
		best = (int)t;
	}
	return best;
}

static void balance_tick(struct sim_run *r)
{
	struct balance *b = r->state;
	double load[DAM_MAX_DOMAINS] = {0};
	unsigned int most = 0, least = 0;
	int t;

	for (unsigned int i = 0; i < r->s->nr_threads; i++) {
		struct sim_thread *th = &r->machine->thread[i];

		b->load[i] += 0.1 * (fmin(1, th->busy_s / r->s->tick_s) - b->load[i]);
		load[th->domain] += b->load[i];
	}
	if (r->machine->now_s < b->due_s)
		return;
	b->due_s = r->machine->now_s + BALANCE_S;
	for (unsigned int d = 1; d < r->s->topo.nr_domains; d++) {
		most = load[d] / r->machine->cpus[d] > load[most] / r->machine->cpus[most] ? d : most;
		least = load[d] / r->machine->cpus[d] < load[least] / r->machine->cpus[least] ? d : least;
	}
	if (load[most] / r->machine->cpus[most] < BALANCE_RATIO * load[least] / r->machine->cpus[least] + BALANCE_LEAST)
		return;
	t = best_to_go(r, b, most, load[most] - load[least]);
	if (t >= 0)
		sim_run_move(r, (unsigned int)t, least, DAM_TRIGGER_NONE);
}

const struct sim_policy sim_cpu_balance = {
	.name = "cpu-balance",
	.help = "a scheduler that evens out processor time and knows of nothing else",
	.open = balance_open, .tick = balance_tick, .close = balance_close,
};
