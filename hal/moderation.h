/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Interrupt moderation of devices: how long one may hold back an interrupt, read and written.
 *
 * A setting belongs to a device (a controller, a network interface), which may be behind several
 * engines: struct dam_hal_engine names it in `moderator`. The calls need no open hal, so that a
 * setting can be given back without one.
 */
#ifndef DAM_HAL_MODERATION_H
#define DAM_HAL_MODERATION_H

#include <stdbool.h>
#include <stdint.h>

#define DAM_MODERATOR_NAME 32 /* "nvme0", "eth0", with its terminator */

struct dam_moderation {
	uint32_t usecs;	  /* an interrupt waits at most so long; 0: it does not wait */
	uint32_t packets; /* or until there are so many completions or frames; 0: has no such */
	bool adaptive;	  /* the device chooses by itself; read only */
};

/* What a device takes. */
struct dam_moderation_limits {
	uint32_t usecs_min, usecs_max, usecs_step;
	uint32_t packets_min, packets_max;
};

/* What a backend offers. Any thread may call; a call may block for as long as the device does. */
struct dam_moderation_ops {
	/* Return: 0; -ENODEV: no such device; -EOPNOTSUPP: it has none; -EPERM, -EACCES; -errno. */
	int (*get)(const char *device, struct dam_moderation *out);
	/* As get. Writes what get() has read back unchanged; other values: see limits(). What the
	 * device has made of them, get() tells. */
	int (*set)(const char *device, const struct dam_moderation *m);
	void (*limits)(const char *device, struct dam_moderation_limits *out);
};

/** dam_moderation_find() - what the backend called @kind offers, or NULL. */
const struct dam_moderation_ops *dam_moderation_find(const char *kind);

/** dam_moderation_fit() - bring a wish to the nearest that the limits allow. */
void dam_moderation_fit(const struct dam_moderation_limits *limits, struct dam_moderation *m);

#endif
