/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Threads that are hard to tell apart. Prints, as the other test programs do, what each has read.
 *
 * thread_churn names FILE   threads that get their names late
 * thread_churn reuse FILE   in a pid namespace of its own: one thread after the other, all of them with the same id
 * thread_churn many FILE N  N threads that read once, 50 at a time; the sum alone; then waits for its input's end
 */
#include "config.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK	4096
#define WAVE	50
#define THREADS 40
#define UNIT	10 /* reads of the first thread; the others do multiples */

struct reader {
	pthread_t thread;
	pid_t tid;
	unsigned int number, reads;
};

static int fd;
static const char *late_name;

static void read_once(void *buf, unsigned int i)
{
	if (pread(fd, buf, BLOCK, (off_t)(i % 256) * BLOCK) != BLOCK) {
		perror("pread");
		exit(1);
	}
}

static void *reads(void *arg)
{
	struct reader *r = arg;
	void *buf;

	if (posix_memalign(&buf, BLOCK, BLOCK))
		exit(1);
	r->tid = gettid();
	for (unsigned int i = 0; i < r->reads; i++) {
		read_once(buf, i);
		if (late_name)
			usleep(20000);
		if (late_name && i == r->reads / 4) {
			char name[16];

			snprintf(name, sizeof(name), "%s-%u", late_name, r->number);
			pthread_setname_np(pthread_self(), name);
		}
	}
	free(buf);
	return NULL;
}

static void start(struct reader *r)
{
	if (pthread_create(&r->thread, NULL, reads, r)) {
		perror("pthread_create");
		exit(1);
	}
}

static void tell(const struct reader *r, unsigned int nr)
{
	printf("{\"threads\":[");
	for (unsigned int i = 0; i < nr; i++)
		printf("%s{\"tid\":%d,\"number\":%u,\"read_ops\":%u,\"read_bytes\":%u}", i ? "," : "", (int)r[i].tid,
		       r[i].number, r[i].reads, r[i].reads * BLOCK);
	puts("]}");
}

static int names(void)
{
	struct reader r[3];

	late_name = "late";
	for (unsigned int i = 0; i < 3; i++) {
		r[i] = (struct reader){.number = i, .reads = 100 + i};
		start(&r[i]);
	}
	for (unsigned int i = 0; i < 3; i++)
		pthread_join(r[i].thread, NULL);
	tell(r, 3);
	return 0;
}

/* The kernel gives out the id after the one that is written here. */
static void next_id(pid_t id)
{
	FILE *f = fopen("/proc/sys/kernel/ns_last_pid", "w");

	if (!f || fprintf(f, "%d", (int)id - 1) < 0 || fclose(f)) {
		perror("ns_last_pid");
		exit(77);
	}
}

static int reuse(void)
{
	static struct reader r[THREADS];

	for (unsigned int i = 0; i < THREADS; i++) {
		r[i] = (struct reader){.number = i, .reads = (i + 1) * UNIT};
		next_id(20000);
		start(&r[i]);
		pthread_join(r[i].thread, NULL);
	}
	tell(r, THREADS);
	return 0;
}

static int many(unsigned int nr)
{
	struct reader r[WAVE];
	unsigned int done = 0;
	char c;

	while (done < nr) {
		unsigned int n = nr - done < WAVE ? nr - done : WAVE;

		for (unsigned int i = 0; i < n; i++) {
			r[i] = (struct reader){.reads = 1};
			start(&r[i]);
		}
		for (unsigned int i = 0; i < n; i++)
			pthread_join(r[i].thread, NULL);
		done += n;
	}
	printf("%u\n", done);
	fflush(stdout);
	return read(0, &c, 1) != 0;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	fd = open(argv[2], O_RDONLY | O_DIRECT);
	if (fd < 0) {
		perror(argv[2]);
		return 1;
	}
	if (!strcmp(argv[1], "names"))
		return names();
	if (!strcmp(argv[1], "reuse"))
		return reuse();
	return argc == 4 && !strcmp(argv[1], "many") ? many((unsigned int)strtoul(argv[3], NULL, 10)) : 2;
}
