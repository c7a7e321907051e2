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
#include "tests/coord_ask.h"
#include "tests/suite.h"

#define ZERO 1 /* CPU 0, as a mask */
#define ONE  2

static struct client c;

static bool one_on_each(void)
{
	/* one thread is pinned to CPU 1; the other may have been left as it was */
	for (unsigned int i = 0; i < 2; i++)
		if (client_has(&c, i, ONE))
			return client_has(&c, !i, ZERO) || client_free(&c, !i);
	return false;
}

static bool masks_back(void)
{
	return client_free(&c, 0) && client_free(&c, 1);
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

	client_begin(&c, NULL, 2);
	ck_assert(client_drive(&c, one_on_each));
	j = client_ask(&c, "report", 0);
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
	client_begin(&c, NULL, 2);
	ck_assert(client_drive(&c, one_on_each));
	ck_assert_int_eq(client_stop(&c, SIGKILL), -SIGKILL);
	ck_assert(!masks_back());
	ck_assert_int_eq(client_start(&c, NULL), 0); /* takes the dead one's socket over */
	ck_assert(masks_back());
	client_end(&c);
}
END_TEST

static bool both_on_1(void)
{
	return client_has(&c, 0, ONE) && client_has(&c, 1, ONE);
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
	client_claim(&c, 2);
	c.mb_per_s = 20;
	ck_assert(client_drive(&c, _i ? one_on_each : both_on_1));
	j = client_ask(&c, "report", 0);
	t = json_array_get(json_object_get(j, "threads"), 0);
	ck_assert_str_eq(json_string_value(json_object_get(t, "class")), _i ? "rt" : "normal");
	json_array_foreach (json_object_get(j, "engines"), i, e)
		if (!strcmp(json_string_value(json_object_get(e, "name")), "sim:e0"))
			break;
	ck_assert_str_eq(json_string_value(json_object_get(e, "reserved")), "rt");
	json_decref(j);
	client_end(&c);
}
END_TEST

static bool dry_decided(void)
{
	json_t *j = client_ask(&c, "moves", 0);
	size_t n = json_array_size(json_object_get(j, "moves"));

	json_decref(j);
	return n > 0;
}

START_TEST(test_dry_run)
{
	const char *args[] = {"--dry-run", NULL};

	client_begin(&c, args, 2);
	ck_assert(client_drive(&c, dry_decided));
	ck_assert(masks_back());
	client_end(&c);
}
END_TEST

static bool why_is(const char *wanted)
{
	json_t *t = client_thread(&c, c.tid[0]);
	bool same = t && !strcmp(json_string_value(json_object_get(t, "why")), wanted);

	json_decref(t);
	return same;
}

static bool is_excluded(void)
{
	return why_is("excluded");
}

static char path[4096]; /* of this program */

static const struct {
	const char *why, *list;
	bool excluded;
} listed[] = {
	{"by its name", "nobody,test_coord_live", true},
	{"by a name that the kernel would cut", "test_coord_live_and_more, nobody", true},
	{"by what it executes", path, true},
	{"another name, a part of its own, another path", "test, coord_live,/bin/test_coord_live", false},
};

/* What a user wants left alone is so from the first, and what is not is moved. */
START_TEST(test_listed)
{
	ck_assert_int_gt(readlink("/proc/self/exe", path, sizeof(path) - 1), 0);
	setenv("DAM_EXCLUDE", listed[_i].list, 1);
	client_begin(&c, NULL, 2);
	unsetenv("DAM_EXCLUDE");
	ck_assert_msg(client_drive(&c, listed[_i].excluded ? is_excluded : one_on_each), "%s", listed[_i].why);
	ck_assert_msg(!listed[_i].excluded || masks_back(), "%s: it was moved", listed[_i].why);
	client_end(&c);
}
END_TEST

static bool left_alone(void)
{
	return why_is("pinned by somebody else");
}

static bool free_again(void)
{
	return why_is("");
}

