/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What the coordinator knows: threads and processes, engines and components, moves; and itself. */
#ifndef DAM_TOOLS_COORD_STATE_H
#define DAM_TOOLS_COORD_STATE_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cpuset.h"
#include "base/knobs.h"
#include "hal/hal.h"
#include "hal/pmu.h"
#include "policy/outcome.h"
#include "policy/policy.h"
#include "shm/board.h"
#include "shm/ledger.h"
#include "tools/common/decision.h"
#include "tools/common/maskfile.h"
#include "tools/coord/depth.h"
#include "tools/coord/event.h"
#include "tools/coord/procfs.h"

#define COORD_MAX_THREADS 16384 /* managed at a time */
#define COORD_MAX_ENDED	  16384 /* kept for reports; the oldest go first */
#define COORD_MAX_MOVES	  4096	/* kept for reports; the oldest go first */
#define COORD_MAX_SITES	  64	/* processes that have ended, whose call sites are kept; the same */
#define COORD_MAX_PAST	  4096	/* processes that have ended, the same */
#define COORD_PENDING	  8	/* targets of one thread's observed work */
#define COORD_NO_SLOT	  UINT_MAX
#define COORD_WATCH_BUCKETS 1024

struct coord_births;
struct coord_conn;
struct coord_explain;
struct coord_outcomes;
struct coord_record;
struct coord_task;
struct coord_watch;
struct mnl_socket;

/* What a thread did on one target, or on none that is known. */
#define COORD_OTHER    (-1)
#define COORD_BUFFERED (-2)
struct coord_use {
	int target; /* hal index of an engine, or of a pool whose engine is not known; COORD_OTHER, _BUFFERED */
	struct dam_count total;
	double recent; /* bytes, decayed: tells the target used most */
};

/* Observed work on its way into the counts: it comes in lumps, and is let in evenly. */
struct coord_pending {
	int target; /* an engine, or a pool */
	double read_bytes, write_bytes, read_ops, write_ops;
};

#define COORD_NO_TID (-1) /* of a thread that ended before we could tell what its process's number for it means */

/* Why a thread is left alone; NULL in `why` means that it may be moved. */
struct coord_thread {
	uint32_t run_id;
	struct coord_process *proc;
	unsigned int index; /* of policy/ and coord.threads; while it lives */
	unsigned int slot; /* COORD_NO_SLOT: no hook has seen it */
	uint64_t seq;	/* of the slot's claim */
	pid_t pid, tid; /* as the coordinator sees them; COORD_NO_TID */
	pid_t tid_inside; /* as the process sees it */
	uint64_t start;	/* start time from /proc, read at the first move; 0: not yet */
	char comm[16];
	bool ended;
	bool gone; /* the kernel knows it no longer */
	struct dam_count *last; /* DAM_LEDGER_TARGETS raw counts as last read; NULL once ended */
	uint64_t submissions, ring_ops; /* as last read */
	struct coord_use *use;
	unsigned int nr_use;
	double read_bps, write_bps; /* about one second's mean */
	/* traffic to memory, by the counter of its process */
	uint64_t memory_ns, memory_count; /* as last read; 0: not yet */
	double memory_bps, memory_age_s;
	uint64_t mapped_bytes, mapped_raw; /* memory made reachable for devices; as last read */
	/* work in flight on its own rings: raw sums as last read, and the value held */
	uint64_t inflight_samples, inflight_sum;
	double inflight_mean, inflight_peak, inflight_age_s;
	struct coord_depth depth; /* of its hooked rings, over time */
	double distant_age_s;	  /* since what no tick needs was read */
	/* observed from outside */
	struct coord_task *task; /* NULL: not looked at */
	struct coord_pending pending[COORD_PENDING];
	unsigned int nr_pending;
	double pending_s; /* in which they are to be let in */
	uint64_t hooked_bytes[2]; /* reads, writes that hooks counted on devices */
	uint64_t observed_ops;
	double wait_s, wait_span_s, reaped; /* work in flight over time; operations taken back; Little's law */
	uint64_t looks, idle_looks;
	double wait_square; /* sum over looks of the square of what was in flight */
	/* masks */
	unsigned int domain; /* where it runs, or was put */
	struct dam_cpuset orig, asked; /* without DAM; what DAM wants, and what the kernel makes of both: it leaves out */
	struct dam_cpuset own, dam;    /* what the control group does not allow or is not online, for as long as it is so */
	bool free; /* `orig` was all that the group allowed: restored, it may run on whatever that allows by then */
	uint64_t allowed; /* domains that it can be pinned to now, as bits */
	struct dam_cpuset former; /* what `dam` was until former_ns; 0: nothing */
	uint64_t former_ns;
	bool moved;	 /* its mask is `dam`, recorded in the mask file under mask_entry */
	int mask_entry;
	uint32_t pin_calls;
	const char *why; /* left alone: static text */
	bool excluded;	 /* the same, by request */
	double mask_age_s; /* since its mask was last read, */
	bool worked;	   /* and has it submitted since? */
	enum dam_policy_class class;
	uint64_t cpu_ns; /* of processors, used and waited for; as last read; 0: not yet */
	double cpu;	 /* the same as a share of one processor */
	bool named;	   /* its name was read again after that */
	double asks;	   /* its demand as of the last tick, where several users have threads */
	unsigned int nr_moves;
	uint64_t last_move; /* id; 0: none, or taken back */
	struct dam_outcome_window window; /* in progress: sums */
	struct dam_outcome_past past;
	struct coord_thread *next_ended;
};

