/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* One scenario under one policy, tick by tick, with the timeline of it. */
#include "config.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tools/sim/sim.h"

#define POINTS	      600 /* of a timeline, at most */
#define PROGRESS_TICK 16  /* ticks between two reports */

bool sim_run_movable(const struct sim_run *r, unsigned int t)
{
	const struct sim_thread *th = &r->machine->thread[t];

	return th->running && !th->group->pinned && !th->group->hidden;
}

static void mark(struct sim_run *r, unsigned int t, int to, enum dam_policy_trigger why)
{
	struct sim_timeline *tl = r->timeline;

	if (tl->nr_marks == tl->room) {
		unsigned int room = tl->room ? 2 * tl->room : 64;
		struct sim_mark *more = realloc(tl->mark, room * sizeof(*more));

		if (!more)
			return;
		tl->mark = more;
		tl->room = room;
	}
	tl->mark[tl->nr_marks++] = (struct sim_mark){.time_s = r->machine->now_s, .thread = t, .to = to, .why = why,
						     .from = r->machine->thread[t].engine};
}

void sim_run_move(struct sim_run *r, unsigned int t, unsigned int domain, enum dam_policy_trigger why)
{
	struct sim_thread *th = &r->machine->thread[t];

	if (domain == th->domain || !sim_run_movable(r, t))
		return;
	if (!r->beginning) {
		r->stats.moves++;
		sim_ramps_move(r->stats.ramps, r->machine, t, domain);
		if (r->timeline)
			mark(r, t, sim_machine_engine(r->machine, th, domain), why);
	}
	sim_machine_move(r->machine, t, domain, r->beginning || r->policy->free);
	if (r->beginning)
		th->home = domain; /* its memory is yet to be written */
}

/* Threads that begin and end with this tick. */
static void begin_tick(struct sim_run *r, bool *was)
{
	struct sim_machine *m = r->machine;

	sim_machine_begin(m);
	r->beginning = true;
	for (unsigned int t = 0; t < m->nr_threads; t++) {
		if (m->thread[t].running && !was[t] && r->policy->begin)
			r->policy->begin(r, t);
		if (!m->thread[t].running && was[t] && r->policy->end)
			r->policy->end(r, t);
		was[t] = m->thread[t].running;
	}
	r->beginning = false;
}

static void complete(void *ctx, unsigned int thread, double latency_s, double bytes, double nr)
{
	struct sim_run *r = ctx;

	(void)thread;
	sim_stats_complete(&r->stats, latency_s, bytes, nr);
}

int sim_timeline_init(struct sim_timeline *t, const struct sim_scenario *s)
{
	size_t cells;

	*t = (struct sim_timeline){.nr_engines = s->nr_engines};
	t->point_s = fmax(s->tick_s, ceil(s->seconds / POINTS / s->tick_s) * s->tick_s);
	t->nr_points = (unsigned int)ceil(s->seconds / t->point_s) + 1;
	cells = (size_t)t->nr_engines * t->nr_points;
	t->util = calloc(cells, sizeof(*t->util));
	t->mean = calloc(cells, sizeof(*t->mean));
	t->p90 = calloc(cells, sizeof(*t->p90));
	t->capacity = calloc(cells, sizeof(*t->capacity));
	if (t->util && t->mean && t->p90 && t->capacity)
		return 0;
	sim_timeline_free(t);
	return -ENOMEM;
}

void sim_timeline_free(struct sim_timeline *t)
{
	free(t->util);
	free(t->mean);
	free(t->p90);
	free(t->capacity);
	free(t->mark);
	*t = (struct sim_timeline){0};
}

/* Means over a point; forecasts as they were made at its end. */
static void draw(struct sim_run *r)
{
	struct sim_timeline *t = r->timeline;
	unsigned int point = (unsigned int)((r->machine->now_s - r->s->tick_s / 2) / t->point_s);

	for (unsigned int e = 0; point < t->nr_points && e < r->s->nr_engines; e++) {
		const struct sim_unit *u = &r->machine->unit[e];
		size_t i = (size_t)e * t->nr_points + point;
		struct dam_forecast f;

		t->capacity[i] = (float)u->capacity[0];
		t->util[i] += (float)(u->busy_s / t->point_s);
		t->mean[i] = t->p90[i] = NAN;
		if (!r->policy->forecast || !r->policy->forecast(r, e, &f) || !isfinite(f.p90))
			continue;
		t->mean[i] = (float)(f.mean / u->capacity[0]);
		t->p90[i] = (float)(f.p90 / u->capacity[0]);
	}
}

static int run_ticks(struct sim_run *r, void (*progress)(const struct sim_policy *policy, double share))
{
	unsigned long ticks = (unsigned long)lround(r->s->seconds / r->s->tick_s);
	bool *was = calloc(r->s->nr_threads, sizeof(*was));
	int err = was ? 0 : -ENOMEM;

	for (unsigned long k = 0; !err && k < ticks; k++) {
		begin_tick(r, was);
		err = sim_machine_advance(r->machine);
		if (err)
			break;
		sim_stats_tick(&r->stats, r->machine);
		sim_ramps_tick(r->stats.ramps, r->machine);
		if (r->timeline)
			draw(r);
		if (r->policy->tick)
			r->policy->tick(r);
		if (progress && k % PROGRESS_TICK == 0)
			progress(r->policy, (double)k / (double)ticks);
	}
	free(was);
	return err;
}

int sim_run(const struct sim_scenario *s, const struct sim_loads *loads, const struct sim_policy *policy,
	    void (*progress)(const struct sim_policy *policy, double share), struct sim_timeline *timeline,
	    struct sim_result *out)
{
	struct sim_run r = {.s = s, .policy = policy, .random = s->seed, .timeline = timeline};
	uint64_t start_ns = dam_now_ns();
	int err;

	if (timeline && sim_timeline_init(timeline, s))
		return -ENOMEM;
	err = sim_machine_create(s, loads, &(struct sim_watcher){.ctx = &r, .complete = complete}, &r.machine);
	if (!err)
		err = sim_stats_init(&r.stats, r.machine);
	if (!err && policy->open)
		err = policy->open(&r);
	if (!err)
		err = run_ticks(&r, progress);
	if (!err) {
		sim_stats_result(&r.stats, r.machine, out);
		out->policy = policy->name;
		out->elapsed_s = (double)(dam_now_ns() - start_ns) / DAM_NS_PER_S;
	}
	if (policy->close)
		policy->close(&r);
	sim_stats_free(&r.stats);
	sim_machine_destroy(r.machine);
	return err;
}
