/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Finding a function without the dynamic linker's lock. */
#ifndef DAM_PRELOAD_LOOKUP_H
#define DAM_PRELOAD_LOOKUP_H

/**
 * dam_lookup() - the definition of function @name behind this library's
 *
 * The first in an object loaded after this library, as dlsym(RTLD_NEXT) would have it, else the
 * first in any other. Objects loaded with RTLD_LOCAL count: who called the hook sees them. And it
 * works while another thread is inside dlopen(): dlsym() would wait for that one's constructors,
 * and they may wait for the thread that asks. Return: NULL: none.
 */
void *dam_lookup(const char *name);

#endif
