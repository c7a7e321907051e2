/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Hooks on liburing's exported functions. */
#include "config.h"

#include <errno.h>

#include "preload/account.h"
#include "preload/depth.h"
#include "preload/enter.h"
#include "preload/place.h"
#include "preload/real.h"
#include "preload/ring.h"
#include "preload/site.h"
#include "preload/teardown.h"
#include "preload/uring.h"

/* Newer than the oldest supported header. */
struct io_uring_reg_wait;
int io_uring_close_ring_fd(struct io_uring *ring);
int io_uring_submit_and_wait_min_timeout(struct io_uring *ring, struct io_uring_cqe **cqe_ptr,
					 unsigned int wait_nr, struct __kernel_timespec *ts,
					 unsigned int min_wait, sigset_t *sigmask);
int io_uring_submit_and_wait_reg(struct io_uring *ring, struct io_uring_cqe **cqe_ptr,
				 unsigned int wait_nr, int reg_index);

/* By a name of its own: what @arg points to depends on the header. */
int dam_uring_enter2(unsigned int fd, unsigned int to_submit, unsigned int min_complete,
		     unsigned int flags, void *arg, size_t sz) __asm__("io_uring_enter2");

/* What was counted before the call, to be compared with what the kernel took. */
struct batch {
	struct dam_slot *slot; /* NULL: nothing was */
	struct dam_sq sq;
	unsigned int n;
	bool pure; /* all of them were counted as reads or writes */
	bool sqpoll;
	uint32_t torn_down;	  /* before the call */
	const unsigned int *khead; /* of a ring whose next submission may be one to the last; NULL: it is none */
};

/* @taken: entries that the kernel has taken in all, or is about to: it polls. */
static void look(struct io_uring *ring, const struct batch *b, unsigned int taken,
		 struct dam_depth *out)
{
	const struct dam_ring *r = dam_ring_of(ring->ring_fd);
	unsigned int reaped = __atomic_load_n(ring->cq.khead, __ATOMIC_RELAXED);
	unsigned int overflow = *ring->sq.kflags & IORING_SQ_CQ_OVERFLOW;

	*out = (struct dam_depth){
		.ring = (uintptr_t)ring->sq.khead,
		.inflight = taken - reaped,
		.ready = __atomic_load_n(ring->cq.ktail, __ATOMIC_RELAXED) - reaped,
	};
	out->good = b->pure && !(r && r->unsteady) && !overflow &&
		    out->inflight <= *ring->cq.kring_entries;
}

static DAM_COLD void note_before(struct io_uring *ring, const struct batch *b)
{
	struct dam_depth now;

	look(ring, b, b->sq.head, &now);
	dam_depth_before(b->slot, &now);
}

/* Entries that were counted with the last submission, and are in the queue still: the kernel did not take them. */
static DAM_COLD void take_back_last(struct dam_slot *slot, const struct dam_sq *sq, unsigned int n)
{
	unsigned int left = dam_self.last_tail - sq->head;

	if (left && left <= n)
		dam_uring_walk(slot, sq, left, (uint64_t)-1);
}

/* @counts: 0: none of its entries moves data; 1. */
static inline void note_submission(const struct io_uring *ring, struct dam_slot *slot, unsigned int head,
				   uint64_t counts)
{
	dam_count_add(&slot->submissions, counts);
	if (head == __atomic_load_n(ring->cq.khead, __ATOMIC_RELAXED))
		dam_count_add(&slot->depth_empty, 1);
}

/*
 * Counts what is about to be submitted: before the call, because afterwards another thread may have reaped
 * the completions and freed what the entries point to.
 */
static inline void count_batch(struct io_uring *ring, struct dam_slot *slot, struct batch *b)
{
	const struct io_uring_sq *sq = &ring->sq;
	const bool sqpoll = ring->flags & IORING_SETUP_SQPOLL;
	/* SQPOLL: the kernel's head runs by itself; what this call flushes starts at sqe_head */
	unsigned int head =
		DAM_UNLIKELY(sqpoll) ? sq->sqe_head : __atomic_load_n(sq->khead, __ATOMIC_RELAXED);
	uint64_t counted;

	b->slot = NULL;
	b->n = sq->sqe_tail - head;
	/* a ring that is rewound for each batch has no head to tell */
	if (DAM_UNLIKELY(!b->n || (ring->flags & IORING_SETUP_SQ_REWIND)))
		return;
	b->slot = slot;
	b->sqpoll = sqpoll;
	b->torn_down = dam_torn_down();
	b->sq = (struct dam_sq){
		.sqes = sq->sqes,
		.head = head,
		/* liburing before 2.3 has no ring_mask */
		.mask = DAM_LIKELY(sq->ring_mask) || !sq->kring_mask ? sq->ring_mask
								     : *sq->kring_mask,
		.shift = !!(ring->flags & IORING_SETUP_SQE128),
		.ring_fd = ring->ring_fd,
	};
	b->khead = sqpoll || b->sq.shift || b->sq.mask != sq->ring_mask ? NULL : sq->khead;
	if (dam_self.last_ring == sq->khead)
		take_back_last(slot, &b->sq, b->n);
	dam_self.last_ring = NULL;
	counted = dam_uring_walk(slot, &b->sq, b->n, 1);
	b->pure = counted == b->n;
	note_submission(ring, slot, head, counted > 0);
	dam_self.outer = DAM_OUTER_SETTLES;
	if (dam_depth_wanted())
		note_before(ring, b);
}

