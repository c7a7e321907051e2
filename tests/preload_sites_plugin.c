/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * A plugin whose constructor submits, and waits for a thread that submits: while it runs, the
 * dynamic linker's lock is held, and whoever wants it in that thread waits for ever. Reads
 * $PLUGIN_FILE.
 */
#include "config.h"

#include <fcntl.h>
#include <liburing.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define BLOCK  4096u
#define ROUNDS 200

void *plugin_site(void *arg);

__attribute__((noinline)) void *plugin_site(void *arg)
{
	struct io_uring ring;
	struct io_uring_cqe *cqe;
	void *buf;
	int fd = open(getenv("PLUGIN_FILE"), O_RDONLY | O_DIRECT);

	if (fd < 0 || posix_memalign(&buf, BLOCK, BLOCK) || io_uring_queue_init(4, &ring, 0))
		abort();
	for (int i = 0; i < ROUNDS; i++) {
		io_uring_prep_read(io_uring_get_sqe(&ring), fd, buf, BLOCK, 0);
		if (io_uring_submit(&ring) != 1 || io_uring_wait_cqe(&ring, &cqe))
			abort();
		io_uring_cqe_seen(&ring, cqe);
	}
	io_uring_queue_exit(&ring);
	close(fd);
	free(buf);
	return arg;
}

static __attribute__((constructor)) void begin(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, plugin_site, NULL))
		abort();
	pthread_join(t, NULL);
	plugin_site(NULL);
}
