/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The coordinator's state and the calls between its files.
 *
 * One thread runs everything, but for the worker that sets interrupt moderation (moderator.c) and the one that writes
 * the history of moves (historian.c): loop.c waits for the next tick or event; clients.c takes processes in and out;
 * moderate.c feeds moderated devices; engines.c, slots.c and sampler.c read engines and ledgers; watch.c observes what
 * no ledger shows (see observe.h); model.c forecasts and asks policy/ for moves; actuator.c carries them out and takes
 * them back; report.c answers questions.
 */
#ifndef DAM_TOOLS_COORD_COORD_H
#define DAM_TOOLS_COORD_COORD_H

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
struct coord_kind;
struct coord_outcomes;
struct coord_record;
struct coord_task;
struct coord_watch;

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
	uid_t uid;
	uint64_t start;
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

/* model.c */
/** coord_model_open() - the decision, told of all that an open hal has. Return: 0; -ENOMEM. */
int coord_model_open(struct coord *c);
/** coord_model_rescan() - the hal has found that engines have come or gone. Return: 0; -ENOMEM: some are left out. */
int coord_model_rescan(struct coord *c);
/** coord_model_drop() - engine @i is gone. */
void coord_model_drop(struct coord *c, unsigned int i);
void coord_model_close(struct coord *c);
/** coord_model_refresh() - what may change at run time: the maps of pools, CPUs in use; about once a second. */
void coord_model_refresh(struct coord *c);
/** coord_model_decide() - forecast every engine, ask for a plan, carry it out. */
void coord_model_decide(struct coord *c, double dt_s);

/* loop.c */
/** coord_open() - sockets, segments, engines; on failure the reason has been logged. Return: 0 or an exit status. */
int coord_open(struct coord *c);
/** coord_run() - until a signal asks for the end. Return: an exit status. */
int coord_run(struct coord *c);
/** coord_close() - give every mask back, tell processes, remove what was made. */
void coord_close(struct coord *c);
/** coord_uptime_s() - since it started. */
double coord_uptime_s(const struct coord *c);
/** coord_tick() - one round of sample, forecast, decide, act. */
void coord_tick(struct coord *c, uint64_t now_ns);

/* listen.c */
/** coord_listen() - take the runtime directory's lock and bind its socket. Return: 0 or an exit status (logged). */
int coord_listen(struct coord *c);
void coord_unlisten(struct coord *c);

/* names.c */
/**
 * coord_names_tid() - the thread that process @p calls @inside, as we call it
 * Return: tid; -ENOENT: there is none; another -errno: not known at this moment.
 */
pid_t coord_names_tid(struct coord *c, struct coord_process *p, pid_t inside);
void coord_names_free(struct coord_process *p);

/* clients.c */
/** coord_accept() - new connections: announcements, attachments, questions. */
void coord_accept(struct coord *c);
/** coord_hear() - accept again, if that was given up for want of descriptors or memory. */
void coord_hear(struct coord *c);
/** coord_drop() - take a process's last counts and forget it; its threads stay in reports. */
void coord_drop(struct coord *c, struct coord_process *p);
/** coord_client_find() - the process @pid, attached or observed; NULL: none. */
struct coord_process *coord_client_find(struct coord *c, pid_t pid);
/** coord_client_get() - the process of a watch, made if it has not attached. Return: NULL when it is gone, or full. */
struct coord_process *coord_client_get(struct coord *c, struct coord_watch *w);
/**
 * coord_client_watch() - a process belongs to run @run_id: watch it; if it has ended, take a last look
 * @asker: who says so, as we call it
 * @pid: what @asker calls it
 */
void coord_client_watch(struct coord *c, pid_t asker, pid_t pid, uint32_t run_id);
/** coord_coverage_read() - ask the kernel for its part. */
void coord_coverage_read(struct coord_process *p);
/** coord_coverage_note() - the kernel's part, as it was just read. */
void coord_coverage_note(struct coord_process *p, const uint64_t io[2]);
/** coord_clients_close() - take everybody's last counts and forget them. */
void coord_clients_close(struct coord *c);

/* directory.c */
/** coord_publish() - bring the directory of targets to the board; retried at the next tick when no snapshot is free. */
void coord_publish(struct coord *c);

/* engines.c */
/** coord_sample_engines() - counters of every engine into the decision, of components into reports. */
void coord_sample_engines(struct coord *c, uint64_t now_ns);
/** coord_storage_moved() - has any disk done anything since the last call? Much cheaper than sampling. */
bool coord_storage_moved(struct coord *c, uint64_t now_ns);

