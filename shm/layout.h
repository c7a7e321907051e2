/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The wire format of board and ledger: fixed widths, offsets instead of pointers, every size asserted. */
#ifndef DAM_SHM_LAYOUT_H
#define DAM_SHM_LAYOUT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cpuset.h"

#define DAM_SHM_VERSION	 3u
#define DAM_BOARD_MAGIC	 0x64724f424d4144ull /* "DAMBOrd" */
#define DAM_LEDGER_MAGIC 0x67644c454d4144ull /* "DAMELdg" */

/* A target is what a file descriptor leads to: an engine, or a pool where the engine follows the CPU. */
#define DAM_NAME_MAX	  64  /* "kind:name" with its terminator */
#define DAM_BOARD_TARGETS 512 /* engines and pools together */
#define DAM_BOARD_DEVS	  4096
#define DAM_SNAPSHOTS	  4

/* Board and ledger are padded to multiples of the largest page: sizeof is the segment's size. */
#define DAM_SEGMENT_UNIT 65536

/* -- board: written by the coordinator, mapped read-only by processes --------------------------------- */

enum dam_dev_type {
	DAM_DEV_NONE,
	DAM_DEV_BLOCK, /* st_rdev of a block special file, st_dev of a file on it */
	DAM_DEV_CHAR,  /* st_rdev of a character device: nvme0, ng0n1, sg0, bsg */
};

/* One device number and the target it leads to. Sorted by (type, dev). */
struct dam_board_dev {
	uint64_t dev;	 /* as makedev() gives it */
	uint32_t type;	 /* enum dam_dev_type */
	uint32_t target; /* index into the snapshot's targets */
};
static_assert(sizeof(struct dam_board_dev) == 16, "wire format");

struct dam_board_target {
	uint32_t id;	    /* unique for the life of the coordinator, never 0, never used again */
	uint32_t is_pool;   /* 1: the engine follows the CPU */
	uint32_t lba_bytes; /* logical block of the device; 0: not a block device */
	uint32_t reserved;
	char name[DAM_NAME_MAX];
};
static_assert(sizeof(struct dam_board_target) == 80, "wire format");

/* An immutable directory. Counts come first; a reader checks them against the limits above. */
struct dam_board_snapshot {
	uint64_t generation; /* odd while it is being filled; read again after copying */
	uint32_t nr_targets, nr_devs;
	struct dam_board_target target[DAM_BOARD_TARGETS];
	struct dam_board_dev dev[DAM_BOARD_DEVS];
};
static_assert(sizeof(struct dam_board_snapshot) ==
		      16 + 80 * DAM_BOARD_TARGETS + 16 * DAM_BOARD_DEVS, "wire format");

/* The event that tells a thread's traffic to memory, as perf_event_open() takes it. Written before anybody maps it. */
struct dam_board_memory {
	uint32_t type;
	uint32_t bytes_per_count; /* 0: there is none */
	uint64_t config, config1, config2;
};
static_assert(sizeof(struct dam_board_memory) == 32, "wire format");

struct dam_board {
	uint64_t magic;
	uint32_t version, size;
	uint32_t closed;     /* 1: this coordinator has ended; detach */
	uint32_t pid;	     /* of the coordinator */
	uint64_t heartbeat_ns; /* CLOCK_MONOTONIC of the last tick; more than DAM_STALE_NS old: it hangs */
	uint64_t period;     /* RCU: bumped after each publication; see shm/rcu.h */
	uint64_t current;    /* offset of the current snapshot in this segment; 0: none yet */
	struct dam_board_memory memory;
	uint64_t pad[6];
	struct dam_board_snapshot snapshot[DAM_SNAPSHOTS];
	uint64_t tail[4072];
};
static_assert(offsetof(struct dam_board, period) == 32, "wire format");
static_assert(offsetof(struct dam_board, snapshot) == 128, "wire format");
static_assert(sizeof(struct dam_board) == 7 * DAM_SEGMENT_UNIT, "wire format");

#define DAM_STALE_NS 3000000000ull

/* -- ledger: one process; written by that process, except where "coordinator" is said ---------------- */

#define DAM_LEDGER_SLOTS   4096
#define DAM_LEDGER_TARGETS 32

/* Places in a ledger's target table with a fixed meaning; the others hold the id of a board target. */
#define DAM_LOCAL_OTHER	   0 /* DMA submissions whose engine is not known: sockets, unknown devices */
#define DAM_LOCAL_BUFFERED 1 /* submissions on files without O_DIRECT: the page cache's, not the thread's */
#define DAM_LOCAL_FIRST	   2

/* Counts of one thread on one target; single writer, monotonic. */
struct dam_count {
	uint64_t read_bytes, write_bytes, read_ops, write_ops;
};
static_assert(sizeof(struct dam_count) == 32, "wire format");

enum dam_slot_state {
	DAM_SLOT_FREE,	/* the coordinator has taken the counts of the last owner: may be claimed */
	DAM_SLOT_LIVE,	/* owned by thread tid */
	DAM_SLOT_ENDED, /* the thread has ended; the coordinator reads the final counts and frees it */
	DAM_SLOT_CLAIMED, /* taken, and not all of what its owner brings is written: nothing to read */
};

