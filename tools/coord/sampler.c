/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What a thread did since the last look: by its slot, which is another process's word, and by what was observed. */
#include "config.h"
#include "tools/coord/coord.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tools/coord/machine.h"
#include "tools/coord/record.h"

#define INFLIGHT_HOLD_S	 2.0 /* a sample of work in flight stays good for as long */
#define MASK_RECHECK_S	 1.0 /* of a thread that submits; */
#define QUIET_RECHECK_S	 5.0 /* of one that has not since then */
#define DISTANT_S	 0.04 /* between looks at what no tick needs */
#define MAX_USES	 64
/* No thread submits more than this in a second: a counter that says so was damaged. */
#define SANE_BYTES_PER_S 1e13

/* Where work on the ledger's local target @l lands: a hal index, COORD_OTHER or COORD_BUFFERED. */
static int local_target(const struct coord *c, const struct dam_ledger *ledger, unsigned int l)
{
	uint32_t id;
	int target;

	if (l >= DAM_LOCAL_FIRST) {
		id = __atomic_load_n(&ledger->target_id[l], __ATOMIC_ACQUIRE);
		if (id && id <= dam_hal_nr_targets(c->hal))
			return dam_hal_redirect(c->hal, (int)id - 1);
	}
	target = dam_hal_redirect(c->hal, DAM_HAL_NONE);
	if (target != DAM_HAL_NONE)
		return target;
	return l == DAM_LOCAL_BUFFERED ? COORD_BUFFERED : COORD_OTHER;
}

/* The engine behind @target for a thread in @domain, and its pool when the CPU chose it. */
static int resolve_engine(struct coord *c, int target, unsigned int domain, int *pool)
{
	const struct dam_hal_target *t;

	*pool = DAM_HAL_NONE;
	if (target < 0)
		return DAM_HAL_NONE;
	t = dam_hal_target(c->hal, (unsigned int)target);
	if (t->kind == DAM_TARGET_ENGINE)
		return target;
	if (!t->pool.cpu_driven || domain >= DAM_MAX_DOMAINS)
		return DAM_HAL_NONE;
	*pool = target;
	return t->pool.engine_of_domain[domain];
}

static struct coord_use *find_use(struct coord_thread *t, int target)
{
	struct coord_use *u;

	for (unsigned int i = 0; i < t->nr_use; i++)
		if (t->use[i].target == target)
			return &t->use[i];
	if (t->nr_use >= MAX_USES)
		return target == COORD_OTHER ? NULL : find_use(t, COORD_OTHER);
	u = realloc(t->use, (t->nr_use + 1) * sizeof(*u));
	if (!u)
		return NULL;
	t->use = u;
	u = &u[t->nr_use++];
	*u = (struct coord_use){.target = target};
	return u;
}

/* What a slot's counts grew by since they were last read, bounded by what a machine can do. */
static struct dam_count take_delta(const struct dam_count *now, struct dam_count *last, double dt_s)
{
	const uint64_t bound = (uint64_t)(SANE_BYTES_PER_S * (dt_s + 1));
	struct dam_count d, n;

	dam_count_read(now, &n);
	d.read_bytes = dam_count_delta(n.read_bytes, last->read_bytes);
	d.write_bytes = dam_count_delta(n.write_bytes, last->write_bytes);
	d.read_ops = dam_count_delta(n.read_ops, last->read_ops);
	d.write_ops = dam_count_delta(n.write_ops, last->write_ops);
	*last = n;
	if (d.read_bytes > bound || d.write_bytes > bound || d.read_ops > bound || d.write_ops > bound)
		return (struct dam_count){0};
	return d;
}

static void feed(struct coord *c, int engine, const struct dam_count *d)
{
	struct dam_hal_engine *e;

	if (engine < 0)
		return;
	e = &dam_hal_target(c->hal, (unsigned int)engine)->engine;
	if (!e->simulated)
		return;
	dam_hal_feed(e, d->read_bytes, d->read_ops, false);
	dam_hal_feed(e, d->write_bytes, d->write_ops, true);
}

