/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* dam-run inside: its options, the coordinator it uses, the program it runs, what it tells afterwards. */
#ifndef DAM_TOOLS_RUN_RUN_H
#define DAM_TOOLS_RUN_RUN_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "tools/common/paths.h"

/* As env(1) and timeout(1): dam-run's own trouble is told from the program's exit status. */
#define RUN_STATUS_FAILED	125
#define RUN_STATUS_NOT_EXECUTED 126
#define RUN_STATUS_NOT_FOUND	127

struct run_options {
	const char *json; /* NULL: none; "-": standard output */
	const char *runtime_dir;
	bool dry_run;
	bool quiet;
	bool call_sites;
};

/* -- coordinator.c: the one that runs already, or a private one -- */

struct run_coordinator {
	char dir[DAM_RUNTIME_DIR_MAX];
	bool private; /* started here, with a directory of its own, and ends with the run */
	pid_t pid;    /* of the private one; 0: it has ended */
	pid_t observer; /* who may have to be let look into the program; 0: root's, which may */
};

/**
 * run_coordinator_open() - find a coordinator that answers, or start a private one in a directory of its own
 * Return: 0 with @out for run_coordinator_close(); -1 after one line in the log.
 */
int run_coordinator_open(const struct run_options *o, struct run_coordinator *out);

/** run_coordinator_check() - a child has ended: if it was the private one, restore what it had changed, at once. */
void run_coordinator_check(struct run_coordinator *c);

/**
 * run_coordinator_watch() - name the program to the coordinator, which looks for what no hook sees
 *
 * After it was made, and when it has ended but was not waited for: then a last look is taken. Trouble is not told:
 * the report will tell what was seen.
 */
void run_coordinator_watch(const struct run_coordinator *c, pid_t pid, uint32_t run_id);

/** run_coordinator_report() - what it knows of run @run_id. Return: a new reference; NULL after a line in the log. */
json_t *run_coordinator_report(const struct run_coordinator *c, uint32_t run_id);

/** run_coordinator_close() - end a private one, bounded; masks are restored even if it had died. */
void run_coordinator_close(struct run_coordinator *c);

/* -- child.c: the program -- */

struct run_result {
	int exec_errno;	 /* not 0: the program was never executed */
	int exit_status; /* if signal is 0 */
	int signal;
	double elapsed_s;
};

/**
 * run_child() - run @argv with the interposer, wait for its end, hand signals through
 * @library: path of libdam_preload.so
 * @c: the coordinator that the program attaches to; its death is noticed here
 *
 * From here on SIGINT and SIGQUIT are ignored, and the signals that are handed through are blocked.
 * Return: 0; -errno when no process could be made.
 */
int run_child(char **argv, const char *library, struct run_coordinator *c, uint32_t run_id,
	      struct run_result *out);

/** run_exit() - end as the program ended: its status, or its signal. */
void run_exit(const struct run_result *r) __attribute__((noreturn));

/* -- program.c: is this a program that the library can enter? -- */

/** run_program_note() - NULL, or why the library has no effect on program @name (looked for in $PATH). */
const char *run_program_note(const char *name);

/* -- sink.c: the file of --json -- */

struct run_sink {
	FILE *f; /* NULL: none wanted */
	char temp[PATH_MAX], path[PATH_MAX]; /* temp is "" when written in place */
};

/** run_sink_open() - make sure that @path can be written, before the program runs. Return: 0; -errno. */
int run_sink_open(const char *path, struct run_sink *out);

/** run_sink_write() - write @o, put the file in its place. Return: 0; -errno. Ends the sink. */
int run_sink_write(struct run_sink *s, const json_t *o);

/** run_sink_drop() - nothing will be written: leave no trace. */
void run_sink_drop(struct run_sink *s);

/* -- summary.c: what was seen -- */

/** run_summary_json() - the object of --json; @report may be NULL. Return: a new reference; NULL: no memory. */
json_t *run_summary_json(char **argv, const struct run_result *r, const json_t *report);

/**
 * run_summary_print() - the same for people, on standard error
 * @summary: from run_summary_json()
 * @note: from run_program_note()
 * @call_sites: which code submitted, too
 */
void run_summary_print(const json_t *summary, const char *note, bool call_sites);

#endif
