/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * A program that reads a file from three places, site_one, site_two and site_four, in the ratio of
 * their names. Usage: FILE ROUNDS [uring|aio|plain|threads|stalled|known|handler|fork|sealed|plugin] [PLUGIN]
 */
#include "config.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/aio_abi.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK	 4096u
#define NOINLINE static __attribute__((noinline))

static int fd;
static unsigned int rounds;
static const char *how = "uring";

struct job {
	struct io_uring ring;
	aio_context_t aio;
	char *buf;
};
static __thread struct job *me;

static void die(const char *what)
{
	perror(what);
	_exit(3);
}

static void open_job(void)
{
	me = calloc(1, sizeof(*me));
	if (!me || posix_memalign((void **)&me->buf, BLOCK, BLOCK) ||
	    io_uring_queue_init(4, &me->ring, 0) || syscall(SYS_io_setup, 4, &me->aio))
		die("ring");
}

static void reap(void)
{
	struct io_uring_cqe *cqe;

	if (io_uring_wait_cqe(&me->ring, &cqe) || cqe->res < 0)
		die("completion");
	io_uring_cqe_seen(&me->ring, cqe);
}

/* Not a call site of its own: the compiler puts it into each. */
static inline __attribute__((always_inline)) void submit(unsigned int bytes)
{
	struct iocb cb = {.aio_lio_opcode = IOCB_CMD_PREAD,
			  .aio_fildes = (unsigned int)fd,
			  .aio_buf = (uintptr_t)me->buf,
			  .aio_nbytes = bytes},
		    *cbs = &cb;
	struct io_event event;

	if (!strcmp(how, "plain")) {
		if (pread(fd, me->buf, bytes, 0) != bytes)
			die("pread");
		return;
	}
	if (!strcmp(how, "aio")) {
		if (syscall(SYS_io_submit, me->aio, 1, &cbs) != 1 ||
		    syscall(SYS_io_getevents, me->aio, 1, 1, &event, NULL) != 1)
			die("io_submit");
		return;
	}
	io_uring_prep_read(io_uring_get_sqe(&me->ring), fd, me->buf, bytes, 0);
	if (io_uring_submit(&me->ring) != 1)
		die("io_uring_submit");
	reap();
}

NOINLINE void site_one(void)
{
	submit(BLOCK);
	__asm__ volatile(""); /* no tail calls, no merging */
}

NOINLINE void site_two(void)
{
	for (volatile int i = 0; i < 2; i++)
		submit(BLOCK / 2);
	__asm__ volatile("");
}

NOINLINE void site_four(void)
{
	for (volatile int i = 0; i < 4; i++)
		submit(BLOCK / 4);
	__asm__ volatile("");
}

NOINLINE void *all_sites(void *arg)
{
	open_job();
	for (unsigned int i = 0; i < rounds; i++) {
		site_one();
		site_two();
		site_four();
	}
	return arg;
}

static void in_handler(int sig)
{
	(void)sig;
	all_sites(NULL);
}

static void seal(void)
{
	struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog prog = {1, allow};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		die("seccomp");
}

static void in_threads(int nr, void *(*start)(void *), void *arg)
{
	pthread_t t[5];

	for (int i = 0; i < nr; i++)
		if (pthread_create(&t[i], NULL, start, arg))
			die("pthread_create");
	for (int i = 0; i < nr; i++)
		pthread_join(t[i], NULL);
}

#ifdef DLFO_STRUCT_HAS_EH_DBASE
static sem_t ended;
static int stall;
static __typeof__(&_dl_find_object) find_object; /* libc's */

static __attribute__((constructor)) void know_libc(void)
{
	find_object = (__typeof__(find_object))dlsym(RTLD_NEXT, "_dl_find_object");
}

/* Whoever unwinds asks this. The first who does gets on only after the three other threads have ended. */
__attribute__((visibility("default"))) int _dl_find_object(void *pc, struct dl_find_object *out)
{
	if (__atomic_exchange_n(&stall, 0, __ATOMIC_RELAXED))
		for (int i = 0; i < 3; i++)
			while (sem_wait(&ended))
				;
	return find_object(pc, out);
}

static void arm(void)
{
	stall = 1;
}

static void *sites_and_tell(void *may_stall)
{
	static pthread_once_t armed = PTHREAD_ONCE_INIT;

	if (may_stall)
		pthread_once(&armed, arm); /* here libunwind has been loaded */
	all_sites(NULL);
	sem_post(&ended);
	return NULL;
}

static void with_a_stall(void)
{
	sem_init(&ended, 0, 0);
	if (!strcmp(how, "known")) {
		in_threads(1, sites_and_tell, NULL);
		sem_wait(&ended);
	}
	in_threads(4, sites_and_tell, &ended);
}
#else
static void with_a_stall(void)
{
	in_threads(strcmp(how, "known") ? 4 : 5, all_sites, NULL);
}
#endif

static unsigned int nr_fds(int first, int end)
{
	unsigned int nr = 0;

	for (int i = first; i < end; i++)
		nr += fcntl(i, F_GETFD) >= 0;
	return nr;
}

int main(int argc, char **argv)
{
	unsigned int before;

	if (argc < 3)
		return 2;
	fd = open(argv[1], O_RDONLY | O_DIRECT);
	if (fd < 0)
		die(argv[1]);
	rounds = (unsigned int)atoi(argv[2]);
	if (argc > 3)
		how = argv[3];
	if (!strcmp(how, "plugin") && !dlopen(argv[4], RTLD_NOW))
		die(dlerror());
	if (!strcmp(how, "handler")) {
		signal(SIGUSR1, in_handler);
		raise(SIGUSR1);
		return 0;
	}
	if (!strcmp(how, "threads") || !strcmp(how, "fork"))
		in_threads(4, all_sites, NULL);
	if (!strcmp(how, "stalled") || !strcmp(how, "known")) {
		with_a_stall();
		return 0;
	}
	if (!strcmp(how, "fork")) {
		pid_t pid = fork();
		int status = 0;

		if (pid == 0)
			in_threads(4, all_sites, NULL);
		if (pid)
			waitpid(pid, &status, 0);
		return status != 0;
	}
	if (!strcmp(how, "sealed")) {
		all_sites(NULL);
		seal();
	}
	before = nr_fds(0, 48);
	all_sites(NULL);
	/* a ring of its own, which stays open; nothing else: no descriptor of the library's is left
	 */
	if (nr_fds(0, 48) - before != 1)
		return 4;
	/* the question to the coordinator while it is open; the counter of this thread, of no other
	 */
	return nr_fds(48, 64) <= 2 ? 0 : 5;
}
