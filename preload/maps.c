/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Reading /proc/self/maps. */
#include "config.h"
#include "preload/maps.h"

#include <fcntl.h>
#include <string.h>

#include "base/sys.h"

/* "start-end perms offset dev:dev inode path" */
#define LINE_MAX_BYTES 4352

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

void dam_maps_each(bool (*fn)(const struct dam_mapping *m, void *arg), void *arg)
{
	static char buf[2 * LINE_MAX_BYTES];
	size_t len = 0;
	long n, used, fd;

	fd = dam_sys6(SYS_openat, AT_FDCWD, (long)"/proc/self/maps", O_RDONLY | O_CLOEXEC, 0, 0, 0);
	if (fd < 0)
		return;
	while (len < sizeof(buf) &&
	       (n = dam_sys3(SYS_read, fd, (long)(buf + len), (long)(sizeof(buf) - len))) > 0) {
		len += (size_t)n;
		used = lines(buf, len, fn, arg);
		if (used < 0)
			break;
		len -= (size_t)used;
		memmove(buf, buf + used, len);
	}
	dam_sys3(SYS_close, fd, 0, 0);
}
