/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The process and its coordinator: announce, ask for a ledger, attach, detach, start over in a child. */
#ifndef DAM_PRELOAD_ATTACH_H
#define DAM_PRELOAD_ATTACH_H

#include <stdbool.h>
#include <stdint.h>

#include "shm/layout.h"

/** dam_attach_init() - read the environment, announce the process. Constructor only. */
void dam_attach_init(void);

/**
 * dam_attach_step() - whatever is due: ask, poll the answer, look whether the coordinator lives
 * @now_ns: CLOCK_MONOTONIC_COARSE
 * Context: signals blocked, process not sealed. Takes the lock of the line, or does nothing. Opens or closes the gate.
 */
void dam_attach_step(uint64_t now_ns);

/** dam_attach_due() - is dam_attach_step() worth the call? */
bool dam_attach_due(uint64_t now_ns);

/** dam_attach_wait() - an answer outstanding: wait for it, 5 ms at most (under dam-run 250 ms). */
void dam_attach_wait(void);

/** dam_attach_alive() - attached, to a coordinator that was alive a moment before @now_ns, CLOCK_MONOTONIC_COARSE. */
bool dam_attach_alive(uint64_t now_ns);

/** dam_attach_ledger() / dam_attach_board() - in use now; NULL: none. Stable under the routing lock. */
struct dam_ledger *dam_attach_ledger(void);
const struct dam_board *dam_attach_board(void);

/** dam_attach_ledger_of() - the ledger that @epoch counts in. */
struct dam_ledger *dam_attach_ledger_of(uint64_t epoch);

/** dam_attach_private() - the memory counted in before the coordinator's answer; NULL: never asked. */
struct dam_ledger *dam_attach_private(void);

/** dam_attach_former() - the private epoch whose counts belong into attached epoch @epoch; 0: none. */
uint64_t dam_attach_former(uint64_t epoch);

#endif
