/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * A program that no library can enter: linked statically, and every call to io_uring is a raw
 * system call.
 *
 * raw_uring read FILE BLOCK OPS         reads with O_DIRECT, eight at a time, prints what it read as JSON
 * raw_uring clone FILE BLOCK OPS        the same, in a thread that no library has made
 * raw_uring registered FILE BLOCK OPS   the same, by a ring without a descriptor, which the kernel knows by a number
 * raw_uring pipe FILE ROUNDS            rings with a pipe's end registered: closed while observed, is the end closed
 *                                       at once?
 * raw_uring hidden FILE                 a ring behind thousands of descriptors; reads until its input ends
 * raw_uring nommap FILE                 a ring in memory of its own; until its input ends
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/sys.h"

#define DEPTH	  8
#define MAX_BLOCK (1u << 20)
#define FILE_SIZE (16u << 20)
#define NO_MMAP	  (1u << 14)
#define STACK	  (256u << 10)
#define REGISTER_RING_FDS     20 /* newer than some headers */
#define ENTER_REGISTERED_RING (1u << 4)
#define HIDDEN	  3000			/* descriptors before the ring's */
#define BUSY_NS	  (300 * DAM_NS_PER_MS) /* a ring is used for as long, so that it is observed */
#define READ_NS	  (700 * DAM_NS_PER_MS) /* what lives shorter may be missed, and misses little */
#define CLOSED_MS 5000			/* a pipe that is held stays open for ever */

#define SKIPPED 77

struct ring {
	int fd;
	unsigned int enter; /* flags */
	struct io_uring_params p;
	char *ring;
	struct io_uring_sqe *sqes;
};

static char *buffer;
static uint64_t submitted;

static void die(const char *what, long err)
{
	fprintf(stderr, "raw_uring: %s: %s\n", what, strerror((int)-err));
	exit(err == -ENOSYS || err == -EPERM || err == -EINVAL ? SKIPPED : 1);
}

static void *map(size_t bytes, int fd, uint64_t offset)
{
	long at = dam_sys6(SYS_mmap, 0, (long)bytes, PROT_READ | PROT_WRITE,
			   fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, (long)offset);

	if (dam_sys_failed(at))
		die("mmap", at);
	return (void *)at;
}

static void ring_open(struct ring *r)
{
	*r = (struct ring){.fd = -1};
	r->fd = (int)dam_sys3(SYS_io_uring_setup, DEPTH, (long)&r->p, 0);
	if (r->fd < 0)
		die("io_uring_setup", r->fd);
	r->ring = map(r->p.sq_off.array + r->p.sq_entries * 4, r->fd, IORING_OFF_SQ_RING);
	r->sqes = map(r->p.sq_entries * sizeof(*r->sqes), r->fd, IORING_OFF_SQES);
}

static void ring_close(struct ring *r)
{
	munmap(r->ring, r->p.sq_off.array + r->p.sq_entries * 4);
	munmap(r->sqes, r->p.sq_entries * sizeof(*r->sqes));
	close(r->fd);
}

static uint32_t *word(struct ring *r, uint32_t offset)
{
	return (uint32_t *)(r->ring + offset);
}

