/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Churn: soak_load FILE N. Until its input ends: threads, rings, descriptors and children that come and go, each of
 * which reads FILE directly. Prints "full" after N threads, and what it did as JSON. What it opens at a time is bounded,
 * so that growth is a leak.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"

#define BLOCK	 4096u
#define BLOCKS	 256u
#define WAVE	 16
#define DEPTH	 8u
#define PAUSE_US 2000 /* a machine has other things to do, too */

extern char **environ;

static const char *path;
static volatile bool stop;
static unsigned long threads, rings, raw_rings, files, forks, spawns, reads, failures;

static void count(unsigned long *what)
{
	__atomic_add_fetch(what, 1, __ATOMIC_RELAXED);
}

static void *buffer(void)
{
	void *buf = NULL;

	if (posix_memalign(&buf, BLOCK, BLOCK * DEPTH))
		exit(1);
	return buf;
}

static void read_some(int fd, void *buf, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		if (pread(fd, buf, BLOCK, (off_t)(i % BLOCKS) * BLOCK) != BLOCK)
			count(&failures);
		count(&reads);
	}
}

static void *brief(void *arg)
{
	int fd = open(path, O_RDONLY | O_DIRECT);
	void *buf = buffer();

	(void)arg;
	read_some(fd, buf, 3);
	free(buf);
	close(fd);
	count(&threads);
	return NULL;
}

static void *churn_threads(void *arg)
{
	const unsigned long enough = *(unsigned long *)arg;
	bool full = false;
	pthread_t t[WAVE];

	while (!stop) {
		unsigned int n = 0;

		while (n < WAVE && !pthread_create(&t[n], NULL, brief, NULL))
			n++;
		while (n)
			pthread_join(t[--n], NULL);
		if (!full && threads >= enough) {
			full = true;
			puts("full");
			fflush(stdout);
		}
		usleep(PAUSE_US);
	}
	return NULL;
}

/* What liburing does inside a function that has a hook. */
static void bare_submit(struct io_uring *ring)
{
	unsigned int tail = *ring->sq.ktail, mask = *ring->sq.kring_mask;

	for (unsigned int at = ring->sq.sqe_head; at != ring->sq.sqe_tail; at++)
		ring->sq.array[tail++ & mask] = at & mask;
	ring->sq.sqe_head = ring->sq.sqe_tail;
	__atomic_store_n(ring->sq.ktail, tail, __ATOMIC_RELEASE);
	if (dam_sys6(SYS_io_uring_enter, ring->ring_fd, DEPTH, DEPTH, IORING_ENTER_GETEVENTS, 0, 0) != DEPTH)
		count(&failures);
}

/* @hooked: by liburing's functions, which the library sees; else by bare entries to the kernel. */
static void one_ring(int fd, void *buf, bool hooked)
{
	struct io_uring ring;
	struct io_uring_cqe *cqe;

	if (io_uring_queue_init(DEPTH, &ring, 0)) {
		count(&failures);
		return;
	}
	for (unsigned int round = 0; round < 8; round++) {
		for (unsigned int i = 0; i < DEPTH; i++)
			io_uring_prep_read(io_uring_get_sqe(&ring), fd, (char *)buf + i * BLOCK, BLOCK,
					   (__u64)(round * DEPTH + i) * BLOCK);
		if (hooked)
			io_uring_submit_and_wait(&ring, DEPTH);
		else
			bare_submit(&ring);
		for (unsigned int i = 0; i < DEPTH; i++) {
			if (io_uring_wait_cqe(&ring, &cqe) || cqe->res != (int)BLOCK)
				count(&failures);
			io_uring_cqe_seen(&ring, cqe);
			count(&reads);
		}
	}
	io_uring_queue_exit(&ring);
	count(hooked ? &rings : &raw_rings);
}

static void *churn_rings(void *arg)
{
	int fd = open(path, O_RDONLY | O_DIRECT);
	void *buf = buffer();

	for (bool hooked = true; !stop; hooked = !hooked) {
		one_ring(fd, buf, hooked);
		usleep(PAUSE_US);
	}
	free(buf);
	close(fd);
	return arg;
}

/* Numbers that lead to something else every time: direct, buffered, a pipe, a copy of another. */
static void *churn_files(void *arg)
{
	void *buf = buffer();

	while (!stop) {
		int fd[6], n = 0;

		fd[n++] = open(path, O_RDONLY | O_DIRECT);
		fd[n++] = open(path, O_RDONLY);
		fd[n++] = dup(fd[files % 2]);
		n += pipe(fd + n) ? 0 : 2;
		fcntl(fd[1], F_SETFL, files % 3 ? 0 : O_DIRECT);
		for (int i = 0; i < 3; i++)
			read_some(fd[i], buf, 1);
		while (n)
			close(fd[--n]);
		count(&files);
		usleep(PAUSE_US);
	}
	free(buf);
	return arg;
}

static void *churn_children(void *arg)
{
	char *const argv[] = {(char *)"true", NULL};
	void *buf = buffer();

	while (!stop) {
		int status = 0;
		pid_t pid = fork();

		if (pid == 0) {
			int fd = open(path, O_RDONLY | O_DIRECT);

			failures = 0;
			read_some(fd, buf, 5);
			exit(failures != 0);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			count(&failures);
		count(&forks);
		if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) || waitpid(pid, &status, 0) != pid || status)
			count(&failures);
		count(&spawns);
		usleep(10 * PAUSE_US);
	}
	free(buf);
	return arg;
}

int main(int argc, char **argv)
{
	static void *(*const churn[])(void *) = {churn_threads, churn_rings, churn_files, churn_children};
	pthread_t t[sizeof(churn) / sizeof(churn[0])];
	unsigned long enough;
	char c;

	if (argc != 3)
		return 2;
	path = argv[1];
	enough = strtoul(argv[2], NULL, 10);
	for (size_t i = 0; i < sizeof(churn) / sizeof(churn[0]); i++)
		if (pthread_create(&t[i], NULL, churn[i], &enough))
			return 1;
	while (read(0, &c, 1) > 0)
		;
	stop = true;
	for (size_t i = 0; i < sizeof(churn) / sizeof(churn[0]); i++)
		pthread_join(t[i], NULL);
	printf("{\"threads\":%lu,\"hooked rings\":%lu,\"bare rings\":%lu,\"files\":%lu,\"forks\":%lu,\"spawns\":%lu,"
	       "\"reads\":%lu,\"failures\":%lu}\n",
	       threads, rings, raw_rings, files * 5, forks, spawns, reads, failures);
	return failures != 0;
}
