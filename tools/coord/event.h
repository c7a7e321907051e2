/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What the loop waits for: a descriptor and the call that serves it. */
#ifndef DAM_TOOLS_COORD_EVENT_H
#define DAM_TOOLS_COORD_EVENT_H

struct coord;

/* Lies in its owner's struct; the descriptor is closed before the owner is freed. */
struct coord_event {
	void (*serve)(struct coord *c, struct coord_event *e);
	void *owner;
};

/** coord_event_add() - serve @e whenever @fd is readable or closed. Return: 0; -errno. */
int coord_event_add(struct coord *c, int fd, struct coord_event *e);

#endif
