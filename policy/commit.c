/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What a move changes in the model: assignment, cool-down, a time to settle; and its undoing. */
#include "config.h"

#include <math.h>

#include "policy/model.h"

#define COOLDOWN_S	   1.0
#define COOLDOWN_LONGEST_S 64.0
#define RETURN_S	   10.0
#define SETTLE_S	   0.5
#define SETTLE_LONGEST_S   5.0

/* The work of a thread is on its way: do not take the rest of its queue for somebody else's load. */
static double settle(struct dam_policy *p, int engine)
{
	struct dam_engine *en = &p->engines[engine];
	double latency = isfinite(en->latency_s) ? en->latency_s : 0;

	en->settle_s = fmin(fmax(SETTLE_S, 2 * latency), SETTLE_LONGEST_S);
	en->overload_s = en->imbalance_s = en->forecast_s = 0;
	dam_noise_break(&en->noise);
	dam_trend_break(&en->trend);
	return en->settle_s;
}

/* Take the move as done; the thread cools down, longer if it only went back. */
void dam_plan_commit(struct dam_policy *p, const struct dam_policy_move *m)
{
	struct dam_thread *th = &p->threads[m->thread];
	bool back = th->prev_engine == m->to_engine && m->from_engine != m->to_engine &&
		    th->since_move_s - th->cooldown_len_s < RETURN_S;

	th->cooldown_len_s = back ? fmin(2 * th->cooldown_len_s, COOLDOWN_LONGEST_S) : COOLDOWN_S;
	th->cooldown_s = th->cooldown_len_s;
	th->since_move_s = 0;
	th->remote_s = 0;
	th->prev_engine = m->from_engine;
	th->engine = m->to_engine;
	th->domain = m->to_domain;
	dam_bound_reset(&th->watch);
	th->settle_s = settle(p, m->from_engine);
	settle(p, m->to_engine);
}

void dam_policy_take_back(struct dam_policy *p, const struct dam_policy_move *m)
{
	struct dam_policy_move back = *m;
	struct dam_thread *th;
	double last;

	if (m->thread >= p->max_threads || !p->threads[m->thread].present)
		return;
	th = &p->threads[m->thread];
	last = th->cooldown_len_s;
	back.from_domain = m->to_domain;
	back.to_domain = m->from_domain;
	back.from_engine = m->to_engine;
	back.to_engine = m->from_engine;
	dam_plan_commit(p, &back);
	th->cooldown_len_s = th->cooldown_s = fmin(2 * fmax(last, COOLDOWN_S), COOLDOWN_LONGEST_S);
}

void dam_policy_undo(struct dam_policy *p, const struct dam_policy_move *m)
{
	struct dam_thread *th;

	if (m->thread >= p->max_threads || !p->threads[m->thread].present)
		return;
	th = &p->threads[m->thread];
	th->engine = m->from_engine;
	th->domain = m->from_domain;
	th->prev_engine = DAM_POLICY_NONE;
}
