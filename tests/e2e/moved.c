/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * What a program can see of its being moved: moved FILE. Threads read FILE directly until one of them is moved (the
 * kernel's own word for it, which no hook hides); that one then asks for its mask in every way there is, by children
 * of every kind and by new threads, many times. Prints what is not the original mask; exit status 0: nothing.
 * moved FILE PROGRAM ARG…: PROGRAM goes on until it is killed, and the library cannot enter it.
 */
#include "config.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <threads.h>
#include <unistd.h>

#include "base/clock.h"

#define THREADS 4
#define BLOCK	65536
#define ROUNDS	40
#define WAIT_NS (30 * DAM_NS_PER_S)

extern char **environ;

static const char *path, *self;
static char **foreign;
static cpu_set_t original;
static char original_line[512];
static unsigned int wrong, asked;
static int moved_thread; /* 0: none; the first one that is takes it */

static __attribute__((format(printf, 1, 2))) void differs(const char *format, ...)
{
	va_list ap;

	__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
	va_start(ap, format);
	vdprintf(STDOUT_FILENO, format, ap);
	va_end(ap);
}

/* What the kernel says, past every hook. */
static void kernel_mask(const char *file, char out[512])
{
	FILE *f = fopen(file, "r");

	out[0] = '\0';
	while (f && fgets(out, 512, f))
		if (!strncmp(out, "Cpus_allowed_list:", 18))
			break;
	if (f)
		fclose(f);
}

static bool sees_original(void)
{
	cpu_set_t now;

	return !sched_getaffinity(0, sizeof(now), &now) && CPU_EQUAL(&now, &original);
}

static void expect(bool ok, const char *what)
{
	asked++;
	if (!ok)
		differs("%s: not the original mask\n", what);
}

static void child(const char *what, pid_t pid)
{
	int status = -1;

	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		differs("%s: no child\n", what);
	else
		expect(WEXITSTATUS(status) == 0, what);
}

static void by_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(!sees_original());
	child("fork", pid);
}

static void by_bare_fork(void)
{
	pid_t pid = _Fork();

	if (pid == 0)
		_exit(!sees_original());
	child("_Fork", pid);
}

static void by_vfork(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		execl(self, self, "mask", original_line, (char *)NULL);
		_exit(127);
	}
	child("vfork and exec", pid);
}

static void by_spawn(void)
{
	char *const argv[] = {(char *)self, "mask", original_line, NULL};
	pid_t pid = -1;

	if (posix_spawn(&pid, self, NULL, NULL, argv, environ))
		pid = -1;
	child("posix_spawn", pid);
}

static void by_shell(void)
{
	char command[64];

	snprintf(command, sizeof(command), "exit $(($(nproc) != %d))", CPU_COUNT(&original));
	expect(system(command) == 0, "nproc in a shell");
}

static void *in_thread(void *arg)
{
	*(bool *)arg = sees_original();
	return NULL;
}

static int in_thrd(void *arg)
{
	return sees_original() ? 0 : (int)(arg == NULL);
}

static void by_threads(void)
{
	bool ok = false;
	pthread_t t;
	thrd_t c11;
	int ret = 1;

	if (!pthread_create(&t, NULL, in_thread, &ok))
		pthread_join(t, NULL);
	expect(ok, "a new thread");
	if (thrd_create(&c11, in_thrd, NULL) == thrd_success)
		thrd_join(c11, &ret);
	expect(ret == 0, "a new thread by thrd_create");
}

static void by_calls(void)
{
	unsigned char raw[128] = {0};
	cpu_set_t now;

	expect(sees_original(), "sched_getaffinity");
	expect(!sched_getaffinity(gettid(), sizeof(now), &now) && CPU_EQUAL(&now, &original), "by thread id");
	expect(!pthread_getaffinity_np(pthread_self(), sizeof(now), &now) && CPU_EQUAL(&now, &original),
	       "pthread_getaffinity_np");
	expect(syscall(SYS_sched_getaffinity, 0, sizeof(raw), raw) > 0 && !memcmp(raw, &original, sizeof(raw)),
	       "syscall");
}

