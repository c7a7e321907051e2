/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* dam-replay: DAM's algorithms on recorded data. A subcommand is a file and a line in the table. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "tools/replay/replay.h"

static const struct replay_command *const commands[] = {
	&replay_dim,
	&replay_forecast,
};

#define NR (sizeof(commands) / sizeof(commands[0]))

static const struct dam_word *word_at(unsigned int i)
{
	return i < NR ? &commands[i]->word : NULL;
}

static const struct dam_tool tool = {
	.name = "dam-replay",
	.usage = "COMMAND [options] [FILE]",
	.summary = "Runs DAM's algorithms on recorded data; each command has a --help of its own",
	.word = word_at,
	.stop_at_operand = true,
};

static const struct replay_command *find_command(const char *name)
{
	for (size_t i = 0; i < NR; i++)
		if (strcmp(commands[i]->word.name, name) == 0)
			return commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct replay_command *c = NULL;
	int first, status;

	dam_log_open(tool.name, DAM_LOG_WARN);
	first = dam_options_parse(&tool, argc, argv, NULL);
	if (first < 0)
		return REPLAY_STATUS_USAGE;
	if (first && first < argc)
		c = find_command(argv[first]);
	if (first && !c) {
		dam_err("%s%s; see %s --help",
			first == argc ? "a command is missing" : "no such command: ",
			first == argc ? "" : argv[first], tool.name);
		return REPLAY_STATUS_USAGE;
	}
	status = c ? c->run(argc - first, argv + first) : 0;
	if (dam_output_lost()) {
		dam_err("cannot write to standard output");
		return REPLAY_STATUS_FAILED;
	}
	return status;
}
