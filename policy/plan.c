/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The plan for one pool: best thread first, repeated on the model until what it was made for has ended, or
 * nothing is worth a move.
 *
 * The load of an engine is the largest one on the way from it to the top: its own, or that of what it shares with
 * others. Both new loads of a move lie below the old load of its source, so the sorted loads fall with every step and
 * the loop ends; the maximum never rises. Threads put off a reserved engine never come back to it.
 *
 * Where that finds no move at all, one exchange of two threads is looked for (swap.c), to which the same applies. One
 * in a plan: the next plan begins with single moves again. And where that finds none either, one thread of an engine
 * that is full, or nobody knows whether it is, may try one that has never been used.
 */
#include "config.h"
#include "policy/plan.h"

#include <math.h>
#include <string.h>

#define STEPS 4 /* per move allowed, since a thread may move again inside one plan */
#define SWAP_LOOKS 4 /* the hottest engines: from these an exchange is looked for, or a trial */

static bool listed(const struct dam_thread *th)
{
	return th->present && th->engine >= 0;
}

/* Threads by engine. */
void dam_plan_sort(struct dam_policy *p)
{
	unsigned int nr = p->nr_engines;

	memset(p->first, 0, (nr + 1) * sizeof(*p->first));
	memset(p->sorted, 0, nr * sizeof(*p->sorted));
	for (unsigned int t = 0; t < p->nr_threads; t++)
		if (listed(&p->threads[t]))
			p->first[p->threads[t].engine]++;
	for (unsigned int i = 1; i <= nr; i++)
		p->first[i] += p->first[i - 1];
	for (unsigned int t = p->nr_threads; t-- > 0;) {
		const struct dam_thread *th = &p->threads[t];

		if (listed(th))
			p->key[--p->first[th->engine]] =
				(struct dam_key){th->demand_slow, th->peak_ops * th->op_bytes, t};
	}
}

/* Write the move down; a thread that moves again keeps its one line. */
static void record(struct dam_plan *pl, const struct dam_policy_move *new)
{
	struct dam_thread *th = &pl->p->threads[new->thread];
	struct dam_policy_move *m;

	if (th->plan_move < 0) {
		th->plan_move = (int)pl->nr;
		pl->moves[pl->nr++] = *new;
		return;
	}
	m = &pl->moves[th->plan_move];
	dam_cost_add_terms(&m->terms, &new->terms, 1);
	m->to_domain = new->to_domain;
	m->to_engine = new->to_engine;
	m->to_util = new->to_util;
	m->to_util_after = new->to_util_after;
}

static void apply(struct dam_plan *pl, const struct dam_policy_move *m)
{
	struct dam_policy *p = pl->p;
	struct dam_thread *th = &p->threads[m->thread];
	struct dam_cost_thread ct;

	record(pl, m);
	dam_explain_close(p, m, th->plan_move, DAM_VERDICT_MOVED);
	dam_plan_thread_cost(pl, m->thread, &ct);
	dam_tree_change(&pl->tree, (unsigned int)m->from_engine, &ct, -1, NULL);
	dam_domain_move(p, th, th->plan_domain, m->to_domain);
	th->plan_engine = m->to_engine;
	th->plan_domain = m->to_domain;
	dam_plan_thread_cost(pl, m->thread, &ct);
	dam_tree_change(&pl->tree, (unsigned int)m->to_engine, &ct, 1, NULL);
}

/* As planned so far. */
static int coolest(const struct dam_plan *pl)
{
	int best = DAM_POLICY_NONE;
	double least = HUGE_VAL;

	for (unsigned int i = 0; i < pl->nr_engines; i++) {
		unsigned int e = pl->p->list[i];
		double load = pl->p->engines[e].capacity > 0 ? dam_tree_load(&pl->tree, e) : HUGE_VAL;

		if (load < least) {
			best = (int)e;
			least = load;
		}
	}
	return best;
}

/*
 * A plan ends where what it was made for has ended: an engine that is no longer too full, nor out of balance with the
 * coolest one, stays as it is. To make it more even still would be to follow the noise.
 */
static bool is_relieved(const struct dam_plan *pl, unsigned int e, double load, int cool)
{
	const struct dam_policy *p = pl->p;

	return p->engines[e].trigger != DAM_TRIGGER_RESERVED && load < DAM_COST_HIGH_WATER && cool >= 0 &&
	       load - dam_tree_load(&pl->tree, (unsigned int)cool) < dam_trigger_gap(p, &p->engines[e], &p->engines[cool]);
}

/* The hottest engine with a trigger that is not stuck; reserved ones are cleared first. @cool: none, all count. */
static int hottest(const struct dam_plan *pl, int cool)
{
	const struct dam_policy *p = pl->p;
	int best = DAM_POLICY_NONE;
	double most = 0, own = 0;

	for (unsigned int i = 0; i < pl->nr_engines; i++) {
		unsigned int e = p->list[i];
		double load, alone;

		if (p->engines[e].trigger == DAM_TRIGGER_NONE || p->stuck[e])
			continue;
		load = p->engines[e].trigger == DAM_TRIGGER_RESERVED ? HUGE_VAL : dam_tree_load(&pl->tree, e);
		if (is_relieved(pl, e, load, cool))
			continue;
		alone = dam_tree_engine_load(&pl->tree, e);
		/* behind one overloaded component all are as hot: then the one that is hotter by itself */
		if (best < 0 || load > most || (load >= most && alone > own)) {
			best = (int)e;
			most = load;
			own = alone;
		}
	}
	return best;
}

