/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * What the operations of observed rings were worth to which thread.
 *
 * Operations are exact: a ring's head says how many were taken. Bytes are the kernel's count for
 * each thread. Sampled entries split both by target and direction, and say which rings' bytes those
 * were.
 */
#include "config.h"
#include "tools/coord/observe.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"

#define RELINK_NS DAM_NS_PER_S
#define HOLD_NS	  (2 * DAM_NS_PER_S) /* a thread that waits for its processor most of the time is seldom met in its ring */
#define HOLD_FILE_NS \
	(2 * DAM_NS_PER_S)  /* a ring under load may be asked for its files many times in vain */
#define SLACK	       0.02 /* by which two measures of the same bytes may differ */
#define SIGMAS	       6
#define ENOUGH_SAMPLES 32 /* to speak against the kernel's count */
#define BALANCE_TAU_S  10.0
#define UNSAMPLED_S    1.0 /* for which bytes may wait, in all, for the first entry of their direction to be seen */

static void add_work(struct coord_task *t, const struct coord_kind *k, double ops_share)
{
	struct coord_kind *to = NULL;

	for (unsigned int i = 0; i < t->nr_work && !to; i++)
		if (t->work[i].target == k->target && t->work[i].counted == k->counted)
			to = &t->work[i];
	if (!to && t->nr_work < COORD_KINDS) {
		to = &t->work[t->nr_work++];
		*to = (struct coord_kind){.target = k->target, .counted = k->counted};
	}
	for (int dir = 0; to && dir < 2; dir++) {
		to->ops[dir] += k->ops[dir] * ops_share;
		if (isnan(k->bytes[dir]))
			t->unsized |= k->counted;
		else
			to->bytes[dir] += k->bytes[dir] * ops_share;
	}
}

static void add_sizes(struct coord_sizes *to, const struct coord_sizes *s)
{
	to->n += s->n;
	to->sum += s->sum;
	to->square_sum += s->square_sum;
}

static void add_depth(struct coord_task *t, const struct coord_ring *r, double share)
{
	if (!r->nr_depths) {
		t->depth = t->depth_peak = (double)NAN;
		return;
	}
	t->depth += r->depth_sum / r->nr_depths * share;
	t->depth_peak += r->depth_peak * share;
	if (!t->thread)
		return;
	t->thread->looks += r->nr_depths;
	t->thread->idle_looks += r->nr_idle;
	t->thread->wait_s += r->wait_s * share;
	t->thread->wait_square += r->wait_square * share * share;
	t->thread->wait_span_s += r->span_s * share;
	t->thread->reaped += r->reaped * share;
}

/* Bytes are read later than heads: as many operations may be in them, and not yet in the ring's
 * head. */
static double ahead_ops(const struct coord_task *t, const struct coord_ring *r)
{
	return fmax(r->rate, r->mean_rate) * (double)coord_since(t->read_ns, r->looked_ns) /
	       DAM_NS_PER_S;
}

static void give_share(struct coord *c, struct coord_watch *w, struct coord_task *t,
		       struct coord_ring *r, double ops, double share)
{
	static const struct coord_kind unknown = {COORD_OTHER, true, {1, 0}, {(double)NAN, 0}};
	double sampled = r->still;

	for (unsigned int i = 0; i < r->nr_kinds; i++)
		sampled += r->kind[i].ops[0] + r->kind[i].ops[1];
	if (!t->thread && ops > 0 && (r->nr_kinds || sampled <= 0))
		t->thread = coord_thread_observe(c, w->proc, t);
	if (sampled <= 0) /* its entries cannot be read: the kernel's counts have to say it all */
		add_work(t, &unknown, ops * share);
	for (unsigned int i = 0; i < r->nr_kinds; i++)
		add_work(t, &r->kind[i], ops * share / sampled);
	for (int dir = 0; dir < 2; dir++)
		add_sizes(&t->size[dir], &r->size[dir]);
	t->ops_window += ops * share;
	t->ahead += ahead_ops(t, r) * share;
	add_depth(t, r, share);
}

static double mean_of(const struct coord_sizes *s)
{
	return s->n > 0 ? s->sum / s->n : 0;
}

