/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* dam-ctl explain and history: for people, why moves were made, how they turned out, what was learned. */
#include "config.h"
#include "tools/ctl/ctl.h"

#include <string.h>

#include "base/str.h"
#include "tools/common/view.h"

#define NR(a) (sizeof(a) / sizeof((a)[0]))

static void format_term(const json_t *value, char *buf, size_t size)
{
	if (json_is_number(value))
		snprintf(buf, size, "%+.3f", json_number_value(value));
	else
		dam_strlcpy(buf, "-", size);
}

static const struct dam_view_column decision_columns[] = {
	{"decided after", "time_s", dam_view_seconds, false},
	{"engine", "engine", dam_view_text, false},
	{"of pool", "pool", dam_view_text, false},
	{"trigger", "trigger", dam_view_text, false},
	{"demand", "demand_bps", dam_view_rate, false},
	{"of others", "background_bps", dam_view_rate, false},
	{"capacity", "capacity_bps", dam_view_rate, false},
	{"load", "utilisation", dam_view_percent, false},
	{"forecast", "forecast_bps", dam_view_rate, false},
	{"at most", "forecast_p90_bps", dam_view_rate, false},
	{"forecast is trusted", "forecast_trusted", dam_view_bool, false},
	{"threads weighed", "threads_weighed", dam_view_number, false},
	{"options weighed", "options_weighed", dam_view_number, false},
	{"decision", "why", dam_view_text, false},
	{"no exchange", "no_exchange", dam_view_text, false},
};

static const struct dam_view_column option_columns[] = {
	{"TID", "tid", dam_view_number, true},
	{"NAME", "comm", dam_view_text, false},
	{"TO", "to_engine", dam_view_text, false},
	{"FOR", "partner_tid", dam_view_number, true},
	{"FROM THEN", "from_util_after", dam_view_percent, true},
	{"TO THEN", "to_util_after", dam_view_percent, true},
	{"THROUGHPUT", "throughput", format_term, true},
	{"LATENCY", "latency", format_term, true},
	{"FAIRNESS", "fairness", format_term, true},
	{"OVERFLOW", "overflow", format_term, true},
	{"POWER", "power", format_term, true},
	{"REFILL", "refill", format_term, true},
	{"REMOTE", "remote", format_term, true},
	{"CPU", "cpu", format_term, true},
	{"GAIN", "gain", format_term, true},
	{"TIMES", "favour", format_term, true},
	{"NEEDED", "threshold", format_term, true},
	{"DECISION", "why", dam_view_text, false},
};

static const struct dam_view_column outcome_columns[] = {
	{"result", "result", dam_view_text, false},
	{"verdict", "verdict", dam_view_text, false},
	{"by its", "metric", dam_view_text, false},
	{"which changed by", "effect", dam_view_change, false},
	{"judged within", "judged_s", dam_view_seconds, false},
	{"rate expected", "expected_bps", dam_view_rate, false},
	{"rate then", "actual_bps", dam_view_rate, false},
};

static const struct dam_view_column history_columns[] = {
	{"file", "file", dam_view_text, false},	     {"state", "state", dam_view_text, false},
	{"because", "why", dam_view_text, false},    {"moves written", "written", dam_view_number, false},
	{"moves dropped", "dropped", dam_view_number, false},
};

static const struct dam_view_column kind_columns[] = {
	{"PROGRAM", "program", dam_view_text, false}, {"THREAD", "thread", dam_view_text, false},
	{"ENGINE", "engine", dam_view_text, false},   {"FROM NODE", "from_node", dam_view_number, true},
	{"TO NODE", "to_node", dam_view_number, true}, {"GOOD", "good", dam_view_number, true},
	{"BAD", "bad", dam_view_number, true},	      {"GAIN TIMES", "favour", dam_view_number, true},
	{"FORECAST TIMES", "bias", dam_view_number, true},
};

static const struct dam_view_column past_columns[] = {
	{"PROGRAM", "program", dam_view_text, false}, {"THREAD", "thread", dam_view_text, false},
	{"FROM", "from_engine", dam_view_text, false}, {"TO", "to_engine", dam_view_text, false},
	{"TRIGGER", "trigger", dam_view_text, false},  {"EXPECTED", "expected_bps", dam_view_rate, true},
	{"THEN", "actual_bps", dam_view_rate, true},   {"VERDICT", "verdict", dam_view_text, false},
	{"BY", "metric", dam_view_text, false},	       {"CHANGE", "effect", dam_view_change, true},
	{"UNDONE", "undone", dam_view_bool, false},
};

/* Options with their terms beside the other columns; terms stand there only once a gain was computed. */
static json_t *flatten(const json_t *options)
{
	json_t *rows = json_array(), *row;
	const json_t *o;
	size_t i;

	json_array_foreach (options, i, o) {
		double needed = json_number_value(json_object_get(json_object_get(o, "terms"), "threshold"));

		row = json_copy((json_t *)o);
		if (needed > 0 || needed < 0)
			json_object_update(row, json_object_get(o, "terms"));
		else
			json_object_del(row, "gain");
		json_array_append_new(rows, row);
	}
	return rows;
}

static void show_decision(const json_t *d)
{
	json_t *rows = flatten(json_object_get(d, "options"));

	dam_view_print_object(stdout, 0, decision_columns, NR(decision_columns), d);
	if (json_array_size(rows)) {
		putchar('\n');
		dam_view_print(stdout, 0, option_columns, NR(option_columns), rows);
	}
	json_decref(rows);
}

void ctl_show_explain(const json_t *answer)
{
	const json_t *decisions = json_object_get(answer, "decisions"), *d;
	const json_t *moves = json_object_get(answer, "moves");
	size_t i;

	json_array_foreach (decisions, i, d) {
		if (i)
			putchar('\n');
		show_decision(d);
	}
	if (!json_array_size(decisions))
		puts(moves ? "what was weighed for this move is no longer known" :
			     "no engine has asked for a move that was not made");
	json_array_foreach (moves, i, d) {
		putchar('\n');
		dam_view_print_object(stdout, 0, outcome_columns, NR(outcome_columns), d);
	}
}

void ctl_show_history(const json_t *answer)
{
	const json_t *kinds = json_object_get(answer, "kinds"), *moves = json_object_get(answer, "moves");

	dam_view_print_object(stdout, 0, history_columns, NR(history_columns), answer);
	putchar('\n');
	if (json_array_size(kinds))
		dam_view_print(stdout, 0, kind_columns, NR(kind_columns), kinds);
	else
		puts("nothing has been learned yet");
	if (json_array_size(moves)) {
		putchar('\n');
		dam_view_print(stdout, 0, past_columns, NR(past_columns), moves);
	}
}

void ctl_show_done(const json_t *answer)
{
	(void)answer; /* it says "done", or there would have been an error */
}