/* Save, pin, look, restore, look: a pin of the program's own, after which DAM lets the thread alone. */
static void save_pin_restore(void)
{
	cpu_set_t saved, pin, now;
	int cpu = 0;

	expect(!sched_getaffinity(0, sizeof(saved), &saved) && CPU_EQUAL(&saved, &original), "saved");
	while (!CPU_ISSET(cpu, &saved))
		cpu++;
	CPU_ZERO(&pin);
	CPU_SET(cpu, &pin);
	sched_setaffinity(0, sizeof(pin), &pin);
	expect(!sched_getaffinity(0, sizeof(now), &now) && CPU_EQUAL(&now, &pin), "the program's own pin");
	sched_setaffinity(0, sizeof(saved), &saved);
	expect(sees_original(), "restored");
}

/* A child that goes on: in the end the kernel says so too. */
static void settles(pid_t pid, const char *what)
{
	char file[64], now[512];
	uint64_t begin = dam_now_ns();

	snprintf(file, sizeof(file), "/proc/%d/status", (int)pid);
	do {
		usleep(5000);
		kernel_mask(file, now);
	} while (strcmp(now, original_line) && dam_now_ns() - begin < WAIT_NS);
	expect(!strcmp(now, original_line), what);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void children_settle(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		for (;;)
			pause();
	}
	settles(pid, "the kernel's word on a forked child");
	if (foreign && !posix_spawnp(&pid, foreign[0], NULL, NULL, foreign, environ))
		settles(pid, "the kernel's word on a child without the library");
}

static void ask_all(void)
{
	static void (*const ask[])(void) = {by_calls, by_threads, by_fork, by_bare_fork, by_vfork, by_spawn, by_shell};
	char now[512];

	for (int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < sizeof(ask) / sizeof(ask[0]); i++)
			ask[i]();
	children_settle();
	kernel_mask("/proc/thread-self/status", now);
	if (!strcmp(now, original_line))
		differs("the thread did not stay where it was moved: no proof\n");
	save_pin_restore();
}

static void *reads(void *arg)
{
	int fd = open(path, O_RDONLY | O_DIRECT), none = 0;
	uint64_t begin = dam_now_ns(), turn = 0;
	char now[512];
	void *buf;

	(void)arg;
	if (fd < 0 || posix_memalign(&buf, BLOCK, BLOCK)) {
		differs("cannot read %s\n", path);
		return NULL;
	}
	while (__atomic_load_n(&moved_thread, __ATOMIC_RELAXED) == 0 && dam_now_ns() - begin < WAIT_NS) {
		if (pread(fd, buf, BLOCK, (off_t)(turn++ % 64) * BLOCK) != BLOCK)
			differs("a short read\n");
		usleep(1000);
		kernel_mask("/proc/thread-self/status", now);
		if (strcmp(now, original_line) &&
		    __atomic_compare_exchange_n(&moved_thread, &none, gettid(), false, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			ask_all();
	}
	close(fd);
	free(buf);
	return NULL;
}

/* An executed child: "mask LINE", the line being what the kernel said of its parent's original. */
static int print_mask(const char *want)
{
	char list[512] = "Cpus_allowed_list:\t";
	size_t at = strlen(list);
	cpu_set_t now;

	if (sched_getaffinity(0, sizeof(now), &now))
		return 2;
	for (int cpu = 0, from = -1; cpu <= CPU_SETSIZE && at < sizeof(list) - 32; cpu++) {
		bool has = cpu < CPU_SETSIZE && CPU_ISSET(cpu, &now);

		if (has && from < 0)
			from = cpu;
		if (has || from < 0)
			continue;
		at += (size_t)snprintf(list + at, sizeof(list) - at, from == cpu - 1 ? "%s%d" : "%s%d-%d",
				       list[at - 1] == '\t' ? "" : ",", from, cpu - 1);
		from = -1;
	}
	return strncmp(list, want, at) != 0 || want[at] != '\n';
}

int main(int argc, char **argv)
{
	pthread_t t[THREADS];

	if (argc == 3 && !strcmp(argv[1], "mask"))
		return print_mask(argv[2]);
	if (argc < 2)
		return 2;
	self = argv[0];
	path = argv[1];
	foreign = argc > 2 ? argv + 2 : NULL;
	sched_getaffinity(0, sizeof(original), &original);
	kernel_mask("/proc/thread-self/status", original_line);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, reads, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	printf("%u answers asked for, %u wrong; moved: thread %d\n", asked, wrong, moved_thread);
	return !moved_thread ? 3 : wrong != 0;
}
