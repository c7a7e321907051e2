/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The coordinator's state and the calls between its files.
 *
 * One thread runs everything: loop.c waits for the next tick or event; clients.c takes processes in and out;
 * sampler.c reads engines and ledgers; model.c forecasts and asks policy/ for moves; actuator.c carries them
 * out and takes them back; report.c answers questions as JSON.
 */
#ifndef DAM_TOOLS_COORD_COORD_H
#define DAM_TOOLS_COORD_COORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cpuset.h"
#include "base/knobs.h"
#include "hal/hal.h"
#include "policy/policy.h"
#include "predict/predict.h"
#include "shm/board.h"
#include "shm/ledger.h"
#include "tools/common/maskfile.h"
#include "tools/coord/event.h"

#define COORD_MAX_THREADS 16384 /* managed at a time */
#define COORD_MAX_ENDED	  16384 /* kept for reports; the oldest go first */
#define COORD_MAX_MOVES	  4096	/* kept for reports; the oldest go first */

/* What a thread did on one target, or on none that is known. */
#define COORD_OTHER    (-1)
#define COORD_BUFFERED (-2)
struct coord_use {
	int target; /* hal index of an engine, or of a pool whose engine is not known; COORD_OTHER, _BUFFERED */
	struct dam_count total;
	double recent; /* bytes, decayed: tells the target used most */
};

/* Why a thread is left alone; NULL in `why` means that it may be moved. */
struct coord_thread {
	uint32_t run_id;
	struct coord_process *proc;
	unsigned int index; /* of policy/ and coord.threads; while it lives */
	unsigned int slot;
	uint64_t seq;	/* of the slot's claim */
	pid_t pid, tid; /* as the coordinator sees them */
	pid_t tid_inside; /* as the process sees it */
	uint64_t start;	/* start time from /proc, read at the first move; 0: not yet */
	char comm[16];
	bool ended;
	bool gone; /* the kernel knows it no longer */
	struct dam_count *last; /* DAM_LEDGER_TARGETS raw counts as last read; NULL once ended */
	uint64_t submissions;	/* as last read */
	struct coord_use *use;
	unsigned int nr_use;
	double read_bps, write_bps; /* about one second's mean */
	/* work in flight on its own rings: raw sums as last read, and the value held */
	uint64_t inflight_samples, inflight_sum;
	double inflight_mean, inflight_peak, inflight_age_s;
	/* masks */
	unsigned int domain; /* where it runs, or was put */
	struct dam_cpuset orig, dam;
	uint64_t allowed; /* domains that `orig` lets it be pinned to, as bits */
	bool moved;	 /* its mask is `dam`, recorded in the mask file under mask_entry */
	int mask_entry;
	uint32_t pin_calls;
	const char *why; /* left alone: static text */
	double mask_age_s; /* since its mask was last read */
	unsigned int nr_moves;
	struct coord_thread *next_ended;
};

struct coord_process {
	pid_t pid, pid_inside;
	uid_t uid;
	uint64_t start;
	uint32_t run_id;
	int pidfd;
	struct coord_event event;
	char comm[16];
	struct dam_ledger *ledger;
	struct coord_thread **thread; /* by slot; nr_thread entries */
	unsigned int nr_local; /* places of its target table in use */
	unsigned int nr_thread;
	float weight_throughput, weight_latency;
	struct coord_process *next;
	struct coord_process *prev;
};

struct coord_move {
	uint64_t id;
	double time_s; /* since the coordinator started */
	pid_t pid, tid;
	uint32_t run_id;
	char comm[16];
	char from_cpus[64], to_cpus[64];
	char result[64]; /* "moved", "dry-run", "failed: …", "restored" */
	struct dam_policy_move m;
};

/* One engine's series and last counters. */
struct coord_engine {
	struct dam_predictor *predictor;
	struct dam_forecast forecast;
	struct dam_hal_counters last;
	uint64_t last_ns; /* 0: no counters yet */
	double read_bps, write_bps; /* about one second's mean */
};

struct coord_options {
	bool foreground, dry_run, once, json, private;
	int ready_fd; /* -1: none */
	const char *runtime_dir;
};

