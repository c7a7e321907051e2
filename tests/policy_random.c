/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Random machines; see policy_random.h. */
#include "config.h"
#include "tests/policy_random.h"

#include <math.h>
#include <string.h>

#include "tests/random.h"

uint64_t random_seed;

double random_uniform(double lo, double hi)
{
	return lo + (hi - lo) * test_uniform(&random_seed);
}

unsigned int random_below(unsigned int n)
{
	return (unsigned int)random_uniform(0, n);
}

void random_shuffle(unsigned int *v, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		v[i] = i;
	for (unsigned int i = n; i > 1; i--) {
		unsigned int k = random_below(i), x = v[i - 1];

		v[i - 1] = v[k];
		v[k] = x;
	}
}

static void random_topology(struct random_spec *s)
{
	bool rich = s->kind >= RANDOM_SHARED;

	s->domains = rich ? s->engines + random_below(RANDOM_DOMAINS - s->engines + 1) : s->engines;
	for (unsigned int d = 0; d < s->domains; d++)
		s->engine_of_domain[d] = d < s->engines ? d : random_below(s->engines);
	for (unsigned int a = 0; a < RANDOM_DOMAINS; a++)
		for (unsigned int b = 0; b <= a; b++)
			s->distance[a][b] = s->distance[b][a] =
				a == b || !rich ? 1 : (float)random_uniform(1, 3);
	for (unsigned int d = 0; d < s->domains && rich; d++)
		s->cpus[d] = random_below(8);
	s->components = rich ? random_below(RANDOM_COMPONENTS + 1) : 0;
	for (unsigned int c = 0; c < s->components; c++) {
		s->component[c] = random_uniform(0.5e9, 5e9);
		s->component_duplex[c] = random_below(2);
	}
}

static bool is_alike(const struct random_spec *s)
{
	return s->kind == RANDOM_CLOSED || s->kind == RANDOM_OPEN || s->kind == RANDOM_PACKED;
}

static void random_engine(struct random_spec *s, unsigned int e)
{
	bool alike = is_alike(s), rich = s->kind >= RANDOM_SHARED;

	s->e[e].read = s->e[e].write = alike ? 1e9 : random_uniform(0.3e9, 3e9);
	if (s->kind == RANDOM_PACKED)
		s->e[e].read = s->e[e].write = random_uniform(0.8e9, 1.2e9);
	s->e[e].background = alike || random_below(3) ? 0 : random_uniform(0, 0.5e9);
	if (!rich)
		return;
	if (random_below(2))
		s->e[e].write = s->e[e].read * random_uniform(0.2, 1);
	s->e[e].duplex = !random_below(3);
	s->e[e].capabilities = random_below(3) ? 0 : 1 + random_below(7);
	/* the last component is above the others: port and package */
	if (s->components && random_below(3))
		s->e[e].above[0] = 1 + random_below(s->components);
	if (s->e[e].above[0] && s->e[e].above[0] < s->components)
		s->e[e].above[1] = s->components;
	if (s->kind == RANDOM_RESERVED && !random_below(3))
		s->e[e].reserved = DAM_CLASS_RT;
}

static void random_thread(struct random_spec *s, unsigned int i)
{
	bool alike = is_alike(s), rich = s->kind >= RANDOM_SHARED;

	s->t[i].domain = random_below(1 + random_below(s->engines));
	s->t[i].movable = alike || random_below(8);
	s->t[i].open = s->kind == RANDOM_OPEN || s->kind == RANDOM_PACKED || (!alike && random_below(2));
	s->t[i].op = alike ? 65536 : 4096 * exp2(random_below(8));
	s->t[i].demand = s->kind == RANDOM_OPEN ?
				 random_uniform(0.3, 1) * fmin(0.5e9, 0.8e9 * s->engines / s->threads) :
				 random_uniform(1e6, 0.6e9);
	if (s->kind == RANDOM_PACKED)
		s->t[i].demand = random_uniform(0.3, 1.7) * 0.92e9 * s->engines / s->threads;
	s->t[i].depth = s->t[i].op * (alike ? 32 : random_uniform(1, 64));
	s->t[i].think_s = alike || random_below(2) ? 0 : random_uniform(0, 1e-2);
	s->t[i].allowed = ~0ull;
	if (!rich)
		return;
	s->t[i].written = random_below(2) ? random_below(2) : random_uniform(0, 1);
	s->t[i].allowed = random_below(4) ? ~0ull : (uint64_t)random_below(1u << s->domains) | 1ull << s->t[i].domain;
	s->t[i].needs = random_below(3) ? 0 : random_below(8);
	s->t[i].cpu = random_uniform(0, 1);
	if (s->kind == RANDOM_RESERVED && !random_below(4))
		s->t[i].class = DAM_CLASS_RT;
}

void random_machine(struct random_spec *s, enum random_kind kind)
{
	memset(s, 0, sizeof(*s));
	s->kind = kind;
	s->engines = 2 + random_below(RANDOM_ENGINES - 1);
	s->threads = kind == RANDOM_PACKED ? s->engines * (2 + random_below(2)) : 1 + random_below(RANDOM_THREADS);
	random_topology(s);
	for (unsigned int e = 0; e < s->engines; e++)
		random_engine(s, e);
	for (unsigned int i = 0; i < s->threads; i++)
		random_thread(s, i);
}

static unsigned int name(const unsigned int *names, unsigned int i)
{
	return names ? names[i] : i;
}

/* Only the domains that belong to engines one to one are renamed with them. */
static unsigned int domain_name(const struct random_spec *s, const unsigned int *ename, unsigned int d)
{
	return d < s->engines ? name(ename, d) : d;
}

