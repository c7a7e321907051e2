/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * A program that knows nothing of DAM and sets masks of its own, or asks for those that it has.
 * Usage: MODE FILE. Prints "pid operations"; exit status 0 if all went well.
 */
#include "config.h"

#include <pthread.h>
#include <sched.h>

#include "tests/preload_prog.h"

static cpu_set_t first_cpu(void)
{
	cpu_set_t all, one;

	need(!sched_getaffinity(0, sizeof(all), &all), "getaffinity");
	CPU_ZERO(&one);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &all)) {
			CPU_SET(i, &one);
			break;
		}
	return one;
}

static int mode_pin_before(void)
{
	cpu_set_t one = first_cpu();

	need(!sched_setaffinity(0, sizeof(one), &one), "pin");
	open_all();
	reads(50);
	tell();
	return 0;
}

static int mode_pin_after(void)
{
	cpu_set_t one = first_cpu();

	open_all();
	reads(50);
	need(!syscall(SYS_sched_setaffinity, 0, sizeof(one), &one), "pin");
	reads(1);
	tell();
	return 0;
}

static void *reader(void *arg)
{
	pthread_barrier_wait(arg);
	open_all();
	reads(50);
	return NULL;
}

static int mode_pin_other(void)
{
	cpu_set_t one = first_cpu();
	pthread_barrier_t b;
	pthread_t t;

	pthread_barrier_init(&b, NULL, 2);
	need(!pthread_create(&t, NULL, reader, &b), "thread");
	need(!pthread_setaffinity_np(t, sizeof(one), &one), "pin");
	pthread_barrier_wait(&b);
	pthread_join(t, NULL);
	tell();
	return 0;
}

static void *heir(void *arg)
{
	(void)arg;
	open_all();
	reads(50);
	tell();
	return NULL;
}

static int mode_pin_heir(void)
{
	cpu_set_t one = first_cpu();
	pthread_t t;

	need(!sched_setaffinity(0, sizeof(one), &one), "pin");
	need(!pthread_create(&t, NULL, heir, NULL), "thread");
	pthread_join(t, NULL);
	return 0;
}

/* What the kernel says, past every hook. */
static void kernel_mask(char *out, size_t size)
{
	FILE *f = fopen("/proc/thread-self/status", "r");

	need(f != NULL, "status");
	while (fgets(out, (int)size, f))
		if (!strncmp(out, "Cpus_allowed:", 13))
			break;
	fclose(f);
}

/* Submits until somebody moves the thread, then asks for its mask by every way there is. */
static int mode_moved(void)
{
	unsigned char raw[128];
	char before[512], now[512];
	cpu_set_t mine, seen;
	long n;

	need(!sched_getaffinity(0, sizeof(mine), &mine), "getaffinity");
	kernel_mask(before, sizeof(before));
	open_all();
	do {
		one_read(&ring);
		usleep(500);
		kernel_mask(now, sizeof(now));
	} while (!strcmp(before, now));
	need(!sched_getaffinity(0, sizeof(seen), &seen) && CPU_EQUAL(&mine, &seen), "sched_getaffinity");
	need(!sched_getaffinity(getpid(), sizeof(seen), &seen) && CPU_EQUAL(&mine, &seen), "by pid");
	need(!pthread_getaffinity_np(pthread_self(), sizeof(seen), &seen) && CPU_EQUAL(&mine, &seen),
	     "pthread_getaffinity_np");
	n = syscall(SYS_sched_getaffinity, 0, sizeof(raw), raw);
	need(n > 0 && !memcmp(raw, &mine, (size_t)n), "syscall");
	tell();
	return 0;
}

static const struct mode modes[] = {
	{"before", mode_pin_before}, {"after", mode_pin_after}, {"other", mode_pin_other}, {"heir", mode_pin_heir},
	{"moved", mode_moved},
};

int main(int argc, char **argv)
{
	return run_mode(argc, argv, modes, sizeof(modes) / sizeof(modes[0]));
}
