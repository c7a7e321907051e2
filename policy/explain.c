/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Writing down why a tick decided as it did, into the caller's room; and the names of verdicts. */
#include "config.h"
#include "policy/explain.h"

#include <math.h>

#include "policy/model.h"

void dam_policy_set_explain(struct dam_policy *p, struct dam_policy_explain *sink)
{
	p->explain = sink;
	p->look = NULL;
}

void dam_explain_tick(struct dam_policy *p)
{
	p->look = NULL;
	if (p->explain)
		p->explain->nr_decisions = p->explain->nr_options = p->explain->dropped = 0;
}

/* @d: what is looked for, and at which load; what is known of its engine is filled in here. */
void dam_explain_open(struct dam_policy *p, const struct dam_policy_decision *d)
{
	const struct dam_engine *en = &p->engines[d->engine];
	struct dam_policy_explain *x = p->explain;

	p->look = NULL;
	if (!x)
		return;
	if (x->nr_decisions >= x->max_decisions) {
		x->dropped++;
		return;
	}
	p->look = &x->decision[x->nr_decisions++];
	*p->look = *d;
	p->look->capacity = en->capacity;
	p->look->demand = en->demand;
	p->look->background = en->background;
	p->look->forecast = p->forecast ? p->forecast[d->engine] :
					  (struct dam_policy_forecast){.mean = NAN, .p90 = NAN};
	p->look->first = x->nr_options;
	p->look->move = DAM_POLICY_NONE;
}

/* Further, or as far and worth more. */
static bool ahead(const struct dam_policy_option *a, const struct dam_policy_option *b)
{
	return a->verdict != b->verdict ? a->verdict > b->verdict :
					  dam_cost_score(&a->move.terms) > dam_cost_score(&b->move.terms);
}

void dam_explain_option(struct dam_policy *p, const struct dam_policy_option *o)
{
	struct dam_policy_explain *x = p->explain;
	struct dam_policy_option *list;
	unsigned int i;

	if (!p->look)
		return;
	p->look->weighed++;
	if (o->verdict > p->look->verdict)
		p->look->verdict = o->verdict;
	list = x->option + p->look->first;
	i = p->look->nr;
	if (i == DAM_POLICY_WEIGHED || x->nr_options == x->max_options) {
		if (!i || !ahead(o, &list[i - 1]))
			return;
		i--;
	} else {
		p->look->nr++;
		x->nr_options++;
	}
	for (; i > 0 && ahead(o, &list[i - 1]); i--)
		list[i] = list[i - 1];
	list[i] = *o;
}

/* The winner comes first; ties may have kept it off the list. */
static void crown(struct dam_policy_option *list, unsigned int nr, const struct dam_policy_move *winner)
{
	unsigned int i;

	for (i = 0; i + 1 < nr; i++)
		if (list[i].move.thread == winner->thread && list[i].move.to_engine == winner->to_engine &&
		    list[i].move.to_domain == winner->to_domain)
			break;
	for (; i > 0; i--)
		list[i] = list[i - 1];
	list[0] = (struct dam_policy_option){*winner, DAM_VERDICT_MOVED};
}

/* @winner was taken as move @index of the plan; NULL: nothing was, for @verdict if that is further than all options. */
void dam_explain_close(struct dam_policy *p, const struct dam_policy_move *winner, int index,
		       enum dam_policy_verdict verdict)
{
	struct dam_policy_decision *d = p->look;

	if (!d)
		return;
	if (verdict > d->verdict)
		d->verdict = verdict;
	if (winner) {
		d->verdict = DAM_VERDICT_MOVED;
		d->move = index;
	}
	if (winner && d->nr)
		crown(p->explain->option + d->first, d->nr, winner);
	p->look = NULL;
}

/* The look at engine @e, decision number @first or a later one: nor was a thread of it exchanged, for @verdict. */
void dam_explain_exchange(struct dam_policy *p, unsigned int first, unsigned int e, enum dam_policy_verdict verdict)
{
	for (unsigned int i = first; p->explain && i < p->explain->nr_decisions; i++)
		if (p->explain->decision[i].engine == (int)e)
			p->explain->decision[i].exchange = verdict;
}

/* Decision number @first and later ones: moves have got the indices map[old] of the whole plan; NONE: dropped. */
void dam_explain_renumber(struct dam_policy *p, unsigned int first, const int *map)
{
	for (unsigned int i = first; p->explain && i < p->explain->nr_decisions; i++) {
		struct dam_policy_decision *d = &p->explain->decision[i];

		if (d->move < 0)
			continue;
		d->move = map[d->move];
		if (d->move < 0)
			d->verdict = DAM_VERDICT_DROPPED;
	}
}

static const struct {
	const char *name, *text;
} verdicts[DAM_VERDICT_NR] = {
	[DAM_VERDICT_NO_THREAD] = {"no-thread", "no thread is known whose work explains the load"},
	[DAM_VERDICT_PINNED] = {"pinned", "none of its threads may be moved"},
	[DAM_VERDICT_COOLDOWN] = {"cool-down", "its threads were moved a moment ago"},
	[DAM_VERDICT_NO_TARGET] = {"no-target", "no other engine may or can take the work"},
	[DAM_VERDICT_NO_SWAP] = {"no-pair", "no two threads are such that both engines had room if they changed places"},
	[DAM_VERDICT_PAIR] = {"pair", "the other engine would be as loaded as this one is"},
	[DAM_VERDICT_OVERFLOW] = {"overflow", "the other engine could not keep up with what would come"},
	[DAM_VERDICT_GAIN] = {"gain", "less would be gained than the move costs"},
	[DAM_VERDICT_OUTDONE] = {"outdone", "another move was better"},
	[DAM_VERDICT_LIMIT] = {"limit", "as many moves as one tick may make were made"},
	[DAM_VERDICT_DROPPED] = {"dropped", "a later step of the plan took it back"},
	[DAM_VERDICT_MOVED] = {"moved", "moved"},
};

const char *dam_policy_verdict_name(enum dam_policy_verdict v)
{
	return (unsigned int)v < DAM_VERDICT_NR ? verdicts[v].name : "";
}

const char *dam_policy_verdict_text(enum dam_policy_verdict v)
{
	return (unsigned int)v < DAM_VERDICT_NR ? verdicts[v].text : "";
}
