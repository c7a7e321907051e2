/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * coalesce DEVICE [USECS PACKETS]: sets, or prints as "USECS PACKETS", the interrupt moderation of
 * nvme0 or eth0.
 *
 * The judge of the lab, so nothing in it is DAM's: NVMe by the admin ioctl, interfaces by the old
 * ethtool ioctl. A status of the controller is told as it is; the exit status is 1 for every
 * refusal.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/nvme_ioctl.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct setting {
	unsigned int usecs, packets;
};

static int fail(const char *device, const char *what)
{
	fprintf(stderr, "coalesce: %s: %s: %s\n", device, what, strerror(errno));
	return 1;
}

/* Get Features or Set Features of feature 08h: bits 7:0 number less one, 15:8 time in 100 us. */
static int nvme(const char *device, struct setting *s, int set)
{
	struct nvme_admin_cmd cmd = {.opcode = set ? 0x09 : 0x0a, .cdw10 = 0x08};
	char path[64];
	int fd, status;

	snprintf(path, sizeof(path), "/dev/%s", device);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return fail(device, "open");
	if (set)
		cmd.cdw11 = (s->packets - 1) | (s->usecs / 100) << 8;
	status = ioctl(fd, NVME_IOCTL_ADMIN_CMD, &cmd);
	close(fd);
	if (status < 0)
		return fail(device, "ioctl");
	if (status > 0) {
		fprintf(stderr, "coalesce: %s: status 0x%x\n", device, (unsigned int)status);
		return 1;
	}
	s->packets = (cmd.result & 0xff) + 1;
	s->usecs = (cmd.result >> 8 & 0xff) * 100;
	return 0;
}

static int net(const char *device, struct setting *s, int set)
{
	struct ethtool_coalesce c = {.cmd = ETHTOOL_GCOALESCE};
	struct ifreq r = {.ifr_data = (void *)&c};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0)
		return fail(device, "socket");
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", device);
	if (ioctl(fd, SIOCETHTOOL, &r))
		return fail(device, "ETHTOOL_GCOALESCE");
	if (set) {
		c.cmd = ETHTOOL_SCOALESCE;
		c.rx_coalesce_usecs = s->usecs;
		c.rx_max_coalesced_frames = s->packets;
		if (ioctl(fd, SIOCETHTOOL, &r))
			return fail(device, "ETHTOOL_SCOALESCE");
	}
	close(fd);
	s->usecs = c.rx_coalesce_usecs;
	s->packets = c.rx_max_coalesced_frames;
	return 0;
}

int main(int argc, char **argv)
{
	int set = argc == 4;
	struct setting s = {0};

	if (argc != 2 && argc != 4) {
		fprintf(stderr, "usage: coalesce DEVICE [USECS PACKETS]\n");
		return 2;
	}
	if (set) {
		s.usecs = (unsigned int)strtoul(argv[2], NULL, 10);
		s.packets = (unsigned int)strtoul(argv[3], NULL, 10);
	}
	if (strncmp(argv[1], "nvme", 4) ? net(argv[1], &s, set) : nvme(argv[1], &s, set))
		return 1;
	if (!set)
		printf("%u %u\n", s.usecs, s.packets);
	return 0;
}
