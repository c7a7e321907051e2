/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What is said over the socket: announcements, attachments, questions. Nobody is waited for. */
#include "config.h"
#include "tools/coord/observe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define ACCEPT_BATCH 256
#define MAX_REQUEST  4096
#define SERVE_SHARE  0.25 /* of the time, for all that comes by the socket */
#define ANNOUNCED_NS (200 * DAM_NS_PER_MS) /* what lives longer than this is watched for rings */

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

/*
 * Is the process of that number still the one that connected? A child may hold the connection of one that has ended
 * until its number is somebody else's, whose threads it would then speak for.
 */
static bool is_itself(const struct ucred *peer)
{
	uid_t euid;

	return !coord_proc_euid(peer->pid, &euid) && euid == peer->uid;
}

static void attach(struct coord *c, int sock, const struct ucred *peer, const struct dam_hello *h)
{
	struct coord_process *p;
	int fds[2] = {is_itself(peer) ? coord_client_attach(c, peer->pid, h, &p) : -1, c->board.fd};

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
static bool hear(struct coord *c, int sock)
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

/* The same, and the time that it took: connecting costs a program less than it costs us. */
static bool serve(struct coord *c, int sock)
{
	uint64_t begin = dam_now_ns();
	bool done = hear(c, sock);

	c->served_ns += dam_now_ns() - begin;
	return done;
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
	c->served_ns = 0;
	if (c->deaf)
		c->deaf = coord_event_add(c, c->listen_fd, &c->on_listen);
}

/* Of each tick: whoever comes then waits in the kernel's queue until the next. */
static uint64_t serve_most_ns(const struct coord *c)
{
	return (uint64_t)(dam_knob_num(&c->knobs, DAM_KNOB_TICK) * DAM_NS_PER_MS * SERVE_SHARE);
}

void coord_accept(struct coord *c)
{
	for (int i = 0; i < ACCEPT_BATCH; i++) {
		int fd;

		if (c->served_ns > serve_most_ns(c)) {
			go_deaf(c);
			c->busy = true; /* the next tick is not far */
			c->put_off++;
			return;
		}
		fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

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
