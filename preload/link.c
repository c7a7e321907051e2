/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The line to the coordinator. */
#include "config.h"
#include "preload/link.h"

#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/str.h"
#include "base/yama.h"
#include "preload/filter.h"
#include "preload/slow.h"
#include "shm/layout.h"

#define MAX_PATHS 2
/*
 * Out of the way of programs that count their descriptors, but among the 64 that every process has room for from
 * birth: for a higher one the kernel enlarges the table, and in a program with threads that waits for an RCU grace
 * period, tens of milliseconds.
 */
#define HIGH_FD	   48
#define SETTLE_MS  20
#define UNMAPPED_UID 65534 /* what the kernel tells of users that have no number in a user namespace */

static struct sockaddr_un addr[MAX_PATHS];
static unsigned int nr_paths;
static struct dam_hello hello = {
	.magic = DAM_HELLO_MAGIC, .version = DAM_SHM_VERSION, .kind = DAM_HELLO_ATTACH};
/* The user set DAM up for this very process, so a filter that came with its container is no reason to stay out. */
static bool invited;
static bool announced;
static bool seen; /* announced, or found there later */
/* The coordinator that yama asked to be let in, and by which process that was done: a child has to do it anew. */
static struct {
	pid_t coordinator, by;
} admitted;

/* The open line. A program may close any descriptor and get the number again: the inode tells whose it is. */
static int line_fd = -1;
static ino_t line_ino;

static void add_path(const char *dir, const char *below)
{
	struct sockaddr_un *a = &addr[nr_paths];
	size_t n;

	a->sun_family = AF_UNIX;
	n = dam_strlcpy(a->sun_path, dir, sizeof(a->sun_path));
	if (n < sizeof(a->sun_path))
		n += dam_strlcpy(a->sun_path + n, below, sizeof(a->sun_path) - n);
	if (n < sizeof(a->sun_path) && a->sun_path[0] == '/')
		nr_paths++;
}

/* An empty variable is as good as none, here as in the tools. */
static const char *get(const char *name)
{
	const char *text = getenv(name);

	return text && *text ? text : NULL;
}

static float read_weight(const char *name)
{
	const char *text = get(name);
	double v;

	return text && !dam_parse_double(text, &v) && v >= 0 && v <= 1 ? (float)v : NAN;
}

void dam_link_init(void)
{
	const char *dir = get("DAM_RUNTIME_DIR"), *xdg = get("XDG_RUNTIME_DIR");
	const char *run = get("DAM_RUN_ID"), *class = get("DAM_CLASS");
	uint64_t id;

	invited = dir || run;
	if (dir) {
		add_path(dir, "/" DAM_SOCKET_NAME);
	} else {
		if (getauxval(AT_EUID) != 0 && xdg)
			add_path(xdg, "/dam/" DAM_SOCKET_NAME);
		add_path("/run/dam", "/" DAM_SOCKET_NAME);
	}
	if (run && !dam_parse_u64(run, &id) && id <= UINT32_MAX)
		hello.run_id = (uint32_t)id;
	hello.weight_throughput = read_weight("DMA_WEIGHT_THROUGHPUT");
	hello.weight_latency = read_weight("DMA_WEIGHT_LATENCY");
	if (class)
		dam_strlcpy(hello.class, class, sizeof(hello.class));
}

bool dam_link_may_call(void)
{
	static int filter = -EAGAIN;

	if (filter && filter != -EPERM) {
		filter = dam_filter_ask(invited);
		if (filter == -EPERM)
			__atomic_fetch_add(&dam_sealed, 1, __ATOMIC_RELEASE);
	}
	return !filter;
}

/* open() on a socket fails with ENXIO, on nothing with ENOENT: so one harmless call tells whether it is there. */
static bool socket_there(const struct sockaddr_un *a)
{
	long fd = dam_sys6(SYS_openat, AT_FDCWD, (long)a->sun_path,
			   O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0, 0, 0);

	if (fd >= 0)
		dam_sys3(SYS_close, fd, 0, 0);
	return fd == -ENXIO;
}

