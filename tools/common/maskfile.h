/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The record of changed masks: what every thread had before DAM pinned it, written before the pin.
 *
 * One file in the runtime directory. It is written by pwrite(), not through a mapping: what a killed
 * coordinator had written stays just the same, and a full file system is an error instead of a SIGBUS.
 * The one who writes it holds a lock on it that the kernel drops at its death.
 */
#ifndef DAM_TOOLS_MASKFILE_H
#define DAM_TOOLS_MASKFILE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/cpuset.h"
#include "tools/common/proc.h"

#define DAM_MASKS_NAME	  "masks" /* in the runtime directory */
#define DAM_MASKS_ENTRIES 65536	  /* threads that can be pinned at the same time */

struct dam_masks;

/* What became of the recorded threads. */
struct dam_masks_result {
	unsigned int restored; /* the original mask is back */
	unsigned int inherited; /* no entry of its own, but the pin of the thread that created it: restored too */
	unsigned int gone;     /* the thread has ended */
	unsigned int left;     /* it has a mask that DAM did not write: left alone */
	unsigned int failed;   /* the kernel refused; the entry stays */
};

/**
 * dam_masks_open() - open the record for writing, create it where there is none
 * @path: the file; its directory exists
 * @out: closed by dam_masks_close()
 *
 * Entries that a dead coordinator left are still there: call dam_masks_restore() before pinning anything.
 * A file that is damaged, or that another boot, another pid namespace or another version of DAM wrote, is begun anew, with one
 * line in the log.
 *
 * Return: 0; -EBUSY: a live coordinator has it; -EPERM: not a file of this user's that nobody else can
 * write; -errno of open() and write().
 */
int dam_masks_open(const char *path, struct dam_masks **out);

/** dam_masks_close() - give up the lock and the handle; the file stays. Takes NULL. */
void dam_masks_close(struct dam_masks *m);

/**
 * dam_masks_put() - record a thread; to be called before sched_setaffinity()
 * @tid: 0: any thread of @pid that is born from now on may get this mask; then @start_time is the process's
 * @start_time: from dam_thread_start_time()
 * @orig: what the thread gets back
 * @dam: what the caller is about to write
 *
 * Return: the entry's index >= 0; -ENOSPC: the table or the disk is full: do not pin; -errno of pwrite().
 */
int dam_masks_put(struct dam_masks *m, pid_t pid, pid_t tid, uint64_t start_time,
		  const struct dam_cpuset *orig, const struct dam_cpuset *dam);

/**
 * dam_masks_update() - the thread of entry @index is about to get another mask
 *
 * The mask that it still has stays recorded too, so that dying between this call and
 * sched_setaffinity() leaves nothing behind. Return: 0; -EINVAL: no such entry; -errno.
 */
int dam_masks_update(struct dam_masks *m, int index, const struct dam_cpuset *dam);

/** dam_masks_clear() - the thread of entry @index has its mask back, or is gone. Takes any index. */
void dam_masks_clear(struct dam_masks *m, int index);

/** dam_masks_count() - entries in use. */
unsigned int dam_masks_count(const struct dam_masks *m);

/**
 * dam_masks_restore() - give every recorded thread its original mask back, and forget it
 *
 * A thread is touched only if it is the one that was recorded (same start time) and still has a mask that
 * DAM wrote, or inherited such a mask (tools/common/inherit.h). Return: 0; -errno of reading the file.
 */
int dam_masks_restore(struct dam_masks *m, struct dam_masks_result *out);

/**
 * dam_masks_restore_all() - the same from the file alone, when its writer is dead
 * @force: even if a coordinator holds the file (it may pin threads again)
 *
 * Return: 0, also when the file is empty; -ENOENT: no file; -EBUSY; -EPERM; -EBADMSG: damaged, or of
 * another version: nothing was touched.
 */
int dam_masks_restore_all(const char *path, bool force, struct dam_masks_result *out);

#endif
