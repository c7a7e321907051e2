/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Bounded reads of attribute files below a root. */
#include "config.h"
#include "hal/sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/str.h"

static int vpath(char *out, const char *root, const char *fmt, va_list ap)
{
	size_t at = dam_strlcpy(out, root, DAM_SYSFS_PATH);
	int n;

	if (at >= DAM_SYSFS_PATH)
		return -ENAMETOOLONG;
	n = vsnprintf(out + at, DAM_SYSFS_PATH - at, fmt, ap);
	return n < 0 || (size_t)n >= DAM_SYSFS_PATH - at ? -ENAMETOOLONG : 0;
}

static int open_file(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

int dam_sysfs_open(const char *root, const char *fmt, ...)
{
	char path[DAM_SYSFS_PATH];
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = vpath(path, root, fmt, ap);
	va_end(ap);
	return err ? err : open_file(path);
}

int dam_sysfs_pread(int fd, char *buf, size_t size)
{
	ssize_t n;

	buf[0] = '\0';
	n = pread(fd, buf, size - 1, 0);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return (int)n;
}

static int read_path(char *buf, size_t size, const char *path)
{
	int fd = open_file(path), n;

	buf[0] = '\0';
	if (fd < 0)
		return fd;
	n = dam_sysfs_pread(fd, buf, size);
	close(fd);
	if (n < 0)
		return n;
	buf[strcspn(buf, "\n")] = '\0';
	return (int)strlen(buf);
}

int dam_sysfs_read(char *buf, size_t size, const char *root, const char *fmt, ...)
{
	char path[DAM_SYSFS_PATH];
	va_list ap;
	int err;

	buf[0] = '\0';
	va_start(ap, fmt);
	err = vpath(path, root, fmt, ap);
	va_end(ap);
	return err ? err : read_path(buf, size, path);
}

int64_t dam_sysfs_number(int64_t def, const char *root, const char *fmt, ...)
{
	char path[DAM_SYSFS_PATH], buf[32];
	bool negative;
	uint64_t v;
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = vpath(path, root, fmt, ap);
	va_end(ap);
	if (err || read_path(buf, sizeof(buf), path) <= 0)
		return def;
	negative = buf[0] == '-';
	if (dam_parse_u64(buf + negative, &v) || v > INT64_MAX)
		return def;
	return negative ? -(int64_t)v : (int64_t)v;
}

static int parse_words64(const char *text, struct dam_cpuset *out)
{
	char *end;

	for (unsigned int i = 0; i < DAM_CPUSET_WORDS && *text; i++) {
		out->word[i] = strtoull(text, &end, 16);
		if (end == text)
			return -EINVAL;
		text = end + strspn(end, " \n");
	}
	return *text ? -EINVAL : 0;
}

int dam_sysfs_parse_mask(const char *text, struct dam_cpuset *out)
{
	unsigned int bit = 0;

	memset(out, 0, sizeof(*out));
	if (!strncmp(text, "0x", 2))
		return parse_words64(text, out);
	for (const char *p = text + strlen(text); p-- > text;) {
		const char *digits = "0123456789abcdef", *at = strchr(digits, *p | 0x20);

		if (*p == ',')
			continue;
		if (!at)
			return -EINVAL;
		for (unsigned int b = 0; b < 4; b++, bit++)
			if ((at - digits) >> b & 1)
				dam_cpuset_set(out, bit);
	}
	return bit ? 0 : -EINVAL;
}

bool dam_sysfs_exists(const char *root, const char *fmt, ...)
{
	char path[DAM_SYSFS_PATH];
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = vpath(path, root, fmt, ap);
	va_end(ap);
	return !err && access(path, F_OK) == 0;
}

uint64_t dam_sysfs_parse_dev(const char *text)
{
	uint64_t major, minor;
	char buf[32], *colon;

	if (dam_strlcpy(buf, text, sizeof(buf)) >= sizeof(buf))
		return 0;
	colon = strchr(buf, ':');
	if (!colon)
		return 0;
	*colon = '\0';
	if (dam_parse_u64(buf, &major) || dam_parse_u64(colon + 1, &minor) || major > UINT_MAX ||
	    minor > UINT_MAX)
		return 0;
	return makedev((unsigned int)major, (unsigned int)minor);
}

uint64_t dam_sysfs_dev(const char *root, const char *fmt, ...)
{
	char path[DAM_SYSFS_PATH], buf[32];
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = vpath(path, root, fmt, ap);
	va_end(ap);
	return err || read_path(buf, sizeof(buf), path) <= 0 ? 0 : dam_sysfs_parse_dev(buf);
}

int dam_sysfs_real(char *out, const char *root, const char *fmt, ...)
{
	char path[DAM_SYSFS_PATH], real[PATH_MAX], real_root[PATH_MAX] = "";
	size_t len;
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = vpath(path, root, fmt, ap);
	va_end(ap);
	if (err)
		return err;
	if (!realpath(path, real) || (root[0] && !realpath(root, real_root)))
		return -errno;
	len = strlen(real_root);
	if (strncmp(real, real_root, len) || real[len] != '/')
		return -EXDEV;
	return dam_strlcpy(out, real + len, DAM_SYSFS_PATH) < DAM_SYSFS_PATH ? 0 : -ENAMETOOLONG;
}

int dam_sysfs_link_name(char *out, size_t size, const char *root, const char *fmt, ...)
{
	char path[DAM_SYSFS_PATH], to[PATH_MAX], *base;
	va_list ap;
	ssize_t n;
	int err;

	va_start(ap, fmt);
	err = vpath(path, root, fmt, ap);
	va_end(ap);
	n = err ? 0 : readlink(path, to, sizeof(to) - 1);
	if (err || n < 0)
		return err ? err : -errno;
	to[n] = '\0';
	base = strrchr(to, '/');
	return dam_strlcpy(out, base ? base + 1 : to, size) < size ? 0 : -ENAMETOOLONG;
}

static int natural(const void *a, const void *b)
{
	return strverscmp(*(char *const *)a, *(char *const *)b);
}

/* Return: the number of names in @list; -ENOMEM. */
static int fill_list(DIR *d, char **list)
{
	struct dirent *e;
	int nr = 0;

	while (nr < DAM_SYSFS_ENTRIES && (e = readdir(d))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		list[nr] = strdup(e->d_name);
		if (!list[nr]) {
			while (nr)
				free(list[--nr]);
			return -ENOMEM;
		}
		nr++;
	}
	return nr;
}

int dam_sysfs_list(char ***out, const char *root, const char *fmt, ...)
{
	char path[DAM_SYSFS_PATH], **list;
	va_list ap;
	DIR *d;
	int nr;

	*out = NULL;
	va_start(ap, fmt);
	nr = vpath(path, root, fmt, ap);
	va_end(ap);
	d = nr ? NULL : opendir(path);
	if (!d)
		return 0;
	list = calloc(DAM_SYSFS_ENTRIES, sizeof(*list));
	nr = list ? fill_list(d, list) : -ENOMEM;
	closedir(d);
	if (nr <= 0) {
		free(list);
		return nr;
	}
	qsort(list, (size_t)nr, sizeof(*list), natural);
	*out = list;
	return nr;
}

static uint64_t name_sum(const char *name)
{
	uint64_t h = 0xcbf29ce484222325ull; /* FNV-1a */

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3ull;
	return h;
}

uint64_t dam_sysfs_names(const char *root, const char *dir)
{
	char path[DAM_SYSFS_PATH];
	struct dirent *e;
	uint64_t sum = 0;
	int nr = 0;
	DIR *d;

	if (snprintf(path, sizeof(path), "%s%s", root, dir) >= (int)sizeof(path) || !(d = opendir(path)))
		return 0;
	while (nr++ < DAM_SYSFS_ENTRIES && (e = readdir(d)))
		sum += name_sum(e->d_name);
	closedir(d);
	return sum;
}

void dam_sysfs_list_free(char **list, int nr)
{
	for (int i = 0; i < nr; i++)
		free(list[i]);
	free(list);
}
