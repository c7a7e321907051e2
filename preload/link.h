/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The line to the coordinator: where its socket is, one question, one answer. Raw system calls only. */
#ifndef DAM_PRELOAD_LINK_H
#define DAM_PRELOAD_LINK_H

#include <stdbool.h>
#include <stdint.h>

/** dam_link_init() - where the socket is and what the program says of itself. From the environment, once. */
void dam_link_init(void);

/**
 * dam_link_announce() - say that this process exists: connect without waiting, and close
 *
 * Asks for nothing when no socket is there, and when a system call filter came with the process.
 */
void dam_link_announce(void);

/** dam_link_announced() - was a coordinator there when this program started? */
bool dam_link_announced(void);

/**
 * dam_link_seen() - was a coordinator there at any time so far? Looks for one once a second, by a call of ld.so's kind.
 * @now_ns: CLOCK_MONOTONIC_COARSE
 */
bool dam_link_seen(uint64_t now_ns);

/** dam_link_child() - in a forked child: the coordinator may look into it as into its parent. */
void dam_link_child(void);

/** dam_link_within() - does the open line have a descriptor from @first to @last? */
bool dam_link_within(unsigned int first, unsigned int last);

/** dam_link_settle() - wait, 20 ms at most, until the coordinator has dealt with our announcement. */
void dam_link_settle(void);

/**
 * dam_link_may_call() - may this process make system calls that ld.so has not made before it?
 *
 * Asked until that is known; where a filter came with the process it is sealed.
 */
bool dam_link_may_call(void);

/** dam_link_there() - is a coordinator's socket to be found, and may we call it? */
bool dam_link_there(void);

/**
 * dam_link_ask() - ask for a ledger; never waits
 * Return: 0: dam_link_answer() will tell; -errno: nobody there, or nobody to be trusted.
 */
int dam_link_ask(void);

/**
 * dam_link_answer() - has it answered?
 * @ledger_fd, @board_fd: the caller's to close
 * Return: 0; -EAGAIN: not yet; -errno: it refused, or the line is dead: closed now.
 */
int dam_link_answer(int *ledger_fd, int *board_fd);

/** dam_link_measured() - was this program started by a dam-run, which reports its figures at the end? */
bool dam_link_measured(void);

/** dam_link_wait() - wait for the answer, at most @ms. */
void dam_link_wait(int ms);

/** dam_link_close() - close the line, if it is still ours. */
void dam_link_close(void);

#endif
