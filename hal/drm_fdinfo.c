/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What /proc/PID/fdinfo/N tells of a descriptor of a GPU: Documentation/gpu/drm-usage-stats.rst. */
#include "config.h"
#include "hal/drm_fdinfo.h"

#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "hal/sysfs.h"

#define FDS_MAX	 4096 /* of one process */
#define TEXT_MAX 8192

/* Engine classes that copy, as drivers call them. */
static const char *const copy_classes[] = {"copy", "dma", "bcs"};

static bool copies(const char *class)
{
	for (size_t i = 0; i < sizeof(copy_classes) / sizeof(copy_classes[0]); i++)
		if (!strcmp(class, copy_classes[i]))
			return true;
	return false;
}

static uint64_t number(const char *text)
{
	char digits[32];
	uint64_t v;

	snprintf(digits, sizeof(digits), "%.*s", (int)strspn(text, "0123456789"), text);
	return dam_parse_u64(digits, &v) ? 0 : v;
}

/* The keys that tell of engines: what is behind them is the class. */
static const struct {
	const char *prefix;
	size_t copy, all; /* where it is added; 0: nowhere */
	bool time;
} keys[] = {
	{"drm-engine-capacity-", offsetof(struct dam_drm_client, copy_engines), 0, false},
	{"drm-engine-", offsetof(struct dam_drm_client, copy_ns), offsetof(struct dam_drm_client, all_ns), true},
	{"drm-total-cycles-", offsetof(struct dam_drm_client, total_cycles), 0, true},
	{"drm-cycles-", offsetof(struct dam_drm_client, copy_cycles), 0, true},
};

static void add(struct dam_drm_client *c, size_t offset, uint64_t v)
{
	if (offset)
		*(uint64_t *)((char *)c + offset) += v;
}

static bool take(const char *key, const char *value, struct dam_drm_client *out)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *class = key + strlen(keys[i].prefix);

		if (strncmp(key, keys[i].prefix, strlen(keys[i].prefix)))
			continue;
		add(out, keys[i].all, number(value));
		if (copies(class))
			add(out, keys[i].copy, number(value));
		return keys[i].time;
	}
	return false;
}

bool dam_drm_parse(char *text, struct dam_drm_client *out)
{
	struct dam_drm_client c = {.id = 0};
	bool engines = false;
	char *save, *line;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *value = strchr(line, ':');

		if (!value)
			continue;
		*value++ = '\0';
		value += strspn(value, " \t");
		if (!strcmp(line, "drm-pdev"))
			dam_strlcpy(c.pdev, value, sizeof(c.pdev));
		else if (!strcmp(line, "drm-client-id"))
			c.id = number(value);
		else if (take(line, value, &c))
			engines = true;
	}
	if (engines)
		*out = c;
	return engines;
}

static bool known(const struct dam_drm_client *list, int nr, const struct dam_drm_client *c)
{
	for (int i = 0; i < nr; i++)
		if (list[i].id == c->id && !strcmp(list[i].pdev, c->pdev))
			return true;
	return false;
}

/* On this machine the link tells, at a fraction of the cost; recorded trees may have none. */
static bool may_be_gpu(const char *root, pid_t pid, const char *fd)
{
	char path[64], to[16] = "";

	if (root[0])
		return true;
	snprintf(path, sizeof(path), "/proc/%d/fd/%.16s", (int)pid, fd);
	return readlink(path, to, sizeof(to) - 1) > 0 && !strncmp(to, "/dev/dri/", 9);
}

int dam_drm_process(const char *root, pid_t pid, struct dam_drm_client *out, int max)
{
	char path[DAM_SYSFS_PATH], text[TEXT_MAX];
	struct dirent *e;
	int nr = 0;
	DIR *d;

	if (snprintf(path, sizeof(path), "%s/proc/%d/fdinfo", root, (int)pid) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	d = opendir(path);
	if (!d)
		return -errno;
	for (int i = 0; i < FDS_MAX && nr < max && (e = readdir(d)); i++) {
		int fd, n;

		if (e->d_name[0] == '.' || !may_be_gpu(root, pid, e->d_name))
			continue;
		fd = dam_sysfs_open(root, "/proc/%d/fdinfo/%s", (int)pid, e->d_name);
		n = fd < 0 ? fd : dam_sysfs_pread(fd, text, sizeof(text));
		if (fd >= 0)
			close(fd);
		if (n > 0 && dam_drm_parse(text, &out[nr]) && !known(out, nr, &out[nr]))
			nr++;
	}
	closedir(d);
	return nr;
}
