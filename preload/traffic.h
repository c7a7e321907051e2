/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The calling thread's traffic to memory, by the event that the board names. */
#ifndef DAM_PRELOAD_TRAFFIC_H
#define DAM_PRELOAD_TRAFFIC_H

#include <stdint.h>

#include "shm/layout.h"

/**
 * dam_traffic_read() - read the thread's counter into its slot; opens it the first time
 * Context: a sampled submission, a few times a second; process not sealed. Any thread, signal
 * handlers too.
 */
void dam_traffic_read(struct dam_slot *s, uint64_t now_ns);

/** dam_traffic_close() - the thread ends. */
void dam_traffic_close(void);

#endif