/* Who saw what a process submitted. */
struct coord_coverage {
	uint64_t hooked_ops, observed_ops;
	uint64_t attributed_bytes;
	uint64_t kernel_bytes, kernel_base; /* by the kernel's count; what it was when we came */
	const char *blind; /* why something of it cannot be observed; static text */
};

/* How a process's traffic to memory is counted. */
struct coord_memory {
	uint32_t error;	       /* of perf_event_open(), if some thread was refused */
	unsigned int readings; /* that said nothing at all */
	bool moved;	       /* one did */
};

/* Time that a process's work kept engines of GPUs busy. */
struct coord_gpu {
	bool known; /* a driver told */
	uint64_t engine_ns;
};

/* A thread of another pid namespace. */
struct coord_name {
	pid_t tid, inside; /* as we call it; as its process does */
	uint64_t listing;  /* in which it was seen last */
};

struct coord_names {
	struct coord_name *name;
	unsigned int nr, room, hint;
	uint64_t listing; /* number of the latest */
	uint64_t tick;	  /* of the latest, and how many there were in that */
	unsigned int listings;
};

struct coord_process {
	pid_t pid;
	bool elsewhere; /* in a pid namespace of its own: it has other numbers for its threads */
	struct coord_names names;
	uint64_t start;
	uid_t uid;
	unsigned int user;    /* in coord.trust; COORD_TRUST_USERS: no room was left */
	uint64_t attached_ns; /* 0: it did not */
	uint32_t run_id;
	int pidfd;
	struct coord_event event;
	char comm[16];
	struct dam_ledger *ledger; /* NULL: only observed */
	struct coord_watch *watch; /* NULL: not observed */
	struct coord_coverage coverage;
	uint64_t ring_ops; /* submitted to rings through hooks */
	struct coord_memory memory;
	struct coord_gpu gpu;
	struct coord_thread **thread; /* by slot; nr_thread entries */
	struct coord_thread **extra; /* without a slot; nr_extra entries */
	unsigned int nr_extra;
	bool excluded; /* by request */
	struct coord_births *births; /* NULL: no advice was given yet */
	unsigned int starts_left; /* slots that may have new owners in this tick */
	unsigned int rest, patience; /* ticks until the next look for room for them; that were waited for it last */
	unsigned int nr_local; /* places of its target table in use */
	unsigned int nr_thread;
	float weight_throughput, weight_latency;
	enum dam_policy_class class;
	struct coord_process *next;
	struct coord_process *prev;
};

