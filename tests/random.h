/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Numbers that are the same in every run. */
#ifndef DAM_TESTS_RANDOM_H
#define DAM_TESTS_RANDOM_H

#include <stdint.h>

/** test_uniform() - the next of a sequence in [0, 1): Knuth's MMIX generator, of which the upper 53 bits are used. */
static inline double test_uniform(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (double)(*seed >> 11) / 9007199254740992.0;
}

#endif
