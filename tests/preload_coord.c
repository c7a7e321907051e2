/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* A coordinator for tests. */
#include "config.h"
#include "tests/preload_coord.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/scratch.h"

#define NEED(x)                                                                                    \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			perror(#x);                                                                \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

void coord_dir(struct coord *c)
{
	memset(c, 0, sizeof(*c));
	c->listener = -1;
	scratch_dir(c->dir, sizeof(c->dir));
}

static void socket_path(const struct coord *c, struct sockaddr_un *a)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	snprintf(a->sun_path, sizeof(a->sun_path), "%s/%s", c->dir, DAM_SOCKET_NAME);
}

void coord_remove_dir(struct coord *c)
{
	scratch_remove(c->dir);
}

static void each_ledger(void *ctx, void (*fn)(const struct dam_ledger *l, void *arg), void *arg)
{
	struct coord *c = ctx;

	for (unsigned int i = 0; i < c->nr; i++)
		fn(c->client[i].ledger, arg);
}

static void publish(struct coord *c, const char *path)
{
	struct dam_board_target t = {.id = 7, .lba_bytes = 512, .name = "block:test"};
	struct dam_board_dev d = {.type = DAM_DEV_BLOCK};
	struct stat st;

	NEED(stat(path, &st) == 0);
	d.dev = st.st_dev;
	NEED(dam_board_publish(&c->board, &t, 1, &d, 1, each_ledger, c, dam_now_ns()) == 0);
}

void coord_start(struct coord *c, const char *path)
{
	struct sockaddr_un a;

	c->nr = 0;
	NEED(dam_board_create(&c->board) == 0);
	publish(c, path);
	dam_board_beat(&c->board, dam_now_ns());
	socket_path(c, &a);
	unlink(a.sun_path);
	c->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	NEED(c->listener >= 0);
	NEED(bind(c->listener, (struct sockaddr *)&a, sizeof(a)) == 0);
	NEED(chmod(c->dir, 0755) == 0 && chmod(a.sun_path, 0666) == 0); /* some become another user */
	NEED(listen(c->listener, 128) == 0);
}

void coord_stop(struct coord *c)
{
	close(c->listener);
	c->listener = -1;
	for (unsigned int i = 0; i < c->nr; i++)
		dam_ledger_destroy(c->client[i].ledger);
	c->nr = 0;
	dam_board_destroy(&c->board);
}

static void send_welcome(struct coord *c, int fd, int ledger_fd)
{
	struct dam_welcome w = {.magic = DAM_HELLO_MAGIC, .version = DAM_SHM_VERSION};
	int fds[2] = {ledger_fd, c->board.fd};
	union {
		struct cmsghdr h;
		char buf[CMSG_SPACE(sizeof(fds))];
	} control = {0};
	struct iovec iov = {&w, sizeof(w)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			   .msg_controllen = sizeof(control)};

	control.h.cmsg_level = SOL_SOCKET;
	control.h.cmsg_type = SCM_RIGHTS;
	control.h.cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(&control.h), fds, sizeof(fds));
	sendmsg(fd, &m, MSG_NOSIGNAL);
}

static void serve(struct coord *c, int fd)
{
	struct coord_client *cl = &c->client[c->nr];
	struct ucred peer;
	socklen_t len = sizeof(peer);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int ledger_fd;

	poll(&p, 1, 1000);
	if (recv(fd, &cl->hello, sizeof(cl->hello), 0) != sizeof(cl->hello)) {
		c->announced++;
		return;
	}
	NEED(c->nr < COORD_CLIENTS);
	NEED(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0);
	cl->pid = peer.pid;
	NEED(dam_ledger_create((uint32_t)peer.pid, &ledger_fd, &cl->ledger) == 0);
	poll(NULL, 0, c->delay_ms);
	send_welcome(c, fd, ledger_fd);
	close(ledger_fd);
	c->nr++;
}

void coord_step(struct coord *c, int ms)
{
	struct pollfd p = {.fd = c->listener, .events = POLLIN};
	int fd;

	if (c->listener < 0) {
		poll(NULL, 0, ms);
		return;
	}
	poll(&p, 1, ms);
	while ((fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		serve(c, fd);
		close(fd);
	}
	dam_board_beat(&c->board, dam_now_ns());
}

pid_t coord_spawn(const struct coord *c, char *const argv[], int out_fd)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	setenv("DAM_RUNTIME_DIR", c->dir, 1);
	setenv("DAM_RUN_ID", "1", 1); /* as under dam-run: on a busy machine the answer may take its time */
	setenv("LD_PRELOAD", DAM_BUILDDIR "/.libs/libdam_preload.so", 1);
	if (out_fd >= 0)
		dup2(out_fd, 1);
	execvp(argv[0], argv);
	_exit(127);
}

int coord_reap(struct coord *c, pid_t pid)
{
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0)
		coord_step(c, 2);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int coord_run(struct coord *c, char *const argv[])
{
	return coord_reap(c, coord_spawn(c, argv, -1));
}

unsigned int coord_index(const struct coord *c, unsigned int i, uint32_t id)
{
	for (unsigned int t = DAM_LOCAL_FIRST; t < DAM_LEDGER_TARGETS; t++)
		if (c->client[i].ledger->target_id[t] == id)
			return t;
	return DAM_LOCAL_OTHER;
}

struct dam_count coord_sum(const struct coord *c, unsigned int i, uint32_t id)
{
	const struct dam_ledger *l = c->client[i].ledger;
	unsigned int t = id < DAM_LOCAL_FIRST ? id : coord_index(c, i, id);
	struct dam_count sum = {0};

	for (unsigned int s = 0; s < dam_ledger_nr_slots(l); s++) {
		sum.read_bytes += l->slot[s].count[t].read_bytes;
		sum.write_bytes += l->slot[s].count[t].write_bytes;
		sum.read_ops += l->slot[s].count[t].read_ops;
		sum.write_ops += l->slot[s].count[t].write_ops;
	}
	return sum;
}
