/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The calls of a decision and their fields, by name; a field added to a struct is a row here. */
#include "config.h"
#include "tools/common/decision_text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r\n"
#define MAX_INDEX (1u << 20)

enum type { DOUBLE, FLOAT, INT, UNSIGNED, U64, BOOL };

static const size_t type_size[] = {
	[DOUBLE] = sizeof(double), [FLOAT] = sizeof(float), [INT] = sizeof(int), [UNSIGNED] = sizeof(unsigned int),
	[U64] = sizeof(uint64_t), [BOOL] = sizeof(bool),
};

struct field {
	const char *key;
	enum type type;
	size_t offset;
	unsigned int nr;  /* 0: one */
	bool per_domain; /* as many of them as there are domains */
};

#define F(s, type, key)	      {#key, type, offsetof(struct s, key), 0, false}
#define IN(s, outer, type, key) {#key, type, offsetof(struct s, outer.key), 0, false}
#define P(type, key)	      IN(dam_decision_config, policy, type, key)
#define E(type, key)	      IN(dam_decision_engine_sample, s, type, key)
#define T(type, key)	      IN(dam_decision_thread_sample, s, type, key)
#define TERM(key)	      IN(dam_policy_move, terms, DOUBLE, key)

static const struct field config_fields[] = {
	P(UNSIGNED, nr_domains), P(DOUBLE, weight_throughput), P(DOUBLE, weight_latency), P(DOUBLE, threshold),
	P(DOUBLE, tick_s), P(DOUBLE, horizon_s), P(UNSIGNED, max_moves), P(DOUBLE, memory_bps), P(DOUBLE, cache_bytes),
	P(UNSIGNED, max_components), P(DOUBLE, weight_power), P(DOUBLE, head_room),
	{"domain_cpus", UNSIGNED, offsetof(struct dam_decision_config, policy.domain_cpus), DAM_POLICY_DOMAINS, true},
	F(dam_decision_config, UNSIGNED, max_engines), F(dam_decision_config, UNSIGNED, max_pools),
	F(dam_decision_config, UNSIGNED, max_threads), F(dam_decision_config, UNSIGNED, horizon),
};

static const struct field distance_fields[] = {
	{"to", FLOAT, offsetof(struct dam_decision_distance, to), DAM_POLICY_DOMAINS, true},
};

static const struct field pool_fields[] = {
	{"engine_of_domain", INT, offsetof(struct dam_decision_pool, engine_of_domain), DAM_POLICY_DOMAINS, true},
};

#define D dam_policy_engine_desc
static const struct field desc_fields[] = {
	F(D, INT, pool), F(D, DOUBLE, given_capacity), F(D, DOUBLE, base_latency_s), F(D, U64, local_domains),
	F(D, DOUBLE, given_read), F(D, DOUBLE, given_write), F(D, BOOL, duplex), F(D, U64, capabilities),
	F(D, UNSIGNED, reserved),
	{"component", UNSIGNED, offsetof(struct D, component), DAM_POLICY_ABOVE, false},
};
#undef D

static const struct field component_fields[] = {
	F(dam_policy_component_desc, DOUBLE, given_capacity), F(dam_policy_component_desc, BOOL, duplex),
};

#define D dam_policy_power
static const struct field power_fields[] = {
	F(D, UNSIGNED, package), F(D, DOUBLE, idle_w), F(D, DOUBLE, dynamic_w), F(D, DOUBLE, wake_s),
	F(D, BOOL, kept_awake),
};
#undef D

static const struct field weights_fields[] = {
	F(dam_decision_weights, DOUBLE, throughput), F(dam_decision_weights, DOUBLE, latency),
};

static const struct field busy_fields[] = {F(dam_decision_busy, DOUBLE, cpus)};
static const struct field class_fields[] = {F(dam_decision_class, UNSIGNED, class)};
static const struct field favour_fields[] = {F(dam_decision_favour, DOUBLE, factor)};

