/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* dam-ctl history --file: the history of moves from its file, with or without a coordinator. */
#include "config.h"
#include "tools/ctl/ctl.h"

#include <time.h>

#include "base/log.h"
#include "tools/common/history.h"
#include "tools/common/json.h"
#include "tools/common/learned.h"

#define MOVES 1000 /* the latest */

struct reader {
	struct dam_learn_table *learned; /* to compute what the kinds are worth now */
	json_t *kinds, *moves;
	double now;
};

static void on_kind(const struct dam_learn *l, void *arg)
{
	struct reader *r = arg;

	if (dam_learn_restore(r->learned, l))
		json_array_append_new(r->kinds, dam_learned_json(r->learned, l, r->now));
}

static void on_move(const struct dam_history_move *m, void *arg)
{
	struct reader *r = arg;
	json_t *j = json_object();

	dam_learned_add_key(j, &m->kind);
	json_object_set_new(j, "time_s", number(m->time_s));
	json_object_set_new(j, "from_engine", name_text(m->from_engine));
	json_object_set_new(j, "to_engine", name_text(m->to_engine));
	json_object_set_new(j, "trigger", name_text(m->trigger));
	json_object_set_new(j, "verdict", name_text(m->verdict));
	json_object_set_new(j, "metric", *m->metric ? name_text(m->metric) : json_null());
	json_object_set_new(j, "undone", json_boolean(m->undone));
	json_object_set_new(j, "effect", number(m->effect));
	json_object_set_new(j, "gain", number(m->gain));
	json_object_set_new(j, "expected_bps", number(m->forecast));
	json_object_set_new(j, "actual_bps", number(m->actual));
	json_array_append_new(r->moves, j);
}

int ctl_history(const struct ctl_options *o, json_t **out)
{
	struct reader r = {.learned = dam_learn_create(DAM_HISTORY_KINDS), .kinds = json_array(), .moves = json_array(),
			   .now = (double)time(NULL)};
	char error[DAM_HISTORY_ERROR] = "no memory";
	struct dam_history *h;
	int err = r.learned ? dam_history_open_read(o->file, &h, error) : -1;

	if (!err) {
		err = dam_history_kinds(h, on_kind, &r, error);
		if (!err)
			err = dam_history_moves(h, MOVES, on_move, &r, error);
		dam_history_close(h);
	}
	dam_learn_destroy(r.learned);
	*out = json_object();
	json_object_set_new(*out, "file", name_text(o->file));
	json_object_set_new(*out, "state", json_string("read"));
	json_object_set_new(*out, "why", json_string(""));
	json_object_set_new(*out, "kinds", r.kinds);
	json_object_set_new(*out, "moves", r.moves);
	if (!err)
		return 0;
	dam_err("%s: %s", o->file, error);
	json_decref(*out);
	return CTL_STATUS_FAILED;
}
