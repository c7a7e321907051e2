/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * A stand-in for dam-coord in tests of dam-run and dam-ctl: answers each request with $FAKE_ANSWERS/COMMAND.json,
 * behaves as $FAKE_MODE says: "exit" before it is ready, "die" over the first report, "pin" the
 * program, make the file $FAKE_PINNED and die.
 */
#include "config.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "shm/layout.h"
#include "tools/common/maskfile.h"

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

/* The other child of dam-run: the program. 0: not there yet. */
static pid_t find_program(void)
{
	struct dam_proc *list;
	unsigned int nr = dam_proc_list(&list);
	pid_t found = 0;

	for (unsigned int i = 0; i < nr; i++)
		if (list[i].ppid == getppid() && list[i].pid != getpid())
			found = list[i].pid;
	free(list);
	return found;
}

static int pin_program(const char *dir)
{
	struct dam_cpuset orig, one = {{0}};
	struct dam_masks *m;
	char path[512];
	uint64_t start;
	pid_t pid;

	while (!(pid = find_program()))
		sched_yield();
	snprintf(path, sizeof(path), "%s/" DAM_MASKS_NAME, dir);
	if (dam_masks_open(path, &m) || dam_thread_start_time(pid, pid, &start) ||
	    dam_cpuset_get_thread(pid, &orig))
		return -1;
	for (unsigned int i = 0; dam_cpuset_empty(&one); i++)
		if (dam_cpuset_has(&orig, i))
			dam_cpuset_set(&one, i);
	if (dam_masks_put(m, pid, pid, start, &orig, &one) < 0 || dam_cpuset_set_thread(pid, &one))
		return -1;
	close(open(getenv("FAKE_PINNED"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	return raise(SIGKILL);
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

	sscanf(request, "{\"cmd\":\"%32[a-z-]\"", command);
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
	if (mode_is("pin") && pin_program(dir))
		return 4;
	while ((conn = accept(fd, NULL, NULL)) >= 0) {
		answer(conn);
		close(conn);
	}
	return 0;
}
