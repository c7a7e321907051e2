/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Options of a tool: one table read by getopt_long(), --help and --help-mdoc. */
#include "config.h"
#include "tools/common/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/knobs.h"
#include "base/str.h"

#define MAX_OPTIONS 32
#define FIRST_VALUE 0x100 /* getopt_long() returns this plus the option's index */

/* What every tool has. */
enum common { COMMON_HELP, COMMON_VERSION, COMMON_MDOC, COMMON_NR };

static const struct dam_option common[COMMON_NR] = {
	[COMMON_HELP] = {.name = "help", .letter = 'h', .help = "show this text"},
	[COMMON_VERSION] = {.name = "version", .letter = 'V', .help = "show the version"},
	[COMMON_MDOC] = {.name = "help-mdoc", .hidden = true},
};

static unsigned int nr_all(const struct dam_tool *t)
{
	return t->nr_options + COMMON_NR;
}

static const struct dam_option *option_at(const struct dam_tool *t, unsigned int i)
{
	return i < t->nr_options ? &t->option[i] : &common[i - t->nr_options];
}

/* "-h, --help" or "    --json FILE" */
static void print_option(const struct dam_option *o)
{
	char head[64];

	snprintf(head, sizeof(head), "%s%c%s--%s%s%s", o->letter ? "-" : " ",
		 o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name, o->arg ? " " : "",
		 o->arg ? o->arg : "");
	printf("  %-26s  %s\n", head, o->help);
}

static const char *words(const struct dam_tool *t)
{
	return t->words ? t->words : "commands";
}

static void print_help(const struct dam_tool *t)
{
	const struct dam_word *w;

	printf("usage: %s %s\n%s.\n", t->name, t->usage, t->summary);
	if (t->word)
		printf("\n%c%s:\n", toupper((unsigned char)words(t)[0]), words(t) + 1);
	for (unsigned int i = 0; t->word && (w = t->word(i)); i++)
		printf("  %-26s  %s\n", w->name, w->help);
	printf("\nOptions:\n");
	for (unsigned int i = 0; i < nr_all(t); i++)
		if (!option_at(t, i)->hidden)
			print_option(option_at(t, i));
	if (t->knob_scope) {
		printf("\nEnvironment:\n");
		dam_knobs_print(stdout, t->knob_scope);
	}
}

/* What man/update.sh puts between the same lines in the man pages. */
static void begin_block(const struct dam_tool *t, const char *what)
{
	printf(".\\\" BEGIN generated: %s %s\n", t->name, what);
}

static void end_block(void)
{
	printf(".\\\" END generated\n");
}

static void print_mdoc_words(const struct dam_tool *t)
{
	const struct dam_word *w;

	begin_block(t, words(t));
	printf(".Bl -tag -width Ds\n");
	for (unsigned int i = 0; (w = t->word(i)); i++)
		printf(".It Cm %s\n%s.\n", w->name, w->help);
	printf(".El\n");
	end_block();
}

static void print_mdoc_options(const struct dam_tool *t)
{
	begin_block(t, "options");
	printf(".Bl -tag -width Ds\n");
	for (unsigned int i = 0; i < nr_all(t); i++) {
		const struct dam_option *o = option_at(t, i);

		if (o->hidden)
			continue;
		printf(".It ");
		if (o->letter)
			printf("Fl %c , ", o->letter);
		printf("Fl -%s%s%s\n%s.\n", o->name, o->arg ? " Ar " : "", o->arg ? o->arg : "",
		       o->help);
	}
	printf(".El\n");
	end_block();
}

static void print_mdoc_knobs(const struct dam_tool *t, const char *what, int scope)
{
	begin_block(t, what);
	dam_knobs_print_mdoc(stdout, scope);
	end_block();
}

static void print_mdoc(const struct dam_tool *t)
{
	if (t->word)
		print_mdoc_words(t);
	print_mdoc_options(t);
	if (t->knob_scope)
		print_mdoc_knobs(t, "environment", t->knob_scope);
	if (t->knob_scope & DAM_SCOPE_PROCESS)
		print_mdoc_knobs(t, "program environment", DAM_SCOPE_PROCESS);
}