/* Square of the relative error of the mean; few samples say little of their spread. */
static double error_of(const struct coord_sizes *s)
{
	double mean = mean_of(s), variance = s->n > 0 ? s->square_sum / s->n - mean * mean : 0;

	return mean > 0 ? fmax(variance, 0) / (mean * mean) / s->n + 1 / (s->n * s->n) : INFINITY;
}

/* Rings that are gone, and in which nobody was ever seen, are candidates for the same bytes. */
static unsigned int rivals(const struct coord_watch *w, const struct coord_ring *r)
{
	unsigned int nr = 0;

	if (r->owner || coord_ring_last_link(r))
		return 1;
	for (unsigned int i = 0; i < w->nr_rings; i++) {
		const struct coord_ring *other = w->ring[i];

		nr += other->ended && other->state == COORD_RING_OBSERVED && !other->owner &&
		      !coord_ring_last_link(other);
	}
	return nr ? nr : 1;
}

/*
 * A ring that is gone took operations after our last look: as many as the bytes that are not
 * accounted for are worth, besides the @ops that the head told of. While its threads live on, which
 * may do something else by now, not more than twice what it ever did. (A process that ends closes its
 * files before it has ended.)
 */
static double unseen_ops(struct coord_watch *w, struct coord_ring *r, double ops, uint64_t now_ns)
{
	double bytes = 0, n = r->size[0].n + r->size[1].n, ahead = 0, most;
	struct coord_user u[COORD_USERS];
	unsigned int nr;

	if (!r->ended || n <= 0 || !r->looked_ns)
		return 0;
	if (w->unread) /* its parent was faster: nothing tells, but that it went on as before */
		return r->rate * (double)coord_since(now_ns, r->looked_ns) / DAM_NS_PER_S;
	nr = coord_users(w, r, now_ns, u);
	while (nr) {
		struct coord_task *t = u[--nr].task;

		bytes += fmax(t->kernel[0] - t->given[0], 0) + fmax(t->kernel[1] - t->given[1], 0);
		/* bytes of operations that the head did not tell of yet have been given already */
		ahead += t->ahead_given;
	}
	bytes /= rivals(w, r);
	ahead /= rivals(w, r);
	most = 2 * r->peak_rate * (double)coord_since(now_ns, r->looked_ns) / DAM_NS_PER_S +
	       r->shape.entries;
	ops = bytes * n / (r->size[0].sum + r->size[1].sum) + ahead - ops;
	return w->ending || coord_proc_ended(w->pid) ? fmax(ops, 0) : fmin(fmax(ops, 0), most);
}

/* All has come back by the time a process has ended: what was in flight at the last look, and @unseen. */
static void measure_end(struct coord_ring *r, double unseen, uint64_t now_ns)
{
	double inflight = (int32_t)(r->head - r->cq_head);
	double dt = (double)coord_since(now_ns, r->looked_ns) / DAM_NS_PER_S;

	if (!r->steady || inflight < 0)
		return;
	r->nr_depths++;
	r->wait_s += inflight * dt;
	r->span_s += dt;
	r->reaped += inflight + unseen;
}

bool coord_ring_puzzles(const struct coord_watch *w, const struct coord_ring *r, uint64_t now_ns)
{
	bool whose = r->poll_known && w->nr_tasks &&
		     (r->owner || w->nr_tasks < 2 || coord_ring_last_link(r));

	return !whose && !r->ended && coord_since(now_ns, r->found_ns) < HOLD_NS;
}

/* Who uses it, and what for, may show a little later; operations can wait, and nothing is lost. */
static bool too_early(const struct coord_watch *w, const struct coord_ring *r, uint64_t now_ns)
{
	bool what = !r->sampled || !r->nr_kinds || r->known;

	return coord_ring_puzzles(w, r, now_ns) ||
	       (!what && !r->ended && coord_since(now_ns, r->found_ns) < HOLD_FILE_NS);
}

static bool needs_link(const struct coord_watch *w, const struct coord_ring *r, uint64_t now_ns)
{
	return w->nr_tasks > 1 && !r->owner && r->state != COORD_RING_HOOKED &&
	       coord_since(now_ns, coord_ring_last_link(r)) > RELINK_NS;
}

