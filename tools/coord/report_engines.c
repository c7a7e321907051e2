/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Engines, pools, queues and components as JSON. The keys are documented in dam-ctl(1). */
#include "config.h"
#include "tools/coord/coord.h"
#include "tools/coord/machine.h"

#include <math.h>

#include "tools/coord/json.h"
#include "tools/coord/moderate.h"

/* Interrupt moderation of the device behind an engine. */
static json_t *moderation_json(struct coord *c, unsigned int i)
{
	struct moderator_view v;
	json_t *j;

	if (!coord_moderate_view(c, i, &v))
		return json_null();
	j = json_object();
	json_object_set_new(j, "usecs", v.known ? whole(v.usecs) : json_null());
	json_object_set_new(j, "packets", v.known ? whole(v.packets) : json_null());
	json_object_set_new(j, "profile", v.profile >= 0 ? whole((uint64_t)v.profile) : json_null());
	json_object_set_new(j, "state", json_string(v.state));
	json_object_set_new(j, "why", json_string(v.why));
	return j;
}

/* The domains that have CPUs of @cpus; all when it is empty. */
static json_t *domains_json(struct coord *c, const struct dam_cpuset *cpus)
{
	const struct dam_topology *topo = dam_hal_topology(c->hal);
	bool all = dam_cpuset_empty(cpus);
	json_t *j = json_array();
	struct dam_cpuset both;

	for (unsigned int d = 0; d < topo->nr_domains; d++)
		if (all || dam_cpuset_and(cpus, &topo->domain[d].cpus, &both))
			json_array_append_new(j, whole(d));
	return j;
}

static json_t *names_of_bits(unsigned int bits, const char *(*name)(unsigned int i))
{
	json_t *j = json_array();

	for (unsigned int i = 0; name(i); i++)
		if (bits >> i & 1)
			json_array_append_new(j, json_string(name(i)));
	return j;
}

static json_t *capabilities_json(const struct dam_hal_caps *caps)
{
	json_t *j = json_object();

	json_object_set_new(j, "operations", names_of_bits(caps->operations, dam_hal_operation_name));
	json_object_set_new(j, "directions", names_of_bits(caps->directions, dam_hal_direction_name));
	json_object_set_new(j, "max_transfer_bytes", caps->max_transfer ? whole(caps->max_transfer) : json_null());
	json_object_set_new(j, "dedicated", json_boolean(caps->dedicated));
	return j;
}

static json_t *known(uint64_t v)
{
	return v ? whole(v) : json_null();
}

/* Both directions together: what policy/ reckons with, where it is an engine; else what the hal knows. */
static void add_capacity(json_t *j, const struct dam_hal_capacity *k, double bps, const char *source)
{
	static const char *const sources[] = {"unknown", "given", "link"};

	json_object_set_new(j, "capacity_bps", bps > 0 ? number(bps) : known(k->bps));
	json_object_set_new(j, "capacity_read_bps", known(k->read_bps));
	json_object_set_new(j, "capacity_write_bps", known(k->write_bps));
	json_object_set_new(j, "capacity_ops", known(k->ops));
	json_object_set_new(j, "capacity_source", json_string(bps > 0 ? source : sources[k->source]));
}

/* What the hal measures exactly; else demand by capacity; else the hal's best. */
static void add_utilisation(json_t *j, const struct dam_hal_engine *e, const struct coord_engine *ce, double demand)
{
	static const char *const sources[] = {NULL, "busy", "occupancy", "bytes", "operations"};
	bool exact = (e->serial && ce->util_source == DAM_UTIL_BUSY) ||
		     (e->queue && ce->util_source == DAM_UTIL_OCCUPANCY);
	bool by_demand = !exact && !isnan(demand);
	const char *source = by_demand ? "bytes" : sources[ce->util_source];

	json_object_set_new(j, "utilisation", source ? number(by_demand ? demand : ce->util) : json_null());
	json_object_set_new(j, "utilisation_source", source ? json_string(source) : json_null());
}

