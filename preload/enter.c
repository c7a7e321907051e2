/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Submissions on rings that are known by their descriptor only. */
#include "config.h"
#include "preload/enter.h"

#include "preload/account.h"
#include "preload/depth.h"
#include "preload/peek.h"
#include "preload/teardown.h"

static uint32_t load_u32(const char *base, uint32_t offset)
{
	const uint32_t *p = (const uint32_t *)(base + offset);

	return dam_peek(p, sizeof(*p)) ? __atomic_load_n(p, __ATOMIC_ACQUIRE) : 0;
}

/* May the run be read? The program may have unmapped the queue where no hook saw it. */
static bool readable(const struct dam_sq *sq, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if ((sq->array && !dam_peek(&sq->array[(sq->head + i) & sq->mask], sizeof(*sq->array))) ||
		    !dam_peek(dam_sq_entry(sq, i), sizeof(*sq->sqes) << sq->shift))
			return false;
	return true;
}

static bool find_batch(const struct dam_ring *r, int fd, unsigned int to_submit,
		       struct dam_enter *e)
{
	unsigned int ready;

	if (!r || !r->known || !r->sq || !r->sqes || (r->flags & IORING_SETUP_SQ_REWIND))
		return false;
	e->sq.sqes = (const struct io_uring_sqe *)r->sqes;
	e->sq.head = load_u32(r->sq, r->sq_off.head);
	e->sq.mask = load_u32(r->sq, r->sq_off.ring_mask);
	e->sq.shift = !!(r->flags & IORING_SETUP_SQE128);
	e->sq.array = r->flags & IORING_SETUP_NO_SQARRAY
			      ? NULL
			      : (const unsigned int *)(r->sq + r->sq_off.array);
	e->sq.ring_fd = fd;
	ready = load_u32(r->sq, r->sq_off.tail) - e->sq.head;
	e->n = to_submit < ready ? to_submit : ready;
	return e->n && e->n - 1 <= e->sq.mask && readable(&e->sq, e->n);
}

/* @taken: entries that the kernel has taken in all. */
static void look(const struct dam_enter *e, unsigned int taken, struct dam_depth *out)
{
	const struct dam_ring *r = e->ring;
	uint32_t reaped = r->cq ? load_u32(r->cq, r->cq_off.head) : 0;

	*out = (struct dam_depth){.ring = (uintptr_t)r->sq, .inflight = taken - reaped};
	if (!r->cq)
		return;
	out->ready = load_u32(r->cq, r->cq_off.tail) - reaped;
	out->good = e->pure && !r->unsteady &&
		    !(load_u32(r->sq, r->sq_off.flags) & IORING_SQ_CQ_OVERFLOW) &&
		    out->inflight <= load_u32(r->cq, r->cq_off.ring_entries);
}

void dam_enter_before(int fd, unsigned int to_submit, unsigned int flags, struct dam_enter *e)
{
	struct dam_depth now;
	uint64_t counted;

	e->slot = to_submit && !dam_nested() ? dam_slot_mine() : NULL;
	if (!e->slot)
		return;
	dam_self.outer = DAM_OUTER_SETTLES;
	e->torn_down = dam_torn_down();
	e->ring = flags & IORING_ENTER_REGISTERED_RING ? NULL : dam_ring_of(fd);
	if (e->ring && e->ring->known && (e->ring->flags & IORING_SETUP_SQPOLL)) {
		/* the call wakes the kernel's thread, and says nothing of what that submits */
		e->slot = NULL;
		return;
	}
	if (!find_batch(e->ring, fd, to_submit, e)) {
		e->ring = NULL;
		return;
	}
	counted = dam_uring_walk(e->slot, &e->sq, e->n, 1);
	e->pure = counted == e->n;
	if (counted)
		dam_count_add(&e->slot->submissions, 1);
	if (e->ring->cq && load_u32(e->ring->cq, e->ring->cq_off.head) == e->sq.head)
		dam_count_add(&e->slot->depth_empty, 1);
	if (dam_depth_wanted()) {
		look(e, e->sq.head, &now);
		dam_depth_before(e->slot, &now);
	}
}

/* Return: a descriptor that the submission was about; -1: not known. */
static int note_inflight(const struct dam_enter *e)
{
	const struct dam_ring *r = e->ring;
	uint32_t inflight;
	int fd;

	if (!dam_look_begin(e->torn_down))
		return -1;
	if (r->cq && r->sq && !r->unsteady) {
		inflight = load_u32(r->sq, r->sq_off.head) - load_u32(r->cq, r->cq_off.tail);
		if (inflight <= load_u32(r->cq, r->cq_off.ring_entries))
			dam_account_inflight(e->slot, inflight);
	}
	fd = dam_uring_fd(&e->sq);
	dam_look_end();
	return fd;
}

static void sample(const struct dam_enter *e)
{
	int fd = note_inflight(e);
	struct dam_depth now;

	if (!dam_account_sample_slow(e->slot, fd, e->caller) || !dam_look_begin(e->torn_down))
		return;
	look(e, e->sq.head + e->n, &now);
	dam_look_end();
	dam_depth_after(&now);
}

static DAM_COLD void take_back(struct dam_enter *e, unsigned int taken)
{
	if (!dam_look_begin(e->torn_down))
		return;
	e->sq.head += taken;
	dam_uring_walk(e->slot, &e->sq, e->n - taken, (uint64_t)-1);
	e->n = 0; /* head is where the kernel's is */
	dam_look_end();
}

void dam_enter_after(struct dam_enter *e, long ret)
{
	unsigned int taken = ret > 0 ? (unsigned int)ret : 0;

	if (!e->slot)
		return;
	dam_self.outer = DAM_OUTER_NONE;
	if (dam_self.slot != e->slot)
		return;
	if (!e->ring) {
		dam_account_io(e->slot, DAM_LOCAL_OTHER, DAM_DIR_READ, 0, taken, 1);
		dam_count_add(&e->slot->ring_ops, taken);
		dam_count_add(&e->slot->submissions, taken > 0);
		if (dam_account_due())
			dam_account_sample_slow(e->slot, -1, e->caller);
		return;
	}
	if (DAM_UNLIKELY(taken < e->n))
		take_back(e, taken);
	if (DAM_UNLIKELY(dam_account_due()))
		sample(e);
}
