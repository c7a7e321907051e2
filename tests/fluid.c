/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The small machine; see fluid.h. */
#include "config.h"
#include "tests/fluid.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/random.h"

#define STEP_S 0.0025 /* of the machine */

double fluid_random(struct fluid *f)
{
	return test_uniform(&f->seed);
}

static double normal(struct fluid *f)
{
	double u = fluid_random(f) + 1e-300, v = fluid_random(f);

	return sqrt(-2 * log(u)) * cos(2 * 3.14159265358979 * v);
}

struct fluid *fluid_create(unsigned int nr_engines, double capacity, double given, bool pool)
{
	return fluid_create_with(nr_engines, capacity, given, pool, NULL, NULL);
}

struct dam_policy_engine_desc fluid_desc(const struct fluid *f, unsigned int e, double given)
{
	return (struct dam_policy_engine_desc){.pool = f->pool ? 0 : DAM_POLICY_NONE, .given_capacity = given,
					       .base_latency_s = 100e-6, .local_domains = 1ull << e};
}

struct fluid *fluid_create_with(unsigned int nr_engines, double capacity, double given, bool pool,
				void (*adjust)(struct dam_policy_config *cfg, void *ctx), void *ctx)
{
	struct fluid *f = calloc(1, sizeof(*f));
	struct dam_policy_config cfg = {
		.weight_throughput = 1, .weight_latency = 1, .threshold = 0.15, .tick_s = 0.01,
		.nr_domains = nr_engines, .memory_bps = 10e9, .cache_bytes = 1 << 20,
		.max_components = FLUID_PORTS};

	f->engines = calloc(nr_engines, sizeof(*f->engines));
	f->nr_engines = nr_engines;
	f->pool = pool;
	f->seed = 1;
	for (unsigned int i = 0; i < nr_engines; i++)
		for (unsigned int k = 0; k < nr_engines; k++)
			cfg.distance[i][k] = i == k ? 1 : 2.1F;
	if (adjust)
		adjust(&cfg, ctx);
	f->policy = dam_policy_create(&cfg, FLUID_ENGINES, 1, FLUID_THREADS);
	for (unsigned int e = 0; e < nr_engines; e++) {
		struct dam_policy_engine_desc d = fluid_desc(f, e, given);

		f->map[e] = (int)e;
		dam_policy_set_engine(f->policy, e, &d);
		f->engines[e].capacity = capacity;
		f->engines[e].base_s = 100e-6;
	}
	if (pool)
		dam_policy_set_pool(f->policy, 0, f->map);
	return f;
}

void fluid_destroy(struct fluid *f)
{
	dam_policy_destroy(f->policy);
	free(f->engines);
	free(f);
}

static unsigned int add(struct fluid *f, const struct fluid_thread *t)
{
	f->threads[f->nr_threads] = *t;
	f->threads[f->nr_threads].engine = t->domain;
	f->threads[f->nr_threads].movable = true;
	f->threads[f->nr_threads].allowed = ~0ull;
	dam_policy_add_thread(f->policy, f->nr_threads);
	return f->nr_threads++;
}

unsigned int fluid_closed(struct fluid *f, unsigned int domain, unsigned int depth, double op_bytes)
{
	return add(f, &(struct fluid_thread){
			      .domain = domain, .depth = depth, .op_bytes = op_bytes, .seen = true});
}

unsigned int fluid_open(struct fluid *f, unsigned int domain, double rate, double cv, double op_bytes)
{
	return add(f, &(struct fluid_thread){
			      .domain = domain, .rate = rate, .cv = cv, .op_bytes = op_bytes});
}

static void submit(struct fluid *f, struct fluid_thread *t)
{
	struct fluid_engine *e = &f->engines[t->engine];
	bool write;

	if (e->tail - e->head == FLUID_QUEUE)
		return;
	t->owed_write += t->written;
	write = t->owed_write >= 1;
	t->owed_write -= write;
	e->queue[e->tail++ % FLUID_QUEUE] = (struct fluid_op){
		.born_s = f->now_s, .bytes = t->op_bytes, .thread = (unsigned int)(t - f->threads),
		.write = write};
	t->inflight++;
	t->bytes += t->op_bytes;
	t->bytes_written += write ? t->op_bytes : 0;
	t->ops++;
	t->peak = fmax(t->peak, t->inflight);
}

static void run_thread(struct fluid *f, struct fluid_thread *t, double dt_s)
{
	if (t->stopped)
		return;
	while (t->depth && t->inflight < t->depth)
		submit(f, t);
	if (t->depth)
		return;
	t->owed += fmax(0, t->rate * (1 + t->cv * normal(f))) * dt_s;
	while (t->owed >= t->op_bytes) {
		t->owed -= t->op_bytes;
		submit(f, t);
	}
}

/* What an operation takes of the engine's time, as bytes of its reads. */
static double work(const struct fluid_engine *e, const struct fluid_op *op)
{
	return op->write && e->write_capacity > 0 ? op->bytes * e->capacity / e->write_capacity : op->bytes;
}

