/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Values as the reports write them, and the parts of reports that stand in files of their own. */
#ifndef DAM_TOOLS_COORD_JSON_H
#define DAM_TOOLS_COORD_JSON_H

#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "hal/hal.h"

struct coord;

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

/* report_sites.c */
/** coord_sites_json() - call sites of run @run_id (0: of all), into @out. */
void coord_sites_json(const struct coord *c, uint32_t run_id, json_t *out);

/* report_observed.c */
/** coord_observation_json() - what observing costs. */
json_t *coord_observation_json(const struct coord *c);
/** coord_rings_json() - every ring of run @run_id (0: of all), and why some cannot be observed. */
json_t *coord_rings_json(const struct coord *c, uint32_t run_id);
/** coord_processes_json() - who saw what processes submitted; those that have ended first. */
json_t *coord_processes_json(struct coord *c, uint32_t run_id);

#endif
