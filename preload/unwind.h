/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The calling thread's stack, by libunwind, which is loaded when that is safe and done without
 * where it is not. */
#ifndef DAM_PRELOAD_UNWIND_H
#define DAM_PRELOAD_UNWIND_H

#include <stdbool.h>
#include <stdint.h>

/**
 * dam_unwind_load() - load libunwind, once in a process, if nobody else can be inside the dynamic
 * linker
 * @caller: code of the program that calls the hook we are in; NULL: none that allocates memory
 *
 * Its lock is held while constructors run, and those may wait for the very thread that calls this:
 * so only a process with one thread loads it. Nor is it loaded for an allocator that makes a thread
 * of its own with its locks held and signals blocked. Context: not in a signal handler. Keeps errno.
 */
void dam_unwind_load(const void *caller);

/** dam_unwind_tried() - false: dam_unwind_load() may still be worth a call. */
bool dam_unwind_tried(void);

/** dam_unwind_there() - can dam_unwind_stack() tell anything? */
bool dam_unwind_there(void);

/**
 * dam_unwind_stack() - return addresses of the calling thread beyond this library, innermost first
 *
 * Reads nothing that dam_peek() has not found readable. Asks libc for nothing that takes a lock.
 * Return: how many, at most @max. Context: inside dam_slow_enter(), one thread at a time.
 */
unsigned int dam_unwind_stack(uintptr_t *out, unsigned int max);

#endif
