/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Values as the tools write them into JSON. */
#ifndef DAM_TOOLS_JSON_H
#define DAM_TOOLS_JSON_H

#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>

/* As people read it, and the same by every jansson: before 2.15 it writes 1.1 as 1.1000000000000001. */
#define DAM_JSON_PRETTY (JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(15))

/* JSON has no NaN: what is not known is null. */
static inline json_t *number(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

static inline json_t *whole(uint64_t v)
{
	return json_integer((json_int_t)v);
}

/* Names of threads are bytes of another process: what is not UTF-8 is shown as '?'. */
static inline json_t *name_text(const char *name)
{
	char safe[256];
	json_t *j = json_string(name);

	if (j)
		return j;
	snprintf(safe, sizeof(safe), "%s", name);
	for (char *p = safe; *p; p++)
		if (*p & 0x80)
			*p = '?';
	return json_string(safe);
}

#endif
