/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Scenario files, line by line: a word that says what the line is about, a name where one is needed, KEY=VALUE.
 * What may stand where, and in which range, is the table `words`; what one line says about another is check.c's.
 */
#include "config.h"
#include "tools/sim/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"

#define BLANKS " \t\r"
#define LARGEST_TOPOLOGY 65536

int sim_parse_fail(struct sim_parse *p, unsigned int line, const char *fmt, ...)
{
	char why[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (line)
		snprintf(p->err, p->err_size, "%s, line %u: %s", p->s->path, line, why);
	else
		snprintf(p->err, p->err_size, "%s: %s", p->s->path, why);
	return -EINVAL;
}

/* -- values: each reads one and returns true, or leaves it -- */

enum { RUN = 1, COST = 2, POLICY = 4, POOL = 8, ENGINE = 16, THREADS = 32, AT = 64 };

struct word {
	const char *key;
	int lines; /* where it may stand */
	bool (*read)(const struct word *w, const char *value, void *at);
	size_t offset;
	double min, max;
	const char *want; /* what the value has to be */
};

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
	{"seconds", RUN, read_number, AT_SCENARIO(seconds), 0.1, 1e6, "seconds from 0.1 to 1000000"},
	{"tick", RUN, read_ms, AT_SCENARIO(tick_s), 1, 1000, "milliseconds from 1 to 1000"},
	{"seed", RUN, read_seed, AT_SCENARIO(seed), 0, 0, "a whole number"},
	{"pause", COST, read_us, AT_SCENARIO(migration_s), 0, 1e6, "microseconds from 0 to 1000000"},
	{"cache", COST, read_bytes, AT_SCENARIO(cache_bytes), 0, 1e9, "an amount of bytes below 1G"},
	{"memory", COST, read_bytes, AT_SCENARIO(memory_bps), 1e6, 1e13, "bytes per second, such as 10G"},
	{"throughput", POLICY, read_number, AT_SCENARIO(weight_throughput), 0, 1, "a weight from 0 to 1"},
	{"latency", POLICY, read_number, AT_SCENARIO(weight_latency), 0, 1, "a weight from 0 to 1"},
	{"threshold", POLICY, read_percent, AT_SCENARIO(threshold), 0, 100, "percent from 0 to 100"},
	{"horizon", POLICY, read_ms, AT_SCENARIO(horizon_s), 1, 10000, "milliseconds from 1 to 10000"},
	{"headroom", POLICY, read_percent, AT_SCENARIO(head_room), 0, 90, "percent from 0 to 90"},
	{"reserve", ENGINE, read_class, AT_ENGINE(reserved), 0, 0, "a class: rt, latency"},
	{"class", THREADS, read_class, AT_GROUP(class), 0, 0, "a class: normal, latency, rt"},
	{"capacity", ENGINE, read_bytes, AT_ENGINE(capacity), 1024, 1e13,
	 "bytes per second from 1K, such as 8M or 1.5G"},
	{"write", ENGINE, read_bytes, AT_ENGINE(write), 1024, 1e13, "bytes per second from 1K, such as 8M or 1.5G"},
	{"domain", ENGINE, read_count, AT_ENGINE(domain), 0, DAM_MAX_DOMAINS - 1,
	 "the number of a domain, counted from 0"},
	{"pool", ENGINE, read_name, AT_ENGINE(pool_name), 0, SIM_NAME, "the name of a pool"},
	{"latency", ENGINE, read_us, AT_ENGINE(latency_s), 0.01, 6e7, "microseconds from 0.01 to 60000000"},
	{"guess", ENGINE, read_us, AT_ENGINE(guess_s), 0.01, 6e7, "microseconds from 0.01 to 60000000"},
	{"depth", ENGINE, read_count, AT_ENGINE(depth), 1, 65536, "a number of operations from 1 to 65536"},
	{"penalty", ENGINE, read_number, AT_ENGINE(penalty), 0, 100, "a share of the latency from 0 to 100"},
	{"jitter", ENGINE, read_number, AT_ENGINE(jitter), 0, 0.9, "a share of the capacity from 0 to 0.9"},
	{"told", ENGINE, read_flag, AT_ENGINE(told), 0, 0, "a word without a value"},
	{"count", THREADS, read_count, AT_GROUP(count), 1, SIM_THREADS, "a number from 1 to 200000"},
	{"on", THREADS, read_name, AT_GROUP(on), 0, SIM_NAME, "the name of a pool or of an engine in none"},
	{"domain", THREADS, read_domains, AT_GROUP(domains), 0, 0, "domains counted from 0, such as 0, 0-3 or 0,2"},
	{"depth", THREADS, read_count, AT_GROUP(depth), 1, 4096, "a number of operations from 1 to 4096"},
	{"think", THREADS, read_us, AT_GROUP(think_s), 0, 6e7, "microseconds from 0 to 60000000"},
	{"rate", THREADS, read_bytes, AT_GROUP(rate), 1, 1e13, "bytes per second, such as 200M"},
	{"load", THREADS, read_shape, AT_GROUP(shape), 0, 0,
	 "one of steady, bursty, diurnal, periodic, ramp, flash"},
	{"peak", THREADS, read_number, AT_GROUP(peak), 0, 1000, "a factor from 0 to 1000"},
	{"period", THREADS, read_number, AT_GROUP(period_s), 0.01, 1e6, "seconds from 0.01 to 1000000"},
	{"duty", THREADS, read_number, AT_GROUP(duty), 0, 1, "a share of the period from 0 to 1"},
	{"onfor", THREADS, read_number, AT_GROUP(on_s), 0.001, 1e6, "seconds from 0.001 to 1000000"},
	{"offfor", THREADS, read_number, AT_GROUP(off_s), 0.001, 1e6, "seconds from 0.001 to 1000000"},
	{"at", THREADS, read_number, AT_GROUP(at_s), 0, 1e6, "seconds from 0 to 1000000"},
	{"over", THREADS, read_number, AT_GROUP(over_s), 0, 1e6, "seconds from 0 to 1000000"},
	{"hold", THREADS, read_number, AT_GROUP(hold_s), 0, 1e6, "seconds from 0 to 1000000"},
	{"cv", THREADS, read_number, AT_GROUP(cv), 0, 10, "a coefficient of variation from 0 to 10"},
	{"corr", THREADS, read_ms, AT_GROUP(corr_s), 0, 1e6, "milliseconds from 0 to 1000000"},
	{"trace", THREADS, read_name, AT_GROUP(trace), 0, 256, "the path of a recording"},
	{"of", THREADS, read_name, AT_GROUP(of), 0, SIM_NAME, "the name of an engine in the recording"},
	{"scale", THREADS, read_number, AT_GROUP(scale), 1e-6, 1e6, "a factor from 0.000001 to 1000000"},
	{"speed", THREADS, read_number, AT_GROUP(speed), 1e-3, 1e3, "a factor from 0.001 to 1000"},
	{"op", THREADS, read_bytes, AT_GROUP(op_bytes), 64, 1 << 30, "bytes of an operation from 64 to 1G"},
	{"writes", THREADS, read_number, AT_GROUP(writes), 0, 1, "a share of the operations from 0 to 1"},
	{"start", THREADS, read_number, AT_GROUP(start_s), 0, 1e6, "seconds from 0 to 1000000"},
	{"stagger", THREADS, read_number, AT_GROUP(stagger_s), 0, 1e6, "seconds from 0 to 1000000"},
	{"life", THREADS, read_number, AT_GROUP(life_s), 0.01, 1e6, "seconds from 0.01 to 1000000"},
	{"cpu", THREADS, read_us, AT_GROUP(cpu_s), 0, 1e6, "microseconds from 0 to 1000000"},
	{"memory", THREADS, read_number, AT_GROUP(memory), 0, 1000, "memory bytes per byte moved, from 0 to 1000"},
	{"pinned", THREADS, read_flag, AT_GROUP(pinned), 0, 0, "a word without a value"},
	{"hidden", THREADS, read_flag, AT_GROUP(hidden), 0, 0, "a word without a value"},
	{"unseen", THREADS, read_flag, AT_GROUP(unseen), 0, 0, "a word without a value"},
	{"capacity", AT, read_bytes, AT_EVENT(capacity), 1024, 1e13, "bytes per second from 1K, such as 8M or 1.5G"},
	{"write", AT, read_bytes, AT_EVENT(write), 1024, 1e13, "bytes per second from 1K, such as 8M or 1.5G"},
};
#define NR_WORDS (sizeof(words) / sizeof(words[0]))
_Static_assert(NR_WORDS <= 64, "one bit for each tells which were given");