static void build_engines(struct dam_policy *p, const struct random_spec *s, const unsigned int *ename, double scale)
{
	int map[RANDOM_DOMAINS];

	for (unsigned int i = 0; i < s->engines; i++) {
		struct dam_engine *en = &p->engines[name(ename, i)];
		struct dam_policy_engine_desc d = {
			.given_read = s->e[i].read * scale, .given_write = s->e[i].write * scale,
			.base_latency_s = RANDOM_BASE_S, .duplex = s->e[i].duplex,
			.component = {s->e[i].above[0], s->e[i].above[1]},
			.capabilities = s->e[i].capabilities, .reserved = s->e[i].reserved};

		for (unsigned int k = 0; k < s->domains && s->kind >= RANDOM_SHARED; k++)
			if (s->engine_of_domain[k] == i)
				d.local_domains |= 1ull << domain_name(s, ename, k);
		dam_policy_set_engine(p, name(ename, i), &d);
		en->cap[0] = d.given_read;
		en->cap[1] = d.given_write;
		en->background = s->e[i].background * scale;
		en->op_bytes = 65536 * scale;
		for (int way = 0; way < 2; way++)
			p->pools[0].largest[way] = fmax(p->pools[0].largest[way], en->cap[way]);
	}
	for (unsigned int d = 0; d < s->domains; d++)
		map[domain_name(s, ename, d)] = (int)name(ename, s->engine_of_domain[d]);
	dam_policy_set_pool(p, 0, map);
}

static void build_thread(struct dam_policy *p, const struct random_spec *s, const unsigned int *ename, unsigned int i,
			 unsigned int t, double scale)
{
	struct dam_thread *th = &p->threads[t];
	double largest;

	dam_policy_add_thread(p, t);
	dam_policy_set_class(p, t, s->t[i].class);
	th->domain = th->home = domain_name(s, ename, s->t[i].domain);
	th->engine = (int)name(ename, s->t[i].domain);
	th->pool = 0;
	th->movable = s->t[i].movable;
	th->allowed = 0;
	for (unsigned int d = 0; d < s->domains; d++)
		if (s->t[i].allowed >> d & 1)
			th->allowed |= 1ull << domain_name(s, ename, d);
	th->needs = s->t[i].needs;
	th->cpu = s->t[i].cpu;
	th->open = s->t[i].open;
	th->written = s->t[i].written;
	th->op_bytes = s->t[i].op * scale;
	th->peak_ops = s->t[i].depth / s->t[i].op;
	th->think_s = s->t[i].think_s;
	th->age_s = 1;
	th->slow = (struct dam_window){.time = 1, .ops = 1000, .bytes = 1000 * th->op_bytes};
	largest = dam_engine_largest(p, 0, (unsigned int)th->engine, th->written);
	th->demand = th->ahead = th->demand_slow =
		th->open ? s->t[i].demand * scale :
			   fmin(largest, s->t[i].depth * scale / (th->think_s + RANDOM_BASE_S));
}

struct dam_policy *random_build(const struct random_spec *s, const unsigned int *ename, const unsigned int *tname,
				double scale)
{
	struct dam_policy_config cfg = {.weight_throughput = 1, .weight_latency = 1, .threshold = 0.15,
					.tick_s = 0.01, .nr_domains = s->domains,
					.max_components = RANDOM_COMPONENTS, .head_room = 0.2};
	struct dam_policy *p;

	for (unsigned int d = 0; d < s->domains; d++)
		cfg.domain_cpus[domain_name(s, ename, d)] = s->cpus[d];
	for (unsigned int a = 0; a < s->domains; a++)
		for (unsigned int b = 0; b < s->domains; b++)
			cfg.distance[domain_name(s, ename, a)][domain_name(s, ename, b)] = s->distance[a][b];
	p = dam_policy_create(&cfg, RANDOM_ENGINES, 1, RANDOM_THREADS);
	for (unsigned int c = 0; c < s->components; c++) {
		dam_policy_set_component(p, c, &(struct dam_policy_component_desc){
			.given_capacity = s->component[c] * scale, .duplex = s->component_duplex[c]});
		p->components[c].capacity = s->component[c] * scale;
	}
	build_engines(p, s, ename, scale);
	for (unsigned int i = 0; i < s->threads; i++)
		build_thread(p, s, ename, i, name(tname, i), scale);
	return p;
}

void random_refresh(struct dam_policy *p)
{
	memset(p->domain_threads, 0, sizeof(p->domain_threads));
	memset(p->domain_cpu, 0, sizeof(p->domain_cpu));
	for (unsigned int e = 0; e < p->max_engines; e++) {
		struct dam_engine *en = &p->engines[e];

		en->demand = en->background;
		en->demand_written = 0;
		en->strangers = 0;
		en->capacity = dam_engine_capacity(en, 0);
		en->trigger = DAM_TRIGGER_OVERLOAD;
	}
	for (unsigned int t = 0; t < p->nr_threads; t++) {
		struct dam_thread *th = &p->threads[t];
		struct dam_engine *en = &p->engines[th->engine];

		th->cooldown_s = 0;
		en->demand += th->demand;
		en->demand_written += th->demand * th->written;
		en->strangers += th->movable && en->desc.reserved && en->desc.reserved != th->class;
		p->domain_threads[th->domain]++;
		p->domain_cpu[th->domain] += th->cpu;
	}
	dam_engine_mix(p);
	dam_component_demand(p);
	p->pools[0].triggered = true;
}

unsigned int random_plan(struct dam_policy *p, struct dam_policy_move *m, unsigned int max)
{
	random_refresh(p);
	dam_plan_sort(p);
	return dam_plan_pool(p, 0, m, 0, max);
}