/* Of a ring that may yet turn out to be the hooks', what was decided to be none of theirs. */
static uint32_t settled_up_to(const struct coord_ring *r)
{
	return r->state == COORD_RING_OBSERVED ? r->head : r->state == COORD_RING_NEW ? r->judged : r->settled;
}

static void settle_ring(struct coord *c, struct coord_watch *w, struct coord_ring *r,
			uint64_t now_ns)
{
	double ops = (double)(uint32_t)(settled_up_to(r) - r->settled), unseen;
	struct coord_user u[COORD_USERS];
	unsigned int nr;

	w->want_links |= needs_link(w, r, now_ns);
	if ((r->state != COORD_RING_OBSERVED && ops <= 0) || too_early(w, r, now_ns))
		return;
	unseen = unseen_ops(w, r, ops, now_ns);
	if (w->ending && !w->unread)
		measure_end(r, unseen, now_ns);
	ops += unseen;
	nr = coord_users(w, r, now_ns, u);
	while (nr--)
		give_share(c, w, u[nr].task, r, ops, u[nr].weight);
	r->settled = settled_up_to(r);
	r->advanced = r->sampled = false;
	r->nr_depths = r->nr_idle = 0;
	r->depth_sum = r->depth_peak = r->wait_square = r->wait_s = r->span_s = r->reaped = 0;
}

/*
 * How many of @n operations were reads: bytes of each direction by the mean size there, in
 * proportion, so that what sampling favours in both cancels out. Sampled shares say it where sizes
 * are not known: they favour what takes long.
 */
static double reads_among(const struct coord_task *t, double n, const double sampled[2],
			  const double bytes[2])
{
	double mean[2] = {mean_of(&t->size[0]), mean_of(&t->size[1])}, reads, writes;

	if (bytes[0] > 0 && bytes[1] <= 0)
		return n;
	if (bytes[1] > 0 && bytes[0] <= 0)
		return 0;
	if (t->unsized || mean[0] <= 0 || mean[1] <= 0 || bytes[0] <= 0)
		return n * sampled[0] / (sampled[0] + sampled[1]);
	reads = bytes[0] / mean[0];
	writes = bytes[1] / mean[1];
	return n * reads / (reads + writes);
}

/*
 * What was left over the last time already, when heads have been read anew since, is not of any ring. What hooks counted
 * before the kernel did is still to come: such a debt stays. So do the bytes of which @waits says so.
 */
static void leave_over(struct coord_task *t, int dir, bool waits)
{
	double left = t->kernel[dir] - t->given[dir];

	if (!waits)
		t->kernel[dir] -= fmax(fmin(left, t->left[dir]), 0);
	t->left[dir] = t->kernel[dir] - t->given[dir];
}

/* Of a ring that holds one entry a look sees one: the first looks may not have met one of direction @dir. */
static bool may_be_seen_yet(const struct coord_task *t, int dir)
{
	return !t->unsized && t->size[dir].n <= 0 && t->size[!dir].n <= ENOUGH_SAMPLES && t->unsampled_s <= UNSAMPLED_S;
}

/*
 * Bytes of @n operations: the kernel's count, as far as they account for it. What comes on top is
 * something else that the thread did, and is left out: bytes of a direction that no entry had, or
 * more than @n entries of the sizes seen.
 */
