/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Moves taken back: the thread is pinned where it came from, and its partner in an exchange with it. */
#include "config.h"
#include "tools/coord/takeback.h"

#include "base/str.h"
#include "tools/coord/coord.h"

struct coord_thread *coord_moved_thread(struct coord *c, const struct coord_move *mv)
{
	struct coord_thread *t = c->thread[mv->m.thread];

	return t && t->tid == mv->tid && t->pid == mv->pid && t->last_move == mv->id && t->moved ? t : NULL;
}

/* The last move of the thread with policy index @i, if it still is where that put it; NULL: it is not. */
static struct coord_move *standing(struct coord *c, unsigned int i)
{
	struct coord_thread *t = i < COORD_MAX_THREADS ? c->thread[i] : NULL;
	struct coord_move *mv = t ? coord_move_find(c, t->last_move) : NULL;

	return mv && coord_moved_thread(c, mv) ? mv : NULL;
}

/* The other half of an exchange, which was made with it, if it still stands. */
static struct coord_move *other_half(struct coord *c, const struct coord_move *mv)
{
	struct coord_move *other = mv->m.partner ? standing(c, mv->m.partner - 1) : NULL;

	return other && other->m.partner == mv->m.thread + 1 &&
			       (other->id == mv->id + 1 || other->id + 1 == mv->id) ?
		       other :
		       NULL;
}

/* Where it came from; pinned there, for else the scheduler might bring it back. */
static bool put_back(struct coord *c, struct coord_thread *t, struct coord_move *mv)
{
	if (coord_mask_pin(c, t, mv->m.from_domain))
		return false;
	dam_decision_take_back(c->decision, &mv->m);
	mv->undone = true;
	t->last_move = 0;
	return true;
}

bool coord_take_back(struct coord *c, struct coord_thread *t, struct coord_move *mv)
{
	struct coord_move *other = other_half(c, mv);

	if (!put_back(c, t, mv))
		return false;
	if (other && put_back(c, c->thread[other->m.thread], other))
		dam_strlcpy(other->result, "undone with its partner", sizeof(other->result));
	return true;
}

void coord_take_back_halves(struct coord *c, const struct dam_policy_move *m, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		struct coord_move *mv = m[i].partner ? standing(c, m[i].thread) : NULL;

		if (mv && mv->id + nr > c->nr_moves && !other_half(c, mv) &&
		    put_back(c, c->thread[m[i].thread], mv))
			dam_strlcpy(mv->result, "undone: its partner could not move", sizeof(mv->result));
	}
}
