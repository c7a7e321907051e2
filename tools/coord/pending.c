/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Observed work of a thread on its way into its counts: settled in rounds, let in at every tick. */
#include "config.h"
#include "tools/coord/observe.h"

#include <math.h>

#define MAX_PERIOD_S 0.2 /* longest time over which work is spread */
#define MIN_OCCUPANCY \
	1.1 /* with less in flight, its mean says more of when we look than of latency */
#define MIN_REAPED 100
#define MIN_SEEN   0.97 /* of its operations completed between two looks: what was before or after may have been unlike */
#define MAX_ERROR  0.025 /* standard error of the mean in flight, as a share of it */
/* A look holds up whom it looks at, on a machine with few processors by some 5 us: of less latency, that is too much. */
#define LEAST_S 200e-6
#define MAX_IDLE                                                                                   \
	0.05 /* share of looks with nothing in flight: it thinks, or is paced, and we look when it \
		can */

void coord_thread_pend(struct coord_thread *t, const struct coord_kind *k, double period_s)
{
	struct coord_pending *p = NULL;

	for (unsigned int i = 0; i < t->nr_pending && !p; i++)
		if (t->pending[i].target == k->target)
			p = &t->pending[i];
	if (!p && t->nr_pending < COORD_PENDING) {
		p = &t->pending[t->nr_pending++];
		*p = (struct coord_pending){.target = k->target};
	}
	if (!p)
		p = &t->pending[0];
	p->read_ops += k->ops[0];
	p->write_ops += k->ops[1];
	p->read_bytes += isnan(k->bytes[0]) ? 0 : k->bytes[0];
	p->write_bytes += isnan(k->bytes[1]) ? 0 : k->bytes[1];
	t->pending_s = period_s < MAX_PERIOD_S ? period_s : MAX_PERIOD_S;
}

/* Whole units of @share of @from; what is left over stays, to the nearest unit when all is wanted.
 */
static uint64_t take(double *from, double share)
{
	double whole = share >= 1 ? floor(*from + 0.5) : floor(*from * share);

	if (whole <= 0)
		return 0;
	*from -= whole;
	return (uint64_t)whole;
}

bool coord_thread_release(struct coord_thread *t, unsigned int i, double share,
			  struct dam_count *out)
{
	struct coord_pending *p = &t->pending[i];

	*out = (struct dam_count){take(&p->read_bytes, share), take(&p->write_bytes, share),
				  take(&p->read_ops, share), take(&p->write_ops, share)};
	return out->read_bytes | out->write_bytes | out->read_ops | out->write_ops;
}

void coord_thread_inflight(struct coord_thread *t, double mean, double peak)
{
	t->inflight_mean = mean;
	t->inflight_peak = peak;
	t->inflight_age_s = 0;
}

void coord_thread_place(struct coord *c, struct coord_thread *t, int cpu)
{
	const struct dam_topology *topo = dam_hal_topology(c->hal);
	unsigned int d = cpu >= 0 && cpu < DAM_MAX_CPUS ? topo->cpu_domain[cpu] : DAM_NO_DOMAIN;

	/* it may not have run since it was moved */
	if (d < topo->nr_domains && (!t->moved || dam_cpuset_has(&t->dam, (unsigned int)cpu)))
		t->domain = d;
}

/* Do the looks tell the mean of what is in flight? It may differ from one to the next, and there may be few. */
static bool mean_is_sure(const struct coord_thread *t)
{
	double n = (double)t->looks, mean = t->wait_s / t->wait_span_s;

	return t->wait_square / n - mean * mean <= n * pow(MAX_ERROR * mean, 2);
}

/* From outside. */
static double observed_latency(const struct coord_thread *t)
{
	if (t->reaped < MIN_REAPED || t->wait_s < MIN_OCCUPANCY * t->wait_span_s ||
	    (double)t->idle_looks > MAX_IDLE * (double)t->looks ||
	    t->reaped < MIN_SEEN * (double)t->observed_ops || !mean_is_sure(t))
		return (double)NAN;
	return t->wait_s / t->reaped < LEAST_S ? (double)NAN : t->wait_s / t->reaped;
}

double coord_thread_latency(const struct coord_thread *t)
{
	double hooked = coord_depth_latency(&t->depth);

	return isnan(hooked) ? observed_latency(t) : hooked;
}
