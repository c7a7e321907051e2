/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* A question to a coordinator; nothing that comes back is trusted before it has been checked. */
#include "config.h"
#include "tools/common/control.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "shm/layout.h"
#include "tools/common/table.h"

#define MAX_FDS 4 /* more than any answer has, so that none is lost unclosed */

struct exchange {
	const char *path;
	uint64_t deadline_ns;
	int fd;
	char *error;
};

__attribute__((format(printf, 3, 4))) static int fail(struct exchange *x, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(x->error, DAM_CONTROL_ERROR, fmt, ap);
	va_end(ap);
	dam_text_clean(x->error);
	return err;
}

static int fail_errno(struct exchange *x, int err)
{
	if (err == ENOENT || err == ECONNREFUSED)
		return fail(x, -ENOENT, "no coordinator at %s: start dam-coord, or use dam-run", x->path);
	if (err == EACCES || err == EPERM)
		return fail(x, -EPERM, "the coordinator at %s belongs to another user", x->path);
	if (err == EAGAIN || err == ETIMEDOUT)
		return fail(x, -ETIMEDOUT, "the coordinator at %s does not answer", x->path);
	return fail(x, -err, "%s: %s", x->path, strerror(err));
}

static int remaining_ms(const struct exchange *x)
{
	uint64_t now = dam_now_ns();

	return now < x->deadline_ns ? (int)((x->deadline_ns - now) / DAM_NS_PER_MS) + 1 : 0;
}

