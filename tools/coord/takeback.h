/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Moves taken back: the thread is pinned where it came from, and its partner in an exchange with it. */
#ifndef DAM_TOOLS_COORD_TAKEBACK_H
#define DAM_TOOLS_COORD_TAKEBACK_H

#include <stdbool.h>

#include "policy/policy.h"

struct coord;
struct coord_move;
struct coord_thread;

/** coord_moved_thread() - the thread of @mv, if it still is where that put it; NULL: it is not. */
struct coord_thread *coord_moved_thread(struct coord *c, const struct coord_move *mv);

/**
 * coord_take_back() - @t goes back to where @mv took it from
 *
 * Either half of an exchange alone would leave its new engine fuller than the old one was: both go back.
 * Return: false: it cannot be pinned there.
 */
bool coord_take_back(struct coord *c, struct coord_thread *t, struct coord_move *mv);

/** coord_take_back_halves() - the plan was carried out: those of exchanges whose partner could not move. */
void coord_take_back_halves(struct coord *c, const struct dam_policy_move *m, unsigned int nr);

#endif
