/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Rings without a descriptor: a program that has registered its ring's with the kernel may close it. What is left of it
 * to be found is its memory. Only a process whose bytes nobody explains is looked through for that, and ever less often.
 */
#include "config.h"
#include "tools/coord/observe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define WAIT_NS	      (100 * DAM_NS_PER_MS) /* between looks; doubles */
#define WAIT_MAX_NS   (60 * DAM_NS_PER_S)
#define EXPLAINED     0.9 /* of the kernel's bytes */
#define MAX_MAPPED    16  /* rings of one look */
#define LINES_PER_UNIT 8

/* A list may be long: it is read over several ticks. */
struct coord_mapped_look {
	FILE *file;
	char *line;
	size_t room;
	struct coord_mapped list[MAX_MAPPED];
	unsigned int nr;
};

/* Has the process moved bytes that are not counted? */
static bool is_puzzling(const struct coord_watch *w)
{
	uint64_t bytes = w->io[0] + w->io[1];

	if (bytes <= w->mapped.bytes)
		return false;
	if (!w->proc)
		return true;
	return (double)w->proc->coverage.attributed_bytes < EXPLAINED * (double)w->proc->coverage.kernel_bytes;
}

/* One line of the list. Return: the ring that it is part of, among @nr; NULL: it is none. */
static struct coord_mapped *take_line(const char *line, struct coord_mapped *list, unsigned int *nr)
{
	uint64_t begin, end, offset, ino;
	struct coord_mapped *m = list;

	if (!strstr(line, COORD_RING_NAME) ||
	    sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %*s %" SCNu64, &begin, &end, &offset, &ino) != 4)
		return NULL;
	while (m < list + *nr && m->ino != ino)
		m++;
	if (m == list + MAX_MAPPED)
		return NULL;
	if (m == list + *nr)
		list[(*nr)++] = (struct coord_mapped){.ino = ino};
	if (offset == IORING_OFF_SQ_RING) {
		m->ring_at = begin;
		m->ring_bytes = end - begin;
	} else if (offset == IORING_OFF_SQES) {
		m->sqes_at = begin;
		m->sqes_bytes = end - begin;
	}
	return m;
}

bool coord_mapped_begin(struct coord_watch *w, uint64_t now_ns)
{
	char path[32];

	if (now_ns < w->mapped.due_ns || !is_puzzling(w))
		return false;
	for (unsigned int i = 0; i < w->nr_rings; i++)
		if (!w->ring[i]->shape.ino) /* perhaps it is one of those */
			return false;
	w->mapped.bytes = w->io[0] + w->io[1];
	w->mapped.wait_ns = w->mapped.wait_ns ? 2 * w->mapped.wait_ns : WAIT_NS;
	if (w->mapped.wait_ns > WAIT_MAX_NS)
		w->mapped.wait_ns = WAIT_MAX_NS;
	w->mapped.due_ns = now_ns + w->mapped.wait_ns;
	w->mapped.look = calloc(1, sizeof(*w->mapped.look));
	if (!w->mapped.look)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)w->pid);
	w->mapped.look->file = fopen(path, "re");
	if (!w->mapped.look->file)
		coord_mapped_end(w);
	return w->mapped.look;
}

bool coord_mapped_go_on(struct coord *c, struct coord_watch *w, int *units)
{
	struct coord_mapped_look *l = w->mapped.look;

	for (unsigned int lines = 0; getline(&l->line, &l->room, l->file) > 0;) {
		take_line(l->line, l->list, &l->nr);
		*units -= ++lines % LINES_PER_UNIT == 0;
		if (*units <= 0)
			return false;
	}
	for (unsigned int i = 0; i < l->nr; i++)
		/* where rings have no inodes of their own, it may be any that we know */
		if (l->list[i].ring_bytes && (coord_peek_distinct() || !w->nr_rings))
			coord_ring_mapped(c, w, &l->list[i]);
	coord_mapped_end(w);
	return true;
}

void coord_mapped_end(struct coord_watch *w)
{
	struct coord_mapped_look *l = w->mapped.look;

	w->mapped.look = NULL;
	if (l && l->file)
		fclose(l->file);
	if (l)
		free(l->line);
	free(l);
}

void coord_mapped_closed(struct coord_watch *w, const struct coord_ring *r)
{
	unsigned int at = w->mapped.nr_closed++ % COORD_CLOSED;

	w->mapped.closed[at].ino = r->shape.ino;
	w->mapped.closed[at].head = r->head;
}

uint32_t coord_mapped_head(const struct coord_watch *w, const struct coord_ring *r)
{
	/* only the ring itself: behind the same number there may be another one, where inodes do not tell */
	for (unsigned int i = 0; r->fd < 0 && coord_peek_distinct() && i < COORD_CLOSED; i++)
		if (w->mapped.closed[i].ino == r->shape.ino)
			return w->mapped.closed[i].head;
	return 0;
}
