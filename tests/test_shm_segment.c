/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Segments: which descriptors are refused, and what the seals keep a receiver from. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/segment.h"
#include "tests/suite.h"

#define SIZE 65536u
#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

static int memfd(size_t size, int seals)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static int closed(void)
{
	int fd = memfd(SIZE, SEALS);

	close(fd);
	return fd;
}

static int ordinary_file(void)
{
	FILE *f = tmpfile();

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(ftruncate(fileno(f), SIZE), 0);
	return fileno(f);
}

static int pipe_end(void)
{
	int p[2];

	ck_assert_int_eq(pipe(p), 0);
	return p[0];
}

static int unsealable(void)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	ck_assert_int_eq(ftruncate(fd, SIZE), 0);
	return fd;
}

static int unsealed(void)
{
	return memfd(SIZE, 0);
}

static int may_shrink(void)
{
	return memfd(SIZE, F_SEAL_GROW);
}

static int may_grow(void)
{
	return memfd(SIZE, F_SEAL_SHRINK);
}

static int too_small(void)
{
	return memfd(SIZE / 2, SEALS);
}

static int too_big(void)
{
	return memfd(SIZE * 2, SEALS);
}

static int empty(void)
{
	return memfd(0, SEALS);
}

static int sealed(void)
{
	return memfd(SIZE, SEALS);
}

static int sealed_read_only(void)
{
	return memfd(SIZE, SEALS | F_SEAL_FUTURE_WRITE);
}

static const struct {
	const char *why;
	int (*make)(void);
	bool read_only;
	int check, map;
} rows[] = {
	{"a ledger as it should be", sealed, false, 0, 0},
	{"a board as it should be", sealed_read_only, true, 0, 0},
	{"a board that others could write", sealed, true, -EINVAL, -EINVAL},
	{"a ledger that nobody can write", sealed_read_only, false, 0, -EACCES},
	{"closed", closed, false, -EBADF, -EBADF},
	{"an ordinary file can be truncated", ordinary_file, false, -EINVAL, -EINVAL},
	{"a pipe", pipe_end, false, -EINVAL, -EINVAL},
	{"a memfd made without ALLOW_SEALING", unsealable, false, -EINVAL, -EINVAL},
	{"no seal at all", unsealed, false, -EINVAL, -EINVAL},
	{"truncation under us would be SIGBUS", may_shrink, false, -EINVAL, -EINVAL},
	{"not sealed against growing", may_grow, false, -EINVAL, -EINVAL},
	{"smaller than the layout", too_small, false, -EINVAL, -EINVAL},
	{"larger: another layout", too_big, false, -EINVAL, -EINVAL},
	{"empty", empty, false, -EINVAL, -EINVAL},
};

START_TEST(test_check)
{
	int fd = rows[_i].make();
	void *map = NULL;

	errno = ENOTTY;
	ck_assert_msg(dam_segment_check(fd, SIZE, rows[_i].read_only) == rows[_i].check, "%s",
		      rows[_i].why);
	ck_assert_msg(dam_segment_map(fd, SIZE, rows[_i].read_only, NULL, &map) == rows[_i].map,
		      "%s", rows[_i].why);
	ck_assert_int_eq(errno, ENOTTY);
	ck_assert_msg((map != NULL) == (rows[_i].map == 0), "%s", rows[_i].why);
}
END_TEST

/* What a program could try with a descriptor it was handed. Each must fail, whatever the seals are. */
static bool try_resize(int fd)
{
	return ftruncate(fd, SIZE / 2) == 0 || ftruncate(fd, SIZE * 2) == 0 ||
	       fallocate(fd, 0, 0, SIZE * 2) == 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0;
}

static bool try_write(int fd)
{
	void *ro = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);

	return ro == MAP_FAILED || mprotect(ro, SIZE, PROT_READ | PROT_WRITE) == 0 ||
	       mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED ||
	       pwrite(fd, "x", 1, 0) == 1 ||
	       fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) == 0;
}

static void send_fd(int sock, int fd)
{
	char data = 0, control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {&data, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	ck_assert_int_eq(sendmsg(sock, &msg, 0), 1);
}

static int receive_fd(int sock)
{
	char data, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {&data, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	int fd;

	if (recvmsg(sock, &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/* Return: 0 when every attempt failed; else which one did not. */
static int attack(int sock, bool read_only)
{
	char path[64];
	int fd = receive_fd(sock), again;

	if (fd < 0 || dam_segment_check(fd, SIZE, read_only))
		return 1;
	if (try_resize(fd))
		return 2;
	if (read_only && try_write(fd))
		return 3;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR);
	if (again < 0)
		return 0;
	if (try_resize(again))
		return 4;
	return read_only && try_write(again) ? 5 : 0;
}

START_TEST(test_receiver)
{
	const bool read_only = _i;
	int sock[2], fd, status;
	char *map;
	void *p, *seen;
	pid_t child;

	ck_assert_int_eq(dam_segment_create("test", SIZE, read_only, &fd, &p), 0);
	map = p;
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(map[SIZE - 1], 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock), 0);
	child = fork();
	if (child == 0) {
		munmap(p, SIZE);
		close(fd);
		_exit(attack(sock[1], read_only));
	}
	send_fd(sock[0], fd);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	/* the creator goes on writing, and receivers see it */
	ck_assert_int_eq(dam_segment_map(fd, SIZE, read_only, NULL, &seen), 0);
	map[0] = 'x';
	ck_assert_int_eq(*(volatile char *)seen, 'x');
}
END_TEST

START_TEST(test_in_place)
{
	char *area = mmap(NULL, 3 * SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *map;
	int fd = sealed();

	ck_assert_ptr_ne(area, MAP_FAILED);
	ck_assert_int_eq(pwrite(fd, "y", 1, 0), 1);
	ck_assert_int_eq(dam_segment_map(fd, SIZE, false, area + SIZE, &map), 0);
	ck_assert_ptr_eq(map, area + SIZE);
	ck_assert_int_eq(area[SIZE], 'y');
	/* the neighbours are untouched */
	ck_assert_int_eq(mprotect(area, SIZE, PROT_NONE), 0);
	ck_assert_ptr_eq(mmap(area + 2 * SIZE, SIZE, PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0),
			 MAP_FAILED);
}
END_TEST

START_TEST(test_create_fails)
{
	struct rlimit before, none;
	void *map = NULL;
	int fd = -7;

	ck_assert_int_eq(dam_segment_create("test", 0, false, &fd, &map), -EINVAL);
	/* the file grows (it is sparse), the mapping fails: the descriptor must not be left behind */
	ck_assert_int_eq(dam_segment_create("test", (size_t)1 << 62, false, &fd, &map), -ENOMEM);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){0, before.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_int_eq(dam_segment_create("test", SIZE, false, &fd, &map), -EMFILE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_int_eq(fd, -7);
	ck_assert_ptr_null(map);
}
END_TEST

START_TEST(test_no_leak)
{
	int first = dup(0), fd, next;
	void *map;

	close(first);
	ck_assert_int_eq(dam_segment_create("test", (size_t)1 << 62, false, &fd, &map), -ENOMEM);
	next = dup(0);
	ck_assert_int_eq(next, first);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("shm_segment");
	TCase *tc = tcase_create("segment");

	tcase_add_loop_test(tc, test_check, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_loop_test(tc, test_receiver, 0, 2);
	tcase_add_test(tc, test_in_place);
	tcase_add_test(tc, test_create_fails);
	tcase_add_test(tc, test_no_leak);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
