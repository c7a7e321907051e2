/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Keeping what the latest plans weighed. What a thread was called is noted at once: its index is soon another's. */
#include "config.h"
#include "tools/coord/explain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/coord/coord.h"
#include "tools/coord/json.h"

#define DECISIONS 64	/* of one tick */
#define KEPT	  512	/* decisions that led to moves */

struct kept {
	uint64_t move; /* id; 0: nothing was moved */
	double time_s;
	struct dam_policy_decision d;
	struct coord_weighed option[DAM_POLICY_WEIGHED];
};

struct coord_explain {
	struct dam_policy_explain sink;
	struct dam_policy_decision decision[DECISIONS];
	struct dam_policy_option option[DECISIONS * DAM_POLICY_WEIGHED];
	struct kept moved[KEPT]; /* a ring */
	uint64_t nr_moved;
	struct kept *stayed[DAM_HAL_TARGETS]; /* the latest of each engine; NULL: none */
};

int coord_explain_open(struct coord *c)
{
	struct coord_explain *x = calloc(1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	x->sink.decision = x->decision;
	x->sink.max_decisions = DECISIONS;
	x->sink.option = x->option;
	x->sink.max_options = DECISIONS * DAM_POLICY_WEIGHED;
	dam_policy_set_explain(dam_decision_policy(c->decision), &x->sink);
	c->explain = x;
	return 0;
}

void coord_explain_close(struct coord *c)
{
	if (!c->explain)
		return;
	dam_policy_set_explain(dam_decision_policy(c->decision), NULL);
	for (unsigned int e = 0; e < DAM_HAL_TARGETS; e++)
		free(c->explain->stayed[e]);
	free(c->explain);
	c->explain = NULL;
}

static void copy(const struct coord *c, const struct dam_policy_decision *d, uint64_t move, struct kept *out)
{
	out->move = move;
	out->time_s = coord_uptime_s(c);
	out->d = *d;
	for (unsigned int i = 0; i < d->nr && i < DAM_POLICY_WEIGHED; i++) {
		const struct dam_policy_option *o = &c->explain->option[d->first + i];
		const struct coord_thread *t = c->thread[o->move.thread];

		out->option[i] = (struct coord_weighed){.option = *o, .tid = t ? t->tid : 0,
							.partner_tid = coord_partner_tid(c, &o->move)};
		if (t)
			memcpy(out->option[i].comm, t->comm, sizeof(t->comm));
	}
}

/* Was it for the same reason that nothing was moved the last time? */
static bool stays(struct coord *c, const struct dam_policy_decision *d)
{
	struct kept **at = &c->explain->stayed[d->engine];
	bool again = *at && (*at)->d.verdict == d->verdict && (*at)->d.trigger == d->trigger;

	if (!*at)
		*at = calloc(1, sizeof(**at));
	if (*at)
		copy(c, d, 0, *at);
	return again;
}

void coord_explain_take(struct coord *c, uint64_t first_id)
{
	struct coord_explain *x = c->explain;

	for (unsigned int i = 0; x && i < x->sink.nr_decisions; i++) {
		const struct dam_policy_decision *d = &x->decision[i];

		if (d->engine < 0 || d->engine >= DAM_HAL_TARGETS)
			continue;
		if (d->move >= 0)
			copy(c, d, first_id + (uint64_t)d->move, &x->moved[x->nr_moved++ % KEPT]);
		else if (!stays(c, d) && c->opt.dry_run && !c->opt.json && x->stayed[d->engine])
			coord_print_decision(c, x->stayed[d->engine]->time_s, d, x->stayed[d->engine]->option);
	}
}

static json_t *kept_json(struct coord *c, const struct kept *k)
{
	json_t *j = coord_decision_json(c, &k->d, k->option);

	json_object_set_new(j, "move", k->move ? whole(k->move) : json_null());
	json_object_set_new(j, "time_s", number(k->time_s));
	return j;
}

static const struct kept *find(const struct coord_explain *x, uint64_t id)
{
	for (uint64_t i = x->nr_moved; i > 0 && i + KEPT > x->nr_moved; i--)
		if (x->moved[(i - 1) % KEPT].move == id)
			return &x->moved[(i - 1) % KEPT];
	return NULL;
}

json_t *coord_explain_json(struct coord *c, uint64_t id)
{
	const struct kept *k = id && c->explain ? find(c->explain, id) : NULL;
	json_t *all;

	if (id)
		return k ? kept_json(c, k) : NULL;
	all = json_array();
	for (unsigned int e = 0; c->explain && e < DAM_HAL_TARGETS; e++)
		if (c->explain->stayed[e])
			json_array_append_new(all, kept_json(c, c->explain->stayed[e]));
	return all;
}

void coord_explain_print(struct coord *c, uint64_t id)
{
	const struct kept *k = c->explain ? find(c->explain, id) : NULL;

	if (k)
		coord_print_decision(c, k->time_s, &k->d, k->option);
}
