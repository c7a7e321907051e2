/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What people ask the coordinator to do, beside telling: pause, exclude, undo; and its answers about single moves. */
#include "config.h"
#include "tools/coord/coord.h"

#include <string.h>

#include "base/log.h"
#include "tools/coord/births.h"
#include "tools/coord/json.h"
#include "tools/coord/moderate.h"
#include "tools/coord/outcomes.h"

static json_t *error(const char *why)
{
	return json_pack("{s:s}", "error", why);
}

static json_t *done(void)
{
	return json_pack("{s:b}", "done", 1);
}

/* Everything is as without DAM, so that people can see whether it is DAM's doing. */
static json_t *pause_all(struct coord *c, const json_t *q)
{
	(void)q;
	if (c->paused)
		return done();
	c->paused = true;
	for (unsigned int i = 0; i < c->nr_thread; i++)
		if (c->thread[i]) {
			coord_outcomes_forget(c, c->thread[i]);
			coord_mask_restore(c, c->thread[i]);
		}
	for (struct coord_process *p = c->processes; p; p = p->next)
		coord_births_end(c, p);
	coord_moderate_close(c);
	dam_info("paused by request: all masks are back");
	return done();
}

static json_t *resume(struct coord *c, const json_t *q)
{
	(void)q;
	if (c->paused)
		coord_moderate_open(c);
	c->paused = false;
	return done();
}

static void set_excluded(struct coord *c, struct coord_thread *t, bool excluded)
{
	t->excluded = excluded;
	if (!excluded)
		return;
	coord_outcomes_forget(c, t);
	coord_mask_restore(c, t);
}

/* A process with all its threads, also those to come; or one thread. */
static json_t *exclude(struct coord *c, const json_t *q, bool excluded)
{
	json_int_t id = json_integer_value(json_object_get(q, "id"));
	unsigned int found = 0;

	for (struct coord_process *p = c->processes; p; p = p->next)
		if (p->pid == id) {
			p->excluded = excluded;
			if (excluded)
				coord_births_end(c, p);
			found++;
		}
	for (unsigned int i = 0; i < c->nr_thread; i++)
		if (c->thread[i] && (c->thread[i]->pid == id || c->thread[i]->tid == id)) {
			set_excluded(c, c->thread[i], excluded);
			found++;
		}
	return found ? done() : error("it has no process and no thread of this number");
}

static json_t *exclude_one(struct coord *c, const json_t *q)
{
	return exclude(c, q, true);
}

static json_t *include_one(struct coord *c, const json_t *q)
{
	return exclude(c, q, false);
}

static json_t *undo(struct coord *c, const json_t *q)
{
	json_int_t id = json_integer_value(json_object_get(q, "id"));
	const char *why = coord_outcomes_undo(c, id > 0 ? (uint64_t)id : 0);

	return why ? error(why) : done();
}

static json_t *explain(struct coord *c, const json_t *q)
{
	json_int_t id = json_integer_value(json_object_get(q, "id"));

	if (id < 0 || (uint64_t)id > c->nr_moves)
		return error("there is no such move");
	return coord_explained_json(c, (uint64_t)id);
}

static json_t *history(struct coord *c, const json_t *q)
{
	(void)q;
	return coord_history_json(c);
}

static const struct {
	const char *cmd;
	json_t *(*serve)(struct coord *c, const json_t *q);
} requests[] = {
	{"pause", pause_all},	  {"resume", resume}, {"exclude", exclude_one}, {"include", include_one},
	{"undo", undo},		  {"explain", explain}, {"history", history},
};

json_t *coord_request(struct coord *c, const char *cmd, const json_t *q)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (!strcmp(cmd, requests[i].cmd))
			return requests[i].serve(c, q);
	return NULL;
}
