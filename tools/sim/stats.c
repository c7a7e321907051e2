/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Sums over a run: a histogram of latencies, gaps within pools, energy. */
#include "config.h"
#include "tools/sim/stats.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_S	   0.1
#define SHORTEST_S 1e-9
#define AWAKE	   0.3 /* share of a domain's full power that it takes as soon as something runs in it */

int sim_stats_init(struct sim_stats *st, const struct sim_machine *m)
{
	*st = (struct sim_stats){0};
	st->latency = calloc(SIM_HISTOGRAM, sizeof(*st->latency));
	st->busy_s = calloc(m->s->nr_engines, sizeof(*st->busy_s));
	st->ramps = sim_ramps_create(m);
	if (st->latency && st->busy_s && st->ramps)
		return 0;
	sim_stats_free(st);
	return -ENOMEM;
}

void sim_stats_free(struct sim_stats *st)
{
	free(st->latency);
	free(st->busy_s);
	sim_ramps_destroy(st->ramps);
	*st = (struct sim_stats){0};
}

/* Exponent and the first seven bits of the mantissa: buckets of 0.8 %. */
static unsigned int bucket(double latency_s)
{
	double v = fmax(latency_s / SHORTEST_S, 1);
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	bits = (bits >> 45) - (1023u << 7);
	return bits < SIM_HISTOGRAM ? (unsigned int)bits : SIM_HISTOGRAM - 1;
}

static double bucket_s(unsigned int i)
{
	return SHORTEST_S * ldexp(1 + (i % 128 + 0.5) / 128, (int)(i / 128));
}

void sim_stats_complete(struct sim_stats *st, double latency_s, double bytes, double nr)
{
	st->bytes += bytes;
	st->ops += nr;
	st->latency[bucket(latency_s)] += nr;
}

/* The gap between the busiest and the idlest engine of each pool. */
static void end_block(struct sim_stats *st, const struct sim_machine *m)
{
	for (unsigned int i = 0; i < m->s->nr_pools; i++) {
		double most = 0, least = INFINITY;

		for (unsigned int e = 0; e < m->s->nr_engines; e++)
			if (m->s->engine[e].pool == (int)i) {
				most = fmax(most, st->busy_s[e] / st->block_s);
				least = fmin(least, st->busy_s[e] / st->block_s);
			}
		st->gap_sum += most - least;
		st->gap_max = fmax(st->gap_max, most - least);
		st->blocks++;
	}
	memset(st->busy_s, 0, m->s->nr_engines * sizeof(*st->busy_s));
	st->block_s = 0;
}

void sim_stats_tick(struct sim_stats *st, const struct sim_machine *m)
{
	bool awake[DAM_MAX_DOMAINS] = {false};

	for (unsigned int e = 0; e < m->s->nr_engines; e++)
		st->busy_s[e] += m->unit[e].busy_s;
	st->block_s += m->s->tick_s;
	if (st->block_s >= BLOCK_S - 1e-9)
		end_block(st, m);
	for (unsigned int t = 0; t < m->nr_threads; t++)
		awake[m->thread[t].domain] |= m->thread[t].ops > 0;
	for (unsigned int d = 0; d < m->s->topo.nr_domains; d++)
		st->energy += m->s->tick_s * (AWAKE * awake[d] + (1 - AWAKE) * m->cpu_busy[d]) / m->s->topo.nr_domains;
}

static double percentile(const struct sim_stats *st, double share)
{
	double left = share * st->ops;

	for (unsigned int i = 0; i < SIM_HISTOGRAM; i++) {
		left -= st->latency[i];
		if (st->latency[i] > 0 && left <= 0)
			return bucket_s(i);
	}
	return NAN;
}

void sim_stats_result(const struct sim_stats *st, const struct sim_machine *m, struct sim_result *out)
{
	*out = (struct sim_result){
		.throughput = st->bytes / m->now_s,
		.p50_s = percentile(st, 0.5), .p99_s = percentile(st, 0.99), .p999_s = percentile(st, 0.999),
		.gap_max = st->blocks ? st->gap_max : NAN,
		.gap_mean = st->blocks ? st->gap_sum / st->blocks : NAN,
		.energy = st->energy / m->now_s,
		.lost_bytes = m->lost_bytes,
		.moves = st->moves,
	};
	sim_ramps_result(st->ramps, out);
}
