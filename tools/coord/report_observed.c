/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Reports: rings, coverage, the cost of observation. */
#include "config.h"
#include "tools/coord/json.h"

#include "base/clock.h"
#include "tools/coord/observe.h"

json_t *coord_observation_json(const struct coord *c)
{
	double lived = (double)(dam_now_ns() - c->start_ns);
	json_t *j = json_object();

	json_object_set_new(j, "available", json_boolean(!c->observed.off));
	json_object_set_new(j, "why", c->observed.off ? json_string(c->observed.off) : json_null());
	json_object_set_new(j, "processes", whole(c->nr_watches));
	json_object_set_new(j, "rings", whole(c->observed.rings));
	json_object_set_new(j, "descriptors_read", whole(c->observed.fds));
	json_object_set_new(j, "threads_read", whole(c->observed.task_reads));
	json_object_set_new(j, "ends_told", whole(c->exits.told));
	json_object_set_new(j, "peeks", whole(c->observed.peeks));
	json_object_set_new(j, "ticks_cut_short", whole(c->observed.cut_short));
	json_object_set_new(j, "tick_us_max", number((double)c->observed.ns_max / 1e3));
	json_object_set_new(j, "time_share",
			    number(lived > 0 ? (double)c->observed.ns / lived : 0));
	return j;
}

static json_t *users_json(const struct coord_ring *r)
{
	json_t *j = json_array();

	if (r->owner)
		json_array_append_new(j, whole((uint64_t)r->owner));
	for (unsigned int i = 0; !r->owner && i < COORD_LINKS; i++)
		if (r->link[i].tid)
			json_array_append_new(j, whole((uint64_t)r->link[i].tid));
	return j;
}

static json_t *ring_json(const struct coord_watch *w, const struct coord_ring *r)
{
	static const char *const state[] = {"undecided", "observed", "hooked", "unobservable"};
	json_t *j = json_object();

	json_object_set_new(j, "pid", whole((uint64_t)w->pid));
	json_object_set_new(j, "fd", r->fd < 0 ? json_null() : whole((uint64_t)r->fd));
	json_object_set_new(j, "state", json_string(state[r->state]));
	json_object_set_new(j, "why", r->why ? json_string(r->why) : json_null());
	json_object_set_new(j, "entries", whole(r->shape.entries));
	json_object_set_new(j, "ops", whole(r->head));
	json_object_set_new(j, "inflight", whole(r->head - r->cq_head));
	json_object_set_new(j, "sqpoll", json_boolean(r->owner != 0));
	json_object_set_new(j, "threads", users_json(r));
	return j;
}

/* A process that cannot be looked into stands for rings that nobody can list. */
static json_t *blind_json(const struct coord_watch *w)
{
	json_t *j = json_object();

	json_object_set_new(j, "pid", whole((uint64_t)w->pid));
	json_object_set_new(j, "fd", json_null());
	json_object_set_new(j, "state", json_string("unobservable"));
	json_object_set_new(j, "why", json_string(w->blind));
	return j;
}

json_t *coord_rings_json(const struct coord *c, uint32_t run_id)
{
	json_t *all = json_array();

	for (const struct coord_process *p = c->processes; p; p = p->next) {
		if (!p->watch || (run_id && p->run_id != run_id))
			continue;
		if (p->watch->blind)
			json_array_append_new(all, blind_json(p->watch));
		for (unsigned int i = 0; i < p->watch->nr_rings; i++)
			json_array_append_new(all, ring_json(p->watch, p->watch->ring[i]));
	}
	return all;
}

static json_t *coverage_json(const struct coord_coverage *v)
{
	json_t *j = json_object();

	json_object_set_new(j, "hooked_ops", whole(v->hooked_ops));
	json_object_set_new(j, "observed_ops", whole(v->observed_ops));
	json_object_set_new(j, "kernel_bytes", whole(v->kernel_bytes));
	json_object_set_new(j, "attributed_bytes", whole(v->attributed_bytes));
	json_object_set_new(j, "unobservable", v->blind ? json_string(v->blind) : json_null());
	return j;
}

static void add_memory(const struct coord *c, const struct coord_memory *m, json_t *j)
{
	const char *why = coord_memory_why(c, m);

	json_object_set_new(j, "memory_event", m->moved ? json_string(c->memory_event.name) : json_null());
	json_object_set_new(j, "memory_why", why ? name_text(why) : json_null());
}

static void add_gpu(const struct coord_gpu *gpu, json_t *j)
{
	json_object_set_new(j, "gpu_engine_s",
			    gpu->known ? number((double)gpu->engine_ns / 1e9) : json_null());
}

static json_t *process_json(const struct coord *c, const struct coord_process *p)
{
	json_t *j = json_object();
	unsigned int nr = p->nr_extra;

	for (unsigned int i = 0; i < p->nr_thread; i++)
		nr += p->thread[i] != NULL;
	json_object_set_new(j, "pid", whole((uint64_t)p->pid));
	json_object_set_new(j, "comm", name_text(p->comm));
	json_object_set_new(j, "state", json_string("live"));
	json_object_set_new(j, "threads", whole(nr));
	json_object_set_new(j, "no_slot", whole(p->ledger ? p->ledger->no_slot : 0));
	json_object_set_new(j, "coverage", coverage_json(&p->coverage));
	add_memory(c, &p->memory, j);
	add_gpu(&p->gpu, j);
	return j;
}

static json_t *past_json(const struct coord *c, const struct coord_past *p)
{
	json_t *j = json_object();

	json_object_set_new(j, "pid", whole((uint64_t)p->pid));
	json_object_set_new(j, "comm", name_text(p->comm));
	json_object_set_new(j, "state", json_string("ended"));
	json_object_set_new(j, "coverage", coverage_json(&p->coverage));
	add_memory(c, &p->memory, j);
	add_gpu(&p->gpu, j);
	return j;
}

/* A process that did nothing of ours, and hid nothing, is none of the reader's business. */
static bool wanted(const struct coord_coverage *v, uint32_t its_run, uint32_t run_id)
{
	return (v->hooked_ops || v->observed_ops || v->blind) && (!run_id || its_run == run_id);
}

json_t *coord_processes_json(struct coord *c, uint32_t run_id)
{
	uint64_t first = c->nr_past > COORD_MAX_PAST ? c->nr_past - COORD_MAX_PAST : 0;
	json_t *all = json_array();

	for (uint64_t i = first; i < c->nr_past; i++) {
		const struct coord_past *p = &c->past[i % COORD_MAX_PAST];

		if (wanted(&p->coverage, p->run_id, run_id))
			json_array_append_new(all, past_json(c, p));
	}
	for (struct coord_process *p = c->processes; p; p = p->next) {
		coord_coverage_read(p);
		if (wanted(&p->coverage, p->run_id, run_id) || (p->ledger && !run_id))
			json_array_append_new(all, process_json(c, p));
	}
	return all;
}
