/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * What is known of each thread, above all its demand: what it would ask, not what it gets.
 *
 * Q is the peak of its in-flight bytes, n = x R by Little's law, Z = (Q - n)/x its think time. Alone on an
 * unloaded engine it would ask D = Q/(Z + L0), which is x where nothing queues.
 */
#include "config.h"

#include <math.h>
#include <string.h>

#include "policy/model.h"

#define FAST_S	     0.035
#define SLOW_S	     0.25
#define PEAK_S	     1.0  /* half-life of the peak in flight */
#define UNSEEN_S     2.0  /* without a sample of its own, its in-flight work counts as unseen */
#define LATENCY_LONGEST_S 2.0
#define OPEN_HOLD_S  2.0
#define GRACE_S	     0.3  /* after a move, samples may still tell of the old engine */
#define STAY_S	     1.0  /* a moved thread has to: what it asks meanwhile counts, and a backlog is to be gone by then */
#define LASTING_S    4.0  /* half-life of what it returns to */
#define ACTIVE_OPS   1.0  /* operations/s below which a thread is no load */
#define REMOTE_SHARE 0.2  /* latency added per unit of distance: 7-40 % on misplaced I/O threads elsewhere */

static double finite_or_0(double v)
{
	return isfinite(v) && v > 0 ? v : 0;
}

static void place(struct dam_policy *p, struct dam_thread *th,
		  const struct dam_policy_thread_sample *s)
{
	if (s->domain < p->cfg.nr_domains && (th->fresh || th->since_move_s >= GRACE_S)) {
		th->domain = s->domain;
		if (th->fresh)
			th->home = s->domain;
		th->fresh = false;
	}
	if (s->engine < 0 || (unsigned int)s->engine >= p->max_engines ||
	    !p->engines[s->engine].present)
		return;
	p->engines[s->engine].entered_now += finite_or_0(s->bytes);
	th->pool = s->pool >= 0 && (unsigned int)s->pool < p->max_pools &&
				   p->engines[s->engine].desc.pool == s->pool ?
			   s->pool :
			   DAM_POLICY_NONE;
	if (th->engine < 0 || th->since_move_s >= GRACE_S)
		th->engine = s->engine;
}

static void note_inflight(struct dam_thread *th, double dt_s, double latency,
			  const struct dam_policy_thread_sample *s)
{
	double peak = isfinite(s->inflight_peak_ops) ? s->inflight_peak_ops : s->inflight_ops;

	th->inflight_ops = isfinite(peak) && peak >= 0 ? peak : NAN;
	if (isfinite(th->inflight_ops))
		th->unseen_s = 0;
	else
		th->unseen_s += dt_s;
	if (th->peak_ops > 0)
		th->peak_ops *= dam_decay(dt_s, fmax(PEAK_S, 2 * latency));
	if (th->inflight_ops > th->peak_ops)
		th->peak_ops = th->inflight_ops;
}

/*
 * A full queue serves its threads in turns: one that has filled it waits a whole latency before it submits again.
 * Shorter windows would take the one whose turn it is for the only one.
 */
static double queue_latency(const struct dam_policy *p, const struct dam_thread *th)
{
	double latency = th->engine >= 0 ? p->engines[th->engine].latency_s : 0;

	return isfinite(latency) ? fmin(latency, LATENCY_LONGEST_S) : 0;
}