/* The target that the thread used most lately; COORD_OTHER: none that is known. */
static int primary_target(struct coord *c, const struct coord_thread *t)
{
	const struct dam_hal_target *h;
	int target = COORD_OTHER;
	double best = 0;

	for (unsigned int i = 0; i < t->nr_use; i++)
		if (t->use[i].target >= 0 && t->use[i].recent > best) {
			best = t->use[i].recent;
			target = t->use[i].target;
		}
	if (target < 0)
		return COORD_OTHER;
	h = dam_hal_target(c->hal, (unsigned int)target);
	return h->kind == DAM_TARGET_ENGINE && h->engine.pool >= 0 ? h->engine.pool : target;
}

/* What one thread did since the last look. */
struct taken {
	double bytes, ops;  /* on `target` */
	double written;	    /* of bytes */
	double read, write; /* bytes on all */
	int target;	    /* primary_target() */
};

/* Account for the work @d on @target. */
static void account(struct coord *c, struct coord_thread *t, int target, const struct dam_count *d)
{
	int pool;
	int engine = resolve_engine(c, target, t->domain, &pool);
	struct coord_use *u = find_use(t, engine >= 0 ? engine : target);

	feed(c, engine, d);
	if (u) {
		u->total.read_bytes += d->read_bytes;
		u->total.write_bytes += d->write_bytes;
		u->total.read_ops += d->read_ops;
		u->total.write_ops += d->write_ops;
		u->recent += (double)(d->read_bytes + d->write_bytes);
	}
	if (target != COORD_BUFFERED)
		t->proc->coverage.attributed_bytes += d->read_bytes + d->write_bytes;
}

/* What one tick brought, target by target, until it is clear which of them is the primary one. */
struct seen {
	unsigned int nr;
	struct {
		int target;
		double bytes, ops, written;
	} at[DAM_LEDGER_TARGETS + COORD_PENDING];
};

static void note(struct coord *c, struct coord_thread *t, int target, const struct dam_count *d,
		 struct seen *seen, struct taken *out)
{
	account(c, t, target, d);
	seen->at[seen->nr].target = target;
	seen->at[seen->nr].bytes = (double)(d->read_bytes + d->write_bytes);
	seen->at[seen->nr].written = (double)d->write_bytes;
	seen->at[seen->nr++].ops = (double)(d->read_ops + d->write_ops);
	out->read += (double)d->read_bytes;
	out->write += (double)d->write_bytes;
}

static void take_counts(struct coord *c, struct coord_thread *t, const struct dam_slot *s, double dt_s,
			struct seen *seen, struct taken *out)
{
	for (unsigned int l = 0; l < t->proc->nr_local; l++) {
		struct dam_count d = take_delta(&s->count[l], &t->last[l], dt_s);

		if (!(d.read_ops | d.write_ops | d.read_bytes | d.write_bytes))
			continue;
		t->proc->coverage.hooked_ops += d.read_ops + d.write_ops;
		if (l >= DAM_LOCAL_FIRST) {
			t->hooked_bytes[0] += d.read_bytes;
			t->hooked_bytes[1] += d.write_bytes;
		}
		note(c, t, local_target(c, t->proc->ledger, l), &d, seen, out);
	}
}

/* The part of its observed work that is due; in a flush, all of it. */
static void take_observed(struct coord *c, struct coord_thread *t, double dt_s, struct seen *seen,
			  struct taken *out)
{
	double share = dt_s < t->pending_s ? dt_s / t->pending_s : 1;
	struct dam_count d;

	t->pending_s -= share < 1 ? dt_s : t->pending_s;
	for (unsigned int i = 0; i < t->nr_pending; i++) {
		if (!coord_thread_release(t, i, share, &d))
			continue;
		t->observed_ops += d.read_ops + d.write_ops;
		t->proc->coverage.observed_ops += d.read_ops + d.write_ops;
		note(c, t, t->pending[i].target, &d, seen, out);
	}
}

