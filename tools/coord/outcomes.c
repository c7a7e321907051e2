/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Judging moves: windows of threads and engines, open judgements, what their verdicts lead to. */
#include "config.h"
#include "tools/coord/outcomes.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/str.h"
#include "policy/learn.h"
#include "tools/coord/coord.h"
#include "tools/coord/historian.h"
#include "tools/coord/takeback.h"

#define MAX_OPEN 1024 /* judgements at a time; what is moved beyond stays unjudged */

struct judgement {
	uint64_t move;	     /* its id */
	unsigned int thread; /* policy index */
	int from, to;	     /* engines */
	bool control[DAM_HAL_TARGETS], controlled;
	struct dam_outcome o;
};

struct coord_outcomes {
	struct dam_learn_table *learned;
	struct historian *historian;
	struct judgement *open[MAX_OPEN];
	unsigned int nr;
	double window_s; /* of the window in progress */
	bool touched[DAM_HAL_TARGETS]; /* by the plan that is carried out */
};

static double wall_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int coord_outcomes_open(struct coord *c)
{
	struct coord_outcomes *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	c->outcomes = o;
	o->learned = dam_learn_create(DAM_HISTORY_KINDS);
	return o->learned ? historian_open(dam_knob_text(&c->knobs, DAM_KNOB_AFFINITY_HISTORY), o->learned,
					   &o->historian) :
			    -ENOMEM;
}

void coord_outcomes_close(struct coord *c)
{
	struct coord_outcomes *o = c->outcomes;

	if (!o)
		return;
	historian_close(o->historian);
	dam_learn_destroy(o->learned);
	while (o->nr)
		free(o->open[--o->nr]);
	free(o);
	c->outcomes = NULL;
}

/* Threads of a pool are numbered by their programs: "worker-17" is of the kind "worker-#". */
static void kind_name(const char *comm, char out[DAM_LEARN_NAME])
{
	unsigned int at = 0;

	for (; *comm && at < DAM_LEARN_NAME - 1; comm++)
		if (!isdigit((unsigned char)*comm))
			out[at++] = *comm;
		else if (!at || out[at - 1] != '#')
			out[at++] = '#';
	out[at] = '\0';
}

static const struct dam_hal_engine *engine_at(const struct coord *c, int i)
{
	return &dam_hal_target(c->hal, (unsigned int)i)->engine;
}

static void key_of(const struct coord *c, const struct coord_thread *t, const struct dam_policy_move *m,
		   struct dam_learn_key *key)
{
	const struct dam_topology *topo = dam_hal_topology(c->hal);
	char program[DAM_LEARN_NAME], thread[DAM_LEARN_NAME];

	kind_name(t->proc->comm, program);
	kind_name(t->comm, thread);
	dam_learn_key(key, program, thread, engine_at(c, m->to_engine)->backend->name,
		      topo->domain[m->from_domain].os_node, topo->domain[m->to_domain].os_node);
}

double coord_outcomes_favour(void *ctx, const struct dam_policy_move *m)
{
	struct coord *c = ctx;
	const struct coord_thread *t = m->thread < COORD_MAX_THREADS ? c->thread[m->thread] : NULL;
	struct dam_learn_key key;
	double now, favour;

	if (!coord_trust_allows(c, m))
		return 0;
	if (!c->outcomes || !t || m->to_engine < 0)
		return 1;
	key_of(c, t, m, &key);
	if (!dam_learn_find(c->outcomes->learned, &key))
		return 1;
	now = wall_s();
	favour = dam_learn_favour(c->outcomes->learned, &key, now);
	/* a gain that was forecast too high is worth as much less */
	return favour > 0 ? favour * dam_learn_bias(c->outcomes->learned, &key, now) : favour;
}

static void close_at(struct coord_outcomes *o, unsigned int i)
{
	free(o->open[i]);
	o->open[i] = o->open[--o->nr];
}

static void give_up(struct coord *c, unsigned int i)
{
	struct coord_move *mv = coord_move_find(c, c->outcomes->open[i]->move);

	if (mv && !mv->undone)
		dam_strlcpy(mv->result, dam_outcome_verdict_name(DAM_OUTCOME_UNDECIDED), sizeof(mv->result));
	close_at(c->outcomes, i);
}

void coord_outcomes_forget(struct coord *c, struct coord_thread *t)
{
	for (unsigned int i = 0; c->outcomes && i < c->outcomes->nr; i++)
		if (c->outcomes->open[i]->thread == t->index) {
			give_up(c, i);
			break;
		}
}

/*
 * What moves to or from an engine changes what the threads there can do: earlier moves there cannot be told from
 * these, and engines that served as a control are none any more.
 */
