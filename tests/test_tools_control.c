/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Asking a coordinator: one that answers, and all the ways in which one does not. */
#include "config.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "shm/layout.h"
#include "tests/suite.h"
#include "tools/common/control.h"

static char dir[64], path[96];

/* How the coordinator of a row behaves; nr_fds descriptors, each of a memfd that holds text, or of a pipe. */
struct fake {
	const char *why;
	const char *text;
	int err;
	const char *said; /* part of the line for people */
	unsigned int nr_fds;
	uint32_t status, version;
	uint64_t magic;
	size_t welcome_size;
	off_t file_size; /* 0: as long as text */
	bool pipe, silent, hang_up;
};

#define OK_WELCOME                                                                                       \
	.nr_fds = 1, .version = DAM_SHM_VERSION, .magic = DAM_HELLO_MAGIC,                               \
	.welcome_size = sizeof(struct dam_welcome)

static const struct fake fakes[] = {
	{.why = "an answer", .text = "{\"pid\": 7}", .err = 0, .said = "", OK_WELCOME},
	{.why = "an error for people", .text = "{\"error\": \"no such run\"}", .err = -EREMOTEIO,
	 .said = "no such run", OK_WELCOME},
	{.why = "what a terminal would obey is not printed", .text = "{\"error\": \"a\\u001b[31m\\nb\"}",
	 .err = -EREMOTEIO, .said = "a?[31m?b", OK_WELCOME},
	{.why = "not JSON", .text = "{\"pid\": ", .err = -EPROTO, .said = "not JSON", OK_WELCOME},
	{.why = "not an object", .text = "[1]", .err = -EPROTO, .said = "not an object", OK_WELCOME},
	{.why = "an empty file", .text = "", .err = -EPROTO, .said = "not JSON", OK_WELCOME},
	{.why = "not UTF-8", .text = "{\"a\": \"\xff\xfe\"}", .err = -EPROTO, .said = "not JSON", OK_WELCOME},
	{.why = "zeros behind the text", .text = "{}", .file_size = 4096, .err = -EPROTO,
	 .said = "not JSON", OK_WELCOME},
	{.why = "a file larger than any answer", .text = "{}", .file_size = 1ll << 40, .err = -EPROTO,
	 .said = "cannot be read", OK_WELCOME},
	{.why = "a pipe, on which reading would wait", .pipe = true, .err = -EPROTO,
	 .said = "cannot be read", OK_WELCOME},
	{.why = "no descriptor", .err = -EPROTO, .said = "no answer", .version = DAM_SHM_VERSION,
	 .magic = DAM_HELLO_MAGIC, .welcome_size = sizeof(struct dam_welcome)},
	{.why = "three descriptors", .text = "{}", .err = -EPROTO, .said = "too many", .nr_fds = 3,
	 .version = DAM_SHM_VERSION, .magic = DAM_HELLO_MAGIC, .welcome_size = sizeof(struct dam_welcome)},
	{.why = "more descriptors than there is room for", .text = "{}", .err = -EPROTO,
	 .said = "too many", .nr_fds = 16, .version = DAM_SHM_VERSION, .magic = DAM_HELLO_MAGIC,
	 .welcome_size = sizeof(struct dam_welcome)},
	{.why = "another protocol", .text = "{}", .err = -EPROTO, .said = "not a coordinator", .nr_fds = 1,
	 .version = DAM_SHM_VERSION, .magic = 1, .welcome_size = sizeof(struct dam_welcome)},
	{.why = "a packet that is too short", .text = "{}", .err = -EPROTO, .said = "not a coordinator",
	 .nr_fds = 1, .version = DAM_SHM_VERSION, .magic = DAM_HELLO_MAGIC, .welcome_size = 8},
	{.why = "a newer coordinator", .text = "{}", .err = -EPROTO, .said = "another version", .nr_fds = 1,
	 .version = DAM_SHM_VERSION + 1, .magic = DAM_HELLO_MAGIC,
	 .welcome_size = sizeof(struct dam_welcome)},
	{.why = "it finds us of another version", .err = -EPROTO, .said = "another version",
	 .status = DAM_WELCOME_VERSION, .version = DAM_SHM_VERSION, .magic = DAM_HELLO_MAGIC,
	 .welcome_size = sizeof(struct dam_welcome)},
	{.why = "it refuses", .err = -EPERM, .said = "refuses", .status = DAM_WELCOME_REFUSED,
	 .version = DAM_SHM_VERSION, .magic = DAM_HELLO_MAGIC, .welcome_size = sizeof(struct dam_welcome)},
	{.why = "it is out of memory", .err = -EAGAIN, .said = "out of memory", .status = DAM_WELCOME_BUSY,
	 .version = DAM_SHM_VERSION, .magic = DAM_HELLO_MAGIC, .welcome_size = sizeof(struct dam_welcome)},
	{.why = "it hangs", .silent = true, .err = -ETIMEDOUT, .said = "does not answer"},
	{.why = "it dies over the question", .hang_up = true, .err = -EPROTO, .said = "hung up"},
};

static int make_fd(const struct fake *f)
{
	int fd, p[2];

	if (f->pipe) {
		ck_assert_int_eq(pipe(p), 0);
		close(p[1]);
		return p[0];
	}
	fd = memfd_create("answer", MFD_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, f->text, strlen(f->text)), (ssize_t)strlen(f->text));
	if (f->file_size)
		ck_assert_int_eq(ftruncate(fd, f->file_size), 0);
	return fd;
}

