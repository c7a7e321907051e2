/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Every formula of the objective J, dimensionless, a state function over the engines of a pool:
 *
 *	J = w_T ln ΣX - w_L κ ln(Σn/Σx) + 0.1 (1/m) Σ ln x_i - Σ overflow/ΣX
 *
 * m threads; a move is taken if ΔJ less its costs (refill and remote memory, each / m) reaches ε = 0.02/m.
 * Weights, κ, ε: found by simulation of the rules on fluid engines and recorded traces.
 */
#include "config.h"
#include "policy/cost.h"

#include <math.h>
#include <string.h>

#define KAPPA		0.2   /* of the latency term */
#define LATENCY_CLIP	0.5
#define FAIRNESS	0.1   /* without it seven threads beside one stay so */
#define KNEE		0.95  /* load above which the queue's slope is kept, so that it stays finite */
#define SHARE_LEFT	0.05  /* of a capacity for closed loops, however much open demand there is */
#define EPSILON		0.02
#define RESIDENCY_S	10.0  /* how long a thread is expected to stay */
#define LINE_BYTES	64.0
#define DRAM_S		90e-9 /* latency of local memory */
#define PARALLELISM	4.0   /* cache misses that a core overlaps */
#define TINY		1e-9

void dam_cost_clear(struct dam_cost_engine *e, double capacity, double head_room)
{
	memset(e, 0, sizeof(*e));
	e->capacity = capacity;
	e->usable = capacity * (1 - head_room);
}

void dam_cost_background(struct dam_cost_engine *e, double rate, double work, double written, double op_bytes,
			 double base_s)
{
	e->background += rate * work;
	e->background_bytes += rate;
	e->background_written += written;
	e->background_ops += rate / op_bytes;
	e->background_base += base_s * rate / op_bytes;
	e->open = e->background;
	e->open_bytes = e->background_bytes;
	e->written = e->background_written;
	e->open_ops = e->background_ops;
	e->open_base = e->background_base;
}

void dam_cost_backlog(struct dam_cost_engine *e, double rate, double work, double written, double op_bytes,
		      double base_s)
{
	dam_cost_background(e, rate, work, written, op_bytes, base_s);
	e->backlog += rate * work;
}

/* The last thread has left: what rounding leaves of the sums must not be taken for a load. */
static void clean(struct dam_cost_engine *e)
{
	if (e->nr_open < TINY) {
		e->open = e->background;
		e->open_bytes = e->background_bytes;
		e->open_ops = e->background_ops;
		e->open_base = e->background_base;
		e->open_log = e->nr_open = 0;
	}
	if (e->nr_closed < TINY)
		e->depth = e->raw = e->clipped = e->depth_ops = e->depth_base = e->depth_log =
			e->clipped_bytes = e->nr_closed = 0;
	if (e->nr_open < TINY && e->nr_closed < TINY)
		e->written = e->background_written;
}

void dam_cost_add(struct dam_cost_engine *e, const struct dam_cost_thread *t, int sign)
{
	double ops = (t->open ? t->demand : t->depth) / t->op_bytes * sign, work = t->work * sign;

	e->written += t->demand * t->written * sign;
	if (t->open) {
		e->open += t->demand * work;
		e->open_bytes += t->demand * sign;
		e->open_ops += ops;
		e->open_base += ops * t->base_s;
		e->open_log += t->log * t->share * sign;
		e->nr_open += t->share * sign;
	} else {
		e->depth += t->depth * work;
		e->raw += t->depth / (t->think_s + t->base_s) * work;
		e->clipped += t->demand * work;
		e->clipped_bytes += t->demand * sign;
		e->depth_ops += ops;
		e->depth_base += ops * t->base_s;
		e->depth_log += t->log * t->share * sign;
		e->nr_closed += t->share * sign;
	}
	if (sign < 0)
		clean(e);
}

/* Capacity that open demand leaves for closed loops. */
static double left_over(const struct dam_cost_engine *e)
{
	return fmax(e->capacity - e->open, SHARE_LEFT * e->capacity);
}

/*
 * Mean wait in services of a queue with random arrivals and even services at load rho (Pollaczek-Khinchine,
 * M/D/1: rho/2(1-rho)), continued in a straight line above KNEE: finite, and still rising above 1.
 */
static double queue(double rho)
{
	double over = fmax(0, rho - KNEE), r = fmin(rho, KNEE);

	return r / (2 * (1 - r)) + over / (2 * (1 - KNEE) * (1 - KNEE));
}

/*
 * How long an operation waits before the engine takes it, seconds: the longer of two waits. By chance: what random
 * arrivals cause, as far as they come from open demand. Closed loops wait for themselves: they keep N = ΣQ bytes in
 * flight, and by Little's law on the whole loop W = N/C - N/D with D = Σ Q/(Z + L0) (asymptotic bounds; Lazowska et
 * al., Quantitative System Performance, 1984, chapter 5).
 */
