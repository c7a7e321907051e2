/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Reading what the program points to: a bad pointer is the kernel's EFAULT, and must not become our crash. */
#ifndef DAM_PRELOAD_PEEK_H
#define DAM_PRELOAD_PEEK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/self.h"

#define DAM_PEEK_SHIFT 12
#define DAM_PEEK_PAGE  (1u << DAM_PEEK_SHIFT)

/** dam_peek_slow() - dam_peek() of what was not seen last: asks the kernel, and remembers a yes. Keeps errno. */
bool dam_peek_slow(const void *p, size_t len);

/** dam_peek_forget() - what could be read once need not be readable for ever. */
void dam_peek_forget(void);

/** dam_peek_seen() - 0: it was found that @len bytes at @p may be read; they are a page at most. */
static inline uintptr_t dam_peek_seen(const void *p, size_t len)
{
	uintptr_t page = (uintptr_t)p >> DAM_PEEK_SHIFT;

	return (page ^ ((uintptr_t)p + len - 1) >> DAM_PEEK_SHIFT) | (dam_self.seen[page % DAM_SEEN_SETS][0] ^ ~page);
}

/** dam_peek_beside() - 0: @len bytes at @p lie in the page where @seen begins. */
static inline uintptr_t dam_peek_beside(const void *p, size_t len, const void *seen)
{
	return (((uintptr_t)p ^ (uintptr_t)seen) | (((uintptr_t)p + len - 1) ^ (uintptr_t)seen)) >> DAM_PEEK_SHIFT;
}

/** dam_peek() - may @len bytes at @p be read? A page is asked for once until dam_peek_forget(). */
static inline bool dam_peek(const void *p, size_t len)
{
	return DAM_LIKELY(!dam_peek_seen(p, len)) || dam_peek_slow(p, len);
}

#endif
