/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The state of a pool in a plan: engines, and above them what several of them share, as a tree.
 *
 * A node contributes to the pool's sums what its engines do, as long as they stay below its own capacity; beyond, all
 * of its threads are taken to queue for it, as if it were one engine. A move changes the nodes above two engines, so
 * it is weighed in O(depth).
 */
#include "config.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "policy/model.h"

#define LEFT 0.05 /* of a shared capacity is counted as left, however much others take */

static struct dam_node *node_of(const struct dam_tree *t, int i)
{
	return &t->p->nodes[i];
}

static int component_node(const struct dam_policy *p, unsigned int c)
{
	return (int)(p->max_engines + c);
}

/* The nodes from the engine upwards; unknown components are left out. Return: how many, at most DAM_TREE_DEPTH. */
static unsigned int path(const struct dam_policy *p, unsigned int e, int out[DAM_TREE_DEPTH])
{
	unsigned int nr = 0;

	out[nr++] = (int)e;
	for (unsigned int d = 0; d < DAM_POLICY_ABOVE; d++) {
		int c = dam_component_above(p, &p->engines[e], d);

		if (c >= 0 && p->components[c].capacity > 0)
			out[nr++] = component_node(p, (unsigned int)c);
	}
	return nr;
}

static bool tight(const struct dam_node *n)
{
	if (n->duplex)
		return n->below.rate - n->below.written > n->own[0].capacity ||
		       n->below.written > n->own[1].capacity;
	return n->below.rate > n->own[0].capacity;
}

static void contribution(const struct dam_node *n, struct dam_cost_sums *out)
{
	*out = (struct dam_cost_sums){0};
	if (!n->leaf && !tight(n)) {
		*out = n->below;
		return;
	}
	dam_cost_sum(&n->own[0], out);
	if (n->duplex)
		dam_cost_sum(&n->own[1], out);
}

static void refresh(struct dam_tree *t, int i, int parent)
{
	struct dam_node *n = node_of(t, i);
	struct dam_cost_sums now;

	contribution(n, &now);
	dam_cost_replace(parent >= 0 ? &node_of(t, parent)->below : &t->sums, &n->given, &now);
	n->given = now;
}

/* Reads queue with reads and writes with writes. */
static void add(struct dam_node *n, const struct dam_cost_thread *ct, double work, int sign)
{
	struct dam_cost_thread part = *ct;

	part.work = work;
	part.share = 1;
	if (!n->duplex) {
		dam_cost_add(&n->own[0], &part, sign);
		return;
	}
	for (int s = 0; s < 2; s++) {
		double share = s ? ct->written : 1 - ct->written;

		if (share <= 0)
			continue;
		part.share = share;
		part.demand = ct->demand * share;
		part.depth = ct->depth * share;
		part.written = s;
		dam_cost_add(&n->own[s], &part, sign);
	}
}

/* The second direction of few nodes is used; it is half of their size. */
static void copy(struct dam_node *to, const struct dam_node *from)
{
	memcpy(to, from, from->duplex ? sizeof(*from) : offsetof(struct dam_node, own[1]));
}

void dam_tree_change(struct dam_tree *t, unsigned int e, const struct dam_cost_thread *ct, int sign,
		     struct dam_tree_save *save)
{
	int nodes[DAM_TREE_DEPTH];
	unsigned int nr = path(t->p, e, nodes);

	if (save) {
		save->nr = nr;
		save->sums = t->sums;
	}
	for (unsigned int i = 0; i < nr; i++) {
		struct dam_node *n = node_of(t, nodes[i]);

		if (save) {
			save->index[i] = nodes[i];
			copy(&save->node[i], n);
		}
		add(n, ct, n->leaf ? ct->work : 1, sign);
	}
	for (unsigned int i = 0; i < nr; i++)
		refresh(t, nodes[i], i + 1 < nr ? nodes[i + 1] : DAM_POLICY_NONE);
}

void dam_tree_undo(struct dam_tree *t, const struct dam_tree_save *save)
{
	for (unsigned int i = 0; i < save->nr; i++)
		copy(node_of(t, save->index[i]), &save->node[i]);
	t->sums = save->sums;
}

/* A backlog that there is room to work off in time is no matter. */
static double way_load(const struct dam_node *n, int way)
{
	const struct dam_cost_engine *own = &n->own[way];
	double asked = n->outside[way] + own->open + own->clipped;

	return (asked > DAM_COST_HIGH_WATER * n->full[way] ? asked : asked - own->backlog) / n->full[way];
}

static double node_load(const struct dam_node *n)
{
	return n->duplex ? fmax(way_load(n, 0), way_load(n, 1)) : way_load(n, 0);
}

double dam_tree_load(const struct dam_tree *t, unsigned int e)
{
	int nodes[DAM_TREE_DEPTH];
	unsigned int nr = path(t->p, e, nodes);
	double load = 0;

	for (unsigned int i = 0; i < nr; i++)
		load = fmax(load, node_load(node_of(t, nodes[i])));
	return load;
}

double dam_tree_engine_load(const struct dam_tree *t, unsigned int e)
{
	return node_load(node_of(t, (int)e));
}

double dam_tree_overflow(const struct dam_tree *t, unsigned int e)
{
	int nodes[DAM_TREE_DEPTH];
	unsigned int nr = path(t->p, e, nodes);
	double sum = 0;

	for (unsigned int i = 0; i < nr; i++)
		for (int s = 0; s <= node_of(t, nodes[i])->duplex; s++)
			sum += dam_cost_overflow(&node_of(t, nodes[i])->own[s]);
	return sum;
}