static int connect_to(struct exchange *x)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int ms = remaining_ms(x);
	/* connect() waits while the queue of the listener is full; this bounds it, and sending too */
	struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (strlen(x->path) >= sizeof(addr.sun_path))
		return fail_errno(x, ENAMETOOLONG);
	memcpy(addr.sun_path, x->path, strlen(x->path));
	x->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (x->fd < 0)
		return fail_errno(x, errno);
	setsockopt(x->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (connect(x->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return fail_errno(x, errno);
	if (getsockopt(x->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return fail_errno(x, errno);
	if (peer.uid != 0 && peer.uid != geteuid())
		return fail_errno(x, EPERM);
	return 0;
}

static int send_request(struct exchange *x, const char *text)
{
	struct dam_hello hello = {
		.magic = DAM_HELLO_MAGIC,
		.version = DAM_SHM_VERSION,
		.kind = DAM_HELLO_CONTROL,
		.pid = (uint32_t)getpid(),
		.weight_throughput = NAN,
		.weight_latency = NAN,
	};
	struct iovec iov[] = {{&hello, sizeof(hello)}, {(void *)text, strlen(text)}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

	return sendmsg(x->fd, &msg, MSG_NOSIGNAL) < 0 ? fail_errno(x, errno) : 0;
}

/* Exactly one descriptor, or none: @out is then -1. More are closed and refused. */
static int take_fd(struct exchange *x, struct msghdr *msg, int *out)
{
	int fd[MAX_FDS], nr = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		nr = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fd, CMSG_DATA(c), (size_t)nr * sizeof(int));
	}
	*out = nr == 1 ? fd[0] : -1;
	if (nr <= 1)
		return 0;
	while (nr)
		close(fd[--nr]);
	return fail(x, -EPROTO, "the coordinator at %s sent too many descriptors", x->path);
}

static int check_welcome(struct exchange *x, const struct dam_welcome *w, ssize_t size)
{
	if (size == 0)
		return fail(x, -EPROTO, "the coordinator at %s hung up without an answer", x->path);
	if ((size_t)size < sizeof(*w) || w->magic != DAM_HELLO_MAGIC)
		return fail(x, -EPROTO, "what listens at %s is not a coordinator of DAM", x->path);
	if (w->status == DAM_WELCOME_VERSION || w->version != DAM_SHM_VERSION)
		return fail(x, -EPROTO, "the coordinator at %s is of another version of DAM: restart it",
			    x->path);
	if (w->status == DAM_WELCOME_REFUSED)
		return fail(x, -EPERM, "the coordinator at %s refuses to answer this user", x->path);
	if (w->status == DAM_WELCOME_BUSY)
		return fail(x, -EAGAIN, "the coordinator at %s is out of memory or descriptors", x->path);
	return 0;
}

/* The memfd that holds the answer: @out, owned by the caller. */
static int receive(struct exchange *x, int *out)
{
	struct dam_welcome w = {0};
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(MAX_FDS * sizeof(int))];
	} control;
	struct iovec iov = {&w, sizeof(w)};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct pollfd p = {.fd = x->fd, .events = POLLIN};
	ssize_t n;
	int r, err;

	do {
		r = poll(&p, 1, remaining_ms(x));
	} while (r < 0 && errno == EINTR);
	if (r <= 0)
		return fail_errno(x, r ? errno : ETIMEDOUT);
	n = recvmsg(x->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == ECONNRESET ? check_welcome(x, &w, 0) : fail_errno(x, errno);
	err = take_fd(x, &msg, out);
	if (!err)
		err = check_welcome(x, &w, n);
	if (!err && *out < 0)
		err = fail(x, -EPROTO, "the coordinator at %s sent no answer", x->path);
	if (err && *out >= 0)
		close(*out);
	return err;
}

/* Copy the file out by pread(): a mapping could be cut under us. Only a plain file: reading must not wait. */
static int read_answer(struct exchange *x, int fd, char **out, size_t *size)
{
	struct stat st;
	size_t at = 0;
	ssize_t n = 1;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > DAM_CONTROL_MAX_BYTES)
		return fail(x, -EPROTO, "the coordinator at %s sent an answer that cannot be read",
			    x->path);
	*out = malloc((size_t)st.st_size + 1);
	if (!*out)
		return fail_errno(x, ENOMEM);
	while (at < (size_t)st.st_size && n > 0) {
		n = pread(fd, *out + at, (size_t)st.st_size - at, (off_t)at);
		at += n > 0 ? (size_t)n : 0;
	}
	*size = at;
	return 0;
}

static int parse_answer(struct exchange *x, const char *text, size_t size, json_t **out)
{
	json_error_t where;
	json_t *answer = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
	const char *said;

	if (!json_is_object(answer)) {
		json_decref(answer);
		return fail(x, -EPROTO, "the coordinator at %s sent an answer that is not JSON: %s",
			    x->path, answer ? "not an object" : where.text);
	}
	said = json_string_value(json_object_get(answer, "error"));
	if (said) {
		fail(x, -EREMOTEIO, "the coordinator says: %s", said);
		json_decref(answer);
		return -EREMOTEIO;
	}
	*out = answer;
	return 0;
}

static int fetch_answer(struct exchange *x, json_t **out)
{
	char *text = NULL;
	size_t size = 0;
	int fd = -1, err = receive(x, &fd);

	if (err)
		return err;
	err = read_answer(x, fd, &text, &size);
	if (!err)
		err = parse_answer(x, text, size, out);
	free(text);
	close(fd);
	return err;
}

static int exchange(const char *socket_path, const char *text, int timeout_ms, char *error, json_t **out)
{
	struct exchange x = {
		.path = socket_path,
		.deadline_ns = dam_now_ns() + (uint64_t)timeout_ms * DAM_NS_PER_MS,
		.fd = -1,
		.error = error,
	};
	int err = connect_to(&x);

	if (!err)
		err = send_request(&x, text);
	if (!err)
		err = fetch_answer(&x, out);
	if (x.fd >= 0)
		close(x.fd);
	return err;
}

int dam_control_ask(const char *socket_path, const char *command, uint32_t run_id, int timeout_ms,
		    char error[DAM_CONTROL_ERROR], json_t **out)
{
	char text[128];

	snprintf(text, sizeof(text), "{\"cmd\":\"%.32s\",\"run_id\":%u}", command, run_id);
	return exchange(socket_path, text, timeout_ms, error, out);
}

int dam_control_ask_of(const char *socket_path, const char *command, uint64_t id, int timeout_ms,
		       char error[DAM_CONTROL_ERROR], json_t **out)
{
	char text[128];

	snprintf(text, sizeof(text), "{\"cmd\":\"%.32s\",\"id\":%llu}", command, (unsigned long long)id);
	return exchange(socket_path, text, timeout_ms, error, out);
}

pid_t dam_control_pid(const char *socket_path)
{
	char error[DAM_CONTROL_ERROR];
	struct exchange x = {
		.path = socket_path,
		.deadline_ns = dam_now_ns() + DAM_CONTROL_TIMEOUT_MS * DAM_NS_PER_MS,
		.fd = -1,
		.error = error,
	};
	struct ucred peer = {.pid = 0};
	socklen_t len = sizeof(peer);

	if (!connect_to(&x))
		getsockopt(x.fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);
	if (x.fd >= 0)
		close(x.fd);
	return peer.pid;
}

int dam_control_watch(const char *socket_path, pid_t pid, uint32_t run_id, int timeout_ms)
{
	char text[128], error[DAM_CONTROL_ERROR];
	json_t *answer;
	int err;

	snprintf(text, sizeof(text), "{\"cmd\":\"watch\",\"run_id\":%u,\"pid\":%d}", run_id, (int)pid);
	err = exchange(socket_path, text, timeout_ms, error, &answer);
	if (!err)
		json_decref(answer);
	return err;
}
