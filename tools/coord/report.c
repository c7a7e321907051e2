/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What people and programs see: the answers to questions, as JSON. The keys are documented in dam-ctl(1). */
#include "config.h"
#include "tools/coord/coord.h"

#include <limits.h>
#include <math.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "tools/coord/json.h"

json_t *coord_cpus_json(const struct dam_cpuset *s)
{
	char buf[512];

	return json_string(dam_cpuset_format(s, buf, sizeof(buf)));
}

const char *coord_target_name(const struct coord *c, int target)
{
	const struct dam_hal_target *t;

	if (target == COORD_BUFFERED)
		return "buffered";
	if (target < 0)
		return "other";
	t = dam_hal_target(c->hal, (unsigned int)target);
	return t->kind == DAM_TARGET_POOL ? t->pool.name : t->engine.name;
}

/* Processor time of the coordinator as a share of one CPU, since it started. */
static double cpu_share(const struct coord *c)
{
	struct rusage ru;
	double used, lived = coord_uptime_s(c);

	getrusage(RUSAGE_SELF, &ru);
	used = (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
	       (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
	return lived > 0 ? used / lived : 0;
}

static json_t *status_json(struct coord *c)
{
	const struct dam_topology *topo = dam_hal_topology(c->hal);
	json_t *j = json_object(), *domains = json_array();
	unsigned int engines = 0;

	for (unsigned int d = 0; d < topo->nr_domains; d++) {
		json_t *o = json_object();

		json_object_set_new(o, "index", whole(d));
		json_object_set_new(o, "node", json_integer(topo->domain[d].os_node));
		json_object_set_new(o, "cpus", coord_cpus_json(&topo->domain[d].cpus));
		json_array_append_new(domains, o);
	}
	for (unsigned int i = 0; i < dam_hal_nr_targets(c->hal); i++)
		engines += dam_hal_target(c->hal, i)->kind == DAM_TARGET_ENGINE;
	json_object_set_new(j, "version", json_string(PACKAGE_VERSION));
	json_object_set_new(j, "pid", whole((uint64_t)getpid()));
	json_object_set_new(j, "uid", whole(getuid()));
	json_object_set_new(j, "uptime_s", number(coord_uptime_s(c)));
	json_object_set_new(j, "tick_ms", number(dam_knob_num(&c->knobs, DAM_KNOB_TICK)));
	json_object_set_new(j, "dry_run", json_boolean(c->opt.dry_run));
	json_object_set_new(j, "paused", json_boolean(c->paused));
	json_object_set_new(j, "domains", domains);
	json_object_set_new(j, "processes", whole(c->nr_processes));
	json_object_set_new(j, "threads", whole(c->nr_live));
	json_object_set_new(j, "threads_not_managed", whole(c->threads_dropped));
	json_object_set_new(j, "engines", whole(engines));
	json_object_set_new(j, "moves", whole(c->nr_moves));
	json_object_set_new(j, "masks_changed", whole(c->masks ? dam_masks_count(c->masks) : 0));
	json_object_set_new(j, "ticks", whole(c->nr_ticks));
	json_object_set_new(j, "tick_us_mean",
			    number(c->nr_ticks ? (double)c->tick_ns_sum / 1e3 / (double)c->nr_ticks : 0));
	json_object_set_new(j, "cpu_share", number(cpu_share(c)));
	json_object_set_new(j, "memory_event", c->memory_event.bytes_per_count
						       ? json_string(c->memory_event.name)
						       : json_null());
	json_object_set_new(j, "memory_why", c->memory_event.bytes_per_count
						     ? json_null()
						     : name_text(c->memory_why));
	json_object_set_new(j, "publications_skipped", whole(c->board.skipped));
	json_object_set_new(j, "connections_put_off", whole(c->put_off));
	json_object_set_new(j, "users", whole(c->trust.nr_users));
	json_object_set_new(j, "moves_distrusted", whole(c->trust.refused));
	json_object_set_new(j, "observation", coord_observation_json(c));
	return j;
}

static void add_counts(json_t *j, const struct dam_count *n)
{
	json_object_set_new(j, "read_bytes", whole(n->read_bytes));
	json_object_set_new(j, "write_bytes", whole(n->write_bytes));
	json_object_set_new(j, "read_ops", whole(n->read_ops));
	json_object_set_new(j, "write_ops", whole(n->write_ops));
}

/* Also of one that has ended; only that it has is no news then. */
static const char *why_of(const struct coord_thread *t)
{
	if (t->why && strcmp(t->why, "ended"))
		return t->why;
	return t->excluded ? "excluded" : "";
}

static json_t *thread_json(struct coord *c, struct coord_thread *t)
{
	struct dam_policy_thread_view v = {.demand = NAN};
	json_t *j = json_object(), *engines = json_array();
	struct dam_count sum = {0};

	if (!t->ended) {
		dam_policy_view_thread(dam_decision_policy(c->decision), t->index, &v);
		coord_proc_comm(t->pid, t->tid, t->comm);
	}
	for (unsigned int i = 0; i < t->nr_use; i++) {
		const struct dam_count *n = &t->use[i].total;
		json_t *o = json_object();

		json_object_set_new(o, "name", name_text(coord_target_name(c, t->use[i].target)));
		add_counts(o, n);
		json_array_append_new(engines, o);
		sum.read_bytes += n->read_bytes;
		sum.write_bytes += n->write_bytes;
		sum.read_ops += n->read_ops;
		sum.write_ops += n->write_ops;
	}
	json_object_set_new(j, "pid", whole((uint64_t)t->pid));
	json_object_set_new(j, "tid", t->tid > 0 ? whole((uint64_t)t->tid) : json_null());
	json_object_set_new(j, "comm", name_text(t->comm));
	json_object_set_new(j, "state", json_string(t->ended ? "ended" : "live"));
	add_counts(j, &sum);
	json_object_set_new(j, "mapped_bytes", whole(t->mapped_bytes));
	json_object_set_new(j, "memory_bytes",
			    t->memory_ns ? whole(t->memory_count * c->memory_event.bytes_per_count)
					 : json_null());
	json_object_set_new(j, "memory_bps", number(t->ended ? NAN : t->memory_bps));
	json_object_set_new(j, "read_bps", number(t->ended ? NAN : t->read_bps));
	json_object_set_new(j, "write_bps", number(t->ended ? NAN : t->write_bps));
	json_object_set_new(j, "domain", t->domain < DAM_MAX_DOMAINS ? whole(t->domain) : json_null());
	json_object_set_new(j, "movable", json_boolean(!t->ended && !t->why && !t->excluded));
	json_object_set_new(j, "why", json_string(why_of(t)));
	json_object_set_new(j, "moves", whole(t->nr_moves));
	json_object_set_new(j, "demand_bps", number(v.demand));
	json_object_set_new(j, "class", json_string(dam_policy_class_name(t->class)));
	json_object_set_new(j, "open_loop", t->ended ? json_null() : json_boolean(v.open_loop));
	json_object_set_new(j, "inflight_ops", number(t->ended ? NAN : t->inflight_mean));
	json_object_set_new(j, "latency_us", number(coord_thread_latency(t) * 1e6));
	json_object_set_new(j, "observed_ops", whole(t->observed_ops));
	json_object_set_new(j, "engines", engines);
	return j;
}

/* A thread that has a slot, for it pinned itself, but never did DMA, is none of the reader's business. */
static bool wanted(const struct coord_thread *t, uint32_t run_id)
{
	return t && (t->nr_use || t->mapped_bytes) && (!run_id || t->run_id == run_id);
}

static void add_threads(struct coord *c, uint32_t run_id, json_t *out)
{
	json_t *threads = json_array();

	for (struct coord_thread *t = c->ended; t; t = t->next_ended)
		if (wanted(t, run_id))
			json_array_append_new(threads, thread_json(c, t));
	for (unsigned int i = 0; i < c->nr_thread; i++)
		if (wanted(c->thread[i], run_id))
			json_array_append_new(threads, thread_json(c, c->thread[i]));
	json_object_set_new(out, "threads", threads);
	json_object_set_new(out, "processes", coord_processes_json(c, run_id));
	json_object_set_new(out, "rings", coord_rings_json(c, run_id));
}

/* What a request may ask for; each fills its part of the answer. */
enum part { PART_STATUS = 1, PART_ENGINES = 2, PART_THREADS = 4, PART_MOVES = 8, PART_SITES = 16 };

static const struct {
	const char *cmd;
	int parts;
} commands[] = {
	{"status", PART_STATUS},
	{"engines", PART_ENGINES},
	{"threads", PART_THREADS},
	{"moves", PART_MOVES},
	{"call-sites", PART_SITES},
	{"report", PART_STATUS | PART_ENGINES | PART_THREADS | PART_MOVES | PART_SITES},
};

static json_t *build(struct coord *c, int parts, uint32_t run_id)
{
	json_t *out = parts == PART_STATUS ? status_json(c) : json_object();

	if (parts != PART_STATUS && parts & PART_STATUS)
		json_object_set_new(out, "status", status_json(c));
	if (parts & PART_ENGINES)
		coord_engines_json(c, out);
	if (parts & PART_THREADS)
		add_threads(c, run_id, out);
	if (parts & PART_MOVES)
		coord_moves_json(c, run_id, out);
	if (parts & PART_SITES)
		coord_sites_json(c, run_id, out);
	return out;
}

json_t *coord_report(struct coord *c, pid_t asker, const char *request, size_t len)
{
	json_t *q = json_loadb(request, len, 0, NULL), *out = NULL;
	const char *cmd = json_string_value(json_object_get(q, "cmd"));
	json_int_t run_id = json_integer_value(json_object_get(q, "run_id"));
	json_int_t pid = json_integer_value(json_object_get(q, "pid"));

	if (cmd && !strcmp(cmd, "watch") && pid > 0 && pid <= INT_MAX) {
		coord_client_watch(c, asker, (pid_t)pid, (uint32_t)run_id);
		out = json_object();
	} else if (cmd) {
		out = coord_request(c, cmd, q);
	}
	for (size_t i = 0; cmd && !out && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(cmd, commands[i].cmd)) {
			/* what happened since the last tick belongs in the answer */
			coord_tick(c, dam_now_ns());
			out = build(c, commands[i].parts, (uint32_t)run_id);
		}
	json_decref(q);
	return out ? out : json_pack("{s:s}", "error", "unknown request");
}

json_t *coord_report_once(struct coord *c)
{
	return build(c, PART_STATUS | PART_ENGINES, 0);
}
