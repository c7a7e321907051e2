/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * A program whose plugins do the I/O, and a plugin. With -DPLUGIN -shared: the plugin. Else: HOW FILE, loads
 * ./plugin.so many times in the manner HOW (deepbind, local, global) and prints what its calls returned.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK  4096
#define BLOCKS 64
#define LOADS  50

#ifdef PLUGIN
static void *reads(void *arg)
{
	int fd = *(int *)arg;
	long sum = 0;
	void *buf;

	if (posix_memalign(&buf, BLOCK, BLOCK))
		return NULL;
	for (long i = 0; i < BLOCKS; i++)
		if (pread(fd, buf, BLOCK, i * BLOCK) == BLOCK)
			sum += *(unsigned char *)buf;
	free(buf);
	return (void *)sum;
}

/* Writes, reads in a thread, forks, fails on purpose. */
long plugin_work(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_DIRECT, 0600), status = 0;
	long written = 0;
	void *buf, *sum;
	pthread_t t;
	pid_t pid;

	if (fd < 0 || posix_memalign(&buf, BLOCK, BLOCK))
		return -errno;
	for (long i = 0; i < BLOCKS; i++) {
		memset(buf, (int)i, BLOCK);
		written += pwrite(fd, buf, BLOCK, i * BLOCK);
	}
	free(buf);
	if (pthread_create(&t, NULL, reads, &fd) || pthread_join(t, &sum))
		return -1;
	pid = fork();
	if (pid == 0)
		_exit(syscall(SYS_getppid) > 0 ? 7 : 8);
	waitpid(pid, &status, 0);
	if (syscall(SYS_close, -1) != -1 || errno != EBADF || close(fd) || close(fd) != -1)
		return -2;
	return written + (long)sum + WEXITSTATUS(status);
}
#else
int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int flags;
	} how[] = {{"deepbind", RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND},
		   {"local", RTLD_LAZY | RTLD_LOCAL},
		   {"global", RTLD_NOW | RTLD_GLOBAL}};
	int flags = 0;

	for (size_t i = 0; argc == 3 && i < sizeof(how) / sizeof(how[0]); i++)
		if (!strcmp(how[i].name, argv[1]))
			flags = how[i].flags;
	for (int i = 0; flags && i < LOADS; i++) {
		void *plugin = dlopen("./plugin.so", flags);
		long (*work)(const char *) = plugin ? (long (*)(const char *))dlsym(plugin, "plugin_work") : NULL;

		if (!work) {
			puts(dlerror());
			return 1;
		}
		if (i % (LOADS - 1) == 0)
			printf("%s: %ld\n", argv[1], work(argv[2]));
		dlclose(plugin);
	}
	return flags ? 5 : 2;
}
#endif
