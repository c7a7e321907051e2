/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Who is with us: announcements, attached processes, questions; all over one socket, nobody is waited for. */
#include "config.h"
#include "tools/coord/births.h"
#include "tools/coord/observe.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define ACCEPT_BATCH  256
#define MAX_REQUEST   4096
#define MAX_PROCESSES 4096
#define ANNOUNCED_NS  (200 * DAM_NS_PER_MS) /* what lives longer than this is watched for rings */

/* A connection that has not said yet what it wants. */
struct coord_conn {
	struct coord_event event;
	int fd;
	struct coord_conn *older, *newer;
};

/* Answer with @status and, when it is OK, @nr descriptors. The peer's queue is empty: this cannot block. */
static int send_welcome(int sock, enum dam_welcome_status status, const int *fds, unsigned int nr)
{
	struct dam_welcome w = {DAM_HELLO_MAGIC, DAM_SHM_VERSION, status};
	union {
		char buf[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} ctl = {0};
	struct iovec iov = {&w, sizeof(w)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (nr) {
		struct cmsghdr *h;

		msg.msg_control = ctl.buf;
		msg.msg_controllen = CMSG_SPACE(nr * sizeof(int));
		h = CMSG_FIRSTHDR(&msg);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(nr * sizeof(int));
		memcpy(CMSG_DATA(h), fds, nr * sizeof(int));
	}
	return sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

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
static struct coord_process *new_process(struct coord *c, pid_t pid, uid_t uid, uint32_t run_id)
{
	struct coord_process *p = calloc(1, sizeof(*p));
	uint64_t io[2];
	pid_t ppid;

	if (!p)
		return NULL;
	p->pid = pid;
	p->elsewhere = coord_proc_elsewhere(pid);
	p->uid = uid;
	p->run_id = run_id;
	p->weight_throughput = p->weight_latency = (float)NAN;
	p->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	p->event = (struct coord_event){on_pidfd, p};
	if (p->pidfd < 0 || p->pidfd >= c->max_fd || coord_proc_stat(pid, &ppid, &p->start) || coord_proc_comm(pid, pid, p->comm) ||
	    coord_event_add(c, p->pidfd, &p->event)) {
		if (p->pidfd >= 0)
			close(p->pidfd);
		free(p);
		return NULL;
	}
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
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d", (int)w->pid);
	if (!p && c->nr_processes < MAX_PROCESSES && !stat(path, &st))
		p = new_process(c, w->pid, st.st_uid, w->run_id);
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

/* The process is there, newly or because it was observed: give it a ledger. Return: its descriptor; -1. */
static int give_ledger(struct coord *c, const struct ucred *peer, const struct dam_hello *h,
		       struct coord_process **out)
{
	struct coord_process *p = coord_client_find(c, peer->pid);
	int fd;

	/* A second attach of a pid: exec, or a process that thought us dead. Its old ledger is closed. */
	if (p && p->ledger) {
		coord_drop(c, p);
		p = NULL;
	}
	if (!p && c->nr_processes < MAX_PROCESSES)
		p = new_process(c, peer->pid, peer->uid, h->run_id);
	if (!p || dam_ledger_create((uint32_t)peer->pid, &fd, &p->ledger))
		return -1;
	p->run_id = h->run_id ? h->run_id : p->run_id;
	p->weight_throughput = weight_or_nan(h->weight_throughput);
	p->weight_latency = weight_or_nan(h->weight_latency);
	p->class = class_of(h);
	p->attached_ns = dam_now_ns();
	coord_proc_comm(p->pid, p->pid, p->comm); /* it may have come by exec */
	p->watch = coord_watch_add(c, p->pid, p->run_id, 0);
	if (p->watch)
		p->watch->proc = p;
	*out = p;
	return fd;
}

static void attach(struct coord *c, int sock, const struct ucred *peer, const struct dam_hello *h)
{
	struct coord_process *p;
	int fds[2] = {give_ledger(c, peer, h, &p), c->board.fd};

	if (fds[0] < 0) {
		send_welcome(sock, DAM_WELCOME_BUSY, NULL, 0);
		return;
	}
	if (send_welcome(sock, DAM_WELCOME_OK, fds, 2))
		coord_drop(c, p);
	close(fds[0]);
	c->busy = true;
}

/* In an answer to whoever is outside our pid namespace would be numbers that mean others there. */
static json_t *report_for(struct coord *c, pid_t asker, const char *request, size_t len)
{
	return asker > 0 ? coord_report(c, asker, request, len)
			 : json_pack("{s:s}", "error",
				     "it runs in a pid namespace that you are not in: ask it from there");
}

/* The answer goes as a memfd, so that its size is nobody's problem. */
static void answer(struct coord *c, int sock, pid_t asker, const char *request, size_t len)
{
	json_t *j = report_for(c, asker, request, len);
	char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	size_t at = 0, size = text ? strlen(text) : 0;
	int fd = memfd_create("dam-answer", MFD_CLOEXEC);

	json_decref(j);
	while (fd >= 0 && at < size) {
		ssize_t n = write(fd, text + at, size - at);

		if (n < 0) {
			close(fd);
			fd = -1;
		} else {
			at += (size_t)n;
		}
	}
	if (fd >= 0 && text)
		send_welcome(sock, DAM_WELCOME_OK, &fd, 1);
	else
		send_welcome(sock, DAM_WELCOME_BUSY, NULL, 0);
	if (fd >= 0)
		close(fd);
	free(text);
}

/* Root's coordinator serves all; a user's, that user and root. Questions too: nobody sees another's threads. */
static bool may_talk(const struct ucred *peer, uint32_t kind)
{
	if (peer->uid == getuid())
		return true;
	return kind == DAM_HELLO_CONTROL ? peer->uid == 0 : getuid() == 0;
}

/* A program begins, in a new process or in one that is known. */
static void announced(struct coord *c, pid_t pid)
{
	struct coord_watch *w = coord_watch_find(c, pid);

	coord_mask_newcomer(c, pid, !w || w->newcomer);
	w = coord_watch_add(c, pid, 0, ANNOUNCED_NS);
	if (w)
		w->newcomer = false;
}

/* Whoever lives outside our pid namespace has no number here: its threads cannot be told from others. */
static enum dam_welcome_status refuse_unseen(struct coord *c)
{
	if (!c->unseen++)
		dam_warn("programs outside the pid namespace that this coordinator runs in cannot be served: "
			 "they need one that runs in theirs, or in one above");
	return DAM_WELCOME_REFUSED;
}

/* One packet, or the end of the connection, which makes it an announcement. Return: false: nothing yet. */
static bool serve(struct coord *c, int sock)
{
	struct {
		struct dam_hello h;
		char request[MAX_REQUEST];
	} in;
	struct ucred peer;
	socklen_t len = sizeof(peer);
	ssize_t n = recv(sock, &in, sizeof(in), MSG_DONTWAIT);

	if (n < 0)
		return errno != EAGAIN;
	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return true;
	if (n == 0) {
		if (peer.pid > 0 && may_talk(&peer, DAM_HELLO_ATTACH))
			announced(c, peer.pid);
		return true;
	}
	if ((size_t)n < sizeof(in.h) || in.h.magic != DAM_HELLO_MAGIC)
		return true;
	if (in.h.version != DAM_SHM_VERSION)
		send_welcome(sock, DAM_WELCOME_VERSION, NULL, 0);
	else if (!may_talk(&peer, in.h.kind))
		send_welcome(sock, DAM_WELCOME_REFUSED, NULL, 0);
	else if (in.h.kind == DAM_HELLO_CONTROL)
		answer(c, sock, peer.pid, in.request, (size_t)n - sizeof(in.h));
	else if (in.h.kind == DAM_HELLO_ATTACH && peer.pid <= 0)
		send_welcome(sock, refuse_unseen(c), NULL, 0);
	else if (in.h.kind == DAM_HELLO_ATTACH)
		attach(c, sock, &peer, &in.h);
	return true;
}

static void drop_conn(struct coord *c, struct coord_conn *conn)
{
	*(conn->older ? &conn->older->newer : &c->oldest_conn) = conn->newer;
	*(conn->newer ? &conn->newer->older : &c->newest_conn) = conn->older;
	close(conn->fd);
	free(conn);
	c->nr_waiting--;
}

static void on_conn(struct coord *c, struct coord_event *e)
{
	struct coord_conn *conn = e->owner;

	if (serve(c, conn->fd))
		drop_conn(c, conn);
}

/* Connected, and not a word yet: wait for it beside everything else. Whoever says nothing makes room for who comes. */
static void wait_for_word(struct coord *c, int fd)
{
	struct coord_conn *conn;

	if (c->nr_waiting && c->nr_waiting >= c->max_waiting)
		drop_conn(c, c->oldest_conn);
	conn = malloc(sizeof(*conn));
	if (!conn) {
		close(fd);
		return;
	}
	*conn = (struct coord_conn){{on_conn, conn}, fd, c->newest_conn, NULL};
	*(conn->older ? &conn->older->newer : &c->oldest_conn) = conn;
	c->newest_conn = conn;
	c->nr_waiting++;
	if (coord_event_add(c, fd, &conn->event))
		drop_conn(c, conn);
}

/* Who cannot be accepted now would wake us again and again in vain. */
static void go_deaf(struct coord *c)
{
	c->deaf = !epoll_ctl(c->epoll_fd, EPOLL_CTL_DEL, c->listen_fd, NULL);
}

void coord_hear(struct coord *c)
{
	if (c->deaf)
		c->deaf = coord_event_add(c, c->listen_fd, &c->on_listen);
}

void coord_accept(struct coord *c)
{
	for (int i = 0; i < ACCEPT_BATCH; i++) {
		int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0) {
			if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
				go_deaf(c);
			return;
		}
		if (serve(c, fd))
			close(fd);
		else
			wait_for_word(c, fd);
	}
}

void coord_clients_close(struct coord *c)
{
	while (c->processes)
		coord_drop(c, c->processes);
}