void dam_thread_sample(struct dam_policy *p, unsigned int t, double dt_s,
		       const struct dam_policy_thread_sample *s)
{
	struct dam_thread *th = &p->threads[t];
	double latency, bytes, written;

	if (!th->present || !(dt_s > 0) || !isfinite(dt_s))
		return;
	th->age_s += dt_s;
	th->since_move_s += dt_s;
	th->cooldown_s = fmax(0, th->cooldown_s - dt_s);
	th->open_hold_s = fmax(0, th->open_hold_s - dt_s);
	th->settle_s = fmax(0, th->settle_s - dt_s);
	th->movable = s->movable;
	th->placed = s->placed;
	th->allowed = s->allowed;
	th->needs = s->needs;
	th->memory_bps = finite_or_0(s->memory_bps);
	th->cpu = fmin(1, finite_or_0(s->cpu));
	place(p, th, s);
	latency = queue_latency(p, th);
	bytes = finite_or_0(s->bytes);
	written = fmin(finite_or_0(s->write_bytes), bytes);
	dam_window_add(&th->fast, dt_s, bytes, written, finite_or_0(s->ops), 0, fmax(FAST_S, latency));
	dam_window_add(&th->slow, dt_s, bytes, written, finite_or_0(s->ops), 0, fmax(SLOW_S, 2 * latency));
	if (th->slow.bytes > 0)
		th->written = th->slow.written / th->slow.bytes;
	/* a burst may be over before a thread that was moved for it can be moved back: how much of it lasts, is learnt */
	dam_window_add_plain(&th->lasting, dt_s, bytes, LASTING_S);
	dam_blend_add(&th->blend, dt_s, bytes, dam_window_rate(&th->fast), dam_window_rate(&th->lasting), STAY_S);
	if (th->slow.ops > 0.5 && th->slow.bytes > 0)
		th->op_bytes = th->slow.bytes / th->slow.ops;
	note_inflight(th, dt_s, latency, s);
}

bool dam_thread_active(const struct dam_thread *th)
{
	return th->present && th->engine >= 0 && th->op_bytes > 0 && th->demand > 0 &&
	       dam_window_ops(&th->slow) >= ACTIVE_OPS;
}

/*
 * Open until shown otherwise; then the last label holds. Judged only while the engine is saturated. Bounded work in
 * flight shows a closed loop, unless the rate has been seen not to follow the latency.
 */
static void label(struct dam_thread *th, const struct dam_engine *en, double dt_s)
{
	enum dam_bound answer;

	dam_elastic_add(&th->elastic, dt_s, dam_window_rate(&th->fast) * dt_s, dam_window_ops(&th->fast) * dt_s,
			en->latency_s);
	if (th->elastic.stiff)
		th->open = true;
	if (!en->saturated) {
		dam_bound_reset(&th->watch);
		return;
	}
	if (th->unseen_s < UNSEEN_S)
		answer = dam_bound_add(&th->watch, dt_s, dam_window_ops(&th->fast) * dt_s,
				       th->inflight_ops, en->latency_s);
	else
		answer = en->bound;
	if (answer != DAM_BOUND_UNKNOWN)
		th->doubt = false;
	if (answer == DAM_BOUND_NO) {
		th->open = true;
		th->open_hold_s = OPEN_HOLD_S;
	} else if (answer == DAM_BOUND_YES && th->open_hold_s <= 0 && !th->elastic.stiff) {
		th->open = false;
	}
}

/* Work in flight by Little's law stands in where the thread's own is not seen. */
static void infer_inflight(struct dam_thread *th, const struct dam_engine *en)
{
	double n = dam_window_ops(&th->slow) * en->latency_slow_s;

	if (th->unseen_s >= UNSEEN_S && n > th->peak_ops)
		th->peak_ops = n;
}

static void judge_demand(const struct dam_policy *p, struct dam_thread *th, double dt_s)
{
	const struct dam_engine *en = &p->engines[th->engine];
	double slow = dam_window_rate(&th->slow), depth = th->peak_ops * th->op_bytes, base;

	th->rate = dam_window_rate(&th->fast);
	th->demand = th->rate;
	th->demand_slow = slow;
	th->asked = 0;
	th->ahead = dam_blend_mean(&th->blend, th->rate, dam_window_rate(&th->lasting));
	label(th, en, dt_s);
	infer_inflight(th, en);
	if (slow <= 0 || th->peak_ops <= 0 || !isfinite(en->latency_slow_s))
		return;
	th->think_s = fmax(0, depth / slow - en->latency_slow_s);
	if (th->open)
		return;
	base = dam_engine_base_latency(p, (unsigned int)th->engine, th->op_bytes);
	th->asked = fmax(depth / (th->think_s + base), slow);
}

/* A closed loop asks for no more than an engine has, as far as that is known by now. */
static void clip_demand(const struct dam_policy *p, struct dam_thread *th)
{
	double largest = dam_engine_largest(p, th->pool, (unsigned int)th->engine, th->written);

	if (th->asked > 0)
		th->demand = th->demand_slow = largest > 0 ? fmin(th->asked, largest) : th->asked;
}

