/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * One series: all members side by side, mixed by weights learnt from their errors.
 *
 * Every interval the forecasts made a horizon ago meet the mean of the values since. Until two horizons have ended,
 * weights are learnt from those made half the time ago, which meet what has come since: a shorter horizon tells more
 * than none, and a forecast made at half the age more than one made when next to nothing was known. What has come of
 * horizons that have not ended is heard, too, for what it is worth: when a burst ends, one need not wait a whole
 * horizon to see which members have noticed.
 *
 * Who has nothing to say sleeps: it is taken for the mix of the others, so that it is neither praised nor blamed for
 * what it did not know, and finds its weight as it was when it wakes (Freund, Schapire, Singer and Warmuth, Using and
 * Combining Predictors That Specialize, 1997).
 */
#include "config.h"
#include "predict/predict.h"

#include <math.h>
#include <string.h>

#include "predict/conformal.h"
#include "predict/guard.h"
#include "predict/minmax.h"
#include "predict/mix.h"
#include "predict/past.h"

/* No rate comes near it; its square is finite, and so is it as a float. */
#define LIMIT 1e30
/* Half-life of the losses that trust rests on, in horizons, but never fewer intervals than below: errors within one
 * horizon are one piece of evidence, not many. */
#define LOSS_HORIZONS  5.0
#define LOSS_INTERVALS 50.0
/* Trusted: a mean squared error at least this much below last value's, over this many scored forecasts. */
#define TRUST_RATIO 0.9
#define TRUST_SCORED 30
#define HEARD_NR 3 /* half, a quarter and an eighth of a horizon old; a fourth changes nothing */
#define FRESH 4.0 /* what is known of hints begins as a mean that weighs the k-th by k³, as the mix's own errors */
/* The prior's say, where all the weight is with members that sleep. */
#define WHISPER 1e-9
/* The bound while there are too few errors to learn it from: so many times the highest value so far. */
#define EARLY_BOUND 2.0

/* What was forecast after one interval. */
struct made {
	_Alignas(16) float member[DAM_MIX_MAX];
	float last, mixed; /* mixed: before the guard */
	float mean, p90;   /* what was said */
};

struct dam_predictor {
	unsigned int nr;      /* members that run: the first is last value unless there is only one */
	unsigned int horizon;
	unsigned int pos;     /* slot of made that is overwritten next */
	unsigned int seen;    /* values, saturates at two horizons */
	unsigned int scored;  /* saturates at TRUST_SCORED */
	unsigned int heaviest;
	double keep;	      /* of the losses, per interval */
	double loss, loss_last;
	double mean, p90;     /* the forecast and its bound */
	double highest;	      /* value until the bound could be learnt */
	double apart[HEARD_NR]; /* mean square of what comes first of a horizon, less the whole */
	const struct dam_predict_member *member[DAM_MIX_MAX];
	void *state[DAM_MIX_MAX];
	struct dam_past past;
	struct dam_mix mix;
	struct dam_guard guard;
	struct dam_conformal conformal;
	struct made made[]; /* a ring of horizon slots; behind it the past's values and the members' states */
};

static unsigned int clamp_horizon(unsigned int horizon)
{
	if (horizon < 1)
		return 1;
	return horizon < DAM_PREDICT_HORIZON_MAX ? horizon : DAM_PREDICT_HORIZON_MAX;
}

static size_t aligned(size_t bytes)
{
	return (bytes + 15) & ~(size_t)15;
}

static size_t fixed_size(unsigned int horizon)
{
	return aligned(sizeof(struct dam_predictor) + horizon * sizeof(struct made));
}

/* The members that are mixed. Return: how many. */
static unsigned int mixed_members(const struct dam_predict_member **out)
{
	unsigned int nr, n = 0;
	const struct dam_predict_member *const *m = dam_predict_members(&nr);

	for (unsigned int i = 0; i < nr && n < DAM_MIX_MAX; i++)
		if (m[i]->prior > 0)
			out[n++] = m[i];
	return n;
}

size_t dam_predict_size(unsigned int horizon)
{
	const struct dam_predict_member *m[DAM_MIX_MAX];
	unsigned int nr = mixed_members(m), h = clamp_horizon(horizon);
	size_t size = fixed_size(h) + dam_past_size(h);

	for (unsigned int i = 0; i < nr; i++)
		size += aligned(m[i]->size);
	return size;
}

static struct dam_predictor *start(void *mem, double interval_s, unsigned int horizon,
				   const struct dam_predict_member *const *m, unsigned int nr)
{
	struct dam_predictor *p = mem;
	unsigned int h = clamp_horizon(horizon);
	unsigned char *at = (unsigned char *)mem + fixed_size(h);
	double prior[DAM_MIX_MAX];

	memset(mem, 0, dam_predict_size(h));
	p->nr = nr;
	p->horizon = h;
	p->p90 = INFINITY;
	p->keep = exp2(-1 / dam_max(LOSS_INTERVALS, LOSS_HORIZONS * h));
	dam_past_init(&p->past, h, at);
	at += dam_past_size(h);
	for (unsigned int i = 0; i < nr; i++) {
		p->member[i] = m[i];
		p->state[i] = at;
		at += aligned(m[i]->size);
		if (m[i]->init)
			m[i]->init(p->state[i], interval_s, h);
		prior[i] = nr > 1 ? m[i]->prior * dam_min(1, m[i]->memory / h) : 1;
	}
	dam_mix_init(&p->mix, prior, nr, h);
	dam_guard_init(&p->guard, h);
	dam_conformal_init(&p->conformal, h);
	return p;
}

struct dam_predictor *dam_predict_init(void *mem, double interval_s, unsigned int horizon)
{
	const struct dam_predict_member *m[DAM_MIX_MAX];
	unsigned int nr = mixed_members(m);

