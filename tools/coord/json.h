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

struct coord_move;
struct coord_weighed;
struct dam_policy_decision;

/* report_moves.c */
/** coord_moves_json() - moves of run @run_id (0: of all), into @out. */
void coord_moves_json(struct coord *c, uint32_t run_id, json_t *out);
/** coord_decision_json() / coord_print_decision() - one look of the plan; @w: its options. */
json_t *coord_decision_json(struct coord *c, const struct dam_policy_decision *d, const struct coord_weighed *w);
void coord_print_decision(struct coord *c, double time_s, const struct dam_policy_decision *d,
			  const struct coord_weighed *w);
/** coord_history_json() - what was learned, and where it is kept. */
json_t *coord_history_json(struct coord *c);
/** coord_explained_json() - why move @id was made; 0: why engines were left as they are. */
json_t *coord_explained_json(struct coord *c, uint64_t id);

/* requests.c */
/** coord_request() - do what a person asks for. Return: the answer; NULL: @cmd is none of these requests. */
json_t *coord_request(struct coord *c, const char *cmd, const json_t *q);

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
