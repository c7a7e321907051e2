/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * A program that knows nothing of DAM, at the moments at which an interposer could do it harm: each mode is one that
 * did. Usage: MODE FILE. Prints "pid operations" for each process that counts; exit status 0 if all went well.
 */
#include "config.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <liburing.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "tests/preload_prog.h"

#define SKIPPED 77

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ON(nr, action) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1), BPF_STMT(BPF_RET | BPF_K, (action))
#define ELSE(action) BPF_STMT(BPF_RET | BPF_K, (action))
#define PROG(code) ((struct sock_fprog){sizeof(code) / sizeof((code)[0]), code})

/* What this program does not call in mode "jailed", whatever its C library; and what the library might. */
#define DIES(nr) ON(nr, SECCOMP_RET_KILL_PROCESS)

static int jail(void)
{
	struct sock_filter code[] = {
		LOAD(nr), DIES(SYS_rt_sigprocmask), DIES(SYS_madvise), DIES(SYS_getpid), DIES(SYS_gettid),
		DIES(SYS_geteuid), DIES(SYS_fcntl), DIES(SYS_fstatfs), DIES(SYS_readlinkat), DIES(SYS_socket),
		DIES(SYS_connect), DIES(SYS_sched_getaffinity), DIES(SYS_sched_setaffinity), DIES(SYS_nanosleep),
		ELSE(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = PROG(code);

	need(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) && !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0),
	     "seccomp");
	execl(self, self, "jailed", path, (char *)NULL);
	return 3;
}

static int mode_jail(void)
{
	/* with these the user says that a filter which comes with the process is no reason to stay out */
	unsetenv("DAM_RUNTIME_DIR");
	unsetenv("DAM_RUN_ID");
	return jail();
}

/* The filter has been there all the time: the library never knew when it came. */
static int mode_jailed(void)
{
	struct iovec v = {buf, 4096};
	io_context_t ctx = NULL;
	struct iocb cb, *one = &cb;
	struct io_event event;
	long direct, buffered = open(path, O_RDONLY);

	open_all();
	need(!io_uring_register_files(&ring, &fd, 1), "fixed file");
	reads(20);
	need(!io_setup(1, &ctx), "context");
	for (int i = 0; i < 2000; i++) { /* now and then a descriptor is asked about again */
		direct = pread(fd, buf, 4096, 0);
		need(direct == 4096 && read((int)buffered, buf, 1) >= 0 && preadv(fd, &v, 1, 0) == 4096, "plain");
	}
	io_prep_pread(&cb, fd, buf, 4096, 0);
	need(io_submit(ctx, 1, &one) == 1 && io_getevents(ctx, 1, 1, &event, NULL) == 1, "libaio");
	need(ioctl(fd, 0x2285 /* SG_IO */, buf) == -1, "ioctl");
	io_uring_queue_exit(&ring);
	need(!close(fd), "close");
	return write(1, "", 0);
}

static void *registers(void *arg)
{
	struct io_uring own;
	sem_t *begun = arg;

	need(!io_uring_queue_init(1, &own, 0) && !io_uring_register_files(&own, &fd, 1), "ring");
	sem_post(begun);
	for (;;) /* the library looks at each file that is registered */
		io_uring_register_files_update(&own, 0, &fd, 1);
	return NULL;
}