/* Counters: what they do, and values that nobody should trust. */
static void add_counters(json_t *j, const struct dam_hal_engine *e, const struct coord_engine *ce)
{
	const struct dam_hal_counters *k = &ce->last;
	bool trusted = !k->untrusted || k->have & (DAM_HAVE_BYTES | DAM_HAVE_OPS | DAM_HAVE_BUSY);

	json_object_set_new(j, "inflight", k->have & DAM_HAVE_INFLIGHT ? whole(k->inflight) : json_null());
	json_object_set_new(j, "inflight_bytes",
			    k->have & DAM_HAVE_INFLIGHT_BYTES ? whole(k->inflight_bytes) : json_null());
	json_object_set_new(j, "depth", known(e->depth));
	json_object_set_new(j, "counters",
			    json_string(trusted ? dam_counter_state_name(e->track.state) : "untrusted"));
	json_object_set_new(j, "untrusted_bytes",
			    k->untrusted & DAM_HAVE_BYTES ? whole(k->read_bytes + k->write_bytes) : json_null());
	json_object_set_new(j, "untrusted_ops",
			    k->untrusted & DAM_HAVE_OPS ? whole(k->read_ops + k->write_ops) : json_null());
}

static json_t *aliases_json(struct coord *c, unsigned int target)
{
	const struct dam_hal_alias *a;
	json_t *j = json_array();
	unsigned int nr;

	a = dam_hal_aliases(c->hal, &nr);
	for (unsigned int i = 0; i < nr; i++)
		if (a[i].target == (int)target)
			json_array_append_new(j, name_text(a[i].name));
	return j;
}

static json_t *engine_json(struct coord *c, unsigned int i)
{
	static const char *const source[] = {"unknown", "given", "learned", "sibling"};
	const struct dam_hal_engine *e = &dam_hal_target(c->hal, i)->engine;
	const struct coord_engine *ce = &c->engine[i];
	struct dam_policy_engine_view v;
	struct dam_forecast f;
	json_t *j = json_object();

	dam_decision_forecast(c->decision, i, &f);
	dam_policy_view_engine(dam_decision_policy(c->decision), i, &v);
	if (e->gone) /* what the decision remembers is no news */
		v = (struct dam_policy_engine_view){.util = NAN, .latency_s = NAN};
	json_object_set_new(j, "name", name_text(e->name));
	json_object_set_new(j, "kind", json_string(e->backend->name));
	json_object_set_new(j, "aliases", aliases_json(c, i));
	json_object_set_new(j, "component", name_text(e->component));
	json_object_set_new(j, "pool", e->pool >= 0 ? name_text(coord_target_name(c, e->pool)) : json_null());
	json_object_set_new(j, "cpus", coord_cpus_json(&e->local_cpus));
	json_object_set_new(j, "domains", domains_json(c, &e->local_cpus));
	json_object_set_new(j, "simulated", json_boolean(e->simulated));
	json_object_set_new(j, "gone", json_boolean(e->gone));
	json_object_set_new(j, "capabilities", capabilities_json(&e->caps));
	json_object_set_new(j, "reserved", json_string(dam_policy_class_name(coord_machine_reserved(c, e))));
	add_capacity(j, &e->capacity, v.capacity, source[v.source]);
	json_object_set_new(j, "rate_bps", number(v.rate));
	json_object_set_new(j, "read_bps", number(ce->read_bps));
	json_object_set_new(j, "write_bps", number(ce->write_bps));
	json_object_set_new(j, "attributed_bps", number(v.attributed));
	json_object_set_new(j, "background_bps", number(v.background));
	json_object_set_new(j, "demand_bps", number(v.demand));
	add_utilisation(j, e, ce, v.util);
	json_object_set_new(j, "saturated", json_boolean(v.saturated));
	json_object_set_new(j, "latency_us", number(v.latency_s * 1e6));
	add_counters(j, e, ce);
	json_object_set_new(j, "forecast_bps", number(f.mean));
	json_object_set_new(j, "forecast_p90_bps", number(f.p90));
	json_object_set_new(j, "forecast_member", f.member ? json_string(f.member)
								      : json_null());
	json_object_set_new(j, "moderation", moderation_json(c, i));
	return j;
}

static json_t *pool_json(struct coord *c, unsigned int index, const struct dam_hal_pool *p)
{
	json_t *j = json_object(), *map = json_array(), *engines = json_array();

	for (unsigned int i = 0; i < dam_hal_nr_targets(c->hal); i++) {
		const struct dam_hal_target *t = dam_hal_target(c->hal, i);

		if (t->kind == DAM_TARGET_ENGINE && t->engine.pool == (int)index && !t->engine.gone)
			json_array_append_new(engines, name_text(t->engine.name));
	}
	for (unsigned int d = 0; p->cpu_driven && d < dam_hal_topology(c->hal)->nr_domains; d++) {
		json_t *o = json_object();

		json_object_set_new(o, "domain", whole(d));
		json_object_set_new(o, "engine",
				    p->engine_of_domain[d] >= 0
					    ? name_text(coord_target_name(c, p->engine_of_domain[d]))
					    : json_null());
		json_array_append_new(map, o);
	}
	json_object_set_new(j, "name", name_text(p->name));
	json_object_set_new(j, "aliases", aliases_json(c, index));
	json_object_set_new(j, "gone", json_boolean(p->gone));
	json_object_set_new(j, "cpu_driven", json_boolean(p->cpu_driven));
	json_object_set_new(j, "engines", engines);
	json_object_set_new(j, "map", map);
	return j;
}