/* A process that has ended. */
struct coord_past {
	pid_t pid;
	uint32_t run_id;
	char comm[16];
	struct coord_coverage coverage;
	struct coord_memory memory;
	struct coord_gpu gpu;
};

struct coord_move {
	uint64_t id;
	double time_s; /* since the coordinator started */
	pid_t pid, tid, partner_tid; /* partner: in an exchange, else 0 */
	uint32_t run_id;
	char comm[16];
	char from_cpus[64], to_cpus[64];
	char result[64]; /* "moved", and later its verdict or "undone"; "dry-run", "failed: …" */
	struct dam_policy_move m;
	const char *verdict, *metric; /* NULL: not judged; static text */
	bool undone;
	double effect, judged_s;	 /* NaN: none; time that the judgement took */
	double forecast_bps, actual_bps; /* of the thread, after the move; NaN: unknown */
};

/* What one engine did, lately and at last. */
struct coord_engine {
	bool known; /* to the decision */
	struct dam_hal_counters last;
	uint64_t last_ns; /* 0: no counters yet */
	bool still;	  /* nothing had been done then since the time before */
	double read_bps, write_bps; /* about one second's mean */
	struct dam_outcome_window window; /* in progress: sums */
	struct dam_outcome_past past;
	double util; /* by the hal, between the last two samples */
	enum dam_hal_util_source util_source;
};

#define COORD_TRUST_USERS 16 /* told apart; threads of further ones stay where they are */

/* What one engine is asked, and by whom. */
struct coord_word {
	double capacity;	   /* bytes/s; 0: unknown */
	double measured, foretold; /* by its own counters; 0: it has none */
	double asked[COORD_TRUST_USERS], rate[COORD_TRUST_USERS]; /* demand, bytes/s of each user's threads */
};

/* Whose word counts for whom; see trust.c. */
struct coord_trust {
	unsigned int nr_users; /* that have threads; fewer than 2: all may be believed */
	uid_t uid[COORD_TRUST_USERS];
	struct coord_word engine[DAM_HAL_TARGETS];
	bool full[DAM_HAL_COMPONENTS]; /* by the rates of its engines */
	unsigned int next;	       /* process that is asked for its user */
	uint64_t refused;
};

/* Counters of a component that has its own. */
struct coord_component {
	struct dam_hal_counters last;
	uint64_t last_ns; /* 0: none */
	double read_bps, write_bps; /* about one second's mean */
};

/* The call sites of a process that has ended. */
struct coord_sites {
	uint32_t run_id;
	uint64_t lost;
	json_t *rows; /* NULL: none */
};

/* Processors of a domain: time in use, and all, in ticks as last read. */
struct coord_cpus {
	uint64_t busy, all;
	bool kept_awake; /* by others, as policy/ was told */
};

struct coord_options {
	bool foreground, dry_run, once, json, private;
	int ready_fd; /* -1: none */
	const char *runtime_dir;
	const char *record; /* NULL: none */
	bool list_engines;
	const char *root; /* of a recorded tree; NULL: this machine */
};

