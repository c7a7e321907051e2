/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Reading /proc/self/maps. */
#include "config.h"
#include "preload/maps.h"

#include <fcntl.h>
#include <string.h>

#include "base/sys.h"

/*
 * "start-end perms offset dev:dev inode path": the numbers, and more of a path than is of use (DAM_MODULE_PATH). On the
 * stack, which may be small: several threads may read at the same time.
 */
#define LINE_BYTES 512

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads a number that ends with @end. Return: what follows; NULL: it does not. */
static const char *number(const char *p, unsigned int base, char end, uint64_t *out)
{
	const char *first = p;
	int d;

	for (*out = 0; (d = hex_digit(*p)) >= 0 && (unsigned int)d < base; p++)
		*out = *out * base + (unsigned int)d;
	return p > first && *p == end ? p + 1 : NULL;
}

bool dam_maps_parse(const char *line, struct dam_mapping *out)
{
	uint64_t start, end, ignored;
	const char *p;

	p = number(line, 16, '-', &start);
	p = p ? number(p, 16, ' ', &end) : NULL;
	p = p ? strchr(p, ' ') : NULL; /* permissions */
	p = p ? number(p + 1, 16, ' ', &out->offset) : NULL;
	p = p ? number(p, 16, ':', &ignored) : NULL;
	p = p ? number(p, 16, ' ', &ignored) : NULL;
	if (!p)
		return false;
	for (out->inode = 0; *p >= '0' && *p <= '9'; p++)
		out->inode = out->inode * 10 + (unsigned int)(*p - '0');
	out->start = start;
	out->end = end;
	out->path = p + strspn(p, " ");
	return true;
}

/* Hands over the whole lines among @len bytes of @buf. Return: how many bytes they were; -1:
 * enough. */
static long lines(char *buf, size_t len, bool (*fn)(const struct dam_mapping *m, void *arg),
		  void *arg)
{
	char *line = buf, *end;

	while ((end = memchr(line, '\n', len - (size_t)(line - buf)))) {
		struct dam_mapping m;

		*end = '\0';
		if (dam_maps_parse(line, &m) && !fn(&m, arg))
			return -1;
		line = end + 1;
	}
	return line - buf;
}

/* Takes the first @used of @len bytes away. Return: how many are left. */
static size_t drop(char *buf, size_t len, size_t used)
{
	memmove(buf, buf + used, len - used);
	return len - used;
}

/* What is left of a line of which too much has been read already. Return: its length, the end included. */
static size_t rest_of_line(const char *buf, size_t len, bool *cut)
{
	const char *end = memchr(buf, '\n', len);

	*cut = !end;
	return end ? (size_t)(end + 1 - buf) : len;
}

void dam_maps_each(bool (*fn)(const struct dam_mapping *m, void *arg), void *arg)
{
	char buf[LINE_BYTES];
	size_t len = 0;
	long n, used, fd;
	bool cut = false;

	fd = dam_sys6(SYS_openat, AT_FDCWD, (long)"/proc/self/maps", O_RDONLY | O_CLOEXEC, 0, 0, 0);
	if (fd < 0)
		return;
	while ((n = dam_sys3(SYS_read, fd, (long)(buf + len), (long)(sizeof(buf) - len))) > 0) {
		len += (size_t)n;
		if (cut)
			len = drop(buf, len, rest_of_line(buf, len, &cut));
		if (len == sizeof(buf) && !memchr(buf, '\n', len)) {
			buf[len - 1] = '\n';
			cut = true;
		}
		used = lines(buf, len, fn, arg);
		if (used < 0)
			break;
		len = drop(buf, len, (size_t)used);
	}
	dam_sys3(SYS_close, fd, 0, 0);
}
