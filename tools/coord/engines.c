/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Reading the counters of engines into the decision. */
#include "config.h"
#include "tools/coord/coord.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "tools/coord/record.h"

#define STORAGE	   "block" /* the kind of engines whose work the kernel counts for processes, too */
#define RATE_TAU_S 1.0 /* of the rates that people see */
#define EXPECT_BPS 1e6 /* submitted: a counter of bytes does not stand still at that */
#define REST_NS	   (40 * DAM_NS_PER_MS) /* between looks at an engine that does nothing for anybody */

static bool is_storage(const struct dam_hal_engine *eng)
{
	return !strcmp(eng->backend->name, STORAGE);
}

/*
 * It did nothing between the last two looks, and no thread submits to it: looks at its files are the dearest part of a
 * tick. A recording, and what moderates interrupts, want every one.
 */
static bool rests(const struct coord *c, const struct coord_engine *ce, const struct dam_hal_engine *eng,
		  uint64_t now_ns)
{
	return ce->still && now_ns - ce->last_ns < REST_NS && !eng->simulated && !c->record && !c->moderate;
}

static bool stands_still(const struct dam_hal_counters *last, const struct dam_hal_counters *now,
			 const struct dam_policy_engine_sample *s)
{
	return s->bytes <= 0 && s->ops <= 0 && now->busy_ns == last->busy_ns && !now->inflight && !now->inflight_bytes;
}

/* What it did since the last look. */
static void take(struct coord *c, unsigned int i, const struct dam_hal_engine *eng, const struct dam_hal_counters *now,
		 uint64_t now_ns)
{
	struct coord_engine *ce = &c->engine[i];
	struct dam_policy_engine_sample s = {.wait_s = NAN, .inflight_ops = NAN};
	double dt = (double)(now_ns - ce->last_ns) / DAM_NS_PER_S, gone = exp(-dt / RATE_TAU_S);
	double read = (double)dam_count_delta(now->read_bytes, ce->last.read_bytes);
	double write = (double)dam_count_delta(now->write_bytes, ce->last.write_bytes);

	ce->util_source = dam_hal_util(eng, &ce->last, now, dt, &ce->util);
	s.valid = now->have & DAM_HAVE_BYTES;
	s.bytes = read + write;
	s.write_bytes = write;
	s.ops = (double)(dam_count_delta(now->read_ops, ce->last.read_ops) +
			 dam_count_delta(now->write_ops, ce->last.write_ops));
	if (now->have & DAM_HAVE_WAIT)
		s.wait_s = (double)dam_count_delta(now->wait_ns, ce->last.wait_ns) / DAM_NS_PER_S;
	if (now->have & DAM_HAVE_INFLIGHT)
		s.inflight_ops = now->inflight;
	if (s.ops > 0 && is_storage(eng))
		c->storage_ns = now_ns;
	ce->still = stands_still(&ce->last, now, &s);
	ce->window.bytes += s.bytes;
	ce->window.ops += s.ops;
	ce->window.inflight += s.wait_s; /* Little: the latencies of a second's operations, summed up */
	ce->read_bps = coord_rate(ce->read_bps, read, dt, gone);
	ce->write_bps = coord_rate(ce->write_bps, write, dt, gone);
	coord_record_add(c->record, now_ns, eng->name, (uint64_t)read, (uint64_t)write);
	dam_decision_engine(c->decision, i, dt, &s);
}

static void sample_engine(struct coord *c, unsigned int i, struct dam_hal_engine *eng,
			  uint64_t now_ns)
{
	struct coord_engine *ce = &c->engine[i];
	struct dam_policy_engine_view v;
	struct dam_hal_counters now;
	int err;

	dam_policy_view_engine(dam_decision_policy(c->decision), i, &v);
	if (v.attributed <= 0 && rests(c, ce, eng, now_ns))
		return;
	if (v.attributed >= EXPECT_BPS && !eng->simulated) /* its counters ought to move */
		dam_track_expect(&eng->track, now_ns);
	err = dam_hal_sample(eng, &now);
	if (err == -ENODEV) {
		coord_model_drop(c, i);
		coord_hotplug_due(c); /* its name may be there again, for another device */
	}
	if (err)
		return;
	if (ce->last_ns && now_ns > ce->last_ns)
		take(c, i, eng, &now, now_ns);
	else
		ce->util_source = dam_hal_util(eng, &now, &now, 0, &ce->util);
	ce->last = now;
	ce->last_ns = now_ns;
}

/* Components that have counters of their own. */
static void sample_components(struct coord *c, uint64_t now_ns)
{
	const struct dam_hal_component *list;
	unsigned int nr;

	list = dam_hal_components(c->hal, &nr);
	for (unsigned int i = 0; i < nr; i++) {
		struct coord_component *k = &c->component[i];
		double dt = (double)(now_ns - k->last_ns) / DAM_NS_PER_S, read, write, gone;
		struct dam_hal_counters now;

		if (!list[i].counter[0] || dam_hal_component_sample(c->hal, i, &now))
			continue;
		if (k->last_ns && dt > 0) {
			read = (double)dam_count_delta(now.read_bytes, k->last.read_bytes);
			write = (double)dam_count_delta(now.write_bytes, k->last.write_bytes);
			gone = exp(-dt / RATE_TAU_S);
			k->read_bps = coord_rate(k->read_bps, read, dt, gone);
			k->write_bps = coord_rate(k->write_bps, write, dt, gone);
		}
		k->last = now;
		k->last_ns = now_ns;
	}
}

void coord_component_rates(const struct coord *c, unsigned int i, double *read_bps, double *write_bps)
{
	const struct coord_component *k = &c->component[i];

	if (!k->last_ns)
		return;
	*read_bps = k->read_bps;
	*write_bps = k->write_bps;
}

void coord_sample_engines(struct coord *c, uint64_t now_ns)
{
	for (unsigned int i = 0; i < dam_hal_nr_targets(c->hal); i++) {
		struct dam_hal_target *t = dam_hal_target(c->hal, i);

		if (t->kind == DAM_TARGET_ENGINE && !t->engine.gone)
			sample_engine(c, i, &t->engine, now_ns);
	}
	sample_components(c, now_ns);
}

bool coord_storage_moved(struct coord *c, uint64_t now_ns)
{
	struct dam_hal_counters n;
	uint64_t ops = 0;
	bool moved, any = false;

	for (unsigned int i = 0; i < dam_hal_nr_targets(c->hal); i++) {
		struct dam_hal_target *t = dam_hal_target(c->hal, i);

		if (t->kind != DAM_TARGET_ENGINE || t->engine.gone || !is_storage(&t->engine) ||
		    dam_hal_sample(&t->engine, &n))
			continue;
		any = true;
		ops += n.read_ops + n.write_ops;
	}
	moved = ops != c->storage_ops;
	c->storage_unseen = !any;
	c->storage_ops = ops;
	if (moved)
		c->storage_ns = now_ns;
	return moved;
}