struct coord {
	struct coord_options opt;
	struct dam_knobs knobs;
	struct dam_hal *hal;
	struct dam_board_writer board;
	struct dam_decision *decision;
	struct coord_explain *explain;
	struct coord_outcomes *outcomes; /* NULL: nothing is moved (--once) */
	struct dam_masks *masks;
	struct coord_record *record;
	unsigned int nr_modelled; /* targets that the model knows of, from the first */
	struct coord_cpus cpus[DAM_MAX_DOMAINS];
	struct coord_engine *engine; /* by hal target index, DAM_HAL_TARGETS entries */
	struct coord_component component[DAM_HAL_COMPONENTS]; /* by hal index */
	struct coord_trust trust;
	struct coord_thread *thread[COORD_MAX_THREADS]; /* by policy index; NULL: free */
	unsigned int nr_thread; /* high-water mark of the above */
	unsigned int nr_live;
	unsigned int rechecks; /* threads that the kernel may still be asked about in this tick */
	struct coord_process *processes;
	unsigned int nr_processes, nr_waiting;
	struct coord_conn *oldest_conn, *newest_conn; /* of those that wait */
	unsigned int max_waiting;
	int max_fd; /* descriptors from here on are for connections, and for what is open only for a moment */
	struct coord_thread *ended, **ended_tail;
	unsigned int nr_ended;
	struct coord_move *move; /* ring of COORD_MAX_MOVES */
	struct dam_policy_move *plan; /* of this tick */
	uint64_t nr_moves;
	struct dam_pmu_event memory_event; /* bytes_per_count 0: none, and why: */
	char memory_why[192];
	struct coord_sites sites[COORD_MAX_SITES]; /* a ring */
	unsigned int nr_sites;
	/* loop */
	int epoll_fd, listen_fd, lock_fd, signal_fd;
	struct coord_event on_listen, on_signal;
	bool stop;
	bool deaf; /* nobody is accepted until the next tick */
	uint64_t served_ns; /* on connections, since the last tick */
	uint64_t put_off;   /* ticks that some had to wait for */
	uint64_t births_advised_ns, births_released_ns;
	bool paused; /* by request: nothing is moved */
	uint64_t unrecorded_ns; /* when a mask could not be recorded last; 0: they can be */
	uint64_t active_ns; /* when a ledger moved last */
	uint64_t start_ns, last_tick_ns, last_refresh_ns, gpu_read_ns;
	unsigned int gpu_next; /* of `processes`, modulo their number: the first whose GPU time is read then */
	uint64_t nr_ticks, tick_ns_sum;
	struct {
		int fd; /* uevents; -1: none */
		struct coord_event on_event;
		uint64_t first_ns, last_ns; /* events that have not been looked into; 0: none */
	} plug;
	bool busy; /* some ledger moved in this tick */
	bool board_pending; /* the directory could not be published yet */
	struct coord_moderate *moderate; /* NULL: not asked for */
	uint64_t unseen;	  /* processes that asked to be served, and are outside our pid namespace */
	uint64_t threads_dropped; /* not managed because the table was full */
	struct coord_past *past; /* ring of COORD_MAX_PAST */
	uint64_t nr_past;
	/* observation */
	struct coord_watch *watch[COORD_WATCH_BUCKETS]; /* by pid */
	struct coord_watch *watches, *watch_next; /* all of them; the one whose turn it is, NULL: the first's */
	unsigned int nr_watches;
	uint64_t start_ticks; /* when we began, on the clock of start times */
	uint64_t random;
	struct {
		int fd;	      /* of /proc/loadavg */
		pid_t newest; /* number given out; 0: not known yet */
		uint64_t due_ns;
	} family;
	struct {
		struct mnl_socket *nl; /* NULL: we do not listen for threads that end */
		uint64_t due_ns;       /* when to try again, or to stop */
		unsigned int left;     /* messages that may be heard in this tick */
		uint64_t told;	       /* threads that somebody waited for */
	} exits;
	bool outermost; /* we call threads as the kernel itself does */
	uint64_t storage_ops;  /* of all disks, when it was glanced at last */
	uint64_t storage_ns;   /* when that was found to have moved */
	bool storage_unseen;   /* there is no disk that could tell */
	struct {
		const char *off; /* why there is none */
		unsigned int rings, tasks;
		uint64_t fds, task_reads, peeks, cut_short, ns, ns_max;
	} observed;
};

#endif
