/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Exchanges: a thread of an overloaded engine for a smaller one of another, where no single move helps.
 *
 * Two moves that count as one: the rules are those of a move, for both engines, and both threads' costs count. So
 * both new loads lie below the old load of the hot engine, as they do after a move, and the plan ends.
 *
 * How many pairs there are is their number squared. Those that would level the two engines best are few, and found
 * in the sorted lists: only these are weighed.
 */
#include "config.h"

#include <math.h>

#include "policy/look.h"

#define REACH 4 /* threads beyond the best fit that are looked at, either way */
#define TINY  1e-9

/* Of two engines: the hot one and the other. */
struct pair {
	unsigned int thread[2];
	unsigned int to;  /* engine */
	double load;	  /* the larger of the two afterwards, about */
};

struct search {
	struct dam_look l;
	double ceiling;
	unsigned int nr;
	struct pair pair[DAM_SWAP_PAIRS]; /* the evenest first */
};

static double usable(const struct dam_policy *p, unsigned int e)
{
	return dam_engine_fastest(&p->engines[e]) * (1 - dam_engine_head_room(p, &p->engines[e]));
}

/*
 * What both loads have to stay below: as after a move; by more than noise, for of many pairs one looks good by chance;
 * and where nothing is short any more, else closed loops would change places for ever, as one yields to another.
 */
static double ceiling(const struct dam_look *l)
{
	double noise = DAM_SIGMAS * sqrt(l->pl->p->engines[l->h].noise.var);

	return fmin(fmin(dam_look_ceiling(l), l->load - noise), 1);
}

/* Keep the pair, if it is among the evenest. */
static void keep(struct search *s, const struct pair *new)
{
	unsigned int i;

	if (new->load > s->ceiling)
		return;
	if (s->nr < DAM_SWAP_PAIRS)
		s->nr++;
	else if (new->load >= s->pair[s->nr - 1].load)
		return;
	for (i = s->nr - 1; i > 0 && new->load < s->pair[i - 1].load; i--)
		s->pair[i] = s->pair[i - 1];
	s->pair[i] = *new;
}

/* Is its demand well known? Where nothing is short it is what is seen, whoever asks. */
static bool is_known(const struct dam_policy *p, const struct dam_thread *th)
{
	return th->age_s >= DAM_LOOK_AGE_S && !(th->doubt && p->engines[th->engine].saturated);
}

/* May the thread go to the hot engine? */
static bool may_come(const struct search *s, unsigned int t)
{
	const struct dam_plan *pl = s->l.pl;
	const struct dam_thread *th = &pl->p->threads[t];

	return is_known(pl->p, th) && dam_engine_admits(&pl->p->engines[s->l.h], th->needs, th->class) &&
	       dam_look_domain(pl, th, s->l.h) >= 0;
}

