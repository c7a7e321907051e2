/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Processes and threads as /proc tells them: when they began, from whom they come, where they may run. */
#ifndef DAM_TOOLS_PROC_H
#define DAM_TOOLS_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cpuset.h"

struct dam_proc {
	pid_t pid, ppid;
	uint64_t start_time; /* clock ticks since boot */
};

/**
 * dam_thread_start_time() - when a thread was created, in clock ticks since boot
 *
 * Return: 0; -ESRCH: no such thread in process @pid; -EINVAL: /proc is not readable as expected.
 */
int dam_thread_start_time(pid_t pid, pid_t tid, uint64_t *out);

/**
 * dam_thread_allowed() - the processors that the control group of a thread leaves to it, of those that are online
 * @root: of a recorded tree; "": this machine
 * Return: 0; -ENOENT: that is not known here.
 */
int dam_thread_allowed(const char *root, pid_t tid, struct dam_cpuset *out);

/** dam_mask_is_cut() - is @mask what the kernel makes of @wanted where no more than @group is allowed? */
bool dam_mask_is_cut(const struct dam_cpuset *wanted, const struct dam_cpuset *group, const struct dam_cpuset *mask);

/**
 * dam_mask_is_void() - is it what the kernel makes of @wanted where nothing of that is allowed: all of @group?
 *
 * Since Linux 6.2 it comes back to @wanted as soon as it can.
 */
bool dam_mask_is_void(const struct dam_cpuset *wanted, const struct dam_cpuset *group, const struct dam_cpuset *mask);

/** dam_mask_comes_of() - is it @wanted, or what the kernel makes of that for thread @tid just now? */
bool dam_mask_comes_of(pid_t tid, const struct dam_cpuset *wanted, const struct dam_cpuset *mask);

/** dam_ticks_now() - now, on the clock of start times. */
uint64_t dam_ticks_now(void);

/**
 * dam_proc_list() - all processes, sorted by pid
 * @out: an array that the caller frees
 * Return: their number; 0 without memory or /proc, then @out is NULL.
 */
unsigned int dam_proc_list(struct dam_proc **out);

/** dam_proc_find() - process @pid in a list of dam_proc_list(), or NULL. */
const struct dam_proc *dam_proc_find(const struct dam_proc *list, unsigned int nr, pid_t pid);

/** dam_proc_each_thread() - call @fn for every thread of process @pid that is there now. */
void dam_proc_each_thread(pid_t pid, void (*fn)(pid_t pid, pid_t tid, void *arg), void *arg);

#endif