static void bytes_of(struct coord_task *t, double n, double period_s, bool unread, double out[2])
{
	double implied = 0, error = 0, part = 1, left = exp(-period_s / BALANCE_TAU_S);

	for (int dir = 0; dir < 2; dir++) {
		double mean = mean_of(&t->size[dir]);

		out[dir] = fmax(t->kernel[dir] - t->given[dir], 0);
		if (t->unsized)
			continue;
		if (mean <= 0 && t->size[!dir].n > ENOUGH_SAMPLES)
			t->kernel[dir] = t->given[dir];
		if (mean <= 0) {
			out[dir] = 0;
			continue;
		}
		implied += out[dir] / mean;
		error += t->size[dir].n < ENOUGH_SAMPLES ? (double)INFINITY
							 : error_of(&t->size[dir]);
	}
	if (unread && implied < n) { /* its parent was faster: what the entries say has to do */
		for (int dir = 0; dir < 2; dir++)
			out[dir] +=
				(n - implied) * t->size[dir].sum / (t->size[0].n + t->size[1].n);
		implied = n;
	}
	t->ops_sum = t->ops_sum * left + n;
	t->implied_sum = t->implied_sum * left + (t->unsized ? n : implied);
	if (t->implied_sum > (t->ops_sum + 2 * t->ahead) * (1 + SLACK + SIGMAS * sqrt(error))) {
		part = fmax(1 - (t->implied_sum - t->ops_sum) / implied, 0);
		t->implied_sum -= implied * (1 - part);
	}
	for (int dir = 0; dir < 2; dir++) {
		bool waits = may_be_seen_yet(t, dir);

		t->unsampled_s += waits ? period_s : 0;
		out[dir] *= part;
		t->given[dir] += out[dir];
		leave_over(t, dir, waits);
	}
}

/* One target's part of a task's work, made to add up to what is known of the whole. */
static void scale(struct coord_kind *k, const double ops[2], const double estimate[2],
		  const double now_ops[2], const double now_bytes[2])
{
	struct coord_kind was = *k;

	for (int dir = 0; dir < 2; dir++) {
		/* a direction that was not sampled goes where the other one does */
		int like = ops[dir] > 0 ? dir : !dir;
		double part = was.ops[like] / ops[like];

		k->ops[dir] = now_ops[dir] * part;
		k->bytes[dir] = now_bytes[dir] *
				(estimate[dir] > 0 ? was.bytes[dir] / estimate[dir] : part);
	}
}

/* Make the sampled split of a task's work agree with what the kernel counted. */
static void adjust(struct coord_task *t, double period_s, bool unread)
{
	double ops[2] = {0}, estimate[2] = {0}, bytes[2], now[2], n;

	for (unsigned int i = 0; i < t->nr_work; i++)
		for (int dir = 0; t->work[i].counted && dir < 2; dir++) {
			ops[dir] += t->work[i].ops[dir];
			estimate[dir] += t->work[i].bytes[dir];
		}
	n = ops[0] + ops[1];
	if (n <= 0)
		return;
	bytes_of(t, n, period_s, unread, bytes);
	now[0] = reads_among(t, n, ops, bytes);
	now[1] = n - now[0];
	for (unsigned int i = 0; i < t->nr_work; i++)
		if (t->work[i].counted)
			scale(&t->work[i], ops, estimate, now, bytes);
}

/*
 * Operations whose bytes have been given before the head told of them: what the bytes were worth more
 * than the heads. Time alone does not say it: where we were held up between the two, so was perhaps the program.
 */
static double ahead_of_heads(const struct coord_task *t)
{
	return t->unsized ? t->ahead : fmin(t->ahead, fmax(t->implied_sum - t->ops_sum, 0));
}

static void pass_on(struct coord *c, struct coord_task *t, double period_s, bool unread)
{
	if (t->nr_work) {
		adjust(t, period_s, unread);
		t->ahead_given = ahead_of_heads(t);
	}
	if (t->thread) {
		for (unsigned int i = 0; i < t->nr_work; i++)
			coord_thread_pend(t->thread, &t->work[i], period_s);
		if (t->ops_window > 0 || t->depth > 0)
			coord_thread_inflight(t->thread, t->depth, t->depth_peak);
		c->busy |= t->ops_window > 0;
	}
	t->nr_work = 0;
	t->unsized = false;
	t->window[0] = t->window[1] = t->ops_window = t->ahead = t->depth = t->depth_peak = 0;
	memset(t->size, 0, sizeof(t->size));
}

void coord_settle(struct coord *c, struct coord_watch *w, uint64_t now_ns)
{
	double period = (double)coord_since(now_ns, w->settled_ns) / DAM_NS_PER_S;

	w->want_links = false;
	coord_users_note(w, now_ns);
	for (unsigned int i = 0; i < w->nr_rings; i++)
		settle_ring(c, w, w->ring[i], now_ns);
	for (unsigned int i = 0; i < w->nr_tasks; i++)
		pass_on(c, &w->task[i], period, w->unread);
	w->settled_ns = now_ns;
}