/* Queue one read of entry @slot's own part of the buffer. */
static void queue(struct ring *r, int fd, unsigned int slot, uint32_t block, bool fixed)
{
	uint32_t tail = *word(r, r->p.sq_off.tail), mask = r->p.sq_entries - 1;

	r->sqes[slot] = (struct io_uring_sqe){
		.opcode = IORING_OP_READ,
		.flags = fixed ? IOSQE_FIXED_FILE : 0,
		.fd = fd,
		.off = submitted++ * block % FILE_SIZE,
		.addr = (uintptr_t)(buffer + (size_t)slot * block),
		.len = block,
		.user_data = slot,
	};
	*word(r, r->p.sq_off.array + (tail & mask) * 4) = slot;
	__atomic_store_n(word(r, r->p.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
}

static void enter(struct ring *r, unsigned int nr)
{
	long ret;

	do {
		ret = dam_sys6(SYS_io_uring_enter, r->fd, nr, 1, IORING_ENTER_GETEVENTS | r->enter, 0,
			       0);
	} while (ret == -EINTR);
	if (ret < 0)
		die("io_uring_enter", ret);
}

/* Take completions back, queue as many anew while there is something to do. Return: how many were
 * queued. */
static unsigned int reap(struct ring *r, int fd, uint32_t block, bool fixed, uint64_t *left,
			 uint64_t *done)
{
	uint32_t head = *word(r, r->p.cq_off.head);
	unsigned int again = 0;

	for (; head != __atomic_load_n(word(r, r->p.cq_off.tail), __ATOMIC_ACQUIRE); head++) {
		const struct io_uring_cqe *cqe =
			(const struct io_uring_cqe *)(r->ring + r->p.cq_off.cqes) +
			(head & (r->p.cq_entries - 1));

		if (cqe->res != (int)block)
			die("read", cqe->res < 0 ? cqe->res : -EIO);
		++*done;
		if (*left) {
			--*left;
			again++;
			queue(r, fd, (unsigned int)cqe->user_data, block, fixed);
		}
	}
	__atomic_store_n(word(r, r->p.cq_off.head), head, __ATOMIC_RELEASE);
	return again;
}

/* @ns: how long to take for it, at least. */
static uint64_t read_all(struct ring *r, int fd, uint32_t block, bool fixed, uint64_t ops,
			 uint64_t ns)
{
	uint64_t done = 0, left = ops, begin = ns ? dam_now_ns() : 0;
	unsigned int nr = 0;

	for (; nr < DEPTH && left; nr++, left--)
		queue(r, fd, nr, block, fixed);
	while (done < ops) {
		enter(r, nr);
		nr = reap(r, fd, block, fixed, &left, &done);
		while (ns && dam_now_ns() - begin < ns / ops * done)
			poll(NULL, 0, 1);
	}
	return done;
}

static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);

	if (fd < 0)
		die(path, -errno);
	return fd;
}

static int read_and_tell(struct ring *r, const char *path, uint32_t block, uint64_t ops)
{
	uint64_t done = read_all(r, open_file(path), block, false, ops, READ_NS);

	printf("{\"tid\":%d,\"read_bytes\":%llu,\"read_ops\":%llu}\n", (int)dam_sys3(SYS_gettid, 0, 0, 0),
	       (unsigned long long)(done * block), (unsigned long long)done);
	return fflush(stdout);
}

static int do_read(const char *path, uint32_t block, uint64_t ops)
{
	struct ring r;

	ring_open(&r);
	return read_and_tell(&r, path, block, ops);
}

static int do_registered(const char *path, uint32_t block, uint64_t ops)
{
	struct {
		uint32_t offset, resv;
		uint64_t data;
	} update = {.offset = ~0u};
	struct ring r;
	long err;

	ring_open(&r);
	update.data = (uint64_t)r.fd;
	err = dam_sys6(SYS_io_uring_register, r.fd, REGISTER_RING_FDS, (long)&update, 1, 0, 0);
	if (err != 1)
		die("io_uring_register", err ? err : -EINVAL);
	close(r.fd);
	r.fd = (int)update.offset;
	r.enter = ENTER_REGISTERED_RING;
	return read_and_tell(&r, path, block, ops);
}

static struct {
	const char *path;
	uint32_t block;
	uint64_t ops;
	_Atomic int ended; /* the kernel's word */
} bare = {.ended = 1};

static int bare_thread(void *arg)
{
	(void)arg;
	dam_sys6(SYS_prctl, PR_SET_NAME, (long)"bare", 0, 0, 0, 0);
	return do_read(bare.path, bare.block, bare.ops);
}

/* It has the main thread's thread-local memory: so that one does nothing meanwhile. */
static int do_clone(const char *path, uint32_t block, uint64_t ops)
{
	const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
			  CLONE_CHILD_CLEARTID;
	char *stack = map(STACK, -1, 0);

	bare.path = path;
	bare.block = block;
	bare.ops = ops;
	if (clone(bare_thread, stack + STACK, flags, NULL, NULL, NULL, &bare.ended) < 0)
		die("clone", -errno);
	while (bare.ended)
		dam_sys6(SYS_futex, (long)&bare.ended, FUTEX_WAIT, 1, 0, 0, 0);
	return 0;
}