void coord_thread_flush(struct coord *c, struct coord_thread *t)
{
	struct seen seen = {0};
	struct taken k = {0};

	if (t->nr_pending)
		take_observed(c, t, INFINITY, &seen, &k);
}

static void take_inflight(struct coord_thread *t, const struct dam_slot *s)
{
	uint64_t n = __atomic_load_n(&s->inflight_samples, __ATOMIC_RELAXED);
	uint64_t sum = __atomic_load_n(&s->inflight_ops_sum, __ATOMIC_RELAXED);
	uint32_t last;

	if (n > t->inflight_samples && sum >= t->inflight_sum) {
		last = __atomic_load_n(&s->inflight_ops_last, __ATOMIC_RELAXED);
		t->inflight_mean = (double)(sum - t->inflight_sum) / (double)(n - t->inflight_samples);
		t->inflight_peak = t->inflight_mean > last ? t->inflight_mean : last;
		t->inflight_age_s = 0;
	}
	t->inflight_samples = n;
	t->inflight_sum = sum;
}

static void tell_policy(struct coord *c, struct coord_thread *t, const struct taken *k, double dt_s)
{
	int pool;
	struct dam_policy_thread_sample s = {
		.domain = t->domain, .bytes = k->bytes, .ops = k->ops,
		.inflight_ops = t->inflight_mean, .inflight_peak_ops = t->inflight_peak,
		.memory_bps = t->memory_bps, .allowed = t->allowed, .movable = !t->why && !t->excluded,
		.placed = t->moved, .write_bytes = k->written, .cpu = t->cpu,
	};

	t->window.bytes += k->bytes;
	t->window.ops += k->ops;
	t->window.inflight += t->inflight_mean * dt_s;
	s.engine = resolve_engine(c, k->target, t->domain, &pool);
	s.pool = pool;
	if (s.engine >= 0)
		s.needs = coord_machine_needs(&dam_hal_target(c->hal, (unsigned int)s.engine)->engine, t->read_bps,
					      t->write_bps);
	dam_decision_thread(c->decision, t->index, dt_s, &s);
}

/* The CPU the slot names, as a domain; where the thread was put counts until it submits from there. */
static void place(struct coord *c, struct coord_thread *t, const struct dam_slot *s)
{
	const struct dam_topology *topo = dam_hal_topology(c->hal);
	uint32_t cpu = __atomic_load_n(&s->cpu, __ATOMIC_RELAXED);
	unsigned int d = cpu < DAM_MAX_CPUS ? topo->cpu_domain[cpu] : DAM_NO_DOMAIN;

	/* a submission that began before the move may still name the old CPU */
	if (t->moved && d < topo->nr_domains && !dam_cpuset_has(&t->dam, cpu))
		return;
	t->domain = d < topo->nr_domains ? d : t->domain < topo->nr_domains ? t->domain : 0;
}

/* What stands in other cache lines than the counts, and is told over longer times. */
static void take_distant(struct coord *c, struct coord_thread *t, const struct dam_slot *s)
{
	uint64_t mapped = __atomic_load_n(&s->mapped_bytes, __ATOMIC_RELAXED);

	t->mapped_bytes += dam_count_delta(mapped, t->mapped_raw);
	t->mapped_raw = mapped;
	coord_memory_take(c, t, s, t->distant_age_s);
	coord_depth_take(&t->depth, s, t->distant_age_s);
	if (coord_depth_asks(&t->depth) && c->rechecks) {
		c->rechecks--;
		coord_depth_told(&t->depth, coord_proc_awaits(t->pid, t->tid));
	}
	t->distant_age_s = 0;
}

void coord_thread_ring_ops(struct coord_thread *t)
{
	const struct dam_slot *s = &t->proc->ledger->slot[t->slot];
	uint64_t ring_ops = __atomic_load_n(&s->ring_ops, __ATOMIC_RELAXED);

	t->proc->ring_ops += dam_count_delta(ring_ops, t->ring_ops);
	t->ring_ops = ring_ops;
}

