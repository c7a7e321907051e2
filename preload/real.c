/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Finding the functions behind the hooks. */
#include "config.h"
#include "preload/real.h"

#include <dlfcn.h>
#include <errno.h>

#include "preload/slow.h"

static const struct {
	const char *name;
	enum dam_library library;
} table[DAM_REAL_NR] = {
#define DAM_REAL_ROW(fn, lib) [DAM_REAL_##fn] = {.name = #fn, .library = (lib)},
	DAM_REALS(DAM_REAL_ROW)
#undef DAM_REAL_ROW
};

/* Under which names a library may have been loaded where only its loader sees it. */
static const char *const sonames[][4] = {
	[DAM_LIBC] = {"libc.so.6"},
	[DAM_LATE] = {"libc.so.6", "librt.so.1"},
	[DAM_PTHREAD] = {"libpthread.so.0"},
	[DAM_AIO] = {"libaio.so.1", "libaio.so.1t64"},
	[DAM_URING] = {"liburing.so.2", "liburing-ffi.so.2", "liburing.so.1"},
};

void *dam_real_found[DAM_REAL_NR];
void *dam_real_syscall;

/* @file's own symbols and those of what it needs; never loads anything. */
static void *find_in(const char *file, const char *name)
{
	void *lib = dlopen(file, RTLD_LAZY | RTLD_NOLOAD), *fn = NULL;

	if (lib) {
		fn = dlsym(lib, name);
		dlclose(lib);
	}
	return fn;
}

/* What the linker puts around this object. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char _end[] __attribute__((visibility("hidden")));

/* A search that begins at the program finds the hook itself. (dladdr() would tell, in 4 microseconds.) */
static bool is_hook(const void *fn)
{
	return (const char *)fn >= __ehdr_start && (const char *)fn < _end;
}

static void *find(enum dam_real_id id, void *caller)
{
	const char *name = table[id].name;
	void *fn = dlsym(RTLD_NEXT, name);
	Dl_info from;

	for (unsigned int i = 0; !fn && i < 4 && sonames[table[id].library][i]; i++)
		fn = find_in(sonames[table[id].library][i], name);
	if (!fn && dladdr(caller, &from) && from.dli_fname)
		fn = find_in(from.dli_fname, name);
	return is_hook(fn) ? NULL : fn;
}

void *dam_real_find(enum dam_real_id id, void *caller)
{
	void *fn = __atomic_load_n(&dam_real_found[id], __ATOMIC_ACQUIRE);
	int saved = errno;
	uint64_t mask;
	bool entered;

	if (!fn) {
		/* a handler that jumps out of dlsym(), or a cancellation, would leave its lock taken */
		entered = dam_slow_enter(&mask);
		fn = find(id, caller);
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
