/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Numbers in ascending order: a binary search and one move per change. */
#ifndef DAM_PREDICT_SORTED_H
#define DAM_PREDICT_SORTED_H

#include <string.h>

/* Index of the first of the @nr ascending numbers that is >= @v. */
static inline unsigned int dam_sorted_find(const float *sorted, unsigned int nr, float v)
{
	unsigned int lo = 0;

	while (nr > 1) {
		unsigned int half = nr / 2;

		lo += half * (sorted[lo + half - 1] < v); /* a product, lest it be a branch to mispredict */
		nr -= half;
	}
	return lo + (nr && sorted[lo] < v);
}

/** dam_sorted_insert() - @sorted has room for one more than @nr. */
static inline void dam_sorted_insert(float *sorted, unsigned int nr, float v)
{
	unsigned int i = dam_sorted_find(sorted, nr, v);

	memmove(&sorted[i + 1], &sorted[i], (nr - i) * sizeof(*sorted));
	sorted[i] = v;
}

/** dam_sorted_replace() - @v takes the place of @old, which is there. */
static inline void dam_sorted_replace(float *sorted, unsigned int nr, float old, float v)
{
	unsigned int from = dam_sorted_find(sorted, nr, old), to = dam_sorted_find(sorted, nr, v);

	if (to > from) {
		to--; /* the old one has left */
		memmove(&sorted[from], &sorted[from + 1], (to - from) * sizeof(*sorted));
	} else {
		memmove(&sorted[to + 1], &sorted[to], (from - to) * sizeof(*sorted));
	}
	sorted[to] = v;
}

#endif