struct coord {
	struct coord_options opt;
	struct dam_knobs knobs;
	struct dam_hal *hal;
	struct dam_board_writer board;
	struct dam_policy *policy;
	struct dam_masks *masks;
	struct coord_engine *engine; /* by hal target index, DAM_HAL_TARGETS entries */
	struct dam_policy_forecast *forecast; /* the same */
	struct coord_thread *thread[COORD_MAX_THREADS]; /* by policy index; NULL: free */
	unsigned int nr_thread; /* high-water mark of the above */
	unsigned int nr_live;
	struct coord_process *processes;
	unsigned int nr_processes, nr_waiting;
	struct coord_thread *ended, **ended_tail;
	unsigned int nr_ended;
	struct coord_move *move; /* ring of COORD_MAX_MOVES */
	struct dam_policy_move *plan; /* of this tick */
	uint64_t nr_moves;
	/* loop */
	int epoll_fd, listen_fd, lock_fd, signal_fd;
	struct coord_event on_listen, on_signal;
	bool stop;
	uint64_t active_ns; /* when a ledger moved last */
	uint64_t start_ns, last_tick_ns, last_refresh_ns;
	uint64_t nr_ticks, tick_ns_sum;
	bool busy; /* some ledger moved in this tick */
	bool board_pending; /* the directory could not be published yet */
	uint64_t threads_dropped; /* not managed because the table was full */
};

/* model.c */
/** coord_model_open() - engines, pools and their series, from an open hal. Return: 0; -ENOMEM. */
int coord_model_open(struct coord *c);
void coord_model_close(struct coord *c);
/** coord_model_refresh() - what may change at run time: the maps of pools. */
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
/** coord_tick() - one round of sample, forecast, decide, act. */
void coord_tick(struct coord *c, uint64_t now_ns);

/* listen.c */
/** coord_listen() - take the runtime directory's lock and bind its socket. Return: 0 or an exit status (logged). */
int coord_listen(struct coord *c);
void coord_unlisten(struct coord *c);

/* clients.c */
/** coord_accept() - new connections: announcements, attachments, questions. */
void coord_accept(struct coord *c);
/** coord_drop() - take a process's last counts and forget it; its threads stay in reports. */
void coord_drop(struct coord *c, struct coord_process *p);
/** coord_clients_close() - take everybody's last counts and forget them. */
void coord_clients_close(struct coord *c);
/** coord_publish() - bring the directory of targets to the board; retried at the next tick when no snapshot is free. */
void coord_publish(struct coord *c);

/* sampler.c */
/** coord_sample_engines() - counters of every engine into policy/ and its predictor. */
void coord_sample_engines(struct coord *c, uint64_t now_ns);
/** coord_sample_process() - every slot of one ledger. @dt_s: since the last time. */
void coord_sample_process(struct coord *c, struct coord_process *p, double dt_s);

/* threads.c */
/** coord_thread_start() - slot @slot of @p has a new owner. Return: NULL when it is none of the peer's threads, or full. */
struct coord_thread *coord_thread_start(struct coord *c, struct coord_process *p, unsigned int slot);
/** coord_thread_end() - keep its totals for reports, forget the rest. */
void coord_thread_end(struct coord *c, struct coord_thread *t);
/** coord_thread_alive() - does the kernel still know it? */
bool coord_thread_alive(const struct coord_thread *t);
void coord_threads_close(struct coord *c);

/* procfs.c */
int coord_proc_comm(pid_t pid, pid_t tid, char out[16]);
/** coord_proc_stat() - parent and start time of a process. Return: 0; -ENOENT. */
int coord_proc_stat(pid_t pid, pid_t *ppid, uint64_t *start);
/** coord_proc_tid() - the thread that process @pid calls @tid_inside, in our pid namespace. Return: tid; -ENOENT. */
pid_t coord_proc_tid(pid_t pid, bool same_namespace, pid_t tid_inside);

/* masks.c */
/** coord_mask_first() - what mask does a new thread have, and whose is it? */
void coord_mask_first(struct coord *c, struct coord_thread *t);
/** coord_mask_check() - read the thread's mask again: is it still what we think? Return: false when it is somebody else's. */
bool coord_mask_check(struct coord *c, struct coord_thread *t);
/** coord_mask_pin() - put @t on @domain. Return: 0; -errno. */
int coord_mask_pin(struct coord *c, struct coord_thread *t, unsigned int domain);
/** coord_mask_restore() - give the original mask back, if ours is still in place. */
void coord_mask_restore(struct coord *c, struct coord_thread *t);
/** coord_mask_newcomer() - a process announced itself: give it back what its moved creator handed down. */
void coord_mask_newcomer(struct coord *c, pid_t pid);
/** coord_mask_descendants() - the same for all descendants of managed processes, at the end. */
void coord_mask_descendants(struct coord *c);
/* actuator.c */
/** coord_act() - carry out (or, dry, only record) a plan. */
void coord_act(struct coord *c, const struct dam_policy_move *m, unsigned int nr);

/* report.c */
/** coord_report() - answer a request. Return: a new reference, {"error": …} for a bad one. */
json_t *coord_report(struct coord *c, const char *request, size_t len);
/** coord_report_once() - status and engines, for --once. Return: a new reference. */
json_t *coord_report_once(struct coord *c);
/** coord_print_move() - one line for people, or one JSON object, on stdout. */
void coord_print_move(struct coord *c, const struct coord_move *mv);

#endif