/** coord_component_rates() - by its own counters; without any, both stay as they are. */
void coord_component_rates(const struct coord *c, unsigned int i, double *read_bps, double *write_bps);

/** coord_rate() - a decayed mean, of which @gone is left after another @dt_s with @bytes; in bytes/s. */
static inline double coord_rate(double mean, double bytes, double dt_s, double gone)
{
	return mean * gone + bytes / dt_s * (1 - gone);
}

/* slots.c */
/** coord_sample_ring_ops() - what the hooks of a process have counted on rings, up to now. */
void coord_sample_ring_ops(struct coord_process *p);
/** coord_sample_process() - every slot of one ledger, every thread without one. @dt_s: since the last time. */
void coord_sample_process(struct coord *c, struct coord_process *p, double dt_s);
/** coord_sample_processes() - all of them; who has left is dropped. */
void coord_sample_processes(struct coord *c, double dt_s);

/* sampler.c */
/* The time since the last look, and what it leaves of decayed means. */
struct coord_lapse {
	double dt_s, rate, recent;
};
/** coord_thread_sample() - take what it did, tell it to the decision. */
void coord_thread_sample(struct coord *c, struct coord_thread *t, const struct coord_lapse *lapse);
/** coord_thread_ring_ops() - of a thread with a slot: what its hooks have counted on rings, up to now. */
void coord_thread_ring_ops(struct coord_thread *t);
/** coord_thread_flush() - let all of its observed work in. */
void coord_thread_flush(struct coord *c, struct coord_thread *t);

/* pending.c */
/** coord_thread_pend() - observed work of a thread, to be let in evenly over @period_s. */
void coord_thread_pend(struct coord_thread *t, const struct coord_kind *k, double period_s);
/** coord_thread_release() - the share of the @i-th pending work that is due after @dt_s. Return: false: none. */
bool coord_thread_release(struct coord_thread *t, unsigned int i, double share, struct dam_count *out);
/** coord_thread_inflight() - work in flight on its observed rings; NaN: unknown. */
void coord_thread_inflight(struct coord_thread *t, double mean, double peak);
/** coord_thread_place() - it was seen on processor @cpu; < 0: not seen. */
void coord_thread_place(struct coord *c, struct coord_thread *t, int cpu);
/** coord_thread_latency() - mean time from submission to reaping, in s; NaN: unknown. */
double coord_thread_latency(const struct coord_thread *t);

/* memory.c */
/** coord_memory_open() - choose the event of traffic to memory, tell processes by the board. */
void coord_memory_open(struct coord *c);
/** coord_memory_take() - what the hooks of @t have read since the last time. */
void coord_memory_take(struct coord *c, struct coord_thread *t, const struct dam_slot *s, double dt_s);
/** coord_memory_why() - why nothing is known of a process's traffic; NULL: it is, or may yet be. */
const char *coord_memory_why(const struct coord *c, const struct coord_memory *m);

/* report_sites.c */
/** coord_sites_keep() - @p has ended: remember its call sites. */
void coord_sites_keep(struct coord *c, const struct coord_process *p);
void coord_sites_close(struct coord *c);

/* threads.c */
/** coord_thread_start() - slot @slot of @p has a new owner. Return: NULL when it is none of the peer's threads, or full. */
struct coord_thread *coord_thread_start(struct coord *c, struct coord_process *p, unsigned int slot);
/** coord_thread_find() - the managed thread @tid of @p; NULL: none. */
struct coord_thread *coord_thread_find(struct coord_process *p, pid_t tid);
/** coord_thread_observe() - the same, made without a slot if need be. Return: NULL when the table is full. */
struct coord_thread *coord_thread_observe(struct coord *c, struct coord_process *p, struct coord_task *task);
/** coord_thread_classify() - what it is to be treated as may have changed: tell policy/. */
void coord_thread_classify(struct coord *c, struct coord_thread *t);
/** coord_thread_end() - keep its totals for reports, forget the rest. */
void coord_thread_end(struct coord *c, struct coord_thread *t);
void coord_threads_close(struct coord *c);

/* followers.c */
/** coord_followers_pin() - kernel threads that submit for @t go where it goes, as far as the kernel lets them. */
void coord_followers_pin(struct coord *c, struct coord_thread *t, const struct dam_cpuset *mask);
/** coord_followers_restore() - give them their own masks back. */
void coord_followers_restore(struct coord *c, struct coord_thread *t);

