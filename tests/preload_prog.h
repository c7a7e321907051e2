/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What the programs of the library's tests share that submit to a ring, one mode a run: MODE FILE. */
#ifndef DAM_TESTS_PRELOAD_PROG_H
#define DAM_TESTS_PRELOAD_PROG_H

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *self, *path;
static struct io_uring ring;
static int fd;
static char *buf;
static unsigned int done;

static void need(int ok, const char *what)
{
	if (!ok) {
		dprintf(2, "%s: %s\n", what, strerror(errno));
		_exit(3);
	}
}

static void open_all(void)
{
	fd = open(path, O_RDWR | O_DIRECT);
	need(fd >= 0, path);
	need(!io_uring_queue_init(8, &ring, 0), "ring");
}

static void one_read(struct io_uring *r)
{
	struct io_uring_cqe *cqe;

	io_uring_prep_read(io_uring_get_sqe(r), fd, buf, 4096, 0);
	need(io_uring_submit(r) == 1, "submit");
	need(!io_uring_wait_cqe(r, &cqe) && cqe->res == 4096, "read");
	io_uring_cqe_seen(r, cqe);
	done++;
}

static void reads(unsigned int n)
{
	while (n--)
		one_read(&ring);
}

/* "pid operations", of this process. */
static void tell(void)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "%d %u\n", (int)syscall(SYS_getpid), done);

	need(write(1, line, (size_t)n) == n, "write");
}

struct mode {
	const char *name;
	int (*run)(void);
};

/* main() of each: the mode that the first argument names, on the file that the second one names. */
static int run_mode(int argc, char **argv, const struct mode *modes, size_t nr)
{
	if (argc < 3 || posix_memalign((void **)&buf, 4096, 4096))
		return 2;
	self = argv[0];
	path = argv[2];
	for (size_t i = 0; i < nr; i++)
		if (!strcmp(modes[i].name, argv[1]))
			return modes[i].run();
	return 2;
}

#endif