/* The hardware queues of an engine that serve each domain, as a list of numbers. */
static json_t *queues_json(struct coord *c, const struct dam_hal_engine *e)
{
	const struct dam_topology *topo = dam_hal_topology(c->hal);
	json_t *j = json_object(), *map = json_array();

	for (unsigned int d = 0; d < topo->nr_domains; d++) {
		struct dam_cpuset numbers = {{0}}, both; /* a set of numbers is written as one of CPUs is */
		json_t *o = json_object();

		for (unsigned int q = 0; q < e->nr_queues; q++)
			if (dam_cpuset_and(&e->queues[q].cpus, &topo->domain[d].cpus, &both))
				dam_cpuset_set(&numbers, e->queues[q].number);
		json_object_set_new(o, "domain", whole(d));
		json_object_set_new(o, "queues", coord_cpus_json(&numbers));
		json_array_append_new(map, o);
	}
	json_object_set_new(j, "engine", name_text(e->name));
	json_object_set_new(j, "by", json_string(e->queues_by));
	json_object_set_new(j, "number", whole(e->nr_queues));
	json_object_set_new(j, "map", map);
	return j;
}

static bool is_below(const struct dam_hal_component *list, int at, unsigned int component)
{
	while (at >= 0 && at != (int)component)
		at = list[at].parent;
	return at >= 0;
}

/* Return: NULL when no engine is below it, of those that are there. */
static json_t *component_json(struct coord *c, const struct dam_hal_component *list, unsigned int i)
{
	static const char *const kinds[] = {"function", "bridge", "host bridge", "package", "group"};
	const struct dam_hal_capacity *k = &list[i].capacity;
	json_t *j = json_object(), *engines = json_array();
	double read = 0, write = 0, util;

	for (unsigned int t = 0; t < dam_hal_nr_targets(c->hal); t++) {
		const struct dam_hal_target *x = dam_hal_target(c->hal, t);

		if (x->kind != DAM_TARGET_ENGINE || x->engine.gone || !is_below(list, x->engine.component_index, i))
			continue;
		json_array_append_new(engines, name_text(x->engine.name));
		read += c->engine[t].read_bps;
		write += c->engine[t].write_bps;
	}
	if (!json_array_size(engines)) {
		json_decref(engines);
		json_decref(j);
		return NULL;
	}
	coord_component_rates(c, i, &read, &write);
	util = dam_hal_load(k, read, write);
	json_object_set_new(j, "name", name_text(list[i].name));
	json_object_set_new(j, "kind", json_string(kinds[list[i].kind]));
	json_object_set_new(j, "parent", list[i].parent >= 0 ? name_text(list[list[i].parent].name) : json_null());
	add_capacity(j, k, 0, NULL);
	json_object_set_new(j, "counter", name_text(list[i].counter));
	json_object_set_new(j, "engines", engines);
	json_object_set_new(j, "utilisation", number(util));
	json_object_set_new(j, "rate_bps", number(read + write));
	return j;
}

void coord_engines_json(struct coord *c, json_t *out)
{
	json_t *engines = json_array(), *pools = json_array(), *queues = json_array(), *components = json_array();
	const struct dam_hal_component *list;
	unsigned int nr;

	for (unsigned int i = 0; i < dam_hal_nr_targets(c->hal); i++) {
		const struct dam_hal_target *t = dam_hal_target(c->hal, i);

		if (t->kind == DAM_TARGET_ENGINE)
			json_array_append_new(engines, engine_json(c, i));
		else
			json_array_append_new(pools, pool_json(c, i, &t->pool));
		if (t->kind == DAM_TARGET_ENGINE && t->engine.nr_queues)
			json_array_append_new(queues, queues_json(c, &t->engine));
	}
	list = dam_hal_components(c->hal, &nr);
	for (unsigned int i = 0; i < nr; i++) {
		json_t *j = component_json(c, list, i);

		if (j)
			json_array_append_new(components, j);
	}
	json_object_set_new(out, "engines", engines);
	json_object_set_new(out, "pools", pools);
	json_object_set_new(out, "queues", queues);
	json_object_set_new(out, "components", components);
}
