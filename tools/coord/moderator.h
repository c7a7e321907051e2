/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Dynamic interrupt moderation at work: one machine of libdam_dim for each device, whose choices
 * are applied to it by a thread of their own.
 *
 * Every setting is written ahead to the record (tools/common/modfile.h). A device is left alone
 * while it adapts by itself, and for good once somebody else has changed what DAM set. One that
 * refuses is tried again after a second, and after twice as long each time.
 */
#ifndef DAM_TOOLS_COORD_MODERATOR_H
#define DAM_TOOLS_COORD_MODERATOR_H

#include "hal/moderation.h"
#include "predict/dam_dim.h"

#define MODERATOR_WHY 96

struct moderators;

/* What a device did since the last time. */
struct moderator_counts {
	uint64_t bytes, ops;
	uint64_t interrupts;
};

struct moderator_view {
	bool known;		 /* the setting could be read */
	uint32_t usecs, packets; /* as last read */
	int profile;		 /* index of the profile that DAM has set; -1: none */
	const char *state;	 /* "measuring", "active", "adaptive", "left", "refused" */
	char why[MODERATOR_WHY]; /* of the last three; else "" */
};

/**
 * moderators_open() - a thread and an empty list
 * @record: path of the record, kept; what an earlier coordinator left there has been restored
 * Return: 0; -ENOMEM; -EAGAIN: no more threads.
 */
int moderators_open(const char *record, struct moderators **out);

/** moderators_close() - give every device its setting back, the last changed first. Takes NULL. */
void moderators_close(struct moderators *m);

/**
 * moderators_add() - moderate a device from now on; reads its setting, and sets nothing yet
 * @kind, @device: as ops knows it
 * Return: its number, also when it is refused or left alone; -ENOSPC; -ENOMEM.
 */
int moderators_add(struct moderators *m, const char *kind, const char *device,
		   const struct dam_moderation_ops *ops);

/**
 * moderators_feed() - tell what device @i did in the @elapsed_us that end at @now_ns
 * Context: one thread. Does not wait for the device.
 */
void moderators_feed(struct moderators *m, int i, uint64_t now_ns, uint64_t elapsed_us,
		     const struct moderator_counts *c);

void moderators_view(struct moderators *m, int i, struct moderator_view *out);

/** moderator_profiles() - the profiles for devices of @kind. */
const struct dam_dim_preset *moderator_profiles(const char *kind);

#endif
