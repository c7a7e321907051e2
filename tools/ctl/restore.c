/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* dam-ctl restore: put masks and interrupt moderation back from the records that a dead coordinator
 * left. */
#include "config.h"
#include "tools/ctl/ctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "tools/common/maskfile.h"
#include "tools/common/modfile.h"
#include "tools/common/paths.h"

/* What the results of dam_masks_restore_all() and dam_modfile_restore() mean to people. */
static const struct {
	int err;
	const char *text;
} reasons[] = {
	{-EBUSY,
	 "a coordinator is running; it restores what it changed when it ends (--force: do it now)"},
	{-EPERM, "not a plain file of this user's that nobody else can write: not trusted"},
	{-EBADMSG, "damaged, or of another boot, pid namespace or version of DAM: nothing was restored"},
};

static const char *explain(int err)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].err == err)
			return reasons[i].text;
	return strerror(-err);
}

static int show(const struct dam_masks_result *r, const struct dam_modfile_result *m, bool json)
{
	json_t *o;
	int status;

	if (!json) {
		printf("threads restored: %u, and %u that had inherited a pin; ended already: %u; "
		       "left alone, because their mask is not DAM's: %u; failed: %u\n",
		       r->restored, r->inherited, r->gone, r->left, r->failed);
		if (m->restored || m->gone || m->left || m->failed)
			printf("devices whose interrupt moderation was restored: %u; gone: %u; "
			       "left alone, because "
			       "it is not DAM's: %u; failed: %u\n",
			       m->restored, m->gone, m->left, m->failed);
		return 0;
	}
	o = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "restored", (int)r->restored,
		      "inherited", (int)r->inherited, "gone", (int)r->gone, "left", (int)r->left,
		      "failed", (int)r->failed, "devices_restored", (int)m->restored,
		      "devices_gone", (int)m->gone, "devices_left", (int)m->left, "devices_failed",
		      (int)m->failed);
	status = ctl_print_json(o);
	json_decref(o);
	return status;
}

/* One record after the other; no record: nothing was ever changed. */
static int restore(const char *dir, bool force, struct dam_masks_result *r,
		   struct dam_modfile_result *m)
{
	char path[DAM_RUNTIME_DIR_MAX + sizeof(DAM_MODFILE_NAME) + sizeof(DAM_MASKS_NAME)];
	int err = dam_path_join(dir, DAM_MASKS_NAME, path, sizeof(path)), later;

	if (!err)
		err = dam_masks_restore_all(path, force, r);
	if (err && err != -ENOENT)
		dam_err("%s: %s", path, explain(err));
	if (err == -EBUSY)
		return err; /* the devices are the coordinator's, too */
	later = dam_path_join(dir, DAM_MODFILE_NAME, path, sizeof(path));
	if (!later)
		later = dam_modfile_restore(path, dam_moderation_find, m);
	if (later)
		dam_err("%s: %s", path, explain(later));
	return err && err != -ENOENT ? err : later;
}

int ctl_restore(const struct ctl_options *o)
{
	struct dam_modfile_result m = {0};
	struct dam_masks_result r = {0};
	char dir[DAM_RUNTIME_DIR_MAX];
	int status;

	if (dam_runtime_dir(o->runtime_dir, false, dir)) {
		dam_err("the name of the runtime directory is too long");
		return CTL_STATUS_FAILED;
	}
	if (restore(dir, o->force, &r, &m))
		return CTL_STATUS_FAILED;
	status = show(&r, &m, o->json);
	return r.failed || m.failed ? CTL_STATUS_FAILED : status;
}
