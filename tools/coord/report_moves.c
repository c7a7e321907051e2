/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Reports of moves: what was done, why, how it turned out, what was learned. */
#include "config.h"
#include "tools/coord/coord.h"

#include <stdio.h>
#include <time.h>

#include "policy/explain.h"
#include "policy/learn.h"
#include "tools/common/learned.h"
#include "tools/coord/explain.h"
#include "tools/coord/historian.h"
#include "tools/coord/json.h"
#include "tools/coord/outcomes.h"

/* The terms of the objective, for people and programs alike. */
static const struct {
	const char *name;
	size_t offset;
} terms[] = {
#define TERM(x) {#x, offsetof(struct dam_policy_terms, x)}
	TERM(throughput), TERM(latency), TERM(fairness), TERM(overflow), TERM(power),
	TERM(refill),	  TERM(remote),	 TERM(cpu),	 TERM(favour),	 TERM(threshold),
};

static double term(const struct dam_policy_terms *k, unsigned int i)
{
	return *(const double *)(const void *)((const char *)k + terms[i].offset);
}

/* The decision knows components by the hal's indices. */
static json_t *component_name(const struct coord *c, int i)
{
	const struct dam_hal_component *list;
	unsigned int nr;

	list = dam_hal_components(c->hal, &nr);
	return i >= 0 && (unsigned int)i < nr ? name_text(list[i].name) : json_null();
}

/* The keys that every option of a plan has. */
static void add_option(struct coord *c, json_t *j, const struct dam_policy_move *m)
{
	json_t *list = json_object();

	json_object_set_new(j, "from_domain", whole(m->from_domain));
	json_object_set_new(j, "to_domain", whole(m->to_domain));
	json_object_set_new(j, "from_engine", name_text(coord_target_name(c, m->from_engine)));
	json_object_set_new(j, "to_engine", name_text(coord_target_name(c, m->to_engine)));
	json_object_set_new(j, "from_util", number(m->from_util));
	json_object_set_new(j, "to_util", number(m->to_util));
	json_object_set_new(j, "from_util_after", number(m->from_util_after));
	json_object_set_new(j, "to_util_after", number(m->to_util_after));
	json_object_set_new(j, "gain", number(m->terms.gain));
	for (unsigned int i = 0; i < sizeof(terms) / sizeof(terms[0]); i++)
		json_object_set_new(list, terms[i].name, number(term(&m->terms, i)));
	json_object_set_new(j, "terms", list);
}

/* The thread that goes the other way. */
static json_t *tid_or_null(pid_t tid)
{
	return tid ? whole((uint64_t)tid) : json_null();
}

static json_t *move_json(struct coord *c, const struct coord_move *mv)
{
	json_t *j = json_object();

	json_object_set_new(j, "id", whole(mv->id));
	json_object_set_new(j, "time_s", number(mv->time_s));
	json_object_set_new(j, "pid", whole((uint64_t)mv->pid));
	json_object_set_new(j, "tid", whole((uint64_t)mv->tid));
	json_object_set_new(j, "comm", name_text(mv->comm));
	json_object_set_new(j, "partner_tid", tid_or_null(mv->partner_tid));
	json_object_set_new(j, "from_cpus", json_string(mv->from_cpus));
	json_object_set_new(j, "to_cpus", json_string(mv->to_cpus));
	json_object_set_new(j, "trigger", json_string(dam_policy_trigger_name(mv->m.trigger)));
	json_object_set_new(j, "component", component_name(c, mv->m.component));
	json_object_set_new(j, "result", json_string(mv->result));
	add_option(c, j, &mv->m);
	json_object_set_new(j, "verdict", mv->verdict ? json_string(mv->verdict) : json_null());
	json_object_set_new(j, "metric", mv->metric ? json_string(mv->metric) : json_null());
	json_object_set_new(j, "effect", number(mv->effect));
	json_object_set_new(j, "judged_s", mv->verdict ? number(mv->judged_s) : json_null());
	json_object_set_new(j, "undone", json_boolean(mv->undone));
	json_object_set_new(j, "expected_bps", number(mv->forecast_bps));
	json_object_set_new(j, "actual_bps", number(mv->actual_bps));
	return j;
}

void coord_moves_json(struct coord *c, uint32_t run_id, json_t *out)
{
	uint64_t first = c->nr_moves > COORD_MAX_MOVES ? c->nr_moves - COORD_MAX_MOVES : 0;
	json_t *moves = json_array();

	for (uint64_t i = first; i < c->nr_moves; i++) {
		const struct coord_move *mv = &c->move[i % COORD_MAX_MOVES];

		if (!run_id || mv->run_id == run_id)
			json_array_append_new(moves, move_json(c, mv));
	}
	json_object_set_new(out, "moves", moves);
}

static json_t *weighed_json(struct coord *c, const struct coord_weighed *w)
{
	json_t *j = json_object();

	json_object_set_new(j, "tid", whole((uint64_t)w->tid));
	json_object_set_new(j, "comm", name_text(w->comm));
	json_object_set_new(j, "partner_tid", tid_or_null(w->partner_tid));
	json_object_set_new(j, "verdict", json_string(dam_policy_verdict_name(w->option.verdict)));
	json_object_set_new(j, "why", json_string(dam_policy_verdict_text(w->option.verdict)));
	add_option(c, j, &w->option.move);
	return j;
}

