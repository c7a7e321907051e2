/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The history where there is no SQLite: it cannot be opened, and so nothing else of it is ever called. */
#include "config.h"
#include "tools/common/history.h"

#include <errno.h>

#include "base/str.h"

static int without(char *error)
{
	dam_strlcpy(error, "this program was built without SQLite", DAM_HISTORY_ERROR);
	return -EOPNOTSUPP;
}

int dam_history_open(const char *path, struct dam_history **out, char *error)
{
	(void)path;
	(void)out;
	return without(error);
}

int dam_history_open_read(const char *path, struct dam_history **out, char *error)
{
	return dam_history_open(path, out, error);
}

void dam_history_close(struct dam_history *h)
{
	(void)h;
}

int dam_history_begin(struct dam_history *h, char *error)
{
	(void)h;
	return without(error);
}

int dam_history_commit(struct dam_history *h, char *error)
{
	(void)h;
	return without(error);
}

int dam_history_add(struct dam_history *h, const struct dam_history_move *m, const struct dam_learn *kind,
		    char *error)
{
	(void)h;
	(void)m;
	(void)kind;
	return without(error);
}

int dam_history_prune(struct dam_history *h, char *error)
{
	(void)h;
	return without(error);
}

int dam_history_kinds(struct dam_history *h, void (*each)(const struct dam_learn *l, void *arg), void *arg,
		      char *error)
{
	(void)h;
	(void)each;
	(void)arg;
	return without(error);
}

int dam_history_moves(struct dam_history *h, unsigned int max,
		      void (*each)(const struct dam_history_move *m, void *arg), void *arg, char *error)
{
	(void)h;
	(void)max;
	(void)each;
	(void)arg;
	return without(error);
}
