/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* KEY=VALUE on the lines of a scenario. What may stand where, and in which range, is the table `words`. */
#include "config.h"
#include "tools/sim/parse.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

struct word {
	const char *key;
	enum sim_line line; /* where it may stand */
	bool (*read)(const struct word *w, const char *value, void *at);
	size_t offset;
	double min, max;
	const char *want; /* what the value has to be */
};

/* Each of these reads one value and returns true, or leaves it. */

static bool in_range(const struct word *w, double v)
{
	return v >= w->min && v <= w->max;
}

static bool read_number(const struct word *w, const char *value, void *at)
{
	double v;

	if (dam_parse_double(value, &v) || !in_range(w, v))
		return false;
	*(double *)at = v;
	return true;
}

static bool read_bytes(const struct word *w, const char *value, void *at)
{
	uint64_t v;

	if (dam_parse_bytes(value, &v) || !in_range(w, (double)v))
		return false;
	*(double *)at = (double)v;
	return true;
}

static bool read_us(const struct word *w, const char *value, void *at)
{
	if (!read_number(w, value, at))
		return false;
	*(double *)at *= 1e-6;
	return true;
}

static bool read_ms(const struct word *w, const char *value, void *at)
{
	if (!read_number(w, value, at))
		return false;
	*(double *)at *= 1e-3;
	return true;
}

static bool read_percent(const struct word *w, const char *value, void *at)
{
	if (!read_number(w, value, at))
		return false;
	*(double *)at /= 100;
	return true;
}

static bool read_count(const struct word *w, const char *value, void *at)
{
	uint64_t v;

	if (dam_parse_u64(value, &v) || !in_range(w, (double)v))
		return false;
	*(unsigned int *)at = (unsigned int)v;
	return true;
}

static bool read_seed(const struct word *w, const char *value, void *at)
{
	(void)w;
	return !dam_parse_u64(value, at);
}

static bool read_name(const struct word *w, const char *value, void *at)
{
	return *value && dam_strlcpy(at, value, (size_t)w->max) < (size_t)w->max;
}

static bool read_flag(const struct word *w, const char *value, void *at)
{
	(void)w;
	*(bool *)at = true;
	return !*value;
}

/* "0", "0-3", "0,2": the kernel's own way to write sets of CPUs. */
static bool read_domains(const struct word *w, const char *value, void *at)
{
	struct dam_cpuset set;

	(void)w;
	if (dam_cpuset_parse(value, &set) || dam_cpuset_empty(&set))
		return false;
	for (unsigned int i = 1; i < DAM_CPUSET_WORDS; i++)
		if (set.word[i])
			return false;
	*(uint64_t *)at = set.word[0];
	return true;
}

static const char *const shapes[] = {
	[SIM_STEADY] = "steady", [SIM_BURSTY] = "bursty", [SIM_DIURNAL] = "diurnal",
	[SIM_PERIODIC] = "periodic", [SIM_RAMP] = "ramp", [SIM_FLASH] = "flash",
};

