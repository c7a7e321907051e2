/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Interrupt moderation: which backend offers it, and what fits a device's limits. */
#include "config.h"
#include "hal/moderation.h"

#include <stddef.h>
#include <string.h>

#include "hal/internal.h"

const struct dam_moderation_ops *dam_moderation_find(const char *kind)
{
	const struct dam_hal_backend *const *list = dam_hal_backends();

	for (size_t i = 0; list[i]; i++)
		if (!strcmp(list[i]->name, kind))
			return list[i]->moderation;
	return NULL;
}

static uint32_t clamp(uint64_t v, uint32_t min, uint32_t max)
{
	return (uint32_t)(v < min ? min : v > max ? max : v);
}

void dam_moderation_fit(const struct dam_moderation_limits *limits, struct dam_moderation *m)
{
	uint64_t step = limits->usecs_step ? limits->usecs_step : 1;
	uint64_t usecs = (m->usecs + step / 2) / step * step;

	m->usecs = clamp(usecs, limits->usecs_min, limits->usecs_max);
	m->packets = clamp(m->packets, limits->packets_min, limits->packets_max);
}
