/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Scenario files, line by line: a word that says what the line is about, a name where one is needed, KEY=VALUE.
 * What may stand where, and in which range, is in words.c; what one line says about another is check.c's.
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

static int read_line_name(struct sim_parse *p, char *out, char **rest)
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/:";
	char *name = strtok_r(NULL, SIM_BLANKS, rest);

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
	char *kind = strtok_r(NULL, SIM_BLANKS, rest), *text = kind ? *rest + strspn(*rest, SIM_BLANKS) : NULL;
	char path[1024];
	int err;

	if (!kind || !*text)
		return sim_parse_fail(p, p->line, "needs 'synthetic' and hwloc's description, or 'xml' and a file");
	for (char *end = text + strlen(text); end > text && strchr(SIM_BLANKS, end[-1]);)
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
	char *text = strtok_r(NULL, SIM_BLANKS, rest);
	double v;

	if (!text || dam_parse_double(text, &v) || v < 1 || v > 100 || strtok_r(NULL, SIM_BLANKS, rest))
		return sim_parse_fail(p, p->line, "needs one number from 1 to 100: between any two domains");
	p->distance = (float)v;
	return 0;
}

static int line_run(struct sim_parse *p, char **rest)
{
	return sim_words_read(p, SIM_LINE_RUN, p->s, rest);
}

static int line_cost(struct sim_parse *p, char **rest)
{
	return sim_words_read(p, SIM_LINE_COST, p->s, rest);
}

static int line_policy(struct sim_parse *p, char **rest)
{
	return sim_words_read(p, SIM_LINE_POLICY, p->s, rest);
}

static int line_pool(struct sim_parse *p, char **rest)
{
	struct sim_pool *pool = add(p, &p->s->pool, &p->s->nr_pools, sizeof(*pool), SIM_POOLS);
	int err;

	if (!pool)
		return -EINVAL;
	pool->line = p->line;
	err = read_line_name(p, pool->name, rest);
	return err ? err : sim_words_read(p, SIM_LINE_POOL, pool, rest);
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
	return err ? err : sim_words_read(p, SIM_LINE_ENGINE, e, rest);
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
	return err ? err : sim_words_read(p, SIM_LINE_THREADS, g, rest);
}

/* at SECONDS engine NAME capacity=BYTES */
static int line_at(struct sim_parse *p, char **rest)
{
	struct sim_event *ev = add(p, &p->s->event, &p->s->nr_events, sizeof(*ev), SIM_EVENTS);
	char *when = strtok_r(NULL, SIM_BLANKS, rest), *what = when ? strtok_r(NULL, SIM_BLANKS, rest) : NULL;
	int err;

	if (!ev)
		return -EINVAL;
	ev->line = p->line;
	if (!what || dam_parse_double(when, &ev->at_s) || ev->at_s < 0 || ev->at_s > 1e6 || strcmp(what, "engine"))
		return sim_parse_fail(p, p->line, "needs: at SECONDS engine NAME capacity=BYTES");
	err = read_line_name(p, ev->name, rest);
	return err ? err : sim_words_read(p, SIM_LINE_AT, ev, rest);
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
	word = strtok_r(line, SIM_BLANKS, &rest);
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
