/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Recording: a buffer, and a file that takes it without ever being waited for. */
#include "config.h"
#include "tools/coord/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "tools/common/decision_text.h"

#define BUFFER	 (256 * 1024)
#define LINE_MAX_BYTES DAM_DECISION_BYTES
#define MAX_BYTES (4ull << 30) /* about a day of ten busy engines and a hundred threads */

struct coord_record {
	int fd; /* < 0: the recording has ended */
	uint64_t start_ns, flushed_ns, written;
	size_t filled;
	struct dam_decision_text *text;
	char buf[BUFFER];
};

int coord_record_open(const char *path, uint64_t start_ns, struct coord_record **out)
{
	struct coord_record *rec = malloc(sizeof(*rec));
	int err;

	if (!rec)
		return -ENOMEM;
	rec->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0600);
	if (rec->fd < 0) {
		err = -errno;
		free(rec);
		return err;
	}
	rec->text = dam_decision_text_create();
	if (!rec->text) {
		close(rec->fd);
		free(rec);
		return -ENOMEM;
	}
	rec->start_ns = rec->flushed_ns = start_ns;
	rec->written = 0;
	rec->filled = 0;
	*out = rec;
	return 0;
}

static void end(struct coord_record *rec, const char *why)
{
	dam_warn("the recording ends after %" PRIu64 " bytes: %s", rec->written, why);
	close(rec->fd);
	rec->fd = -1;
}

static void write_out(struct coord_record *rec)
{
	ssize_t n;

	if (rec->fd < 0 || !rec->filled)
		return;
	n = write(rec->fd, rec->buf, rec->filled);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			end(rec, strerror(errno));
		return;
	}
	rec->written += (uint64_t)n;
	rec->filled -= (size_t)n;
	memmove(rec->buf, rec->buf + n, rec->filled);
	if (rec->written >= MAX_BYTES)
		end(rec, "it is large enough");
}

/* Room for one line. Return: NULL: the recording has ended. */
static char *room(struct coord_record *rec)
{
	if (BUFFER - rec->filled < LINE_MAX_BYTES)
		write_out(rec);
	if (rec->fd >= 0 && BUFFER - rec->filled < LINE_MAX_BYTES)
		end(rec, "the file is too slow");
	return rec->fd < 0 ? NULL : rec->buf + rec->filled;
}

static void add_line(struct coord_record *rec, double time_s, const char *name, uint64_t bytes, char direction)
{
	char *at = bytes ? room(rec) : NULL;

	if (at)
		rec->filled += (size_t)snprintf(at, LINE_MAX_BYTES, "%.6f %.160s %" PRIu64 " %c\n", time_s, name, bytes,
						direction);
}

void coord_record_decision(void *ctx, enum dam_decision_call call, unsigned int index, const void *arg)
{
	struct coord_record *rec = ctx;
	char *at = rec && rec->fd >= 0 ? room(rec) : NULL;
	size_t n;

	if (!at)
		return;
	n = dam_decision_print(rec->text, call, index, arg, at);
	if (!n)
		end(rec, "a decision cannot be told");
	rec->filled += n;
}

void coord_record_add(struct coord_record *rec, uint64_t now_ns, const char *name, uint64_t read_bytes,
		      uint64_t write_bytes)
{
	double time_s;

	if (!rec || rec->fd < 0)
		return;
	time_s = (double)(now_ns - rec->start_ns) / DAM_NS_PER_S;
	add_line(rec, time_s, name, read_bytes, 'R');
	add_line(rec, time_s, name, write_bytes, 'W');
}

void coord_record_flush(struct coord_record *rec, uint64_t now_ns)
{
	if (!rec || now_ns - rec->flushed_ns < DAM_NS_PER_S)
		return;
	rec->flushed_ns = now_ns;
	write_out(rec);
}

void coord_record_close(struct coord_record *rec)
{
	if (!rec)
		return;
	write_out(rec);
	if (rec->fd >= 0)
		close(rec->fd);
	dam_decision_text_destroy(rec->text);
	free(rec);
}
