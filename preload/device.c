/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Kinds of character devices, by sysfs. A new one is a row. */
#include "config.h"
#include "preload/device.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/sys.h"

#define PATH_SIZE 256

/* By what sysfs calls the subsystem, and the device (misc) or its driver (drm). */
static const struct {
	const char *subsystem, *name, *driver; /* NULL: any */
	enum dam_class class;
} rows[] = {
	{"nvme", NULL, NULL, DAM_CLASS_NVME},
	{"nvme-generic", NULL, NULL, DAM_CLASS_NVME},
	{"scsi_generic", NULL, NULL, DAM_CLASS_SCSI},
	{"bsg", NULL, NULL, DAM_CLASS_SCSI},
	{"misc", "vfio!vfio", NULL, DAM_CLASS_VFIO},
	{"misc", "vfio", NULL, DAM_CLASS_VFIO},
	{"misc", "udmabuf", NULL, DAM_CLASS_UDMABUF},
	{"dma_heap", NULL, NULL, DAM_CLASS_HEAP},
	{"video4linux", NULL, NULL, DAM_CLASS_VIDEO},
	{"drm", NULL, "amdgpu", DAM_CLASS_AMDGPU},
	{"drm", NULL, "i915", DAM_CLASS_I915},
	{"drm", NULL, "xe", DAM_CLASS_XE},
	{"kfd", NULL, NULL, DAM_CLASS_KFD},
	{"xdma", NULL, NULL, DAM_CLASS_XDMA},
	{"spidev", NULL, NULL, DAM_CLASS_SPI},
	{"i2c-dev", NULL, NULL, DAM_CLASS_I2C},
};

#define NVIDIA_MAJOR 195 /* not in sysfs, and the same everywhere */

static char *put_text(char *to, const char *end, const char *text)
{
	while (*text && to < end)
		*to++ = *text++;
	return to;
}

static char *put_number(char *to, const char *end, unsigned int n)
{
	char digits[16];
	size_t i = sizeof(digits) - 1;

	digits[i] = '\0';
	do
		digits[--i] = (char)('0' + n % 10);
	while (n /= 10);
	return put_text(to, end, digits + i);
}

/* The last part of what link @link of the device leads to; "": there is none. @buf: PATH_SIZE bytes */
static const char *link_of(const char *sys, uint64_t dev, const char *link, char *buf)
{
	char path[PATH_SIZE], *p = path;
	const char *end = path + sizeof(path) - 1;
	long len;

	p = put_text(p, end, sys);
	p = put_text(p, end, "/dev/char/");
	p = put_number(p, end, major(dev));
	p = put_text(p, end, ":");
	p = put_number(p, end, minor(dev));
	p = put_text(p, end, link);
	*p = '\0';
	len = dam_sys6(SYS_readlinkat, AT_FDCWD, (long)path, (long)buf, PATH_SIZE - 1, 0, 0);
	buf[len > 0 ? len : 0] = '\0';
	p = strrchr(buf, '/');
	return p ? p + 1 : buf;
}

enum dam_class dam_device_class(const char *sys, uint64_t dev)
{
	char sub_buf[PATH_SIZE], name_buf[PATH_SIZE], driver_buf[PATH_SIZE];
	const char *subsystem, *name = NULL, *driver = NULL;

	if (major(dev) == NVIDIA_MAJOR)
		return DAM_CLASS_NVIDIA;
	subsystem = link_of(sys, dev, "/subsystem", sub_buf);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].subsystem, subsystem))
			continue;
		if (rows[i].name && !name)
			name = link_of(sys, dev, "", name_buf);
		if (rows[i].driver && !driver)
			driver = link_of(sys, dev, "/device/driver", driver_buf);
		if ((!rows[i].name || !strcmp(rows[i].name, name)) &&
		    (!rows[i].driver || !strcmp(rows[i].driver, driver)))
			return rows[i].class;
	}
	return DAM_CLASS_NONE;
}
