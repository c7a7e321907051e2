/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What the hot path touches: the gate of the process, and the thread's own state. */
#ifndef DAM_PRELOAD_SELF_H
#define DAM_PRELOAD_SELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/ledger.h"

#define DAM_LIKELY(x)	__builtin_expect(!!(x), 1)
#define DAM_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define DAM_EXPORT	__attribute__((visibility("default")))
#define DAM_COLD	__attribute__((noinline, cold))
/* After a system call its code has to be fetched anew: as few lines of it as can be. */
#define DAM_HOT __attribute__((hot, aligned(64)))
/* Beside the hook, so that its registers and its lines are not the hook's. */
#define DAM_APART __attribute__((noinline)) DAM_HOT
/* In each hook: elsewhere it would be one more page. */
#define DAM_INLINE inline __attribute__((always_inline))

/* A whole page of its own on every machine of that kind: it is wiped in a child (MADV_WIPEONFORK). */
#ifdef __x86_64__
#define DAM_GATE_PAGE 4096
#else
#define DAM_GATE_PAGE 65536
#endif

/* What has to be as it was for what was remembered to be true still: compared at once. */
union dam_seqs {
	struct {
		uint32_t fds;	    /* changes with what any descriptor leads to: see dam_self.fd */
		uint32_t torn_down; /* rings and the like that have gone: see teardown.h */
	};
	uint64_t both;
};

/*
 * After a system call little is left of the first-level cache, so what every submission reads stands close
 * together: a line of the gate, the first of the thread's state, or for libaio the second. All of the gate is zero
 * in a forked child, until dam_attach_step() sets it up anew.
 */
struct dam_gate {
	/* Rings and buffers begin with a page, too: what lies at the same place in it competes for the same lines. */
	uint64_t pad[256];
	/* 0: closed, nothing is counted. Else which ledger is counted in: see DAM_EPOCH_ATTACHED. */
	uint64_t epoch;
	union dam_seqs seqs;
	void *real[64];	  /* the functions behind the hooks: see real.h; those of submissions first */
	uint32_t born;	  /* 1: this process has set itself up */
	uint32_t pid;	  /* of this process, once born */
	uint32_t busy;	  /* try-lock of the line to the coordinator */
	uint32_t routing; /* lock of places, routes and what is mapped; nests in busy; held for microseconds */
	uint32_t inside;    /* threads between dam_slow_begin() and dam_slow_end() */
	uint32_t looking;   /* those between dam_look_begin() and dam_look_end() */
	uint8_t route[256]; /* place → index in the ledger; DAM_ROUTE_IGNORE: see place.h */
} __attribute__((aligned(DAM_GATE_PAGE)));

/* Odd epochs count in the coordinator's ledger, even ones in private memory until it has answered. */
#define DAM_EPOCH_ATTACHED 1ull

/* Two pages each. 32 hold what 128 submissions in flight are described in, and where some pages meet in one set, both. */
#define DAM_SEEN_SETS 32

enum dam_outer {
	DAM_OUTER_NONE,
	DAM_OUTER_SETTLES, /* it sees to what the kernel did not take, and to samples */
	DAM_OUTER_LEAVES,  /* it leaves the former to the hook on syscall(); there is no sample */
	DAM_OUTER_PASSES,  /* there is nothing to see to */
};

