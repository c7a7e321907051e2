/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Where things are: the runtime directory, what is in it, and DAM's own programs and library. */
#ifndef DAM_TOOLS_PATHS_H
#define DAM_TOOLS_PATHS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* Room for a path that still fits a socket address when DAM_SOCKET_NAME is appended. */
#define DAM_RUNTIME_DIR_MAX 96

/**
 * dam_runtime_dir() - the directory of the coordinator's socket and of the record of masks
 * @given: the value of --runtime-dir, or NULL
 * @create: make it (0700) where it is missing, and check that it is this user's and nobody else can write it
 * @out: absolute, with a relative @given below the current directory; there for a message, too, unless it is too long
 *
 * In this order: @given, $DAM_RUNTIME_DIR, /run/dam for root, $XDG_RUNTIME_DIR/dam, /tmp/dam-UID.
 * Return: 0; -ENAMETOOLONG: no socket address holds it; with @create also -EPERM: someone else's, or
 * writable for others; -ENOTDIR; -errno of mkdir().
 */
int dam_runtime_dir(const char *given, bool create, char out[DAM_RUNTIME_DIR_MAX]);

/**
 * dam_runtime_dir_live() - the directory of a coordinator that may be asked
 *
 * As dam_runtime_dir(), but an ordinary user without a coordinator of their own, who names no directory, is
 * led to root's /run/dam when there is a socket. Return: 0; -ENAMETOOLONG.
 */
int dam_runtime_dir_live(const char *given, char out[DAM_RUNTIME_DIR_MAX]);

/** dam_path_join() - "@dir/@name". Return: 0; -ENAMETOOLONG. */
int dam_path_join(const char *dir, const char *name, char *out, size_t size);

/**
 * dam_find_installed() - one of DAM's own files: "dam-coord", "libdam_preload.so"
 *
 * Looked for beside the running program (.libs/ first, for a build that is not installed), in ../lib beside
 * it, in the directory of libraries that DAM was configured with.
 * Return: 0; -ENOENT: in none of these.
 */
int dam_find_installed(const char *name, char out[PATH_MAX]);

#endif
