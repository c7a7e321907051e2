/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Writes the history of moves in a thread of its own, so that no disk ever keeps the loop waiting.
 *
 * What is wrong with the file costs one line in the log, and then there is no file: what is learned is learned all the
 * same, until the coordinator ends.
 */
#ifndef DAM_TOOLS_COORD_HISTORIAN_H
#define DAM_TOOLS_COORD_HISTORIAN_H

#include "tools/common/history.h"

struct historian;

struct historian_view {
	const char *path;  /* NULL: AFFINITY_HISTORY is off */
	const char *state; /* "off", "on", "failed" */
	char why[DAM_HISTORY_ERROR]; /* it failed; else "" */
	uint64_t written, dropped;   /* judged moves */
};

/**
 * historian_open() - read what earlier runs learned into @learned, start the writer
 * @path: AFFINITY_HISTORY; NULL or "off": none. Outlives the historian.
 *
 * Context: before the loop: it may wait for the disk.
 * Return: 0, also where the file cannot be used (logged); -ENOMEM.
 */
int historian_open(const char *path, struct dam_learn_table *learned, struct historian **out);

/** historian_add() - a judged move, and what is now known of its kind (NULL: nothing). Never waits: dropped when full. */
void historian_add(struct historian *h, const struct dam_history_move *m, const struct dam_learn *kind);

void historian_view(struct historian *h, struct historian_view *out);

/** historian_close() - write what is queued, for a second at most. Takes NULL. */
void historian_close(struct historian *h);

#endif
