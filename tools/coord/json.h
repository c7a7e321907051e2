/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The parts of reports that stand in files of their own. */
#ifndef DAM_TOOLS_COORD_JSON_H
#define DAM_TOOLS_COORD_JSON_H

#include <jansson.h>
#include <stdint.h>

#include "hal/hal.h"
#include "tools/common/json.h"

struct coord;
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
