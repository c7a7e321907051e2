/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* How a test program ends. */
#ifndef DAM_TESTS_SUITE_H
#define DAM_TESTS_SUITE_H

#include <check.h>
#include <stdlib.h>

/** run_suite() - run and free @s. Return: the program's exit status. */
static inline int run_suite(Suite *s)
{
	SRunner *r = srunner_create(s);
	int failed;

	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