struct dam_self {
	uint64_t epoch;	       /* of the gate when slot was claimed */
	struct dam_slot *slot; /* NULL: count nothing */
	/*
	 * The submission to liburing made last, while seqs are the gate's: see wrap_uring.c. All before last_tail is
	 * counted. Whoever changes slot forgets last_ring, and aio_ready.
	 */
	const unsigned int *last_ring; /* its head; NULL: none, or one that needs a look after the call */
	union dam_seqs last_seqs;
	uint32_t last_tail;
	/* An entry, the last one perhaps: its opcode, its descriptor, and what is added to where for another such. */
	int like_fd;
	uint64_t *like_sum;
	uint8_t like_opcode, like_moves; /* moves data: 0, 1 */
	uint32_t countdown; /* submissions until the next sample */
	uint32_t outer; /* enum dam_outer: inside a hook that has counted; the library may come back by syscall() */
	/* the second line: what every submission to libaio reads, too */
	uint64_t aio_ctx; /* the libaio context that is followed; 0: none */
	uint64_t aio_ready; /* the same where dam_aio_same() will do, while aio_seqs are the gate's; else 0 */
	union dam_seqs aio_seqs; /* of when aio_sum was found, and when the context was first looked at */
	uint64_t *aio_sum; /* what is read from aio_fd is added up here */
	int aio_fd;
	uint32_t aio_nr, aio_end; /* its events in all; where those of all that was submitted will end */
	uint32_t aio_tail; /* where they ended at the last look */
	bool aio_inner; /* libaio comes back by syscall(): newer ones do */
	/* The descriptor last counted: its index in the ledger while fds_seq is the gate's. */
	uint8_t index;
	int fd;
	uint32_t fds_seq;
	uint32_t idle; /* calls to let pass before looking for a coordinator again */
	/* not read by every submission */
	uint32_t plain_calls; /* plain I/O on descriptors without DMA: see DAM_PLAIN_RECHECK */
	struct dam_count like_nothing; /* like_sum of entries that move no data: nobody reads it */
	uint32_t idle_span;
	uint32_t span;	/* mean of countdown */
	uint32_t drawn; /* what countdown was when it was set */
	uint32_t random;
	uint32_t pins; /* calls by which the program pinned this thread */
	bool heir;     /* its creator was pinned by the program: the mask that it has inherited is no other's */
	uint32_t routine, placed; /* see birth.c: of its start routine, of its place; + 1; 0: none */
	bool depth_due;	 /* when countdown is at 0, dam_depth_before() is to be called */
	bool depth_begun; /* a sample begins with this submission; */
	bool depth_open;  /* has begun with the last one: depth_begin and the like are its */
	uint64_t idle_ns, sample_ns, check_ns;
	/* see site.c */
	int64_t site_left;	    /* submissions until the next whose call site is noted */
	struct dam_slot *site_slot; /* not NULL: the next one's is; here is what had been counted before it: */
	struct dam_count site_mark;
	/* see traffic.c */
	uint64_t traffic_ns;  /* of the last reading */
	uint32_t traffic_pid; /* of the process that opened the event; 0: not tried */
	uint32_t traffic_errno; /* why it could not */
	int traffic_fd;	      /* read by system calls; 0: not */
	uint64_t traffic_id;  /* the kernel's for the event behind traffic_fd */
	const void *traffic_page; /* read by an instruction; NULL: not */
	/* see depth.h */
	uint64_t depth_begin; /* the first submission of a sample */
	uint64_t depth_made;  /* it was done */
	uintptr_t depth_ring;
	uint32_t depth_inflight, depth_ready, depth_fresh; /* at its beginning */
	bool depth_good;
	uintptr_t seen[DAM_SEEN_SETS][2]; /* pages of the program's found readable lately; see peek.h */
} __attribute__((aligned(64)));

_Static_assert(offsetof(struct dam_self, aio_ctx) == 64 && offsetof(struct dam_self, plain_calls) == 128,
	       "what every submission reads shares a line");

extern struct dam_gate dam_gate;
extern __thread struct dam_self dam_self __attribute__((tls_model("initial-exec")));

/*
 * Filters of system calls that came with the process, that the program has installed, or is about to: not 0: no system
 * call of ours any more. See seal.h.
 */
extern uint32_t dam_sealed;
/* False until the constructor has run, and for ever in secure-execution mode. */
extern bool dam_enabled;

/** dam_slot_slow() - claim a slot, look for a coordinator, or do neither. Return: a slot; NULL. Keeps errno. */
struct dam_slot *dam_slot_slow(void);

/**
 * dam_slot_mine() - the calling thread's slot, to count a submission in
 *
 * One thread-local load and one compare while counting; one more decrement while nobody listens.
 * Return: the slot; NULL: do not count. Context: any thread, any signal handler. Keeps errno.
 */
static inline struct dam_slot *dam_slot_mine(void)
{
	struct dam_self *me = &dam_self;

	if (DAM_LIKELY(me->epoch == __atomic_load_n(&dam_gate.epoch, __ATOMIC_ACQUIRE))) {
		if (DAM_LIKELY(me->slot))
			return me->slot;
		if (DAM_LIKELY(me->idle)) {
			me->idle--;
			return NULL;
		}
	}
	return dam_slot_slow();
}

/**
 * dam_nested() - has a hook further out counted this very submission?
 *
 * Takes the mark away: if a signal handler jumped out of the outer hook, one submission goes uncounted.
 */
static inline bool dam_nested(void)
{
	bool nested = dam_self.outer;

	dam_self.outer = DAM_OUTER_NONE;
	return nested;
}

#endif
