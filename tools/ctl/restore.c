/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* dam-ctl restore: put masks back from the record that a dead coordinator left. */
#include "config.h"
#include "tools/ctl/ctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "tools/common/maskfile.h"
#include "tools/common/paths.h"

/* What the results of dam_masks_restore_all() mean to people. */
static const struct {
	int err;
	const char *text;
} reasons[] = {
	{-EBUSY, "a coordinator is running; it restores what it changed when it ends (--force: do it now)"},
	{-EPERM, "not a plain file of this user's that nobody else can write: not trusted"},
	{-EBADMSG, "damaged, or of another boot or version of DAM: nothing was restored"},
};

static const char *explain(int err)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].err == err)
			return reasons[i].text;
	return strerror(-err);
}

static int show(const struct dam_masks_result *r, bool json)
{
	json_t *o;
	int status;

	if (!json) {
		printf("threads restored: %u, and %u that had inherited a pin; ended already: %u; "
		       "left alone, because their mask is not DAM's: %u; failed: %u\n",
		       r->restored, r->inherited, r->gone, r->left, r->failed);
		return 0;
	}
	o = json_pack("{s:i, s:i, s:i, s:i, s:i}", "restored", (int)r->restored, "inherited",
		      (int)r->inherited, "gone", (int)r->gone, "left", (int)r->left, "failed",
		      (int)r->failed);
	status = ctl_print_json(o);
	json_decref(o);
	return status;
}

int ctl_restore(const struct ctl_options *o)
{
	char dir[DAM_RUNTIME_DIR_MAX], path[DAM_RUNTIME_DIR_MAX + sizeof(DAM_MASKS_NAME) + 1];
	struct dam_masks_result r = {0};
	int err = dam_runtime_dir(o->runtime_dir, false, dir), status;

	if (!err)
		err = dam_path_join(dir, DAM_MASKS_NAME, path, sizeof(path));
	if (err) {
		dam_err("the name of the runtime directory is too long");
		return CTL_STATUS_FAILED;
	}
	err = dam_masks_restore_all(path, o->force, &r);
	if (err && err != -ENOENT) { /* no record: nothing was ever changed */
		dam_err("%s: %s", path, explain(err));
		return CTL_STATUS_FAILED;
	}
	status = show(&r, o->json);
	return r.failed ? CTL_STATUS_FAILED : status;
}
