/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Rings that no hook sees: a static program with raw system calls (raw_uring.c), under dam-run and
 * under a coordinator of our own.
 */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/coord_client.h"
#include "tests/suite.h"
#include "tools/common/control.h"
#include "tools/coord/procfs.h"

#define WAIT_NS	 (20 * DAM_NS_PER_S) /* generous: only a failure takes as long */
#define FILE_MIB 16
#define PROGRAM	 DAM_BUILDDIR "/tests/raw_uring"
#define SKIPPED	 77
#define HELD_US	 200000
#define HOARD	 100000 /* descriptors, where so many are allowed */

static struct client c;
static const char file[] = "tests/coord-rings.data"; /* where we stand: not every /tmp is on a device */
static pid_t program = -1;
static int input[2];

static void make_file(void)
{
	static char block[1 << 20];
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	memset(block, 'd', sizeof(block));
	for (int i = 0; i < FILE_MIB; i++)
		ck_assert_int_eq(write(fd, block, sizeof(block)), (ssize_t)sizeof(block));
	ck_assert_int_eq(fsync(fd), 0);
	close(fd);
}

/* What is read from disk to start a program is the program's reading too, by the kernel's count. */
static void warm_up(void)
{
	static char block[1 << 16];
	int fd = open(PROGRAM, O_RDONLY);

	ck_assert_int_ge(fd, 0);
	while (read(fd, block, sizeof(block)) > 0)
		;
	close(fd);
}

/* The coordinator that dam-run, @parent, started. Return: 0: none as yet. */
static pid_t coordinator_of(pid_t parent)
{
	char path[64], comm[16];
	int child, found = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
	f = fopen(path, "r");
	while (f && !found && fscanf(f, "%d", &child) == 1)
		if (!coord_proc_comm(child, child, comm) && !strcmp(comm, "dam-coord"))
			found = child;
	if (f)
		fclose(f);
	return found;
}

/* As on a busy machine: it runs now and then. */
static void hold_up(pid_t coordinator)
{
	kill(coordinator, SIGSTOP);
	usleep(HELD_US);
	kill(coordinator, SIGCONT);
	usleep(HELD_US / 10);
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid;
}

/* Run @argv to its end, its output in @out; @busy: its coordinator comes to nothing. Return: its exit status. */
static int run(const char *const *argv, const char *out, bool busy)
{
	int status;
	pid_t pid = fork(), coordinator;

	if (pid == 0) {
		int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);

		dup2(fd, STDOUT_FILENO);
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	while (busy && !has_ended(pid)) {
		coordinator = coordinator_of(pid);
		if (coordinator)
			hold_up(coordinator);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* The program, with an input that we end; named to the coordinator. */
static void start(const char *mode)
{
	ck_assert_int_eq(pipe2(input, O_CLOEXEC), 0);
	program = fork();
	if (program == 0) {
		dup2(input[0], STDIN_FILENO);
		execl(PROGRAM, PROGRAM, mode, file, (char *)NULL);
		_exit(127);
	}
	close(input[0]);
	ck_assert_int_eq(dam_control_watch(c.sock_path, program, 7, 5000), 0);
}

/* Return: its exit status. */
static int stop(void)
{
	int status;

	close(input[1]);
	ck_assert_int_eq(waitpid(program, &status, 0), program);
	program = -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* The first ring that the coordinator reports once it is in @state. Return: NULL: the program ended
 * before. */
static json_t *wait_for_ring(const char *state)
{
	uint64_t begin = dam_now_ns();

	while (dam_now_ns() - begin < WAIT_NS) {
		char error[DAM_CONTROL_ERROR];
		json_t *j = NULL, *ring;

		ck_assert_msg(!dam_control_ask(c.sock_path, "threads", 7, 10000, error, &j), "%s",
			      error);
		ring = json_incref(json_array_get(json_object_get(j, "rings"), 0));
		json_decref(j);
		if (ring && !strcmp(json_string_value(json_object_get(ring, "state")), state))
			return ring;
		json_decref(ring);
		if (has_ended(program))
			return NULL;
		usleep(10000);
	}
	ck_abort_msg("no ring became %s", state);
}

static void setup(void)
{
	make_file();
	warm_up();
	client_open(&c);
}

static void teardown(void)
{
	if (program > 0)
		kill(program, SIGKILL);
	client_close(&c);
	unlink(file);
}

static double sum(const json_t *threads, const char *key)
{
	const json_t *t;
	double all = 0;
	size_t i;

	json_array_foreach (threads, i, t)
		all += json_number_value(json_object_get(t, key));
	return all;
}

static const struct {
	const char *why, *block, *ops;
	bool busy;
} reads[] = {
	{"small blocks", "4096", "8000", false},
	{"large blocks", "65536", "1000", false},
	{"the machine is busy, few looks find time", "4096", "8000", true},
};

static void compare(const char *why, const char *key, double seen, double own, double tolerance)
{
	ck_assert_msg(seen >= own * (1 - tolerance) && seen <= own * (1 + tolerance),
		      "%s: %s: %.0f seen, %.0f by the program", why, key, seen, own);
}

START_TEST(test_read)
{
	char out[128], json[128];
	const char *argv[] = {
		DAM_BUILDDIR "/dam-run", "-q",		"--json", json, "--", PROGRAM, "read", file,
		reads[_i].block,	 reads[_i].ops, NULL};
	json_t *all, *seen, *own;
	int status;

	snprintf(out, sizeof(out), "%s/out", c.dir);
	snprintf(json, sizeof(json), "%s/json", c.dir);
	status = run(argv, out, reads[_i].busy);
	if (status == SKIPPED)
		return;
	ck_assert_int_eq(status, 0);
	own = json_load_file(out, 0, NULL);
	all = json_load_file(json, 0, NULL);
	seen = json_object_get(all, "threads");
	ck_assert(own && json_array_size(seen) == 1);
	ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(seen, 0), "tid")),
			 json_integer_value(json_object_get(own, "tid")));
	compare(reads[_i].why, "bytes", sum(seen, "read_bytes"),
		json_number_value(json_object_get(own, "read_bytes")), 0.02);
	compare(reads[_i].why, "operations", sum(seen, "read_ops"),
		json_number_value(json_object_get(own, "read_ops")), 0.01);
	json_decref(all);
	json_decref(own);
}
END_TEST

