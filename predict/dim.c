/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Net DIM and RDMA DIM: the machine, the comparison and the default profiles. Pure; the thread is
 * in dim/worker.c.
 *
 * Written from a description of what Linux does, and from recordings of it, not from its source.
 */
#include "config.h"
#include "predict/dam_dim.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define MAX_STEPS 10 /* of a search before it parks tired */
#define RDMA_FEW  50 /* cpe_ratio per profile; with no more there is too little to hold back */

#define PRESET(title, how, ...)                                                                    \
	{                                                                                          \
		.name = (title), .algorithm = (how),                                               \
		.nr_profiles = sizeof((struct dam_dim_profile[]){__VA_ARGS__}) /                   \
			       sizeof(struct dam_dim_profile),                                     \
		.profile = (const struct dam_dim_profile[]){__VA_ARGS__},                          \
	}

static const struct dam_dim_preset presets[] = {
	PRESET("rx-eqe", DAM_DIM_NET, {1, 256}, {8, 256}, {64, 256}, {128, 256}, {256, 256}),
	PRESET("rx-cqe", DAM_DIM_NET, {2, 256}, {8, 128}, {16, 64}, {32, 64}, {64, 64}),
	PRESET("tx-eqe", DAM_DIM_NET, {1, 128}, {8, 128}, {32, 128}, {64, 128}, {128, 128}),
	PRESET("tx-cqe", DAM_DIM_NET, {5, 128}, {8, 64}, {16, 32}, {32, 32}, {64, 32}),
	PRESET("rdma", DAM_DIM_RDMA, {1, 1}, {1, 4}, {2, 4}, {2, 8}, {4, 8}, {16, 8}, {16, 16},
	       {32, 16}, {32, 32}),
};

const struct dam_dim_preset *dam_dim_preset(unsigned int i)
{
	return i < sizeof(presets) / sizeof(presets[0]) ? &presets[i] : NULL;
}

