/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The coordinator from outside: this program attaches as the library would, writes counts into its ledger for two
 * threads of its own, and sees what becomes of their masks. Engines are simulated, domains are one CPU each.
 */
#include "config.h"

#include <check.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cpuset.h"
#include "shm/ledger.h"
#include "tests/coord_client.h"
#include "tests/suite.h"
#include "tools/common/control.h"

#define WAIT_NS (20 * DAM_NS_PER_S) /* generous: only a failure takes as long */

static struct client c;

static struct dam_slot *slot[2];

static void claim(void)
{
	for (int i = 0; i < 2; i++) {
		slot[i] = dam_ledger_claim(c.ledger, (uint32_t)c.tid[i]);
		ck_assert_ptr_nonnull(slot[i]);
		dam_slot_publish(slot[i]);
	}
}

static uint64_t rate = 80; /* of each thread, MB/s */

/* Write counts as two threads on CPU 0 would that ask @rate each, until @done says so. */
static bool drive(bool (*done)(void))
{
	uint64_t begin = dam_now_ns(), last = begin;
	bool ok = false;

	while (!ok && dam_now_ns() - begin < WAIT_NS) {
		uint64_t now = dam_now_ns();

		for (int i = 0; i < 2; i++) {
			struct dam_cpuset mask, two = {{2}};

			dam_cpuset_get_thread(c.tid[i], &mask);
			__atomic_store_n(&slot[i]->cpu, dam_cpuset_equal(&mask, &two) ? 1 : 0,
					 __ATOMIC_RELAXED);
			dam_count_add(&slot[i]->count[DAM_LOCAL_OTHER].read_bytes, (now - last) * rate / 1000);
			dam_count_add(&slot[i]->count[DAM_LOCAL_OTHER].read_ops, 1);
			dam_count_add(&slot[i]->mapped_bytes, 4096);
			dam_count_add(&slot[i]->submissions, 1);
		}
		last = now;
		ok = done();
		usleep(1000);
	}
	return ok;
}

static bool one_on_each(void)
{
	struct dam_cpuset m[2], zero = {{1}}, one = {{2}};

	for (int i = 0; i < 2; i++)
		if (dam_cpuset_get_thread(c.tid[i], &m[i]))
			return false;
	/* one thread is pinned to CPU 1; the other may have been left as it was */
	return (dam_cpuset_equal(&m[0], &one) && dam_cpuset_has(&m[1], 0)) ||
	       (dam_cpuset_equal(&m[1], &one) && dam_cpuset_has(&m[0], 0)) ||
	       (dam_cpuset_equal(&m[0], &zero) && dam_cpuset_equal(&m[1], &one));
}

static bool masks_back(void)
{
	struct dam_cpuset m;

	for (int i = 0; i < 2; i++)
		if (dam_cpuset_get_thread(c.tid[i], &m) || !dam_cpuset_equal(&m, &c.everywhere))
			return false;
	return true;
}

static json_t *ask(const char *cmd)
{
	char error[DAM_CONTROL_ERROR] = "";
	json_t *j = NULL;

	ck_assert_msg(!dam_control_ask(c.sock_path, cmd, 0, 10000, error, &j), "%s", error);
	return j;
}

static void setup(void)
{
	client_open(&c);
}

static void teardown(void)
{
	client_close(&c);
}

START_TEST(test_moves_and_restores)
{
	json_t *j, *moves, *threads;

	ck_assert_int_eq(client_start(&c, NULL), 0);
	client_threads(&c, 2);
	client_attach(&c);
	claim();
	ck_assert(drive(one_on_each));
	j = ask("report");
	moves = json_object_get(j, "moves");
	ck_assert_uint_eq(json_array_size(moves), 1);
	ck_assert_str_eq(json_string_value(json_object_get(json_array_get(moves, 0), "result")), "moved");
	threads = json_object_get(j, "threads");
	ck_assert_uint_eq(json_array_size(threads), 2);
	for (size_t i = 0; i < 2; i++) {
		json_int_t n = json_integer_value(json_object_get(json_array_get(threads, i), "mapped_bytes"));

		ck_assert(n > 0 && n % 4096 == 0);
	}
	json_decref(j);
	ck_assert_int_eq(client_stop(&c, SIGTERM), 0);
	ck_assert(masks_back());
	client_join(&c);
}
END_TEST

