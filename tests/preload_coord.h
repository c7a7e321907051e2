/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* A coordinator for tests: hands out ledgers and a board, moves nothing. */
#ifndef DAM_TESTS_PRELOAD_COORD_H
#define DAM_TESTS_PRELOAD_COORD_H

#include <stdbool.h>
#include <sys/types.h>

#include "shm/board.h"
#include "shm/ledger.h"

#define COORD_CLIENTS 16

struct coord {
	char dir[64];
	int listener;
	struct dam_board_writer board;
	int delay_ms;		/* before an answer */
	unsigned int announced; /* connections that were closed without a word */
	unsigned int nr;
	struct coord_client {
		struct dam_ledger *ledger;
		struct dam_hello hello;
		pid_t pid; /* SO_PEERCRED */
	} client[COORD_CLIENTS];
};

/** coord_dir() - make the runtime directory, once; coord_start() may then come and go. */
void coord_dir(struct coord *c);
void coord_remove_dir(struct coord *c);

/** coord_start() - listen, publish a board on which the device of file @path is engine 7. Aborts on failure. */
void coord_start(struct coord *c, const char *path);
void coord_stop(struct coord *c);

/** coord_step() - wait at most @ms, answer who asks, beat. */
void coord_step(struct coord *c, int ms);

/** coord_run() - run a program with the library, serving it until it ends. Return: exit status; 128 + signal. */
int coord_run(struct coord *c, char *const argv[]);

/** coord_spawn() - start a program with the library and DAM_RUNTIME_DIR. Return: its pid. */
pid_t coord_spawn(const struct coord *c, char *const argv[], int out_fd);

/** coord_reap() - serve until @pid ends. Return: as coord_run(). */
int coord_reap(struct coord *c, pid_t pid);

/** coord_sum() - the counts of all threads of client @i at the place of board target @id. */
struct dam_count coord_sum(const struct coord *c, unsigned int i, uint32_t id);

/** coord_index() - the place of board target @id in client @i's table; DAM_LOCAL_OTHER: none. */
unsigned int coord_index(const struct coord *c, unsigned int i, uint32_t id);

#endif
