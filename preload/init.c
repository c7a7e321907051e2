/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The library's beginning and end in a process. */
#include "config.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "preload/account.h"
#include "preload/attach.h"
#include "preload/link.h"
#include "preload/pins.h"
#include "preload/real.h"
#include "preload/self.h"
#include "preload/site.h"

#define OWN_NAME "libdam_preload.so"

/* Is the entry of @len bytes the library's, by whatever path? */
static bool is_own(const char *entry, size_t len)
{
	const size_t own = sizeof(OWN_NAME) - 1;

	return len >= own && !memcmp(entry + len - own, OWN_NAME, own) &&
	       (len == own || entry[len - own - 1] == '/');
}

/* Takes the library's entries out of a list separated by blanks or colons, in place. */
static void remove_own(char *list)
{
	char *to = list;

	for (const char *p = list; *p;) {
		size_t len = strcspn(p, ": ");

		if (len && !is_own(p, len)) {
			if (to != list)
				*to++ = ':';
			memmove(to, p, len);
			to += len;
		}
		p += len;
		p += *p != '\0';
	}
	*to = '\0';
}

/* DAM_FOLLOW=0: children of the program are to run without the library. */
static void leave_environment(void)
{
	const char *follow = getenv("DAM_FOLLOW");
	char *list = getenv("LD_PRELOAD");

	if (!follow || strcmp(follow, "0") || !list)
		return;
	remove_own(list);
	if (!*list)
		unsetenv("LD_PRELOAD");
}

const char *__asan_default_options(void);

/*
 * A program built with AddressSanitizer as a shared library ends at once where another library comes before it, as a
 * preloaded one does. Ours goes on to the sanitizer's functions, so this order is as good: its runtime, which asks
 * here for defaults, is told so. What the program or ASAN_OPTIONS says counts more.
 */
DAM_EXPORT const char *__asan_default_options(void)
{
	return "verify_asan_link_order=0";
}

/* What pthread_atfork() calls in glibc; other libraries have no such function. */
extern int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *object)
	__attribute__((weak));

static void in_child(void)
{
	dam_pins_leave();
	dam_link_child();
}

static __attribute__((constructor)) void begin(void)
{
	if (getauxval(AT_SECURE))
		return;
	dam_real_init();
	dam_account_init();
	dam_site_init();
	leave_environment();
	dam_attach_init();
	if (&__register_atfork)
		__register_atfork(NULL, NULL, in_child, NULL);
	dam_enabled = true;
}

static __attribute__((destructor)) void end(void)
{
	if (dam_enabled)
		dam_account_last_words();
}
