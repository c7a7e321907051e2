/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Loaded into the coordinator. Between its look at a process's rings and the one at the process's threads, the machine
 * stands still for a while, and then the process has made up for it before the threads are read. Or, with HELD_UP=look,
 * the coordinator alone stands still at each ring, just after it was looked at.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HELD_US 30000

static bool at_looks(void)
{
	const char *where = getenv("HELD_UP");

	return where && !strcmp(where, "look");
}

/* A ring is mapped for the look only. */
int munmap(void *at, size_t size)
{
	int (*real)(void *, size_t) = (int (*)(void *, size_t))dlsym(RTLD_NEXT, "munmap");

	if (at_looks())
		usleep(HELD_US);
	return real(at, size);
}

DIR *opendir(const char *path)
{
	DIR *(*real)(const char *) = (DIR * (*)(const char *)) dlsym(RTLD_NEXT, "opendir");
	char what[8];
	DIR *dir;
	int pid;

	if (at_looks() || sscanf(path, "/proc/%d/%7s", &pid, what) != 2 || strcmp(what, "task") != 0)
		return real(path);
	kill(pid, SIGSTOP);
	usleep(HELD_US);
	dir = real(path);
	kill(pid, SIGCONT);
	return dir;
}
