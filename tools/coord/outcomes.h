/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * What became of moves: each is judged against threads that were not touched; what made things worse is taken back;
 * the verdicts are learned from and kept (historian.h).
 */
#ifndef DAM_TOOLS_COORD_OUTCOMES_H
#define DAM_TOOLS_COORD_OUTCOMES_H

#include "policy/policy.h"

struct coord;
struct coord_move;
struct coord_outcomes;
struct coord_thread;
struct dam_learn_table;
struct historian_view;

/** coord_outcomes_open() - nothing is judged yet; what earlier runs learned is read. Return: 0; -ENOMEM. */
int coord_outcomes_open(struct coord *c);
void coord_outcomes_close(struct coord *c);

/** coord_outcomes_plan() - a plan of @nr moves is about to be carried out. */
void coord_outcomes_plan(struct coord *c, const struct dam_policy_move *m, unsigned int nr);

/** coord_outcomes_begin() - @mv of @t has been made, as part of that plan. */
void coord_outcomes_begin(struct coord *c, struct coord_thread *t, struct coord_move *mv);

/** coord_outcomes_tick() - after all samples: close windows, judge, take back what was worse. */
void coord_outcomes_tick(struct coord *c, double dt_s);

/** coord_outcomes_forget() - @t has ended, or somebody else says where it runs: its move cannot be judged any more. */
void coord_outcomes_forget(struct coord *c, struct coord_thread *t);

/**
 * coord_outcomes_undo() - a person wants move @id taken back; that counts as a bad result
 * Return: NULL, or why not; static text.
 */
const char *coord_outcomes_undo(struct coord *c, uint64_t id);

/** coord_outcomes_favour() - for struct dam_policy_config; @ctx: the coordinator. */
double coord_outcomes_favour(void *ctx, const struct dam_policy_move *m);

/** coord_outcomes_learned() - NULL: nothing is judged (--once). coord_outcomes_history(): how its file fares. */
const struct dam_learn_table *coord_outcomes_learned(const struct coord *c);
void coord_outcomes_history(const struct coord *c, struct historian_view *out);

#endif