/* A mask that somebody else writes is theirs: it stays, also when we end; the whole machine is no pin. */
START_TEST(test_foreign_pin)
{
	struct dam_cpuset zero = {{ZERO}};

	client_begin(&c, NULL, 2);
	ck_assert(client_drive(&c, one_on_each));
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(dam_cpuset_set_thread(c.tid[i], &zero), 0);
	ck_assert(client_drive(&c, left_alone));
	ck_assert_int_eq(dam_cpuset_set_thread(c.tid[0], &c.everywhere), 0);
	ck_assert(client_drive(&c, free_again));
	ck_assert_int_eq(client_stop(&c, SIGTERM), 0);
	ck_assert(client_has(&c, 1, ZERO));
	client_join(&c);
}
END_TEST

static bool third_known(void)
{
	json_t *j = client_ask(&c, "status", 0);
	bool known = json_integer_value(json_object_get(j, "threads")) == 3;

	json_decref(j);
	return known;
}

static struct dam_slot *theirs;

static bool is_taken(void)
{
	return __atomic_load_n(&theirs->state, __ATOMIC_ACQUIRE) == DAM_SLOT_FREE;
}

/* A thread that died before it was looked at, with no word of that in its slot: it counts, and the slot is given back. */
START_TEST(test_died_unseen)
{
	pid_t gone = fork();
	json_t *t;

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
	client_claim(&c, 2);
	ck_assert(client_drive(&c, is_taken));
	t = client_thread(&c, gone);
	ck_assert_int_eq(json_integer_value(json_object_get(t, "read_bytes")), 4096);
	json_decref(t);
	client_end(&c);
}
END_TEST

/* A slot that names a thread of another process, whose mask happens to be that of a thread that DAM has moved. */
START_TEST(test_stranger)
{
	struct dam_cpuset one = {{ONE}}, mask;
	pid_t stranger;

	client_begin(&c, NULL, 2);
	ck_assert(client_drive(&c, one_on_each));
	stranger = fork();
	if (!stranger)
		for (;;)
			pause();
	ck_assert_int_eq(dam_cpuset_set_thread(stranger, &one), 0);
	theirs = dam_ledger_claim(c.ledger, (uint32_t)stranger);
	dam_slot_publish(theirs);
	__atomic_store_n(&theirs->state, DAM_SLOT_ENDED, __ATOMIC_RELEASE);
	ck_assert(client_drive(&c, is_taken));
	ck_assert_int_eq(dam_cpuset_get_thread(stranger, &mask), 0);
	ck_assert(dam_cpuset_equal(&mask, &one));
	kill(stranger, SIGKILL);
	ck_assert_int_eq(waitpid(stranger, NULL, 0), stranger);
	client_end(&c);
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
	struct dam_cpuset one = {{ONE}};
	struct dam_slot *s;

	client_begin(&c, NULL, 3);
	ck_assert(client_drive(&c, one_on_each));
	ck_assert_int_eq(dam_cpuset_set_thread(c.tid[2], &one), 0);
	s = dam_ledger_claim(c.ledger, (uint32_t)c.tid[2]);
	s->pin_calls = alike[_i].pin_calls;
	s->heir = alike[_i].heir;
	dam_slot_publish(s);
	ck_assert(client_drive(&c, third_known));
	ck_assert_msg(alike[_i].kept ? client_has(&c, 2, ONE) : client_free(&c, 2), "%s", alike[_i].why);
	client_end(&c);
}
END_TEST

START_TEST(test_second_coordinator)
{
	pid_t first;

	ck_assert_int_eq(client_start(&c, NULL), 0);
	first = c.coord;
	ck_assert_int_eq(client_start(&c, NULL), 1);
	c.coord = first;
	json_decref(client_ask(&c, "status", 0)); /* the live one still answers */
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
		json_decref(client_ask(&c, "report", 0));
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
		json_decref(client_ask(&c, "report", 0));
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
	tcase_add_test(tc, test_foreign_pin);
	tcase_add_loop_test(tc, test_listed, 0, (int)(sizeof(listed) / sizeof(listed[0])));
	tcase_add_loop_test(tc, test_same_mask, 0, sizeof(alike) / sizeof(alike[0]));
	tcase_add_test(tc, test_died_unseen);
	tcase_add_test(tc, test_stranger);
	tcase_add_test(tc, test_second_coordinator);
	tcase_add_test(tc, test_hostile_packets);
	tcase_add_test(tc, test_hostile_ledger);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
