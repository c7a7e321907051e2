/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* dam-ctl: asks a running coordinator, restores masks. A new command is a row in the table. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/knobs.h"
#include "base/log.h"
#include "shm/layout.h"
#include "tools/common/control.h"
#include "tools/common/options.h"
#include "tools/common/paths.h"
#include "tools/common/sites.h"
#include "tools/ctl/ctl.h"

struct command {
	struct dam_word word; /* its name is also the request to the coordinator */
	void (*name)(json_t *answer); /* what the coordinator cannot know; NULL: nothing */
	void (*show)(const json_t *answer);
	int (*run)(const struct ctl_options *o); /* instead of a request */
};

static const struct command commands[] = {
	{.word = {"status", "what the coordinator is, and what it costs"}, .show = ctl_show_status},
	{.word = {"engines", "engines and pools: capacity, load, forecast"}, .show = ctl_show_engines},
	{.word = {"threads", "threads: what they moved, where they are, why they are left alone"},
	 .show = ctl_show_threads},
	{.word = {"moves", "what was moved, from where to where, and why"}, .show = ctl_show_moves},
	{.word = {"call-sites", "which code submits: the places that did most, by sampling"},
	 .name = dam_sites_name, .show = ctl_show_sites},
	{.word = {"restore", "give threads their masks, and devices their moderation, back after a coordinator died"},
	 .run = ctl_restore},
};

static const struct dam_word *word_at(unsigned int i)
{
	return i < sizeof(commands) / sizeof(commands[0]) ? &commands[i].word : NULL;
}

static const struct dam_option options[] = {
	{.name = "json", .type = DAM_OPTION_FLAG, .offset = offsetof(struct ctl_options, json),
	 .help = "print JSON instead of tables"},
	{.name = "runtime-dir", .type = DAM_OPTION_TEXT, .arg = "DIR",
	 .offset = offsetof(struct ctl_options, runtime_dir),
	 .help = "directory of the coordinator; default: $DAM_RUNTIME_DIR, else /run/dam for root, else "
		 "$XDG_RUNTIME_DIR/dam"},
	{.name = "force", .type = DAM_OPTION_FLAG, .offset = offsetof(struct ctl_options, force),
	 .help = "restore although a coordinator is running; it may pin threads again"},
};

static const struct dam_tool tool = {
	.name = "dam-ctl",
	.usage = "COMMAND [options]",
	.summary = "Shows what a coordinator of DAM measures and does",
	.option = options,
	.nr_options = sizeof(options) / sizeof(options[0]),
	.word = word_at,
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].word.name, name) == 0)
			return &commands[i];
	return NULL;
}

static int ask(const struct command *c, const struct ctl_options *o)
{
	char dir[DAM_RUNTIME_DIR_MAX], path[DAM_RUNTIME_DIR_MAX + sizeof(DAM_SOCKET_NAME) + 1];
	char error[DAM_CONTROL_ERROR];
	json_t *answer;
	int status = 0;

	if (dam_runtime_dir_live(o->runtime_dir, dir) ||
	    dam_path_join(dir, DAM_SOCKET_NAME, path, sizeof(path))) {
		dam_err("the name of the runtime directory is too long");
		return CTL_STATUS_FAILED;
	}
	if (dam_control_ask(path, c->word.name, 0, DAM_CONTROL_TIMEOUT_MS, error, &answer)) {
		dam_err("%s", error);
		return CTL_STATUS_FAILED;
	}
	if (c->name)
		c->name(answer);
	if (o->json)
		status = ctl_print_json(answer);
	else
		c->show(answer);
	json_decref(answer);
	return status;
}

int main(int argc, char **argv)
{
	struct ctl_options o = {0};
	const struct command *c;
	int first, status;

	dam_log_open(tool.name, DAM_LOG_WARN);
	first = dam_options_parse(&tool, argc, argv, &o);
	if (first <= 0)
		return first ? CTL_STATUS_USAGE : fflush(stdout) ? CTL_STATUS_FAILED : 0;
	c = argc == first + 1 ? find_command(argv[first]) : NULL;
	if (!c) {
		dam_err("%s; see %s --help",
			argc == first ? "a command is missing" : "exactly one known command is wanted",
			tool.name);
		return CTL_STATUS_USAGE;
	}
	status = c->run ? c->run(&o) : ask(c, &o);
	if (fflush(stdout) || ferror(stdout)) {
		dam_err("cannot write to standard output");
		status = CTL_STATUS_FAILED;
	}
	return status;
}