static int connect_to(const struct sockaddr_un *a)
{
	long fd, err;

	if (!socket_there(a))
		return -ENOENT;
	fd = dam_sys3(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return (int)fd;
	err = dam_sys3(SYS_connect, fd, (long)a, sizeof(*a));
	if (err) {
		dam_sys3(SYS_close, fd, 0, 0);
		return (int)err;
	}
	return (int)fd;
}

/* Return: a descriptor; -errno of the last path; -ENOENT: there is none. */
static int connect_any(void)
{
	int fd = -ENOENT;

	for (unsigned int i = 0; i < nr_paths && fd < 0; i++)
		fd = connect_to(&addr[i]);
	return fd;
}

bool dam_link_there(void)
{
	for (unsigned int i = 0; i < nr_paths; i++)
		if (socket_there(&addr[i]))
			return dam_link_may_call();
	return false;
}

/* Once: a second time would take the place of what the program has set itself meanwhile. */
static void admit(pid_t coordinator)
{
	pid_t self = (pid_t)dam_sys3(SYS_getpid, 0, 0, 0);

	if ((admitted.coordinator != coordinator || admitted.by != self) && dam_yama_admit(coordinator)) {
		admitted.coordinator = coordinator;
		admitted.by = self;
	}
}

/* Are there users who have no number here? */
static bool in_user_namespace(void)
{
	char map[64] = "";
	long fd = dam_sys6(SYS_openat, AT_FDCWD, (long)"/proc/self/uid_map", O_RDONLY | O_CLOEXEC, 0, 0, 0);

	if (fd < 0)
		return false;
	dam_sys3(SYS_read, fd, (long)map, sizeof(map) - 1);
	dam_sys3(SYS_close, fd, 0, 0);
	return *map && !strstr(map, " 4294967295");
}

/*
 * Only root's coordinator, or one of our own user's. In a user namespace root itself may be without a number: then the
 * one whose directory the user has named. Yama asks a program to let one of its own user look into it, which root of a
 * user namespace may be, too.
 */
static bool trusted(int fd)
{
	const uid_t self = (uid_t)dam_sys3(SYS_geteuid, 0, 0, 0);
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (dam_sys6(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, (long)&peer, (long)&len, 0))
		return false;
	if (peer.uid == self && peer.pid > 0 && (self || in_user_namespace()))
		admit(peer.pid);
	return !peer.uid || peer.uid == self || (peer.uid == UNMAPPED_UID && invited && in_user_namespace());
}

void dam_link_child(void)
{
	uint64_t mask;

	if (!admitted.coordinator || !dam_slow_enter(&mask))
		return;
	admit(admitted.coordinator);
	dam_slow_leave(&mask);
}

void dam_link_announce(void)
{
	int fd = dam_link_there() ? connect_any() : -ENOENT;

	if (fd < 0)
		return;
	trusted(fd);
	dam_sys3(SYS_close, fd, 0, 0);
	announced = seen = true;
}

bool dam_link_seen(uint64_t now_ns)
{
	static uint64_t next_ns;
	bool there;

	if (__atomic_load_n(&seen, __ATOMIC_RELAXED))
		return true;
	if (now_ns < __atomic_load_n(&next_ns, __ATOMIC_RELAXED))
		return false;
	__atomic_store_n(&next_ns, now_ns + DAM_NS_PER_S, __ATOMIC_RELAXED);
	if (!dam_slow_hold())
		return false;
	there = dam_link_there();
	dam_slow_end();
	if (there)
		__atomic_store_n(&seen, true, __ATOMIC_RELAXED);
	return there;
}

bool dam_link_announced(void)
{
	return announced;
}

static void wait_on(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct timespec ts = {.tv_nsec = ms * 1000000l};

	dam_sys6(SYS_ppoll, (long)&p, 1, (long)&ts, 0, 0, 0);
}

/* A second announcement, held until it is dealt with: that comes after the first one. */
void dam_link_settle(void)
{
	int fd = connect_any();

	if (fd < 0)
		return;
	dam_sys3(SYS_shutdown, fd, SHUT_WR, 0);
	wait_on(fd, SETTLE_MS);
	dam_sys3(SYS_close, fd, 0, 0);
}

static int keep_line(int fd)
{
	long high = dam_sys3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, HIGH_FD);
	struct stat st;

	dam_sys3(SYS_close, fd, 0, 0);
	if (high < 0)
		return (int)high; /* not with a low number: programs count on the lowest one being free */
	if (dam_sys3(SYS_fstat, high, (long)&st, 0)) {
		dam_sys3(SYS_close, high, 0, 0);
		return -EBADF;
	}
	line_fd = (int)high;
	line_ino = st.st_ino;
	return 0;
}