/* The record of masks outlives a coordinator that was killed; the next one gives them back. */
START_TEST(test_killed)
{
	ck_assert_int_eq(client_start(&c, NULL), 0);
	client_threads(&c, 2);
	client_attach(&c);
	claim();
	ck_assert(drive(one_on_each));
	ck_assert_int_eq(client_stop(&c, SIGKILL), -SIGKILL);
	ck_assert(!masks_back());
	ck_assert_int_eq(client_start(&c, NULL), 0); /* takes the dead one's socket over */
	ck_assert(masks_back());
	ck_assert_int_eq(client_stop(&c, SIGTERM), 0);
	client_join(&c);
}
END_TEST

static bool both_on_1(void)
{
	struct dam_cpuset m[2], one = {{2}};

	return !dam_cpuset_get_thread(c.tid[0], &m[0]) && !dam_cpuset_get_thread(c.tid[1], &m[1]) &&
	       dam_cpuset_equal(&m[0], &one) && dam_cpuset_equal(&m[1], &one);
}

/* Nothing is overloaded: it is the reservation that puts threads off, and threads of the class may stay. */
START_TEST(test_reservation)
{
	json_t *j, *t, *e = NULL;
	size_t i;

	setenv("DAM_RESERVE", "sim:e0=rt, sim:p=rt, nobody=rt, sim:e1=royal", 1); /* what is wrong is told, no more */
	ck_assert_int_eq(client_start(&c, NULL), 0);
	unsetenv("DAM_RESERVE");
	client_threads(&c, 2);
	memcpy(c.class, _i ? "rt" : "", _i ? 3 : 1);
	client_attach(&c);
	claim();
	rate = 20;
	ck_assert(drive(_i ? one_on_each : both_on_1));
	j = ask("report");
	t = json_array_get(json_object_get(j, "threads"), 0);
	ck_assert_str_eq(json_string_value(json_object_get(t, "class")), _i ? "rt" : "normal");
	json_array_foreach (json_object_get(j, "engines"), i, e)
		if (!strcmp(json_string_value(json_object_get(e, "name")), "sim:e0"))
			break;
	ck_assert_str_eq(json_string_value(json_object_get(e, "reserved")), "rt");
	json_decref(j);
	ck_assert_int_eq(client_stop(&c, SIGTERM), 0);
	client_join(&c);
}
END_TEST

static bool dry_decided(void)
{
	json_t *j = ask("moves");
	size_t n = json_array_size(json_object_get(j, "moves"));

	json_decref(j);
	return n > 0;
}

START_TEST(test_dry_run)
{
	const char *args[] = {"--dry-run", NULL};

	ck_assert_int_eq(client_start(&c, args), 0);
	client_threads(&c, 2);
	client_attach(&c);
	claim();
	ck_assert(drive(dry_decided));
	ck_assert(masks_back());
	ck_assert_int_eq(client_stop(&c, SIGTERM), 0);
	client_join(&c);
}
END_TEST

/* Sum up a recording: bytes of all lines whose engine begins with @prefix; the lines themselves are checked. */
static uint64_t recorded(const char *path, const char *prefix)
{
	FILE *f = fopen(path, "r");
	char line[4096], name[128], direction;
	unsigned long long bytes;
	uint64_t sum = 0;
	double time;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f)) {
		if (*line == '#')
			continue;
		ck_assert_msg(sscanf(line, "%lf %127s %llu %c\n", &time, name, &bytes, &direction) == 4, "%s", line);
		/* engines of this machine may write meanwhile; ours are read */
		ck_assert_msg(time >= 0 && time < 60 && (direction == 'R' || (direction == 'W' && strncmp(name, "thread:", 7))),
			      "%s", line);
		if (!strncmp(name, prefix, strlen(prefix)))
			sum += bytes;
	}
	fclose(f);
	return sum;
}

/* Copy a recording; of line number @at that tells of a thread, the first byte count is another one. */
static void tamper(const char *from, const char *to, int at)
{
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");
	char line[4096], *bytes;

	ck_assert(in && out);
	while (fgets(line, sizeof(line), in)) {
		bytes = strncmp(line, "#> t ", 5) ? NULL : strstr(line, " bytes=");
		if (bytes && !at--)
			fprintf(out, "%.*s bytes=9%s", (int)(bytes - line), line, bytes + 7);
		else
			fputs(line, out);
	}
	ck_assert(!fclose(out) && !fclose(in));
}

