/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Options of a tool, declared once: the table feeds getopt_long(), --help and the man page. */
#ifndef DAM_TOOLS_OPTIONS_H
#define DAM_TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum dam_option_type {
	DAM_OPTION_FLAG,   /* bool */
	DAM_OPTION_TEXT,   /* const char *, points into argv */
	DAM_OPTION_NUMBER, /* int, from min to max */
};

struct dam_option {
	const char *name; /* without the dashes */
	char letter;	  /* 0: none; 'h' and 'V' are taken */
	enum dam_option_type type;
	bool hidden;	  /* between DAM's own programs: in no help */
	size_t offset;	  /* of the value in the tool's own struct */
	const char *arg;  /* what stands for the value in the help; not of DAM_OPTION_FLAG */
	int min, max;	  /* of DAM_OPTION_NUMBER */
	const char *help; /* one sentence without a full stop */
};

/* A subcommand, as the help shows it. */
struct dam_word {
	const char *name, *help;
};

struct dam_tool {
	const char *name;    /* "dam-run" */
	const char *usage;   /* what follows the name: "[options] -- PROGRAM [ARG...]" */
	const char *summary; /* one line: what the tool does */
	const struct dam_option *option; /* --help and --version are added to these */
	unsigned int nr_options;
	const struct dam_word *(*word)(unsigned int i); /* NULL after the last; empty: no subcommands */
	const char *words;   /* what they are; NULL: "commands" */
	int knob_scope;	      /* bits of enum dam_knob_scope: the environment variables in the help */
	bool stop_at_operand; /* what follows the first operand belongs to another program */
};

/**
 * dam_options_parse() - read a command line
 * @argv: operands are moved to the end unless stop_at_operand
 * @values: the tool's struct, holding the defaults
 *
 * Return: index of the first operand (argc: none); 0: --help, --version or --help-mdoc has been
 * answered on stdout; -EINVAL: one line has been printed on stderr.
 */
int dam_options_parse(const struct dam_tool *tool, int argc, char **argv, void *values);

/** dam_output_lost() - has any of what was printed so far not gone out, say on a full disk? To be asked before the end. */
bool dam_output_lost(void);

#endif
