/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* From block device numbers to targets: partitions, dm and md stacks, filesystems with a number of
 * their own. */
#include "config.h"
#include "hal/block.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/str.h"
#include "hal/sysfs.h"

#define STACK_DEPTH 16 /* of dm on md on dm …; the kernel's own limit is about 8 */
#define LBA_DEFAULT 512
#define LBA_MAX	    65536
#define MOUNTS_MAX  65536 /* lines */

static int pool_of(const struct dam_block_table *t, int target)
{
	const struct dam_hal_target *x = dam_hal_target(t->hal, (unsigned int)target);

	return x->kind == DAM_TARGET_POOL ? target : x->engine.pool;
}

/* What leads to @a and to @b leads to one target only when that is the same, or one pool holds
 * both. */
static int join(const struct dam_block_table *t, int a, int b)
{
	if (a == b || a == DAM_HAL_NONE || b == DAM_HAL_NONE)
		return a == b ? a : DAM_HAL_NONE;
	return pool_of(t, a) == pool_of(t, b) ? pool_of(t, a) : DAM_HAL_NONE;
}

static int resolve(const struct dam_block_table *t, struct dam_block_node *n, int depth);

/* The one target of all block devices that a directory names, such as slaves/. */
static int resolve_dir(const struct dam_block_table *t, const char *dir, int depth)
{
	char **list;
	int nr = dam_sysfs_list(&list, t->root, "%s", dir), target = DAM_HAL_NONE;

	for (int i = 0; i < nr; i++) {
		struct dam_block_node *n = dam_block_find(t, list[i]);
		int one = n ? resolve(t, n, depth + 1) : DAM_HAL_NONE;

		target = i ? join(t, target, one) : one;
		if (target == DAM_HAL_NONE)
			break;
	}
	dam_sysfs_list_free(list, nr);
	return target;
}

static struct dam_block_node *parent_disk(const struct dam_block_table *t,
					  const struct dam_block_node *n)
{
	char dir[DAM_SYSFS_PATH];

	dam_strlcpy(dir, n->path, sizeof(dir));
	*strrchr(dir, '/') = '\0';
	return strrchr(dir, '/') ? dam_block_find(t, strrchr(dir, '/') + 1) : NULL;
}

static int resolve(const struct dam_block_table *t, struct dam_block_node *n, int depth)
{
	struct dam_block_node *disk;
	char dir[DAM_SYSFS_PATH];

	if (n->resolved)
		return n->target;
	if (n->resolving || depth > STACK_DEPTH)
		return DAM_HAL_NONE; /* a loop: only in a damaged tree */
	n->resolving = true;
	if (n->partition) {
		disk = parent_disk(t, n);
		n->target = disk ? resolve(t, disk, depth + 1) : DAM_HAL_NONE;
	} else if (snprintf(dir, sizeof(dir), "%s/slaves", n->path) < (int)sizeof(dir)) {
		n->target = resolve_dir(t, dir, depth);
	}
	n->resolving = false;
	n->resolved = true;
	return n->target;
}

int dam_block_resolve(const struct dam_block_table *t, struct dam_block_node *n)
{
	return resolve(t, n, 0);
}

uint32_t dam_block_lba(const struct dam_block_table *t, const struct dam_block_node *n)
{
	const struct dam_block_node *disk = n->partition ? parent_disk(t, n) : n;
	int64_t lba = LBA_DEFAULT;

	if (disk)
		lba = dam_sysfs_number(LBA_DEFAULT, t->root, "%s/queue/logical_block_size",
				       disk->path);
	return lba >= LBA_DEFAULT && lba <= LBA_MAX ? (uint32_t)lba : LBA_DEFAULT;
}

/* "/dev/sda1", "/dev/mapper/vg-lv", "/dev/cciss/c0d0": the node, or NULL. */
static struct dam_block_node *find_source(const struct dam_block_table *t, const char *source)
{
	static const char mapper[] = "/dev/mapper/";
	char name[256];

