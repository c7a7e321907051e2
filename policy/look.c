/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Which threads of a hot engine are looked at, and where they could go; see look.h. */
#include "config.h"
#include "policy/look.h"

#include <stdlib.h>

static bool may_move(const struct dam_plan *pl, const struct dam_thread *th)
{
	return th->movable && th->pool == pl->pool && dam_thread_active(th) &&
	       (!pl->slow || th->age_s >= DAM_LOOK_AGE_S) && th->cooldown_s <= 0;
}

/* By demand; closed loops that all ask for a whole engine by what they keep in flight. */
static int larger(const void *a, const void *b)
{
	const struct dam_key *x = a, *y = b;

	if (x->demand < y->demand || x->demand > y->demand)
		return x->demand < y->demand ? 1 : -1;
	if (x->depth < y->depth || x->depth > y->depth)
		return x->depth < y->depth ? 1 : -1;
	return (x->thread > y->thread) - (x->thread < y->thread);
}

/* The engine's threads that may leave, the largest first, before the others; once for a plan. Return: how many. */
unsigned int dam_look_movable(struct dam_plan *pl, unsigned int h)
{
	struct dam_policy *p = pl->p;
	struct dam_key *key = &p->key[p->first[h]];
	unsigned int nr = p->first[h + 1] - p->first[h], kept = 0;

	if (p->sorted[h])
		return p->nr_key[h];
	for (unsigned int i = 0; i < nr; i++)
		if (may_move(pl, &p->threads[key[i].thread])) {
			struct dam_key x = key[kept];

			key[kept++] = key[i];
			key[i] = x;
		}
	qsort(key, kept, sizeof(*key), larger);
	p->sorted[h] = true;
	p->nr_key[h] = kept;
	return kept;
}

static bool is_candidate(const struct dam_look *l, unsigned int t)
{
	const struct dam_policy *p = l->pl->p;
	const struct dam_thread *th = &p->threads[t];

	return th->plan_engine == (int)l->h && (!l->evict || dam_engine_is_foreign(&p->engines[l->h], th->class));
}

/* Threads that came in this plan stand in no list of the engine: they are put where they belong. */
static void add_returning(struct dam_look *l, unsigned int t)
{
	const struct dam_thread *th = &l->pl->p->threads[t];
	struct dam_key key = {th->demand_slow, th->peak_ops * th->op_bytes, t};
	unsigned int i = l->nr_threads++;

	for (; i > 0 && larger(&l->thread[i - 1], &key) > 0; i--)
		l->thread[i] = l->thread[i - 1];
	l->thread[i] = key;
}

/* The largest first. */
void dam_look_candidates(struct dam_look *l)
{
	struct dam_plan *pl = l->pl;
	unsigned int nr = dam_look_movable(pl, l->h), front = 0, back = nr, large;
	const struct dam_key *key = &pl->p->key[pl->p->first[l->h]];

	l->nr_threads = 0;
	for (; front < nr && l->nr_threads < DAM_LOOK_CANDIDATES / 2; front++)
		if (is_candidate(l, key[front].thread))
			l->thread[l->nr_threads++] = key[front];
	large = l->nr_threads;
	for (; back > front && l->nr_threads < DAM_LOOK_CANDIDATES; back--)
		if (is_candidate(l, key[back - 1].thread))
			l->thread[l->nr_threads++] = key[back - 1];
	for (unsigned int i = large, k = l->nr_threads; i + 1 < k; i++) {
		struct dam_key x = l->thread[--k];

		l->thread[k] = l->thread[i];
		l->thread[i] = x;
	}
	for (unsigned int i = 0; i < pl->nr && l->nr_threads < DAM_LOOK_THREADS; i++)
		if (pl->moves[i].from_engine != (int)l->h && is_candidate(l, pl->moves[i].thread))
			add_returning(l, pl->moves[i].thread);
}

/* Insert engine @e into a list in which the one that would be least loaded comes first. */
static void insert_target(struct dam_targets *g, unsigned int e, double load, double with)
{
	unsigned int k = g->nr;

	if (g->nr == DAM_LOOK_TARGETS) {
		if (with >= g->with[DAM_LOOK_TARGETS - 1])
			return;
		k = --g->nr;
	}
	for (; k > 0 && with < g->with[k - 1]; k--) {
		g->engine[k] = g->engine[k - 1];
		g->load[k] = g->load[k - 1];
		g->with[k] = g->with[k - 1];
	}
	g->engine[k] = e;
	g->load[k] = load;
	g->with[k] = with;
	g->nr++;
}

/* The engines of the pool that would be least loaded with such a thread; the same for all threads alike. */
void dam_look_targets(struct dam_look *l, const struct dam_thread *th)
{
	struct dam_policy *p = l->pl->p;
	struct dam_targets *g = &l->targets;

	if (g->known && g->needs == th->needs && g->class == th->class)
		return;
	*g = (struct dam_targets){.known = true, .needs = th->needs, .class = th->class};
	for (unsigned int i = 0; i < l->pl->nr_engines; i++) {
		unsigned int e = p->list[i];
		const struct dam_engine *en = &p->engines[e];
		double load, fastest = dam_engine_fastest(en);

		if (e == l->h || (en->capacity <= 0 && !l->trial) || !dam_engine_admits(en, th->needs, th->class))
			continue;
		load = dam_tree_load(&l->pl->tree, e);
		insert_target(g, e, load, fastest > 0 ? load + th->demand / fastest : load);
	}
}

/*
 * The nearest domain from which the thread would use engine @e; ties: the one with fewer threads. Who needs quick
 * answers goes to a sleeping domain last.
 */
int dam_look_domain(const struct dam_plan *pl, const struct dam_thread *th, unsigned int e)
{
	const struct dam_policy *p = pl->p;
	const float *away = p->cfg.distance[th->plan_domain];
	int best = DAM_POLICY_NONE;
	bool best_sleeps = false;

	for (unsigned int d = 0; d < p->cfg.nr_domains; d++) {
		bool sleeps;

		if (p->pools[pl->pool].engine_of_domain[d] != (int)e || !(th->allowed >> d & 1))
			continue;
		sleeps = th->class != DAM_CLASS_NORMAL && dam_power_asleep(p, d);
		if (best < 0 || (best_sleeps && !sleeps) ||
		    (best_sleeps == sleeps &&
		     (away[d] < away[best] ||
		      (away[d] <= away[best] && p->domain_threads[d] < p->domain_threads[best])))) {
			best = (int)d;
			best_sleeps = sleeps;
		}
	}
	return best;
}

/* Why engine @h has no candidates. */
enum dam_policy_verdict dam_look_nobody(const struct dam_plan *pl, unsigned int h)
{
	const struct dam_policy *p = pl->p;
	enum dam_policy_verdict why = DAM_VERDICT_NO_THREAD;

	for (unsigned int i = p->first[h]; i < p->first[h + 1]; i++) {
		const struct dam_thread *th = &p->threads[p->key[i].thread];

		if (!dam_thread_active(th))
			continue;
		if (th->movable && th->pool == pl->pool)
			return DAM_VERDICT_COOLDOWN;
		why = DAM_VERDICT_PINNED;
	}
	return why;
}
