/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* A coordinator, a data file and the program PROG, which is run by mode on TEST_FILE; both are defined before. */
#ifndef DAM_TESTS_PRELOAD_MODES_H
#define DAM_TESTS_PRELOAD_MODES_H

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/preload_coord.h"

static struct coord c;
static FILE *out; /* of the programs */

static void setup(void)
{
	int fd = open(TEST_FILE, O_RDWR | O_CREAT, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, 1 << 20), 0);
	close(fd);
	unlink(TEST_FILE ".stop");
	coord_dir(&c);
	out = tmpfile();
}

static void teardown(void)
{
	fclose(out);
	if (c.listener >= 0)
		coord_stop(&c);
	coord_remove_dir(&c);
	unlink(TEST_FILE);
	unlink(TEST_FILE ".stop");
}

static pid_t start(const char *mode)
{
	char *argv[] = {(char *)PROG, (char *)mode, (char *)TEST_FILE, NULL};

	return coord_spawn(&c, argv, fileno(out));
}

static uint64_t ops_of(unsigned int client)
{
	return coord_sum(&c, client, 7).read_ops;
}

static inline int client_of(unsigned int pid, unsigned int nth)
{
	for (unsigned int i = 0; i < c.nr; i++)
		if ((unsigned int)c.client[i].pid == pid && nth-- == 0)
			return (int)i;
	return -1;
}

/* Every process that printed its operations must have a ledger that says the same. */
static inline unsigned int compare(unsigned int nth)
{
	unsigned int pid, ops, n = 0;
	int i;

	rewind(out);
	for (; fscanf(out, "%u %u", &pid, &ops) == 2; n++) {
		i = client_of(pid, nth);
		ck_assert_msg(i >= 0, "process %u did not attach", pid);
		ck_assert_uint_eq(ops_of((unsigned int)i), ops);
	}
	return n;
}

/*
 * A program that ends waits 5 ms for an outstanding answer and then goes without: on a busy machine the coordinator
 * may not get to run in that time.
 */
static inline bool answered_late(unsigned int want, int nth)
{
	unsigned int pid, ops;
	int i;

	if (c.nr < want)
		return true;
	rewind(out);
	while (nth >= 0 && fscanf(out, "%u %u", &pid, &ops) == 2) {
		i = client_of(pid, (unsigned int)nth);
		if (i < 0 || (ops && !ops_of((unsigned int)i)))
			return true;
	}
	return false;
}

static inline int run_until_answered(const char *mode, unsigned int want, int nth, int delay_ms)
{
	for (int tries = 10;; tries--) {
		int status;

		c.delay_ms = delay_ms;
		coord_start(&c, TEST_FILE);
		status = coord_reap(&c, start(mode));
		if (status || !tries || !answered_late(want, nth))
			return status;
		teardown();
		setup();
	}
}

/* Serves until the process has attached and counted @ops more. */
static inline void wait_attached(unsigned int clients)
{
	uint64_t end = dam_now_ns() + 20 * DAM_NS_PER_S;

	while (c.nr < clients || ops_of(clients - 1) < 10) {
		coord_step(&c, 5);
		ck_assert_msg(dam_now_ns() < end, "attached %u times", c.nr);
	}
}

#endif
