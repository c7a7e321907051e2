/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Engines at work: a queue in the order of arrival, and a heap of what is to happen when. */
#include "config.h"
#include "tools/sim/engine.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_QUEUE (1u << 20) /* batches; what comes on top is lost */

/* A batch in the queue of an engine. */
struct sim_op {
	double born_s, at_s; /* wanted; arrived here */
	unsigned int thread;
	bool write;
};

enum what { WANTED, READY, COMPLETE };
struct sim_item {
	double at_s, born_s;
	unsigned int thread;
	enum what what;
};

int sim_unit_init(struct sim_unit *u, const struct sim_engine *e, uint64_t seed)
{
	u->engine = e;
	u->capacity[0] = e->capacity;
	u->capacity[1] = e->write;
	u->random = seed * 0x9e3779b97f4a7c15u + 1;
	if (e->depth)
		u->slot = calloc(e->depth, sizeof(*u->slot));
	sim_unit_jitter(u);
	return e->depth && !u->slot ? -ENOMEM : 0;
}

void sim_unit_free(struct sim_unit *u)
{
	free(u->slot);
	free(u->queue);
	free(u->heap);
}

void sim_unit_jitter(struct sim_unit *u)
{
	double wobble = u->engine->jitter > 0 ? 1 + u->engine->jitter * (2 * sim_random(&u->random) - 1) : 1;

	u->now_capacity[0] = u->capacity[0] * wobble;
	u->now_capacity[1] = u->capacity[1] * wobble;
}

/* -- the heap -- */

static bool before(const struct sim_item *a, const struct sim_item *b)
{
	if (a->at_s < b->at_s || a->at_s > b->at_s)
		return a->at_s < b->at_s;
	return a->thread < b->thread;
}

static void push(struct sim_machine *m, struct sim_unit *u, const struct sim_item *item)
{
	unsigned int i = u->nr_heap;

	if (u->nr_heap == u->heap_room) {
		unsigned int room = u->heap_room ? 2 * u->heap_room : 64;
		struct sim_item *more = realloc(u->heap, room * sizeof(*more));

		if (!more) {
			m->nomem = true;
			return;
		}
		u->heap = more;
		u->heap_room = room;
	}
	u->nr_heap++;
	for (; i && before(item, &u->heap[(i - 1) / 2]); i = (i - 1) / 2)
		u->heap[i] = u->heap[(i - 1) / 2];
	u->heap[i] = *item;
}

static struct sim_item pop(struct sim_unit *u)
{
	struct sim_item top = u->heap[0], last = u->heap[--u->nr_heap];
	unsigned int i = 0, child;

	for (; (child = 2 * i + 1) < u->nr_heap; i = child) {
		if (child + 1 < u->nr_heap && before(&u->heap[child + 1], &u->heap[child]))
			child++;
		if (!before(&u->heap[child], &last))
			break;
		u->heap[i] = u->heap[child];
	}
	u->heap[i] = last;
	return top;
}

void sim_unit_submit(struct sim_machine *m, unsigned int t, double at_s)
{
	struct sim_item item = {.at_s = at_s, .born_s = at_s, .thread = t, .what = WANTED};

	push(m, &m->unit[m->thread[t].engine], &item);
}

/* -- the queue -- */

static bool grow_queue(struct sim_unit *u)
{
	unsigned int room = u->room ? 2 * u->room : 64;
	struct sim_op *more = calloc(room, sizeof(*more));

	if (!more)
		return false;
	for (unsigned int i = 0; i < u->nr; i++)
		more[i] = u->queue[(u->head + i) & (u->room - 1)];
	free(u->queue);
	u->queue = more;
	u->head = 0;
	u->room = room;
	return true;
}

static void enqueue(struct sim_machine *m, struct sim_unit *u, struct sim_item *item)
{
	struct sim_thread *th = &m->thread[item->thread];
	bool write;

	th->write_owed += th->group->writes;
	write = th->write_owed >= 1;
	th->write_owed -= write;
	th->bytes += th->op_bytes;
	th->write_bytes += write ? th->op_bytes : 0;
	th->ops += th->batch;
	if (u->nr == LONGEST_QUEUE) {
		m->lost_bytes += th->op_bytes;
		return;
	}
	if (u->nr == u->room && !grow_queue(u)) {
		m->nomem = true;
		return;
	}
	u->queue[(u->head + u->nr++) & (u->room - 1)] = (struct sim_op){
		.born_s = item->born_s, .at_s = item->at_s, .thread = item->thread, .write = write};
	u->queued_bytes += th->op_bytes;
	u->inflight += th->batch;
	th->inflight++;
	th->inflight_sum += th->inflight * (double)th->batch;
	th->inflight_peak = fmax(th->inflight_peak, th->inflight * (double)th->batch);
	th->samples++;
}

