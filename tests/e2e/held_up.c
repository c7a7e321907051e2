/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Loaded into the coordinator: between its look at a process's rings and the one at the process's threads, the machine
 * stands still for a while, and then the process has made up for it before the threads are read.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HELD_US 30000

DIR *opendir(const char *path)
{
	DIR *(*real)(const char *) = (DIR * (*)(const char *)) dlsym(RTLD_NEXT, "opendir");
	char what[8];
	DIR *dir;
	int pid;

	if (sscanf(path, "/proc/%d/%7s", &pid, what) != 2 || strcmp(what, "task") != 0)
		return real(path);
	kill(pid, SIGSTOP);
	usleep(HELD_US);
	dir = real(path);
	kill(pid, SIGCONT);
	return dir;
}
