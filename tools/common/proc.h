/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Processes and threads as /proc tells them: when they began, and from whom they come. */
#ifndef DAM_TOOLS_PROC_H
#define DAM_TOOLS_PROC_H

#include <stdint.h>
#include <sys/types.h>

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