/* Runs dam-sim on a recording. Return: what it says. */
static json_t *decide_again(const char *path, int *status)
{
	char command[256];
	json_t *j;
	FILE *f;

	snprintf(command, sizeof(command), "./dam-sim --json %s", path);
	f = popen(command, "r");
	ck_assert_ptr_nonnull(f);
	j = json_loadf(f, JSON_DISABLE_EOF_CHECK, NULL);
	*status = WEXITSTATUS(pclose(f));
	ck_assert_ptr_nonnull(j);
	return j;
}

/* From a recording alone the same is decided; from one that tells of other counts it is not. */
START_TEST(test_decided_again)
{
	char path[128], bad[128];
	const char *args[] = {"--record", path, NULL};
	json_t *j;
	int status;

	snprintf(path, sizeof(path), "%s/recording", c.dir);
	snprintf(bad, sizeof(bad), "%s/tampered", c.dir);
	ck_assert_int_eq(client_start(&c, args), 0);
	client_threads(&c, 2);
	client_attach(&c);
	claim();
	ck_assert(drive(one_on_each));
	ck_assert_int_eq(client_stop(&c, SIGTERM), 0);
	client_join(&c);
	j = decide_again(path, &status);
	ck_assert_int_eq(status, 0);
	ck_assert_int_ge(json_integer_value(json_object_get(j, "moves")), 1);
	ck_assert_int_ge(json_integer_value(json_object_get(j, "ticks")), 10);
	ck_assert_int_eq(json_integer_value(json_object_get(j, "different")), 0);
	json_decref(j);
	tamper(path, bad, 12);
	j = decide_again(bad, &status);
	ck_assert_int_eq(status, 1);
	ck_assert_int_ge(json_integer_value(json_object_get(j, "different")), 1);
	json_decref(j);
}
END_TEST

START_TEST(test_record)
{
	char path[128], bad[128], of_thread[64];
	const char *args[] = {"--record", path, NULL}, *bad_args[] = {"--record", bad, NULL};
	uint64_t written[2], engines, threads = 0;

	snprintf(path, sizeof(path), "%s/trace", c.dir);
	snprintf(bad, sizeof(bad), "%s/none/trace", c.dir);
	ck_assert_msg(client_start(&c, bad_args) == 1, "a recording that cannot be made is an error");
	ck_assert_int_eq(client_start(&c, args), 0);
	client_threads(&c, 2);
	client_attach(&c);
	claim();
	ck_assert(drive(one_on_each));
	for (int i = 0; i < 2; i++)
		written[i] = slot[i]->count[DAM_LOCAL_OTHER].read_bytes;
	ck_assert_int_eq(client_stop(&c, SIGTERM), 0);
	for (int i = 0; i < 2; i++) {
		snprintf(of_thread, sizeof(of_thread), "thread:%d/%d", getpid(), c.tid[i]);
		ck_assert_uint_eq(recorded(path, of_thread), written[i]);
		threads += written[i];
	}
	engines = recorded(path, "sim:");
	/* what threads did after the last tick is no longer among the engines' */
	ck_assert_msg(engines > threads / 2 && engines <= threads, "%lu of %lu", engines, threads);
	client_join(&c);
}
END_TEST

static const char *why_of(int i)
{
	static char why[64];
	json_t *j = ask("threads"), *t;
	size_t k;

	why[0] = '?';
	json_array_foreach (json_object_get(j, "threads"), k, t)
		if (json_integer_value(json_object_get(t, "tid")) == c.tid[i])
			snprintf(why, sizeof(why), "%s", json_string_value(json_object_get(t, "why")));
	json_decref(j);
	return why;
}

static bool left_alone(void)
{
	return !strcmp(why_of(0), "pinned by somebody else");
}

static bool free_again(void)
{
	return !strcmp(why_of(0), "");
}