static bool may_run(const struct fluid *f, const struct fluid_engine *e)
{
	const struct fluid_op *op = &e->queue[e->head % FLUID_QUEUE];

	return e->head != e->tail && e->credit >= work(e, op) &&
	       (!e->port || f->port[e->port - 1].credit >= op->bytes);
}

static void run_engine(struct fluid *f, struct fluid_engine *e, double dt_s)
{
	double wobble = 1 + e->jitter * (2 * fluid_random(f) - 1);

	e->credit += e->capacity * wobble * dt_s;
	while (may_run(f, e)) {
		const struct fluid_op *op = &e->queue[e->head++ % FLUID_QUEUE];

		e->credit -= work(e, op);
		if (e->port)
			f->port[e->port - 1].credit -= op->bytes;
		e->done_bytes += op->bytes;
		e->done_written += op->write ? op->bytes : 0;
		e->done_ops++;
		e->wait_s += fmax(op->bytes / e->capacity, f->now_s - op->born_s) + e->base_s;
		f->threads[op->thread].inflight--;
		f->threads[op->thread].done_bytes += op->bytes;
	}
	/* An idle engine saves up no more than an operation's worth; nor does one that waits for its port. */
	if (e->head == e->tail || e->port)
		e->credit = fmin(e->credit, fmax(e->capacity * dt_s, work(e, &e->queue[e->head % FLUID_QUEUE])));
}

/* Everybody's turn to be first comes, or one would have a shared port to itself. */
static void run_engines(struct fluid *f, double dt_s)
{
	unsigned int first = (unsigned int)(fluid_random(f) * f->nr_engines);

	for (unsigned int i = 0; i < FLUID_PORTS; i++)
		f->port[i].credit = fmin(f->port[i].credit, f->port[i].capacity * dt_s) + f->port[i].capacity * dt_s;
	for (unsigned int i = 0; i < f->nr_engines; i++)
		run_engine(f, &f->engines[(first + i) % f->nr_engines], dt_s);
}

static void feed(struct fluid *f, double dt_s)
{
	for (unsigned int i = 0; i < f->nr_engines; i++) {
		struct fluid_engine *e = &f->engines[i];
		struct dam_policy_engine_sample s = {
			.bytes = e->done_bytes, .write_bytes = e->done_written, .ops = e->done_ops, .valid = true,
			.wait_s = floor(e->wait_s * 1000) / 1000, /* as the kernel tells it */
			.inflight_ops = e->tail - e->head};

		e->wait_s -= s.wait_s;
		e->done_bytes = e->done_written = e->done_ops = 0;
		dam_policy_engine(f->policy, i, dt_s, &s);
	}
	for (unsigned int i = 0; i < f->nr_threads; i++) {
		struct fluid_thread *t = &f->threads[i];
		bool told = t->seen && t->ops > 0;
		struct dam_policy_thread_sample s = {
			.engine = t->ops > 0 ? (int)t->engine : DAM_POLICY_NONE,
			.pool = f->pool ? 0 : DAM_POLICY_NONE, .domain = t->domain,
			.bytes = t->bytes, .ops = t->ops, .inflight_ops = told ? t->peak : NAN,
			.inflight_peak_ops = told ? t->peak : NAN, .memory_bps = t->memory_bps,
			.allowed = t->allowed, .movable = t->movable, .placed = t->placed,
			.write_bytes = t->bytes_written, .cpu = t->cpu, .needs = t->needs};

		t->bytes = t->bytes_written = t->ops = t->peak = 0;
		dam_policy_thread(f->policy, i, dt_s, &s);
	}
}

static void tick(struct fluid *f, double dt_s)
{
	feed(f, dt_s);
	f->nr_last = dam_policy_tick(f->policy, dt_s, NULL, f->last, FLUID_THREADS);
	for (unsigned int i = 0; i < f->nr_last; i++) {
		struct fluid_thread *t = &f->threads[f->last[i].thread];

		t->domain = f->last[i].to_domain;
		t->placed = true;
		if (f->pool)
			t->engine = (unsigned int)f->map[t->domain];
	}
	if (f->nr_last && !f->moves)
		f->first_move_s = f->now_s;
	f->moves += f->nr_last;
}

void fluid_run(struct fluid *f, double seconds, double dt_s)
{
	long ticks = lround(seconds / dt_s), steps = lround(fmax(1, dt_s / STEP_S));

	for (long k = 0; k < ticks; k++) {
		for (long s = 0; s < steps; s++) {
			f->now_s += dt_s / (double)steps;
			for (unsigned int i = 0; i < f->nr_threads; i++)
				run_thread(f, &f->threads[i], dt_s / (double)steps);
			run_engines(f, dt_s / (double)steps);
		}
		tick(f, dt_s);
	}
}

unsigned int fluid_in_domain(const struct fluid *f, unsigned int domain)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < f->nr_threads; i++)
		nr += f->threads[i].domain == domain;
	return nr;
}
