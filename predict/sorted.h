/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Numbers in ascending order: a search and one move per change. */
#ifndef DAM_PREDICT_SORTED_H
#define DAM_PREDICT_SORTED_H

#include <string.h>

/*
 * Index of the first of the @nr ascending numbers that is >= @v: which block of sixteen, and which in it. All are
 * compared at once, without a branch; a binary search would wait for each comparison before it knows the next.
 */
static inline unsigned int dam_sorted_find(const float *sorted, unsigned int nr, float v)
{
	unsigned int blocks = 0, first, n;

	for (unsigned int i = 15; i < nr; i += 16)
		blocks += sorted[i] < v;
	first = n = 16 * blocks;
	for (unsigned int i = first; i < nr && i < first + 16; i++)
		n += sorted[i] < v;
	return n;
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