/* A ring that we held would keep the pipe open that is registered in it. */
START_TEST(test_not_held)
{
	char out[128], json[128];
	const char *argv[] = {DAM_BUILDDIR "/dam-run",
			      "-q",
			      "--json",
			      json,
			      "--",
			      PROGRAM,
			      "pipe",
			      file,
			      "3",
			      NULL};
	json_t *all;
	int status;

	snprintf(out, sizeof(out), "%s/out", c.dir);
	snprintf(json, sizeof(json), "%s/json", c.dir);
	status = run(argv, out, false);
	if (status == SKIPPED)
		return;
	ck_assert_int_eq(status, 0);
	all = json_load_file(json, 0, NULL);
	ck_assert_msg(sum(json_object_get(all, "threads"), "observed_ops") > 0,
		      "nothing was observed: no proof");
	json_decref(all);
}
END_TEST

START_TEST(test_many_descriptors)
{
	json_t *ring;

	ck_assert_int_eq(client_start(&c, NULL), 0);
	start("hidden");
	ring = wait_for_ring("observed");
	if (ring)
		ck_assert_int_gt(json_integer_value(json_object_get(ring, "fd")), 3000);
	json_decref(ring);
	ck_assert_int_eq(stop(), ring ? 0 : SKIPPED);
}
END_TEST

/* A process with as many descriptors as it may have, which reads now and then, until it is killed. */
static void hoard(void)
{
	static char block[4096] __attribute__((aligned(4096)));
	struct rlimit r;
	int fd = open(file, O_RDONLY | O_DIRECT);

	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = r.rlim_max < HOARD ? r.rlim_max : HOARD;
	setrlimit(RLIMIT_NOFILE, &r);
	while (dup(fd) >= 0)
		;
	while (pread(fd, block, sizeof(block), 0) >= 0)
		usleep(4000);
	_exit(1);
}

/* Processes with very many descriptors do not keep a short one from being looked at. */
START_TEST(test_crowded)
{
	char json[96];
	const char *argv[] = {DAM_BUILDDIR "/dam-run", "-q", "--runtime-dir", c.dir, "--json", json, "--", PROGRAM,
			      "read", file, "65536", "4000", NULL};
	pid_t hoarder[4];
	int status = 0;

	ck_assert_int_eq(client_start(&c, NULL), 0);
	for (int i = 0; i < 4; i++) {
		hoarder[i] = fork();
		if (hoarder[i] == 0)
			hoard();
		ck_assert_int_eq(dam_control_watch(c.sock_path, hoarder[i], 1, 5000), 0);
	}
	snprintf(json, sizeof(json), "%s/json", c.dir);
	for (int round = 0; round < 4 && status != SKIPPED; round++) {
		json_t *all;

		status = run(argv, "/dev/null", false);
		ck_assert(status == 0 || status == SKIPPED);
		all = json_load_file(json, 0, NULL);
		ck_assert_msg(status || sum(json_object_get(all, "threads"), "observed_ops") > 0,
			      "round %d: nobody looked", round);
		json_decref(all);
	}
	for (int i = 0; i < 4; i++) {
		kill(hoarder[i], SIGKILL);
		waitpid(hoarder[i], NULL, 0);
	}
	ck_assert_int_eq(client_stop(&c, SIGTERM), 0);
}
END_TEST

START_TEST(test_no_mmap)
{
	json_t *ring;

	ck_assert_int_eq(client_start(&c, NULL), 0);
	start("nommap");
	ring = wait_for_ring("unobservable");
	if (ring)
		ck_assert_ptr_nonnull(
			strstr(json_string_value(json_object_get(ring, "why")), "NO_MMAP"));
	json_decref(ring);
	ck_assert_int_eq(stop(), ring ? 0 : SKIPPED);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rings");
	TCase *t = tcase_create("rings");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, test_read, 0, sizeof(reads) / sizeof(reads[0]));
	tcase_add_test(t, test_not_held);
	tcase_add_test(t, test_many_descriptors);
	tcase_add_test(t, test_crowded);
	tcase_add_test(t, test_no_mmap);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return run_suite(s);
}