static void clear_sums(struct dam_policy *p)
{
	for (unsigned int e = 0; e < p->nr_engines; e++) {
		struct dam_engine *en = &p->engines[e];

		en->attributed = 0;
		en->demand = en->demand_slow = en->background;
		en->looped = 0;
		en->demand_written = en->background * en->written;
		en->strangers = 0;
	}
	for (unsigned int i = 0; i < p->nr_pools; i++)
		p->pools[i].doubt = false;
	memset(p->domain_threads, 0, sizeof(p->domain_threads));
	memset(p->domain_cpu, 0, sizeof(p->domain_cpu));
	p->nr_far = 0;
}

static void add_to_engine(struct dam_policy *p, const struct dam_thread *th)
{
	struct dam_engine *en = &p->engines[th->engine];

	if (th->doubt && th->pool >= 0 && en->saturated)
		p->pools[th->pool].doubt = true;
	en->attributed += th->rate;
	en->looped += th->open ? 0 : th->rate;
	en->demand += th->demand;
	en->demand_slow += th->demand_slow;
	en->demand_written += th->demand * th->written;
	if (dam_engine_is_foreign(en, th->class) && th->movable && th->pool >= 0)
		en->strangers += dam_thread_active(th);
}

/*
 * Inelastic demand that has not been served yet is still to be served: whatever comes now waits behind it. What closed
 * loops keep in flight is their demand already; in a queue, each has the share that it has of the rate.
 */
static void judge_backlog(struct dam_engine *en)
{
	double n = isfinite(en->inflight) ? en->inflight : dam_window_ops(&en->fast) * finite_or_0(en->latency_s);
	double rate = en->attributed + en->background, share = rate > 0 ? 1 - en->looped / rate : 1;

	en->backlog = n * en->op_bytes * share / STAY_S;
}

void dam_thread_tick(struct dam_policy *p, double dt_s)
{
	clear_sums(p);
	for (unsigned int t = 0; t < p->nr_threads; t++) {
		struct dam_thread *th = &p->threads[t];

		if (!th->present || th->engine < 0 || !p->engines[th->engine].present)
			continue;
		if (th->settle_s <= 0)
			judge_demand(p, th, dt_s);
		clip_demand(p, th);
		p->domain_threads[th->domain] += dam_thread_active(th);
		p->domain_cpu[th->domain] += th->cpu;
		add_to_engine(p, th);
		if (dam_locality_watch(p, th, dt_s))
			p->far[p->nr_far++] = t;
	}
	for (unsigned int e = 0; e < p->nr_engines; e++)
		judge_backlog(&p->engines[e]);
	dam_engine_mix(p);
	dam_locality_tick(p);
}

/* As much of a thread's cost as depends on where it is: on engine @e, running in @domain. */
void dam_thread_cost_at(const struct dam_policy *p, unsigned int t, unsigned int e, unsigned int domain,
			struct dam_cost_thread *inout)
{
	const struct dam_thread *th = &p->threads[t];
	double away = dam_engine_distance(p, e, domain) - 1;

	inout->base_s = fmax(dam_engine_base_latency(p, e, th->op_bytes) * (1 + REMOTE_SHARE * away), 1e-9);
	if (th->class != DAM_CLASS_NORMAL && domain != th->domain && dam_power_asleep(p, domain))
		inout->base_s += p->power[domain].wake_s;
	inout->work = dam_engine_work(&p->engines[e], th->written);
}

/* What is foretold of its engine, where the plan is made for that; else what may be expected of the thread itself. */
static double open_demand(const struct dam_policy *p, const struct dam_thread *th)
{
	double scale = p->engines[th->engine].scale;

	return scale > 1 ? scale * th->demand : th->ahead;
}

/* The thread as it would be on engine @e, running in @domain. */
void dam_thread_cost(const struct dam_policy *p, unsigned int t, unsigned int e, unsigned int domain,
		     bool slow, struct dam_cost_thread *out)
{
	const struct dam_thread *th = &p->threads[t];

	out->open = th->open || th->peak_ops <= 0;
	out->op_bytes = th->op_bytes;
	out->think_s = th->think_s;
	out->depth = th->peak_ops * th->op_bytes;
	out->demand = slow ? th->demand_slow : out->open ? open_demand(p, th) : th->demand;
	out->share = 1;
	out->written = th->written;
	out->log = log(out->open ? out->demand : out->depth);
	dam_thread_cost_at(p, t, e, domain, out);
}