void coord_outcomes_plan(struct coord *c, const struct dam_policy_move *m, unsigned int nr)
{
	struct coord_outcomes *o = c->outcomes;

	if (!o || !nr)
		return;
	memset(o->touched, 0, sizeof(o->touched));
	for (unsigned int i = 0; i < nr; i++)
		o->touched[m[i].from_engine] = o->touched[m[i].to_engine] = true;
	for (unsigned int i = o->nr; i-- > 0;) {
		struct judgement *j = o->open[i];

		for (unsigned int e = 0; e < dam_hal_nr_targets(c->hal); e++)
			j->controlled &= !(j->control[e] && o->touched[e]);
		if (o->touched[j->from] || o->touched[j->to])
			give_up(c, i);
	}
}

/* What the plan expects of the thread: what it asks for, as far as its new engine has it. */
static double expected_rate(const struct coord *c, const struct coord_thread *t, const struct dam_policy_move *m)
{
	struct dam_policy_thread_view v;

	dam_policy_view_thread(dam_decision_policy(c->decision), t->index, &v);
	return v.demand > 0 && isfinite(m->to_util_after) ? v.demand / fmax(1, m->to_util_after) : (double)NAN;
}

/* Engines with threads that nobody touches now. */
static void choose_control(const struct coord *c, struct judgement *j, struct dam_outcome_past *sum)
{
	for (unsigned int e = 0; e < dam_hal_nr_targets(c->hal); e++) {
		struct dam_policy_engine_view v;

		if (!c->engine[e].known || c->outcomes->touched[e])
			continue;
		dam_policy_view_engine(dam_decision_policy(c->decision), e, &v);
		if (v.attributed <= 0)
			continue;
		j->control[e] = j->controlled = true;
		dam_outcome_past_add(sum, &c->engine[e].past);
	}
}

void coord_outcomes_begin(struct coord *c, struct coord_thread *t, struct coord_move *mv)
{
	struct coord_outcomes *o = c->outcomes;
	struct dam_outcome_past control = {0}, engines = {0};
	struct judgement *j = o->nr < MAX_OPEN ? calloc(1, sizeof(*j)) : NULL;

	t->last_move = mv->id;
	if (!j)
		return;
	j->move = mv->id;
	j->thread = t->index;
	j->from = mv->m.from_engine;
	j->to = mv->m.to_engine;
	mv->forecast_bps = expected_rate(c, t, &mv->m);
	choose_control(c, j, &control);
	dam_outcome_past_add(&engines, &c->engine[j->from].past);
	if (j->to != j->from)
		dam_outcome_past_add(&engines, &c->engine[j->to].past);
	dam_outcome_begin(&j->o, &t->past, &engines, j->controlled ? &control : NULL);
	dam_outcome_cut(&t->past);
	dam_outcome_cut(&c->engine[j->from].past);
	dam_outcome_cut(&c->engine[j->to].past);
	o->open[o->nr++] = j;
}

static void keep(struct coord *c, const struct coord_move *mv, const struct dam_learn_key *key, double now)
{
	struct dam_history_move h = {.time_s = now, .kind = *key, .undone = mv->undone, .effect = mv->effect,
				     .gain = mv->m.terms.gain, .forecast = mv->forecast_bps, .actual = mv->actual_bps};

	dam_strlcpy(h.from_engine, engine_at(c, mv->m.from_engine)->name, sizeof(h.from_engine));
	dam_strlcpy(h.to_engine, engine_at(c, mv->m.to_engine)->name, sizeof(h.to_engine));
	dam_strlcpy(h.trigger, dam_policy_trigger_name(mv->m.trigger), sizeof(h.trigger));
	dam_strlcpy(h.verdict, mv->verdict, sizeof(h.verdict));
	dam_strlcpy(h.metric, mv->metric ? mv->metric : "", sizeof(h.metric));
	historian_add(c->outcomes->historian, &h, dam_learn_find(c->outcomes->learned, key));
}

static void conclude(struct coord *c, struct judgement *j, struct coord_move *mv, struct coord_thread *t)
{
	const struct dam_outcome_series *s = &j->o.thread[DAM_OUTCOME_BYTES];
	struct dam_learn_key key;
	double now = wall_s();

	mv->verdict = dam_outcome_verdict_name(j->o.verdict);
	mv->metric = j->o.verdict == DAM_OUTCOME_UNDECIDED ? NULL : dam_outcome_metric_name(j->o.metric);
	mv->effect = j->o.verdict == DAM_OUTCOME_UNDECIDED ? (double)NAN : j->o.effect;
	mv->judged_s = j->o.time_s;
	mv->actual_bps = s->nr ? s->after.touched / s->nr : (double)NAN;
	key_of(c, t, &mv->m, &key);
	dam_learn_result(c->outcomes->learned, &key, j->o.verdict, mv->actual_bps / mv->forecast_bps, now);
	if (dam_outcome_undo(&j->o))
		coord_take_back(c, t, mv);
	dam_strlcpy(mv->result, mv->undone ? "undone" : mv->verdict, sizeof(mv->result));
	keep(c, mv, &key, now);
	dam_info("move %llu of thread %d (%s): %s", (unsigned long long)mv->id, (int)t->tid, t->comm, mv->result);
}