/* -- what happens -- */

/* A thread wants to submit: it may have to wait for its processor, or has gone elsewhere. */
static void want(struct sim_machine *m, struct sim_unit *u, struct sim_item *item)
{
	struct sim_thread *th = &m->thread[item->thread];
	struct sim_unit *now = &m->unit[th->engine];
	double cpu = sim_machine_cpu(m, th);

	if (!th->running && th->group->depth)
		return;
	th->free_s = fmax(th->free_s, item->at_s) + cpu;
	th->busy_s += cpu;
	if (th->group->depth)
		item->born_s = th->free_s;
	if (now == u && th->free_s <= item->at_s) {
		enqueue(m, u, item);
		return;
	}
	item->at_s = th->free_s;
	item->what = READY;
	push(m, now, item);
}

static void complete(struct sim_machine *m, struct sim_unit *u, struct sim_item *item)
{
	struct sim_thread *th = &m->thread[item->thread];

	th->inflight--;
	u->inflight -= th->batch;
	if (!th->group->depth || !th->running)
		return;
	item->at_s = item->born_s = item->at_s + th->group->think_s;
	item->what = WANTED;
	if (th->group->think_s > 0)
		push(m, &m->unit[th->engine], item);
	else
		want(m, u, item);
}

static void (*const happen[])(struct sim_machine *m, struct sim_unit *u, struct sim_item *item) = {
	[WANTED] = want, [READY] = enqueue, [COMPLETE] = complete};

/* When the transfer of the first operation in the queue begins. */
static double begins(const struct sim_unit *u, const struct sim_op *op)
{
	double at = fmax(u->free_s, op->at_s);

	return u->slot ? fmax(at, u->slot[u->next_slot]) : at;
}

/* The first operation's transfer ends at @end_s. */
static void serve(struct sim_machine *m, int e, double begin_s, double end_s)
{
	struct sim_unit *u = &m->unit[e];
	const struct sim_op op = u->queue[u->head];
	const struct sim_thread *th = &m->thread[op.thread];
	double done = end_s + sim_machine_latency(m, th, e, th->domain) -
		      sim_machine_service(m, th, e, th->group->op_bytes);

	u->head = (u->head + 1) & (u->room - 1);
	u->nr--;
	u->free_s = end_s;
	if (u->slot) {
		u->slot[u->next_slot] = done;
		u->next_slot = (u->next_slot + 1) % u->engine->depth;
	}
	u->queued_bytes -= th->op_bytes;
	u->moved = 0;
	u->busy_s += end_s - begin_s;
	u->bytes += th->op_bytes;
	u->write_bytes += op.write ? th->op_bytes : 0;
	u->ops += th->batch;
	u->wait_s += (done - op.at_s) * th->batch;
	m->watcher.complete(m->watcher.ctx, op.thread, done - op.born_s, th->op_bytes, th->batch);
	push(m, u, &(struct sim_item){.at_s = done, .thread = op.thread, .what = COMPLETE});
}

/* The next thing to happen before @until_s. Return: false: nothing. */
static bool step(struct sim_machine *m, int e, double until_s)
{
	struct sim_unit *u = &m->unit[e];
	double next = u->nr_heap ? u->heap[0].at_s : INFINITY;
	struct sim_item item;

	if (u->nr) {
		const struct sim_op *op = &u->queue[u->head];
		double begin = begins(u, op);
		double end = begin + (m->thread[op->thread].op_bytes - u->moved) / u->now_capacity[op->write];

		if (end <= fmin(next, until_s)) {
			serve(m, e, begin, end);
			return true;
		}
	}
	if (next >= until_s)
		return false;
	item = pop(u);
	happen[item.what](m, u, &item);
	return true;
}

/* A transfer goes at the speed of the moment: a later change of the capacity does not make it have been faster. */
static void go_on(struct sim_unit *u, double until_s)
{
	const struct sim_op *op;
	double begin;

	if (!u->nr)
		return;
	op = &u->queue[u->head];
	begin = begins(u, op);
	if (begin >= until_s)
		return;
	u->moved += (until_s - begin) * u->now_capacity[op->write];
	u->busy_s += until_s - begin;
	u->free_s = until_s;
}

void sim_unit_run(struct sim_machine *m, int e, double until_s)
{
	while (!m->nomem && step(m, e, until_s))
		;
	go_on(&m->unit[e], until_s);
}
