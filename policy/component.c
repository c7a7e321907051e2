/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * What is known of hardware that several engines share: its load, and its capacity, which is given or learned.
 *
 * It is learned when it shows: all engines behind it that have work are saturated at once, and more than one gives
 * less than it gave alone.
 */
#include "config.h"

#include <math.h>

#include "policy/model.h"

#define SHARED_S    0.05 /* the signs of a shared limit have to hold for so long */
#define BELOW	    0.8	 /* of its own capacity: an engine that something else limits */
#define ACTIVE	    0.05 /* of its own capacity: an engine that has work */
#define FULL	    0.9	 /* of its capacity: a component that limits its engines */
#define LEARN_S	    0.5	 /* half-life of what is learned */

static void add(struct dam_component *k, const struct dam_engine *en)
{
	double rate = dam_window_rate(&en->fast), own = en->capacity;

	k->rate += rate;
	if (own <= 0 || rate < ACTIVE * own)
		return;
	k->active++;
	k->saturated += en->saturated;
	k->below += en->saturated && rate < BELOW * own;
}

static void learn(struct dam_component *k, double dt_s)
{
	bool shared = k->active > 1 && k->saturated == k->active;

	k->shared_s = shared && (k->below > 1 || k->full) ? k->shared_s + dt_s : 0;
	if (k->shared_s >= SHARED_S || (k->learned > 0 && k->rate > k->learned))
		k->learned += k->learned > 0 ? (1 - dam_decay(dt_s, LEARN_S)) * (k->rate - k->learned) : k->rate;
	/* one way alone cannot be told from the sum: duplex components are given or unknown */
	k->capacity = k->desc.given_capacity > 0 ? k->desc.given_capacity : k->desc.duplex ? 0 : k->learned;
	k->full = k->capacity > 0 && shared && k->rate >= FULL * k->capacity;
}

/* Before engines learn: a component that is full lowers nobody's capacity. */
void dam_component_limits(struct dam_policy *p, double dt_s)
{
	for (unsigned int c = 0; c < p->nr_components; c++) {
		struct dam_component *k = &p->components[c];

		k->rate = 0;
		k->active = k->saturated = k->below = 0;
	}
	for (unsigned int e = 0; e < p->nr_engines; e++) {
		const struct dam_engine *en = &p->engines[e];

		for (unsigned int i = 0; en->present && i < DAM_POLICY_ABOVE; i++) {
			int c = dam_component_above(p, en, i);

			if (c >= 0)
				add(&p->components[c], en);
		}
	}
	for (unsigned int c = 0; c < p->nr_components; c++)
		if (p->components[c].present)
			learn(&p->components[c], dt_s);
}

/* After demand is known. */
void dam_component_demand(struct dam_policy *p)
{
	for (unsigned int c = 0; c < p->nr_components; c++)
		p->components[c].demand = p->components[c].demand_written = 0;
	for (unsigned int e = 0; e < p->nr_engines; e++) {
		const struct dam_engine *en = &p->engines[e];

		for (unsigned int i = 0; en->present && i < DAM_POLICY_ABOVE; i++) {
			int c = dam_component_above(p, en, i);

			if (c < 0)
				continue;
			p->components[c].demand += en->demand;
			p->components[c].demand_written += en->demand_written;
		}
	}
}

/* What is asked of its capacity: of the busier direction where each has its own. */
double dam_component_asked(const struct dam_component *k)
{
	return k->desc.duplex ? fmax(k->demand_written, k->demand - k->demand_written) : k->demand;
}
