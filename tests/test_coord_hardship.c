/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * A coordinator that lacks something: descriptors, room for its record, the right to change masks. It goes on with what
 * it has, answers, and says what is the matter.
 */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shm/layout.h"
#include "tests/coord_ask.h"
#include "tests/suite.h"

#define FLOOD  1000 /* attachments: some ten times what a tick has time for */
#define FLOODS 10
#define SILENT 700 /* connections: more than are waited for */

static struct client c;
static char said[80]; /* a file: what the coordinator printed */

static void setup(void)
{
	client_open(&c);
	snprintf(said, sizeof(said), "%s/said", c.dir);
}

static void teardown(void)
{
	client_close(&c);
}

static void limit(int what, rlim_t max)
{
	struct rlimit r = {max, max};

	if (setrlimit(what, &r))
		_exit(99);
}

static void few_descriptors(void)
{
	limit(RLIMIT_NOFILE, 64);
}

/* System call @nr fails with @err where the low word of its argument @arg is at least @least. */
static void refuse(unsigned int nr, unsigned int arg, unsigned int least, unsigned int err)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[arg])),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, least, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {sizeof(code) / sizeof(code[0]), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		_exit(99);
}

/* A full disk: the record of masks has its header, and room for nobody. */
static void full_disk(void)
{
	dup2(open(said, O_WRONLY | O_CREAT | O_APPEND, 0600), STDERR_FILENO);
	refuse(SYS_pwrite64, 2, 512, ENOSPC);
}

/* As where a container was not given the right, or a service manager filters the call. */
static void no_affinity(void)
{
	refuse(SYS_sched_setaffinity, 1, 0, EPERM);
}

static const struct {
	const char *why;
	void (*before)(void);
} silent[] = {
	{"there are more than are waited for", NULL},
	{"there are more than descriptors", few_descriptors},
};

/* Connections that never say a word keep nobody else from being answered, also who takes his time. */
START_TEST(test_silent)
{
	struct dam_hello h = {DAM_HELLO_MAGIC, DAM_SHM_VERSION, DAM_HELLO_CONTROL, (uint32_t)getpid(), 0, 0, 0, ""};
	static const char cmd[] = "{\"cmd\":\"status\"}";
	char packet[sizeof(h) + sizeof(cmd)];
	struct dam_welcome w;
	int fd[SILENT + 1];

	c.before = silent[_i].before;
	ck_assert_int_eq(client_start(&c, NULL), 0);
	for (int i = 0; i <= SILENT; i++)
		fd[i] = client_connect(&c);
	json_decref(client_ask(&c, "status", 0));
	memcpy(packet, &h, sizeof(h));
	memcpy(packet + sizeof(h), cmd, sizeof(cmd) - 1);
	ck_assert_msg(send(fd[SILENT], packet, sizeof(packet) - 1, MSG_NOSIGNAL) > 0 &&
		      recv(fd[SILENT], &w, sizeof(w), 0) == sizeof(w) && w.status == DAM_WELCOME_OK,
		      "%s", silent[_i].why);
	for (int i = 0; i <= SILENT; i++)
		close(fd[i]);
	ck_assert_int_eq(client_stop(&c, SIGTERM), 0);
}
END_TEST

/* A program that attaches again and again, each time for a ledger anew, has no more of the time than its share. */
START_TEST(test_flood)
{
	struct dam_hello h = {DAM_HELLO_MAGIC, DAM_SHM_VERSION, DAM_HELLO_ATTACH, (uint32_t)getpid(), 0, 0, 0, ""};
	json_int_t put_off = 0;

	ck_assert_int_eq(client_start(&c, NULL), 0);
	for (unsigned int i = 0; i < FLOODS && !put_off; i++) {
		json_t *j;

		for (unsigned int k = 0; k < FLOOD; k++) {
			int fd = client_connect(&c);

			ck_assert_int_eq(send(fd, &h, sizeof(h), 0), sizeof(h));
			close(fd);
		}
		j = client_ask(&c, "status", 0); /* after all of these: it has their turn */
		put_off = json_integer_value(json_object_get(j, "connections_put_off"));
		json_decref(j);
	}
	ck_assert_msg(put_off, "all were served at once");
	client_attach(&c);
	ck_assert_int_eq(client_stop(&c, SIGTERM), 0);
}
END_TEST

