/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Engines, pools, queues and components as tables: the columns that all tools show. */
#ifndef DAM_TOOLS_ENGINES_H
#define DAM_TOOLS_ENGINES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/**
 * dam_engines_print() - the answer to "engines"
 * @answer: untrusted
 * @work: with the columns of what the engines do
 */
void dam_engines_print(FILE *f, const json_t *answer, bool work);

#endif
