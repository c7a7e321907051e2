/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The record of changed interrupt moderation: what every device had before DAM set it, written
 * before the setting.
 *
 * One small text file in the runtime directory, replaced as a whole by rename(), so that it is
 * never half written. Its writer holds the lock of the record of masks, which lies beside it.
 */
#ifndef DAM_TOOLS_MODFILE_H
#define DAM_TOOLS_MODFILE_H

#include "hal/moderation.h"

#define DAM_MODFILE_NAME "moderation" /* in the runtime directory */
#define DAM_MODFILE_MAX	 256	      /* devices */

struct dam_modfile_entry {
	char kind[16]; /* of the backend: "block" */
	char device[DAM_MODERATOR_NAME];
	struct dam_moderation orig;
	struct dam_moderation dam;    /* what DAM has set, or is about to */
	struct dam_moderation former; /* what was there before that */
};

struct dam_modfile {
	unsigned int nr;
	struct dam_modfile_entry entry[DAM_MODFILE_MAX];
};

/* What became of the recorded devices. */
struct dam_modfile_result {
	unsigned int restored; /* the original setting is back */
	unsigned int gone;     /* there is no such device any more */
	unsigned int
		left; /* it has a setting that DAM did not write, or adapts by itself: left alone */
	unsigned int failed; /* it refused; the entry stays */
};

/** dam_moderation_same() - do both say the same time and number? */
bool dam_moderation_same(const struct dam_moderation *a, const struct dam_moderation *b);

/**
 * dam_modfile_load() - read a record
 *
 * Return: 0; -ENOENT: there is none; -EPERM: not a plain file of this user's that nobody else can
 * write; -EBADMSG: damaged, or of another boot or version; -ENOMEM; -errno. @out is empty unless 0.
 */
int dam_modfile_load(const char *path, struct dam_modfile *out);

/** dam_modfile_save() - replace the record; an empty one is removed. Return: 0; -errno: the old one
 * stays. */
int dam_modfile_save(const char *path, const struct dam_modfile *f);

/**
 * dam_modfile_undo() - give one device its original setting back, if it still has one of DAM's
 *
 * Return: may the entry be forgotten? @result is added to.
 */
bool dam_modfile_undo(const struct dam_moderation_ops *ops, const struct dam_modfile_entry *e,
		      struct dam_modfile_result *result);

/**
 * dam_modfile_restore() - undo every recorded setting and forget it
 * @find: dam_moderation_find(), or a test's
 *
 * Return: 0, also without a record; as dam_modfile_load(): nothing was touched.
 */
int dam_modfile_restore(const char *path,
			const struct dam_moderation_ops *(*find)(const char *kind),
			struct dam_modfile_result *out);

#endif
