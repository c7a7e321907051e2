/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Who is with us: processes that attached or are observed, until they end. */
#include "config.h"
#include "tools/coord/births.h"
#include "tools/coord/observe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"

#define MAX_PROCESSES 4096

struct coord_process *coord_client_find(struct coord *c, pid_t pid)
{
	for (struct coord_process *p = c->processes; p; p = p->next)
		if (p->pid == pid)
			return p;
	return NULL;
}

void coord_coverage_note(struct coord_process *p, const uint64_t io[2])
{
	p->coverage.kernel_bytes = dam_count_delta(io[0] + io[1], p->coverage.kernel_base);
}

void coord_coverage_read(struct coord_process *p)
{
	uint64_t io[2];

	if (!(p->watch ? coord_proc_io_kept(p->pid, &p->watch->io_fd, io) : coord_proc_io(p->pid, 0, io)))
		coord_coverage_note(p, io);
}

static void keep_coverage(struct coord *c, struct coord_process *p)
{
	struct coord_past *past = &c->past[c->nr_past++ % COORD_MAX_PAST];

	*past = (struct coord_past){.pid = p->pid, .run_id = p->run_id, .coverage = p->coverage,
				     .memory = p->memory, .gpu = p->gpu};
	memcpy(past->comm, p->comm, sizeof(past->comm));
}

void coord_drop(struct coord *c, struct coord_process *p)
{
	double dt = (double)(dam_now_ns() - c->last_tick_ns) / DAM_NS_PER_S;

	coord_sample_process(c, p, dt > 1e-3 ? dt : 1e-3);
	coord_coverage_read(p);
	if (p->watch)
		coord_observe_end(c, p->watch);
	coord_births_end(c, p);
	for (unsigned int i = 0; i < p->nr_thread; i++)
		if (p->thread[i])
			coord_thread_end(c, p->thread[i]);
	while (p->nr_extra)
		coord_thread_end(c, p->extra[0]);
	keep_coverage(c, p);
	coord_sites_keep(c, p);
	if (p->prev)
		p->prev->next = p->next;
	else
		c->processes = p->next;
	if (p->next)
		p->next->prev = p->prev;
	c->nr_processes--;
	if (p->pidfd >= 0)
		close(p->pidfd);
	dam_ledger_destroy(p->ledger);
	coord_names_free(p);
	free(p->thread);
	free(p->extra);
	free(p);
}

/* A process has ended. */
static void on_pidfd(struct coord *c, struct coord_event *e)
{
	coord_drop(c, e->owner);
}

static float weight_or_nan(float w)
{
	return w >= 0 && w <= 1 ? w : (float)NAN;
}

/* What the process says of itself; a word that is none counts as nothing said. */
static enum dam_policy_class class_of(const struct dam_hello *h)
{
	char name[sizeof(h->class)];
	int class;

	memcpy(name, h->class, sizeof(name));
	name[sizeof(name) - 1] = '\0';
	class = dam_policy_class_find(name);
	return class < 0 ? DAM_CLASS_NORMAL : (enum dam_policy_class)class;
}

/* Without a ledger as yet. */
static struct coord_process *new_process(struct coord *c, pid_t pid, uint32_t run_id)
{
	struct coord_process *p = calloc(1, sizeof(*p));
	uint64_t io[2];
	pid_t ppid;

	if (!p)
		return NULL;
	p->pid = pid;
	p->elsewhere = coord_proc_elsewhere(pid);
	p->run_id = run_id;
	p->weight_throughput = p->weight_latency = (float)NAN;
	p->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	p->event = (struct coord_event){on_pidfd, p};
	if (p->pidfd < 0 || p->pidfd >= c->max_fd || coord_proc_stat(pid, &ppid, &p->start) || coord_proc_comm(pid, pid, p->comm) ||
	    coord_proc_euid(pid, &p->uid) || coord_event_add(c, p->pidfd, &p->event)) {
		if (p->pidfd >= 0)
			close(p->pidfd);
		free(p);
		return NULL;
	}
	p->excluded = coord_listed(c, p);
	if (p->start < c->start_ticks && !coord_proc_io(pid, 0, io))
		p->coverage.kernel_base = io[0] + io[1];
	p->next = c->processes;
	if (p->next)
		p->next->prev = p;
	c->processes = p;
	c->nr_processes++;
	return p;
}

struct coord_process *coord_client_get(struct coord *c, struct coord_watch *w)
{
	struct coord_process *p = coord_client_find(c, w->pid);

	if (!p && c->nr_processes < MAX_PROCESSES)
		p = new_process(c, w->pid, w->run_id);
	if (p) {
		p->watch = w;
		w->proc = p;
	}
	return p;
}

void coord_client_watch(struct coord *c, pid_t asker, pid_t pid, uint32_t run_id)
{
	struct coord_process *p;

	pid = coord_proc_child(asker, pid);
	if (pid < 0)
		return;
	p = coord_client_find(c, pid);
	if (coord_proc_ended(pid)) {
		if (p)
			coord_drop(c, p);
		return;
	}
	coord_watch_add(c, pid, run_id, 0);
	c->busy = true;
}

int coord_client_attach(struct coord *c, pid_t pid, const struct dam_hello *h, struct coord_process **out)
{
	struct coord_process *p = coord_client_find(c, pid);
	int fd;

	/* A second attach of a pid: exec, or a process that thought us dead. Its old ledger is closed. */
	if (p && p->ledger) {
		coord_drop(c, p);
		p = NULL;
	}
	if (!p && c->nr_processes < MAX_PROCESSES)
		p = new_process(c, pid, h->run_id);
	if (!p || dam_ledger_create((uint32_t)pid, &fd, &p->ledger))
		return -1;
	p->run_id = h->run_id ? h->run_id : p->run_id;
	p->weight_throughput = weight_or_nan(h->weight_throughput);
	p->weight_latency = weight_or_nan(h->weight_latency);
	p->class = class_of(h);
	p->attached_ns = dam_now_ns();
	coord_proc_comm(p->pid, p->pid, p->comm); /* it may have come by exec */
	p->excluded |= coord_listed(c, p);
	p->watch = coord_watch_add(c, p->pid, p->run_id, 0);
	if (p->watch)
		p->watch->proc = p;
	*out = p;
	return fd;
}

void coord_clients_close(struct coord *c)
{
	while (c->processes)
		coord_drop(c, c->processes);
}
