/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * A program with threads that read a device through io_uring, free to run anywhere, and tells how fast it was.
 *
 * It stands for the unaware program: its threads happen to start where -s says and ask for nothing. To get
 * there, a thread narrows its own mask for a moment and widens it again before its first submission. That is
 * done by the bare system call instruction: through libc it would be a pin, which DAM rightly respects.
 * With -p the threads stay there by pthread_setaffinity_np(), as a program does that pins itself.
 * A thread first reads one block and waits for the others, so that nothing but reading goes on after it took its place.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define MAX_THREADS   64
#define MAX_PLACES    8
#define MAX_DEPTH     256
#define MAX_INTERVALS 1024
#define INTERVAL_NS   500000000ull

static struct {
	unsigned int threads, depth, block, seconds;
	bool pin, sequential;
	unsigned int rate; /* bytes/s of each thread; 0: as many as it gets */
	unsigned int nr_places; /* thread i starts on place[i % nr_places] */
	cpu_set_t place[MAX_PLACES];
	const char *device;
	uint64_t size;
} opt = {.threads = 2, .depth = 8, .block = 65536, .seconds = 8};

struct worker {
	pthread_t thread;
	unsigned int index;
	pid_t tid;
	_Atomic int cpu; /* where it last looked */
	_Atomic uint64_t bytes;
	uint64_t ops;
};

static struct worker worker[MAX_THREADS];
static pthread_barrier_t ready;
static atomic_bool stop;

static void die(const char *what, int err)
{
	fprintf(stderr, "dam_load: %s: %s\n", what, strerror(err));
	exit(1);
}

/* sched_setaffinity(2) for the calling thread, unseen by any library. */
static long bare_setaffinity(const cpu_set_t *set)
{
#if defined(__x86_64__)
	long ret;

	__asm__ volatile("syscall" : "=a"(ret)
			 : "a"(SYS_sched_setaffinity), "D"(0), "S"(sizeof(*set)), "d"(set)
			 : "rcx", "r11", "memory");
	return ret;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = SYS_sched_setaffinity;
	register long x0 __asm__("x0") = 0;
	register long x1 __asm__("x1") = sizeof(*set);
	register long x2 __asm__("x2") = (long)set;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
	return x0;
#else
#error "write the bare system call for this architecture"
#endif
}

static void take_place(const struct worker *w)
{
	long nr_cpus = sysconf(_SC_NPROCESSORS_ONLN), ret;
	const cpu_set_t *place;
	cpu_set_t all;

	if (!opt.nr_places)
		return;
	place = &opt.place[w->index % opt.nr_places];
	if (opt.pin) {
		ret = pthread_setaffinity_np(pthread_self(), sizeof(*place), place);
		if (ret)
			die("pthread_setaffinity_np", (int)ret);
		return;
	}
	CPU_ZERO(&all);
	for (long i = 0; i < nr_cpus; i++)
		CPU_SET((size_t)i, &all);
	ret = bare_setaffinity(place);
	if (!ret)
		ret = bare_setaffinity(&all);
	if (ret)
		die("sched_setaffinity", (int)-ret);
}

