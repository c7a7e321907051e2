/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Judging a move. For each metric D = ln(touched / control), less the same over the windows before the move; it
 * counts once it exceeds the noise that those windows showed. The metrics are then compared as Net DIM compares its
 * measurements, by the same function.
 *
 * Rates of programs change by themselves, and windows next to each other have much in common. So
 *  - the variance is widened by (1 + r)/(1 - r), r being the correlation of neighbours, corrected for what twelve
 *    windows underrate it by;
 *  - a mean over many windows is not believed to be much better than one window: slow changes do not average out;
 *  - a change has to exceed those that the thread went through by itself in the last ten seconds: its phases;
 *  - a change counts only as far as the thread itself changed, too: when the control ends its work, nobody got worse;
 *  - means are those of rates, not of their logarithms: a program that is held up and catches up loses nothing;
 *  - two windows running have to say the same.
 */
#include "config.h"
#include "policy/outcome.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "predict/dam_dim.h"

#define FEWEST_BEFORE 8
#define FEWEST_AFTER  4	   /* looks at less are chance */
#define SKIP_S	      0.15 /* caches are cold, the old queue is not through */
#define LEAST	      0.05
#define SIGMAS	      2.2
#define TELLING	      0.22 /* "same": a change of a fifth would have been seen */
#define ALONE	      2.0 /* without a control the threshold is as much higher */
/* Share of a window's variance that no averaging removes. */
#define FLOOR_CONTROLLED 0.7
#define FLOOR_ALONE	 1.0
#define WIDEST		 0.8 /* correlation of neighbours: nearer to 1 nothing can be told anyway */
/* Rates are handed to the comparison in units of their threshold, so that it becomes DIM's: 11 whole percent. */
#define UNIT	1000000.0
#define AT_DIM	0.11

/* A metric of a window; NaN: it cannot be seen. Latency by Little's law. */
static double value_of(enum dam_outcome_metric m, const struct dam_outcome_window *w)
{
	double v = m == DAM_OUTCOME_BYTES ? w->bytes :
		   m == DAM_OUTCOME_OPS	  ? w->ops :
		   w->ops > 0		  ? w->inflight / w->ops :
					    NAN;

	return v > 0 && isfinite(v) ? v : NAN;
}

static void end_block(struct dam_outcome_blocks *b)
{
	if (b->seen >= DAM_OUTCOME_BLOCK / 2) {
		b->mean[b->next] = b->sum / (float)b->seen;
		b->next = (unsigned char)((b->next + 1) % DAM_OUTCOME_BLOCKS);
		if (b->nr < DAM_OUTCOME_BLOCKS)
			b->nr++;
	}
	b->sum = 0;
	b->seen = 0;
}

static void note_blocks(struct dam_outcome_past *p, const struct dam_outcome_window *w)
{
	bool end = ++p->in_block == DAM_OUTCOME_BLOCK;

	for (enum dam_outcome_metric m = 0; m < DAM_OUTCOME_METRICS; m++) {
		double v = log(value_of(m, w));

		if (!isnan(v)) {
			p->blocks[m].sum += (float)v;
			p->blocks[m].seen++;
		}
		if (end)
			end_block(&p->blocks[m]);
	}
	if (end)
		p->in_block = 0;
}

void dam_outcome_cut(struct dam_outcome_past *p)
{
	memset(p->blocks, 0, sizeof(p->blocks));
	p->in_block = 0;
}

/* How far the means of blocks lie apart. */
static double drift_of(const struct dam_outcome_blocks *b)
{
	float low = INFINITY, high = -INFINITY;

	for (unsigned int i = 0; i < b->nr; i++) {
		low = fminf(low, b->mean[i]);
		high = fmaxf(high, b->mean[i]);
	}
	return b->nr ? (double)(high - low) : 0;
}

void dam_outcome_note(struct dam_outcome_past *p, const struct dam_outcome_window *w)
{
	note_blocks(p, w);
	p->window[p->next].bytes = (float)w->bytes;
	p->window[p->next].ops = (float)w->ops;
	p->window[p->next].inflight = (float)w->inflight;
	p->next = (unsigned char)((p->next + 1) % DAM_OUTCOME_BEFORE);
	if (p->nr < DAM_OUTCOME_BEFORE)
		p->nr++;
}

/* Place of the window @ago windows before the next one; 1: the latest. */
static unsigned int place(const struct dam_outcome_past *p, unsigned int ago)
{
	return (p->next + DAM_OUTCOME_BEFORE - ago) % DAM_OUTCOME_BEFORE;
}

