/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Pins that leaked: threads and processes that a pinned thread created carry DAM's mask without a record. */
#ifndef DAM_TOOLS_INHERIT_H
#define DAM_TOOLS_INHERIT_H

#include <stdint.h>
#include <sys/types.h>

#include "base/cpuset.h"

/* A thread that DAM had pinned. */
struct dam_pin {
	pid_t pid;
	uint64_t start_time;	     /* of the thread: tells its process from a later one of that number */
	uint64_t since;		     /* when it was pinned first (dam_ticks_now()) */
	struct dam_cpuset orig;	     /* what it had */
	struct dam_cpuset dam, former; /* what DAM wrote; former may be empty */
};

/**
 * dam_inherit_restore() - give back what descendants of pinned threads inherited
 * @pin, @nr: sorted in place
 *
 * A thread is one when it belongs to the process of a pin or to a descendant of it, was created after the pin,
 * and has the very mask of the pin. The threads of the pins themselves are restored before this is called.
 * Return: the number of threads that got the original mask of the pin.
 */
unsigned int dam_inherit_restore(struct dam_pin *pin, unsigned int nr);

#endif