static double wait_of(const struct dam_cost_engine *e)
{
	double left = left_over(e), rate = fmin(e->raw, left), bytes = e->open, ops = e->open_ops;
	double chance = 0, closed = 0;

	if (isinf(e->capacity))
		return 0;
	if (e->nr_closed > 0) {
		bytes += rate;
		ops += e->depth_ops * rate / e->depth;
		closed = fmax(0, e->depth / left - e->depth / e->raw);
	}
	if (e->open > 0 && ops > 0) {
		double rho = fmax(e->open / e->capacity, fmin(bytes / e->capacity, KNEE));

		chance = bytes / ops / e->capacity * queue(rho) * e->open / bytes;
	}
	return fmax(chance, closed);
}

static double beyond(const struct dam_cost_engine *e, double open)
{
	return isinf(e->capacity) ? 0 : fmax(0, open - DAM_COST_HIGH_WATER * e->usable);
}

double dam_cost_overflow(const struct dam_cost_engine *e)
{
	return beyond(e, e->open - e->backlog);
}

void dam_cost_sum(const struct dam_cost_engine *e, struct dam_cost_sums *out)
{
	double wait = wait_of(e), granted = e->open > e->capacity ? e->capacity / e->open : 1;
	double work = e->open + e->clipped, given = work > e->capacity ? e->capacity / work : 1;

	out->rate += (e->open_bytes + e->clipped_bytes) * given;
	out->written += e->written * given;
	out->ops += e->open_ops;
	out->inflight += e->open_base + e->open_ops * wait;
	out->log_rate += e->open_log + (granted < 1 ? e->nr_open * log(granted) : 0);
	out->overflow += beyond(e, e->open);
	out->nr += e->nr_open + e->nr_closed;
	if (e->nr_closed > 0) {
		/* x_i = Q_i/(Z_i + L0_i + W), with the mean of Z + L0, which is ΣQ/D. */
		double loop = e->depth / e->raw + wait;

		out->ops += e->depth_ops / loop;
		out->inflight += (e->depth_base + e->depth_ops * wait) / loop;
		out->log_rate += e->depth_log - e->nr_closed * log(loop);
	}
}

void dam_cost_replace(struct dam_cost_sums *out, const struct dam_cost_sums *was, const struct dam_cost_sums *now)
{
	out->rate += now->rate - was->rate;
	out->written += now->written - was->written;
	out->ops += now->ops - was->ops;
	out->inflight += now->inflight - was->inflight;
	out->log_rate += now->log_rate - was->log_rate;
	out->overflow += now->overflow - was->overflow;
	out->nr += now->nr - was->nr;
}

static double latency(const struct dam_cost_sums *s)
{
	return fmax(s->inflight, TINY) / fmax(s->ops, TINY);
}

double dam_cost_value(const struct dam_cost_sums *s, double weight_throughput, double weight_latency)
{
	if (s->rate <= 0 || s->nr <= 0)
		return 0;
	return weight_throughput * log(s->rate) - weight_latency * KAPPA * log(latency(s)) +
	       FAIRNESS * s->log_rate / s->nr - s->overflow / s->rate;
}

void dam_cost_terms(const struct dam_cost_sums *a, const struct dam_cost_sums *b,
		    double weight_throughput, double weight_latency, struct dam_policy_terms *out)
{
	double dl = -KAPPA * log(latency(b) / latency(a));

	*out = (struct dam_policy_terms){0};
	out->throughput = weight_throughput * log(fmax(b->rate, TINY) / fmax(a->rate, TINY));
	out->latency = weight_latency * fmin(fmax(dl, -LATENCY_CLIP), LATENCY_CLIP);
	out->fairness = FAIRNESS * (b->log_rate - a->log_rate) / fmax(b->nr, 1);
	out->overflow = b->overflow / fmax(b->rate, TINY) - a->overflow / fmax(a->rate, TINY);
}

double dam_cost_refill(double cache_bytes, double memory_bps)
{
	return memory_bps > 0 && cache_bytes > 0 ? cache_bytes / (memory_bps * RESIDENCY_S) : 0;
}

double dam_cost_remote(double traffic_bps, double from, double to)
{
	return isfinite(traffic_bps) ? traffic_bps / LINE_BYTES * (to - from) * DRAM_S / PARALLELISM : 0;
}

void dam_cost_gain(struct dam_policy_terms *t, double nr)
{
	t->refill /= nr;
	t->remote /= nr;
	t->cpu /= nr;
	t->gain = t->throughput + t->latency + t->fairness + t->power - t->overflow - t->refill - t->remote - t->cpu;
	t->favour = 1;
	t->threshold = EPSILON / nr;
}

void dam_cost_add_terms(struct dam_policy_terms *sum, const struct dam_policy_terms *t, double share)
{
	sum->throughput += share * t->throughput;
	sum->latency += share * t->latency;
	sum->fairness += share * t->fairness;
	sum->overflow += share * t->overflow;
	sum->refill += share * t->refill;
	sum->remote += share * t->remote;
	sum->cpu += share * t->cpu;
	sum->power += share * t->power;
	sum->gain += share * t->gain;
	sum->favour = t->favour;
}

double dam_cost_score(const struct dam_policy_terms *t)
{
	return t->gain * t->favour;
}
