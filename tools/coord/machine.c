/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The machine as policy/ is told of it; see machine.h. */
#include "config.h"
#include "tools/coord/machine.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "hal/power.h"
#include "tools/coord/coord.h"

#define AWAKE 0.05 /* of a domain's CPUs in use by others keep it awake */
#define NAME_OF_CLASS 16

/* -- reservations -- */

/* The next "name=class" of DAM_RESERVE. Return: false: there is none. @class < 0: no such class. */
static bool next_reservation(const char **text, char *name, size_t size, int *class)
{
	const char *p = *text + strspn(*text, ", "), *end = p + strcspn(p, ","), *eq = memchr(p, '=', (size_t)(end - p));
	char word[NAME_OF_CLASS];

	if (!*p)
		return false;
	snprintf(name, size, "%.*s", (int)((eq ? eq : end) - p), p);
	snprintf(word, sizeof(word), "%.*s", eq ? (int)(end - eq - 1) : 0, eq ? eq + 1 : "");
	*class = dam_policy_class_find(word);
	*text = end;
	return true;
}

static void check_reservations(struct coord *c)
{
	const char *text = dam_knob_text(&c->knobs, DAM_KNOB_RESERVE);
	char name[DAM_HAL_NAME];
	int class;

	while (text && next_reservation(&text, name, sizeof(name), &class)) {
		int i = dam_hal_find(c->hal, name);

		if (class < 0)
			dam_warn("DAM_RESERVE: '%s' is not followed by a class, such as %s=rt", name, name);
		else if (i >= 0 && dam_hal_target(c->hal, (unsigned int)i)->kind == DAM_TARGET_POOL)
			dam_warn("DAM_RESERVE: '%s' is a pool: name its engines instead", name);
		else if (i < 0)
			dam_warn("DAM_RESERVE: there is no engine '%s', as yet", name);
	}
}

enum dam_policy_class coord_machine_reserved(struct coord *c, const struct dam_hal_engine *e)
{
	const char *text = dam_knob_text(&c->knobs, DAM_KNOB_RESERVE);
	enum dam_policy_class found = DAM_CLASS_NORMAL;
	char name[DAM_HAL_NAME];
	int class;

	while (text && next_reservation(&text, name, sizeof(name), &class)) {
		int i = dam_hal_find(c->hal, name);

		if (class >= 0 && i >= 0 && &dam_hal_target(c->hal, (unsigned int)i)->engine == e)
			found = (enum dam_policy_class)class;
	}
	return found;
}

/* -- engines -- */

/*
 * What it lies behind, the innermost first: all that the user has given a capacity; then, as far as there is room,
 * what has a link, and hosts and packages, whose capacity may show.
 */
static void add_components(struct coord *c, const struct dam_hal_engine *e, struct dam_policy_engine_desc *out)
{
	const struct dam_hal_component *list;
	unsigned int nr, filled = 0, given = 0;

	list = dam_hal_components(c->hal, &nr);
	for (int i = e->component_index; i >= 0 && (unsigned int)i < nr; i = list[i].parent)
		given += list[i].capacity.source == DAM_CAPACITY_GIVEN;
	for (int i = e->component_index; i >= 0 && (unsigned int)i < nr && filled < DAM_POLICY_ABOVE; i = list[i].parent) {
		bool told = list[i].capacity.source == DAM_CAPACITY_GIVEN;

		if (!told && (filled + given >= DAM_POLICY_ABOVE ||
			      (!list[i].capacity.bps && list[i].kind < DAM_COMPONENT_HOST)))
			continue;
		given -= told;
		out->component[filled++] = (unsigned int)i + 1;
	}
}

void coord_machine_describe(struct coord *c, const struct dam_hal_engine *e, struct dam_policy_engine_desc *out)
{
	if (e->capacity.source == DAM_CAPACITY_GIVEN) {
		out->given_capacity = (double)e->capacity.bps;
		out->given_read = (double)e->capacity.read_bps;
		out->given_write = (double)e->capacity.write_bps;
	}
	out->duplex = e->caps.operations & (DAM_OP_SEND | DAM_OP_RECEIVE);
	out->capabilities = e->caps.operations;
	out->reserved = coord_machine_reserved(c, e);
	add_components(c, e, out);
}

uint64_t coord_machine_needs(const struct dam_hal_engine *e, double read_bytes, double write_bytes)
{
	unsigned int can = e ? e->caps.operations : 0;
	unsigned int in = can & (DAM_OP_READ | DAM_OP_RECEIVE), out = can & (DAM_OP_WRITE | DAM_OP_SEND);

	if (!in && !out)
		return can; /* a copy engine: which of its operations is not told */
	return (read_bytes > 0 ? in : 0) | (write_bytes > 0 ? out : 0);
}