/* Nothing of the next submission need be looked at after the call; @inner: this one came back by syscall(). */
static inline void note_last(const struct batch *b, bool inner)
{
	struct dam_self *me = &dam_self;

	if (inner || !b->khead || me->slot != b->slot)
		return;
	me->last_ring = b->khead;
	me->last_tail = b->sq.head + b->n;
	me->last_seqs.torn_down = b->torn_down;
}

static DAM_COLD void take_back(struct batch *b, unsigned int consumed)
{
	/* a signal handler may have been here: then what was counted has moved elsewhere */
	if (dam_self.slot != b->slot)
		return;
	if (!dam_look_begin(b->torn_down)) {
		note_last(b, false); /* if this ring has not gone, with the next submission */
		return;
	}
	b->sq.head += consumed;
	b->n -= consumed;
	dam_uring_walk(b->slot, &b->sq, b->n, (uint64_t)-1);
	b->n = 0; /* head is where the kernel's is */
	dam_look_end();
}

/* Return: a descriptor that the submission was about; -1: not known. */
static int note_inflight(struct io_uring *ring, const struct batch *b)
{
	const struct dam_ring *r = dam_ring_of(b->sq.ring_fd);
	uint32_t inflight;
	int fd;

	if (!dam_look_begin(b->torn_down))
		return -1;
	inflight = __atomic_load_n(ring->sq.khead, __ATOMIC_RELAXED) -
		   __atomic_load_n(ring->cq.ktail, __ATOMIC_RELAXED);
	if (!(r && r->unsteady) && inflight <= *ring->cq.kring_entries)
		dam_account_inflight(b->slot, inflight);
	fd = dam_uring_fd(&b->sq);
	dam_look_end();
	return fd;
}

static DAM_COLD void sample(struct io_uring *ring, const struct batch *b, const void *caller)
{
	int fd = note_inflight(ring, b);
	struct dam_depth now;

	if (!dam_account_sample_slow(b->slot, fd, caller) || !dam_look_begin(b->torn_down))
		return;
	look(ring, b, b->sq.head + b->n, &now);
	dam_look_end();
	dam_depth_after(&now);
}

/* @ring: may be gone; only where a look at it has begun, it is not. */
static inline void settle_batch(struct io_uring *ring, struct batch *b, unsigned int consumed, const void *caller)
{
	bool inner = !dam_self.outer;

	dam_self.outer = DAM_OUTER_NONE;
	if (DAM_LIKELY(consumed >= b->n))
		note_last(b, inner);
	else if (!b->sqpoll)
		take_back(b, consumed);
	if (DAM_UNLIKELY(dam_account_due()))
		sample(ring, b, caller);
}

static DAM_INLINE unsigned int head_of(const struct io_uring *ring)
{
	return __atomic_load_n(ring->sq.khead, __ATOMIC_RELAXED);
}

/* 0: a submission from @head on is to the ring of the last one, which took everything. Without a jump. */
static DAM_INLINE uint64_t unlike_last(const struct io_uring *ring, unsigned int head)
{
	const struct dam_self *me = &dam_self;

	return ((uintptr_t)ring->sq.khead ^ (uintptr_t)me->last_ring) | (head ^ me->last_tail) |
	       (me->last_seqs.both ^ __atomic_load_n(&dam_gate.seqs.both, __ATOMIC_RELAXED));
}

/*
 * After a submission to the ring of the last one, which took everything, the call is the hook's last act. To come back
 * from it would cost as much as all of this, for after a system call the processor does not know where a return leads.
 * What the kernel does not take shows at the next submission. @left: to the next sample.
 */
static DAM_INLINE void note_next(const struct io_uring *ring, struct dam_slot *slot, unsigned int head, unsigned int n,
				 uint32_t left, uint64_t counts)
{
	struct dam_self *me = &dam_self;

	me->last_tail = head + n;
	me->countdown = left;
	note_submission(ring, slot, head, counts);
}

