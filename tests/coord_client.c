/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* A client of the coordinator that needs no library. */
#include "config.h"
#include "tests/coord_client.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "shm/segment.h"
#include "tests/scratch.h"

#define DRIVE_NS (20 * DAM_NS_PER_S) /* generous */

#define MUST(x) ((x) ? (void)0 : die(#x, __LINE__))

/* Two engines of one pool; each domain is one CPU. */
#define SIM "pool p; engine e0 capacity=100M domain=0 pool=p; engine e1 capacity=100M domain=1 pool=p"

static pthread_mutex_t hold = PTHREAD_MUTEX_INITIALIZER;
static pthread_t *thread;

static void die(const char *what, int line)
{
	fprintf(stderr, "coord_client.c:%d: %s: failed\n", line, what);
	exit(99);
}

void client_open(struct client *c)
{
	*c = (struct client){.coord = -1, .mb_per_s = 80};
	scratch_dir(c->dir, sizeof(c->dir));
	snprintf(c->sock_path, sizeof(c->sock_path), "%s/" DAM_SOCKET_NAME, c->dir);
}

void client_close(struct client *c)
{
	if (c->coord > 0)
		client_stop(c, SIGKILL);
	scratch_remove(c->dir);
}

static void *sit(void *arg)
{
	__atomic_store_n((pid_t *)arg, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	pthread_mutex_lock(&hold);
	pthread_mutex_unlock(&hold);
	return NULL;
}

void client_threads(struct client *c, unsigned int nr)
{
	pthread_attr_t attr;

	c->nr_threads = nr;
	c->tid = calloc(nr, sizeof(*c->tid));
	thread = calloc(nr, sizeof(*thread));
	MUST(c->tid && thread);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	pthread_mutex_lock(&hold);
	for (unsigned int i = 0; i < nr; i++) {
		MUST(!pthread_create(&thread[i], &attr, sit, &c->tid[i]));
		while (!__atomic_load_n(&c->tid[i], __ATOMIC_ACQUIRE))
			sched_yield();
	}
	pthread_attr_destroy(&attr);
	MUST(!dam_cpuset_get_thread(c->tid[0], &c->everywhere));
}

void client_join(struct client *c)
{
	pthread_mutex_unlock(&hold);
	for (unsigned int i = 0; i < c->nr_threads; i++)
		pthread_join(thread[i], NULL);
	free(thread);
	free(c->tid);
	free(c->slot);
	c->slot = NULL;
	c->nr_threads = c->nr_slots = 0;
}

bool client_has(const struct client *c, unsigned int i, uint64_t cpus)
{
	struct dam_cpuset mask, wanted = {{cpus}};

	return !dam_cpuset_get_thread(c->tid[i], &mask) && dam_cpuset_equal(&mask, &wanted);
}

bool client_free(const struct client *c, unsigned int i)
{
	struct dam_cpuset mask;

	return !dam_cpuset_get_thread(c->tid[i], &mask) && dam_cpuset_equal(&mask, &c->everywhere);
}

void client_claim(struct client *c, unsigned int nr)
{
	c->slot = calloc(nr, sizeof(struct dam_slot *));
	MUST(c->slot);
	c->nr_slots = nr;
	for (unsigned int i = 0; i < nr; i++) {
		c->slot[i] = dam_ledger_claim(c->ledger, (uint32_t)c->tid[i]);
		MUST(c->slot[i]);
		dam_slot_publish(c->slot[i]);
	}
}

bool client_drive(struct client *c, bool (*done)(void))
{
	uint64_t begin = dam_now_ns(), last = begin;
	bool ok = false;

	while (!ok && dam_now_ns() - begin < DRIVE_NS) {
		uint64_t now = dam_now_ns();

		for (unsigned int i = 0; i < c->nr_slots; i++) {
			struct dam_slot *s = c->slot[i];

			__atomic_store_n(&s->cpu, client_has(c, i, 2), __ATOMIC_RELAXED);
			dam_count_add(&s->count[DAM_LOCAL_OTHER].read_bytes, (now - last) * c->mb_per_s / 1000);
			dam_count_add(&s->count[DAM_LOCAL_OTHER].read_ops, 1);
			dam_count_add(&s->mapped_bytes, 4096);
			dam_count_add(&s->submissions, 1);
		}
		last = now;
		ok = done();
		usleep(1000);
	}
	return ok;
}

int client_start(struct client *c, const char *const *args)
{
	const char *argv[16] = {DAM_BUILDDIR "/dam-coord", "--foreground", "--runtime-dir", c->dir,
				"--ready-fd"};
	char number[16], byte;
	int ready[2], n = 5, status;

	MUST(!pipe(ready));
	snprintf(number, sizeof(number), "%d", ready[1]);
	argv[n++] = number;
	while (args && *args && n < 15)
		argv[n++] = *args++;
	c->coord = fork();
	if (c->coord == 0) {
		close(ready[0]);
		setenv("DAM_SIM", SIM, 1);
		setenv("HWLOC_SYNTHETIC", c->machine ? c->machine : "node:2 pu:1", 1);
		if (c->before)
			c->before();
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(ready[1]);
	status = read(ready[0], &byte, 1) == 1 ? 0 : -1;
	close(ready[0]);
	if (!status)
		return 0;
	MUST(waitpid(c->coord, &status, 0) == c->coord);
	c->coord = -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int client_stop(struct client *c, int sig)
{
	int status;

	kill(c->coord, sig);
	MUST(waitpid(c->coord, &status, 0) == c->coord);
	c->coord = -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int client_connect(const struct client *c)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	memcpy(sa.sun_path, c->sock_path, sizeof(c->sock_path));
	MUST(!connect(fd, (struct sockaddr *)&sa, sizeof(sa)));
	return fd;
}

void client_attach(struct client *c)
{
	struct dam_hello h = {DAM_HELLO_MAGIC, DAM_SHM_VERSION, DAM_HELLO_ATTACH, (uint32_t)getpid(), 7,
			      NAN, NAN, ""};
	struct dam_welcome w;
	union {
		char buf[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} ctl;
	struct iovec iov = {&w, sizeof(w)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl.buf,
			     .msg_controllen = sizeof(ctl.buf)};
	int fd = client_connect(c), fds[2];
	void *map;

	memcpy(h.class, c->class, sizeof(h.class));
	MUST(send(fd, &h, sizeof(h), 0) == sizeof(h));
	MUST(recvmsg(fd, &msg, 0) == sizeof(w));
	MUST(w.status == DAM_WELCOME_OK);
	memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fds));
	MUST(!dam_segment_map(fds[0], sizeof(struct dam_ledger), false, NULL, &map));
	c->ledger = map;
	MUST(dam_ledger_valid(c->ledger));
	close(fds[0]);
	close(fds[1]);
	close(fd);
}

void client_begin(struct client *c, const char *const *args, unsigned int nr)
{
	MUST(!client_start(c, args));
	client_threads(c, nr);
	client_attach(c);
	client_claim(c, 2);
}

void client_end(struct client *c)
{
	MUST(!client_stop(c, SIGTERM));
	client_join(c);
}
