/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Online stacking over the simplex: weights w >= 0, Σw = 1, that minimise w'Cw + ρ Σ s_i (w_i - prior_i)², where C
 * holds the decayed second moments of the members' errors. Picking the best member ties with it at most; errors
 * that differ cancel (Breiman, Stacked Regressions, 1996: non-negative weights are what makes it generalise).
 *
 * Each error is weighted so that the squared and the absolute error of the mix fall in proportion: the gradient of
 * ln(mean e²)/2 + ln(mean |e|), whose second term is a square reweighted by 1/|e| (IRLS). Squares alone forecast the
 * mean, with which sparse series are forecast badly on all but a few intervals; absolute errors alone forecast
 * nothing until it has come.
 *
 * The weights follow by a few pairwise steps per update, each exact in its direction.
 */
#include "config.h"
#include "predict/mix.h"

#include <math.h>
#include <string.h>

#include "predict/minmax.h"

/* Half-life of the evidence: so many intervals, and as errors within one horizon are one piece of evidence, so many
 * horizons. Longer is slower after a change of phase, shorter is noise: 2.5 times either way changes errors by < 1 %. */
#define MEMORY	       200.0
#define MEMORY_HORIZONS 20.0
/* Begins as a sum that weighs the k-th error by k to this power: the first ones tell of a program that begins, and of
 * members that know next to nothing. 2 loses 2 %, 8 as much. */
#define YOUNG 4
/* Weight of the squared error beside the absolute one's: what a burst costs rests on few intervals. */
#define SQUARES 2
/* The prior is worth this much of one horizon's errors. Its worth falls with the root of their number, as does the
 * chance in moments: in proportion recordings are forecast 1.5 % worse, made-up series 0.5 % better. */
#define PRIOR 0.06
/* |e| in the reweighting is at least this share of its mean: an exact hit is luck, not certainty. 0.3 costs in squared
 * errors what it gains in absolute ones, 1 the other way round. */
#define LEAST_ERROR 0.5
#define STEPS 8 /* per update: in the first horizons the optimum moves fast. 2 lose up to 8 % there, 16 gain nothing */
/* Members whose slopes differ by less than this share of the best one's loss are left as they are: saves most of the
 * steps. With 0.003 first halves of recordings are forecast up to 1 % worse, with 0.01 9 %. */
#define ENOUGH 0.001f
#define WILD  1e6f /* an error so many times the mix's own says no more by being greater */
#define TINY  1e-200 /* mean squares below this are rounding */

void dam_mix_init(struct dam_mix *mix, const double *prior, unsigned int nr, unsigned int horizon)
{
	double sum = 0;

	memset(mix, 0, sizeof(*mix));
	mix->nr = nr;
	mix->horizon = horizon;
	mix->keep = exp2(-1 / dam_max(MEMORY, MEMORY_HORIZONS * horizon));
	for (unsigned int i = 0; i < nr; i++)
		sum += prior[i];
	for (unsigned int i = 0; i < nr; i++) {
		mix->prior[i] = mix->weight[i] = prior[i] / sum;
		/* between one spring for all and springs that yield in proportion to the weight */
		mix->stiff[i] = (float)(nr / sqrt(mix->prior[i] * nr));
	}
}

/* An error of the mix; the means begin as those that weigh the k-th by k³. */
static void see(struct dam_mix *mix, double error)
{
	double gain = dam_max(1 - mix->keep, dam_min(1, YOUNG / (mix->total + 1)));

	mix->square += gain * (error * error - mix->square);
	mix->absolute += gain * (fabs(error) - mix->absolute);
}

/* The weight of an error of the mix among all. */
static double evidence(const struct dam_mix *mix, double error)
{
	if (mix->square < TINY || mix->absolute < TINY)
		return 0;
	return SQUARES / mix->square +
	       1 / (mix->absolute * dam_max(fabs(error), LEAST_ERROR * mix->absolute));
}