bool dam_tree_flooded(const struct dam_tree *t, unsigned int e)
{
	int nodes[DAM_TREE_DEPTH];
	unsigned int nr = path(t->p, e, nodes);

	for (unsigned int i = 0; i < nr; i++)
		for (int s = 0; s <= node_of(t, nodes[i])->duplex; s++)
			if (node_of(t, nodes[i])->own[s].open > node_of(t, nodes[i])->own[s].usable)
				return true;
	return false;
}

static double or_infinite(double capacity)
{
	return capacity > 0 ? capacity : INFINITY;
}

static void clear_engine(struct dam_tree *t, unsigned int e)
{
	const struct dam_policy *p = t->p;
	const struct dam_engine *en = &p->engines[e];
	struct dam_node *n = node_of(t, (int)e);
	double room = dam_engine_head_room(p, en);

	*n = (struct dam_node){.leaf = true, .duplex = en->desc.duplex && en->cap[0] > 0 && en->cap[1] > 0};
	if (n->duplex) {
		dam_cost_clear(&n->own[0], en->cap[0], room);
		dam_cost_clear(&n->own[1], en->cap[1], room);
	} else {
		dam_cost_clear(&n->own[0], or_infinite(dam_engine_fastest(en)), room);
	}
	for (int s = 0; s < 2; s++)
		n->full[s] = n->own[s].usable;
}

/* Engine @e's threads are part of the plan: they are none of the others above it. */
static void take_from_outside(struct dam_tree *t, unsigned int e)
{
	int nodes[DAM_TREE_DEPTH];
	unsigned int nr = path(t->p, e, nodes);
	const struct dam_engine *en = &t->p->engines[e];

	for (unsigned int i = 1; i < nr; i++) {
		struct dam_node *n = node_of(t, nodes[i]);

		n->outside[0] -= n->duplex ? en->demand - en->demand_written : en->demand;
		n->outside[1] -= n->duplex ? en->demand_written : 0;
	}
}

static void clear_component(struct dam_tree *t, unsigned int c)
{
	const struct dam_component *k = &t->p->components[c];
	struct dam_node *n = node_of(t, component_node(t->p, c));

	*n = (struct dam_node){.duplex = k->desc.duplex};
	n->full[0] = n->full[1] = k->capacity;
	n->outside[0] = n->duplex ? k->demand - k->demand_written : k->demand;
	n->outside[1] = n->duplex ? k->demand_written : 0;
}

static void settle_component(struct dam_tree *t, unsigned int c)
{
	struct dam_node *n = node_of(t, component_node(t->p, c));

	for (int s = 0; s < 2; s++) {
		n->outside[s] = n->outside[s] > 1e-6 * n->full[s] ? n->outside[s] : 0; /* what rounding left */
		dam_cost_clear(&n->own[s], fmax(n->full[s] - n->outside[s], LEFT * n->full[s]), 0);
	}
}

/* Load of an engine that no thread brings: it passes what is above it too. */
static void add_load(struct dam_tree *t, unsigned int e, double rate,
		     void (*put)(struct dam_cost_engine *, double, double, double, double, double))
{
	const struct dam_engine *en = &t->p->engines[e];
	double op = en->op_bytes > 0 ? en->op_bytes : 4096, base = dam_engine_base_latency(t->p, e, op);
	double written = rate * en->written;
	int nodes[DAM_TREE_DEPTH];
	unsigned int nr = path(t->p, e, nodes);

	for (unsigned int i = 0; i < nr; i++) {
		struct dam_node *n = node_of(t, nodes[i]);

		put(&n->own[0], rate - (n->duplex ? written : 0), n->leaf ? dam_engine_work(en, en->written) : 1,
		    n->duplex ? 0 : written, op, base);
		if (n->duplex)
			put(&n->own[1], written, 1, written, op, base);
	}
}

/* @slow: what is there in the mean, of which a backlog is no part. */
void dam_tree_open(struct dam_tree *t, struct dam_policy *p, const unsigned int *engines, unsigned int nr, bool slow)
{
	*t = (struct dam_tree){.p = p};
	for (unsigned int c = 0; c < p->nr_components; c++)
		if (p->components[c].capacity > 0)
			clear_component(t, c);
	for (unsigned int i = 0; i < nr; i++) {
		clear_engine(t, engines[i]);
		take_from_outside(t, engines[i]);
	}
	for (unsigned int c = 0; c < p->nr_components; c++)
		if (p->components[c].capacity > 0)
			settle_component(t, c);
	for (unsigned int i = 0; i < nr; i++) {
		add_load(t, engines[i], p->engines[engines[i]].background, dam_cost_background);
		if (!slow)
			add_load(t, engines[i], p->engines[engines[i]].backlog, dam_cost_backlog);
	}
}

void dam_tree_put(struct dam_tree *t, unsigned int e, const struct dam_cost_thread *ct)
{
	int nodes[DAM_TREE_DEPTH];
	unsigned int nr = path(t->p, e, nodes);

	for (unsigned int i = 0; i < nr; i++)
		add(node_of(t, nodes[i]), ct, node_of(t, nodes[i])->leaf ? ct->work : 1, 1);
}

void dam_tree_close(struct dam_tree *t, const unsigned int *engines, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		int nodes[DAM_TREE_DEPTH];
		unsigned int depth = path(t->p, engines[i], nodes);

		for (unsigned int k = 0; k < depth; k++)
			refresh(t, nodes[k], k + 1 < depth ? nodes[k + 1] : DAM_POLICY_NONE);
	}
}
