/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Threads born where they do best: a new thread whose like have done DMA takes the advice in the ledger, and sets its
 * own mask before its first instruction, so that no move is needed later.
 *
 * Its like are the threads with the same start routine. Nobody is placed where the program sets the mask, by an
 * attribute or by having pinned the creator.
 */
#ifndef DAM_PRELOAD_BIRTH_H
#define DAM_PRELOAD_BIRTH_H

#include <pthread.h>
#include <stdint.h>

struct dam_birth;

/**
 * dam_birth_prepare() - a thread is about to be created
 * @attr: NULL: none
 * @start, @arg: what the program wants it to run
 *
 * Return: what to start by dam_birth_thread() or dam_birth_thrd() instead; NULL: nothing, create it as asked.
 * Context: any thread; allocates nothing. Keeps errno.
 */
struct dam_birth *dam_birth_prepare(const pthread_attr_t *attr, void (*start)(void), void *arg);

/** dam_birth_cancel() - it was not created. Takes NULL. */
void dam_birth_cancel(struct dam_birth *b);

/** dam_birth_thread() / dam_birth_thrd() - start routines of the thread: place it, go on to the program's. */
void *dam_birth_thread(void *birth);
int dam_birth_thrd(void *birth);

/** dam_birth_submits() - the calling thread has claimed its first slot: its like do DMA. Return: its place + 1; 0. */
uint32_t dam_birth_submits(void);

#endif