/* A mask that somebody else writes is theirs: it stays, also when we end; the whole machine is no pin. */
START_TEST(test_foreign_pin)
{
	struct dam_cpuset zero = {{1}}, mask;

	ck_assert_int_eq(client_start(&c, NULL), 0);
	client_threads(&c, 2);
	client_attach(&c);
	claim();
	ck_assert(drive(one_on_each));
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(dam_cpuset_set_thread(c.tid[i], &zero), 0);
	ck_assert(drive(left_alone));
	ck_assert_int_eq(dam_cpuset_set_thread(c.tid[0], &c.everywhere), 0);
	ck_assert(drive(free_again));
	ck_assert_int_eq(client_stop(&c, SIGTERM), 0);
	ck_assert_int_eq(dam_cpuset_get_thread(c.tid[1], &mask), 0);
	ck_assert(dam_cpuset_equal(&mask, &zero));
	client_join(&c);
}
END_TEST

static bool third_known(void)
{
	json_t *j = ask("status");
	bool known = json_integer_value(json_object_get(j, "threads")) == 3;

	json_decref(j);
	return known;
}

static struct dam_slot *theirs;

static bool is_taken(void)
{
	return __atomic_load_n(&theirs->state, __ATOMIC_ACQUIRE) == DAM_SLOT_FREE;
}

/* The totals of thread @tid; -1: not known. */
static json_int_t read_bytes_of(pid_t tid)
{
	json_t *j = ask("threads"), *t;
	json_int_t bytes = -1;
	size_t k;

	json_array_foreach (json_object_get(j, "threads"), k, t)
		if (json_integer_value(json_object_get(t, "tid")) == tid)
			bytes = json_integer_value(json_object_get(t, "read_bytes"));
	json_decref(j);
	return bytes;
}

/* A thread that died before it was looked at, with no word of that in its slot: it counts, and the slot is given back. */
START_TEST(test_died_unseen)
{
	pid_t gone = fork();

	if (!gone)
		_exit(0);
	ck_assert_int_eq(waitpid(gone, NULL, 0), gone);
	ck_assert_int_eq(client_start(&c, NULL), 0);
	client_threads(&c, 2);
	client_attach(&c);
	theirs = dam_ledger_claim(c.ledger, (uint32_t)gone);
	dam_count_add(&theirs->count[DAM_LOCAL_OTHER].read_bytes, 4096);
	dam_count_add(&theirs->count[DAM_LOCAL_OTHER].read_ops, 1);
	dam_count_add(&theirs->submissions, 1);
	dam_slot_publish(theirs);
	claim();
	ck_assert(drive(is_taken));
	ck_assert_int_eq(read_bytes_of(gone), 4096);
	ck_assert_int_eq(client_stop(&c, SIGTERM), 0);
	client_join(&c);
}
END_TEST

/* A slot that names a thread of another process, whose mask happens to be that of a thread that DAM has moved. */
START_TEST(test_stranger)
{
	struct dam_cpuset one = {{2}}, mask;
	pid_t stranger;

	ck_assert_int_eq(client_start(&c, NULL), 0);
	client_threads(&c, 2);
	client_attach(&c);
	claim();
	ck_assert(drive(one_on_each));
	stranger = fork();
	if (!stranger)
		for (;;)
			pause();
	ck_assert_int_eq(dam_cpuset_set_thread(stranger, &one), 0);
	theirs = dam_ledger_claim(c.ledger, (uint32_t)stranger);
	dam_slot_publish(theirs);
	__atomic_store_n(&theirs->state, DAM_SLOT_ENDED, __ATOMIC_RELEASE);
	ck_assert(drive(is_taken));
	ck_assert_int_eq(dam_cpuset_get_thread(stranger, &mask), 0);
	ck_assert(dam_cpuset_equal(&mask, &one));
	kill(stranger, SIGKILL);
	ck_assert_int_eq(waitpid(stranger, NULL, 0), stranger);
	ck_assert_int_eq(client_stop(&c, SIGTERM), 0);
	client_join(&c);
}
END_TEST

static const struct {
	const char *why;
	uint32_t pin_calls, heir;
	bool kept;
} alike[] = {
	{"inherited from a thread that DAM has moved", 0, 0, false},
	{"the program's own pin", 1, 0, true},
	{"inherited from one that the program has pinned", 0, 1, true},
};

