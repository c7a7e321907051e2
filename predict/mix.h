/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Weights of the members: the convex combination that would have erred least, learnt online. */
#ifndef DAM_PREDICT_MIX_H
#define DAM_PREDICT_MIX_H

#include <stdbool.h>

#define DAM_MIX_MAX 8 /* members mixed at most; a multiple of 4 lets compilers use vectors */

struct dam_mix {
	unsigned int nr, horizon;
	double keep;  /* of the evidence, per interval */
	double total; /* errors seen, ever */
	double square, absolute; /* mean errors of the mix */
	double weight[DAM_MIX_MAX], prior[DAM_MIX_MAX]; /* each sums to 1 */
	float stiff[DAM_MIX_MAX]; /* how hard the prior holds each weight */
	_Alignas(16) float moment[DAM_MIX_MAX][DAM_MIX_MAX]; /* decayed second moments of the errors */
	_Alignas(16) float now[DAM_MIX_MAX][DAM_MIX_MAX];    /* the same with the hints since, if there were any */
	bool hinted; /* since dam_mix_learn() */
};

/** dam_mix_init() - @prior: @nr weights, > 0, of any sum */
void dam_mix_init(struct dam_mix *mix, const double *prior, unsigned int nr, unsigned int horizon);

/**
 * dam_mix_learn() - forecasts have met their truth
 * @made: DAM_MIX_MAX forecasts, 0 behind the last; finite, as @mixed, what the predictor made of them, and @truth
 */
void dam_mix_learn(struct dam_mix *mix, const float *made, double mixed, double truth);

/**
 * dam_mix_hint() - forecasts have met a part of their truth: counts until dam_mix_learn() is called again
 * @truth: what has come so far
 * @weight: 1 counts as much as the latest forecasts that have met all of it
 */
void dam_mix_hint(struct dam_mix *mix, const float *made, double mixed, double truth, double weight);

/** dam_mix_follow() - move the weights to where learning and hints want them; after dam_mix_learn(). */
void dam_mix_follow(struct dam_mix *mix);

#endif