static void answer(int conn, const struct fake *f)
{
	struct dam_welcome w = {.magic = f->magic, .version = f->version, .status = f->status};
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(16 * sizeof(int))];
	} control = {0};
	struct iovec iov = {&w, f->welcome_size};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	int fd[16];

	for (unsigned int i = 0; i < f->nr_fds; i++)
		fd[i] = make_fd(f);
	if (f->nr_fds) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(f->nr_fds * sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(f->nr_fds * sizeof(int));
		memcpy(CMSG_DATA(&control.head), fd, f->nr_fds * sizeof(int));
	}
	ck_assert_int_ge(sendmsg(conn, &msg, MSG_NOSIGNAL), 0);
	for (unsigned int i = 0; i < f->nr_fds; i++)
		close(fd[i]);
}

struct server {
	pthread_t thread;
	int listener;
	const struct fake *fake;
	char request[512];
	ssize_t request_size;
};

static void *serve(void *arg)
{
	struct server *s = arg;
	int conn = accept(s->listener, NULL, NULL);
	char byte;

	s->request_size = recv(conn, s->request, sizeof(s->request) - 1, 0);
	if (s->fake->silent)
		s->request_size += recv(conn, &byte, 1, 0); /* 0: the other side gave up */
	else if (!s->fake->hang_up)
		answer(conn, s->fake);
	close(conn);
	return NULL;
}

static int listen_at(const char *at)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	memcpy(addr.sun_path, at, strlen(at));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(fd, 4), 0);
	return fd;
}

static void setup(void)
{
	scratch_dir(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/" DAM_SOCKET_NAME, dir);
}

static void teardown(void)
{
	scratch_remove(dir);
}

static unsigned int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

START_TEST(test_answers)
{
	const struct fake *f = &fakes[_i];
	struct server s = {.fake = f, .listener = listen_at(path)};
	const struct dam_hello *hello = (const struct dam_hello *)s.request;
	char error[DAM_CONTROL_ERROR] = "";
	unsigned int fds = count_fds();
	json_t *out = NULL;
	int err;

	ck_assert_int_eq(pthread_create(&s.thread, NULL, serve, &s), 0);
	err = dam_control_ask(path, "threads", 42, f->silent ? 50 : 20000, error, &out);
	pthread_join(s.thread, NULL);
	ck_assert_msg(err == f->err, "%s: %d %s", f->why, err, error);
	ck_assert_msg(strstr(error, f->said), "%s: said: %s", f->why, error);
	ck_assert_msg((out != NULL) == (err == 0), "%s", f->why);
	json_decref(out);
	ck_assert_msg(count_fds() == fds, "%s: a descriptor was left open", f->why);
	close(s.listener);

	ck_assert_int_gt(s.request_size, (ssize_t)sizeof(*hello));
	ck_assert(hello->magic == DAM_HELLO_MAGIC && hello->version == DAM_SHM_VERSION);
	ck_assert_uint_eq(hello->kind, DAM_HELLO_CONTROL);
	ck_assert_str_eq(s.request + sizeof(*hello), "{\"cmd\":\"threads\",\"run_id\":42}");
}
END_TEST

enum place { PLACE_NOTHING, PLACE_STALE, PLACE_FILE, PLACE_FULL, PLACE_LONG };

static const struct {
	const char *why;
	enum place place;
	int err;
} places[] = {
	{"no socket", PLACE_NOTHING, -ENOENT},
	{"left by a dead coordinator", PLACE_STALE, -ENOENT},
	{"a plain file", PLACE_FILE, -ENOENT},
	{"nobody accepts, and the queue is full", PLACE_FULL, -ETIMEDOUT},
	{"no socket address holds it", PLACE_LONG, -ENAMETOOLONG},
};

/* Connections that fill the queue of @listener. */
static void fill_queue(int listener)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	ck_assert_int_eq(listen(listener, 0), 0);
	memcpy(addr.sun_path, path, strlen(path));
	for (int r = 0; r == 0;)
		r = connect(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0), (struct sockaddr *)&addr,
			    sizeof(addr));
	ck_assert_int_eq(errno, EAGAIN);
}

START_TEST(test_places)
{
	enum place p = places[_i].place;
	int fd = p == PLACE_STALE || p == PLACE_FULL ? listen_at(path) : -1;
	char error[DAM_CONTROL_ERROR] = "", longer[200];
	json_t *out = NULL;
	int err;

	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	if (p == PLACE_STALE)
		close(fd);
	if (p == PLACE_FILE)
		fclose(fopen(path, "w"));
	if (p == PLACE_FULL)
		fill_queue(fd);
	err = dam_control_ask(p == PLACE_LONG ? longer : path, "status", 0, 50, error, &out);
	ck_assert_msg(err == places[_i].err, "%s: %d %s", places[_i].why, err, error);
	ck_assert_msg(error[0] && !strchr(error, '\n'), "%s: one line", places[_i].why);
	ck_assert_ptr_null(out);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tools_control");
	TCase *tc = tcase_create("rows");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_answers, 0, sizeof(fakes) / sizeof(fakes[0]));
	tcase_add_loop_test(tc, test_places, 0, sizeof(places) / sizeof(places[0]));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