static const struct field engine_fields[] = {
	F(dam_decision_engine_sample, DOUBLE, dt_s), E(DOUBLE, bytes), E(DOUBLE, ops), E(DOUBLE, wait_s),
	E(DOUBLE, inflight_ops), E(BOOL, valid), E(DOUBLE, write_bytes),
};

static const struct field thread_fields[] = {
	F(dam_decision_thread_sample, DOUBLE, dt_s), T(INT, engine), T(INT, pool), T(UNSIGNED, domain),
	T(DOUBLE, bytes), T(DOUBLE, ops), T(DOUBLE, inflight_ops), T(DOUBLE, inflight_peak_ops), T(DOUBLE, memory_bps),
	T(U64, allowed), T(BOOL, movable), T(BOOL, placed), T(DOUBLE, write_bytes), T(DOUBLE, cpu), T(U64, needs),
};

static const struct field tick_fields[] = {
	F(dam_decision_tick, DOUBLE, dt_s), F(dam_decision_tick, UNSIGNED, max),
};

#define M dam_policy_move
static const struct field move_fields[] = {
	F(M, UNSIGNED, thread), F(M, UNSIGNED, from_domain), F(M, UNSIGNED, to_domain), F(M, INT, from_engine),
	F(M, INT, to_engine), F(M, UNSIGNED, partner), F(M, UNSIGNED, trigger), F(M, INT, component), F(M, DOUBLE, from_util),
	F(M, DOUBLE, to_util), F(M, DOUBLE, from_util_after), F(M, DOUBLE, to_util_after), TERM(throughput),
	TERM(latency), TERM(fairness), TERM(overflow), TERM(refill), TERM(remote), TERM(cpu), TERM(power),
	TERM(favour), TERM(gain), TERM(threshold),
};
#undef M

struct call {
	const char *name;
	const struct field *field;
	unsigned int nr;
	size_t size;
	bool remembered; /* only what has changed is written */
};

#define CALL(name, fields, s, remembered) {name, fields, sizeof(fields) / sizeof(fields[0]), sizeof(struct s), remembered}

static const struct call calls[DAM_CALL_NR] = {
	[DAM_CALL_CONFIG] = CALL("config", config_fields, dam_decision_config, false),
	[DAM_CALL_DISTANCE] = CALL("distance", distance_fields, dam_decision_distance, false),
	[DAM_CALL_SET_ENGINE] = CALL("engine", desc_fields, dam_policy_engine_desc, false),
	[DAM_CALL_DROP_ENGINE] = {.name = "engine-gone"},
	[DAM_CALL_SET_POOL] = CALL("pool", pool_fields, dam_decision_pool, false),
	[DAM_CALL_SET_COMPONENT] = CALL("component", component_fields, dam_policy_component_desc, false),
	[DAM_CALL_SET_POWER] = CALL("power", power_fields, dam_policy_power, false),
	[DAM_CALL_SET_BUSY] = CALL("busy", busy_fields, dam_decision_busy, false),
	[DAM_CALL_ADD_THREAD] = {.name = "thread"},
	[DAM_CALL_DROP_THREAD] = {.name = "thread-gone"},
	[DAM_CALL_SET_WEIGHTS] = CALL("weights", weights_fields, dam_decision_weights, false),
	[DAM_CALL_SET_CLASS] = CALL("class", class_fields, dam_decision_class, false),
	[DAM_CALL_ENGINE] = CALL("e", engine_fields, dam_decision_engine_sample, true),
	[DAM_CALL_THREAD] = CALL("t", thread_fields, dam_decision_thread_sample, true),
	[DAM_CALL_FAVOUR] = CALL("favour", favour_fields, dam_decision_favour, false),
	[DAM_CALL_TICK] = CALL("tick", tick_fields, dam_decision_tick, false),
	[DAM_CALL_MOVE] = CALL("move", move_fields, dam_policy_move, false),
	[DAM_CALL_UNDO] = {.name = "undo"},
	[DAM_CALL_TAKE_BACK] = CALL("back", move_fields, dam_policy_move, false),
};