/* What its hooks have written. */
static void sample_hooked(struct coord *c, struct coord_thread *t, double dt_s, struct seen *seen,
			  struct taken *k)
{
	const struct dam_slot *s = &t->proc->ledger->slot[t->slot];
	uint64_t submissions = __atomic_load_n(&s->submissions, __ATOMIC_RELAXED);
	uint32_t pins = __atomic_load_n(&s->pin_calls, __ATOMIC_RELAXED);

	if (pins != t->pin_calls) {
		t->pin_calls = pins;
		t->why = "pinned by the program";
		coord_mask_disown(c, t); /* also where its pin is the same as DAM's */
	}
	coord_thread_ring_ops(t);
	if (submissions != t->submissions) {
		place(c, t, s);
		take_counts(c, t, s, dt_s, seen, k);
		t->submissions = submissions;
		c->busy = true;
	}
	take_inflight(t, s);
	t->distant_age_s += dt_s;
	if (t->distant_age_s >= DISTANT_S || __atomic_load_n(&s->state, __ATOMIC_RELAXED) != DAM_SLOT_LIVE)
		take_distant(c, t, s);
}

static void record(struct coord *c, const struct coord_thread *t, const struct taken *k)
{
	char name[48];

	if (!c->record || k->read + k->write < 1)
		return;
	snprintf(name, sizeof(name), "thread:%d/%d", t->pid, t->tid);
	coord_record_add(c->record, dam_now_ns(), name, (uint64_t)k->read, (uint64_t)k->write);
}

/* Processor time over the @dt_s since it was last read. */
static void take_cputime(struct coord_thread *t, double dt_s)
{
	uint64_t now;

	if (coord_proc_cputime(t->pid, t->tid, &now))
		return;
	if (t->cpu_ns && now >= t->cpu_ns)
		t->cpu = fmin(1, (double)(now - t->cpu_ns) / DAM_NS_PER_S / dt_s);
	t->cpu_ns = now;
}

/* What the kernel says of the thread. */
static void recheck(struct coord *c, struct coord_thread *t)
{
	c->rechecks--;
	take_cputime(t, t->mask_age_s);
	t->mask_age_s = 0;
	t->worked = false;
	if (coord_mask_check(c, t))
		coord_thread_classify(c, t);
	if (!t->named) /* programs name their threads a little after they have made them */
		t->named = !coord_proc_comm(t->pid, t->tid, t->comm);
}

void coord_thread_sample(struct coord *c, struct coord_thread *t, const struct coord_lapse *lapse)
{
	double dt_s = lapse->dt_s, gone = lapse->rate;
	struct seen seen;
	struct taken k = {0};

	seen.nr = 0;
	for (unsigned int i = 0; i < t->nr_use; i++)
		t->use[i].recent *= lapse->recent;
	t->inflight_age_s += dt_s;
	if (t->slot != COORD_NO_SLOT)
		sample_hooked(c, t, dt_s, &seen, &k);
	if (t->nr_pending)
		take_observed(c, t, dt_s, &seen, &k);
	if (t->inflight_age_s > INFLIGHT_HOLD_S)
		t->inflight_mean = t->inflight_peak = (double)NAN;
	k.target = primary_target(c, t);
	for (unsigned int i = 0; i < seen.nr; i++)
		if (seen.at[i].target == k.target) {
			k.bytes += seen.at[i].bytes;
			k.written += seen.at[i].written;
			k.ops += seen.at[i].ops;
		}
	record(c, t, &k);
	t->read_bps = coord_rate(t->read_bps, k.read, dt_s, gone);
	t->write_bps = coord_rate(t->write_bps, k.write, dt_s, gone);
	t->mask_age_s += dt_s;
	t->worked |= seen.nr > 0;
	if (t->mask_age_s >= (t->worked ? MASK_RECHECK_S : QUIET_RECHECK_S) && c->rechecks)
		recheck(c, t);
	tell_policy(c, t, &k, dt_s);
}
