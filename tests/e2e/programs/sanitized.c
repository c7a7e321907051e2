/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* For a sanitizer: threads, I/O; with an argument also a mistake that it has to report: "overflow" or "race". */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 4096

static volatile int shared;
static int racing;

static void *work(void *arg)
{
	char *p = malloc(100);

	memset(p, 1, 100);
	if (racing)
		for (int i = 0; i < 1000; i++)
			shared++;
	free(p);
	return arg;
}

int main(int argc, char **argv)
{
	int fd = open("data", O_RDWR | O_CREAT | O_DIRECT, 0600);
	volatile int past = BLOCK;
	pthread_t t[4];
	long done = 0;
	char *buf;

	racing = argc > 1 && !strcmp(argv[1], "race");
	if (fd < 0 || posix_memalign((void **)&buf, BLOCK, BLOCK))
		return 1;
	memset(buf, 7, BLOCK);
	for (int i = 0; i < 50; i++)
		done += pwrite(fd, buf, BLOCK, 0);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, work, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	if (argc > 1 && !strcmp(argv[1], "overflow"))
		buf[past] = 1;
	free(buf);
	printf("%ld\n", done);
	return 6;
}
