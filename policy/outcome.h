/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Was a move good? The moved thread against threads that the plan did not touch, window by window.
 *
 * Pure, like the rest of policy/. The caller closes a window every DAM_OUTCOME_WINDOW_S for all threads and engines
 * together, notes it in the past of each, and hands it to every judgement that is open.
 */
#ifndef DAM_POLICY_OUTCOME_H
#define DAM_POLICY_OUTCOME_H

#include <stdbool.h>

#define DAM_OUTCOME_BEFORE    12  /* windows before the move that its outcome is compared with */
#define DAM_OUTCOME_WINDOW_S  0.1 /* nominal length of a window */
#define DAM_OUTCOME_BLOCK     4	  /* windows whose mean tells of a program's phases */
#define DAM_OUTCOME_BLOCKS    24  /* of them are remembered: ten seconds */
#define DAM_OUTCOME_LONGEST_S 4.0 /* a judgement ends, whatever is known */
#define DAM_OUTCOME_UNDO      0.10 /* least loss that a move is taken back for */

/* What a thread, or the threads of an engine, did in a window. Sums of several are sums of these. */
struct dam_outcome_window {
	double bytes, ops; /* per second */
	double inflight;   /* operations, mean; NaN: unknown */
};

/* In the order in which they decide: Net DIM's, with latency as the third. */
enum dam_outcome_metric {
	DAM_OUTCOME_BYTES, DAM_OUTCOME_OPS, DAM_OUTCOME_LATENCY, DAM_OUTCOME_METRICS,
};

/* Means of a logarithm over blocks of windows, and the block in progress. */
struct dam_outcome_blocks {
	float mean[DAM_OUTCOME_BLOCKS], sum;
	unsigned char nr, next, seen; /* seen: windows of the block in progress that told something */
};

/* The latest windows of one thread or engine; all zero: none yet. */
struct dam_outcome_past {
	struct {
		float bytes, ops, inflight;
	} window[DAM_OUTCOME_BEFORE];
	unsigned char nr, next, in_block;
	struct dam_outcome_blocks blocks[DAM_OUTCOME_METRICS];
};

enum dam_outcome_verdict {
	DAM_OUTCOME_OPEN, /* not yet known */
	DAM_OUTCOME_WORSE,
	DAM_OUTCOME_SAME,
	DAM_OUTCOME_BETTER,
	DAM_OUTCOME_UNDECIDED, /* too noisy, or too little to be seen: counts for nothing */
};

/* One metric of one side. */
struct dam_outcome_series {
	unsigned int nr_before, nr; /* windows that told something */
	struct {
		double touched, control;
	} before, after; /* sums over those windows */
	double spread; /* of the logarithm of one window, widened for what windows have in common */
	double drift;  /* of its own mean, within the last ten seconds */
};

/* A judgement; the caller's, begun by dam_outcome_begin(). To be read, but changed by functions only. */
struct dam_outcome {
	bool controlled;
	double time_s; /* since the move */
	struct dam_outcome_series thread[DAM_OUTCOME_METRICS], engines[DAM_OUTCOME_METRICS];
	enum dam_outcome_verdict verdict, leaning; /* leaning: what the last window said */
	enum dam_outcome_metric metric;		   /* that decided */
	double effect; /* relative change of that metric, better is positive: -0.3 is a loss of 30 % */
};

/** dam_outcome_note() - a window has closed. */
void dam_outcome_note(struct dam_outcome_past *p, const struct dam_outcome_window *w);

/** dam_outcome_cut() - a judgement has begun: what changes now is no phase of the program's own. */
void dam_outcome_cut(struct dam_outcome_past *p);

/** dam_outcome_past_add() - windows that closed together, added up, without their blocks; @sum begins as all zero. */
void dam_outcome_past_add(struct dam_outcome_past *sum, const struct dam_outcome_past *part);

/** dam_outcome_window_add() - the same for one window. */
void dam_outcome_window_add(struct dam_outcome_window *sum, const struct dam_outcome_window *part);

/**
 * dam_outcome_begin() - a move was made just now
 * @thread: past of the moved thread
 * @engines: of the two engines that it left and went to, together
 * @control: of engines whose threads the plan did not touch, together; NULL: there are none
 */
void dam_outcome_begin(struct dam_outcome *o, const struct dam_outcome_past *thread,
		       const struct dam_outcome_past *engines, const struct dam_outcome_past *control);

/**
 * dam_outcome_add() - the next window after the move, of @dt_s seconds
 * @control: NULL: there is none, or there is none any more
 *
 * Return: the verdict, DAM_OUTCOME_OPEN until there is one. "Worse" is said of a thread only while the engines
 * together do not do better: a thread may have made room for others.
 */
enum dam_outcome_verdict dam_outcome_add(struct dam_outcome *o, double dt_s,
					 const struct dam_outcome_window *thread,
					 const struct dam_outcome_window *engines,
					 const struct dam_outcome_window *control);

/** dam_outcome_undo() - is the move to be taken back? */
bool dam_outcome_undo(const struct dam_outcome *o);

/** dam_outcome_verdict_name() / dam_outcome_metric_name() - "worse", "bytes", …; static. */
const char *dam_outcome_verdict_name(enum dam_outcome_verdict v);
const char *dam_outcome_metric_name(enum dam_outcome_metric m);

#endif
