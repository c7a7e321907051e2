/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Which engines' devices are moderated, and feeding them (moderator.h). */
#ifndef DAM_TOOLS_COORD_MODERATE_H
#define DAM_TOOLS_COORD_MODERATE_H

#include "tools/coord/moderator.h"

struct coord;

/**
 * coord_moderate_open() - restore what an earlier coordinator left set; begin with what
 * DAM_MODERATE names
 *
 * Whatever goes wrong is logged, and costs the moderation only.
 */
void coord_moderate_open(struct coord *c);

/** coord_moderate_close() - give every device its setting back. */
void coord_moderate_close(struct coord *c);

/** coord_moderate_rescan() - engines have come: begin with those that are asked for. */
void coord_moderate_rescan(struct coord *c);

/** coord_moderate_tick() - after the engines were sampled. Never waits for a device. */
void coord_moderate_tick(struct coord *c, uint64_t now_ns);

/** coord_moderate_interval_ns() - look at least so often while nothing happens; UINT64_MAX:
 * whatever. */
uint64_t coord_moderate_interval_ns(const struct coord *c);

/** coord_moderate_view() - the device behind engine @i. Return: false: it is not moderated. */
bool coord_moderate_view(struct coord *c, unsigned int i, struct moderator_view *out);

#endif
