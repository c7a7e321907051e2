/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The thread's slot: claimed at its first submission, moved to the coordinator's ledger, ended with the thread. */
#ifndef DAM_PRELOAD_ACCOUNT_H
#define DAM_PRELOAD_ACCOUNT_H

#include <stddef.h>
#include <stdint.h>

#include "preload/self.h"

enum dam_dir { DAM_DIR_READ, DAM_DIR_WRITE };
_Static_assert(offsetof(struct dam_count, write_bytes) == 8 && offsetof(struct dam_count, read_ops) == 16 &&
		       offsetof(struct dam_count, write_ops) == 24,
	       "indexed by direction");

/** dam_account_init() - the key that ends a slot with its thread, and where rseq lies. Constructor only. */
void dam_account_init(void);

/** dam_account_adopt() - move the counts of threads that have ended from private memory to the ledger. */
void dam_account_adopt(struct dam_ledger *from, struct dam_ledger *to, bool ended_only);

/** dam_account_attach() - attach now, or not at all: the process is about to lose sight of the coordinator's socket. */
void dam_account_attach(void);

/** dam_account_closing() - the program closes descriptors, ours perhaps: take an outstanding answer before. */
void dam_account_closing(unsigned int first, unsigned int last);

/** dam_account_last_words() - the process ends: wait a little for an outstanding answer, hand over all counts. */
void dam_account_last_words(void);

/**
 * dam_account_sample_slow() - now and then: clock, coordinator, processor, call site, next countdown
 * @fd: a descriptor that the submission was about, to look at it again; -1: none
 * @caller: DAM_CALLER of the hook, see site.h
 * Return: a sample of depth began with this submission: dam_depth_after() is to be called. See depth.h.
 */
bool dam_account_sample_slow(struct dam_slot *s, int fd, const void *caller);

/** dam_account_where() - where what moves to or from target @index is added up in slot @s. */
static inline uint64_t *dam_account_where(struct dam_slot *s, uint8_t index, enum dam_dir dir)
{
	/* the fields of a direction lie side by side in both halves: no branch */
	return &s->count[index & (DAM_LEDGER_TARGETS - 1)].read_bytes + dir;
}

/** dam_account_at() - add there. */
static inline void dam_account_at(uint64_t *sum, uint64_t bytes, uint64_t ops)
{
	dam_count_add(sum, bytes);
	dam_count_add(sum + 2, ops);
}

/** dam_account_io() - add to slot @s; @sign 1 counts, -1 takes back what the kernel refused. */
static inline void dam_account_io(struct dam_slot *s, uint8_t index, enum dam_dir dir,
				  uint64_t bytes, uint64_t ops, uint64_t sign)
{
	dam_account_at(dam_account_where(s, index, dir), bytes * sign, ops * sign);
}

/* Operations of one direction to one target, added up before they are written: a batch is mostly that. */
struct dam_run {
	struct dam_slot *slot;
	uint64_t bytes, ops, sign;
	uint8_t index;
	enum dam_dir dir;
	uint64_t counted; /* operations, of all runs */
};

/** dam_run_begin() - nothing yet. @sign: see dam_account_io(). */
static inline struct dam_run dam_run_begin(struct dam_slot *s, uint64_t sign)
{
	/* a guess that is right most of the time: reads on the descriptor of the last batch */
	return (struct dam_run){.slot = s, .sign = sign, .index = dam_self.index, .dir = DAM_DIR_READ};
}

/** dam_run_end() - write what has been added up. */
static inline void dam_run_end(struct dam_run *r)
{
	if (DAM_LIKELY(r->ops)) {
		dam_account_io(r->slot, r->index, r->dir, r->bytes, r->ops, r->sign);
		r->counted += r->ops;
	}
	r->bytes = r->ops = 0;
}

/** dam_run_add() - one operation. */
static inline void dam_run_add(struct dam_run *r, uint8_t index, enum dam_dir dir, uint64_t bytes)
{
	if (DAM_UNLIKELY(index != r->index || dir != r->dir)) {
		dam_run_end(r);
		r->index = index;
		r->dir = dir;
	}
	r->bytes += bytes;
	r->ops++;
}

/** dam_account_inflight() - one sample of @ops in flight. */
static inline void dam_account_inflight(struct dam_slot *s, uint32_t ops)
{
	dam_count_add(&s->inflight_ops_sum, ops);
	__atomic_store_n(&s->inflight_ops_last, ops, __ATOMIC_RELAXED);
	if (ops > s->inflight_ops_max)
		__atomic_store_n(&s->inflight_ops_max, ops, __ATOMIC_RELAXED);
	dam_count_add(&s->inflight_samples, 1);
}

/**
 * dam_account_left() - submissions left to the next sample after this one; above INT32_MAX: this is one
 *
 * For whoever counts first and sets countdown afterwards. To be read once: one that a signal handler sets meanwhile is
 * not to be taken below 0.
 */
static DAM_INLINE uint32_t dam_account_left(void)
{
	return __atomic_load_n(&dam_self.countdown, __ATOMIC_RELAXED) - 1;
}

/** dam_account_due() - is this submission one to sample? Then call dam_account_sample_slow(). */
static inline bool dam_account_due(void)
{
	struct dam_self *me = &dam_self;

	if (DAM_LIKELY(me->countdown)) {
		me->countdown--;
		return false;
	}
	return true;
}

#endif
