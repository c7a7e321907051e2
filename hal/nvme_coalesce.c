/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * NVMe interrupt moderation: the feature Interrupt Coalescing (08h) of a controller, by admin
 * commands. NVM Express Base Specification, Get Features and Set Features: dword 11 holds the
 * aggregation threshold (bits 7:0, entries less one) and time (bits 15:8, in 100 us). It holds for
 * all I/O queues, and is gone when the controller is reset.
 */
#include "config.h"
#include "hal/nvme_coalesce.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nvme_ioctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ADMIN_SET_FEATURES     0x09
#define ADMIN_GET_FEATURES     0x0a
#define FEATURE_INT_COALESCE   0x08
#define TIMEOUT_MS	       5000
#define TIME_UNIT_US	       100
#define FIELD_MAX	       255
#define THRESHOLD(dword)       ((dword)&0xff)
#define TIME(dword)	       ((dword) >> 8 & 0xff)
#define DWORD(threshold, time) ((threshold) | (time) << 8)

/* Status of a controller that has no such feature, or one that cannot be changed: type and code. */
#define STATUS_MASK	      0x7ff
#define STATUS_INVALID_FIELD  0x002
#define STATUS_NOT_CHANGEABLE 0x10e

bool dam_nvme_is_controller(const char *name)
{
	unsigned int n;
	int end = 0;

	return strlen(name) < DAM_MODERATOR_NAME && sscanf(name, "nvme%9u%n", &n, &end) == 1 &&
	       !name[end];
}

static int status_error(int status)
{
	status &= STATUS_MASK;
	return status == STATUS_INVALID_FIELD || status == STATUS_NOT_CHANGEABLE ? -EOPNOTSUPP
										 : -EIO;
}

/* Return: 0 with *@dword: what the controller answered; -errno. */
static int feature(const char *device, uint8_t opcode, uint32_t *dword)
{
	struct nvme_passthru_cmd cmd = {
		.opcode = opcode,
		.cdw10 = FEATURE_INT_COALESCE,
		.cdw11 = *dword,
		.timeout_ms = TIMEOUT_MS,
	};
	char path[sizeof("/dev/") + DAM_MODERATOR_NAME];
	int fd, ret;

	if (!dam_nvme_is_controller(device))
		return -ENODEV;
	snprintf(path, sizeof(path), "/dev/%s", device);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENXIO ? -ENODEV : -errno;
	ret = ioctl(fd, NVME_IOCTL_ADMIN_CMD, &cmd);
	ret = ret < 0 ? -errno : ret > 0 ? status_error(ret) : 0;
	close(fd);
	*dword = cmd.result;
	return ret;
}

static int nvme_get(const char *device, struct dam_moderation *out)
{
	uint32_t dword = 0;
	int err = feature(device, ADMIN_GET_FEATURES, &dword);

	if (!err)
		*out = (struct dam_moderation){.usecs = TIME(dword) * TIME_UNIT_US,
					       .packets = THRESHOLD(dword) + 1};
	return err;
}

static int nvme_set(const char *device, const struct dam_moderation *m)
{
	uint32_t dword, time = m->usecs / TIME_UNIT_US;

	if (time > FIELD_MAX || !m->packets || m->packets > FIELD_MAX + 1)
		return -EINVAL;
	dword = DWORD(m->packets - 1, time);
	return feature(device, ADMIN_SET_FEATURES, &dword);
}

static void nvme_limits(const char *device, struct dam_moderation_limits *out)
{
	(void)device; /* all controllers are alike */
	*out = (struct dam_moderation_limits){
		.usecs_max = FIELD_MAX * TIME_UNIT_US,
		.usecs_step = TIME_UNIT_US,
		.packets_min = 1,
		.packets_max = FIELD_MAX + 1,
	};
}

const struct dam_moderation_ops dam_nvme_moderation = {
	.get = nvme_get,
	.set = nvme_set,
	.limits = nvme_limits,
};
