/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* A live coordinator's recording: policy/ and predict/ are told the same again, and have to decide the same. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <zlib.h>

#include "base/log.h"
#include "tools/common/decision_text.h"
#include "tools/replay/replay.h"
#include "tools/sim/sim.h"

#define MAX_ENGINES (1u << 16)
#define MAX_THREADS (1u << 20)
#define MAX_PLAN    4096
#define NOTHING	    "nothing\n" /* in the place of a line */
#define LONGEST_S   3600.0 /* of a tick */
#define SHORTEST_S  1e-4

struct replay {
	struct replay_lines *lines;
	struct dam_decision_text *text, *out; /* out: prints what is decided now */
	struct dam_decision_config cfg;
	struct dam_decision *decision; /* NULL: not begun */
	struct dam_policy_move plan[MAX_PLAN];
	unsigned int nr, compared; /* of the plan */
	double favour[MAX_PLAN * 64]; /* of the coming tick, by number; 0: 1 */
	unsigned int asked, highest;
	unsigned long calls, ticks, moves, different;
	unsigned long line, first_line; /* of the recording; of the first difference */
	char first[2][DAM_DECISION_BYTES]; /* that difference: recorded, decided now */
};

/* Experience as it was. */
static double favour(void *ctx, const struct dam_policy_move *m)
{
	struct replay *r = ctx;
	unsigned int i = r->asked++;

	(void)m;
	return i < r->highest && r->favour[i] > 0 ? r->favour[i] : i < r->highest && r->favour[i] < 0 ? 0 : 1;
}

static void differ(struct replay *r, const char *recorded, const char *decided)
{
	if (!r->different++) {
		r->first_line = r->line;
		snprintf(r->first[0], sizeof(r->first[0]), "%s", recorded);
		snprintf(r->first[1], sizeof(r->first[1]), "%s", decided);
	}
}

/* What was decided now and not then. */
static void end_plan(struct replay *r)
{
	char line[DAM_DECISION_BYTES];

	for (; r->compared < r->nr; r->compared++) {
		dam_decision_print(r->out, DAM_CALL_MOVE, r->compared, &r->plan[r->compared], line);
		differ(r, NOTHING, line);
	}
}

/* The text tells every digit: what is printed alike is alike. */
static void compare(struct replay *r, unsigned int index, const struct dam_policy_move *m)
{
	char then[DAM_DECISION_BYTES], now[DAM_DECISION_BYTES] = NOTHING;

	r->moves++;
	dam_decision_print(r->out, DAM_CALL_MOVE, index, m, then);
	if (index < r->nr)
		dam_decision_print(r->out, DAM_CALL_MOVE, index, &r->plan[index], now);
	if (strcmp(then, now) != 0)
		differ(r, then, now);
	r->compared = index + 1;
}

/* -- calls -- */

static int on_config(struct replay *r, unsigned int i, const union dam_decision_arg *a)
{
	(void)i;
	if (r->decision || a->config.max_engines > MAX_ENGINES || a->config.max_pools > MAX_ENGINES ||
	    a->config.max_threads > MAX_THREADS || a->config.policy.max_components > MAX_ENGINES ||
	    !(a->config.policy.tick_s >= SHORTEST_S) || a->config.policy.nr_domains < 1 ||
	    a->config.policy.nr_domains > DAM_POLICY_DOMAINS)
		return -EINVAL;
	r->cfg = a->config;
	r->cfg.note = NULL;
	r->cfg.policy.favour = favour;
	r->cfg.policy.favour_ctx = r;
	return 0;
}

static int on_distance(struct replay *r, unsigned int i, const union dam_decision_arg *a)
{
	if (r->decision || i >= r->cfg.policy.nr_domains)
		return -EINVAL;
	memcpy(r->cfg.policy.distance[i], a->distance.to, sizeof(a->distance.to));
	return 0;
}

static int on_set_engine(struct replay *r, unsigned int i, const union dam_decision_arg *a)
{
	return dam_decision_set_engine(r->decision, i, &a->engine_desc);
}

static int on_drop_engine(struct replay *r, unsigned int i, const union dam_decision_arg *a)
{
	(void)a;
	dam_decision_drop_engine(r->decision, i);
	return 0;
}

