/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* dam-sim: the decision on a machine that a file describes, beside simpler ones and a bound. */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "tools/common/options.h"
#include "tools/sim/sim.h"

#define STATUS_FAILED 1
#define STATUS_USAGE  2
#define MAX_POLICIES  16
#define QUIET_NS      (2 * DAM_NS_PER_S) /* progress is told after so long */
#define TELL_NS	      (DAM_NS_PER_S / 4)

struct sim_options {
	const char *policies, *svg;
	int seed, seconds;
	bool json;
};

static const struct dam_option options[] = {
	{.name = "policy", .letter = 'p', .type = DAM_OPTION_TEXT, .arg = "LIST",
	 .offset = offsetof(struct sim_options, policies),
	 .help = "only these policies, separated by commas; default: all"},
	{.name = "seed", .type = DAM_OPTION_NUMBER, .arg = "N", .min = 0, .max = 2000000000,
	 .offset = offsetof(struct sim_options, seed), .help = "instead of the scenario's"},
	{.name = "seconds", .type = DAM_OPTION_NUMBER, .arg = "N", .min = 1, .max = 1000000,
	 .offset = offsetof(struct sim_options, seconds), .help = "simulated time, instead of the scenario's"},
	{.name = "svg", .type = DAM_OPTION_TEXT, .arg = "FILE", .offset = offsetof(struct sim_options, svg),
	 .help = "draw the timeline of the last policy but the oracle to FILE"},
	{.name = "json", .type = DAM_OPTION_FLAG, .offset = offsetof(struct sim_options, json),
	 .help = "one JSON object a scenario"},
};

static const struct dam_word *policy_at(unsigned int i)
{
	static struct dam_word word;

	if (!sim_policies[i])
		return NULL;
	word = (struct dam_word){sim_policies[i]->name, sim_policies[i]->help};
	return &word;
}

static const struct dam_tool tool = {
	.name = "dam-sim",
	.usage = "[options] SCENARIO|RECORDING...",
	.summary = "Runs DAM's decision on a machine that a file describes, beside other policies",
	.option = options,
	.nr_options = sizeof(options) / sizeof(options[0]),
	.word = policy_at,
	.words = "policies",
};

/* -- progress, for who waits at a terminal -- */

static struct {
	uint64_t start_ns, told_ns;
	bool shown;
} clock_of;

static void tell(const struct sim_policy *policy, double share)
{
	uint64_t now = dam_now_ns();

	if (now - clock_of.start_ns < QUIET_NS || now - clock_of.told_ns < TELL_NS || !isatty(STDERR_FILENO))
		return;
	clock_of.told_ns = now;
	clock_of.shown = true;
	fprintf(stderr, "\r%-12s %3.0f %%", policy->name, 100 * share);
}

static void clear_line(void)
{
	if (clock_of.shown)
		fprintf(stderr, "\r%20s\r", "");
	clock_of.shown = false;
}

/* -- runs -- */

static bool named(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (!strncmp(at, name, len) && (at[len] == ',' || !at[len]))
			return true;
	}
	return false;
}

/* Return: how many; 0: one that does not exist has been named. */
static unsigned int choose(const char *list, const struct sim_policy **out)
{
	unsigned int nr = 0, words = 1;

	for (unsigned int i = 0; sim_policies[i]; i++)
		if (!list || named(list, sim_policies[i]->name))
			out[nr++] = sim_policies[i];
	for (const char *c = list; c && *c; c++)
		words += *c == ',';
	if (!list || nr == words)
		return nr;
	dam_err("--policy: not a list of policies separated by commas: %s; see dam-sim --help", list);
	return 0;
}

static int run_all(const struct sim_scenario *s, const struct sim_loads *loads, const struct sim_options *o,
		   const struct sim_policy *const *policy, unsigned int nr)
{
	struct sim_result result[MAX_POLICIES];
	struct sim_timeline timeline = {0};
	unsigned int drawn = nr;
	int err = 0;

	for (unsigned int i = 0; o->svg && i < nr; i++)
		drawn = policy[i] != &sim_oracle || nr == 1 ? i : drawn;
	for (unsigned int i = 0; !err && i < nr; i++)
		err = sim_run(s, loads, policy[i], tell, i == drawn ? &timeline : NULL, &result[i]);
	clear_line();
	if (!err && o->json)
		err = sim_print_json(s, result, nr);
	else if (!err)
		sim_print_table(s, result, nr);
	if (err)
		dam_err("out of memory");
	if (!err && drawn < nr) {
		err = sim_svg_write(o->svg, s, &result[drawn], &timeline);
		if (err)
			dam_err("cannot write %s: %s", o->svg, strerror(-err));
	}
	sim_timeline_free(&timeline);
	return err;
}

static int run_file(const char *path, const struct sim_options *o, const struct sim_policy *const *policy,
		    unsigned int nr)
{
	struct sim_scenario *s = NULL;
	struct sim_loads *loads = NULL;
	char why[1024];
	int err = sim_scenario_read(path, why, sizeof(why), &s);

	if (err) {
		dam_err("%s", why);
		return err;
	}
	if (o->seed >= 0)
		s->seed = (uint64_t)o->seed;
	if (o->seconds > 0)
		s->seconds = o->seconds;
	err = sim_loads_open(s, &loads);
	if (!err)
		err = run_all(s, loads, o, policy, nr);
	sim_loads_close(loads);
	sim_scenario_free(s);
	return err;
}

int main(int argc, char **argv)
{
	struct sim_options o = {.seed = -1};
	const struct sim_policy *policy[MAX_POLICIES];
	unsigned int nr;
	int first, status = 0;

	dam_log_open(tool.name, DAM_LOG_WARN);
	first = dam_options_parse(&tool, argc, argv, &o);
	if (first <= 0)
		return first ? STATUS_USAGE : dam_output_lost() ? STATUS_FAILED : 0;
	nr = choose(o.policies, policy);
	if (!nr)
		return STATUS_USAGE;
	if (first == argc || (o.svg && argc - first > 1)) {
		dam_err("%s; see dam-sim --help", first == argc ? "a scenario is missing" : "--svg draws one scenario");
		return STATUS_USAGE;
	}
	clock_of.start_ns = dam_now_ns();
	for (int i = first; i < argc; i++) {
		if (i > first && !o.json)
			putchar('\n');
		if (sim_is_recording(argv[i]) ? sim_replay(argv[i], o.json) : run_file(argv[i], &o, policy, nr))
			status = STATUS_FAILED;
	}
	if (dam_output_lost()) {
		dam_err("cannot write to standard output");
		return STATUS_FAILED;
	}
	return status;
}
