/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* dam-run: runs one program under DAM, ends as it ends, tells what was seen. */
#include "config.h"
#include "tools/run/run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/knobs.h"
#include "base/log.h"
#include "tools/common/options.h"
#include "tools/common/sites.h"

static const struct dam_option options[] = {
	{.name = "json", .type = DAM_OPTION_TEXT, .arg = "FILE",
	 .offset = offsetof(struct run_options, json),
	 .help = "write what was seen to FILE as JSON; - is standard output"},
	{.name = "dry-run", .letter = 'n', .type = DAM_OPTION_FLAG,
	 .offset = offsetof(struct run_options, dry_run),
	 .help = "decide and report, move nothing; always with a private coordinator"},
	{.name = "runtime-dir", .type = DAM_OPTION_TEXT, .arg = "DIR",
	 .offset = offsetof(struct run_options, runtime_dir),
	 .help = "use the coordinator of this directory, if one answers there"},
	{.name = "call-sites", .type = DAM_OPTION_FLAG,
	 .offset = offsetof(struct run_options, call_sites),
	 .help = "show which code submitted: function, module, callers, by sampling"},
	{.name = "quiet", .letter = 'q', .type = DAM_OPTION_FLAG,
	 .offset = offsetof(struct run_options, quiet),
	 .help = "print no summary on standard error"},
};

static const struct dam_tool tool = {
	.name = "dam-run",
	.usage = "[options] [--] PROGRAM [ARG...]",
	.summary = "Runs a program with its threads kept next to the DMA engines they drive",
	.option = options,
	.nr_options = sizeof(options) / sizeof(options[0]),
	.knob_scope = DAM_SCOPE_BOTH,
	.stop_at_operand = true,
};

static uint32_t random_id(void)
{
	uint32_t id = 0;

	while (!(id & INT32_MAX))
		if (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id))
			id = (uint32_t)getpid();
	return id & INT32_MAX;
}

/* The dynamic linker splits LD_PRELOAD at blanks and colons. */
static int find_library(char out[PATH_MAX])
{
	if (dam_find_installed("libdam_preload.so", out)) {
		dam_err("libdam_preload.so is neither beside dam-run nor in %s", DAM_LIBDIR);
		return -1;
	}
	if (strpbrk(out, " :")) {
		dam_err("%s cannot be preloaded: there is a blank or a colon in its path", out);
		return -1;
	}
	return 0;
}

static void tell(const struct run_options *o, char **argv, const struct run_result *r,
		 const json_t *report, struct run_sink *sink)
{
	json_t *summary = run_summary_json(argv, r, report);
	int err;

	if (o->json || o->call_sites)
		dam_sites_name(summary);
	if (!o->quiet && report)
		run_summary_print(summary, run_program_note(argv[0]), o->call_sites);
	err = run_sink_write(sink, summary);
	if (err)
		dam_err("%s: %s", o->json, strerror(-err));
	json_decref(summary);
}

/* Return: only when the program could not be run. */
static void run(const struct run_options *o, char **argv, struct run_sink *sink)
{
	struct run_coordinator c;
	struct run_result r;
	char library[PATH_MAX];
	uint32_t id = random_id();
	json_t *report;
	int err;

	if (find_library(library) || run_coordinator_open(o, &c))
		return;
	err = run_child(argv, library, &c, id, &r);
	if (err || r.exec_errno) {
		dam_err("%s: %s", argv[0], strerror(err ? -err : r.exec_errno));
		run_sink_drop(sink);
		run_coordinator_close(&c);
		if (err)
			return;
		run_exit(&r);
	}
	report = run_coordinator_report(&c, id);
	run_coordinator_close(&c);
	tell(o, argv, &r, report, sink);
	json_decref(report);
	run_exit(&r);
}

int main(int argc, char **argv)
{
	struct run_options o = {0};
	struct run_sink sink = {.f = NULL};
	int first, err = 0;

	dam_log_open(tool.name, DAM_LOG_WARN);
	first = dam_options_parse(&tool, argc, argv, &o);
	if (first <= 0)
		return first ? RUN_STATUS_FAILED : dam_output_lost() ? RUN_STATUS_FAILED : 0;
	if (first == argc) {
		dam_err("a program is missing; see %s --help", tool.name);
		return RUN_STATUS_FAILED;
	}
	if (o.json)
		err = run_sink_open(o.json, &sink);
	if (err) {
		dam_err("%s cannot be written: %s", o.json, strerror(-err));
		return RUN_STATUS_FAILED;
	}
	run(&o, argv + first, &sink);
	run_sink_drop(&sink);
	return RUN_STATUS_FAILED;
}