static int on_set_pool(struct replay *r, unsigned int i, const union dam_decision_arg *a)
{
	for (unsigned int d = 0; d < r->cfg.policy.nr_domains; d++)
		if (a->pool.engine_of_domain[d] >= (int)r->cfg.max_engines)
			return -EINVAL;
	dam_decision_set_pool(r->decision, i, a->pool.engine_of_domain);
	return 0;
}

static int on_set_component(struct replay *r, unsigned int i, const union dam_decision_arg *a)
{
	dam_decision_set_component(r->decision, i, &a->component_desc);
	return 0;
}

static int on_set_power(struct replay *r, unsigned int i, const union dam_decision_arg *a)
{
	if (a->power.package >= DAM_POLICY_DOMAINS)
		return -EINVAL;
	dam_decision_set_power(r->decision, i, &a->power);
	return 0;
}

static int on_set_busy(struct replay *r, unsigned int i, const union dam_decision_arg *a)
{
	dam_decision_set_busy(r->decision, i, a->busy.cpus);
	return 0;
}

static int on_add_thread(struct replay *r, unsigned int i, const union dam_decision_arg *a)
{
	(void)a;
	dam_decision_add_thread(r->decision, i);
	return 0;
}

static int on_drop_thread(struct replay *r, unsigned int i, const union dam_decision_arg *a)
{
	(void)a;
	dam_decision_drop_thread(r->decision, i);
	return 0;
}

static int on_set_weights(struct replay *r, unsigned int i, const union dam_decision_arg *a)
{
	dam_decision_set_weights(r->decision, i, a->weights.throughput, a->weights.latency);
	return 0;
}

static int on_set_class(struct replay *r, unsigned int i, const union dam_decision_arg *a)
{
	if ((unsigned int)a->class.class >= DAM_CLASS_NR)
		return -EINVAL;
	dam_decision_set_class(r->decision, i, a->class.class);
	return 0;
}

static int on_engine(struct replay *r, unsigned int i, const union dam_decision_arg *a)
{
	if (!(a->engine.dt_s >= 0 && a->engine.dt_s <= LONGEST_S))
		return -EINVAL;
	dam_decision_engine(r->decision, i, a->engine.dt_s, &a->engine.s);
	return 0;
}

static int on_thread(struct replay *r, unsigned int i, const union dam_decision_arg *a)
{
	dam_decision_thread(r->decision, i, a->thread.dt_s, &a->thread.s);
	return 0;
}

static int on_favour(struct replay *r, unsigned int i, const union dam_decision_arg *a)
{
	if (i >= sizeof(r->favour) / sizeof(r->favour[0]))
		return -E2BIG;
	r->favour[i] = a->favour.factor > 0 ? a->favour.factor : -1; /* 0 says: as usual */
	r->highest = i + 1 > r->highest ? i + 1 : r->highest;
	return 0;
}

static int on_tick(struct replay *r, unsigned int i, const union dam_decision_arg *a)
{
	(void)i;
	r->asked = 0;
	r->ticks++;
	r->nr = dam_decision_tick(r->decision, a->tick.dt_s, r->plan, a->tick.max < MAX_PLAN ? a->tick.max : MAX_PLAN);
	r->compared = 0;
	memset(r->favour, 0, r->highest * sizeof(*r->favour));
	r->highest = 0;
	return 0;
}

static int on_move(struct replay *r, unsigned int i, const union dam_decision_arg *a)
{
	compare(r, i, &a->move);
	return 0;
}

static int on_undo(struct replay *r, unsigned int i, const union dam_decision_arg *a)
{
	(void)a;
	if (i < r->nr)
		dam_decision_undo(r->decision, &r->plan[i], i);
	return 0;
}

static int on_take_back(struct replay *r, unsigned int i, const union dam_decision_arg *a)
{
	(void)i;
	if (a->move.thread >= r->cfg.max_threads || a->move.from_domain >= r->cfg.policy.nr_domains ||
	    (unsigned int)a->move.from_engine >= r->cfg.max_engines ||
	    (unsigned int)a->move.to_engine >= r->cfg.max_engines)
		return -EINVAL;
	dam_decision_take_back(r->decision, &a->move);
	return 0;
}

