/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* A coordinator, a data file and the program PROG, which is run by mode on TEST_FILE; both are defined before. */
#ifndef DAM_TESTS_PRELOAD_MODES_H
#define DAM_TESTS_PRELOAD_MODES_H

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

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

#endif
