/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What the process has mapped, as the kernel lists it. */
#ifndef DAM_PRELOAD_MAPS_H
#define DAM_PRELOAD_MAPS_H

#include <stdbool.h>
#include <stdint.h>

struct dam_mapping {
	uintptr_t start, end;
	uint64_t offset, inode;
	const char *path; /* "" for none; what is no file has a name in brackets */
};

/**
 * dam_maps_parse() - one line of /proc/PID/maps, terminated
 * Return: false: not such a line. @out points into @line.
 */
bool dam_maps_parse(const char *line, struct dam_mapping *out);

/**
 * dam_maps_each() - call @fn for every mapping of this process until it returns false; a path of hundreds of bytes is cut
 * Raw system calls, no allocation. Context: inside dam_slow_enter(), any number of threads.
 */
void dam_maps_each(bool (*fn)(const struct dam_mapping *m, void *arg), void *arg);

#endif