/* watch.c */
/** coord_observe_open() - can rings be observed here? If not, that has been logged. */
int coord_observe_open(struct coord *c);
void coord_observe_close(struct coord *c);
/** coord_observe_tick() - look at what is due, within the budget of a tick. */
void coord_observe_tick(struct coord *c, uint64_t now_ns);
/** coord_observe_end() - the process has ended: take what can still be had, forget the watch. */
void coord_observe_end(struct coord *c, struct coord_watch *w);
/** coord_watch_add() - watch process @pid, after @delay_ns. Return: its watch, also an older one; NULL: gone, or full. */
struct coord_watch *coord_watch_add(struct coord *c, pid_t pid, uint32_t run_id, uint64_t delay_ns);
struct coord_watch *coord_watch_find(struct coord *c, pid_t pid);

/* masks.c */
/** coord_mask_first() - what mask does a new thread have, and whose is it? @s: its slot; NULL: no hook has seen it. */
void coord_mask_first(struct coord *c, struct coord_thread *t, const struct dam_slot *s);
/** coord_mask_check() - read the thread's mask again: is it still what we think? Return: false when it is somebody else's. */
bool coord_mask_check(struct coord *c, struct coord_thread *t);
/** coord_mask_pin() - put @t on @domain. Return: 0; -errno. */
int coord_mask_pin(struct coord *c, struct coord_thread *t, unsigned int domain);
/** coord_mask_hold() - is nothing to be moved, because it could not be recorded a moment ago? */
bool coord_mask_hold(const struct coord *c);
/** coord_mask_restore() - give the original mask back, if ours is still in place. */
void coord_mask_restore(struct coord *c, struct coord_thread *t);
/** coord_mask_disown() - the program has set the thread's mask itself: whatever it is now is the program's. */
void coord_mask_disown(struct coord *c, struct coord_thread *t);
/**
 * coord_mask_newcomer() - give a process back what a moved thread of its ancestors, or of itself, handed down
 * @first: it is seen for the first time; later a mask like theirs is its own, unless it was moved itself
 */
void coord_mask_newcomer(struct coord *c, pid_t pid, bool first);

/* actuator.c */
/** coord_act() - carry out (or, dry, only record) a plan. */
void coord_act(struct coord *c, const struct dam_policy_move *m, unsigned int nr);
/** coord_partner_tid() - the thread that goes the other way in an exchange; 0: it is none. */
pid_t coord_partner_tid(const struct coord *c, const struct dam_policy_move *m);
/** coord_move_find() - move @id; NULL: there was none, or it is kept no longer. */
struct coord_move *coord_move_find(struct coord *c, uint64_t id);

/* gpu.c */
/** coord_gpu_tick() - engine time of processes, about once a second, of many in turn; nothing where there is no GPU. */
void coord_gpu_tick(struct coord *c, uint64_t now_ns);

/* hotplug.c */
/** coord_hotplug_open() - listen to uevents; without them there is the look once a second. */
void coord_hotplug_open(struct coord *c);
void coord_hotplug_close(struct coord *c);
/** coord_hotplug_due() - something may have come or gone: look for it soon. */
void coord_hotplug_due(struct coord *c);
/** coord_hotplug_tick() - rescan when that is due, or, with @look, when directories have changed. */
void coord_hotplug_tick(struct coord *c, uint64_t now_ns, bool look);

/* report_engines.c */
/** coord_engines_json() - add engines, pools, queues and components to @out. */
void coord_engines_json(struct coord *c, json_t *out);

/* report.c */
/** coord_target_name() - of a hal index, COORD_OTHER or COORD_BUFFERED. */
const char *coord_target_name(const struct coord *c, int target);
/** coord_cpus_json() - "0-3,8". Return: a new reference. */
json_t *coord_cpus_json(const struct dam_cpuset *s);
/**
 * coord_report() - answer a request
 * @asker: the process that asks
 * Return: a new reference, {"error": …} for a bad one.
 */
json_t *coord_report(struct coord *c, pid_t asker, const char *request, size_t len);
/** coord_report_once() - status and engines, for --once. Return: a new reference. */
json_t *coord_report_once(struct coord *c);
/** coord_print_move() - one line for people, or one JSON object, on stdout. */
void coord_print_move(struct coord *c, const struct coord_move *mv);

#endif