static void clear_stuck(const struct dam_plan *pl)
{
	for (unsigned int i = 0; i < pl->nr_engines; i++)
		pl->p->stuck[pl->p->list[i]] = false;
}

/* Return: slow means are to be used; an overload cannot wait for them. */
static bool list_engines(struct dam_plan *pl)
{
	struct dam_policy *p = pl->p;
	bool slow = true;

	for (int e = p->pools[pl->pool].first; e >= 0; e = p->engines[e].next) {
		enum dam_policy_trigger why = p->engines[e].trigger;

		p->list[pl->nr_engines++] = (unsigned int)e;
		slow &= why == DAM_TRIGGER_NONE || why == DAM_TRIGGER_IMBALANCE || why == DAM_TRIGGER_RESERVED;
	}
	return slow;
}

/* The state of the pool as it is: background and threads of each engine. */
static void begin(struct dam_plan *pl, bool slow)
{
	struct dam_policy *p = pl->p;

	pl->slow = slow;
	dam_tree_open(&pl->tree, p, p->list, pl->nr_engines, slow);
	for (unsigned int i = 0; i < pl->nr_engines; i++) {
		unsigned int e = p->list[i];

		for (unsigned int k = p->first[e]; k < p->first[e + 1]; k++) {
			struct dam_thread *th = &p->threads[p->key[k].thread];
			struct dam_cost_thread ct;

			th->plan_engine = th->engine;
			th->plan_domain = th->domain;
			th->plan_move = -1;
			if (!dam_thread_active(th))
				continue;
			dam_plan_thread_cost(pl, p->key[k].thread, &ct);
			dam_tree_put(&pl->tree, e, &ct);
		}
	}
	dam_tree_close(&pl->tree, p->list, pl->nr_engines);
}

/* Drop moves that ended where they began. */
static unsigned int drop_zeros(struct dam_plan *pl)
{
	int *map = pl->p->renumber;
	unsigned int nr = 0;

	for (unsigned int i = 0; i < pl->nr; i++) {
		bool keep = pl->moves[i].from_domain != pl->moves[i].to_domain;

		map[i] = keep ? (int)(pl->base + nr) : DAM_POLICY_NONE;
		if (keep)
			pl->moves[nr++] = pl->moves[i];
	}
	return nr;
}

/* The best move off the hottest engine that has one. */
static bool move(struct dam_plan *pl)
{
	struct dam_policy_move m;
	int h, cool = coolest(pl);

	clear_stuck(pl);
	while ((h = hottest(pl, cool)) >= 0 && !dam_plan_best(pl, (unsigned int)h, &m))
		pl->p->stuck[h] = true;
	if (h >= 0)
		apply(pl, &m);
	return h >= 0;
}

/*
 * One exchange, off one of the hottest engines. It is no matter of milliseconds: what is there in the mean counts, lest
 * of many pairs one is taken for its noise. The decisions from number @first on say why there was none.
 */
static void exchange(struct dam_plan *pl, unsigned int first)
{
	struct dam_swap s;
	int h, cool;

	if (!pl->slow)
		begin(pl, true);
	clear_stuck(pl);
	cool = coolest(pl);
	for (unsigned int i = 0; i < SWAP_LOOKS && (h = hottest(pl, cool)) >= 0; i++) {
		pl->p->stuck[h] = true;
		if (!dam_plan_swap(pl, (unsigned int)h, &s)) {
			dam_explain_exchange(pl->p, first, (unsigned int)h, s.verdict);
			continue;
		}
		apply(pl, &s.m[0]);
		apply(pl, &s.m[1]);
		dam_plan_explain_swap(pl, &s);
		return;
	}
}

/* One thread of an engine that is full, not only in the model, or may be so, tries another engine. */
static void try_out(struct dam_plan *pl)
{
	const struct dam_policy *p = pl->p;
	struct dam_policy_move m;
	int h;

	clear_stuck(pl);
	for (unsigned int i = 0; i < SWAP_LOOKS && (h = hottest(pl, DAM_POLICY_NONE)) >= 0; i++) {
		p->stuck[h] = true;
		if ((p->engines[h].unclear || (p->engines[h].saturated && p->engines[h].trigger == DAM_TRIGGER_OVERLOAD)) &&
		    dam_plan_try(pl, (unsigned int)h, &m)) {
			apply(pl, &m);
			return;
		}
	}
}

static bool is_untried(const struct dam_plan *pl)
{
	for (unsigned int i = 0; i < pl->nr_engines; i++)
		if (dam_engine_untried(&pl->p->engines[pl->p->list[i]]))
			return true;
	return false;
}

/* @done moves stand in the tick's plan already; room for @max in all. Return: how many more. */
unsigned int dam_plan_pool(struct dam_policy *p, int pool, struct dam_policy_move *moves, unsigned int done,
			   unsigned int max)
{
	struct dam_plan pl = {.p = p, .pool = pool, .moves = moves + done, .base = done, .max = max - done};
	unsigned int first = p->explain ? p->explain->nr_decisions : 0, nr;

	if (done >= max || !p->pools[pool].triggered)
		return 0;
	begin(&pl, list_engines(&pl));
	for (unsigned int steps = 0; steps < STEPS * pl.max && pl.nr < pl.max; steps++)
		if (!move(&pl))
			break;
	if (!pl.nr && pl.max >= 2)
		exchange(&pl, first);
	if (!pl.nr && is_untried(&pl))
		try_out(&pl);
	nr = drop_zeros(&pl);
	dam_explain_renumber(p, first, p->renumber);
	return nr;
}
