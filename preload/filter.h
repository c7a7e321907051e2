/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Filters of system calls that came with the process: are there any, and may calls of ours be made under them? */
#ifndef DAM_PRELOAD_FILTER_H
#define DAM_PRELOAD_FILTER_H

#include <stdbool.h>

/**
 * dam_filter_any() - did the process inherit a filter? By calls of ld.so's kind. Context: any thread.
 * Return: 0: it did not; -EPERM: it did; another -errno: not known, to be taken for a filter.
 */
int dam_filter_any(void);

/**
 * dam_filter_ask() - did it inherit one that forbids calls of ours?
 * @invited: the user wants this process measured: the filters that all processes of its container have are no reason
 *	to stay out
 *
 * Return: as dam_filter_any().
 */
int dam_filter_ask(bool invited);

#endif
