/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* How a test program runs and ends. */
#ifndef DAM_TESTS_SUITE_H
#define DAM_TESTS_SUITE_H

#include <check.h>
#include <stdlib.h>

#include "tests/scratch.h"

static inline int run_all(void *r)
{
	srunner_run_all(r, CK_ENV);
	return srunner_ntests_failed(r) ? EXIT_FAILURE : EXIT_SUCCESS;
}

/** run_suite() - run and free @s. Return: the program's exit status. */
static inline int run_suite(Suite *s)
{
	SRunner *r = srunner_create(s);
	/* with CK_FORK=no, for a debugger, in this process */
	int status = srunner_fork_status(r) == CK_FORK ? scratch_run(run_all, r) : run_all(r);

	srunner_free(r);
	return status;
}

#endif
