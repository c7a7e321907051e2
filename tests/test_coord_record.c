/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What dam-coord --record writes of two threads on simulated engines, and that dam-sim decides the same from it. */
#include "config.h"

#include <check.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/coord_client.h"
#include "tests/suite.h"

static struct client c;

static bool one_moved(void)
{
	return client_has(&c, 0, 2) || client_has(&c, 1, 2);
}

static void setup(void)
{
	client_open(&c);
}

static void teardown(void)
{
	client_close(&c);
}

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
	client_begin(&c, args, 2);
	ck_assert(client_drive(&c, one_moved));
	client_end(&c);
	j = decide_again(path, &status);
	ck_assert_int_eq(status, 0);
	ck_assert_int_ge(json_integer_value(json_object_get(j, "moves")), 1);
	ck_assert_int_ge(json_integer_value(json_object_get(j, "ticks")), 3); /* on a busy machine they are long */
	ck_assert_int_eq(json_integer_value(json_object_get(j, "different")), 0);
	json_decref(j);
	tamper(path, bad, 4);
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
	client_begin(&c, args, 2);
	ck_assert(client_drive(&c, one_moved));
	for (int i = 0; i < 2; i++)
		written[i] = c.slot[i]->count[DAM_LOCAL_OTHER].read_bytes;
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

int main(void)
{
	Suite *s = suite_create("coord_record");
	TCase *tc = tcase_create("record");

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		printf("SKIP: one CPU, nothing to move between\n");
		return 77;
	}
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_record);
	tcase_add_test(tc, test_decided_again);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