/* Counts such a submission of @n entries. Return: false: it is none, and nothing was counted. */
static DAM_INLINE bool count_next(const struct io_uring *ring, struct dam_slot *slot, unsigned int head, unsigned int n)
{
	const struct dam_sq all = {
		.sqes = ring->sq.sqes, .head = head, .mask = ring->sq.ring_mask, .ring_fd = ring->ring_fd};
	uint32_t left = dam_account_left();

	if (unlike_last(ring, head) | left >> 31 | !n)
		return false;
	note_next(ring, slot, head, n, left, dam_uring_walk(slot, &all, n, 1) > 0);
	return true;
}

/* The same of one entry that is like the one before. Few jumps, and few bytes: they are fetched anew each time. */
static DAM_INLINE bool count_same(const struct io_uring *ring)
{
	const struct dam_self *me = &dam_self;
	unsigned int head = head_of(ring);
	const struct io_uring_sqe *sqe = &ring->sq.sqes[head & ring->sq.ring_mask];
	uint32_t left = dam_account_left();

	/* a ring that was submitted to last: there is a slot, too */
	if (DAM_UNLIKELY((me->epoch ^ __atomic_load_n(&dam_gate.epoch, __ATOMIC_ACQUIRE)) | unlike_last(ring, head) |
			 dam_uring_unlike(sqe) | left >> 31 | ((ring->sq.sqe_tail - head) ^ 1)))
		return false;
	note_next(ring, me->slot, head, 1, left, dam_uring_same(me->slot, sqe));
	return true;
}

/* What the kernel has taken: it says so itself; */
#define BY_RESULT (ret > 0 ? (unsigned int)ret : 0)
/* or, where the result is about the wait, too, by the queue: this thread waits on the ring, so it is still there */
#define BY_HEAD (__atomic_load_n(ring->sq.khead, __ATOMIC_RELAXED) - b.sq.head)

#define LIST(...) __VA_ARGS__

/*
 * One hook on a function that submits: real function, slot, count, call, settle. One entry, which is where it matters
 * most, is done without a frame if it can be.
 */
#define SUBMIT_HOOK(name, params, args, consumed)                                                       \
	static DAM_APART int whole_##name(const void *caller, params)                                   \
	{                                                                                               \
		__typeof__(&(name)) real = DAM_REAL(name);                                              \
		unsigned int head = head_of(ring);                                                      \
		struct dam_slot *slot;                                                                  \
		struct batch b;                                                                         \
		int ret;                                                                                \
                                                                                                        \
		if (DAM_UNLIKELY(!real))                                                                \
			return -ENOSYS;                                                                 \
		slot = dam_slot_mine();                                                                 \
		if (!slot || DAM_LIKELY(count_next(ring, slot, head, ring->sq.sqe_tail - head)))        \
			return real(args);                                                              \
		count_batch(ring, slot, &b);                                                            \
		ret = real(args);                                                                       \
		if (DAM_LIKELY(b.slot))                                                                 \
			settle_batch(ring, &b, consumed, caller);                                       \
		return ret;                                                                             \
	}                                                                                               \
	DAM_EXPORT DAM_HOT int name(params)                                                             \
	{                                                                                               \
		__typeof__(&(name)) real = DAM_AT_HAND(name);                                           \
                                                                                                        \
		if (DAM_UNLIKELY(!real || !count_same(ring)))                                           \
			return whole_##name(DAM_CALLER, args);                                          \
		return real(args);                                                                      \
	}

SUBMIT_HOOK(io_uring_submit, struct io_uring *ring, ring, BY_RESULT)
SUBMIT_HOOK(io_uring_submit_and_wait, LIST(struct io_uring *ring, unsigned int wait_nr), LIST(ring, wait_nr), BY_RESULT)
SUBMIT_HOOK(io_uring_submit_and_get_events, struct io_uring *ring, ring, BY_RESULT)
SUBMIT_HOOK(io_uring_submit_and_wait_timeout,
	    LIST(struct io_uring *ring, struct io_uring_cqe **cqe_ptr, unsigned int wait_nr,
		 struct __kernel_timespec *ts, sigset_t *sigmask),
	    LIST(ring, cqe_ptr, wait_nr, ts, sigmask), BY_HEAD)
SUBMIT_HOOK(io_uring_submit_and_wait_min_timeout,
	    LIST(struct io_uring *ring, struct io_uring_cqe **cqe_ptr, unsigned int wait_nr,
		 struct __kernel_timespec *ts, unsigned int min_wait, sigset_t *sigmask),
	    LIST(ring, cqe_ptr, wait_nr, ts, min_wait, sigmask), BY_HEAD)
