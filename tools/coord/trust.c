/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Whose word counts for whom. What a process says of its own DMA, any process can make up; so of threads of other users
 * it moves none. Where several users have threads, a move has to be right by what its own user's threads ask, and by
 * what the engines' own counters say of all others: the kernel's word. An engine that counts nothing does nothing for
 * others, then.
 */
#include "config.h"
#include "tools/coord/coord.h"

#include <math.h>
#include <string.h>

#include "policy/cost.h"
#include "tools/coord/procfs.h"

/* A process may change its user; of the many, one is asked in a tick. */
static void ask_one(struct coord *c)
{
	unsigned int at = c->nr_processes ? c->trust.next++ % c->nr_processes : 0;
	struct coord_process *p = c->processes;

	while (p && at--)
		p = p->next;
	if (p)
		coord_proc_euid(p->pid, &p->uid);
}

static unsigned int find_user(struct coord_trust *t, uid_t uid)
{
	unsigned int i = 0;

	while (i < t->nr_users && t->uid[i] != uid)
		i++;
	if (i == t->nr_users && i < COORD_TRUST_USERS)
		t->uid[t->nr_users++] = uid;
	return i;
}

static void find_users(struct coord *c)
{
	c->trust.nr_users = 0;
	for (struct coord_process *p = c->processes; p; p = p->next)
		if (p->nr_thread || p->nr_extra)
			p->user = find_user(&c->trust, p->uid);
}

static void note_engine(struct coord *c, unsigned int i)
{
	struct coord_word *w = &c->trust.engine[i];
	struct dam_policy_engine_view v;
	struct dam_forecast f;

	*w = (struct coord_word){0};
	if (!c->engine[i].known)
		return;
	dam_policy_view_engine(dam_decision_policy(c->decision), i, &v);
	dam_decision_forecast(c->decision, i, &f);
	w->capacity = v.capacity;
	if (dam_hal_target(c->hal, i)->engine.simulated || !(c->engine[i].last.have & DAM_HAVE_BYTES))
		return;
	w->measured = v.rate;
	w->foretold = f.trusted ? fmax(f.p90, v.rate) : v.rate;
}

static void note_thread(struct coord *c, struct coord_thread *t)
{
	struct dam_policy_thread_view v;
	struct coord_word *w;

	t->asks = 0;
	dam_policy_view_thread(dam_decision_policy(c->decision), t->index, &v);
	if (v.engine < 0 || t->proc->user >= COORD_TRUST_USERS)
		return;
	t->asks = v.demand;
	w = &c->trust.engine[v.engine];
	w->asked[t->proc->user] += v.demand;
	w->rate[t->proc->user] += v.rate;
}

void coord_trust_tick(struct coord *c)
{
	ask_one(c);
	find_users(c);
	if (c->trust.nr_users < 2)
		return;
	for (unsigned int i = 0; i < c->nr_modelled; i++)
		note_engine(c, i);
	for (unsigned int i = 0; i < c->nr_thread; i++)
		if (c->thread[i])
			note_thread(c, c->thread[i]);
	for (unsigned int i = 0; i < DAM_HAL_COMPONENTS; i++) {
		struct dam_policy_component_view v = {0};

		dam_policy_view_component(dam_decision_policy(c->decision), i, &v);
		c->trust.full[i] = v.capacity > 0 && v.rate >= DAM_COST_HIGH_WATER * v.capacity;
	}
}

/* Load of @engine as far as @user has to believe it, with @more of its own. */
static double load(const struct coord_word *w, unsigned int user, double others, double more)
{
	return w->capacity > 0 ? (w->asked[user] + fmax(0, others - w->rate[user]) + more) / w->capacity : (double)NAN;
}

/* An exchange is between two threads of one user. */
static bool same_user(const struct coord *c, const struct dam_policy_move *m, unsigned int user)
{
	const struct coord_thread *t = m->partner <= COORD_MAX_THREADS ? c->thread[m->partner - 1] : NULL;

	return t && t->proc->user == user;
}

static bool is_right(const struct coord *c, const struct coord_thread *t, const struct dam_policy_move *m)
{
	const struct coord_word *a = &c->trust.engine[m->from_engine], *b = &c->trust.engine[m->to_engine];
	double from = load(a, t->proc->user, m->trigger == DAM_TRIGGER_FORECAST ? a->foretold : a->measured, 0);
	double to = load(b, t->proc->user, b->measured, 0), after = load(b, t->proc->user, b->measured, t->asks);

	if (!isfinite(from) || !isfinite(to) || m->trigger == DAM_TRIGGER_POWER)
		return false;
	if (m->partner)
		return same_user(c, m, t->proc->user) && fmax(from, to) >= DAM_COST_HIGH_WATER;
	if (m->trigger == DAM_TRIGGER_COMPONENT && m->component >= 0 && a->measured > 0 && c->trust.full[m->component])
		return after < DAM_COST_HIGH_WATER;
	return after < from && (from >= DAM_COST_HIGH_WATER ||
				from - to >= dam_knob_num(&c->knobs, DAM_KNOB_MIGRATION_THRESHOLD) / 100);
}

bool coord_trust_allows(struct coord *c, const struct dam_policy_move *m)
{
	const struct coord_thread *t = m->thread < COORD_MAX_THREADS ? c->thread[m->thread] : NULL;

	/* closer to its own engine, off one that is kept for others: that has nothing to do with what others ask */
	if (c->trust.nr_users < 2 || m->from_engine == m->to_engine || m->trigger == DAM_TRIGGER_RESERVED)
		return true;
	if (t && t->proc->user < COORD_TRUST_USERS && m->from_engine >= 0 && m->to_engine >= 0 && is_right(c, t, m))
		return true;
	c->trust.refused++;
	return false;
}

void coord_trust_moved(struct coord *c, const struct dam_policy_move *m)
{
	const struct coord_thread *t = c->thread[m->thread];

	if (c->trust.nr_users < 2 || m->from_engine < 0 || m->to_engine < 0 || t->proc->user >= COORD_TRUST_USERS)
		return;
	c->trust.engine[m->from_engine].asked[t->proc->user] -= t->asks;
	c->trust.engine[m->to_engine].asked[t->proc->user] += t->asks;
}
