/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Decisions as text: one line for each call, "#> NAME INDEX KEY=VALUE…", exact to the last bit. Of what is told again
 * and again (samples) only what has changed since the last line of the same index stands there. The lines are comments
 * to whoever reads the bytes of a recording alone.
 */
#ifndef DAM_TOOLS_DECISION_TEXT_H
#define DAM_TOOLS_DECISION_TEXT_H

#include <stddef.h>

#include "tools/common/decision.h"

#define DAM_DECISION_MARK  "#> "
#define DAM_DECISION_BYTES 2048 /* of a line, with its end */

struct dam_decision_text;

/* Room for what a call tells. */
union dam_decision_arg {
	struct dam_decision_config config;
	struct dam_decision_distance distance;
	struct dam_policy_engine_desc engine_desc;
	struct dam_policy_component_desc component_desc;
	struct dam_policy_power power;
	struct dam_decision_pool pool;
	struct dam_decision_weights weights;
	struct dam_decision_busy busy;
	struct dam_decision_class class;
	struct dam_decision_engine_sample engine;
	struct dam_decision_thread_sample thread;
	struct dam_decision_favour favour;
	struct dam_decision_tick tick;
	struct dam_policy_move move;
};

/** dam_decision_text_create() - what has to be remembered between lines; for one recording. Return: NULL: no memory. */
struct dam_decision_text *dam_decision_text_create(void);
/** dam_decision_text_destroy() - takes NULL. */
void dam_decision_text_destroy(struct dam_decision_text *x);

/**
 * dam_decision_print() - one call as a line with its newline
 * @out: DAM_DECISION_BYTES
 * Return: its length; 0: it does not fit, or there is no memory for what has to be remembered.
 */
size_t dam_decision_print(struct dam_decision_text *x, enum dam_decision_call call, unsigned int index, const void *arg,
			  char *out);

/**
 * dam_decision_parse() - the line that dam_decision_print() made; changes @line
 * @arg: complete, with what stood in lines before
 * Return: 0; -EINVAL; -ENOMEM.
 */
int dam_decision_parse(struct dam_decision_text *x, char *line, enum dam_decision_call *call, unsigned int *index,
		       union dam_decision_arg *arg);

#endif