static int bad_usage(const struct dam_tool *t, const char *what, const char *which)
{
	fprintf(stderr, "%s: %s%s; see %s --help\n", t->name, what, which, t->name);
	return -EINVAL;
}

static int store(const struct dam_tool *t, const struct dam_option *o, void *values)
{
	char *at = (char *)values + o->offset, why[96];
	uint64_t num;

	if (o->type == DAM_OPTION_FLAG) {
		*(bool *)at = true;
	} else if (o->type == DAM_OPTION_TEXT) {
		*(const char **)at = optarg;
	} else {
		if (dam_parse_u64(optarg, &num) || num < (uint64_t)o->min || num > (uint64_t)o->max) {
			snprintf(why, sizeof(why), "--%s takes a whole number from %d to %d, not ",
				 o->name, o->min, o->max);
			return bad_usage(t, why, optarg);
		}
		*(int *)at = (int)num;
	}
	return 0;
}

/* Return: 1: go on; 0: answered; -EINVAL. */
static int apply(const struct dam_tool *t, unsigned int i, void *values)
{
	if (i < t->nr_options)
		return store(t, &t->option[i], values) ? -EINVAL : 1;
	i -= t->nr_options;
	if (i == COMMON_HELP)
		print_help(t);
	else if (i == COMMON_VERSION)
		printf("%s %s\n", t->name, VERSION);
	else
		print_mdoc(t);
	return 0;
}

/* The table as getopt_long() wants it. */
static void build(const struct dam_tool *t, struct option *longs, char *shorts)
{
	if (t->stop_at_operand)
		*shorts++ = '+';
	*shorts++ = ':'; /* tell a missing value from an unknown option */
	for (unsigned int i = 0; i < nr_all(t); i++) {
		const struct dam_option *o = option_at(t, i);

		longs[i] = (struct option){
			.name = o->name,
			.has_arg = o->type == DAM_OPTION_FLAG ? no_argument : required_argument,
			.val = FIRST_VALUE + (int)i,
		};
		if (o->letter)
			*shorts++ = o->letter;
		if (o->letter && o->type != DAM_OPTION_FLAG)
			*shorts++ = ':';
	}
	longs[nr_all(t)] = (struct option){0};
	*shorts = '\0';
}

static unsigned int index_of(const struct dam_tool *t, int c)
{
	unsigned int i = 0;

	if (c >= FIRST_VALUE)
		return (unsigned int)c - FIRST_VALUE;
	while (option_at(t, i)->letter != c)
		i++;
	return i;
}

/* What getopt_long() has just refused: one letter of several, or a whole word, which operands may have gone before. */
static const char *refused(char **argv, char letter[3])
{
	if (optopt <= 0 || optopt >= FIRST_VALUE)
		return argv[optind - 1];
	snprintf(letter, 3, "-%c", optopt);
	return letter;
}

int dam_options_parse(const struct dam_tool *tool, int argc, char **argv, void *values)
{
	struct option longs[MAX_OPTIONS + 1];
	char shorts[2 * MAX_OPTIONS + 3], letter[3];
	int c, r;

	if (nr_all(tool) > MAX_OPTIONS)
		return -EINVAL;
	build(tool, longs, shorts);
	opterr = 0;
	optind = 0; /* glibc: begin anew, and read the first character of shorts again */
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (c == '?')
			return bad_usage(tool, "unknown or misused option ", refused(argv, letter));
		if (c == ':')
			return bad_usage(tool, "a value is missing after ", refused(argv, letter));
		r = apply(tool, index_of(tool, c), values);
		if (r <= 0)
			return r;
	}
	return optind;
}

bool dam_output_lost(void)
{
	/* what is longer than the buffer has been written, or not, before */
	return fflush(stdout) || ferror(stdout);
}
