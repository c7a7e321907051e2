/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The file of --json: complete or not there. */
#include "config.h"
#include "tools/run/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "tools/common/json.h"

static int open_stream(int fd, struct run_sink *out)
{
	out->f = fdopen(fd, "w");
	if (out->f)
		return 0;
	close(fd);
	return -ENOMEM;
}

/* A device, a pipe: nothing to be replaced, written as it is. */
static int open_in_place(const char *path, struct run_sink *out)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return -errno;
	return open_stream(fd, out);
}

static int open_temp(struct run_sink *out)
{
	mode_t mask = umask(0);
	int n, fd;

	umask(mask);
	n = snprintf(out->temp, sizeof(out->temp), "%s.XXXXXX", out->path);
	if (n < 0 || (size_t)n >= sizeof(out->temp))
		return -ENAMETOOLONG;
	fd = mkostemp(out->temp, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	fchmod(fd, 0666 & ~mask);
	if (open_stream(fd, out)) {
		unlink(out->temp);
		return -ENOMEM;
	}
	return 0;
}

int run_sink_open(const char *path, struct run_sink *out)
{
	struct run_sink s = {.f = NULL};
	struct stat st;
	bool exists;
	int err;

	if (strcmp(path, "-") == 0) {
		out->f = stdout;
		return 0;
	}
	exists = stat(path, &st) == 0;
	/* Through a symbolic link, as a shell's > would write; a new file keeps the name as given. */
	if (exists && !realpath(path, s.path))
		return -errno;
	if (!exists && dam_strlcpy(s.path, path, sizeof(s.path)) >= sizeof(s.path))
		return -ENAMETOOLONG;
	if (exists && S_ISREG(st.st_mode) && access(s.path, W_OK) < 0)
		return -errno;
	err = exists && !S_ISREG(st.st_mode) ? open_in_place(s.path, &s) : open_temp(&s);
	if (!err)
		*out = s;
	return err;
}

int run_sink_write(struct run_sink *s, const json_t *o)
{
	bool bad;
	int err = 0;

	if (!s->f)
		return 0;
	bad = json_dumpf(o, s->f, DAM_JSON_PRETTY) || fputc('\n', s->f) == EOF;
	bad |= s->f == stdout ? fflush(s->f) : fclose(s->f);
	if (bad)
		err = errno ? -errno : -EIO;
	else if (s->temp[0] && rename(s->temp, s->path) < 0)
		err = -errno;
	if (err && s->temp[0])
		unlink(s->temp);
	s->f = NULL;
	return err;
}

void run_sink_drop(struct run_sink *s)
{
	if (s->f && s->f != stdout)
		fclose(s->f);
	if (s->temp[0])
		unlink(s->temp);
	s->f = NULL;
}