static json_int_t nr_processes(void)
{
	json_t *j = client_ask(&c, "status", 0);
	json_int_t nr = json_integer_value(json_object_get(j, "processes"));

	json_decref(j);
	return nr;
}

/* As a process of its own: attached or not, it says that it was answered, and stays. */
static void be_a_process(int done)
{
	struct dam_hello h = {DAM_HELLO_MAGIC, DAM_SHM_VERSION, DAM_HELLO_ATTACH, (uint32_t)getpid(), 0, 0, 0, ""};
	struct dam_welcome w;
	int fd = client_connect(&c);

	if (send(fd, &h, sizeof(h), 0) < 0 || recv(fd, &w, sizeof(w), 0) < 0)
		_exit(99);
	close(done);
	for (;;)
		pause();
}

/* Processes that attach take descriptors for good: some of these are left for questions. */
START_TEST(test_many_processes)
{
	pid_t pid[100];

	c.before = few_descriptors;
	ck_assert_int_eq(client_start(&c, NULL), 0);
	for (int i = 0; i < 100; i++) {
		int done[2];
		char byte;

		ck_assert_int_eq(pipe(done), 0);
		pid[i] = fork();
		if (pid[i] == 0) {
			close(done[0]);
			be_a_process(done[1]);
		}
		close(done[1]);
		ck_assert_int_ge(read(done[0], &byte, 1), 0);
		close(done[0]);
	}
	ck_assert_int_ge(nr_processes(), 4);
	for (int i = 0; i < 100; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
	while (nr_processes())
		usleep(1000);
	ck_assert_int_eq(client_stop(&c, SIGTERM), 0);
}
END_TEST

static unsigned int nr_moves(void)
{
	json_t *j = client_ask(&c, "moves", 0);
	size_t nr = json_array_size(json_object_get(j, "moves"));

	json_decref(j);
	return (unsigned int)nr;
}

static bool refused(void)
{
	json_t *j = client_ask(&c, "threads", 0), *t;
	bool any = false;
	size_t k;

	json_array_foreach (json_object_get(j, "threads"), k, t)
		any |= !strcmp(json_string_value(json_object_get(t, "why")), "its mask cannot be changed");
	json_decref(j);
	return any;
}

static bool tried(void)
{
	return nr_moves() > 0;
}

/* A thread that may not be moved is left alone, and it is told why. */
START_TEST(test_refused)
{
	c.before = no_affinity;
	client_begin(&c, NULL, 2);
	ck_assert(client_drive(&c, refused));
	ck_assert_uint_le(nr_moves(), 2);
	client_end(&c);
}
END_TEST

/* Nothing is moved that could not be put back: that is said once, and not tried again at once. */
START_TEST(test_no_record)
{
	char line[256];
	FILE *f;
	int lines = 0;

	c.before = full_disk;
	client_begin(&c, NULL, 2);
	ck_assert(client_drive(&c, tried));
	ck_assert(client_free(&c, 0) && client_free(&c, 1));
	client_end(&c);
	f = fopen(said, "r");
	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f))
		lines += strstr(line, "cannot record masks") != NULL;
	fclose(f);
	ck_assert_int_eq(lines, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("coord_hardship");
	TCase *tc = tcase_create("hardship");

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		printf("SKIP: one CPU, nothing to move between\n");
		return 77;
	}
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_silent, 0, sizeof(silent) / sizeof(silent[0]));
	tcase_add_test(tc, test_many_processes);
	tcase_add_test(tc, test_flood);
	tcase_add_test(tc, test_refused);
	tcase_add_test(tc, test_no_record);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
