/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The board: the coordinator's directory of engines and pools, published by RCU. */
#ifndef DAM_SHM_BOARD_H
#define DAM_SHM_BOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/layout.h"

/* -- writer: the coordinator -- */

/* The coordinator's private side of the board: what it must not take from shared memory. */
struct dam_board_writer {
	struct dam_board *map;
	int fd; /* to be handed to processes */
	unsigned int current; /* index of the published snapshot; DAM_SNAPSHOTS: none yet */
	/* When a snapshot went out of use: free again once every live announcement is newer. */
	uint64_t retired[DAM_SNAPSHOTS]; /* period that began with its retirement; 0: never used */
	uint64_t retired_ns[DAM_SNAPSHOTS];
	uint64_t period;	  /* starts at 1: an announcement of 0 means "not reading" */
	uint64_t generation;	  /* of the current snapshot; even */
	uint64_t skipped;	  /* publications that found no free snapshot */
};

/* Tells the writer which readers may still read: calls fn(arg) once for each mapped ledger. */
typedef void (*dam_board_each_reader)(void *ctx, void (*fn)(const struct dam_ledger *l, void *arg),
				      void *arg);

/**
 * dam_board_create() - make the board's segment, with no snapshot yet
 * Return: 0; -errno. The caller owns @out and ends it with dam_board_destroy().
 */
int dam_board_create(struct dam_board_writer *out);

/** dam_board_set_memory() - what processes are to count; before any has the board. */
void dam_board_set_memory(struct dam_board_writer *w, const struct dam_board_memory *m);

/** dam_board_destroy() - mark the board closed for all who have it mapped, unmap, close. Takes NULL. */
void dam_board_destroy(struct dam_board_writer *w);

/**
 * dam_board_publish() - replace the directory
 * @targets, @nr_targets: at most DAM_BOARD_TARGETS
 * @devs, @nr_devs: at most DAM_BOARD_DEVS, in any order; @devs is sorted in place
 * @each, @ctx: the ledgers whose announcements count
 * @now_ns: CLOCK_MONOTONIC
 *
 * Never waits: -EAGAIN when every snapshot may still be read (skipped counts it; try at the next tick).
 * Return: 0; -EAGAIN; -E2BIG when a list is too long; -EINVAL when a device's target is none of @targets.
 */
int dam_board_publish(struct dam_board_writer *w, const struct dam_board_target *targets,
		      unsigned int nr_targets, struct dam_board_dev *devs, unsigned int nr_devs,
		      dam_board_each_reader each, void *ctx, uint64_t now_ns);

/** dam_board_beat() - say that the coordinator lives; once a tick. */
void dam_board_beat(struct dam_board_writer *w, uint64_t now_ns);

/* -- reader: a process. Raw memory only: no system call, no libc beyond memory functions -- */

/** dam_board_valid() - magic, version and size are this library's. */
bool dam_board_valid(const struct dam_board *b);

/**
 * dam_board_shift() - what a reader adds to its clock to have the coordinator's
 * @now_ns: when the coordinator has just been heard of
 *
 * In a time namespace of its own a program's clocks differ from others' by a constant. Whoever has answered has beaten
 * within the second; so a beat that is not of this second is told by another clock. Return: 0 where they agree.
 */
uint64_t dam_board_shift(const struct dam_board *b, uint64_t now_ns);

/** dam_board_alive() - not closed, and its heart beat within DAM_STALE_NS of @now_ns (CLOCK_MONOTONIC or _COARSE). */
bool dam_board_alive(const struct dam_board *b, uint64_t now_ns);

/**
 * dam_board_lookup() - the target of a device number
 * @l: the caller's own ledger, for the announcement
 * @type, @dev: kind of device number, and the number as makedev() gives it
 * @now_ns: CLOCK_MONOTONIC_COARSE
 * @out: a copy; its name is terminated
 *
 * Return: 0; -ENOENT: not in the directory; -EAGAIN: no snapshot, or it was replaced during the read
 * (rare: ask again later); -EINVAL: the board's content is damaged.
 */
int dam_board_lookup(const struct dam_board *b, struct dam_ledger *l, enum dam_dev_type type,
		     uint64_t dev, uint64_t now_ns, struct dam_board_target *out);

#endif
