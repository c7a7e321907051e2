/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Submits one entry at a time, or two, each twice: first unlike the one before in one thing, then like it. Prints what went to
 * the device: "tid read_bytes read_ops write_bytes write_ops", and then how many submissions there were in all.
 * Usage: FILE uring|aio
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define BLOCK 4096u

enum what { READ, WRITE, READV, NOP };

static struct io_uring ring;
static io_context_t context[2];
static int direct, buffered, pipe_fd[2];
static char *buf;
static struct iovec iov;
static unsigned long long bytes[2], ops[2], submissions;

static const struct step {
	enum what what;
	int *fd;
	unsigned char flags; /* of an entry of a ring */
	int context;	     /* of libaio */
	int *becomes;	     /* before it, the descriptor leads where this one does */
	unsigned int more;   /* entries of the kind, in the same submission */
} steps[] = {
	{.what = READ, .fd = &direct},
	{.what = READ, .fd = &direct, .more = 1},
	{.what = WRITE, .fd = &direct},
	{.what = READ, .fd = &direct},
	{.what = READ, .fd = &buffered},
	{.what = READ, .fd = &direct},
	{.what = READ, .fd = &direct, .context = 1},
	{.what = READ, .fd = &direct},
	{.what = READV, .fd = &direct},
	{.what = READ, .fd = &direct},
	{.what = NOP, .fd = &direct},
	{.what = READ, .fd = &direct, .flags = IOSQE_ASYNC},
	{.what = READ, .fd = &direct, .flags = IOSQE_FIXED_FILE}, /* the buffered one: see setup() */
	{.what = READ, .fd = &direct},
	{.what = READ, .fd = &direct, .becomes = &buffered},
	{.what = READ, .fd = &pipe_fd[0]},
};

static void need(int ok, const char *what)
{
	if (!ok) {
		dprintf(2, "%s: %s\n", what, strerror(errno));
		_exit(3);
	}
}

static void prepare(const struct step *s)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	if (s->what == NOP)
		io_uring_prep_nop(sqe);
	else if (s->what == WRITE)
		io_uring_prep_write(sqe, *s->fd, buf, BLOCK, 0);
	else if (s->what == READV)
		io_uring_prep_readv(sqe, *s->fd, &iov, 1, 0);
	else
		io_uring_prep_read(sqe, *s->fd, buf, BLOCK, s->fd == pipe_fd ? (__u64)-1 : 0);
	sqe->flags |= s->flags;
}

static void by_uring(const struct step *s)
{
	struct io_uring_cqe *cqe;

	for (unsigned int i = 0; i <= s->more; i++)
		prepare(s);
	need(io_uring_submit(&ring) == 1 + (int)s->more, "io_uring_submit");
	for (unsigned int i = 0; i <= s->more; i++) {
		need(!io_uring_wait_cqe(&ring, &cqe) && cqe->res >= 0, "completion");
		io_uring_cqe_seen(&ring, cqe);
	}
}

static void by_aio(const struct step *s)
{
	struct iocb cb, *list[] = {&cb, &cb};
	struct io_event event[2];
	const int n = 1 + (int)s->more;

	if (s->what == WRITE)
		io_prep_pwrite(&cb, *s->fd, buf, BLOCK, 0);
	else if (s->what == READV)
		io_prep_preadv(&cb, *s->fd, &iov, 1, 0);
	else
		io_prep_pread(&cb, *s->fd, buf, BLOCK, 0);
	need(io_submit(context[s->context], n, list) == n, "io_submit");
	need(io_getevents(context[s->context], n, n, event, NULL) == n && event[0].res == BLOCK, "completion");
}

static void setup(const char *path)
{
	int *files;

	direct = open(path, O_RDWR | O_DIRECT);
	buffered = open(path, O_RDWR);
	need(direct >= 0 && buffered >= 0 && !pipe(pipe_fd), path);
	need(!posix_memalign((void **)&buf, BLOCK, BLOCK), "memory");
	iov = (struct iovec){buf, BLOCK};
	files = malloc(((size_t)direct + 1) * sizeof(*files));
	need(files != NULL, "memory");
	/* a fixed file of the same number is another one */
	for (int i = 0; i <= direct; i++)
		files[i] = i < direct ? -1 : buffered;
	need(!io_uring_queue_init(8, &ring, 0) && !io_uring_register_files(&ring, files, (unsigned int)direct + 1), "ring");
	need(!io_setup(8, &context[0]) && !io_setup(8, &context[1]), "context");
	free(files);
}

static void twice(const struct step *s, void (*submit)(const struct step *s))
{
	int whole = dup(direct);

	need(!s->becomes || dup2(*s->becomes, *s->fd) >= 0, "dup2");
	for (int i = 0; i < 2; i++) {
		/* a read() before it, too: the hook on that remembers a descriptor as well */
		need(s->fd != pipe_fd || (write(pipe_fd[1], "ab", 2) == 2 && read(pipe_fd[0], buf, 1) == 1), "pipe");
		submit(s);
		submissions++;
		if (s->fd == &direct && !s->becomes && s->what != NOP && s->flags != IOSQE_FIXED_FILE) {
			bytes[s->what == WRITE] += (1 + s->more) * BLOCK;
			ops[s->what == WRITE] += 1 + s->more;
		}
	}
	need(!s->becomes || dup2(whole, direct) >= 0, "dup2");
	close(whole);
}

int main(int argc, char **argv)
{
	const int aio = argc > 2 && !strcmp(argv[2], "aio");

	if (argc < 3)
		return 2;
	setup(argv[1]);
	for (int round = 0; round < 20; round++)
		for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
			if (!aio)
				twice(&steps[i], by_uring);
			else if (steps[i].what != NOP && !steps[i].flags && steps[i].fd != pipe_fd)
				twice(&steps[i], by_aio);
	printf("%d %llu %llu %llu %llu\n%llu\n", gettid(), bytes[0], ops[0], bytes[1], ops[1], submissions);
	return 0;
}
