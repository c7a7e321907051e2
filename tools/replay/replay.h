/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* dam-replay inside: its subcommands, and the recordings that they read line by line. */
#ifndef DAM_TOOLS_REPLAY_REPLAY_H
#define DAM_TOOLS_REPLAY_REPLAY_H

#include "tools/common/options.h"

#define REPLAY_STATUS_FAILED 1
#define REPLAY_STATUS_USAGE  2

/* A subcommand: one file, one line in main.c. */
struct replay_command {
	struct dam_word word;
	int (*run)(int argc, char **argv); /* argv[0] is its name. Return: exit status */
};

extern const struct replay_command replay_dim;
extern const struct replay_command replay_forecast;

/* A recording: text, plain or compressed by gzip. */
struct replay_lines;

/**
 * replay_lines_open() - open a recording
 * @path: NULL or "-": standard input
 * Return: 0, and *@out to be closed; -Exxx: one line has been printed.
 */
int replay_lines_open(const char *path, struct replay_lines **out);

/**
 * replay_lines_next() - the next line that is neither blank nor a comment (#), without its end
 * @line: the reader's, writable, until the next call
 * Return: 1; 0: no more; -Exxx: unreadable or not text; one line has been printed.
 */
int replay_lines_next(struct replay_lines *lines, char **line);

/** replay_lines_any() - the same, comments and all. */
int replay_lines_any(struct replay_lines *lines, char **line);

/** replay_lines_bad() - print where the latest line is, and @why it is bad. Return: -EINVAL. */
int replay_lines_bad(const struct replay_lines *lines, const char *why);

/** replay_lines_close() - @lines may be NULL. */
void replay_lines_close(struct replay_lines *lines);

#endif