/* -- lines -- */

static const struct word *find_word(const char *key, int kind)
{
	for (size_t i = 0; i < NR_WORDS; i++)
		if ((words[i].lines & kind) && !strcmp(words[i].key, key))
			return &words[i];
	return NULL;
}

/* "capacity, write, domain": what may stand on the line. */
static void list_words(int kind, char *out, size_t size)
{
	size_t n = 0;

	*out = '\0';
	for (size_t i = 0; i < NR_WORDS && n < size; i++)
		if (words[i].lines & kind)
			n += (size_t)snprintf(out + n, size - n, "%s%s", n ? ", " : "", words[i].key);
}

/* Reads KEY=VALUE … into the struct at @base. */
static int read_words(struct sim_parse *p, int kind, void *base, char **rest)
{
	uint64_t seen = 0;
	char *text;

	while ((text = strtok_r(NULL, BLANKS, rest))) {
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

static int read_line_name(struct sim_parse *p, char *out, char **rest)
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/:";
	char *name = strtok_r(NULL, BLANKS, rest);

	if (!name || name[strspn(name, ok)] || strlen(name) >= SIM_NAME)
		return sim_parse_fail(p, p->line,
				      "a name is missing: at most %d letters, digits, '_', '.', '-', '/', ':'",
				      SIM_NAME - 1);
	dam_strlcpy(out, name, SIM_NAME);
	return 0;
}

/* One more element of an array that holds @max at most. Return: NULL: said so. */
static void *add(struct sim_parse *p, void *array, unsigned int *nr, size_t size, unsigned int max)
{
	void **a = array, *more;

	if (*nr == max) {
		sim_parse_fail(p, p->line, "more than %u of this kind of line", max);
		return NULL;
	}
	if ((*nr & (*nr - 1)) == 0) {
		more = realloc(*a, (*nr ? 2 * (size_t)*nr : 1) * size);
		if (!more) {
			p->nomem = true;
			return NULL;
		}
		*a = more;
	}
	memset((char *)*a + *nr * size, 0, size);
	return (char *)*a + (*nr)++ * size;
}

/* hwloc makes what it is told to, however long that takes: as many things as the numbers multiply to. */
static bool is_small(const char *synthetic)
{
	double nr = 1;

	for (const char *at = synthetic; (at = strchr(at, ':')); at++)
		nr *= fmax(1, (double)strtoul(at + 1, NULL, 10));
	return nr <= LARGEST_TOPOLOGY;
}

static int line_topology(struct sim_parse *p, char **rest)
{
	char *kind = strtok_r(NULL, BLANKS, rest), *text = kind ? *rest + strspn(*rest, BLANKS) : NULL;
	char path[1024];
	int err;

	if (!kind || !*text)
		return sim_parse_fail(p, p->line, "needs 'synthetic' and hwloc's description, or 'xml' and a file");
	for (char *end = text + strlen(text); end > text && strchr(BLANKS, end[-1]);)
		*--end = '\0';
	if (strcmp(kind, "synthetic") && strcmp(kind, "xml"))
		return sim_parse_fail(p, p->line, "'%.40s' is no kind of topology: synthetic, xml", kind);
	if (p->s->started)
		return sim_parse_fail(p, p->line, "the topology is given already");
	p->s->started = true;
	if (*kind == 's' && !is_small(text))
		return sim_parse_fail(p, p->line, "more than %d things in %.200s", LARGEST_TOPOLOGY, text);
	sim_path_beside(p->s->path, text, path, sizeof(path));
	err = *kind == 's' ? dam_topology_describe(text, NULL, &p->s->topo) :
			     dam_topology_describe(NULL, path, &p->s->topo);
	if (err)
		return sim_parse_fail(p, p->line, "hwloc does not understand %.200s", text);
	return 0;
}

static int line_distance(struct sim_parse *p, char **rest)
{
	char *text = strtok_r(NULL, BLANKS, rest);
	double v;

	if (!text || dam_parse_double(text, &v) || v < 1 || v > 100 || strtok_r(NULL, BLANKS, rest))
		return sim_parse_fail(p, p->line, "needs one number from 1 to 100: between any two domains");
	p->distance = (float)v;
	return 0;
}

static int line_run(struct sim_parse *p, char **rest)
{
	return read_words(p, RUN, p->s, rest);
}

static int line_cost(struct sim_parse *p, char **rest)
{
	return read_words(p, COST, p->s, rest);
}

static int line_policy(struct sim_parse *p, char **rest)
{
	return read_words(p, POLICY, p->s, rest);
}

static int line_pool(struct sim_parse *p, char **rest)
{
	struct sim_pool *pool = add(p, &p->s->pool, &p->s->nr_pools, sizeof(*pool), SIM_POOLS);
	int err;

	if (!pool)
		return -EINVAL;
	pool->line = p->line;
	err = read_line_name(p, pool->name, rest);
	return err ? err : read_words(p, POOL, pool, rest);
}

static int line_engine(struct sim_parse *p, char **rest)
{
	struct sim_engine *e = add(p, &p->s->engine, &p->s->nr_engines, sizeof(*e), SIM_ENGINES);
	int err;

	if (!e)
		return -EINVAL;
	e->line = p->line;
	e->domain = DAM_NO_DOMAIN;
	e->latency_s = 100e-6;
	e->penalty = 0.2;
	err = read_line_name(p, e->name, rest);
	return err ? err : read_words(p, ENGINE, e, rest);
}

static int line_threads(struct sim_parse *p, char **rest)
{
	struct sim_group *g = add(p, &p->s->group, &p->s->nr_groups, sizeof(*g), SIM_GROUPS);
	int err;

	if (!g)
		return -EINVAL;
	*g = (struct sim_group){.line = p->line, .count = 1, .pool = -1, .engine = -1, .peak = NAN, .scale = 1,
				.speed = 1, .op_bytes = 65536, .duty = 0.5, .period_s = 1, .on_s = 0.1, .off_s = 0.4,
				.over_s = 1, .hold_s = 1, .at_s = 1, .cpu_s = 2e-6};
	err = read_line_name(p, g->name, rest);
	return err ? err : read_words(p, THREADS, g, rest);
}

/* at SECONDS engine NAME capacity=BYTES */
static int line_at(struct sim_parse *p, char **rest)
{
	struct sim_event *ev = add(p, &p->s->event, &p->s->nr_events, sizeof(*ev), SIM_EVENTS);
	char *when = strtok_r(NULL, BLANKS, rest), *what = when ? strtok_r(NULL, BLANKS, rest) : NULL;
	int err;

	if (!ev)
		return -EINVAL;
	ev->line = p->line;
	if (!what || dam_parse_double(when, &ev->at_s) || ev->at_s < 0 || ev->at_s > 1e6 || strcmp(what, "engine"))
		return sim_parse_fail(p, p->line, "needs: at SECONDS engine NAME capacity=BYTES");
	err = read_line_name(p, ev->name, rest);
	return err ? err : read_words(p, AT, ev, rest);
}

static const struct {
	const char *word;
	int (*read)(struct sim_parse *p, char **rest);
} lines[] = {
	{"topology", line_topology}, {"distance", line_distance}, {"run", line_run},   {"cost", line_cost},
	{"policy", line_policy},     {"pool", line_pool},	  {"engine", line_engine}, {"threads", line_threads},
	{"at", line_at},
};
#define NR_LINES (sizeof(lines) / sizeof(lines[0]))

static int read_line(struct sim_parse *p, char *line)
{
	char *rest, *word;

	line[strcspn(line, "#")] = '\0';
	word = strtok_r(line, BLANKS, &rest);
	for (size_t i = 0; word && i < NR_LINES; i++)
		if (!strcmp(lines[i].word, word))
			return lines[i].read(p, &rest);
	if (!word)
		return 0;
	return sim_parse_fail(p, p->line,
			      "'%.40s' begins no line; topology, distance, run, cost, policy, pool, engine, threads, at do",
			      word);
}

static struct sim_scenario *new_scenario(const char *path)
{
	struct sim_scenario *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	dam_strlcpy(s->path, path, sizeof(s->path));
	s->seconds = 30;
	s->tick_s = 0.01;
	s->seed = 1;
	s->weight_throughput = s->weight_latency = 1;
	s->threshold = 0.15;
	s->horizon_s = 0.1;
	s->migration_s = 50e-6;
	s->cache_bytes = 2 << 20;
	s->memory_bps = 10e9;
	return s;
}

int sim_scenario_parse(const char *path, const char *text, size_t len, char *err, size_t size,
		       struct sim_scenario **out)
{
	struct sim_parse p = {.s = new_scenario(path), .err = err, .err_size = size};
	char *copy = strndup(text, len), *rest = copy, *line;
	int r = p.s && copy ? 0 : -ENOMEM;

	if (!r && strlen(copy) != len)
		r = sim_parse_fail(&p, 0, "not a text file");
	for (p.line = 1; !r && (line = strsep(&rest, "\n")); p.line++)
		r = read_line(&p, line);
	if (!r)
		r = sim_scenario_check(&p);
	free(copy);
	if (p.nomem)
		r = -ENOMEM;
	if (r == -ENOMEM)
		snprintf(err, size, "out of memory");
	if (r)
		sim_scenario_free(p.s);
	else
		*out = p.s;
	return r;
}

static int read_all(int fd, char *buf, size_t size, size_t *len)
{
	ssize_t n;

	for (*len = 0; *len < size; *len += (size_t)n) {
		n = read(fd, buf + *len, size - *len);
		if (n < 0)
			return -errno;
		if (!n)
			break;
	}
	return 0;
}

int sim_scenario_read(const char *path, char *err, size_t size, struct sim_scenario **out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r = fd < 0 ? -errno : 0;
	char *text = malloc(SIM_FILE_MAX + 1);
	size_t len = 0;

	if (!r)
		r = text ? read_all(fd, text, SIM_FILE_MAX + 1, &len) : -ENOMEM;
	if (fd >= 0)
		close(fd);
	if (!r && len > SIM_FILE_MAX)
		r = -EFBIG;
	if (r)
		snprintf(err, size, "%s: %s", path, strerror(-r));
	else
		r = sim_scenario_parse(path, text, len, err, size, out);
	free(text);
	return r;
}

void sim_scenario_free(struct sim_scenario *s)
{
	if (!s)
		return;
	free(s->pool);
	free(s->engine);
	free(s->group);
	free(s->event);
	free(s);
}