static void sleep_until(uint64_t ns)
{
	struct timespec ts = {(time_t)(ns / 1000000000ull), (long)(ns % 1000000000ull)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

static uint64_t next_offset(uint64_t *state)
{
	uint64_t blocks = opt.size / opt.block;

	if (opt.sequential)
		return (*state)++ % blocks * opt.block;
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (*state >> 33) % blocks * opt.block;
}

static void queue_read(struct io_uring *ring, int fd, char *buf, unsigned int i, uint64_t *state)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	if (!sqe)
		die("submission queue", EBUSY);
	io_uring_prep_read(sqe, fd, buf + (size_t)i * opt.block, opt.block, next_offset(state));
	io_uring_sqe_set_data64(sqe, i);
}

/* Submit what is queued, wait for at least one request, count all that are done; @again: and queue as many anew. */
static unsigned int turn(struct worker *w, struct io_uring *ring, int fd, char *buf, uint64_t *state, bool again)
{
	int ret = io_uring_submit_and_wait(ring, 1);
	struct io_uring_cqe *cqe;
	unsigned int done = 0;

	if (ret < 0 && ret != -EINTR)
		die("io_uring_submit_and_wait", -ret);
	while (!io_uring_peek_cqe(ring, &cqe)) {
		if (cqe->res != (int)opt.block)
			die("read", cqe->res < 0 ? -cqe->res : EIO);
		done++;
		w->ops++;
		atomic_store_explicit(&w->cpu, sched_getcpu(), memory_order_relaxed);
		atomic_fetch_add_explicit(&w->bytes, opt.block, memory_order_relaxed);
		if (again)
			queue_read(ring, fd, buf, (unsigned int)cqe->user_data, state);
		io_uring_cqe_seen(ring, cqe);
	}
	return done;
}

/* One block; then, with the others, a full queue until told to stop, and what is in flight then. */
static void read_until_stopped(struct worker *w, struct io_uring *ring, int fd, char *buf)
{
	uint64_t state = w->index * 0x9e3779b97f4a7c15ull;
	unsigned int inflight = opt.depth;

	queue_read(ring, fd, buf, 0, &state);
	while (!turn(w, ring, fd, buf, &state, false))
		;
	pthread_barrier_wait(&ready);
	/* after the barrier, because a wake-up may bring the thread to the waker's node */
	take_place(w);
	for (unsigned int i = 0; i < opt.depth; i++)
		queue_read(ring, fd, buf, i, &state);
	while (!atomic_load_explicit(&stop, memory_order_relaxed))
		turn(w, ring, fd, buf, &state, true);
	while (inflight)
		inflight -= turn(w, ring, fd, buf, &state, false);
}

/* One block after the other, each at its time: what does not keep up is not made up for. */
static void read_at_rate(struct worker *w, struct io_uring *ring, int fd, char *buf)
{
	uint64_t state = w->index * 0x9e3779b97f4a7c15ull, due;

	queue_read(ring, fd, buf, 0, &state);
	while (!turn(w, ring, fd, buf, &state, false))
		;
	pthread_barrier_wait(&ready);
	take_place(w);
	due = dam_now_ns();
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		uint64_t now = dam_now_ns();

		due += opt.block * 1000000000ull / opt.rate;
		if (due < now)
			due = now;
		sleep_until(due);
		queue_read(ring, fd, buf, 0, &state);
		while (!turn(w, ring, fd, buf, &state, false))
			;
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct io_uring ring;
	int fd = open(opt.device, O_RDONLY | O_DIRECT | O_CLOEXEC);
	char *buf = aligned_alloc(4096, (size_t)opt.depth * opt.block);
	int ret;

	if (fd < 0)
		die(opt.device, errno);
	if (!buf)
		die("memory", ENOMEM);
	memset(buf, 0, (size_t)opt.depth * opt.block);
	w->tid = gettid();
	ret = io_uring_queue_init(opt.depth, &ring, 0);
	if (ret)
		die("io_uring_queue_init", -ret);
	if (opt.rate)
		read_at_rate(w, &ring, fd, buf);
	else
		read_until_stopped(w, &ring, fd, buf);
	io_uring_queue_exit(&ring);
	close(fd);
	free(buf);
	return NULL;
}

static uint64_t sum_bytes(void)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < opt.threads; i++)
		sum += atomic_load_explicit(&worker[i].bytes, memory_order_relaxed);
	return sum;
}

static void print_interval(uint64_t ms, uint64_t bytes, bool first)
{
	printf("%s[%llu,%llu,[", first ? "" : ",", (unsigned long long)ms, (unsigned long long)bytes);
	for (unsigned int i = 0; i < opt.threads; i++)
		printf("%s%d", i ? "," : "", atomic_load_explicit(&worker[i].cpu, memory_order_relaxed));
	printf("]]");
}