/* The first of the threads, the largest first, that asks for no more than @demand. */
static unsigned int first_within(const struct dam_key *key, unsigned int nr, double demand)
{
	unsigned int lo = 0, hi = nr;

	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;

		if (key[mid].demand > demand)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* For candidate @t and its @k-th target: the threads there that level the two engines best. */
static void pair_with(struct search *s, const struct dam_key *t, unsigned int k)
{
	struct dam_plan *pl = s->l.pl;
	unsigned int f = s->l.targets.engine[k], nr, at;
	const struct dam_key *key = &pl->p->key[pl->p->first[f]];
	double here = usable(pl->p, s->l.h), there = usable(pl->p, f), load = s->l.targets.load[k];
	double level = (s->l.load * here + load * there) / (here + there);

	if (level > s->ceiling)
		return;
	nr = dam_look_movable(pl, f);
	at = first_within(key, nr, t->demand - (s->l.load - level) * here);
	for (unsigned int i = at > REACH ? at - REACH : 0; i < nr && i < at + REACH; i++) {
		double less = t->demand - key[i].demand;

		if (may_come(s, key[i].thread))
			keep(s, &(struct pair){.thread = {t->thread, key[i].thread}, .to = f,
					       .load = fmax(s->l.load - less / here, load + less / there)});
	}
}

static void find_pairs(struct search *s)
{
	struct dam_look *l = &s->l;

	dam_look_candidates(l);
	for (unsigned int i = 0; i < l->nr_threads; i++) {
		const struct dam_thread *th = &l->pl->p->threads[l->thread[i].thread];

		if (!is_known(l->pl->p, th))
			continue;
		dam_look_targets(l, th);
		for (unsigned int k = 0; k < l->targets.nr; k++)
			if (dam_look_domain(l->pl, th, l->targets.engine[k]) >= 0)
				pair_with(s, &l->thread[i], k);
	}
}

/* The two moves, before anything is weighed. */
static void describe(const struct search *s, const struct pair *x, struct dam_policy_move m[2])
{
	const struct dam_plan *pl = s->l.pl;
	const struct dam_engine *hot = &pl->p->engines[s->l.h];
	unsigned int engine[2] = {s->l.h, x->to};

	for (int i = 0; i < 2; i++) {
		const struct dam_thread *th = &pl->p->threads[x->thread[i]];

		m[i] = (struct dam_policy_move){
			.thread = x->thread[i], .partner = x->thread[!i] + 1, .trigger = hot->trigger,
			.component = hot->bottleneck, .from_engine = (int)engine[i], .to_engine = (int)engine[!i],
			.from_domain = th->plan_domain,
			.to_domain = (unsigned int)dam_look_domain(pl, th, engine[!i]),
			.from_util = dam_tree_load(&pl->tree, engine[i]),
			.to_util = dam_tree_load(&pl->tree, engine[!i]), .terms = {.favour = 1}};
	}
}

/* Change the tree: both threads leave, then both arrive. */
static void exchange(struct dam_plan *pl, const struct dam_policy_move m[2], struct dam_tree_save save[4])
{
	for (int i = 0; i < 4; i++) {
		const struct dam_policy_move *one = &m[i % 2];
		struct dam_cost_thread ct;

		dam_plan_thread_cost(pl, one->thread, &ct);
		if (i >= 2)
			dam_thread_cost_at(pl->p, one->thread, (unsigned int)one->to_engine, one->to_domain, &ct);
		dam_tree_change(&pl->tree, (unsigned int)(i < 2 ? one->from_engine : one->to_engine), &ct,
				i < 2 ? -1 : 1, &save[i]);
	}
}

/* What the exchange is worth, half of it for each; the tree is as it would be, @sums as it was. */
static void weigh_terms(struct dam_plan *pl, const struct dam_cost_sums *sums, struct dam_policy_move m[2])
{
	struct dam_policy *p = pl->p;
	const struct dam_thread *a = &p->threads[m[0].thread], *b = &p->threads[m[1].thread];
	struct dam_policy_terms half = {0};
	double nr = fmax(1, sums->nr);

	dam_cost_terms(sums, &pl->tree.sums, (a->weight_throughput + b->weight_throughput) / 2,
		       (a->weight_latency + b->weight_latency) / 2, &m[0].terms);
	dam_plan_side_costs(p, m[0].thread, m[0].to_domain, nr, &m[0].terms);
	dam_domain_move(p, a, m[0].from_domain, m[0].to_domain);
	dam_plan_side_costs(p, m[1].thread, m[1].to_domain, nr, &m[1].terms);
	dam_domain_move(p, a, m[0].to_domain, m[0].from_domain);
	half.threshold = m[0].terms.threshold;
	dam_cost_add_terms(&half, &m[0].terms, 0.5);
	dam_cost_add_terms(&half, &m[1].terms, 0.5);
	m[0].terms = m[1].terms = half;
	dam_plan_favour(p, &m[0]);
	dam_plan_favour(p, &m[1]);
	m[0].terms.favour = m[1].terms.favour = fmin(m[0].terms.favour, m[1].terms.favour);
}

/* The rules, in the order in which they are told; the exchange stands in the tree. */
static enum dam_policy_verdict judge(const struct search *s, const struct dam_cost_sums *sums, double overflow,
				     struct dam_policy_move m[2])
{
	struct dam_plan *pl = s->l.pl;
	unsigned int f = (unsigned int)m[0].to_engine;
	double left = dam_tree_overflow(&pl->tree, s->l.h) + dam_tree_overflow(&pl->tree, f);

	m[0].from_util_after = m[1].to_util_after = dam_tree_load(&pl->tree, s->l.h);
	m[0].to_util_after = m[1].from_util_after = dam_tree_load(&pl->tree, f);
	if (fmax(m[0].from_util_after, m[0].to_util_after) > s->ceiling)
		return DAM_VERDICT_PAIR;
	if (left > overflow * (1 + TINY))
		return DAM_VERDICT_OVERFLOW;
	weigh_terms(pl, sums, m);
	return dam_cost_score(&m[0].terms) >= m[0].terms.threshold ? DAM_VERDICT_OUTDONE : DAM_VERDICT_GAIN;
}

static enum dam_policy_verdict weigh(struct search *s, const struct pair *x, struct dam_policy_move m[2])
{
	struct dam_plan *pl = s->l.pl;
	struct dam_cost_sums sums = pl->tree.sums;
	double overflow = s->l.overflow + dam_tree_overflow(&pl->tree, x->to);
	struct dam_tree_save save[4];
	enum dam_policy_verdict v;

	describe(s, x, m);
	exchange(pl, m, save);
	v = judge(s, &sums, overflow, m);
	for (int i = 4; i-- > 0;)
		dam_tree_undo(&pl->tree, &save[i]);
	return v;
}

bool dam_plan_swap(struct dam_plan *pl, unsigned int h, struct dam_swap *out)
{
	struct search s = {.l = {.pl = pl, .h = h, .load = dam_tree_load(&pl->tree, h),
				 .overflow = dam_tree_overflow(&pl->tree, h)}};
	double best = -INFINITY;

	out->verdict = DAM_VERDICT_NO_THREAD;
	if (s.l.load <= DAM_COST_HIGH_WATER)
		return false;
	s.ceiling = ceiling(&s.l);
	find_pairs(&s);
	out->verdict = s.l.nr_threads ? DAM_VERDICT_NO_SWAP : DAM_VERDICT_NO_THREAD;
	for (unsigned int i = 0; i < s.nr; i++) {
		struct dam_policy_move m[2];

		out->option[i].verdict = weigh(&s, &s.pair[i], m);
		out->option[i].move = m[0];
		if (out->option[i].verdict > out->verdict)
			out->verdict = out->option[i].verdict;
		if (out->option[i].verdict != DAM_VERDICT_OUTDONE || dam_cost_score(&m[0].terms) <= best + TINY)
			continue;
		best = dam_cost_score(&m[0].terms);
		out->m[0] = m[0];
		out->m[1] = m[1];
	}
	out->nr = s.nr;
	out->threads = s.l.nr_threads;
	return isfinite(best);
}

void dam_plan_explain_swap(const struct dam_plan *pl, const struct dam_swap *s)
{
	struct dam_policy *p = pl->p;

	for (int i = 0; i < 2; i++) {
		const struct dam_policy_move *m = &s->m[i];

		dam_explain_open(p, &(struct dam_policy_decision){
			.engine = m->from_engine, .pool = pl->pool, .component = m->component, .trigger = m->trigger,
			.util = m->from_util, .threads = i ? 1 : s->threads});
		for (unsigned int k = 0; !i && k < s->nr; k++)
			dam_explain_option(p, &s->option[k]);
		if (i)
			dam_explain_option(p, &(struct dam_policy_option){*m, DAM_VERDICT_OUTDONE});
		dam_explain_close(p, m, p->threads[m->thread].plan_move, DAM_VERDICT_MOVED);
	}
}