json_t *coord_decision_json(struct coord *c, const struct dam_policy_decision *d, const struct coord_weighed *w)
{
	json_t *j = json_object(), *options = json_array();

	json_object_set_new(j, "engine", name_text(coord_target_name(c, d->engine)));
	json_object_set_new(j, "pool", d->pool >= 0 ? name_text(coord_target_name(c, d->pool)) : json_null());
	json_object_set_new(j, "trigger", json_string(dam_policy_trigger_name(d->trigger)));
	json_object_set_new(j, "component", component_name(c, d->component));
	json_object_set_new(j, "capacity_bps", d->capacity > 0 ? number(d->capacity) : json_null());
	json_object_set_new(j, "demand_bps", number(d->demand));
	json_object_set_new(j, "background_bps", number(d->background));
	json_object_set_new(j, "utilisation", number(d->util));
	json_object_set_new(j, "forecast_bps", number(d->forecast.mean));
	json_object_set_new(j, "forecast_p90_bps", number(d->forecast.p90));
	json_object_set_new(j, "forecast_trusted", json_boolean(d->forecast.trusted));
	json_object_set_new(j, "verdict", json_string(dam_policy_verdict_name(d->verdict)));
	json_object_set_new(j, "why", json_string(dam_policy_verdict_text(d->verdict)));
	json_object_set_new(j, "no_exchange", d->exchange != DAM_VERDICT_NO_THREAD ?
			    json_string(dam_policy_verdict_text(d->exchange)) : json_null());
	json_object_set_new(j, "threads_weighed", whole(d->threads));
	json_object_set_new(j, "options_weighed", whole(d->weighed));
	for (unsigned int i = 0; i < d->nr && i < DAM_POLICY_WEIGHED; i++)
		json_array_append_new(options, weighed_json(c, &w[i]));
	json_object_set_new(j, "options", options);
	return j;
}

json_t *coord_history_json(struct coord *c)
{
	const struct dam_learn_table *t = coord_outcomes_learned(c);
	json_t *j = json_object(), *kinds = json_array();
	struct historian_view v;
	const struct dam_learn *l;
	double now = (double)time(NULL);

	coord_outcomes_history(c, &v);
	for (unsigned int i = 0; t && (l = dam_learn_each(t, i)); i++)
		json_array_append_new(kinds, dam_learned_json(t, l, now));
	json_object_set_new(j, "file", v.path ? name_text(v.path) : json_null());
	json_object_set_new(j, "state", json_string(v.state));
	json_object_set_new(j, "why", name_text(v.why));
	json_object_set_new(j, "written", whole(v.written));
	json_object_set_new(j, "dropped", whole(v.dropped));
	json_object_set_new(j, "kinds", kinds);
	return j;
}

json_t *coord_explained_json(struct coord *c, uint64_t id)
{
	json_t *out = json_object(), *list = json_array(), *one;
	const struct coord_move *mv = coord_move_find(c, id);

	if (!id) {
		json_decref(list);
		list = coord_explain_json(c, 0);
	} else if ((one = coord_explain_json(c, id))) {
		json_array_append_new(list, one);
	}
	json_object_set_new(out, "decisions", list);
	if (mv) {
		json_t *moves = json_array();

		json_array_append_new(moves, move_json(c, mv));
		json_object_set_new(out, "moves", moves);
	}
	return out;
}

void coord_print_decision(struct coord *c, double time_s, const struct dam_policy_decision *d,
			  const struct coord_weighed *w)
{
	if (d->verdict != DAM_VERDICT_MOVED)
		printf("%8.2f s  stays      %s at %.2f, %s: %s\n", time_s, coord_target_name(c, d->engine), d->util,
		       dam_policy_trigger_name(d->trigger), dam_policy_verdict_text(d->verdict));
	if (d->exchange != DAM_VERDICT_NO_THREAD && d->verdict != DAM_VERDICT_MOVED)
		printf("            no exchange: %s\n", dam_policy_verdict_text(d->exchange));
	printf("            weighed %u threads, %u options; forecast %.0f bytes/s, at most %.0f%s\n", d->threads,
	       d->weighed, d->forecast.mean, d->forecast.p90, d->forecast.trusted ? "" : " (not trusted)");
	for (unsigned int i = 0; i < d->nr && i < DAM_POLICY_WEIGHED; i++) {
		const struct dam_policy_move *m = &w[i].option.move;

		printf("            %s/%d -> %s", w[i].comm, (int)w[i].tid, coord_target_name(c, m->to_engine));
		if (w[i].partner_tid)
			printf(" in exchange for %d", (int)w[i].partner_tid);
		putchar(':');
		for (unsigned int k = 0; w[i].option.verdict >= DAM_VERDICT_GAIN && k < sizeof(terms) / sizeof(terms[0]);
		     k++)
			printf(" %s %.3f", terms[k].name, term(&m->terms, k));
		printf("%s %s\n", w[i].option.verdict >= DAM_VERDICT_GAIN ? ":" : "",
		       dam_policy_verdict_text(w[i].option.verdict));
	}
	fflush(stdout);
}

void coord_print_move(struct coord *c, const struct coord_move *mv)
{
	if (c->opt.json) {
		json_t *j = move_json(c, mv);
		json_t *decision = coord_explain_json(c, mv->id);

		if (decision)
			json_object_set_new(j, "decision", decision);
		json_dumpf(j, stdout, JSON_COMPACT);
		printf("\n");
		json_decref(j);
	} else {
		printf("%8.2f s  %-9s  %s/%d  CPUs %s -> %s  %s %.2f -> %.2f, %s %.2f -> %.2f  %s  gain %+.3f\n",
		       mv->time_s, mv->result, mv->comm, (int)mv->tid, mv->from_cpus, mv->to_cpus,
		       coord_target_name(c, mv->m.from_engine), mv->m.from_util, mv->m.from_util_after,
		       coord_target_name(c, mv->m.to_engine), mv->m.to_util, mv->m.to_util_after,
		       dam_policy_trigger_name(mv->m.trigger), mv->m.terms.gain);
		coord_explain_print(c, mv->id);
	}
	fflush(stdout);
}
