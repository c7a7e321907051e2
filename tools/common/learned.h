/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What was learned of a kind of move as JSON; the keys stand in dam-ctl(1). */
#ifndef DAM_TOOLS_LEARNED_H
#define DAM_TOOLS_LEARNED_H

#include <jansson.h>

#include "policy/learn.h"

/** dam_learned_json() - kind @l of @t, with what it is worth at @now_s. */
json_t *dam_learned_json(const struct dam_learn_table *t, const struct dam_learn *l, double now_s);

/** dam_learned_add_key() - what a kind is, into the object @j. */
void dam_learned_add_key(json_t *j, const struct dam_learn_key *k);

#endif
