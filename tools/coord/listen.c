/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The coordinator's place: its runtime directory, the lock that tells a live one from a dead one, its socket. */
#include "config.h"
#include "tools/coord/coord.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

#define LISTEN_BACKLOG 4096

/* Processes of other users have to reach root's socket; what lies beside it keeps its own mode. */
static int open_to_all(const char *dir)
{
	if (getuid() == 0 && chmod(dir, 0755)) {
		dam_err("cannot open the runtime directory %s to other users: %s", dir, strerror(errno));
		return 1;
	}
	return 0;
}

/* Held as long as the coordinator lives, and released by the kernel however it ends. */
static int take_lock(struct coord *c)
{
	char path[4096], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), "%s/coord.lock", c->opt.runtime_dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0) {
		dam_err("cannot open %s: %s", path, strerror(errno));
		return 1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		if (read(fd, text, sizeof(text) - 1) < 0)
			text[0] = '\0';
		text[strcspn(text, "\n")] = '\0';
		dam_err("a coordinator (pid %s) already serves %s; stop it, or give --runtime-dir another directory",
			*text ? text : "unknown", c->opt.runtime_dir);
		close(fd);
		return 1;
	}
	if (ftruncate(fd, 0) || dprintf(fd, "%d\n", (int)getpid()) < 0)
		dam_warn("cannot write the pid to %s: %s", path, strerror(errno));
	c->lock_fd = fd;
	return 0;
}

static int bind_socket(struct coord *c)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd, n;

	n = snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/" DAM_SOCKET_NAME, c->opt.runtime_dir);
	if (n >= (int)sizeof(sa.sun_path)) {
		dam_err("the socket path %s/" DAM_SOCKET_NAME " is longer than the kernel's %zu bytes; "
			"set DAM_RUNTIME_DIR to a shorter one",
			c->opt.runtime_dir, sizeof(sa.sun_path) - 1);
		return 1;
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		dam_err("cannot make a socket: %s", strerror(errno));
		return 1;
	}
	/* We hold the lock: whatever lies here was left by a coordinator that is dead. */
	unlink(sa.sun_path);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) ||
	    chmod(sa.sun_path, getuid() == 0 ? 0666 : 0600) || listen(fd, LISTEN_BACKLOG)) {
		dam_err("cannot listen on %s: %s", sa.sun_path, strerror(errno));
		close(fd);
		return 1;
	}
	c->listen_fd = fd;
	return 0;
}

int coord_listen(struct coord *c)
{
	if (open_to_all(c->opt.runtime_dir) || take_lock(c))
		return 1;
	return bind_socket(c);
}

void coord_unlisten(struct coord *c)
{
	char path[4096];

	if (c->listen_fd >= 0) {
		snprintf(path, sizeof(path), "%s/" DAM_SOCKET_NAME, c->opt.runtime_dir);
		unlink(path);
		close(c->listen_fd);
		c->listen_fd = -1;
	}
}
