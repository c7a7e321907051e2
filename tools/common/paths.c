/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Where things are. */
#include "config.h"
#include "tools/common/paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "shm/layout.h"

#define ROOT_DIR "/run/dam"

int dam_path_join(const char *dir, const char *name, char *out, size_t size)
{
	int n = snprintf(out, size, "%s/%s", dir, name);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static const char *env_or_null(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

/* The first of the places that applies; the result is cut when it is too long, and the length tells. */
static int choose_dir(const char *given, char *out, size_t size)
{
	const char *xdg = env_or_null("XDG_RUNTIME_DIR");

	if (!given)
		given = env_or_null("DAM_RUNTIME_DIR");
	if (given)
		return snprintf(out, size, "%s", given);
	if (geteuid() == 0)
		return snprintf(out, size, ROOT_DIR);
	if (xdg)
		return snprintf(out, size, "%s/dam", xdg);
	return snprintf(out, size, "/tmp/dam-%u", (unsigned int)geteuid());
}

/* Programs that are told the directory may change theirs. */
static int make_absolute(char path[DAM_RUNTIME_DIR_MAX])
{
	char cwd[PATH_MAX], whole[DAM_RUNTIME_DIR_MAX];

	if (path[0] == '/')
		return 0;
	if (!getcwd(cwd, sizeof(cwd)))
		return -errno;
	if (dam_path_join(cwd, path, whole, sizeof(whole)))
		return -ENAMETOOLONG;
	dam_strlcpy(path, whole, DAM_RUNTIME_DIR_MAX);
	return 0;
}

/* In a directory that others may write, someone else could have put the socket or the record there. */
static int check_dir(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	return st.st_uid == geteuid() && !(st.st_mode & 022) ? 0 : -EPERM;
}

int dam_runtime_dir(const char *given, bool create, char out[DAM_RUNTIME_DIR_MAX])
{
	char path[DAM_RUNTIME_DIR_MAX];
	int n = choose_dir(given, path, sizeof(path)), err;

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	err = make_absolute(path);
	if (err)
		return err;
	dam_strlcpy(out, path, DAM_RUNTIME_DIR_MAX);
	if (create) {
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return -errno;
		err = check_dir(path);
		if (err)
			return err;
	}
	return 0;
}

static bool has_socket(const char *dir)
{
	char path[DAM_RUNTIME_DIR_MAX + sizeof(DAM_SOCKET_NAME) + 1];

	return !dam_path_join(dir, DAM_SOCKET_NAME, path, sizeof(path)) && access(path, F_OK) == 0;
}

int dam_runtime_dir_live(const char *given, char out[DAM_RUNTIME_DIR_MAX])
{
	int err = dam_runtime_dir(given, false, out);

	if (!err && !given && !env_or_null("DAM_RUNTIME_DIR") && !has_socket(out) && has_socket(ROOT_DIR))
		dam_strlcpy(out, ROOT_DIR, DAM_RUNTIME_DIR_MAX);
	return err;
}

static bool try_path(const char *dir, const char *below, const char *name, char out[PATH_MAX])
{
	int n = snprintf(out, PATH_MAX, "%s%s/%s", dir, below, name);

	return n > 0 && n < PATH_MAX && access(out, R_OK) == 0;
}

int dam_find_installed(const char *name, char out[PATH_MAX])
{
	static const char *const below[] = {"/.libs", "", "/../lib"};
	char exe[PATH_MAX], found[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;
	bool ok = false;

	exe[n > 0 ? n : 0] = '\0';
	slash = strrchr(exe, '/');
	if (slash)
		*slash = '\0';
	for (size_t i = 0; slash && !ok && i < sizeof(below) / sizeof(below[0]); i++)
		ok = try_path(exe, below[i], name, found);
	if (!ok)
		ok = try_path(DAM_LIBDIR, "", name, found);
	if (!ok)
		return -ENOENT;
	dam_strlcpy(out, found, PATH_MAX);
	return 0;
}