enum dam_policy_class coord_machine_class(const struct coord_process *p, const struct coord_thread *t)
{
	int policy;

	if (p->class != DAM_CLASS_NORMAL)
		return p->class;
	policy = sched_getscheduler(t->tid);
	return policy == SCHED_FIFO || policy == SCHED_RR ? DAM_CLASS_RT : DAM_CLASS_NORMAL;
}

void coord_machine_components(struct coord *c)
{
	const struct dam_hal_component *list;
	unsigned int nr;

	list = dam_hal_components(c->hal, &nr);
	for (unsigned int i = 0; i < nr; i++) {
		const struct dam_hal_capacity *k = &list[i].capacity;
		bool duplex = k->read_bps && k->write_bps;

		dam_decision_set_component(c->decision, i, &(struct dam_policy_component_desc){
			.duplex = duplex,
			.given_capacity = duplex ? fmin((double)k->read_bps, (double)k->write_bps) : (double)k->bps});
	}
}

/* -- CPUs and power -- */

static void tell_power(struct coord *c, unsigned int d, bool kept_awake)
{
	struct dam_hal_power p;

	dam_hal_power(dam_hal_root(c->hal), dam_hal_topology(c->hal), d, &p);
	dam_decision_set_power(c->decision, d, &(struct dam_policy_power){
		.package = p.package, .idle_w = p.idle_w, .dynamic_w = p.dynamic_w, .wake_s = p.wake_s,
		.kept_awake = kept_awake});
	c->cpus[d].kept_awake = kept_awake;
}

void coord_machine_open(struct coord *c)
{
	check_reservations(c);
	for (unsigned int d = 0; d < dam_hal_topology(c->hal)->nr_domains; d++)
		tell_power(c, d, false);
}

/* One CPU's line of /proc/stat, in ticks since the machine started. */
static void add_cpu(const struct dam_topology *topo, const char *line, struct coord_cpus *sum)
{
	unsigned long long user, nice, system, idle, iowait, irq, softirq, steal;
	unsigned int cpu;

	if (sscanf(line, "cpu%u %llu %llu %llu %llu %llu %llu %llu %llu", &cpu, &user, &nice, &system, &idle, &iowait,
		   &irq, &softirq, &steal) != 9 ||
	    cpu >= DAM_MAX_CPUS || topo->cpu_domain[cpu] >= topo->nr_domains)
		return;
	sum[topo->cpu_domain[cpu]].busy += user + nice + system + irq + softirq + steal;
	sum[topo->cpu_domain[cpu]].all += user + nice + system + irq + softirq + steal + idle + iowait;
}

static bool read_cpus(const struct dam_topology *topo, struct coord_cpus *sum)
{
	char line[256];
	FILE *f = fopen("/proc/stat", "re");

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f) && !strncmp(line, "cpu", 3))
		add_cpu(topo, line, sum);
	fclose(f);
	return true;
}

/* CPUs that managed threads use, by domain. */
static void add_threads(const struct coord *c, double *out)
{
	unsigned int nr = dam_hal_topology(c->hal)->nr_domains;

	for (unsigned int i = 0; i < c->nr_thread; i++)
		if (c->thread[i] && c->thread[i]->domain < nr)
			out[c->thread[i]->domain] += c->thread[i]->cpu;
}

void coord_machine_refresh(struct coord *c)
{
	const struct dam_topology *topo = dam_hal_topology(c->hal);
	struct coord_cpus now[DAM_MAX_DOMAINS] = {0};
	double ours[DAM_MAX_DOMAINS] = {0};

	if (c->opt.root || !read_cpus(topo, now))
		return;
	add_threads(c, ours);
	for (unsigned int d = 0; d < topo->nr_domains; d++) {
		struct coord_cpus *last = &c->cpus[d];
		double all = (double)(now[d].all - last->all), cpus = dam_cpuset_count(&topo->domain[d].cpus), used;
		bool awake, first = !last->all;

		if (now[d].all <= last->all)
			continue;
		used = (double)(now[d].busy - last->busy) / all * cpus;
		awake = used - ours[d] > AWAKE * cpus;
		last->all = now[d].all;
		last->busy = now[d].busy;
		if (first)
			continue;
		dam_decision_set_busy(c->decision, d, used);
		if (awake != last->kept_awake)
			tell_power(c, d, awake);
	}
}