/* The last of each index, one behind the other. */
struct memory {
	unsigned char *last;
	unsigned int nr;
};

struct dam_decision_text {
	unsigned int nr_domains;
	struct memory memory[DAM_CALL_NR];
};

struct dam_decision_text *dam_decision_text_create(void)
{
	return calloc(1, sizeof(struct dam_decision_text));
}

void dam_decision_text_destroy(struct dam_decision_text *x)
{
	for (unsigned int i = 0; x && i < DAM_CALL_NR; i++)
		free(x->memory[i].last);
	free(x);
}

/* Where the last line of this call and index is kept; NULL: no memory. */
static unsigned char *recall(struct dam_decision_text *x, enum dam_decision_call call, unsigned int index)
{
	struct memory *m = &x->memory[call];
	size_t size = calls[call].size;

	if (index >= MAX_INDEX)
		return NULL;
	if (index >= m->nr) {
		unsigned int nr = 2 * index + 64;
		unsigned char *more = realloc(m->last, nr * size);

		if (!more)
			return NULL;
		memset(more + m->nr * size, 0, (nr - m->nr) * size);
		m->last = more;
		m->nr = nr;
	}
	return m->last + index * size;
}

static unsigned int count(const struct dam_decision_text *x, const struct field *f)
{
	return f->per_domain ? x->nr_domains : f->nr ? f->nr : 1;
}

/* -- out -- */

static int print_value(char *out, size_t size, enum type type, const void *at)
{
	switch (type) {
	case DOUBLE:
		return snprintf(out, size, "%.17g", *(const double *)at);
	case FLOAT:
		return snprintf(out, size, "%.9g", (double)*(const float *)at);
	case INT:
		return snprintf(out, size, "%d", *(const int *)at);
	case UNSIGNED:
		return snprintf(out, size, "%u", *(const unsigned int *)at);
	case U64:
		return snprintf(out, size, "%" PRIx64, *(const uint64_t *)at);
	case BOOL:
		return snprintf(out, size, "%d", *(const bool *)at);
	}
	return 0;
}

/* " key=1,2,3". Return: its length; 0: it does not fit. */
static size_t print_field(const struct dam_decision_text *x, const struct field *f, const unsigned char *arg, char *out,
			  size_t size)
{
	size_t n = (size_t)snprintf(out, size, " %s=", f->key);

	for (unsigned int i = 0; i < count(x, f) && n < size; i++) {
		if (i && n + 1 < size)
			out[n++] = ',';
		n += (size_t)print_value(out + n, size - n, f->type, arg + f->offset + i * type_size[f->type]);
	}
	return n < size ? n : 0;
}

size_t dam_decision_print(struct dam_decision_text *x, enum dam_decision_call call, unsigned int index, const void *arg,
			  char *out)
{
	const struct call *c = &calls[call];
	unsigned char *last = c->remembered ? recall(x, call, index) : NULL;
	size_t n = (size_t)snprintf(out, DAM_DECISION_BYTES, DAM_DECISION_MARK "%s %u", c->name, index), len;

	if (c->remembered && !last)
		return 0;
	if (call == DAM_CALL_CONFIG)
		x->nr_domains = ((const struct dam_decision_config *)arg)->policy.nr_domains;
	for (unsigned int i = 0; i < c->nr; i++) {
		const struct field *f = &c->field[i];

		if (last && !memcmp(last + f->offset, (const unsigned char *)arg + f->offset, type_size[f->type]))
			continue;
		len = print_field(x, f, arg, out + n, DAM_DECISION_BYTES - 1 - n);
		if (!len)
			return 0;
		n += len;
	}
	if (last)
		memcpy(last, arg, c->size);
	out[n++] = '\n';
	out[n] = '\0';
	return n;
}

/* -- in -- */

static bool parse_unsigned(const char *text, char **end, int base, uint64_t max, uint64_t *out)
{
	*out = strtoull(text, end, base);
	return isxdigit((unsigned char)*text) && *end != text && !errno && *out <= max;
}