/* All threads get the filter at once, the others in the midst of whatever they do. */
static int mode_all_threads(void)
{
	struct sock_filter code[] = {
		LOAD(nr), ON(SYS_io_uring_register, SECCOMP_RET_ALLOW), ON(SYS_exit_group, SECCOMP_RET_ALLOW),
		ELSE(SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog prog = PROG(code);
	pthread_t thread;
	sem_t begun;

	open_all();
	sem_init(&begun, 0, 0);
	need(!io_uring_register_files(&ring, &fd, 1), "fixed file");
	for (int i = 0; i < 4; i++)
		need(!pthread_create(&thread, NULL, registers, &begun), "thread");
	for (int i = 0; i < 4; i++)
		sem_wait(&begun);
	need(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	need(!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog), "seccomp");
	for (int i = 0; i < 1000; i++)
		io_uring_register_files_update(&ring, 0, &fd, 1);
	_exit(0);
}

static sem_t filtered, held, forked;
static int listener;

/* Answers for the kernel: lets each call go on; the first only after the fork. */
static void *lets_go_on(void *arg)
{
	sem_wait(&filtered);
	for (bool first = true;; first = false) {
		struct seccomp_notif n = {0};
		struct seccomp_notif_resp r = {.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};

		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n))
			continue;
		if (first) {
			sem_post(&held);
			sem_wait(&forked);
		}
		r.id = n.id;
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &r);
	}
	return arg;
}

static void *reads_once(void *arg)
{
	sem_wait(&filtered);
	reads(20);
	sem_post(&held); /* it was not held up */
	return arg;
}

