/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Carrying out a plan, and remembering what was done. */
#include "config.h"
#include "tools/coord/coord.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "tools/coord/outcomes.h"
#include "tools/coord/takeback.h"

pid_t coord_partner_tid(const struct coord *c, const struct dam_policy_move *m)
{
	const struct coord_thread *t = m->partner && m->partner <= COORD_MAX_THREADS ? c->thread[m->partner - 1] : NULL;

	return t ? t->tid : 0;
}

static void describe(struct coord *c, const struct coord_thread *t, const struct dam_policy_move *m,
		     struct coord_move *mv)
{
	const struct dam_topology *topo = dam_hal_topology(c->hal);

	*mv = (struct coord_move){.id = c->nr_moves + 1,
				  .time_s = coord_uptime_s(c),
				  .partner_tid = coord_partner_tid(c, m),
				  .pid = t->pid, .tid = t->tid, .run_id = t->run_id, .m = *m,
				  .effect = (double)NAN, .forecast_bps = (double)NAN, .actual_bps = (double)NAN};
	memcpy(mv->comm, t->comm, sizeof(mv->comm));
	dam_cpuset_format(t->moved ? &t->dam : &t->orig, mv->from_cpus, sizeof(mv->from_cpus));
	dam_cpuset_format(&topo->domain[m->to_domain].cpus, mv->to_cpus, sizeof(mv->to_cpus));
}

struct coord_move *coord_move_find(struct coord *c, uint64_t id)
{
	struct coord_move *mv;

	if (!id || id > c->nr_moves)
		return NULL;
	mv = &c->move[(id - 1) % COORD_MAX_MOVES];
	return mv->id == id ? mv : NULL;
}

/* Return: the move was made, or, in a dry run, is taken as made. */
static bool act(struct coord *c, const struct dam_policy_move *m)
{
	struct coord_thread *t = m->thread < COORD_MAX_THREADS ? c->thread[m->thread] : NULL;
	struct coord_move *mv = &c->move[c->nr_moves % COORD_MAX_MOVES];
	int err;

	if (!t || m->to_domain >= dam_hal_topology(c->hal)->nr_domains || !coord_trust_allows(c, m))
		return false;
	describe(c, t, m, mv);
	if (c->opt.dry_run) {
		snprintf(mv->result, sizeof(mv->result), "dry-run");
		err = -1;
	} else {
		err = coord_mask_pin(c, t, m->to_domain);
		if (err)
			snprintf(mv->result, sizeof(mv->result), "failed: %s",
				 t->why ? t->why : strerror(-err));
		else
			snprintf(mv->result, sizeof(mv->result), "moved");
		t->nr_moves += !err;
	}
	c->nr_moves++;
	if (!err) {
		coord_trust_moved(c, m);
		coord_outcomes_begin(c, t, mv);
	}
	if (c->opt.dry_run || c->opt.json)
		coord_print_move(c, mv);
	else
		dam_info("%s: thread %d (%s) from CPUs %s to %s, because of %s", mv->result,
			 (int)t->tid, t->comm, mv->from_cpus, mv->to_cpus,
			 dam_policy_trigger_name(m->trigger));
	return !err;
}

void coord_act(struct coord *c, const struct dam_policy_move *m, unsigned int nr)
{
	coord_outcomes_plan(c, m, nr);
	for (unsigned int i = 0; i < nr; i++)
		if (!act(c, &m[i]))
			dam_decision_undo(c->decision, &m[i], i);
	coord_take_back_halves(c, m, nr);
}
