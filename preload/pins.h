/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The program's own pins, and what it is told about its masks. */
#ifndef DAM_PRELOAD_PINS_H
#define DAM_PRELOAD_PINS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/** dam_pins_note() - the program has set the mask of @tid; 0: of the calling thread. */
void dam_pins_note(int tid);

/** dam_pins_tid() - the id of a thread of this process, without a system call; 0: it has ended. */
int dam_pins_tid(pthread_t thread);

/** dam_pins_take() - pins of @tid noted before it had a slot; they are the caller's to count now. */
uint32_t dam_pins_take(uint32_t tid);

/**
 * dam_pins_settle() - before the kernel is asked for a mask: let the coordinator give an executed program back what
 * its moved creator handed down. Once in a process; a few system calls, 20 ms at most.
 */
void dam_pins_settle(void);

/** dam_pins_leave() - a new process: what DAM did to the thread that made it is undone. Context: in the child. */
void dam_pins_leave(void);

/**
 * dam_pins_hide() - if @mask is what DAM wrote, make it what the program had
 * @tid: 0: the calling thread
 * @mask, @size: as the kernel or libc answered; the bytes beyond @size are not touched
 */
void dam_pins_hide(int tid, void *mask, size_t size);

#endif
