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

/* Half-life of the evidence: so many intervals, and as errors within one horizon are one piece of evidence, so many
 * horizons. Longer is slower after a change of phase, shorter is noise: 2.5 times either way changes errors by < 1 %. */
#define MEMORY	       200.0
#define MEMORY_HORIZONS 20.0
/* Begins as a sum that weighs the k-th error by k to this power: the first ones tell of a program that begins, and of
 * members that know next to nothing. 2 loses 2 %, 8 as much. */
#define YOUNG 4
/* Weight of the squared error beside the absolute one's: what a burst costs rests on few intervals. */
#define SQUARES 2
/* The prior is worth this much of one horizon's errors. */
#define PRIOR 0.06
/* |e| in the reweighting is at least this share of its mean: an exact hit is luck, not certainty. 0.3 costs in squared
 * errors what it gains in absolute ones, 1 the other way round. */
#define LEAST_ERROR 0.5
#define STEPS 8 /* per update: in the first horizons the optimum moves fast. 2 lose up to 8 % there, 16 gain nothing */
#define WILD  1e6f /* an error so many times the mix's own says no more by being greater */
#define TINY  1e-200 /* mean squares below this are rounding */

void dam_mix_init(struct dam_mix *mix, const double *prior, unsigned int nr, unsigned int horizon)
{
	double sum = 0;

	memset(mix, 0, sizeof(*mix));
	mix->nr = nr;
	mix->horizon = horizon;
	mix->keep = exp2(-1 / fmax(MEMORY, MEMORY_HORIZONS * horizon));
	for (unsigned int i = 0; i < nr; i++)
		sum += prior[i];
	for (unsigned int i = 0; i < nr; i++) {
		mix->prior[i] = mix->weight[i] = prior[i] / sum;
		/* between one spring for all and springs that yield in proportion to the weight */
		mix->stiff[i] = nr / sqrt(mix->prior[i] * nr);
	}
}

/* An error of the mix; the means begin as those that weigh the k-th by k³. */
static void see(struct dam_mix *mix, double error)
{
	double gain = fmax(1 - mix->keep, fmin(1, YOUNG / (mix->total + 1)));

	mix->square += gain * (error * error - mix->square);
	mix->absolute += gain * (fabs(error) - mix->absolute);
}

/* The weight of an error of the mix among all. */
static double evidence(const struct dam_mix *mix, double error)
{
	if (mix->square < TINY || mix->absolute < TINY)
		return 0;
	return SQUARES / mix->square +
	       1 / (mix->absolute * fmax(fabs(error), LEAST_ERROR * mix->absolute));
}

/* The share of the moments so far that is kept, and the members' errors added. */
static void remember(const struct dam_mix *mix, float (*moment)[DAM_MIX_MAX], float keep, const float *made,
		     double truth, double weight)
{
	_Alignas(16) float e[DAM_MIX_MAX];
	const double scale = sqrt(weight);

	for (unsigned int i = 0; i < DAM_MIX_MAX; i++) {
		float error = (float)((double)(made[i] - (float)truth) * scale);

		e[i] = fminf(fmaxf(error, -WILD), WILD);
	}
	for (unsigned int i = 0; i < mix->nr; i++) {
		const float ei = e[i];
		float *row = moment[i];

		for (unsigned int j = 0; j < DAM_MIX_MAX; j++)
			row[j] = keep * row[j] + ei * e[j];
	}
}

/* Half the derivative by each weight. */
static void slope(const struct dam_mix *mix, double spring, float *out)
{
	_Alignas(16) float sum[DAM_MIX_MAX] = {0};

	for (unsigned int i = 0; i < mix->nr; i++) {
		const float w = (float)mix->weight[i];
		const float *row = mix->now[i];

		for (unsigned int j = 0; j < DAM_MIX_MAX; j++)
			sum[j] += w * row[j];
	}
	for (unsigned int i = 0; i < mix->nr; i++)
		out[i] = sum[i] + (float)(spring * mix->stiff[i] * (mix->weight[i] - mix->prior[i]));
}

/* Move weight from where it hurts most to where it hurts least, as far as that helps. Return: whether it did. */
static int shift(struct dam_mix *mix, double spring, float *g)
{
	unsigned int to = 0, from = DAM_MIX_MAX;
	double curve, step;

	for (unsigned int i = 0; i < mix->nr; i++) {
		if (g[i] < g[to])
			to = i;
		if (mix->weight[i] > 0 && (from == DAM_MIX_MAX || g[i] > g[from]))
			from = i;
	}
	if (from == DAM_MIX_MAX || !(g[from] > g[to]))
		return 0;
	curve = (double)(mix->now[to][to] + mix->now[from][from] - 2 * mix->now[to][from]) +
		spring * (mix->stiff[to] + mix->stiff[from]);
	step = curve > 0 ? fmin((double)(g[from] - g[to]) / curve, mix->weight[from]) : 0;
	mix->weight[to] += step;
	mix->weight[from] -= step;
	for (unsigned int i = 0; i < mix->nr; i++)
		g[i] += (float)step * (mix->now[to][i] - mix->now[from][i]);
	g[to] += (float)(step * spring * mix->stiff[to]);
	g[from] -= (float)(step * spring * mix->stiff[from]);
	return step > 0;
}

void dam_mix_learn(struct dam_mix *mix, const float *made, double mixed, double truth)
{
	double young;

	mix->total++;
	young = (mix->total - 0.5) / (mix->total + 0.5);
	see(mix, mixed - truth);
	remember(mix, mix->moment, (float)fmin(mix->keep, young * young * young * young), made, truth,
		 evidence(mix, mixed - truth));
	memcpy(mix->now, mix->moment, sizeof(mix->now));
}

void dam_mix_hint(struct dam_mix *mix, const float *made, double mixed, double truth, double weight)
{
	remember(mix, mix->now, 1, made, truth, weight * evidence(mix, mixed - truth));
}

void dam_mix_follow(struct dam_mix *mix)
{
	float g[DAM_MIX_MAX], least = INFINITY;
	double spring;

	for (unsigned int i = 0; i < mix->nr; i++)
		least = fminf(least, mix->now[i][i]);
	/* the best member's loss is the scale of the noise; in the long run the prior fades */
	spring = PRIOR * (double)least * mix->horizon / mix->total;
	slope(mix, spring, g);
	for (unsigned int i = 0; i < STEPS && shift(mix, spring, g); i++)
		;
}
