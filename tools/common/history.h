/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The history of moves: an SQLite file of what was moved, how it turned out, and what was learned. dam-history(5)
 * describes it.
 *
 * Built without SQLite, opening one is -EOPNOTSUPP, and there is nothing else.
 */
#ifndef DAM_TOOLS_HISTORY_H
#define DAM_TOOLS_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/learn.h"

#define DAM_HISTORY_VERSION 2
#define DAM_HISTORY_KINDS   4096   /* kept at most; those that were judged longest ago go first */
#define DAM_HISTORY_MOVES   20000  /* the same */
#define DAM_HISTORY_NAME    64
#define DAM_HISTORY_ERROR   256

/* A judged move. Texts are bytes of other programs; what is not UTF-8 is the reader's to clean. */
struct dam_history_move {
	double time_s; /* of the move, since 1970 */
	struct dam_learn_key kind;
	char from_engine[DAM_HISTORY_NAME], to_engine[DAM_HISTORY_NAME];
	char trigger[16], verdict[16], metric[16];
	bool undone;
	double effect;	      /* relative change of that metric, better is positive */
	double gain;	      /* as the plan computed it */
	double forecast, actual; /* bytes/s of the thread after the move; NaN: unknown */
};

struct dam_history;

/**
 * dam_history_open() - open the file for writing, make or migrate it
 * @path: its directory exists
 * @error: DAM_HISTORY_ERROR bytes: what is wrong, for people
 *
 * Return: 0; -EOPNOTSUPP: built without SQLite; -EBADMSG: no database of this program's, damaged, or of a later
 * version: it is left as it is; -EROFS: it can be read only; -EIO.
 */
int dam_history_open(const char *path, struct dam_history **out, char *error);

/** dam_history_open_read() - the same for reading, whoever writes it meanwhile; older versions, too. */
int dam_history_open_read(const char *path, struct dam_history **out, char *error);

/** dam_history_close() - takes NULL. */
void dam_history_close(struct dam_history *h);

/** dam_history_begin() / dam_history_commit() - what is added between them is there, or not, as a whole. 0, -EIO. */
int dam_history_begin(struct dam_history *h, char *error);
int dam_history_commit(struct dam_history *h, char *error);

/** dam_history_add() - a judged move, and what is now known of its kind; @kind may be NULL. Return: 0; -EIO. */
int dam_history_add(struct dam_history *h, const struct dam_history_move *m, const struct dam_learn *kind,
		    char *error);

/** dam_history_prune() - forget what is beyond the bounds above. Return: 0; -EIO. */
int dam_history_prune(struct dam_history *h, char *error);

/** dam_history_kinds() - every kind, the latest judged first. Return: 0; -EBADMSG: damaged. */
int dam_history_kinds(struct dam_history *h, void (*each)(const struct dam_learn *l, void *arg), void *arg,
		      char *error);

/** dam_history_moves() - the latest @max moves, oldest first. Return: 0; -EBADMSG: damaged. */
int dam_history_moves(struct dam_history *h, unsigned int max,
		      void (*each)(const struct dam_history_move *m, void *arg), void *arg, char *error);

#endif