int dam_link_ask(void)
{
	int fd = connect_any();

	if (fd < 0)
		return fd;
	hello.pid = (uint32_t)dam_sys3(SYS_getpid, 0, 0, 0);
	if (!trusted(fd) || dam_sys6(SYS_sendto, fd, (long)&hello, sizeof(hello),
				     MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0) != sizeof(hello)) {
		dam_sys3(SYS_close, fd, 0, 0);
		return -EPERM;
	}
	return keep_line(fd);
}

static bool line_is_ours(void)
{
	struct stat st;

	return line_fd >= 0 && !dam_sys3(SYS_fstat, line_fd, (long)&st, 0) &&
	       S_ISSOCK(st.st_mode) && st.st_ino == line_ino;
}

bool dam_link_within(unsigned int first, unsigned int last)
{
	int fd = __atomic_load_n(&line_fd, __ATOMIC_RELAXED);

	return DAM_UNLIKELY(fd >= 0) && (unsigned int)fd >= first && (unsigned int)fd <= last;
}

void dam_link_close(void)
{
	if (line_is_ours())
		dam_sys3(SYS_close, line_fd, 0, 0);
	line_fd = -1;
}

/* Takes the two descriptors out of a received message; others are closed. */
static int take_fds(struct msghdr *m, int fd[2])
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	size_t nr = 0;
	int got[4];

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
		nr = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		nr = nr > 4 ? 4 : nr;
		memcpy(got, CMSG_DATA(c), nr * sizeof(int));
	}
	if (nr == 2) {
		fd[0] = got[0];
		fd[1] = got[1];
		return 0;
	}
	while (nr)
		dam_sys3(SYS_close, got[--nr], 0, 0);
	return -EPROTO;
}

int dam_link_answer(int *ledger_fd, int *board_fd)
{
	struct dam_welcome w = {0};
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = &w, .iov_len = sizeof(w)};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	int fd[2] = {-1, -1}, err;
	long n;

	n = line_is_ours()
		    ? dam_sys3(SYS_recvmsg, line_fd, (long)&m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)
		    : -EBADF;
	if (n == -EAGAIN || n == -EINTR)
		return -EAGAIN;
	err = n < 0 ? (int)n : take_fds(&m, fd);
	dam_link_close();
	if (err)
		return err;
	if (n != sizeof(w) || w.magic != DAM_HELLO_MAGIC || w.version != DAM_SHM_VERSION ||
	    w.status != DAM_WELCOME_OK) {
		dam_sys3(SYS_close, fd[0], 0, 0);
		dam_sys3(SYS_close, fd[1], 0, 0);
		return -EPROTO;
	}
	*ledger_fd = fd[0];
	*board_fd = fd[1];
	return 0;
}

bool dam_link_measured(void)
{
	return hello.run_id != 0;
}

void dam_link_wait(int ms)
{
	if (line_is_ours())
		wait_on(line_fd, ms);
}
