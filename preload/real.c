/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Finding the functions behind the hooks. */
#include "config.h"
#include "preload/real.h"

#include <dlfcn.h>
#include <errno.h>

#include "preload/lookup.h"
#include "preload/slow.h"

static const struct {
	const char *name;
	enum dam_library library;
} table[DAM_REAL_NR] = {
#define DAM_REAL_ROW(fn, lib) [DAM_REAL_##fn] = {.name = #fn, .library = (lib)},
	DAM_REALS(DAM_REAL_ROW)
#undef DAM_REAL_ROW
};

/* What was found, for good: the copy in the gate is wiped in a child. */
void *dam_real_found[DAM_REAL_NR];
void *dam_real_syscall;

void *dam_real_find(enum dam_real_id id)
{
	void *fn = __atomic_load_n(&dam_real_found[id], __ATOMIC_ACQUIRE);
	int saved = errno;
	uint64_t mask;
	bool entered;

	if (!fn) {
		/* a handler that jumps out of the search, or a cancellation, would leave a lock taken */
		entered = dam_enabled && dam_slow_enter(&mask);
		fn = dam_lookup(table[id].name);
		if (entered)
			dam_slow_leave(&mask);
		__atomic_store_n(&dam_real_found[id], fn, __ATOMIC_RELEASE);
		errno = saved;
	}
	dam_gate.real[id] = fn;
	return fn;
}

void dam_real_init(void)
{
	for (unsigned int id = 0; id < DAM_REAL_NR; id++)
		if (table[id].library == DAM_LIBC)
			dam_real_found[id] = dam_gate.real[id] = dlsym(RTLD_NEXT, table[id].name);
	__atomic_store_n(&dam_real_syscall, dam_real_found[DAM_REAL_syscall], __ATOMIC_RELEASE);
}
