/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Runs a fuzzer as a plain test: each file of its corpus, and many damaged copies of it. */
#include "config.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz_main.h"

#define SIZE_MAX_FILE 4096
#define COPIES	      300 /* of each file */

static uint64_t state = 1;

static uint64_t rnd(void) /* xorshift64* */
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dull;
}

/* Change, cut, or repeat something. Return: the new size. */
static size_t damage(uint8_t *data, size_t size)
{
	for (uint64_t n = 1 + rnd() % 4; n && size; n--) {
		size_t at = rnd() % size, len = rnd() % (size - at) + 1;

		if (rnd() % 4)
			data[at] = rnd() % 4 ? (uint8_t)rnd() : (uint8_t)(0xff * (rnd() % 2));
		else if (rnd() % 2 || size + len > SIZE_MAX_FILE)
			size -= len, memmove(data + at, data + at + len, size - at);
		else
			memmove(data + at + len, data + at, size - at), size += len;
	}
	return size;
}

static void run_file(const char *path)
{
	uint8_t original[SIZE_MAX_FILE], data[SIZE_MAX_FILE];
	FILE *f = fopen(path, "r");
	size_t size;

	if (!f)
		return;
	size = fread(original, 1, sizeof(original), f);
	fclose(f);
	LLVMFuzzerTestOneInput(original, size);
	for (int i = 0; i < COPIES; i++) {
		memcpy(data, original, size);
		LLVMFuzzerTestOneInput(data, damage(data, size));
	}
}

int dam_fuzz_corpus(const char *name)
{
	char dir[4096], path[4096 + 256];
	const struct dirent *e;
	DIR *d;
	int nr = 0;

	snprintf(dir, sizeof(dir), DAM_SRCDIR "/tests/corpus/%s", name);
	d = opendir(dir);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		run_file(path);
		nr++;
	}
	if (d)
		closedir(d);
	printf("%d files of %s, and %d damaged copies of each\n", nr, dir, COPIES);
	return nr ? EXIT_SUCCESS : EXIT_FAILURE;
}
