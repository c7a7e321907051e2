/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Kinds of character devices, by trees of links as sysfs has them. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "preload/device.h"
#include "tests/suite.h"

static const struct {
	const char *why, *subsystem, *node, *driver;
	unsigned int major;
	enum dam_class want;
} rows[] = {
	{"controllers", "class/nvme", "nvme/nvme0", NULL, 511, DAM_CLASS_NVME},
	{"generic namespaces", "class/nvme-generic", "nvme-generic/ng0n1", NULL, 511, DAM_CLASS_NVME},
	{"sg", "class/scsi_generic", "scsi_generic/sg0", NULL, 21, DAM_CLASS_SCSI},
	{"a name with a slash in it", "class/misc", "misc/vfio!vfio", NULL, 10, DAM_CLASS_VFIO},
	{"one of many miscellaneous ones", "class/misc", "misc/udmabuf", NULL, 10, DAM_CLASS_UDMABUF},
	{"another of those", "class/misc", "misc/fuse", NULL, 10, DAM_CLASS_NONE},
	{"video", "class/video4linux", "video4linux/video0", NULL, 81, DAM_CLASS_VIDEO},
	{"GPUs by their driver", "class/drm", "drm/renderD128", "bus/pci/drivers/amdgpu", 226, DAM_CLASS_AMDGPU},
	{"another driver", "class/drm", "drm/renderD128", "bus/pci/drivers/i915", 226, DAM_CLASS_I915},
	{"one that is not known", "class/drm", "drm/renderD128", "bus/pci/drivers/other", 226, DAM_CLASS_NONE},
	{"none at all", "class/drm", "drm/renderD128", NULL, 226, DAM_CLASS_NONE},
	{"not in sysfs, by its number", NULL, NULL, NULL, 195, DAM_CLASS_NVIDIA},
	{"not in sysfs", NULL, NULL, NULL, 500, DAM_CLASS_NONE},
};

static void make_link(const char *root, const char *at, const char *to)
{
	char path[256], target[256];

	snprintf(path, sizeof(path), "%s/%s", root, at);
	snprintf(target, sizeof(target), "../../%s", to);
	ck_assert_int_eq(symlink(target, path), 0);
}

START_TEST(test_class)
{
	char root[64], path[256], command[512];
	unsigned int m = rows[_i].major;

	scratch_dir(root, sizeof(root));
	/* the real thing has a link for the device; a folder in its place has the same links in it */
	snprintf(command, sizeof(command), "mkdir -p %s/dev/char %s/devices/%s/device", root, root,
		 rows[_i].node ? rows[_i].node : "none");
	ck_assert_int_eq(system(command), 0);
	if (rows[_i].node) {
		snprintf(path, sizeof(path), "dev/char/%u:3", m);
		snprintf(command, sizeof(command), "devices/%s", rows[_i].node);
		make_link(root, path, command);
		snprintf(path, sizeof(path), "devices/%s/subsystem", rows[_i].node);
		make_link(root, path, rows[_i].subsystem);
	}
	if (rows[_i].driver) {
		snprintf(path, sizeof(path), "devices/%s/device/driver", rows[_i].node);
		make_link(root, path, rows[_i].driver);
	}
	ck_assert_msg(dam_device_class(root, makedev(m, 3)) == rows[_i].want, "%s", rows[_i].why);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("preload_device");
	TCase *tc = tcase_create("rows");

	tcase_add_loop_test(tc, test_class, 0, sizeof(rows) / sizeof(rows[0]));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