	return start(mem, interval_s, horizon, m, nr);
}

struct dam_predictor *dam_predict_init_member(void *mem, double interval_s, unsigned int horizon,
					      const struct dam_predict_member *member)
{
	return start(mem, interval_s, horizon, &member, 1);
}

static void score(struct dam_predictor *p, const struct made *m, double truth)
{
	double error = (double)m->mean - truth, error_last = (double)m->last - truth;

	dam_guard_learn(&p->guard, (double)m->last, (double)m->mixed, truth);
	dam_conformal_add(&p->conformal, (float)truth - m->mean, (float)truth - m->p90);
	p->loss = p->keep * p->loss + error * error;
	p->loss_last = p->keep * p->loss_last + error_last * error_last;
	if (p->scored < TRUST_SCORED)
		p->scored++;
}

/*
 * What a hint is worth: the mean over a share of the horizon has an error so many times greater for chance alone, and
 * is less of what was asked: hence the square. And where a horizon does not go on as it begins, as with a period, what
 * begins says little: a squared error weighs as the inverse of its variance, which is the mean @square's own square, and
 * that of how far the part has been @apart from the whole. Half of the latter, as chance is a part of it: with all of
 * it disks are forecast 1.5 % worse over 500 ms, with none made-up periods 5 % over 1 s.
 */
static double worth(double share, double square, double apart)
{
	const double doubt = square > 0 ? apart / square : 0;

	return share * share / (1 + doubt * doubt / 2);
}

/* What has come of a horizon that has not ended: as many forecasts wait as it has intervals. */
static void hear(struct dam_predictor *p)
{
	const unsigned int h = p->horizon;
	const double ended = p->mix.total - h + 1, gain = dam_max(1 - p->mix.keep, FRESH / (ended + FRESH - 1));
	const double whole = dam_past_mean(&p->past, 0, h);
	unsigned int age = h / 2;

	for (unsigned int i = 0; i < HEARD_NR && age > 0; i++, age /= 2) {
		const struct made *m = &p->made[p->pos >= age ? p->pos - age : p->pos + h - age];
		const double off = dam_past_mean(&p->past, h - age, age) - whole;

		p->apart[i] += gain * (off * off - p->apart[i]);
		dam_mix_hint(&p->mix, m->member, (double)m->mean, dam_past_mean(&p->past, 0, age),
			     h * worth((double)age / h, p->mix.square, p->apart[i]));
	}
}

/* Forecasts meet what has come since they were made. */
static void learn(struct dam_predictor *p)
{
	const bool young = p->seen < 2 * p->horizon;
	const unsigned int half = p->seen / 2, since = young ? p->seen - half : p->horizon;
	const struct made *m = &p->made[young ? half : p->pos];

	if (since && p->nr > 1) {
		dam_mix_learn(&p->mix, m->member, (double)m->mean, dam_past_mean(&p->past, 0, since));
		if (p->seen >= p->horizon)
			hear(p);
		dam_mix_follow(&p->mix);
	}
	if (p->seen >= p->horizon)
		score(p, &p->made[p->pos], (double)(float)dam_past_mean(&p->past, 0, p->horizon));
}

/* All members' forecasts, and what the weights make of them: relative to the first, so that none adds rounding. */
static double mix_members(struct dam_predictor *p, struct made *out)
{
	double first = 0, mixed = 0, sum = 0, most = 0;
	bool asleep[DAM_MIX_MAX];

	for (unsigned int i = 0; i < p->nr; i++) {
		const struct dam_predict_member *m = p->member[i];
		const double f = m->update(p->state[i], &p->past);
		const double weight = p->mix.weight[i] + WHISPER * p->mix.prior[i];

		if (i == 0)
			first = f;
		asleep[i] = p->nr > 1 && m->awake && !m->awake(p->state[i]);
		if (asleep[i])
			continue;
		out->member[i] = (float)f;
		mixed += weight * (f - first);
		sum += weight;
		if (weight > most) {
			most = weight;
			p->heaviest = i;
		}
	}
	mixed = dam_max(first + mixed / sum, 0);
	for (unsigned int i = 0; i < p->nr; i++)
		if (asleep[i])
			out->member[i] = (float)mixed;
	return mixed;
}

static void forecast(struct dam_predictor *p, double y, struct made *out)
{
	const double mixed = mix_members(p, out);

	p->mean = p->nr > 1 ? dam_guard_apply(&p->guard, y, mixed) : mixed;
	out->last = (float)y;
	out->mixed = (float)mixed;
	out->mean = (float)p->mean;
	p->p90 = p->mean + dam_conformal_margin(&p->conformal);
	if (isinf(p->p90)) {
		p->highest = dam_max(p->highest, y);
		p->p90 = dam_max(p->mean, EARLY_BOUND * p->highest);
	}
	out->p90 = (float)p->p90;
}

void dam_predict_update(struct dam_predictor *p, double y)
{
	if (!isfinite(y) || y < 0)
		return;
	y = dam_min(y, LIMIT);
	dam_past_push(&p->past, y);
	dam_guard_see(&p->guard, y);
	learn(p);
	forecast(p, y, &p->made[p->pos]);
	p->pos = p->pos + 1 < p->horizon ? p->pos + 1 : 0;
	p->seen += p->seen < 2 * p->horizon;
}

void dam_predict_get(const struct dam_predictor *p, struct dam_forecast *out)
{
	out->mean = p->mean;
	out->p90 = p->p90;
	out->member = p->member[p->heaviest]->name;
	out->trusted = p->scored == TRUST_SCORED && p->loss < TRUST_RATIO * p->loss_last;
}
