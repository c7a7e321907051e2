/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Traffic to memory: the event is chosen and tried here, counted by the programs' own threads. */
#include "config.h"
#include "tools/coord/coord.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define HOLD_S	    5.0	 /* a reading stays good for as long */
#define SANE_BPS    1e12 /* no thread does more: the process has overwritten its own ledger */
#define STILL_NR    10	 /* readings of a counter that never moves */
#define NEVER_MOVES "the event opens, but counts nothing"

void coord_memory_open(struct coord *c)
{
	const struct dam_pmu_event *e = &c->memory_event;
	const char *wanted = dam_knob_text(&c->knobs, DAM_KNOB_MEM_EVENT);
	struct dam_board_memory m;

	if (dam_pmu_choose(wanted, &c->memory_event, c->memory_why, sizeof(c->memory_why))) {
		if (wanted)
			dam_warn("DAM_MEM_EVENT: %s", c->memory_why);
		return;
	}
	m = (struct dam_board_memory){e->type, e->bytes_per_count, e->config, e->config1,
				      e->config2};
	dam_board_set_memory(&c->board, &m);
}

void coord_memory_take(struct coord *c, struct coord_thread *t, const struct dam_slot *s,
		       double dt_s)
{
	uint64_t ns = __atomic_load_n(&s->memory_ns, __ATOMIC_ACQUIRE);
	uint64_t count = __atomic_load_n(&s->memory_count, __ATOMIC_RELAXED);
	uint32_t error = __atomic_load_n(&s->memory_errno, __ATOMIC_RELAXED);
	struct coord_memory *m = &t->proc->memory;
	double bps;

	if (error)
		m->error = error;
	t->memory_age_s += dt_s;
	if (ns > t->memory_ns) {
		bps = (double)dam_count_delta(count, t->memory_count) *
		      c->memory_event.bytes_per_count * DAM_NS_PER_S / (double)(ns - t->memory_ns);
		if (t->memory_ns && bps < SANE_BPS) {
			t->memory_bps = bps;
			t->memory_age_s = 0;
		}
		m->moved |= count != 0;
		m->readings++;
		t->memory_ns = ns;
		t->memory_count = count;
	}
	if (t->memory_age_s > HOLD_S)
		t->memory_bps = (double)NAN;
}

const char *coord_memory_why(const struct coord *c, const struct coord_memory *m)
{
	if (!c->memory_event.bytes_per_count)
		return c->memory_why;
	if (m->moved)
		return NULL;
	if (m->error) {
		const char *text = strerrordesc_np((int)m->error);

		return text ? text : "the kernel refused it to the program";
	}
	return m->readings >= STILL_NR ? NEVER_MOVES : NULL;
}