/* A new thread's mask is that of one that DAM has moved: whose is it? */
START_TEST(test_same_mask)
{
	struct dam_cpuset one = {{2}}, mask;
	struct dam_slot *s;

	ck_assert_int_eq(client_start(&c, NULL), 0);
	client_threads(&c, 3);
	client_attach(&c);
	claim();
	ck_assert(drive(one_on_each));
	ck_assert_int_eq(dam_cpuset_set_thread(c.tid[2], &one), 0);
	s = dam_ledger_claim(c.ledger, (uint32_t)c.tid[2]);
	s->pin_calls = alike[_i].pin_calls;
	s->heir = alike[_i].heir;
	dam_slot_publish(s);
	ck_assert(drive(third_known));
	ck_assert_int_eq(dam_cpuset_get_thread(c.tid[2], &mask), 0);
	ck_assert_msg(dam_cpuset_equal(&mask, alike[_i].kept ? &one : &c.everywhere), "%s", alike[_i].why);
	ck_assert_int_eq(client_stop(&c, SIGTERM), 0);
	client_join(&c);
}
END_TEST

START_TEST(test_second_coordinator)
{
	pid_t first;

	ck_assert_int_eq(client_start(&c, NULL), 0);
	first = c.coord;
	ck_assert_int_eq(client_start(&c, NULL), 1);
	c.coord = first;
	json_decref(ask("status")); /* the live one still answers */
	ck_assert_int_eq(client_stop(&c, SIGTERM), 0);
	ck_assert_int_eq(access(c.sock_path, F_OK), -1);
}
END_TEST

/* Whatever arrives on the socket, the next honest question is answered. */
START_TEST(test_hostile_packets)
{
	unsigned char packet[6000];
	unsigned int seed = 1;

	ck_assert_int_eq(client_start(&c, NULL), 0);
	for (int i = 0; i < 400; i++) {
		struct dam_hello h = {DAM_HELLO_MAGIC, DAM_SHM_VERSION, (uint32_t)i % 4, 1, 0, 2.0f, -1.0f, "rt\xff"};
		size_t len = (size_t)rand_r(&seed) % sizeof(packet);
		int fd = client_connect(&c);

		for (size_t k = 0; k < sizeof(packet); k++)
			packet[k] = (unsigned char)rand_r(&seed);
		if (i % 3) /* a good beginning, then rubbish */
			memcpy(packet, &h, sizeof(h));
		if (i % 7)
			send(fd, packet, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		close(fd);
	}
	for (int i = 0; i < 3; i++)
		json_decref(ask("report"));
	ck_assert_int_eq(client_stop(&c, SIGTERM), 0);
}
END_TEST

/* A process that scribbles over its ledger harms nobody. */
START_TEST(test_hostile_ledger)
{
	unsigned int seed = 2;

	ck_assert_int_eq(client_start(&c, NULL), 0);
	client_attach(&c);
	for (int round = 0; round < 20; round++) {
		uint64_t *w = (uint64_t *)c.ledger;

		for (int i = 0; i < 4000; i++)
			w[(size_t)rand_r(&seed) % (1 << 16)] = ((uint64_t)rand_r(&seed) << 32 |
								(uint64_t)rand_r(&seed));
		c.ledger->nr_slots = (uint32_t)rand_r(&seed);
		json_decref(ask("report"));
	}
	ck_assert_int_eq(client_stop(&c, SIGTERM), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("coord_live");
	TCase *tc = tcase_create("live");

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		printf("SKIP: one CPU, nothing to move between\n");
		return 77;
	}
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_moves_and_restores);
	tcase_add_test(tc, test_killed);
	tcase_add_loop_test(tc, test_reservation, 0, 2);
	tcase_add_test(tc, test_dry_run);
	tcase_add_test(tc, test_record);
	tcase_add_test(tc, test_decided_again);
	tcase_add_test(tc, test_foreign_pin);
	tcase_add_loop_test(tc, test_same_mask, 0, sizeof(alike) / sizeof(alike[0]));
	tcase_add_test(tc, test_died_unseen);
	tcase_add_test(tc, test_stranger);
	tcase_add_test(tc, test_second_coordinator);
	tcase_add_test(tc, test_hostile_packets);
	tcase_add_test(tc, test_hostile_ledger);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
