/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Recordings: lines of a file or of standard input, plain or compressed. */
#include "config.h"
#include "tools/replay/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/log.h"

#define LINE_MAX_BYTES 4096

struct replay_lines {
	gzFile gz;
	const char *name; /* in messages */
	unsigned long number; /* of the latest line, from 1 */
	size_t at, filled; /* what is left to be read of buf */
	char buf[16 * LINE_MAX_BYTES];
};

static int open_input(const char *path, gzFile *out)
{
	int fd;

	errno = 0;
	if (path) {
		*out = gzopen(path, "rbe");
		return *out ? 0 : -(errno ? errno : ENOMEM);
	}
	fd = dup(STDIN_FILENO);
	if (fd < 0)
		return -errno;
	*out = gzdopen(fd, "rb");
	if (!*out) {
		close(fd);
		return -ENOMEM;
	}
	return 0;
}

int replay_lines_open(const char *path, struct replay_lines **out)
{
	struct replay_lines *lines = calloc(1, sizeof(*lines));
	int r;

	if (path && strcmp(path, "-") == 0)
		path = NULL;
	r = lines ? open_input(path, &lines->gz) : -ENOMEM;
	if (r) {
		dam_err("%s: %s", path ? path : "standard input", strerror(-r));
		free(lines);
		return r;
	}
	lines->name = path ? path : "standard input";
	*out = lines;
	return 0;
}

/* Return: 1: there is more; 0: nothing; -EIO: printed. gzerror() alone knows of one cut short. */
static int fill(struct replay_lines *l)
{
	const char *why;
	int n, error;

	memmove(l->buf, l->buf + l->at, l->filled - l->at);
	l->filled -= l->at;
	l->at = 0;
	/* One byte is kept for the end of a last line that has none. */
	errno = 0;
	n = gzread(l->gz, l->buf + l->filled, (unsigned int)(sizeof(l->buf) - 1 - l->filled));
	if (n > 0) {
		l->filled += (size_t)n;
		return 1;
	}
	why = gzerror(l->gz, &error);
	if (error == Z_OK)
		return 0;
	dam_err("%s: after line %lu: %s", l->name, l->number,
		error == Z_ERRNO ? strerror(errno) : why);
	return -EIO;
}

int replay_lines_any(struct replay_lines *l, char **line)
{
	char *end;
	size_t len;
	int more = 1;

	while (!(end = memchr(l->buf + l->at, '\n', l->filled - l->at)) && more) {
		if (l->filled - l->at > LINE_MAX_BYTES)
			break;
		more = fill(l);
		if (more < 0)
			return more;
	}
	if (!end && l->at == l->filled)
		return 0;
	l->number++;
	len = end ? (size_t)(end - l->buf) - l->at : l->filled - l->at;
	*line = l->buf + l->at;
	if (len > LINE_MAX_BYTES)
		return replay_lines_bad(l, "longer than 4096 bytes");
	if (memchr(*line, '\0', len))
		return replay_lines_bad(l, "not text");
	(*line)[len] = '\0';
	l->at += len + (end != NULL);
	return 1;
}

int replay_lines_next(struct replay_lines *lines, char **line)
{
	size_t blank;
	int r;

	do {
		r = replay_lines_any(lines, line);
		if (r <= 0)
			return r;
		blank = strspn(*line, " \t\r");
	} while ((*line)[blank] == '\0' || (*line)[blank] == '#');
	return 1;
}

int replay_lines_bad(const struct replay_lines *lines, const char *why)
{
	dam_err("%s: line %lu: %s", lines->name, lines->number, why);
	return -EINVAL;
}

void replay_lines_close(struct replay_lines *lines)
{
	if (lines)
		gzclose(lines->gz);
	free(lines);
}
