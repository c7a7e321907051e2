/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The directory of engines and device numbers that processes read: the hal's tables on their way to the board. */
#include "config.h"
#include "tools/coord/coord.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

static void each_reader(void *ctx, void (*fn)(const struct dam_ledger *l, void *arg), void *arg)
{
	struct coord *c = ctx;

	for (struct coord_process *p = c->processes; p; p = p->next)
		if (p->ledger)
			fn(p->ledger, arg);
}

/* Those that are there, one after the other; @place tells where each index went. Return: their number. */
static unsigned int list_targets(struct coord *c, struct dam_board_target *targets, int *place)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < dam_hal_nr_targets(c->hal); i++) {
		const struct dam_hal_target *t = dam_hal_target(c->hal, i);
		bool pool = t->kind == DAM_TARGET_POOL;

		place[i] = -1;
		if (nr == DAM_BOARD_TARGETS || (pool ? t->pool.gone : t->engine.gone))
			continue;
		targets[nr] = (struct dam_board_target){.id = i + 1, .is_pool = pool};
		memcpy(targets[nr].name, pool ? t->pool.name : t->engine.name, sizeof(targets[nr].name));
		place[i] = (int)nr++;
	}
	return nr;
}

void coord_publish(struct coord *c)
{
	static struct dam_board_target targets[DAM_BOARD_TARGETS];
	static struct dam_board_dev devs[DAM_BOARD_DEVS];
	static int place[DAM_HAL_TARGETS];
	unsigned int nr = list_targets(c, targets, place), nr_devs = 0, nr_known;
	const struct dam_hal_dev *d = dam_hal_devs(c->hal, &nr_known);
	int err;

	for (unsigned int i = 0; i < nr_known && nr_devs < DAM_BOARD_DEVS; i++) {
		int at = place[d[i].target];

		if (at < 0)
			continue;
		devs[nr_devs++] = (struct dam_board_dev){d[i].dev, (uint32_t)d[i].type, (uint32_t)at};
		if (d[i].lba_bytes)
			targets[at].lba_bytes = d[i].lba_bytes;
	}
	err = dam_board_publish(&c->board, targets, nr, devs, nr_devs, each_reader, c, dam_now_ns());
	c->board_pending = err == -EAGAIN;
	if (err && err != -EAGAIN)
		dam_warn("cannot publish the directory of engines: %s", strerror(-err));
}