/* A thread submits for the first time, and while the library gets ready for it another one forks. */
static int mode_fork_asking(void)
{
	/* by its advice, the third argument, madvise() is told from what others do */
	struct sock_filter code[] = {
		LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3), LOAD(args[2]),
		ON(MADV_WIPEONFORK, SECCOMP_RET_USER_NOTIF), ELSE(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = PROG(code);
	const long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC |
			   SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
	pthread_t reader, supervisor;
	int status;
	pid_t pid;

	open_all();
	sem_init(&filtered, 0, 0);
	sem_init(&held, 0, 0);
	sem_init(&forked, 0, 0);
	need(!pthread_create(&supervisor, NULL, lets_go_on, NULL), "thread");
	need(!pthread_create(&reader, NULL, reads_once, NULL), "thread");
	need(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	/* unseen by the library, or it would do nothing more */
	listener = (int)dam_sys3(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, (long)&prog);
	if (listener < 0)
		return SKIPPED;
	sem_post(&filtered);
	sem_post(&filtered);
	sem_wait(&held);
	pid = fork();
	if (pid == 0) {
		io_uring_queue_exit(&ring);
		open_all();
		reads(30);
		tell();
		exit(0);
	}
	sem_post(&forked);
	need(!pthread_join(reader, NULL) && waitpid(pid, &status, 0) == pid && !status, "child");
	tell();
	return 0;
}

static void *nothing(void *arg)
{
	return arg;
}

/* Such as the library would like to load, and cannot: they are empty. */
static const char *const unwinders[] = {"libunwind-x86_64.so.8", "libunwind-aarch64.so.8"};

static int mode_no_unwinder(void)
{
	pthread_t thread;
	char at[512];

	dlerror();
	need(!pthread_create(&thread, NULL, nothing, NULL) && !pthread_join(thread, NULL), "thread");
	need(!dlerror(), "an error that is not the program's");
	for (int i = 0; i < 2; i++) {
		snprintf(at, sizeof(at), "%s.d/%s", path, unwinders[i]);
		unlink(at);
	}
	snprintf(at, sizeof(at), "%s.d", path);
	return rmdir(at);
}

static int mode_hide_unwinder(void)
{
	const char *old = getenv("LD_LIBRARY_PATH");
	char at[512], list[1024];

	snprintf(at, sizeof(at), "%s.d", path);
	snprintf(list, sizeof(list), "%s:%s", at, old ? old : "");
	mkdir(at, 0700);
	for (int i = 0; i < 2; i++) {
		snprintf(at, sizeof(at), "%s.d/%s", path, unwinders[i]);
		close(open(at, O_CREAT | O_WRONLY, 0600));
	}
	setenv("LD_LIBRARY_PATH", list, 1);
	execl(self, self, "no-unwinder", path, (char *)NULL);
	return 3;
}

static long faults(void)
{
	struct rusage u;

	getrusage(RUSAGE_THREAD, &u);
	return u.ru_minflt;
}

/* A program that closes all descriptors there may be, as each child of a shell in some language does. */
static int mode_untouched(void)
{
	const int most = 16; /* pages; a table of all descriptors has 64 */
	long before;

	close_range(2000, 2000, 0);
	before = faults();
	need(!close_range(1000, ~0u, 0), "close_range");
	need(faults() - before < most, "close_range touches memory");
	before = faults();
	closefrom(1000);
	need(faults() - before < most, "closefrom touches memory");
	return 0;
}

static long locked_kib(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[128];
	long kib = -1;

	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmLck: %ld", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

/* A real-time program: all of its memory, and all that it may get, is there from the beginning, and counted. */
static int mode_locked(void)
{
	const long most = 1024; /* the library's counters are 16 times as large */
	long before;

	open_all();
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		return SKIPPED;
	before = locked_kib();
	/* until the coordinator has answered */
	for (int i = 0; i < 100; i++) {
		reads(1);
		usleep(1000);
	}
	need(locked_kib() - before < most, "more is locked than before");
	tell();
	return 0;
}

/* Plain reads alone, until the file named STOP beside the data file appears. */
static int mode_until_plain(void)
{
	char stop[256];

	snprintf(stop, sizeof(stop), "%s.stop", path);
	fd = open(path, O_RDONLY | O_DIRECT);
	while (access(stop, F_OK)) {
		need(pread(fd, buf, 4096, 0) == 4096, "pread");
		usleep(500);
	}
	return 0;
}

extern void (*preload_torn)(void); /* see preload_torn.c */
static struct io_uring *short_lived;
static io_context_t short_ctx;

static void tear_ring(void)
{
	struct io_uring_cqe *cqe;

	need(!io_uring_wait_cqe(short_lived, &cqe) && cqe->res == 4096, "read");
	io_uring_queue_exit(short_lived);
	need(!munmap(short_lived, sizeof(*short_lived)), "munmap");
}

/* The last completion is seen, and the ring gone, before the thread that submitted has come back. */
static int mode_torn_ring(void)
{
	const int prot = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;

	open_all();
	reads(10);
	preload_torn = tear_ring;
	for (int i = 0; i < 60; i++) {
		short_lived = mmap(NULL, sizeof(*short_lived), prot, flags, -1, 0);
		need(!io_uring_queue_init(4, short_lived, 0), "ring");
		io_uring_prep_read(io_uring_get_sqe(short_lived), fd, buf, 4096, 0);
		need(io_uring_submit(short_lived) == 1, "submit");
		if (i % 10 == 0)
			usleep(10000); /* who submits rarely is looked at more closely */
	}
	return 0;
}

static void tear_context(void)
{
	struct io_event event;

	need(io_getevents(short_ctx, 1, 1, &event, NULL) == 1 && event.res == 4096, "read");
	need(!io_destroy(short_ctx), "io_destroy");
}

static int mode_torn_context(void)
{
	struct iocb cb, *one = &cb;

	open_all();
	for (int i = 0; i < 10; i++) {
		short_ctx = NULL;
		need(!io_setup(4, &short_ctx), "context");
		io_prep_pread(&cb, fd, buf, 4096, 0);
		preload_torn = tear_context;
		need(io_submit(short_ctx, 1, &one) == 1, "submit");
		preload_torn = NULL;
		/* it is gone, and that is for the kernel to say */
		need(io_submit(short_ctx, 1, &one) == -EINVAL, "a context that is gone");
		usleep(10000);
	}
	return 0;
}

static const struct mode modes[] = {
	{"jail", mode_jail}, {"jail-invited", jail}, {"jailed", mode_jailed}, {"all-threads", mode_all_threads},
	{"fork-asking", mode_fork_asking}, {"untouched", mode_untouched}, {"until-plain", mode_until_plain},
	{"hide-unwinder", mode_hide_unwinder}, {"no-unwinder", mode_no_unwinder},
	{"locked", mode_locked}, {"torn-ring", mode_torn_ring}, {"torn-context", mode_torn_context},
};

int main(int argc, char **argv)
{
	return run_mode(argc, argv, modes, sizeof(modes) / sizeof(modes[0]));
}
