/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The record of changed interrupt moderation: its file format, and restoring from it. */
#include "config.h"
#include "tools/common/modfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"

#define HEADING	  "dam-moderation 1 "
#define BOOT_ID	  40
#define FILE_SIZE 65536 /* no record is larger */

bool dam_moderation_same(const struct dam_moderation *a, const struct dam_moderation *b)
{
	return a->usecs == b->usecs && a->packets == b->packets;
}

/* Up to @size - 1 bytes, terminated. Return: their number; -errno. */
static ssize_t read_all(int fd, char *buf, size_t size)
{
	size_t at = 0;
	ssize_t n;

	do {
		n = read(fd, buf + at, size - 1 - at);
		at += n > 0 ? (size_t)n : 0;
	} while (n > 0 || (n < 0 && errno == EINTR));
	buf[at] = '\0';
	return n < 0 ? -errno : (ssize_t)at;
}

/* What drivers were set to is gone after a reboot. */
static void read_boot_id(char out[BOOT_ID])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	out[0] = '\0';
	if (fd < 0)
		return;
	read_all(fd, out, BOOT_ID);
	out[strcspn(out, "\n")] = '\0';
	close(fd);
}

static int heading(char *buf, size_t size)
{
	char boot_id[BOOT_ID];

	read_boot_id(boot_id);
	return snprintf(buf, size, HEADING "%s\n", boot_id);
}

/* Only a plain file of our own that nobody else can write says what may be done to devices. */
static int open_trusted(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return errno == ELOOP ? -EPERM : -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 022) {
		close(fd);
		return -EPERM;
	}
	return fd;
}

/* "block nvme0 0 1 100 4 0 1": time and number of the original, DAM's, the former. */
static bool parse_entry(const char *line, struct dam_modfile_entry *e)
{
	int end = 0;

	memset(e, 0, sizeof(*e));
	return sscanf(line,
		      "%15[a-z] %31[A-Za-z0-9_.:-]%" SCNu32 "%" SCNu32 "%" SCNu32 "%" SCNu32
		      "%" SCNu32 "%" SCNu32 "%n",
		      e->kind, e->device, &e->orig.usecs, &e->orig.packets, &e->dam.usecs,
		      &e->dam.packets, &e->former.usecs, &e->former.packets, &end) == 8 &&
	       !line[end];
}

static int parse(char *text, struct dam_modfile *out)
{
	char want[sizeof(HEADING) + BOOT_ID + 1], *line, *next;
	int len = heading(want, sizeof(want));

	if (strncmp(text, want, (size_t)len))
		return -EBADMSG;
	for (line = text + len; *line; line = next) {
		next = strchr(line, '\n');
		if (!next || out->nr == DAM_MODFILE_MAX)
			return -EBADMSG;
		*next++ = '\0';
		if (!parse_entry(line, &out->entry[out->nr++]))
			return -EBADMSG;
	}
	return 0;
}

int dam_modfile_load(const char *path, struct dam_modfile *out)
{
	char *text;
	ssize_t n;
	int fd = open_trusted(path), err;

	out->nr = 0;
	if (fd < 0)
		return fd;
	text = malloc(FILE_SIZE);
	n = text ? read_all(fd, text, FILE_SIZE) : -ENOMEM;
	/* a zero byte would hide what follows it */
	err = n < 0 ? (int)n : strlen(text) != (size_t)n ? -EBADMSG : parse(text, out);
	if (err)
		out->nr = 0;
	free(text);
	close(fd);
	return err;
}

static int write_all(int fd, const char *text, size_t size)
{
	while (size) {
		ssize_t n = write(fd, text, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		size -= (size_t)n;
	}
	return 0;
}

static char *format(const struct dam_modfile *f, size_t *size)
{
	char *text = malloc(FILE_SIZE);
	size_t at;

	if (!text)
		return NULL;
	at = (size_t)heading(text, FILE_SIZE);
	for (unsigned int i = 0; i < f->nr; i++) {
		const struct dam_modfile_entry *e = &f->entry[i];

		at += (size_t)snprintf(text + at, FILE_SIZE - at,
				       "%s %s %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32
				       " %" PRIu32 " %" PRIu32 "\n",
				       e->kind, e->device, e->orig.usecs, e->orig.packets,
				       e->dam.usecs, e->dam.packets, e->former.usecs,
				       e->former.packets);
	}
	*size = at;
	return text;
}

int dam_modfile_save(const char *path, const struct dam_modfile *f)
{
	char new[PATH_MAX], *text;
	size_t size;
	int fd, err;

	if (!f->nr)
		return unlink(path) && errno != ENOENT ? -errno : 0;
	if (snprintf(new, sizeof(new), "%s.new", path) >= (int)sizeof(new))
		return -ENAMETOOLONG;
	text = format(f, &size);
	if (!text)
		return -ENOMEM;
	unlink(new); /* one that a killed coordinator left */
	fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	err = fd < 0 ? -errno : write_all(fd, text, size);
	free(text);
	if (fd >= 0 && close(fd) && !err)
		err = -errno;
	if (!err && rename(new, path))
		err = -errno;
	if (err && fd >= 0)
		unlink(new);
	return err;
}

bool dam_modfile_undo(const struct dam_moderation_ops *ops, const struct dam_modfile_entry *e,
		      struct dam_modfile_result *result)
{
	struct dam_moderation now;
	int err = ops ? ops->get(e->device, &now) : -EOPNOTSUPP;

	if (!err && (now.adaptive || (!dam_moderation_same(&now, &e->dam) &&
				      !dam_moderation_same(&now, &e->former)))) {
		result->left++;
		return true;
	}
	if (!err && !dam_moderation_same(&now, &e->orig))
		err = ops->set(e->device, &e->orig);
	if (!err)
		result->restored++;
	else if (err == -ENODEV)
		result->gone++;
	else
		result->failed++;
	return !err || err == -ENODEV;
}

int dam_modfile_restore(const char *path,
			const struct dam_moderation_ops *(*find)(const char *kind),
			struct dam_modfile_result *out)
{
	struct dam_modfile_result r = {0};
	struct dam_modfile *f = malloc(sizeof(*f));
	unsigned int left = 0;
	int err = f ? dam_modfile_load(path, f) : -ENOMEM;

	/* the latest setting first, as the coordinator does */
	for (unsigned int i = err ? 0 : f->nr; i--;) {
		struct dam_modfile_entry e = f->entry[i];

		if (!dam_modfile_undo(find(e.kind), &e, &r))
			left++;
		else
			e.kind[0] = '\0';
		f->entry[i] = e;
	}
	if (!err && left < f->nr) {
		unsigned int n = 0;

		for (unsigned int i = 0; i < f->nr; i++)
			if (f->entry[i].kind[0])
				f->entry[n++] = f->entry[i];
		f->nr = n;
		err = dam_modfile_save(path, f);
	}
	free(f);
	if (!err)
		*out = r;
	return err == -ENOENT ? 0 : err;
}
