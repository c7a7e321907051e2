/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * A client of the coordinator that needs no library: it starts a dam-coord of its own with simulated engines, attaches,
 * and claims slots for threads that sit still, so that a test or benchmark can write any counts it likes.
 */
#ifndef DAM_TESTS_COORD_CLIENT_H
#define DAM_TESTS_COORD_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
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
	void (*before)(void); /* called in the coordinator's process before it begins; NULL: nothing */
	struct dam_slot **slot; /* of the first nr_slots threads, once claimed */
	unsigned int nr_slots;
	uint64_t mb_per_s; /* that client_drive() writes for each of these */
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
/** client_claim() - a slot for each of the first @nr threads, after client_attach(). */
void client_claim(struct client *c, unsigned int nr);
/**
 * client_drive() - write counts as threads would that read 80 MB/s each, on CPU 1 if they are pinned there, else on 0
 * Return: @done said so; false: it did not in a time that only a failure takes.
 */
bool client_drive(struct client *c, bool (*done)(void));
/** client_has() - thread @i is to run on these processors. */
bool client_has(const struct client *c, unsigned int i, uint64_t cpus);
/** client_free() - thread @i is to run wherever it could when it began. */
bool client_free(const struct client *c, unsigned int i);
/** client_threads() / client_join() - @nr threads that sit still. */
void client_threads(struct client *c, unsigned int nr);
void client_join(struct client *c);
/** client_begin() - all that from client_start() to client_claim(), with @nr threads of which two have slots. */
void client_begin(struct client *c, const char *const *args, unsigned int nr);
/** client_end() - the coordinator ends well, asked by SIGTERM; then the threads. */
void client_end(struct client *c);

#endif
