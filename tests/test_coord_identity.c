/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Who asks to count is the process that connected. A connection outlives it in its children, until its number is
 * another user's process: here, one that connects with a user's rights and then has root's. It takes root.
 */
#include "config.h"

#include <check.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "shm/layout.h"
#include "tests/coord_ask.h"
#include "tests/suite.h"

#define NOBODY 65534

static struct client c;

static const struct {
	const char *why;
	uid_t connects, asks;
	enum dam_welcome_status answer;
} rows[] = {
	{"root's process", 0, 0, DAM_WELCOME_OK},
	{"a user's process", NOBODY, NOBODY, DAM_WELCOME_OK},
	{"a user's number that has become root's", NOBODY, 0, DAM_WELCOME_BUSY},
	{"root's number that has become a user's", 0, NOBODY, DAM_WELCOME_BUSY},
};

static void setup(void)
{
	client_open(&c);
	ck_assert_int_eq(client_start(&c, NULL), 0);
	ck_assert_int_eq(chdir(c.dir), 0); /* a user has no other way to the socket */
}

static void teardown(void)
{
	client_close(&c);
}

START_TEST(test_rows)
{
	struct dam_hello h = {DAM_HELLO_MAGIC, DAM_SHM_VERSION, DAM_HELLO_ATTACH, (uint32_t)getpid(), 7, NAN, NAN, ""};
	struct sockaddr_un sa = {AF_UNIX, DAM_SOCKET_NAME};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct dam_welcome w;

	ck_assert_int_eq(seteuid(rows[_i].connects), 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(seteuid(rows[_i].asks), 0);
	ck_assert_int_eq(send(fd, &h, sizeof(h), 0), (ssize_t)sizeof(h));
	ck_assert_int_eq(recv(fd, &w, sizeof(w), 0), (ssize_t)sizeof(w));
	ck_assert_int_eq(seteuid(0), 0);
	ck_assert_msg(w.status == rows[_i].answer, "%s: status %u", rows[_i].why, (unsigned int)w.status);
	close(fd);
	ck_assert_int_eq(client_stop(&c, SIGTERM), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("coord_identity");
	TCase *tc = tcase_create("attach");

	if (getuid())
		return 77;
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_rows, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