/* Does the pipe's other end close with the ring that holds it? Only if nobody else holds the ring.
 */
static void do_pipe_once(int file)
{
	struct ring r;
	int ends[2], fds[2];
	uint64_t begin = dam_now_ns();
	struct pollfd p;
	long err;

	ring_open(&r);
	if (pipe(ends))
		die("pipe", -errno);
	fds[0] = file;
	fds[1] = ends[1];
	err = dam_sys6(SYS_io_uring_register, r.fd, IORING_REGISTER_FILES, (long)fds, 2, 0, 0);
	if (err)
		die("io_uring_register", err);
	close(ends[1]);
	while (dam_now_ns() - begin < BUSY_NS)
		read_all(&r, 0, 4096, true, DEPTH, 0);
	ring_close(&r);
	p = (struct pollfd){.fd = ends[0], .events = POLLIN};
	if (poll(&p, 1, CLOSED_MS) != 1 || !(p.revents & POLLHUP)) {
		fprintf(stderr, "raw_uring: the ring is closed, and the pipe in it still open\n");
		exit(1);
	}
	close(ends[0]);
}

static int do_pipe(const char *path, unsigned int rounds)
{
	int fd = open_file(path);

	while (rounds--)
		do_pipe_once(fd);
	return 0;
}

static bool input_ended(void)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static int do_hidden(const char *path)
{
	struct rlimit many = {HIDDEN + 64, HIDDEN + 64};
	int fd = open_file(path), last = 0;
	struct ring r;

	if (setrlimit(RLIMIT_NOFILE, &many))
		die("setrlimit", -EPERM);
	for (int i = 0; i < HIDDEN; i++)
		last = dup(STDERR_FILENO);
	if (last < HIDDEN)
		die("dup", -EMFILE);
	ring_open(&r);
	while (!input_ended())
		read_all(&r, fd, 4096, false, DEPTH, 0);
	return 0;
}

static int do_nommap(void)
{
	struct io_uring_params p = {.flags = NO_MMAP};
	uint64_t ring = (uintptr_t)map(1 << 16, -1, 0), sqes = (uintptr_t)map(1 << 16, -1, 0);
	int fd;

	/* the last fields, user_addr, of which older headers know no name */
	memcpy((char *)(&p.cq_off + 1) - sizeof(ring), &ring, sizeof(ring));
	memcpy((char *)(&p.sq_off + 1) - sizeof(sqes), &sqes, sizeof(sqes));
	fd = (int)dam_sys3(SYS_io_uring_setup, DEPTH, (long)&p, 0);
	if (fd < 0)
		die("io_uring_setup without mmap", fd);
	while (!input_ended())
		poll(NULL, 0, 10);
	return 0;
}

static const struct {
	const char *mode;
	int (*run)(const char *path, uint32_t block, uint64_t ops);
} readers[] = {{"read", do_read}, {"clone", do_clone}, {"registered", do_registered}};

int main(int argc, char **argv)
{
	const char *mode = argc > 2 ? argv[1] : "";
	uint32_t number = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0;

	buffer = map(DEPTH * (size_t)MAX_BLOCK, -1, 0);
	for (size_t i = 0; argc == 5 && number <= MAX_BLOCK && i < sizeof(readers) / sizeof(readers[0]); i++)
		if (!strcmp(mode, readers[i].mode))
			return readers[i].run(argv[2], number, strtoull(argv[4], NULL, 10));
	if (!strcmp(mode, "pipe") && argc == 4)
		return do_pipe(argv[2], number);
	if (!strcmp(mode, "hidden"))
		return do_hidden(argv[2]);
	if (!strcmp(mode, "nommap"))
		return do_nommap();
	fprintf(stderr, "usage: raw_uring read|clone|registered FILE BLOCK OPS | pipe FILE ROUNDS | "
			"hidden|nommap FILE\n");
	return 2;
}
