/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Threads that do DMA, born one after the other, until the library places one; then it tells, a line each, what masks
 * the next ones have: the kernel's, and the one that libc shows. With "hold", it keeps the placed one until it is killed;
 * with "sh" it runs a shell instead.
 * usage: births_prog FILE [hold | sh COMMAND]
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 4096
#define LIMIT_S 40 /* generous: only a failure takes as long */

static int fd;
static volatile bool stop;

struct seen {
	pid_t tid;
	unsigned long kernel, shown;
	long reads;    /* to do */
	sem_t *looked; /* posted then; NULL: nobody waits */
};

/* The library answers for the system call, too. */
static unsigned long kernel_mask(void)
{
	FILE *f = fopen("/proc/thread-self/status", "r");
	unsigned long mask = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "Cpus_allowed:", 13))
			mask = strtoul(line + 13, NULL, 16);
	if (f)
		fclose(f);
	return mask;
}

static void look(struct seen *s)
{
	cpu_set_t set;

	s->tid = (pid_t)syscall(SYS_gettid);
	s->kernel = kernel_mask();
	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	memcpy(&s->shown, &set, sizeof(s->shown));
}

/* Reads at 1000 blocks a second at most. */
static void read_some(long reads)
{
	struct timespec ms = {.tv_nsec = 1000000};
	void *block;

	if (posix_memalign(&block, BLOCK, BLOCK))
		exit(99);
	for (long i = 0; (reads < 0 ? !stop : i < reads); i++) {
		if (pread(fd, block, BLOCK, (i % 64) * BLOCK) != BLOCK)
			exit(99);
		nanosleep(&ms, NULL);
	}
	free(block);
}

static void *worker(void *arg)
{
	struct seen *s = arg;

	look(s);
	if (s->looked)
		sem_post(s->looked);
	read_some(s->reads);
	return NULL;
}

static int c11_worker(void *arg)
{
	worker(arg);
	return 7;
}

/* Does no DMA: another routine. */
static void *helper(void *arg)
{
	look(arg);
	return NULL;
}

static struct seen run(void *(*start)(void *), const pthread_attr_t *attr)
{
	struct seen s = {.reads = 60};
	pthread_t t;

	if (pthread_create(&t, attr, start, &s))
		exit(99);
	pthread_join(t, NULL);
	return s;
}

static void tell(const char *what, struct seen s)
{
	printf("%s %d kernel %lx shown %lx\n", what, (int)s.tid, s.kernel, s.shown);
}

static bool is_placed(void)
{
	struct seen s = run(worker, NULL);

	return s.kernel != s.shown;
}

/* A child of a placed thread is none of DAM's. */
static void *fork_worker(void *arg)
{
	struct seen *s = arg, child;
	int status;

	look(s);
	fflush(stdout);
	if (fork() == 0) {
		look(&child);
		tell("child", child);
		fflush(stdout);
		_exit(0);
	}
	wait(&status);
	read_some(s->reads);
	return NULL;
}

static void run_c11(void)
{
	struct seen s = {.reads = 60};
	thrd_t t;
	int result;

	if (thrd_create(&t, c11_worker, &s) != thrd_success || thrd_join(t, &result) != thrd_success || result != 7)
		exit(99);
	tell("c11", s);
}

/* A placed thread that lives on; its tid is told. */
static int hold(void)
{
	static struct seen s[64];
	sem_t looked;
	pthread_t t;

	sem_init(&looked, 0, 0);
	for (int i = 0; i < 64; i++) {
		s[i] = (struct seen){.reads = -1, .looked = &looked};
		if (pthread_create(&t, NULL, worker, &s[i]))
			return 99;
		sem_wait(&looked);
		if (s[i].kernel == s[i].shown)
			continue;
		printf("%d\n", (int)s[i].tid);
		fflush(stdout);
		sleep(LIMIT_S);
		return 0;
	}
	return 1;
}

int main(int argc, char **argv)
{
	struct seen base = {.reads = -1};
	unsigned long all = kernel_mask();
	time_t end = time(NULL) + LIMIT_S;
	pthread_attr_t attr;
	cpu_set_t one;
	pthread_t t;

	if (argc < 2 || (fd = open(argv[1], O_RDONLY | O_DIRECT)) < 0 || pthread_create(&t, NULL, worker, &base))
		return 99;
	while (!is_placed())
		if (time(NULL) > end) {
			printf("nobody was placed\n");
			return 1;
		}
	if (argc > 3)
		return system(argv[3]) ? 1 : 0;
	if (argc > 2)
		return hold();
	for (int i = 0; i < 6; i++)
		tell("worker", run(worker, NULL));
	for (int i = 0; i < 4; i++)
		run_c11();
	for (int i = 0; i < 4; i++)
		tell("forker", run(fork_worker, NULL));
	tell("helper", run(helper, NULL));
	CPU_ZERO(&one);
	CPU_SET(__builtin_ctzl(all), &one);
	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof(one), &one);
	tell("attr", run(worker, &attr));
	sched_setaffinity(0, sizeof(one), &one);
	tell("pinned", run(worker, NULL));
	stop = true;
	pthread_join(t, NULL);
	return 0;
}