/* A part that has fewer windows did nothing before. */
void dam_outcome_past_add(struct dam_outcome_past *sum, const struct dam_outcome_past *part)
{
	if (part->nr > sum->nr)
		sum->nr = part->nr;
	for (unsigned int ago = 1; ago <= part->nr; ago++) {
		unsigned int to = place(sum, ago), from = place(part, ago);

		sum->window[to].bytes += part->window[from].bytes;
		sum->window[to].ops += part->window[from].ops;
		sum->window[to].inflight += part->window[from].inflight;
	}
}

void dam_outcome_window_add(struct dam_outcome_window *sum, const struct dam_outcome_window *part)
{
	sum->bytes += part->bytes;
	sum->ops += part->ops;
	sum->inflight += part->inflight;
}

static struct dam_outcome_window past_window(const struct dam_outcome_past *p, unsigned int ago)
{
	unsigned int i = place(p, ago);

	return (struct dam_outcome_window){(double)p->window[i].bytes, (double)p->window[i].ops,
					   (double)p->window[i].inflight};
}

/* Standard deviation of one value, widened for the correlation of neighbours. */
static double spread_of(const double *v, unsigned int nr, double mean)
{
	double var = 0, both = 0, r;

	for (unsigned int i = 0; i < nr; i++) {
		var += (v[i] - mean) * (v[i] - mean);
		if (i)
			both += (v[i] - mean) * (v[i - 1] - mean);
	}
	if (var <= 0)
		return 0;
	r = both / var;
	r += (1 + 3 * r) / nr; /* Kendall, Biometrika 41 (1954): the bias of a short series */
	r = fmin(fmax(r, 0), WIDEST);
	return sqrt(var / (nr - 1) * (1 + r) / (1 - r));
}

static void begin_series(struct dam_outcome_series *s, enum dam_outcome_metric m,
			 const struct dam_outcome_past *touched, const struct dam_outcome_past *control)
{
	double v[DAM_OUTCOME_BEFORE], mean = 0;
	unsigned int nr = control && control->nr < touched->nr ? control->nr : touched->nr;

	*s = (struct dam_outcome_series){.drift = drift_of(&touched->blocks[m])};
	for (unsigned int ago = nr; ago > 0; ago--) {
		struct dam_outcome_window w = past_window(touched, ago);
		double t = value_of(m, &w), c = 1;

		if (control) {
			w = past_window(control, ago);
			c = value_of(m, &w);
		}
		if (isnan(t / c))
			continue;
		v[s->nr_before++] = log(t / c);
		mean += log(t / c);
		s->before.touched += t;
		s->before.control += c;
	}
	if (s->nr_before >= FEWEST_BEFORE)
		s->spread = spread_of(v, s->nr_before, mean / s->nr_before);
}

void dam_outcome_begin(struct dam_outcome *o, const struct dam_outcome_past *thread,
		       const struct dam_outcome_past *engines, const struct dam_outcome_past *control)
{
	*o = (struct dam_outcome){.controlled = control != NULL};
	for (enum dam_outcome_metric m = 0; m < DAM_OUTCOME_METRICS; m++) {
		begin_series(&o->thread[m], m, thread, control);
		begin_series(&o->engines[m], m, engines, control);
	}
}

static void add_window(struct dam_outcome_series *s, enum dam_outcome_metric m,
		       const struct dam_outcome_window *touched, const struct dam_outcome_window *control)
{
	double t = value_of(m, touched), c = control ? value_of(m, control) : 1;

	if (isnan(t / c))
		return;
	s->after.touched += t;
	s->after.control += c;
	s->nr++;
}

static bool known(const struct dam_outcome_series *s)
{
	return s->nr_before >= FEWEST_BEFORE && s->nr >= FEWEST_AFTER;
}

static double threshold(const struct dam_outcome *o, const struct dam_outcome_series *s)
{
	double floor = o->controlled ? FLOOR_CONTROLLED : FLOOR_ALONE;
	double se = s->spread * sqrt(fmax(1.0 / s->nr, floor) + 1.0 / s->nr_before);

	return fmax(fmax(LEAST, SIGMAS * se) * (o->controlled ? 1 : ALONE), s->drift);
}

/* D, but no more than the thread itself has changed. */
static double change(const struct dam_outcome *o, const struct dam_outcome_series *s)
{
	double windows = (double)s->nr / s->nr_before;
	double own = log(s->after.touched / s->before.touched / windows);
	double d = own - log(s->after.control / s->before.control / windows);

	if (!o->controlled)
		return own;
	if (d * own <= 0)
		return 0;
	return fabs(d) < fabs(own) ? d : own;
}

