/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * A client of the coordinator that needs no library: it starts a dam-coord of its own with simulated engines, attaches,
 * and claims slots for threads that sit still, so that a test or benchmark can write any counts it likes.
 */
#ifndef DAM_TESTS_COORD_CLIENT_H
#define DAM_TESTS_COORD_CLIENT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/cpuset.h"
#include "shm/ledger.h"

struct client {
	char dir[64], sock_path[100];
	pid_t coord; /* -1: none runs */
	struct dam_ledger *ledger;
	unsigned int nr_threads;
	pid_t *tid;
	struct dam_cpuset everywhere; /* what the threads start with */
	const char *machine; /* for HWLOC_SYNTHETIC; NULL: two nodes of one CPU each */
	char class[8];		      /* what the process says of itself when it attaches; "": nothing */
};

/* The functions end the program with a message where something fails that is no test of theirs. */

/** client_open() - a runtime directory of its own. */
void client_open(struct client *c);
/** client_close() - kill what still runs, remove the directory. */
void client_close(struct client *c);
/** client_start() - run dam-coord with @args (up to NULL) until it listens. Return: 0, or its exit status. */
int client_start(struct client *c, const char *const *args);
/** client_stop() - end it by @sig. Return: its exit status, or minus the signal that killed it. */
int client_stop(struct client *c, int sig);
int client_connect(const struct client *c);
void client_attach(struct client *c);
/** client_threads() / client_join() - @nr threads that sit still. */
void client_threads(struct client *c, unsigned int nr);
void client_join(struct client *c);

#endif
