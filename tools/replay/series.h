/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* A recording as series: bytes per engine and interval. */
#ifndef DAM_TOOLS_REPLAY_SERIES_H
#define DAM_TOOLS_REPLAY_SERIES_H

#include <stddef.h>
#include <stdint.h>

#define REPLAY_ENGINE_NAME 128

struct replay_series {
	char engine[REPLAY_ENGINE_NAME];
	double *bytes; /* per interval, nr of them in the recording, reads and writes together */
};

struct replay_recording {
	uint64_t interval_ns;
	uint64_t first; /* index of the first interval: 0, or where times count from an epoch, the first one used */
	size_t nr;	/* intervals, up to the last line of any engine */
	struct replay_series *series; /* in order of appearance */
	size_t nr_series;
};

/**
 * replay_recording_load() - read lines "time_seconds engine bytes R|W"; interval i is [i·@interval_ns, (i+1)·…)
 * @path: NULL or "-": standard input; plain or compressed. Lines may come in any order.
 * @out: to be closed, also after an error
 * Return: 0; -Exxx: one line has been printed.
 */
int replay_recording_load(const char *path, uint64_t interval_ns, struct replay_recording *out);

/** replay_recording_close() - may be all zero. */
void replay_recording_close(struct replay_recording *rec);

/** replay_parse_ns() - a decimal number of @unit_ns, exactly: 0.03 s is no 0.0299…. Return: 0, -EINVAL, -ERANGE. */
int replay_parse_ns(const char *text, uint64_t unit_ns, uint64_t *out);

#endif