/* A change as a rate that DIM's comparison can be given, beside UNIT for no change. */
static uint64_t in_units(const struct dam_outcome *o, const struct dam_outcome_series *s)
{
	return known(s) ? (uint64_t)(UNIT * fmax(0, 1 + AT_DIM * change(o, s) / threshold(o, s)) + 0.5) :
			  (uint64_t)UNIT;
}

/* @metric: the first that differs, as the comparison takes them. */
static enum dam_outcome_verdict compare(const struct dam_outcome *o, const struct dam_outcome_series *s,
					enum dam_outcome_metric *metric)
{
	static const enum dam_outcome_verdict verdict[] = {
		[DAM_DIM_UNJUDGED] = DAM_OUTCOME_SAME, [DAM_DIM_WORSE] = DAM_OUTCOME_WORSE,
		[DAM_DIM_SAME] = DAM_OUTCOME_SAME, [DAM_DIM_BETTER] = DAM_OUTCOME_BETTER};
	const struct dam_dim_stats none = {.bpms = (uint64_t)UNIT, .ppms = (uint64_t)UNIT, .epms = (uint64_t)UNIT};
	const struct dam_dim_stats now = {.bpms = in_units(o, &s[DAM_OUTCOME_BYTES]),
					  .ppms = in_units(o, &s[DAM_OUTCOME_OPS]),
					  .epms = in_units(o, &s[DAM_OUTCOME_LATENCY])};

	for (*metric = 0; *metric < DAM_OUTCOME_LATENCY; ++*metric)
		if (known(&s[*metric]) && fabs(change(o, &s[*metric])) >= threshold(o, &s[*metric]))
			break;
	return verdict[dam_dim_compare(&now, &none)];
}

static void settle(struct dam_outcome *o, enum dam_outcome_verdict v, enum dam_outcome_metric m)
{
	double d = known(&o->thread[m]) ? change(o, &o->thread[m]) : 0;

	o->verdict = v;
	o->metric = m;
	o->effect = expm1(m == DAM_OUTCOME_LATENCY ? -d : d);
}

/* The time is over: could a change have been seen? */
static enum dam_outcome_verdict at_last(const struct dam_outcome *o)
{
	const struct dam_outcome_series *s = &o->thread[DAM_OUTCOME_BYTES];

	return known(s) && threshold(o, s) <= TELLING ? DAM_OUTCOME_SAME : DAM_OUTCOME_UNDECIDED;
}

static enum dam_outcome_verdict look(struct dam_outcome *o)
{
	enum dam_outcome_metric metric, other;
	enum dam_outcome_verdict v = compare(o, o->thread, &metric);

	if (v == DAM_OUTCOME_WORSE && compare(o, o->engines, &other) == DAM_OUTCOME_BETTER)
		v = DAM_OUTCOME_SAME;
	if (v != DAM_OUTCOME_SAME && v == o->leaning)
		settle(o, v, metric);
	o->leaning = v;
	if (o->verdict == DAM_OUTCOME_OPEN && o->time_s >= DAM_OUTCOME_LONGEST_S)
		settle(o, at_last(o), DAM_OUTCOME_BYTES);
	return o->verdict;
}

enum dam_outcome_verdict dam_outcome_add(struct dam_outcome *o, double dt_s,
					 const struct dam_outcome_window *thread,
					 const struct dam_outcome_window *engines,
					 const struct dam_outcome_window *control)
{
	bool skip = o->time_s < SKIP_S;

	if (o->verdict != DAM_OUTCOME_OPEN)
		return o->verdict;
	o->time_s += dt_s;
	o->controlled &= control != NULL;
	for (enum dam_outcome_metric m = 0; !skip && m < DAM_OUTCOME_METRICS; m++) {
		add_window(&o->thread[m], m, thread, o->controlled ? control : NULL);
		add_window(&o->engines[m], m, engines, o->controlled ? control : NULL);
	}
	return look(o);
}

bool dam_outcome_undo(const struct dam_outcome *o)
{
	return o->verdict == DAM_OUTCOME_WORSE && o->effect <= -DAM_OUTCOME_UNDO;
}

const char *dam_outcome_verdict_name(enum dam_outcome_verdict v)
{
	static const char *const name[] = {"open", "worse", "same", "better", "undecided"};

	return name[v];
}

const char *dam_outcome_metric_name(enum dam_outcome_metric m)
{
	static const char *const name[] = {"bytes", "operations", "latency"};

	return name[m];
}
