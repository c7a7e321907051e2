/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* A kind of move and what it is worth, alike from a coordinator and from its file. */
#include "config.h"
#include "tools/common/learned.h"

#include "tools/common/json.h"

void dam_learned_add_key(json_t *j, const struct dam_learn_key *k)
{
	json_object_set_new(j, "program", name_text(k->program));
	json_object_set_new(j, "thread", name_text(k->thread));
	json_object_set_new(j, "engine", name_text(k->engine));
	json_object_set_new(j, "from_node", json_integer(k->from));
	json_object_set_new(j, "to_node", json_integer(k->to));
}

json_t *dam_learned_json(const struct dam_learn_table *t, const struct dam_learn *l, double now_s)
{
	json_t *j = json_object();

	dam_learned_add_key(j, &l->key);
	json_object_set_new(j, "good", number(l->good));
	json_object_set_new(j, "bad", number(l->bad));
	json_object_set_new(j, "favour", number(dam_learn_favour(t, &l->key, now_s)));
	json_object_set_new(j, "bias", number(dam_learn_bias(t, &l->key, now_s)));
	json_object_set_new(j, "time_s", number(l->time_s));
	return j;
}