	if (!strncmp(source, mapper, sizeof(mapper) - 1)) {
		for (int i = 0; i < t->nr; i++)
			if (dam_sysfs_read(name, sizeof(name), t->root, "%s/dm/name",
					   t->node[i].path) > 0 &&
			    !strcmp(name, source + sizeof(mapper) - 1))
				return &t->node[i];
		return NULL;
	}
	if (strncmp(source, "/dev/", 5) ||
	    dam_strlcpy(name, source + 5, sizeof(name)) >= sizeof(name))
		return NULL;
	for (char *p = name; (p = strchr(p, '/'));)
		*p = '!'; /* as sysfs spells it */
	return dam_block_find(t, name);
}

/* A btrfs has one source in the list of mounts, and may have many devices. */
static int resolve_filesystem(const struct dam_block_table *t, struct dam_block_node *n)
{
	int target = resolve(t, n, 0), nr;
	char **list, dir[DAM_SYSFS_PATH];

	nr = dam_sysfs_list(&list, t->root, "/sys/fs/btrfs");
	for (int i = 0; i < nr; i++) {
		if (snprintf(dir, sizeof(dir), "/sys/fs/btrfs/%s/devices", list[i]) <
			    (int)sizeof(dir) &&
		    dam_sysfs_exists(t->root, "%s/%s", dir, n->name))
			target = resolve_dir(t, dir, 0);
	}
	dam_sysfs_list_free(list, nr);
	return target;
}

/* "\040" and its like, in place. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		unsigned int c;

		if (s[0] == '\\' && sscanf(s + 1, "%3o", &c) == 1 && c && c < 256) {
			*to++ = (char)c;
			s += strspn(s + 1, "01234567") < 3 ? 1 + strspn(s + 1, "01234567") : 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

static void add_dev(struct dam_block_table *t, struct dam_block_node *n, uint64_t dev, int target)
{
	struct dam_hal_dev d = {.dev = dev, .type = DAM_HAL_DEV_BLOCK, .target = target};

	if (!dev || target == DAM_HAL_NONE)
		return;
	d.lba_bytes = dam_block_lba(t, n);
	dam_hal_add_dev(t->hal, &d); /* full or known: what is there stays */
}

/* One line: "36 35 0:31 / /mnt rw,noatime shared:1 - btrfs /dev/sda2 rw". */
static void add_mount(struct dam_block_table *t, char *line)
{
	char *sep = strstr(line, " - "), source[256], number[32], at[256] = "";
	struct dam_block_node *n;
	struct stat st;
	uint64_t dev;

	if (!sep || sscanf(sep + 3, "%*s %255s", source) != 1 ||
	    sscanf(line, "%*s %*s %31s %*s %255s", number, at) != 2)
		return;
	dev = dam_sysfs_parse_dev(number);
	unescape(source);
	n = dev && !major(dev) ? find_source(t, source) : NULL;
	if (!n)
		return;
	add_dev(t, n, dev, resolve_filesystem(t, n));
	/* btrfs: stat() tells the subvolume's number, the list of mounts another */
	unescape(at);
	if (!t->root[0] && !stat(at, &st) && !major(st.st_dev))
		add_dev(t, n, st.st_dev, resolve_filesystem(t, n));
}

static void add_mounts(struct dam_block_table *t)
{
	int fd = dam_sysfs_open(t->root, "/proc/self/mountinfo");
	FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
	bool whole = true;
	char line[4096];

	if (!f) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (int i = 0; i < MOUNTS_MAX && fgets(line, sizeof(line), f); i++) {
		bool ends = strchr(line, '\n');

		/* a longer line is an overlay's; none of its parts counts */
		if (whole && ends)
			add_mount(t, line);
		whole = ends;
	}
	fclose(f);
}

void dam_block_add_devs(struct dam_block_table *t)
{
	for (int i = 0; i < t->nr; i++) {
		int target = resolve(t, &t->node[i], 0);
		char name[DAM_HAL_NAME];

		add_dev(t, &t->node[i], t->node[i].dev, target);
		if (t->node[i].partition)
			continue;
		snprintf(name, sizeof(name), DAM_BLOCK_PREFIX "%s", t->node[i].name);
		dam_hal_add_alias(t->hal, name, target); /* a stack, a head with one path */
	}
	add_mounts(t);
}
