/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What a service manager hears of dam-coord. */
#include "config.h"

#include <check.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/coord_client.h"
#include "tests/suite.h"

static const struct row {
	const char *why;
	char first; /* of the socket's name */
} row[] = {
	{"a manager with a socket in the file system", '/'},
	{"a manager with an abstract socket", '@'},
};

static int manager(const struct client *c, char first)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct timeval bound = {.tv_sec = 30};
	char name[sizeof(sa.sun_path)];
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), len;

	len = snprintf(name, sizeof(name), "%s%s/notify", first == '@' ? "@" : "", c->dir);
	memcpy(sa.sun_path, name, (size_t)len);
	if (first == '@')
		sa.sun_path[0] = '\0';
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len)), 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound)), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static void hears(int fd, const char *why, const char *wanted)
{
	char got[64] = "";

	ck_assert_msg(recv(fd, got, sizeof(got) - 1, 0) > 0, "%s: nothing came, wanted %s", why, wanted);
	ck_assert_msg(!strcmp(got, wanted), "%s: %s came, wanted %s", why, got, wanted);
}

START_TEST(test_states)
{
	const char *const args[] = {"--foreground", NULL};
	const struct row *r = &row[_i];
	struct client c;
	int fd;

	client_open(&c);
	fd = manager(&c, r->first);
	ck_assert_int_eq(client_start(&c, args), 0);
	hears(fd, r->why, "READY=1");
	ck_assert_int_eq(client_stop(&c, SIGTERM), 0);
	hears(fd, r->why, "STOPPING=1");
	close(fd);
	client_close(&c);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("coord_notify");
	TCase *t = tcase_create("states");

	tcase_add_loop_test(t, test_states, 0, sizeof(row) / sizeof(row[0]));
	suite_add_tcase(s, t);
	return run_suite(s);
}