/* The share of the moments so far that is kept, and the members' errors added. */
static void remember(const struct dam_mix *mix, float (*moment)[DAM_MIX_MAX], float keep, const float *made,
		     double truth, double weight)
{
	_Alignas(16) float e[DAM_MIX_MAX];
	const double scale = sqrt(weight);

	for (unsigned int i = 0; i < DAM_MIX_MAX; i++) {
		float error = (float)((double)(made[i] - (float)truth) * scale);

		e[i] = dam_minf(dam_maxf(error, -WILD), WILD);
	}
	for (unsigned int i = 0; i < mix->nr; i++) {
		const float ei = e[i];
		float *row = moment[i];

		for (unsigned int j = 0; j < DAM_MIX_MAX; j++)
			row[j] = keep * row[j] + ei * e[j];
	}
}

/* Half the derivative by each weight. */
static void slope(const struct dam_mix *mix, const float (*moment)[DAM_MIX_MAX], float spring, float *out)
{
	for (unsigned int i = 0; i < DAM_MIX_MAX; i++)
		out[i] = spring * mix->stiff[i] * (float)(mix->weight[i] - mix->prior[i]);
	for (unsigned int i = 0; i < mix->nr; i++) {
		const float w = (float)mix->weight[i];
		const float *row = moment[i];

		for (unsigned int j = 0; j < DAM_MIX_MAX; j++)
			out[j] += w * row[j];
	}
}

/*
 * Move weight from where it hurts most to where it hurts least, as far as that helps. Return: 0 where the two differ by
 * no more than @enough. Which two these are changes all the time: no branches, lest each be mispredicted.
 */
static int shift(struct dam_mix *mix, const float (*moment)[DAM_MIX_MAX], float spring, float enough, float *g)
{
	float least = INFINITY, most = -INFINITY, curve, step;
	double shifted;
	unsigned int to = 0, from = 0;

	for (unsigned int i = 0; i < mix->nr; i++) {
		const float held = mix->weight[i] > 0 ? g[i] : -INFINITY;

		to = g[i] < least ? i : to;
		least = g[i] < least ? g[i] : least;
		from = held > most ? i : from;
		most = held > most ? held : most;
	}
	curve = moment[to][to] + moment[from][from] - 2 * moment[to][from] +
		spring * (mix->stiff[to] + mix->stiff[from]);
	if (!(most - least > enough) || !(curve > 0))
		return 0;
	shifted = dam_min((double)((most - least) / curve), mix->weight[from]);
	mix->weight[to] += shifted;
	mix->weight[from] -= shifted;
	step = (float)shifted;
	for (unsigned int i = 0; i < DAM_MIX_MAX; i++)
		g[i] += step * (moment[to][i] - moment[from][i]);
	g[to] += step * spring * mix->stiff[to];
	g[from] -= step * spring * mix->stiff[from];
	return 1;
}

void dam_mix_learn(struct dam_mix *mix, const float *made, double mixed, double truth)
{
	double young;

	mix->total++;
	young = (mix->total - 0.5) / (mix->total + 0.5);
	see(mix, mixed - truth);
	remember(mix, mix->moment, (float)dam_min(mix->keep, young * young * young * young), made, truth,
		 evidence(mix, mixed - truth));
	mix->hinted = false;
}

void dam_mix_hint(struct dam_mix *mix, const float *made, double mixed, double truth, double weight)
{
	if (!mix->hinted)
		memcpy(mix->now, mix->moment, sizeof(mix->now));
	mix->hinted = true;
	remember(mix, mix->now, 1, made, truth, weight * evidence(mix, mixed - truth));
}

void dam_mix_follow(struct dam_mix *mix)
{
	const float (*moment)[DAM_MIX_MAX] = mix->hinted ? mix->now : mix->moment;
	_Alignas(16) float g[DAM_MIX_MAX];
	float least = INFINITY, spring;

	for (unsigned int i = 0; i < mix->nr; i++)
		least = dam_minf(moment[i][i], least);
	/* the best member's loss is the scale of the noise; in the long run the prior fades */
	spring = (float)(PRIOR * (double)least * sqrt(mix->horizon / mix->total));
	slope(mix, moment, spring, g);
	for (unsigned int i = 0; i < STEPS && shift(mix, moment, spring, ENOUGH * least, g); i++)
		;
}
