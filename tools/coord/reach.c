/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Watched processes that cannot reach the coordinator from where they are: a container, a root of their own. */
#include "config.h"
#include "tools/coord/observe.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "tools/common/paths.h"

/* Is our socket where the process looks for it? That it is not, its hooks cannot tell us. */
static bool reaches_us(const struct coord *c, pid_t pid)
{
	char path[DAM_RUNTIME_DIR_MAX + 64];
	struct stat there, ours;
	int root = snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);

	snprintf(path + root, sizeof(path) - (size_t)root, "%s/" DAM_SOCKET_NAME, c->opt.runtime_dir);
	if (stat(path, &there))
		return errno != ENOENT && errno != ENOTDIR; /* else it is not known */
	return stat(path + root, &ours) || (there.st_dev == ours.st_dev && there.st_ino == ours.st_ino);
}

void coord_reach_check(struct coord *c, struct coord_watch *w)
{
	/* dam-run is to tell of it; it reads or writes, and nothing was heard of its hooks */
	if (!w->run_id || !w->stirs || (w->proc && (w->proc->ledger || w->proc->coverage.blind)) || reaches_us(c, w->pid) ||
	    coord_proc_ended(w->pid))
		return;
	if (w->proc || coord_client_get(c, w))
		w->proc->coverage.blind = "the coordinator's socket is not in its mount namespace, or not below its root";
}
