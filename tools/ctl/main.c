/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* dam-ctl: asks a running coordinator, restores masks. A new command is a row in the table. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/knobs.h"
#include "base/log.h"
#include "base/str.h"
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
	const char *operand; /* a number that it takes; NULL: none */
	bool optional;	     /* it need not be there */
};

static const struct command commands[] = {
	{.word = {"status", "what the coordinator is, and what it costs"}, .show = ctl_show_status},
	{.word = {"engines", "engines and pools: capacity, load, forecast"}, .show = ctl_show_engines},
	{.word = {"threads", "threads: what they moved, where they are, why they are left alone"},
	 .show = ctl_show_threads},
	{.word = {"moves", "what was moved, from where to where, and why"}, .show = ctl_show_moves},
	{.word = {"call-sites", "which code submits: the places that did most, by sampling"},
	 .name = dam_sites_name, .show = ctl_show_sites},
	{.word = {"explain", "MOVE: why it was made, and how it turned out; without MOVE: why engines were left as they are"},
	 .show = ctl_show_explain, .operand = "MOVE", .optional = true},
	{.word = {"history", "what moves have taught, by the coordinator or, with --file, without one"},
	 .show = ctl_show_history},
	{.word = {"undo", "MOVE: take it back; that counts as a bad result"}, .show = ctl_show_done, .operand = "MOVE"},
	{.word = {"exclude", "PID or TID: leave this process or thread alone, and give its masks back"},
	 .show = ctl_show_done, .operand = "PID"},
	{.word = {"include", "PID or TID: it may be moved again"}, .show = ctl_show_done, .operand = "PID"},
	{.word = {"pause", "give everything back and move nothing, until resume"}, .show = ctl_show_done},
	{.word = {"resume", "go on after pause"}, .show = ctl_show_done},
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
	{.name = "file", .type = DAM_OPTION_TEXT, .arg = "FILE", .offset = offsetof(struct ctl_options, file),
	 .help = "history: read this file, the one that AFFINITY_HISTORY named, instead of asking a coordinator"},
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

static int fetch(const struct command *c, const struct ctl_options *o, uint64_t id, json_t **answer)
{
	char dir[DAM_RUNTIME_DIR_MAX], path[DAM_RUNTIME_DIR_MAX + sizeof(DAM_SOCKET_NAME) + 1];
	char error[DAM_CONTROL_ERROR];

	if (o->file)
		return ctl_history(o, answer);
	if (dam_runtime_dir_live(o->runtime_dir, dir) ||
	    dam_path_join(dir, DAM_SOCKET_NAME, path, sizeof(path))) {
		dam_err("the name of the runtime directory is too long");
		return CTL_STATUS_FAILED;
	}
	if (dam_control_ask_of(path, c->word.name, id, DAM_CONTROL_TIMEOUT_MS, error, answer)) {
		dam_err("%s", error);
		return CTL_STATUS_FAILED;
	}
	return 0;
}

static int ask(const struct command *c, const struct ctl_options *o, uint64_t id)
{
	json_t *answer;
	int status = fetch(c, o, id, &answer);

	if (status)
		return status;
	if (c->name)
		c->name(answer);
	if (o->json)
		status = ctl_print_json(answer);
	else
		c->show(answer);
	json_decref(answer);
	return status;
}

/* The command, and the number behind it. Return: NULL: not one of ours, or not used so; a line has been printed. */
static const struct command *parse(int argc, char **argv, const struct ctl_options *o, uint64_t *id)
{
	const struct command *c = argc > 0 ? find_command(argv[0]) : NULL;
	const char *wrong = NULL;

	*id = 0;
	if (!c)
		wrong = argc > 0 ? "there is no such command" : "a command is missing";
	else if (argc > 1 + !!c->operand)
		wrong = "too many words";
	else if (argc == 1 && c->operand && !c->optional)
		wrong = "its number is missing";
	else if (o->file && c->show != ctl_show_history)
		wrong = "--file is for history";
	else if (argc == 2 && (dam_parse_u64(argv[1], id) || !*id || *id > INT64_MAX))
		wrong = "not a number that it could be";
	if (wrong)
		dam_err("%s%s%s; see %s --help", wrong, argc > 0 ? ": " : "", argc > 0 ? argv[argc - 1] : "", tool.name);
	return wrong ? NULL : c;
}

int main(int argc, char **argv)
{
	struct ctl_options o = {0};
	const struct command *c;
	uint64_t id;
	int first, status;

	dam_log_open(tool.name, DAM_LOG_WARN);
	first = dam_options_parse(&tool, argc, argv, &o);
	if (first <= 0)
		return first ? CTL_STATUS_USAGE : dam_output_lost() ? CTL_STATUS_FAILED : 0;
	c = parse(argc - first, argv + first, &o, &id);
	if (!c)
		return CTL_STATUS_USAGE;
	status = c->run ? c->run(&o) : ask(c, &o, id);
	if (dam_output_lost()) {
		dam_err("cannot write to standard output");
		status = CTL_STATUS_FAILED;
	}
	return status;
}