const struct dam_dim_preset *dam_dim_preset_find(const char *name)
{
	const struct dam_dim_preset *p;

	for (unsigned int i = 0; (p = dam_dim_preset(i)); i++)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

/* 100 · |val − ref| / ref > 10 in whole numbers, false for ref = 0; no value overflows it. */
static bool differs(uint64_t val, uint64_t ref)
{
	const uint64_t gap = val > ref ? val - ref : ref - val;

	return ref && gap >= ref / 100 * 11 + (ref % 100 * 11 + 99) / 100;
}

static enum dam_dim_verdict verdict_if(bool better)
{
	return better ? DAM_DIM_BETTER : DAM_DIM_WORSE;
}

enum dam_dim_verdict dam_dim_compare(const struct dam_dim_stats *curr,
				     const struct dam_dim_stats *prev)
{
	if (!prev->bpms)
		return curr->bpms ? DAM_DIM_BETTER : DAM_DIM_SAME;
	if (differs(curr->bpms, prev->bpms))
		return verdict_if(curr->bpms > prev->bpms);
	if (!prev->ppms)
		return curr->ppms ? DAM_DIM_BETTER : DAM_DIM_SAME;
	if (differs(curr->ppms, prev->ppms))
		return verdict_if(curr->ppms > prev->ppms);
	if (differs(curr->epms, prev->epms))
		return verdict_if(curr->epms < prev->epms);
	return DAM_DIM_SAME;
}

static enum dam_dim_verdict compare_rdma(const struct dam_dim_stats *curr,
					 const struct dam_dim_stats *prev)
{
	if (differs(curr->cpms, prev->cpms))
		return verdict_if(curr->cpms > prev->cpms);
	if (differs(curr->cpe_ratio, prev->cpe_ratio))
		return verdict_if(curr->cpe_ratio > prev->cpe_ratio);
	return DAM_DIM_SAME;
}

/* One profile further. Return: false: there is none, and nothing has changed. */
static bool move(struct dam_dim *dim)
{
	const bool right = dim->tune == DAM_DIM_GOING_RIGHT;

	if (dim->profile_ix == (right ? dim->nr_profiles - 1 : 0))
		return false;
	if (right) {
		dim->profile_ix++;
		dim->steps_right++;
	} else {
		dim->profile_ix--;
		dim->steps_left++;
	}
	return true;
}

static void turn(struct dam_dim *dim)
{
	if (dim->tune == DAM_DIM_GOING_RIGHT) {
		dim->tune = DAM_DIM_GOING_LEFT;
		dim->steps_left = 0;
	} else {
		dim->tune = DAM_DIM_GOING_RIGHT;
		dim->steps_right = 0;
	}
}

/* Has the search gone past the best profile, turned, and come back to it? */
static bool on_top(const struct dam_dim *dim)
{
	if (dim->tune == DAM_DIM_GOING_RIGHT)
		return dim->steps_left > 1 && dim->steps_right == 1;
	return dim->steps_right > 1 && dim->steps_left == 1;
}

static void park_on_top(struct dam_dim *dim)
{
	dim->tune = DAM_DIM_PARKING_ON_TOP;
	dim->steps_left = dim->steps_right = dim->tired = 0;
}

static void park_tired(struct dam_dim *dim)
{
	dim->tune = DAM_DIM_PARKING_TIRED;
	dim->steps_left = dim->steps_right = 0;
}

static void exit_parking(struct dam_dim *dim)
{
	dim->tune = dim->profile_ix ? DAM_DIM_GOING_LEFT : DAM_DIM_GOING_RIGHT;
	if (move(dim))
		dim->tired++; /* it was 0: rested */
}

static void search(struct dam_dim *dim)
{
	if (dim->verdict != DAM_DIM_BETTER)
		turn(dim);
	if (on_top(dim))
		park_on_top(dim);
	else if (dim->tired == MAX_STEPS)
		park_tired(dim);
	else if (move(dim))
		dim->tired++;
	else
		park_on_top(dim);
}

static void decide_net(struct dam_dim *dim)
{
	const bool rested = dim->tune == DAM_DIM_PARKING_ON_TOP;

	if (dim->tune == DAM_DIM_PARKING_TIRED) {
		if (--dim->tired == 0)
			exit_parking(dim);
	} else {
		dim->verdict = dam_dim_compare(&dim->stats, &dim->prev);
		if (!rested)
			search(dim);
		else if (dim->verdict != DAM_DIM_SAME)
			exit_parking(dim);
	}
	/* At rest the rates are compared with those found on arrival: a slow drift is noticed. */
	if (!rested || dim->tune != DAM_DIM_PARKING_ON_TOP)
		dim->prev = dim->stats;
}

static void decide_rdma(struct dam_dim *dim)
{
	dim->verdict = compare_rdma(&dim->stats, &dim->prev);
	if (dim->verdict == DAM_DIM_SAME) {
		if (dim->stats.cpe_ratio <= (uint64_t)RDMA_FEW * dim->profile_ix)
			dim->profile_ix = 0;
	} else {
		if (dim->verdict == DAM_DIM_WORSE)
			turn(dim);
		if (!move(dim))
			turn(dim);
	}
	dim->prev = dim->stats;
}

static const struct {
	uint32_t tune; /* at the start */
	void (*decide)(struct dam_dim *dim); /* from stats and prev: verdict, tune, profile_ix */
	bool comps_baseline; /* else completions count from 0: Net DIM keeps no baseline of them */
} algorithms[] = {
	[DAM_DIM_NET] = {DAM_DIM_PARKING_ON_TOP, decide_net, false},
	[DAM_DIM_RDMA] = {DAM_DIM_GOING_RIGHT, decide_rdma, true},
};

int dam_dim_init(struct dam_dim *dim, const struct dam_dim_preset *preset, unsigned int start_ix)
{
	if ((unsigned int)preset->algorithm >= sizeof(algorithms) / sizeof(algorithms[0]) ||
	    start_ix >= preset->nr_profiles || !preset->profile)
		return -EINVAL;
	*dim = (struct dam_dim){
		.state = DAM_DIM_START_MEASURE,
		.tune = algorithms[preset->algorithm].tune,
		.profile_ix = start_ix,
		.nr_profiles = preset->nr_profiles,
		.algorithm = preset->algorithm,
		.profile = preset->profile,
	};
	return 0;
}

struct dam_dim_profile dam_dim_current(const struct dam_dim *dim)
{
	return dim->profile[dim->profile_ix];
}

/* ceil(count · 1000 / us), bounded at both ends: what is computed from rates never overflows. */
static uint64_t per_ms(uint64_t count, uint64_t us)
{
	uint64_t n = (count < DAM_DIM_RATE_MAX ? count : DAM_DIM_RATE_MAX) * 1000, rate = n / us;

	rate += n % us != 0;
	return rate < DAM_DIM_RATE_MAX ? rate : DAM_DIM_RATE_MAX;
}

static void measure(struct dam_dim *dim, const struct dam_dim_sample *s, uint64_t us)
{
	const struct dam_dim_sample *b = &dim->baseline;

	dim->stats = (struct dam_dim_stats){
		.bpms = per_ms(s->bytes - b->bytes, us),
		.ppms = per_ms(s->packets - b->packets, us),
		.epms = per_ms(DAM_DIM_EVENTS, us),
		.cpms = per_ms(s->comps - b->comps, us),
	};
	dim->stats.cpe_ratio = dim->stats.cpms * 100 / dim->stats.epms;
	dim->verdict = DAM_DIM_UNJUDGED;
}

static void start(struct dam_dim *dim, const struct dam_dim_sample *s)
{
	dim->baseline = *s;
	if (!algorithms[dim->algorithm].comps_baseline)
		dim->baseline.comps = 0;
	__atomic_store_n(&dim->state, DAM_DIM_MEASURE_IN_PROGRESS, __ATOMIC_RELAXED);
}

/* Acquire and release: in dam_dim_rearm() the machine comes back from the worker's thread. */
enum dam_dim_decision dam_dim_update(struct dam_dim *dim, const struct dam_dim_sample *sample)
{
	const uint32_t state = __atomic_load_n(&dim->state, __ATOMIC_ACQUIRE);
	const uint64_t us = sample->time_us - dim->baseline.time_us;
	const uint32_t before = dim->profile_ix;

	if (state == DAM_DIM_START_MEASURE)
		start(dim, sample);
	if (state != DAM_DIM_MEASURE_IN_PROGRESS || us == 0 ||
	    sample->events - dim->baseline.events < DAM_DIM_EVENTS)
		return DAM_DIM_NOTHING;
	measure(dim, sample, us);
	algorithms[dim->algorithm].decide(dim);
	if (dim->profile_ix == before) {
		start(dim, sample);
		return DAM_DIM_KEPT;
	}
	__atomic_store_n(&dim->state, DAM_DIM_APPLY_NEW_PROFILE, __ATOMIC_RELAXED);
	if (dim->schedule)
		dim->schedule(dim);
	return DAM_DIM_CHANGED;
}

void dam_dim_rearm(struct dam_dim *dim)
{
	uint32_t waiting = DAM_DIM_APPLY_NEW_PROFILE;

	__atomic_compare_exchange_n(&dim->state, &waiting, DAM_DIM_START_MEASURE, false,
				    __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}
