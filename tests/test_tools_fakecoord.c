/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * A stand-in for dam-coord in tests of dam-run and dam-ctl: answers each request with $FAKE_ANSWERS/COMMAND.json,
 * behaves as $FAKE_MODE says: "exit" before it is ready, or "die" over the first report.
 */
#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "shm/layout.h"

static const char *value_of(int argc, char **argv, const char *option)
{
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], option) == 0)
			return argv[i + 1];
	return NULL;
}

static bool mode_is(const char *mode)
{
	const char *m = getenv("FAKE_MODE");

	return m && strcmp(m, mode) == 0;
}

static void end(int sig)
{
	(void)sig;
	_exit(0);
}

static int listen_in(const char *dir)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/" DAM_SOCKET_NAME, dir) < 0 ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 16) < 0)
		return -1;
	return fd;
}

static int open_answer(const char *request)
{
	char path[512], command[33] = "";
	const char *dir = getenv("FAKE_ANSWERS");

	sscanf(request, "{\"cmd\":\"%32[a-z]\"", command);
	snprintf(path, sizeof(path), "%s/%s.json", dir ? dir : ".", command);
	if (mode_is("die") && strcmp(command, "report") == 0)
		raise(SIGKILL);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static void answer(int conn)
{
	struct dam_welcome w = {.magic = DAM_HELLO_MAGIC, .version = DAM_SHM_VERSION};
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {&w, sizeof(w)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	char packet[1024] = "";
	int fd;

	if (recv(conn, packet, sizeof(packet) - 1, 0) <= (ssize_t)sizeof(struct dam_hello))
		return;
	fd = open_answer(packet + sizeof(struct dam_hello));
	if (fd < 0) {
		w.status = DAM_WELCOME_BUSY;
	} else {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(int));
	}
	sendmsg(conn, &msg, MSG_NOSIGNAL);
	close(fd);
}

int main(int argc, char **argv)
{
	const char *dir = value_of(argc, argv, "--runtime-dir");
	const char *ready = value_of(argc, argv, "--ready-fd");
	int fd, conn;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGTERM, end);
	if (mode_is("exit")) {
		fprintf(stderr, "dam-coord: this one does not start\n");
		return 1;
	}
	fd = dir ? listen_in(dir) : -1;
	if (fd < 0)
		return 2;
	if (ready && write(atoi(ready), "", 1) != 1)
		return 3;
	while ((conn = accept(fd, NULL, NULL)) >= 0) {
		answer(conn);
		close(conn);
	}
	return 0;
}
