/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* A fuzzer: one function, called by libFuzzer (make fuzz) or by fuzz_main.c (make check). */
#ifndef DAM_TESTS_FUZZ_MAIN_H
#define DAM_TESTS_FUZZ_MAIN_H

#include <stddef.h>
#include <stdint.h>

/* Aborts when something is wrong. Return: 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** dam_fuzz_corpus() - run the files of tests/corpus/@name. Return: exit status. */
int dam_fuzz_corpus(const char *name);

#endif
