/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The description of simulated engines, in a file or in DAM_SIM itself:
 *
 *	engine NAME capacity=BYTES [domain=N] [pool=NAME] [latency=USEC] [depth=N] [source=TARGET]
 *	pool NAME [source=TARGET|*]
 *
 * '#' begins a comment. DAM_SIM is a path when it begins with '/' or '.', or when it holds no blank,
 * no '=' and no ';'. Otherwise it is the description, and ';' separates its lines.
 */
#include "config.h"
#include "hal/sim.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "hal/sysfs.h"

#define BLANKS " \t\r"

int dam_sim_fail(struct dam_hal *hal, const struct dam_sim_desc *s, unsigned int line,
		 const char *fmt, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	dam_hal_error(hal, "%s, line %u: %s", s->where, line, why);
	return -EINVAL;
}

/* -- words: each checks one value and returns NULL, or says what it had to be -- */

static const char *set_capacity(struct dam_hal *hal, struct dam_sim_decl *d, const char *value)
{
	(void)hal;
	if (!dam_parse_bytes(value, &d->capacity_bps) && d->capacity_bps)
		return NULL;
	return "an amount of bytes per second above 0, such as 8M";
}

static const char *set_domain(struct dam_hal *hal, struct dam_sim_decl *d, const char *value)
{
	unsigned int nr = dam_hal_topology(hal)->nr_domains;
	uint64_t v;

	if (!dam_parse_u64(value, &v) && v < nr) {
		d->domain = (unsigned int)v;
		return NULL;
	}
	return nr == 1 ? "a domain of this machine, which has 0 only"
		       : "the number of a domain of this machine, counted from 0";
}

static const char *set_latency(struct dam_hal *hal, struct dam_sim_decl *d, const char *value)
{
	uint64_t us;

	(void)hal;
	if (dam_parse_u64(value, &us) || !us || us > 60000000)
		return "microseconds from 1 to 60000000";
	d->latency_ns = us * 1000;
	return NULL;
}

static const char *set_depth(struct dam_hal *hal, struct dam_sim_decl *d, const char *value)
{
	uint64_t v;

	(void)hal;
	if (dam_parse_u64(value, &v) || !v || v > 1000000)
		return "a number of operations from 1 to 1000000";
	d->depth = (uint32_t)v;
	return NULL;
}

static const char *set_pool(struct dam_hal *hal, struct dam_sim_decl *d, const char *value)
{
	(void)hal;
	d->pool = value;
	return *value ? NULL : "the name of a pool";
}

static const char *set_source(struct dam_hal *hal, struct dam_sim_decl *d, const char *value)
{
	(void)hal;
	d->source = value;
	return *value ? NULL : "a target such as block:vda, or *";
}

static const struct word {
	const char *key;
	bool of_engine, of_pool;
	const char *(*set)(struct dam_hal *hal, struct dam_sim_decl *d, const char *value);
} words[] = {
	{"capacity", true, false, set_capacity}, {"domain", true, false, set_domain},
	{"latency", true, false, set_latency},	 {"depth", true, false, set_depth},
	{"pool", true, false, set_pool},	 {"source", true, true, set_source},
};
#define NR_WORDS (sizeof(words) / sizeof(words[0]))

/* -- lines -- */

static int parse_word(struct dam_hal *hal, struct dam_sim_desc *s, struct dam_sim_decl *d,
		      char *text, unsigned int *seen)
{
	char *eq = strchr(text, '=');
	const char *want;
	size_t i = 0;

	if (eq)
		*eq = '\0';
	while (i < NR_WORDS && strcmp(words[i].key, text))
		i++;
	if (i == NR_WORDS || !(d->is_pool ? words[i].of_pool : words[i].of_engine))
		return dam_sim_fail(hal, s, d->line, "'%s' is no word of %s", text,
				    d->is_pool ? "a pool; there is source"
					       : "an engine; there are capacity, domain, pool, "
						 "latency, depth, source");
	if (*seen & 1u << i)
		return dam_sim_fail(hal, s, d->line, "%s is given twice", text);
	*seen |= 1u << i;
	want = words[i].set(hal, d, eq ? eq + 1 : "");
	if (want)
		return dam_sim_fail(hal, s, d->line, "%s=%s: not %s", text, eq ? eq + 1 : "", want);
	return 0;
}