struct dam_slot {
	/* the thread's part */
	uint32_t state; /* enum dam_slot_state; release-stored by whoever changes it */
	uint32_t tid;	/* as the process sees it */
	uint32_t cpu;	/* where it last submitted */
	uint32_t pin_calls; /* calls by which the program pinned this thread */
	uint64_t submissions; /* calls that submitted; a change says that the counts moved */
	uint64_t seq;	/* order in which slots were claimed in this process */
	/* Work in flight on the rings this thread submits to, sampled just after a submission. */
	uint64_t inflight_samples; /* number of samples */
	uint64_t inflight_ops_sum; /* sum of sampled operations in flight */
	uint64_t depth_empty;	   /* submissions to rings with nothing in flight */
	uint64_t ring_ops; /* entries submitted to io_uring by hooked calls: tells their rings from others */
	struct dam_count count[DAM_LEDGER_TARGETS];
	/* the coordinator's part */
	uint64_t mask_seq;	       /* odd while the two masks change */
	uint64_t moved;		       /* 1: DAM has pinned this thread: the masks below are valid */
	struct dam_cpuset orig_mask;   /* what the program had asked for */
	struct dam_cpuset dam_mask;    /* what DAM has written */
	uint64_t pad[30];
	/* the thread's part again */
	uint64_t mapped_bytes; /* memory that it made reachable for devices */
	uint64_t aio_ops;      /* control blocks submitted to libaio */
	/* Work in flight over time, from samples of a submission to the next: see preload/depth.h */
	uint64_t depth_span;   /* the samples' length, in a unit that cancels */
	uint64_t depth_blind;  /* of which nothing can be told */
	uint64_t depth_sum;    /* length * in flight after the first submission, until reaped */
	uint64_t depth_square; /* the same with its square */
	uint64_t depth_fall;   /* the same with what was reaped before the second */
	uint64_t depth_ready;  /* the same with what was complete then and not reaped */
	uint64_t depth_outside; /* of the length, what was not spent in the first submission */
	uint64_t depth_samples; /* number of samples; */
	uint64_t depth_offers; /* those at whose beginning something was complete, so that there was no need to wait */
	uint64_t depth_left;   /* of these, those in which not all of it was reaped */
	uint64_t depth_busy;   /* what of their length was outside */
	uint32_t inflight_ops_last;
	uint32_t inflight_ops_max; /* highest sample since the slot was claimed */
	uint64_t memory_count; /* of the board's event, as last read */
	uint64_t memory_ns;    /* CLOCK_MONOTONIC_COARSE of that; 0: not read yet */
	uint32_t memory_errno; /* why it cannot be read; 0: it can, or was not tried */
	uint32_t placed;       /* it was born in this place of the advice: index + 1; 0: wherever its creator was */
	uint32_t heir;	       /* 1: its creator was pinned by the program: the mask that it was born with is no other's */
	uint32_t reserved;
	uint64_t pad1[6];
} __attribute__((aligned(64)));
static_assert(offsetof(struct dam_slot, count) == 64, "wire format");
static_assert(offsetof(struct dam_slot, mask_seq) == 1088, "wire format");
static_assert(offsetof(struct dam_slot, mapped_bytes) == 1856, "wire format");
static_assert(sizeof(struct dam_slot) == 2048, "wire format");

/* Call sites: where the program submits, from one submission in DAM_SAMPLE. */
#define DAM_LEDGER_MODULES 64
#define DAM_LEDGER_SITES   256
#define DAM_MODULE_PATH	   240
#define DAM_SITE_FRAMES	   8

enum dam_entry_state {
	DAM_ENTRY_FREE,
	DAM_ENTRY_TAKEN, /* being written */
	DAM_ENTRY_READY, /* written for good; the counts of a site go on */
};

/* A file that code was mapped from. */
struct dam_module {
	uint32_t state; /* enum dam_entry_state, release-stored */
	uint32_t reserved;
	uint64_t inode;		    /* tells a file that has been replaced since */
	char path[DAM_MODULE_PATH]; /* as the process sees it */
};
static_assert(sizeof(struct dam_module) == 256, "wire format");

/*
 * Return addresses, innermost first: the index of a module above DAM_FRAME_SHIFT, the offset in its file below.
 * DAM_FRAME_NO_MODULE: an address in memory that is mapped from no file, or is not known.
 */
#define DAM_FRAME_SHIFT	    56
#define DAM_FRAME_NO_MODULE 0xffull

struct dam_site {
	uint64_t key;	/* of the stack in this process; 0: free */
	uint32_t state; /* enum dam_entry_state */
	uint32_t nr_frames;
	/* of the sampled submissions only, each as often as it stands for: times the period */
	uint64_t samples, ops, read_bytes, write_bytes;
	uint64_t frame[DAM_SITE_FRAMES];
	uint64_t pad[2];
};
static_assert(sizeof(struct dam_site) == 128, "wire format");

