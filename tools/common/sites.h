/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Call sites as a coordinator reports them: the names of their functions, and the table for people.
 */
#ifndef DAM_TOOLS_SITES_H
#define DAM_TOOLS_SITES_H

#include <jansson.h>
#include <stdio.h>

/**
 * dam_sites_name() - add "function", "offset" and "address" to the frames of an answer's
 * "call_sites"
 * @answer: untrusted. The files it names are opened with the caller's rights, those of a running
 * process as that sees them.
 */
void dam_sites_name(json_t *answer);

/** dam_sites_print() - the @max places that did most, one a line; a line that says why there is
 * none. */
void dam_sites_print(FILE *f, int indent, const json_t *answer, size_t max);

#endif
