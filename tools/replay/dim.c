/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* dam-replay dim: Net DIM and RDMA DIM, one line per recorded sample. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "predict/dam_dim.h"
#include "tools/replay/replay.h"

struct dim_options {
	const char *profile;
	int start_ix;
	int apply_delay;
};

static const struct dam_option options[] = {
	{.name = "profile", .type = DAM_OPTION_TEXT,
	 .offset = offsetof(struct dim_options, profile), .arg = "NAME",
	 .help = "rx-eqe, rx-cqe, tx-eqe, tx-cqe or rdma; there is no default"},
	{.name = "start-ix", .type = DAM_OPTION_NUMBER,
	 .offset = offsetof(struct dim_options, start_ix), .arg = "N", .max = INT_MAX,
	 .help = "the profile to begin with, from 0, which is the default"},
	{.name = "apply-delay", .type = DAM_OPTION_NUMBER,
	 .offset = offsetof(struct dim_options, apply_delay), .arg = "K", .max = INT_MAX,
	 .help = "a new profile is applied after so many further samples; default: 0, at once"},
};

static const struct dam_tool tool = {
	.name = "dam-replay dim",
	.usage = "--profile NAME [options] [FILE]",
	.summary = "Shows what dynamic interrupt moderation makes of a recording; FILE may be "
		   "compressed, and is standard input by default",
	.option = options,
	.nr_options = sizeof(options) / sizeof(options[0]),
};

/* The increments of one line, added to the counters. Return: 0 or -EINVAL: printed. */
static int add_line(const struct replay_lines *lines, char *line, bool rdma,
		    struct dam_dim_sample *counters)
{
	static const char wanted[] =
		"not five whole numbers (usec_delta events packets bytes comps)";
	enum { USEC, EVENTS, PACKETS, BYTES, COMPS, NR };
	uint64_t inc[NR];
	unsigned int n = 0;
	char *save;

	for (char *w = strtok_r(line, " \t\r", &save); w; w = strtok_r(NULL, " \t\r", &save), n++)
		if (n == NR || dam_parse_u64(w, &inc[n]))
			return replay_lines_bad(lines, wanted);
	if (n != NR)
		return replay_lines_bad(lines, wanted);
	counters->time_us += inc[USEC];
	counters->comps += inc[COMPS];
	counters->events += rdma ? 1 : inc[EVENTS];
	counters->packets += rdma ? 0 : inc[PACKETS]; /* RDMA DIM is told of completions, and nothing else */
	counters->bytes += rdma ? 0 : inc[BYTES];
	return 0;
}

static void print_step(const struct dam_dim *dim, uint64_t n, enum dam_dim_decision decision)
{
	static const struct dam_dim_stats none;
	static const char letter[] = {
		[DAM_DIM_UNJUDGED] = '-', [DAM_DIM_WORSE] = 'W',
		[DAM_DIM_SAME] = 'S', [DAM_DIM_BETTER] = 'B',
	};
	const struct dam_dim_stats *s = decision == DAM_DIM_NOTHING ? &none : &dim->stats;
	const struct dam_dim_profile p = dam_dim_current(dim);

	printf("%" PRIu64 " %u %u %u %u %u %u %d %c ", n, dim->state, dim->tune, dim->profile_ix,
	       dim->steps_left, dim->steps_right, dim->tired, decision,
	       decision == DAM_DIM_NOTHING ? '-' : letter[dim->verdict]);
	printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %u %u\n", s->bpms,
	       s->ppms, s->epms, s->cpms, s->cpe_ratio, p.usec, p.pkts);
}

/* Return: 0 or -Exxx: printed. */
static int replay(struct dam_dim *dim, struct replay_lines *lines, int delay)
{
	const bool rdma = dim->algorithm == DAM_DIM_RDMA;
	struct dam_dim_sample counters = {0};
	enum dam_dim_decision decision;
	int wait = 0, r;
	char *line;

	for (uint64_t n = 0; (r = replay_lines_next(lines, &line)) > 0; n++) {
		r = add_line(lines, line, rdma, &counters);
		if (r)
			return r;
		/* Before the sample, unless there is no delay: a delay of K swallows K samples. */
		if (dim->state == DAM_DIM_APPLY_NEW_PROFILE && wait-- == 0)
			dam_dim_rearm(dim);
		decision = dam_dim_update(dim, &counters);
		if (decision == DAM_DIM_CHANGED)
			wait = delay;
		if (delay == 0)
			dam_dim_rearm(dim);
		print_step(dim, n, decision);
	}
	return r;
}

static int run_dim(int argc, char **argv)
{
	struct dim_options o = {0};
	const struct dam_dim_preset *preset;
	struct replay_lines *lines;
	struct dam_dim dim;
	int first = dam_options_parse(&tool, argc, argv, &o), r;

	if (first <= 0)
		return first ? REPLAY_STATUS_USAGE : 0;
	preset = o.profile ? dam_dim_preset_find(o.profile) : NULL;
	if (!preset || argc > first + 1) {
		dam_err("%s; see %s --help", argc > first + 1 ? "one FILE at most is wanted" :
			o.profile ? "no such profile" : "--profile is missing", tool.name);
		return REPLAY_STATUS_USAGE;
	}
	if (dam_dim_init(&dim, preset, (unsigned int)o.start_ix)) {
		dam_err("--start-ix of %s goes from 0 to %u", preset->name,
			preset->nr_profiles - 1);
		return REPLAY_STATUS_USAGE;
	}
	if (replay_lines_open(argv[first], &lines)) /* NULL: none */
		return REPLAY_STATUS_FAILED;
	r = replay(&dim, lines, o.apply_delay);
	replay_lines_close(lines);
	return r ? REPLAY_STATUS_FAILED : 0;
}

const struct replay_command replay_dim = {
	.word = {"dim", "dynamic interrupt moderation: Net DIM and RDMA DIM"},
	.run = run_dim,
};
