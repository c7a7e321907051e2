/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Fuzzes the machines of DIM: whatever the counters do, the machine stays in order. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "predict/dam_dim.h"
#include "tests/fuzz_main.h"

struct input {
	const uint8_t *at;
	size_t left;
};

/* The next @n bytes as a number; 0 beyond the end. */
static uint64_t take(struct input *in, size_t n)
{
	uint64_t v = 0;

	if (n > in->left)
		n = in->left;
	memcpy(&v, in->at, n);
	in->at += n;
	in->left -= n;
	return v;
}

static void check(const struct dam_dim *dim, uint32_t before, enum dam_dim_decision d)
{
	const uint64_t most = DAM_DIM_RATE_MAX;

	if (dim->profile_ix >= dim->nr_profiles || dim->tired > 10 ||
	    dim->tune > DAM_DIM_GOING_LEFT || dim->verdict > DAM_DIM_BETTER ||
	    dim->state > DAM_DIM_APPLY_NEW_PROFILE ||
	    (d == DAM_DIM_CHANGED) != (dim->profile_ix != before) ||
	    (d == DAM_DIM_CHANGED && dim->state != DAM_DIM_APPLY_NEW_PROFILE) ||
	    dim->stats.bpms > most || dim->stats.ppms > most || dim->stats.cpms > most)
		abort();
}

/* Twice the bytes are always better, half of them worse, and nothing differs from itself. */
static void check_compare(struct input *in)
{
	struct dam_dim_stats a = {0}, b = {0};

	a.bpms = take(in, 8), a.ppms = take(in, 8), a.epms = take(in, 8);
	b.bpms = take(in, 8), b.ppms = take(in, 8), b.epms = take(in, 8);
	if (b.bpms && a.bpms / 2 >= b.bpms &&
	    (dam_dim_compare(&a, &b) != DAM_DIM_BETTER || dam_dim_compare(&b, &a) != DAM_DIM_WORSE))
		abort();
	if (a.bpms && a.ppms && dam_dim_compare(&a, &a) != DAM_DIM_SAME)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	const struct dam_dim_preset *preset = dam_dim_preset((unsigned int)take(&in, 1) % 5);
	struct dam_dim_sample s = {0};
	struct dam_dim dim;

	if (dam_dim_init(&dim, preset, (unsigned int)take(&in, 1)))
		return 0;
	while (in.left) {
		/* How wide the increments are, whether to apply the profile, whether to compare. */
		const uint64_t how = take(&in, 1), width = 1 + how % 8;
		const uint32_t before = dim.profile_ix;

		s.time_us += take(&in, width);
		s.events += take(&in, width);
		s.packets += take(&in, width);
		s.bytes += take(&in, width);
		s.comps += take(&in, width);
		check(&dim, before, dam_dim_update(&dim, &s));
		if (how & 8)
			dam_dim_rearm(&dim);
		if (how & 16)
			check_compare(&in);
	}
	return 0;
}

#ifndef DAM_LIBFUZZER
int main(void)
{
	return dam_fuzz_corpus("dim");
}
#endif