SUBMIT_HOOK(io_uring_submit_and_wait_reg,
	    LIST(struct io_uring *ring, struct io_uring_cqe **cqe_ptr, unsigned int wait_nr, int reg_index),
	    LIST(ring, cqe_ptr, wait_nr, reg_index), BY_HEAD)

/* One hook on a function whose success is noted. */
#define NOTE_HOOK(name, params, args, note)                \
	DAM_EXPORT int name params                         \
	{                                                  \
		__typeof__(&(name)) real = DAM_REAL(name); \
		int ret = real ? real args : -ENOSYS;      \
                                                           \
		if (ret >= 0)                              \
			note;                              \
		return ret;                                \
	}

NOTE_HOOK(io_uring_register_files, (struct io_uring * ring, const int *files, unsigned int nr),
	  (ring, files, nr), dam_ring_files(ring->ring_fd, 0, files, nr))
NOTE_HOOK(io_uring_register_files_tags,
	  (struct io_uring * ring, const int *files, const __u64 *tags, unsigned int nr),
	  (ring, files, tags, nr), dam_ring_files(ring->ring_fd, 0, files, nr))
NOTE_HOOK(io_uring_register_files_sparse, (struct io_uring * ring, unsigned int nr), (ring, nr),
	  dam_ring_files(ring->ring_fd, 0, NULL, nr))
NOTE_HOOK(io_uring_register_files_update,
	  (struct io_uring * ring, unsigned int off, const int *files, unsigned int nr),
	  (ring, off, files, nr), dam_ring_files(ring->ring_fd, off, files, nr))
NOTE_HOOK(io_uring_register_files_update_tag,
	  (struct io_uring * ring, unsigned int off, const int *files, const __u64 *tags,
	   unsigned int nr),
	  (ring, off, files, tags, nr), dam_ring_files(ring->ring_fd, off, files, nr))
NOTE_HOOK(io_uring_unregister_files, (struct io_uring * ring), (ring),
	  dam_ring_files_gone(ring->ring_fd))
NOTE_HOOK(io_uring_register,
	  (unsigned int fd, unsigned int opcode, const void *arg, unsigned int nr_args),
	  (fd, opcode, arg, nr_args), dam_ring_registered((int)fd, opcode, arg, nr_args))
NOTE_HOOK(io_uring_setup, (unsigned int entries, struct io_uring_params *p), (entries, p),
	  dam_ring_setup(ret, p))

DAM_EXPORT void io_uring_queue_exit(struct io_uring *ring)
{
	void (*real)(struct io_uring *) = DAM_REAL(io_uring_queue_exit);

	dam_place_forget(ring->ring_fd);
	if (dam_self.last_ring == ring->sq.khead) /* the next one may lie there, too */
		dam_self.last_ring = NULL;
	dam_tear_down();
	if (real)
		real(ring);
}

/* The number may come back as another ring's, or a file's; the ring lives on as the thread's registered one. */
DAM_EXPORT int io_uring_close_ring_fd(struct io_uring *ring)
{
	__typeof__(&io_uring_close_ring_fd) real = DAM_REAL(io_uring_close_ring_fd);
	int fd = ring->ring_fd;
	int ret = real ? real(ring) : -ENOSYS;

	if (ret > 0)
		dam_place_forget(fd);
	return ret;
}

DAM_EXPORT int io_uring_enter(unsigned int fd, unsigned int to_submit, unsigned int min_complete,
			      unsigned int flags, sigset_t *sig)
{
	__typeof__(&io_uring_enter) real = DAM_REAL(io_uring_enter);
	struct dam_enter e = {.caller = DAM_CALLER};
	int ret;

	if (!real)
		return -ENOSYS;
	dam_enter_before((int)fd, to_submit, flags, &e);
	ret = real(fd, to_submit, min_complete, flags, sig);
	dam_enter_after(&e, ret);
	return ret;
}

DAM_EXPORT int dam_uring_enter2(unsigned int fd, unsigned int to_submit, unsigned int min_complete,
				unsigned int flags, void *arg, size_t sz)
{
	__typeof__(&dam_uring_enter2) real = (__typeof__(real))DAM_REAL(io_uring_enter2);
	struct dam_enter e = {.caller = DAM_CALLER};
	int ret;

	if (!real)
		return -ENOSYS;
	dam_enter_before((int)fd, to_submit, flags, &e);
	ret = real(fd, to_submit, min_complete, flags, arg, sz);
	dam_enter_after(&e, ret);
	return ret;
}
