/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The calls between the coordinator's files; its state is state.h.
 *
 * One thread runs everything, but for the worker that sets interrupt moderation (moderator.c) and the one that writes
 * the history of moves (historian.c): loop.c waits for the next tick or event; connections.c hears what is said over
 * the socket; clients.c takes processes in and out; moderate.c feeds moderated devices; engines.c, slots.c and sampler.c read engines and ledgers; watch.c observes what
 * no ledger shows (see observe.h); model.c forecasts and asks policy/ for moves; actuator.c carries them out and takes
 * them back; report.c answers questions.
 */
#ifndef DAM_TOOLS_COORD_COORD_H
#define DAM_TOOLS_COORD_COORD_H

#include "tools/coord/state.h"

struct coord_kind;

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

/* connections.c */
/** coord_accept() - new connections: announcements, attachments, questions. */
void coord_accept(struct coord *c);
/** coord_hear() - accept again, if that was given up for want of descriptors or memory. */
void coord_hear(struct coord *c);

/* clients.c */
/**
 * coord_client_attach() - a process wants to count: it gets a ledger, newly or because it was only observed
 * @h: what it says of itself
 * @out: its process
 * Return: the ledger's descriptor, the caller's to close; -1: it cannot be served.
 */
int coord_client_attach(struct coord *c, pid_t pid, const struct dam_hello *h, struct coord_process **out);
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
/** coord_sample_process() - all that there is in one ledger, and every thread without a slot. @dt_s: since the last time. */
void coord_sample_process(struct coord *c, struct coord_process *p, double dt_s);
/** coord_sample_processes() - all of them, as far as a tick goes; who has left is dropped. */
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

/* watches.c */
/** coord_watch_add() - watch process @pid, after @delay_ns. Return: its watch, also an older one; NULL: gone, or full. */
struct coord_watch *coord_watch_add(struct coord *c, pid_t pid, uint32_t run_id, uint64_t delay_ns);
struct coord_watch *coord_watch_find(struct coord *c, pid_t pid);

/* exclude.c */
/** coord_listed() - is a process, by what it executes now, one of those that the user wants left alone? */
bool coord_listed(const struct coord *c, const struct coord_process *p);

/* trust.c */
/** coord_trust_tick() - before a plan: what each user's threads ask, and what engines say of the rest. */
void coord_trust_tick(struct coord *c);
/** coord_trust_allows() - is a move right also if no word of other users' processes is believed? O(1) */
bool coord_trust_allows(struct coord *c, const struct dam_policy_move *m);
/** coord_trust_moved() - it has been carried out: the next one of the plan comes after it. */
void coord_trust_moved(struct coord *c, const struct dam_policy_move *m);

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
