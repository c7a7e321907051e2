/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Is a page of the program's readable? */
#include "config.h"
#include "preload/peek.h"

#include "base/sys.h"

bool dam_peek_page(uintptr_t page)
{
	/* "how" is nonsense, so nothing is changed; but the kernel reads the new mask first: EFAULT or EINVAL */
	const long how = ~0l;
	uintptr_t at = page << DAM_PEEK_SHIFT;

	if (__atomic_load_n(&dam_sealed, __ATOMIC_RELAXED) || !page)
		return false;
	if (dam_sys6(SYS_rt_sigprocmask, how, (long)at, 0, sizeof(uint64_t), 0, 0) != -EINVAL)
		return false;
	dam_self.seen[page % DAM_SEEN_PAGES] = ~page; /* zero is no page, not the first one */
	return true;
}

void dam_peek_forget(void)
{
	for (unsigned int i = 0; i < DAM_SEEN_PAGES; i++)
		dam_self.seen[i] = 0;
}