static int (*const on[DAM_CALL_NR])(struct replay *r, unsigned int i, const union dam_decision_arg *a) = {
	[DAM_CALL_CONFIG] = on_config,
	[DAM_CALL_DISTANCE] = on_distance,
	[DAM_CALL_SET_ENGINE] = on_set_engine,
	[DAM_CALL_DROP_ENGINE] = on_drop_engine,
	[DAM_CALL_SET_POOL] = on_set_pool,
	[DAM_CALL_SET_COMPONENT] = on_set_component,
	[DAM_CALL_SET_POWER] = on_set_power,
	[DAM_CALL_SET_BUSY] = on_set_busy,
	[DAM_CALL_ADD_THREAD] = on_add_thread,
	[DAM_CALL_DROP_THREAD] = on_drop_thread,
	[DAM_CALL_SET_WEIGHTS] = on_set_weights,
	[DAM_CALL_SET_CLASS] = on_set_class,
	[DAM_CALL_ENGINE] = on_engine,
	[DAM_CALL_THREAD] = on_thread,
	[DAM_CALL_FAVOUR] = on_favour,
	[DAM_CALL_TICK] = on_tick,
	[DAM_CALL_MOVE] = on_move,
	[DAM_CALL_UNDO] = on_undo,
	[DAM_CALL_TAKE_BACK] = on_take_back,
};

/* The state begins with the first call that is no configuration. */
static int begin(struct replay *r, enum dam_decision_call call)
{
	if (call == DAM_CALL_CONFIG || call == DAM_CALL_DISTANCE || r->decision)
		return 0;
	if (!r->cfg.policy.nr_domains)
		return -EINVAL;
	r->decision = dam_decision_create(&r->cfg);
	return r->decision ? 0 : -ENOMEM;
}

static int play_line(struct replay *r, char *line)
{
	enum dam_decision_call call;
	union dam_decision_arg arg;
	unsigned int index;
	int err = dam_decision_parse(r->text, line, &call, &index, &arg);

	if (!err)
		err = begin(r, call);
	if (!err && call != DAM_CALL_MOVE)
		end_plan(r);
	if (!err)
		err = on[call](r, index, &arg);
	r->calls++;
	if (err == -ENOMEM)
		dam_err("out of memory");
	else if (err)
		replay_lines_bad(r->lines, "no line of a decision; was it recorded by another version?");
	return err;
}

static int play(struct replay *r, const char *path)
{
	char *line;
	int n, err = replay_lines_open(path, &r->lines);

	while (!err && (n = replay_lines_any(r->lines, &line)) != 0) {
		r->line++;
		err = n < 0 ? n : 0;
		if (!err && !strncmp(line, DAM_DECISION_MARK, strlen(DAM_DECISION_MARK)))
			err = play_line(r, line);
	}
	end_plan(r);
	replay_lines_close(r->lines);
	return err;
}

static void print(const struct replay *r, const char *path, bool json)
{
	json_t *o;

	if (!json) {
		printf("%s: %lu calls in %lu ticks, %lu moves: %s\n", path, r->calls, r->ticks, r->moves,
		       r->different ? "not what is decided now" : "the same is decided again");
		if (r->different)
			printf("  %lu differ; the first one before line %lu:\n  recorded: %s  now:      %s", r->different,
			       r->first_line, r->first[0], r->first[1]);
		return;
	}
	o = json_pack("{s:s, s:I, s:I, s:I, s:I}", "recording", path, "calls", (json_int_t)r->calls, "ticks",
		      (json_int_t)r->ticks, "moves", (json_int_t)r->moves, "different", (json_int_t)r->different);
	json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(o);
}

bool sim_is_recording(const char *path)
{
	gzFile gz = gzopen(path, "rbe");
	char begin[sizeof(DAM_DECISION_MARK)] = "";
	int n = gz ? gzread(gz, begin, sizeof(begin) - 1) : 0;

	if (gz)
		gzclose(gz);
	return n == sizeof(begin) - 1 && !strcmp(begin, DAM_DECISION_MARK);
}

int sim_replay(const char *path, bool json)
{
	struct replay *r = calloc(1, sizeof(*r));
	int err = -ENOMEM;

	if (r) {
		r->text = dam_decision_text_create();
		r->out = dam_decision_text_create();
	}
	if (r && r->text && r->out)
		err = play(r, path);
	else
		dam_err("out of memory");
	if (!err) {
		print(r, path, json);
		err = r->different > 0;
	}
	if (r) {
		dam_decision_destroy(r->decision);
		dam_decision_text_destroy(r->text);
		dam_decision_text_destroy(r->out);
	}
	free(r);
	return err;
}