static bool read_shape(const struct word *w, const char *value, void *at)
{
	(void)w;
	for (unsigned int i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (!strcmp(shapes[i], value)) {
			*(enum sim_shape *)at = i;
			return true;
		}
	return false;
}

static bool read_class(const struct word *w, const char *value, void *at)
{
	int class = dam_policy_class_find(value);

	(void)w;
	if (class >= 0)
		*(enum dam_policy_class *)at = (enum dam_policy_class)class;
	return class >= 0;
}

#define AT_SCENARIO(f) offsetof(struct sim_scenario, f)
#define AT_ENGINE(f)   offsetof(struct sim_engine, f)
#define AT_GROUP(f)    offsetof(struct sim_group, f)
#define AT_EVENT(f)    offsetof(struct sim_event, f)

static const struct word words[] = {
	{"seconds", SIM_LINE_RUN, read_number, AT_SCENARIO(seconds), 0.1, 1e6, "seconds from 0.1 to 1000000"},
	{"tick", SIM_LINE_RUN, read_ms, AT_SCENARIO(tick_s), 1, 1000, "milliseconds from 1 to 1000"},
	{"seed", SIM_LINE_RUN, read_seed, AT_SCENARIO(seed), 0, 0, "a whole number"},
	{"pause", SIM_LINE_COST, read_us, AT_SCENARIO(migration_s), 0, 1e6, "microseconds from 0 to 1000000"},
	{"cache", SIM_LINE_COST, read_bytes, AT_SCENARIO(cache_bytes), 0, 1e9, "an amount of bytes below 1G"},
	{"memory", SIM_LINE_COST, read_bytes, AT_SCENARIO(memory_bps), 1e6, 1e13, "bytes per second, such as 10G"},
	{"throughput", SIM_LINE_POLICY, read_number, AT_SCENARIO(weight_throughput), 0, 1, "a weight from 0 to 1"},
	{"latency", SIM_LINE_POLICY, read_number, AT_SCENARIO(weight_latency), 0, 1, "a weight from 0 to 1"},
	{"threshold", SIM_LINE_POLICY, read_percent, AT_SCENARIO(threshold), 0, 100, "percent from 0 to 100"},
	{"horizon", SIM_LINE_POLICY, read_ms, AT_SCENARIO(horizon_s), 1, 10000, "milliseconds from 1 to 10000"},
	{"headroom", SIM_LINE_POLICY, read_percent, AT_SCENARIO(head_room), 0, 90, "percent from 0 to 90"},
	{"reserve", SIM_LINE_ENGINE, read_class, AT_ENGINE(reserved), 0, 0, "a class: rt, latency"},
	{"class", SIM_LINE_THREADS, read_class, AT_GROUP(class), 0, 0, "a class: normal, latency, rt"},
	{"capacity", SIM_LINE_ENGINE, read_bytes, AT_ENGINE(capacity), 1024, 1e13,
	 "bytes per second from 1K, such as 8M or 1.5G"},
	{"write", SIM_LINE_ENGINE, read_bytes, AT_ENGINE(write), 1024, 1e13, "bytes per second from 1K, such as 8M or 1.5G"},
	{"domain", SIM_LINE_ENGINE, read_count, AT_ENGINE(domain), 0, DAM_MAX_DOMAINS - 1,
	 "the number of a domain, counted from 0"},
	{"pool", SIM_LINE_ENGINE, read_name, AT_ENGINE(pool_name), 0, SIM_NAME, "the name of a pool"},
	{"latency", SIM_LINE_ENGINE, read_us, AT_ENGINE(latency_s), 0.01, 6e7, "microseconds from 0.01 to 60000000"},
	{"guess", SIM_LINE_ENGINE, read_us, AT_ENGINE(guess_s), 0.01, 6e7, "microseconds from 0.01 to 60000000"},
	{"depth", SIM_LINE_ENGINE, read_count, AT_ENGINE(depth), 1, 65536, "a number of operations from 1 to 65536"},
	{"penalty", SIM_LINE_ENGINE, read_number, AT_ENGINE(penalty), 0, 100, "a share of the latency from 0 to 100"},
	{"jitter", SIM_LINE_ENGINE, read_number, AT_ENGINE(jitter), 0, 0.9, "a share of the capacity from 0 to 0.9"},
	{"told", SIM_LINE_ENGINE, read_flag, AT_ENGINE(told), 0, 0, "a word without a value"},
	{"count", SIM_LINE_THREADS, read_count, AT_GROUP(count), 1, SIM_THREADS, "a number from 1 to 200000"},
	{"on", SIM_LINE_THREADS, read_name, AT_GROUP(on), 0, SIM_NAME, "the name of a pool or of an engine in none"},
	{"domain", SIM_LINE_THREADS, read_domains, AT_GROUP(domains), 0, 0, "domains counted from 0, such as 0, 0-3 or 0,2"},
	{"depth", SIM_LINE_THREADS, read_count, AT_GROUP(depth), 1, 4096, "a number of operations from 1 to 4096"},
	{"think", SIM_LINE_THREADS, read_us, AT_GROUP(think_s), 0, 6e7, "microseconds from 0 to 60000000"},
	{"rate", SIM_LINE_THREADS, read_bytes, AT_GROUP(rate), 1, 1e13, "bytes per second, such as 200M"},
	{"load", SIM_LINE_THREADS, read_shape, AT_GROUP(shape), 0, 0,
	 "one of steady, bursty, diurnal, periodic, ramp, flash"},
	{"peak", SIM_LINE_THREADS, read_number, AT_GROUP(peak), 0, 1000, "a factor from 0 to 1000"},
	{"period", SIM_LINE_THREADS, read_number, AT_GROUP(period_s), 0.01, 1e6, "seconds from 0.01 to 1000000"},
	{"duty", SIM_LINE_THREADS, read_number, AT_GROUP(duty), 0, 1, "a share of the period from 0 to 1"},
	{"onfor", SIM_LINE_THREADS, read_number, AT_GROUP(on_s), 0.001, 1e6, "seconds from 0.001 to 1000000"},
	{"offfor", SIM_LINE_THREADS, read_number, AT_GROUP(off_s), 0.001, 1e6, "seconds from 0.001 to 1000000"},
	{"at", SIM_LINE_THREADS, read_number, AT_GROUP(at_s), 0, 1e6, "seconds from 0 to 1000000"},
	{"over", SIM_LINE_THREADS, read_number, AT_GROUP(over_s), 0, 1e6, "seconds from 0 to 1000000"},
	{"hold", SIM_LINE_THREADS, read_number, AT_GROUP(hold_s), 0, 1e6, "seconds from 0 to 1000000"},
	{"cv", SIM_LINE_THREADS, read_number, AT_GROUP(cv), 0, 10, "a coefficient of variation from 0 to 10"},
	{"corr", SIM_LINE_THREADS, read_ms, AT_GROUP(corr_s), 0, 1e6, "milliseconds from 0 to 1000000"},
	{"trace", SIM_LINE_THREADS, read_name, AT_GROUP(trace), 0, 256, "the path of a recording"},
	{"of", SIM_LINE_THREADS, read_name, AT_GROUP(of), 0, SIM_NAME, "the name of an engine in the recording"},
	{"scale", SIM_LINE_THREADS, read_number, AT_GROUP(scale), 1e-6, 1e6, "a factor from 0.000001 to 1000000"},
	{"speed", SIM_LINE_THREADS, read_number, AT_GROUP(speed), 1e-3, 1e3, "a factor from 0.001 to 1000"},
	{"op", SIM_LINE_THREADS, read_bytes, AT_GROUP(op_bytes), 64, 1 << 30, "bytes of an operation from 64 to 1G"},
	{"writes", SIM_LINE_THREADS, read_number, AT_GROUP(writes), 0, 1, "a share of the operations from 0 to 1"},
	{"start", SIM_LINE_THREADS, read_number, AT_GROUP(start_s), 0, 1e6, "seconds from 0 to 1000000"},
	{"stagger", SIM_LINE_THREADS, read_number, AT_GROUP(stagger_s), 0, 1e6, "seconds from 0 to 1000000"},
	{"life", SIM_LINE_THREADS, read_number, AT_GROUP(life_s), 0.01, 1e6, "seconds from 0.01 to 1000000"},
	{"cpu", SIM_LINE_THREADS, read_us, AT_GROUP(cpu_s), 0, 1e6, "microseconds from 0 to 1000000"},
	{"memory", SIM_LINE_THREADS, read_number, AT_GROUP(memory), 0, 1000, "memory bytes per byte moved, from 0 to 1000"},
	{"pinned", SIM_LINE_THREADS, read_flag, AT_GROUP(pinned), 0, 0, "a word without a value"},
	{"hidden", SIM_LINE_THREADS, read_flag, AT_GROUP(hidden), 0, 0, "a word without a value"},
	{"unseen", SIM_LINE_THREADS, read_flag, AT_GROUP(unseen), 0, 0, "a word without a value"},
	{"capacity", SIM_LINE_AT, read_bytes, AT_EVENT(capacity), 1024, 1e13, "bytes per second from 1K, such as 8M or 1.5G"},
	{"write", SIM_LINE_AT, read_bytes, AT_EVENT(write), 1024, 1e13, "bytes per second from 1K, such as 8M or 1.5G"},
};
#define NR_WORDS (sizeof(words) / sizeof(words[0]))
_Static_assert(NR_WORDS <= 64, "one bit for each tells which were given");

static const struct word *find_word(const char *key, enum sim_line kind)
{
	for (size_t i = 0; i < NR_WORDS; i++)
		if (words[i].line == kind && !strcmp(words[i].key, key))
			return &words[i];
	return NULL;
}

/* "capacity, write, domain": what may stand on the line. */
static void list_words(enum sim_line kind, char *out, size_t size)
{
	size_t n = 0;

	*out = '\0';
	for (size_t i = 0; i < NR_WORDS && n < size; i++)
		if (words[i].line == kind)
			n += (size_t)snprintf(out + n, size - n, "%s%s", n ? ", " : "", words[i].key);
}

int sim_words_read(struct sim_parse *p, enum sim_line kind, void *base, char **rest)
{
	uint64_t seen = 0;
	char *text;

	while ((text = strtok_r(NULL, SIM_BLANKS, rest))) {
		char *eq = strchr(text, '='), list[320];
		const struct word *w;

		if (eq)
			*eq = '\0';
		w = find_word(text, kind);
		if (!w) {
			list_words(kind, list, sizeof(list));
			return sim_parse_fail(p, p->line, "'%.40s' is no word of this line; there are %s", text, list);
		}
		if (seen & 1ull << (w - words))
			return sim_parse_fail(p, p->line, "%s is given twice", text);
		seen |= 1ull << (w - words);
		if (!w->read(w, eq ? eq + 1 : "", (char *)base + w->offset))
			return sim_parse_fail(p, p->line, "%s=%.60s: not %s", text, eq ? eq + 1 : "", w->want);
	}
	return 0;
}