/* One line of JSON: intervals as [milliseconds, bytes of all threads, [the CPU of each]], then the threads. */
static void watch_and_report(void)
{
	uint64_t start = dam_now_ns(), end = start + opt.seconds * 1000000000ull, then = start, done = 0;

	printf("{\"intervals\":[");
	for (uint64_t at = start + INTERVAL_NS; at <= end; at += INTERVAL_NS) {
		uint64_t now, bytes;

		sleep_until(at);
		now = dam_now_ns();
		bytes = sum_bytes();
		print_interval((now - then) / 1000000, bytes - done, then == start);
		then = now;
		done = bytes;
	}
	stop = true;
	printf("],\"threads\":[");
	for (unsigned int i = 0; i < opt.threads; i++) {
		const struct worker *w = &worker[i];

		pthread_join(w->thread, NULL);
		printf("%s{\"tid\":%d,\"read_bytes\":%llu,\"read_ops\":%llu}", i ? "," : "", w->tid,
		       (unsigned long long)w->bytes, (unsigned long long)w->ops);
	}
	printf("]}\n");
}

/* "0-1/2-3": the CPUs that threads 0, 2, … and threads 1, 3, … start on. */
static void parse_places(char *text)
{
	for (char *part = strtok(text, "/"); part; part = strtok(NULL, "/")) {
		unsigned int lo, hi;
		int n = sscanf(part, "%u-%u", &lo, &hi);

		if (n < 1 || opt.nr_places == MAX_PLACES)
			die(part, EINVAL);
		CPU_ZERO(&opt.place[opt.nr_places]);
		for (unsigned int c = lo; c <= (n == 2 ? hi : lo) && c < CPU_SETSIZE; c++)
			CPU_SET(c, &opt.place[opt.nr_places]);
		opt.nr_places++;
	}
}

static unsigned int number(const char *text, unsigned int max)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || !n || n > max)
		die(text, EINVAL);
	return (unsigned int)n;
}

static void parse(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "n:q:b:t:r:s:pS")) != -1) {
		switch (c) {
		case 'n': opt.threads = number(optarg, MAX_THREADS); break;
		case 'q': opt.depth = number(optarg, MAX_DEPTH); break;
		case 'b': opt.block = number(optarg, 1u << 20) & ~4095u; break;
		case 't': opt.seconds = number(optarg, MAX_INTERVALS / 2); break;
		case 'r': opt.rate = number(optarg, 1u << 30); break;
		case 's': parse_places(optarg); break;
		case 'p': opt.pin = true; break;
		case 'S': opt.sequential = true; break;
		default: optind = argc; break;
		}
	}
	if (optind != argc - 1 || !opt.block || (opt.pin && !opt.nr_places)) {
		fprintf(stderr, "usage: dam_load [-n threads] [-q depth] [-b bytes] [-t seconds]"
				" [-r bytes/s] [-s cpus/cpus...] [-p] [-S] DEVICE\n");
		exit(2);
	}
	opt.device = argv[optind];
}

static void find_size(void)
{
	int fd = open(opt.device, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		die(opt.device, errno);
	opt.size = (uint64_t)st.st_size;
	if (S_ISBLK(st.st_mode) && ioctl(fd, BLKGETSIZE64, &opt.size))
		die("BLKGETSIZE64", errno);
	if (opt.size < opt.block)
		die(opt.device, ENOSPC);
	close(fd);
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	find_size();
	pthread_barrier_init(&ready, NULL, opt.threads + 1);
	for (unsigned int i = 0; i < opt.threads; i++) {
		worker[i].index = i;
		if (pthread_create(&worker[i].thread, NULL, work, &worker[i]))
			die("pthread_create", EAGAIN);
	}
	pthread_barrier_wait(&ready);
	watch_and_report();
	return 0;
}
