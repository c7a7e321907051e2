/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Bounded reads of attribute files below a root: whatever the tree holds, a call ends, and soon.
 *
 * Every path is @root plus the formatted rest, which begins with '/'. A path that does not fit
 * DAM_SYSFS_PATH is -ENAMETOOLONG. Rooms below hal/ only.
 */
#ifndef DAM_HAL_SYSFS_H
#define DAM_HAL_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cpuset.h"

#define DAM_SYSFS_PATH	  1024
#define DAM_SYSFS_ENTRIES 4096 /* of one directory; further ones are left out */

#define DAM_SYSFS_FMT __attribute__((format(printf, 2, 3)))

/** dam_sysfs_open() - open a regular file for reading; never blocks. Return: fd; -errno, -EINVAL:
 * not a file. */
int dam_sysfs_open(const char *root, const char *fmt, ...) DAM_SYSFS_FMT;

/** dam_sysfs_pread() - up to @size - 1 bytes of @fd, terminated. Return: their number; -errno. */
int dam_sysfs_pread(int fd, char *buf, size_t size);

/**
 * dam_sysfs_read() - the first line of a small text file, without the newline at its end
 * @buf: always terminated; empty on failure
 *
 * Return: length; -errno.
 */
int dam_sysfs_read(char *buf, size_t size, const char *root, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/** dam_sysfs_number() - a file that holds one whole number, or @def when it does not. */
int64_t dam_sysfs_number(int64_t def, const char *root, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * dam_sysfs_parse_mask() - a bitmap in hexadecimal digits
 * @text: words of 32 bits, the highest first: "ff,00000003"; or of 64 bits, the lowest first: "0x3 0x0 0x0 0x0"
 *
 * Return: 0; -EINVAL with @out undefined.
 */
int dam_sysfs_parse_mask(const char *text, struct dam_cpuset *out);

bool dam_sysfs_exists(const char *root, const char *fmt, ...) DAM_SYSFS_FMT;

/** dam_sysfs_parse_dev() - "major:minor" as makedev() gives it, or 0. */
uint64_t dam_sysfs_parse_dev(const char *text);

/**
 * dam_sysfs_dev() - a "major:minor" file as makedev() gives it
 * Return: 0 for a damaged or missing file, and for "0:0".
 */
uint64_t dam_sysfs_dev(const char *root, const char *fmt, ...) DAM_SYSFS_FMT;

/**
 * dam_sysfs_real() - resolve links
 * @out: the path without @root, at most DAM_SYSFS_PATH bytes
 *
 * Return: 0; -errno; -EXDEV when a link leads out of @root.
 */
int dam_sysfs_real(char *out, const char *root, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** dam_sysfs_link_name() - the last name of where a link leads, which need not exist. Return: 0; -errno. */
int dam_sysfs_link_name(char *out, size_t size, const char *root, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/**
 * dam_sysfs_list() - names in a directory, without "." and "..", in natural order (sda2 before
 * sda10)
 * @out: an array for dam_sysfs_list_free(); NULL when the result is not positive
 *
 * Return: their number, 0 when there is no such directory; -ENOMEM.
 */
int dam_sysfs_list(char ***out, const char *root, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/** dam_sysfs_names() - a sum over the names in a directory, whatever their order; 0: there is none. */
uint64_t dam_sysfs_names(const char *root, const char *dir);

void dam_sysfs_list_free(char **list, int nr);

#endif
