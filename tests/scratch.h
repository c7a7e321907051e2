/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* A folder for what tests write, which nothing outlives. */
#ifndef DAM_TESTS_SCRATCH_H
#define DAM_TESTS_SCRATCH_H

#include <stddef.h>

/**
 * scratch_run() - run tests that may fail anywhere, in a process below this one
 *
 * What they make with scratch_dir(), and the processes that they leave, are gone when this returns, also where they
 * crashed or were interrupted.
 *
 * Return: what @run returned: an exit status; 128 + the signal that ended it.
 */
int scratch_run(int (*run)(void *arg), void *arg);

/**
 * scratch_dir() - a new folder
 * @out: its path, short enough for a socket's in it; other users may enter it
 *
 * In memory where that is possible: some tests make thousands of files. Ends the program where there is none. Outside
 * scratch_run() the caller removes it.
 */
void scratch_dir(char *out, size_t size);

/** scratch_remove() - a file, or a folder with all it holds. */
void scratch_remove(const char *path);

#endif
