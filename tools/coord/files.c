/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Where a descriptor, or a registered file, of another process leads: device numbers, looked up in
 * the hal. */
#include "config.h"
#include "tools/coord/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "tools/coord/procfs.h"

#define KEEP_NS	   DAM_NS_PER_S /* a descriptor may be used for another file */
#define MAX_FDINFO 65536
#define MAX_NAMED  256 /* descriptors among which a registered file's name is looked for */

static int find_dev(const struct dam_hal *hal, uint64_t dev, enum dam_hal_dev_type type)
{
	unsigned int nr;
	const struct dam_hal_dev *d = dam_hal_devs(hal, &nr);

	for (unsigned int i = 0; i < nr; i++)
		if (d[i].dev == dev && d[i].type == type)
			return d[i].target;
	return DAM_HAL_NONE;
}

/* @direct: opened with O_DIRECT, or not known, which is taken as such: the kernel's byte counts
 * will tell. */
static void by_stat(const struct dam_hal *hal, const struct stat *st, bool direct,
		    struct coord_file *out)
{
	*out = (struct coord_file){direct ? COORD_FILE_DIRECT : COORD_FILE_BUFFERED, DAM_HAL_NONE};
	if (S_ISREG(st->st_mode)) {
		out->target = find_dev(hal, st->st_dev, DAM_HAL_DEV_BLOCK);
	} else if (S_ISBLK(st->st_mode)) {
		out->target = find_dev(hal, st->st_rdev, DAM_HAL_DEV_BLOCK);
	} else if (S_ISCHR(st->st_mode)) {
		out->target = find_dev(hal, st->st_rdev, DAM_HAL_DEV_CHAR);
		out->kind = out->target == DAM_HAL_NONE ? COORD_FILE_IDLE : COORD_FILE_DIRECT;
	} else {
		out->kind = S_ISSOCK(st->st_mode) ? COORD_FILE_SOCKET : COORD_FILE_IDLE;
	}
}

/* The value of a line "key:\tvalue"; NULL: no such line. */
static const char *line_of(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (const char *p = text; p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
		if (!strncmp(p, key, len) && p[len] == ':')
			return p + len + 1;
	return NULL;
}

static ssize_t read_fdinfo(pid_t pid, int fd, char *buf, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)pid, fd);
	return coord_proc_read(path, buf, size);
}

int coord_fdinfo_value(pid_t pid, int fd, const char *key, long *out)
{
	static char buf[MAX_FDINFO];
	const char *value = read_fdinfo(pid, fd, buf, sizeof(buf)) < 0 ? NULL : line_of(buf, key);

	if (!value)
		return -ENOENT;
	*out = strtol(value, NULL, 10);
	return 0;
}

static void by_descriptor(const struct dam_hal *hal, pid_t pid, int fd, struct coord_file *out)
{
	char path[64], info[512];
	const char *flags = NULL;
	struct stat st;

	*out = (struct coord_file){COORD_FILE_UNKNOWN, DAM_HAL_NONE};
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
	if (stat(path, &st))
		return;
	if (read_fdinfo(pid, fd, info, sizeof(info)) > 0)
		flags = line_of(info, "flags");
	by_stat(hal, &st, flags && strtoul(flags, NULL, 8) & O_DIRECT, out);
}

/* Kernels give the path of a registered file, or, older ones, its last part; blanks are written as
 * \040. */
static bool same_name(const char *path, const char *name)
{
	const char *last = strrchr(path, '/');

	return !strcmp(path, name) || (name[0] != '/' && last && !strcmp(last + 1, name));
}

/* Programs mostly keep the descriptor that they registered. Return: it; -1. */
static int descriptor_of(pid_t pid, const char *name, unsigned int *work)
{
	char path[64], link[PATH_MAX];
	int seen = 0, found = -1;
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	while (dir && found < 0 && seen++ < MAX_NAMED && (d = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), d->d_name, link, sizeof(link) - 1);

		++*work;
		if (n <= 0)
			continue;
		link[n] = '\0';
		if (same_name(link, name))
			found = (int)strtol(d->d_name, NULL, 10);
	}
	if (dir)
		closedir(dir);
	return found;
}

static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++, to++) {
		bool octal = s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' &&
			     s[2] <= '7' && s[3] >= '0' && s[3] <= '7';

		*to = octal ? (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0')) : *s;
		s += octal ? 3 : 0;
	}
	*to = '\0';
}

/* The name of registered file @index: a line "    0: name" after "UserFiles:". Return: false: not
 * told. */
static bool registered_name(pid_t pid, int ring_fd, int index, char *out, size_t size)
{
	static char buf[MAX_FDINFO];
	const char *p =
		read_fdinfo(pid, ring_fd, buf, sizeof(buf)) < 0 ? NULL : line_of(buf, "UserFiles");

	while (p && (p = strchr(p, '\n')) && *++p == ' ') {
		char *end;
		long at = strtol(p, &end, 10);

		if (end[0] != ':' || at != index)
			continue;
		end += 1 + (end[1] == ' ');
		snprintf(out, size, "%.*s", (int)strcspn(end, "\n"), end);
		unescape(out);
		return true;
	}
	return false;
}

static void by_index(const struct dam_hal *hal, pid_t pid, int ring_fd, int index,
		     unsigned int *work, struct coord_file *out)
{
	char name[PATH_MAX], path[PATH_MAX + 64];
	struct stat st;
	int fd;

	*out = (struct coord_file){COORD_FILE_UNKNOWN, DAM_HAL_NONE};
	if (!registered_name(pid, ring_fd, index, name, sizeof(name)))
		return;
	fd = descriptor_of(pid, name, work);
	if (fd >= 0) {
		by_descriptor(hal, pid, fd, out);
		return;
	}
	snprintf(path, sizeof(path), "/proc/%d/root%s", (int)pid, name);
	if (name[0] == '/' && (!stat(path, &st) || !stat(name, &st)))
		by_stat(hal, &st, true, out);
	else if (!strncmp(name, "socket:", 7))
		out->kind = COORD_FILE_SOCKET;
}

void coord_files_get(struct coord_files *f, const struct dam_hal *hal, pid_t pid, int ring_fd,
		     int fd, bool fixed, uint64_t now_ns, unsigned int *work,
		     struct coord_file *out)
{
	unsigned int at = ((unsigned int)fd ^ (fixed ? COORD_FILES / 2 : 0)) % COORD_FILES;
	bool ours = f->entry[at].until_ns && f->entry[at].fd == fd && f->entry[at].fixed == fixed;
	struct coord_file now;

	if (ours && now_ns < f->entry[at].until_ns) {
		*out = f->entry[at].file;
		return;
	}
	*work += 6;
	if (fixed)
		by_index(hal, pid, ring_fd, fd, work, &now);
	else
		by_descriptor(hal, pid, fd, &now);
	/* fdinfo of a busy ring may come back without its files: what was known of them stays */
	if (!ours || now.kind != COORD_FILE_UNKNOWN)
		f->entry[at].file = now;
	f->entry[at].fd = fd;
	f->entry[at].fixed = fixed;
	f->entry[at].until_ns = now_ns + (now.kind == COORD_FILE_UNKNOWN ? KEEP_NS / 200 : KEEP_NS);
	*out = f->entry[at].file;
}
