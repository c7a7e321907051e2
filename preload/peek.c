/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Is what the program points to readable? */
#include "config.h"
#include "preload/peek.h"

#include "base/sys.h"

static bool peek_page(uintptr_t page)
{
	/* "how" is nonsense, so nothing is changed; but the kernel reads the new mask first: EFAULT or EINVAL */
	const long how = ~0l;
	uintptr_t at = page << DAM_PEEK_SHIFT, *seen = dam_self.seen[page % DAM_SEEN_SETS];

	if (seen[0] == ~page)
		return true;
	if (seen[1] == ~page) {
		seen[1] = seen[0];
		seen[0] = ~page;
		return true;
	}
	if (__atomic_load_n(&dam_sealed, __ATOMIC_RELAXED) || !page)
		return false;
	if (dam_sys6(SYS_rt_sigprocmask, how, (long)at, 0, sizeof(uint64_t), 0, 0) != -EINVAL)
		return false;
	seen[1] = seen[0];
	seen[0] = ~page; /* zero is no page, not the first one */
	return true;
}

bool dam_peek_slow(const void *p, size_t len)
{
	uintptr_t last = ((uintptr_t)p + len - 1) >> DAM_PEEK_SHIFT;

	for (uintptr_t page = (uintptr_t)p >> DAM_PEEK_SHIFT; page <= last; page++)
		if (!peek_page(page))
			return false;
	return true;
}

void dam_peek_forget(void)
{
	for (unsigned int i = 0; i < DAM_SEEN_SETS; i++)
		dam_self.seen[i][0] = dam_self.seen[i][1] = 0;
	dam_self.aio_ready = 0;
}
