/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* dam-ctl history --file: the history of moves from its file, with or without a coordinator. */
#include "config.h"
#include "tools/ctl/ctl.h"

#include <math.h>
#include <time.h>

#include "base/log.h"
#include "tools/common/history.h"

#define MOVES 1000 /* the latest */

struct reader {
	struct dam_learn_table *learned; /* to compute what the kinds are worth now */
	json_t *kinds, *moves;
	double now;
};

/* Texts of the file may be anything: what is no UTF-8 is not shown. */
static json_t *text(const char *s)
{
	json_t *j = json_string(s);

	return j ? j : json_string("?");
}

static json_t *number(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

static void add_key(json_t *j, const struct dam_learn_key *k)
{
	json_object_set_new(j, "program", text(k->program));
	json_object_set_new(j, "thread", text(k->thread));
	json_object_set_new(j, "engine", text(k->engine));
	json_object_set_new(j, "from_node", json_integer(k->from));
	json_object_set_new(j, "to_node", json_integer(k->to));
}

static void on_kind(const struct dam_learn *l, void *arg)
{
	struct reader *r = arg;
	json_t *j;

	if (!dam_learn_restore(r->learned, l))
		return;
	j = json_object();
	add_key(j, &l->key);
	json_object_set_new(j, "good", number(l->good));
	json_object_set_new(j, "bad", number(l->bad));
	json_object_set_new(j, "favour", number(dam_learn_favour(r->learned, &l->key, r->now)));
	json_object_set_new(j, "bias", number(dam_learn_bias(r->learned, &l->key, r->now)));
	json_object_set_new(j, "time_s", number(l->time_s));
	json_array_append_new(r->kinds, j);
}

static void on_move(const struct dam_history_move *m, void *arg)
{
	struct reader *r = arg;
	json_t *j = json_object();

	add_key(j, &m->kind);
	json_object_set_new(j, "time_s", number(m->time_s));
	json_object_set_new(j, "from_engine", text(m->from_engine));
	json_object_set_new(j, "to_engine", text(m->to_engine));
	json_object_set_new(j, "trigger", text(m->trigger));
	json_object_set_new(j, "verdict", text(m->verdict));
	json_object_set_new(j, "metric", *m->metric ? text(m->metric) : json_null());
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
	json_object_set_new(*out, "file", text(o->file));
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