struct dam_sites {
	uint64_t lost;	 /* sampled submissions for whose stack there was no room */
	uint32_t period; /* DAM_SAMPLE of the process; 0: no submission is sampled, or none has been yet */
	uint32_t stacks; /* 1: whole stacks by libunwind; 0: the innermost frame only */
	uint64_t pad[6];
	struct dam_module module[DAM_LEDGER_MODULES];
	struct dam_site site[DAM_LEDGER_SITES];
};
static_assert(sizeof(struct dam_sites) == 64 + 256 * DAM_LEDGER_MODULES + 128 * DAM_LEDGER_SITES,
	      "wire format");

/*
 * Where threads to be born do best. The coordinator's, but for what is the process's. What stands here has gone into
 * the record of masks before: a thread of this process that has the mask of a place gets `orig` back when the
 * coordinator dies.
 */
#define DAM_ADVICE_PLACES 32
#define DAM_ADVICE_BIRTHS 32
#define DAM_ADVICE_PLACED 64

struct dam_advice {
	uint64_t seq; /* odd while it changes */
	uint32_t nr;  /* of birth; 0: there is no advice */
	uint32_t nr_places;
	uint64_t next; /* process: threads born so far; birth[next % nr] is the next one's */
	uint8_t birth[DAM_ADVICE_BIRTHS]; /* places; each counts as load for the next */
	uint64_t nr_placed; /* process: threads placed so far; the latest of them: */
	uint32_t placed[DAM_ADVICE_PLACED]; /* process: tids, as it sees them */
	struct dam_cpuset orig; /* what a creator has to have, or a place as DAM's pin */
	struct dam_cpuset place[DAM_ADVICE_PLACES];
};
static_assert(sizeof(struct dam_advice) == 64 + 4 * DAM_ADVICE_PLACED + sizeof(struct dam_cpuset) * (1 + DAM_ADVICE_PLACES), "wire format");

struct dam_ledger {
	uint64_t magic;
	uint32_t version, size;
	/* coordinator, at creation */
	uint32_t owner_pid; /* as the coordinator sees it */
	uint32_t reserved0;
	/* process */
	uint32_t detached;   /* 1: the process uses this ledger no longer */
	uint32_t nr_slots;   /* high-water mark of claimed slots */
	uint64_t slot_seq;   /* last seq given out */
	uint64_t no_slot;    /* searches for a slot that found none: threads are not counted */
	uint64_t announce;   /* RCU: the board's period while this process reads; 0: it does not */
	uint64_t announce_ns; /* CLOCK_MONOTONIC_COARSE when announce was set */
	uint32_t next_slot;  /* where the next search for a free slot begins */
	uint32_t reserved1;
	uint64_t full_ns;    /* CLOCK_MONOTONIC_COARSE when a search for a slot found none last; 0: never */
	uint64_t pad[6];
	uint32_t target_id[DAM_LEDGER_TARGETS]; /* board target ids; 0: unused; release-stored once */
	uint64_t pad1[32];
	struct dam_slot slot[DAM_LEDGER_SLOTS];
	struct dam_sites sites;
	struct dam_advice advice;
	uint64_t tail[1976 - sizeof(struct dam_advice) / 8];
};
static_assert(offsetof(struct dam_ledger, target_id) == 128, "wire format");
static_assert(offsetof(struct dam_ledger, slot) == 512, "wire format");
static_assert(offsetof(struct dam_ledger, sites) == 512 + 2048 * DAM_LEDGER_SLOTS, "wire format");
static_assert(sizeof(struct dam_ledger) == 129 * DAM_SEGMENT_UNIT, "wire format");

/* -- handshake over the coordinator's SOCK_SEQPACKET socket ------------------------------------------ */

#define DAM_SOCKET_NAME "coord.sock"
#define DAM_HELLO_MAGIC 0x4f4c4c454844414dull /* "MADHELLO" */

enum dam_hello_kind {
	DAM_HELLO_ATTACH = 1, /* a process wants its ledger and the board */
	DAM_HELLO_CONTROL = 2, /* dam-ctl, dam-run: a JSON request follows in the same packet */
};

struct dam_hello {
	uint64_t magic;
	uint32_t version, kind;
	uint32_t pid;	   /* as the process sees itself (namespaces); the kernel's word is SO_PEERCRED */
	uint32_t run_id;   /* DAM_RUN_ID of the dam-run that started it; 0: none */
	float weight_throughput, weight_latency; /* NaN: the coordinator's own */
	char class[8];	   /* DAM_CLASS, cut, terminated; "": not given */
};
static_assert(sizeof(struct dam_hello) == 40, "wire format");

enum dam_welcome_status {
	DAM_WELCOME_OK,	      /* ATTACH: two descriptors follow: ledger, board. CONTROL: one: the answer */
	DAM_WELCOME_VERSION,  /* the library is of another version */
	DAM_WELCOME_REFUSED,  /* another user's process */
	DAM_WELCOME_BUSY,     /* no memory, no descriptors: try later */
};

struct dam_welcome {
	uint64_t magic;
	uint32_t version, status;
};
static_assert(sizeof(struct dam_welcome) == 16, "wire format");

#endif