/*
 * Numbers as the C locale has them, which the tools never leave. What does not fit is no number that was printed; a
 * fraction may be so small that it is told as out of range.
 */
static bool parse_value(const char *text, char **end, enum type type, void *at)
{
	uint64_t n = 0;
	bool good;
	long i;

	errno = 0;
	switch (type) {
	case DOUBLE:
		*(double *)at = strtod(text, end);
		return *end != text && (!errno || isfinite(*(double *)at));
	case FLOAT:
		*(float *)at = strtof(text, end);
		return *end != text && (!errno || isfinite(*(float *)at));
	case INT:
		i = strtol(text, end, 10);
		*(int *)at = (int)i;
		return *end != text && !errno && i >= INT_MIN && i <= INT_MAX;
	case UNSIGNED:
		good = parse_unsigned(text, end, 10, UINT_MAX, &n);
		*(unsigned int *)at = (unsigned int)n;
		return good;
	case U64:
		return parse_unsigned(text, end, 16, UINT64_MAX, at);
	case BOOL:
		good = parse_unsigned(text, end, 10, 1, &n);
		*(bool *)at = n;
		return good;
	}
	return false;
}

static bool parse_field(const struct dam_decision_text *x, const struct call *c, char *text, unsigned char *arg)
{
	char *eq = strchr(text, '='), *at = eq ? eq + 1 : NULL;
	const struct field *f = c->field;

	if (!eq)
		return false;
	*eq = '\0';
	while (f < c->field + c->nr && strcmp(f->key, text))
		f++;
	if (f == c->field + c->nr)
		return false;
	for (unsigned int i = 0; i < count(x, f); i++) {
		if (!parse_value(at, &at, f->type, arg + f->offset + i * type_size[f->type]) ||
		    *at != (i + 1 < count(x, f) ? ',' : '\0'))
			return false;
		at += *at == ',';
	}
	return true;
}

static int find_call(const char *name)
{
	for (int i = 0; name && i < DAM_CALL_NR; i++)
		if (!strcmp(calls[i].name, name))
			return i;
	return -1;
}

/* The number of domains comes first, for it tells how long lists are. */
static bool learn_domains(struct dam_decision_text *x, const struct dam_decision_config *cfg)
{
	x->nr_domains = cfg->policy.nr_domains;
	return x->nr_domains > 0 && x->nr_domains <= DAM_POLICY_DOMAINS;
}

int dam_decision_parse(struct dam_decision_text *x, char *line, enum dam_decision_call *call, unsigned int *index,
		       union dam_decision_arg *arg)
{
	size_t mark = strlen(DAM_DECISION_MARK);
	char *rest, *name, *number, *word;
	unsigned char *last = NULL;
	int i;

	if (strncmp(line, DAM_DECISION_MARK, mark) != 0)
		return -EINVAL;
	name = strtok_r(line + mark, BLANKS, &rest);
	number = name ? strtok_r(NULL, BLANKS, &rest) : NULL;
	i = find_call(name);
	if (i < 0 || !number || number[strspn(number, "0123456789")] || strlen(number) > 7 ||
	    strtoul(number, NULL, 10) >= MAX_INDEX)
		return -EINVAL;
	*call = (enum dam_decision_call)i;
	*index = (unsigned int)strtoul(number, NULL, 10);
	memset(arg, 0, sizeof(*arg));
	if (calls[i].remembered) {
		last = recall(x, *call, *index);
		if (!last)
			return -ENOMEM;
		memcpy(arg, last, calls[i].size);
	}
	while ((word = strtok_r(NULL, BLANKS, &rest))) {
		bool domains = *call == DAM_CALL_CONFIG && !strncmp(word, "nr_domains=", 11);

		if (!parse_field(x, &calls[i], word, (unsigned char *)arg) || (domains && !learn_domains(x, &arg->config)))
			return -EINVAL;
	}
	if (last)
		memcpy(last, arg, calls[i].size);
	return 0;
}