static int check_name(struct dam_hal *hal, struct dam_sim_desc *s, const struct dam_sim_decl *d)
{
	static const char ok[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/";

	if (!d->name || d->name[strspn(d->name, ok)])
		return dam_sim_fail(hal, s, d->line,
				    "%s needs a name of letters, digits, '_', '.', '-', '/'",
				    d->is_pool ? "a pool" : "an engine");
	if (strlen(d->name) > DAM_HAL_NAME - sizeof(DAM_SIM_PREFIX))
		return dam_sim_fail(hal, s, d->line, "a name has at most %zu characters",
				    DAM_HAL_NAME - sizeof(DAM_SIM_PREFIX));
	for (const struct dam_sim_decl *e = s->decl; e < d; e++)
		if (!strcmp(e->name, d->name))
			return dam_sim_fail(hal, s, d->line, "'%s' is declared already, in line %u",
					    d->name, e->line);
	return 0;
}

static int parse_line(struct dam_hal *hal, struct dam_sim_desc *s, char *line, unsigned int number)
{
	struct dam_sim_decl *d = &s->decl[s->nr];
	unsigned int seen = 0;
	char *rest, *word;
	int err;

	line[strcspn(line, "#")] = '\0';
	word = strtok_r(line, BLANKS, &rest);
	if (!word)
		return 0;
	*d = (struct dam_sim_decl){.line = number, .domain = DAM_NO_DOMAIN, .target = DAM_HAL_NONE};
	d->is_pool = !strcmp(word, "pool");
	if (!d->is_pool && strcmp(word, "engine"))
		return dam_sim_fail(hal, s, number, "'%s' begins no line; 'engine' and 'pool' do",
				    word);
	if (s->nr == DAM_SIM_DECLS - 1)
		return dam_sim_fail(hal, s, number, "more than %d engines and pools",
				    DAM_SIM_DECLS - 1);
	d->name = strtok_r(NULL, BLANKS, &rest);
	err = check_name(hal, s, d);
	while (!err && (word = strtok_r(NULL, BLANKS, &rest)))
		err = parse_word(hal, s, d, word, &seen);
	if (!err && !d->is_pool && !d->capacity_bps)
		err = dam_sim_fail(hal, s, number, "engine '%s' has no capacity=BYTES", d->name);
	s->nr++;
	return err;
}

/* -- what one line says about another -- */

static const struct dam_sim_decl *find_pool(const struct dam_sim_desc *s, const char *name)
{
	for (unsigned int i = 0; i < s->nr; i++)
		if (s->decl[i].is_pool && !strcmp(s->decl[i].name, name))
			return &s->decl[i];
	return NULL;
}

static bool has_engine(const struct dam_sim_desc *s, const char *pool)
{
	for (unsigned int i = 0; i < s->nr; i++)
		if (s->decl[i].pool && !strcmp(s->decl[i].pool, pool))
			return true;
	return false;
}

static int check_pools(struct dam_hal *hal, const struct dam_sim_desc *s)
{
	for (unsigned int i = 0; i < s->nr; i++) {
		const struct dam_sim_decl *d = &s->decl[i];

		if (d->is_pool && !has_engine(s, d->name))
			return dam_sim_fail(hal, s, d->line, "pool '%s' has no engine", d->name);
		if (d->pool && !find_pool(s, d->pool))
			return dam_sim_fail(hal, s, d->line, "pool=%s: no line declares this pool",
					    d->pool);
		if (d->pool && d->source)
			return dam_sim_fail(hal, s, d->line,
					    "source=%s: belongs to the line of pool '%s'",
					    d->source, d->pool);
	}
	return 0;
}

/* -- the text -- */

static bool is_path(const char *sim)
{
	return *sim == '/' || *sim == '.' || !sim[strcspn(sim, BLANKS "\n=;")];
}

/* Return: 0 with a terminated copy in s->text; -EINVAL; -ENOMEM. */
static int read_file(struct dam_hal *hal, struct dam_sim_desc *s)
{
	int fd = dam_sysfs_open("", "%s", s->where), n;

	if (fd < 0) {
		dam_hal_error(hal, "DAM_SIM: %s: %s", s->where,
			      fd == -EINVAL ? "not a regular file" : strerror(-fd));
		return -EINVAL;
	}
	s->text = malloc(DAM_SIM_FILE_MAX + 2);
	n = s->text ? dam_sysfs_pread(fd, s->text, DAM_SIM_FILE_MAX + 2) : -ENOMEM;
	close(fd);
	if (!s->text)
		return -ENOMEM;
	if (n < 0)
		dam_hal_error(hal, "DAM_SIM: %s: %s", s->where, strerror(-n));
	else if (n > DAM_SIM_FILE_MAX)
		dam_hal_error(hal, "DAM_SIM: %s: larger than %d bytes", s->where, DAM_SIM_FILE_MAX);
	else if (memchr(s->text, '\0', (size_t)n))
		dam_hal_error(hal, "DAM_SIM: %s: not a text file", s->where);
	else
		return 0;
	return -EINVAL;
}

static int read_text(struct dam_hal *hal, struct dam_sim_desc *s)
{
	const char *sim = dam_hal_config(hal)->sim;

	s->where = is_path(sim) ? sim : "DAM_SIM";
	if (s->where == sim)
		return read_file(hal, s);
	s->text = strdup(sim);
	if (!s->text)
		return -ENOMEM;
	for (char *p = s->text; (p = strchr(p, ';'));)
		*p = '\n';
	return 0;
}

int dam_sim_parse(struct dam_hal *hal, struct dam_sim_desc *out)
{
	unsigned int number = 1;
	char *line, *rest;
	int err = read_text(hal, out);

	for (rest = out->text; !err && (line = strsep(&rest, "\n")); number++)
		err = parse_line(hal, out, line, number);
	return err ? err : check_pools(hal, out);
}
