/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* io_uring_enter() by descriptor, as programs without liburing's ring call it. */
#ifndef DAM_PRELOAD_ENTER_H
#define DAM_PRELOAD_ENTER_H

#include "preload/ring.h"
#include "preload/uring.h"
#include "shm/layout.h"

struct dam_enter {
	struct dam_slot *slot; /* NULL: do nothing */
	const struct dam_ring
		*ring; /* NULL: not known, operations are counted by the return value */
	struct dam_sq sq;
	unsigned int n;
	bool pure; /* all of them were counted as reads or writes */
	uint32_t torn_down; /* before the call: see teardown.h */
	const void *caller;
};

/**
 * dam_enter_before() - count what stands in the ring's queue, if its memory is known
 * @e: with DAM_CALLER of the hook in it, see site.h
 */
void dam_enter_before(int fd, unsigned int to_submit, unsigned int flags, struct dam_enter *e);

/** dam_enter_after() - take back what was not consumed; sample. @ret: negative on error. */
void dam_enter_after(struct dam_enter *e, long ret);

#endif