static void add_engine(struct dam_outcome_window *sum, const struct coord *c, int e)
{
	dam_outcome_window_add(sum, &c->engine[e].window);
}

/* One judgement, with the window that has just closed. Return: it is over. */
static bool judge(struct coord *c, struct judgement *j, double dt_s)
{
	struct dam_outcome_window engines = {0}, control = {0};
	struct coord_move *mv = coord_move_find(c, j->move);
	struct coord_thread *t = mv ? coord_moved_thread(c, mv) : NULL;

	if (!t || t->why) {
		if (mv && !mv->undone)
			dam_strlcpy(mv->result, dam_outcome_verdict_name(DAM_OUTCOME_UNDECIDED), sizeof(mv->result));
		return true;
	}
	add_engine(&engines, c, j->from);
	if (j->to != j->from)
		add_engine(&engines, c, j->to);
	for (unsigned int e = 0; e < dam_hal_nr_targets(c->hal); e++)
		if (j->control[e])
			add_engine(&control, c, (int)e);
	if (dam_outcome_add(&j->o, dt_s, &t->window, &engines, j->controlled ? &control : NULL) == DAM_OUTCOME_OPEN)
		return false;
	conclude(c, j, mv, t);
	return true;
}

/* From sums over @dt_s to rates. */
static void close_window(struct dam_outcome_window *w, struct dam_outcome_past *p, double dt_s)
{
	w->bytes /= dt_s;
	w->ops /= dt_s;
	w->inflight /= dt_s;
	dam_outcome_note(p, w);
}

void coord_outcomes_tick(struct coord *c, double dt_s)
{
	struct coord_outcomes *o = c->outcomes;
	double window = o ? o->window_s += dt_s : 0;

	if (window < DAM_OUTCOME_WINDOW_S * 0.999)
		return;
	o->window_s = 0;
	for (unsigned int i = 0; i < c->nr_thread; i++)
		if (c->thread[i])
			close_window(&c->thread[i]->window, &c->thread[i]->past, window);
	for (unsigned int e = 0; e < dam_hal_nr_targets(c->hal); e++)
		if (c->engine[e].known)
			close_window(&c->engine[e].window, &c->engine[e].past, window);
	for (unsigned int i = o->nr; i-- > 0;)
		if (judge(c, o->open[i], window))
			close_at(o, i);
	for (unsigned int i = 0; i < c->nr_thread; i++)
		if (c->thread[i])
			c->thread[i]->window = (struct dam_outcome_window){0};
	for (unsigned int e = 0; e < dam_hal_nr_targets(c->hal); e++)
		c->engine[e].window = (struct dam_outcome_window){0};
}

const char *coord_outcomes_undo(struct coord *c, uint64_t id)
{
	struct coord_move *mv = coord_move_find(c, id);
	struct coord_thread *t = mv ? coord_moved_thread(c, mv) : NULL;
	struct dam_learn_key key;
	double now = wall_s();

	if (!mv)
		return "there is no such move, or it was too long ago";
	if (mv->undone)
		return "it has been undone already";
	if (!t)
		return "its thread has ended, was moved again, or is no longer where DAM put it";
	coord_outcomes_forget(c, t);
	if (!coord_take_back(c, t, mv))
		return "the thread cannot be pinned where it was";
	mv->verdict = dam_outcome_verdict_name(DAM_OUTCOME_WORSE);
	mv->effect = mv->actual_bps = (double)NAN;
	key_of(c, t, &mv->m, &key);
	dam_learn_result(c->outcomes->learned, &key, DAM_OUTCOME_WORSE, (double)NAN, now);
	dam_strlcpy(mv->result, "undone by request", sizeof(mv->result));
	keep(c, mv, &key, now);
	return NULL;
}

const struct dam_learn_table *coord_outcomes_learned(const struct coord *c)
{
	return c->outcomes ? c->outcomes->learned : NULL;
}

void coord_outcomes_history(const struct coord *c, struct historian_view *out)
{
	historian_view(c->outcomes->historian, out);
}
