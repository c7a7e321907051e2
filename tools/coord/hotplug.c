/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Devices that come and go while the coordinator runs.
 *
 * The kernel's uevents tell at once; where they cannot be had (a container, a recorded tree) or one was lost, a look
 * at a few directories once a second does. Both only say that something may have changed: the hal finds out what.
 */
#include "config.h"
#include "tools/coord/coord.h"

#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "tools/coord/moderate.h"

#define KERNEL_EVENTS 1 /* the multicast group that needs no udev */
#define MESSAGE_MAX   8192
#define DRAIN_MAX     256 /* messages taken at a time */
/* One plug makes dozens of events: wait for the last, but not for ever. */
#define SETTLE_NS  (50 * DAM_NS_PER_MS)
#define PATIENT_NS (300 * DAM_NS_PER_MS)

static const char *const subsystems[] = {"block", "net", "nvme", "nvme-subsystem", "infiniband", "dsa", "dma", "drm"};

/* "add@/devices/…", then "SUBSYSTEM=block" and the like, each ended by a zero. */
static bool concerns_us(const char *msg, size_t len)
{
	static const char key[] = "SUBSYSTEM=";

	for (const char *p = msg; p < msg + len; p += strlen(p) + 1) {
		if (strncmp(p, key, sizeof(key) - 1))
			continue;
		for (size_t i = 0; i < sizeof(subsystems) / sizeof(subsystems[0]); i++)
			if (!strcmp(p + sizeof(key) - 1, subsystems[i]))
				return true;
		return false;
	}
	return false;
}

static void due(struct coord *c, uint64_t now_ns)
{
	if (!c->plug.first_ns)
		c->plug.first_ns = now_ns;
	c->plug.last_ns = now_ns;
	c->busy = true; /* the tick may have stretched */
}

void coord_hotplug_due(struct coord *c)
{
	due(c, dam_now_ns());
}

static void on_uevent(struct coord *c, struct coord_event *e)
{
	char msg[MESSAGE_MAX];

	(void)e;
	for (int i = 0; i < DRAIN_MAX; i++) {
		struct sockaddr_nl from = {0};
		struct iovec iov = {msg, sizeof(msg) - 1};
		struct msghdr h = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1};
		ssize_t n = recvmsg(c->plug.fd, &h, 0);

		if (n < 0 && errno == ENOBUFS) { /* some were lost */
			coord_hotplug_due(c);
			continue;
		}
		if (n <= 0)
			return;
		msg[n] = '\0';
		if (!from.nl_pid && concerns_us(msg, (size_t)n))
			coord_hotplug_due(c);
	}
}

void coord_hotplug_open(struct coord *c)
{
	struct sockaddr_nl here = {.nl_family = AF_NETLINK, .nl_groups = KERNEL_EVENTS};

	c->plug.fd = -1;
	if (c->opt.root)
		return;
	c->plug.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	c->plug.on_event.serve = on_uevent;
	if (c->plug.fd >= 0 && !bind(c->plug.fd, (struct sockaddr *)&here, sizeof(here)) &&
	    !coord_event_add(c, c->plug.fd, &c->plug.on_event))
		return;
	dam_info("no uevents: %s; new devices are looked for once a second", strerror(errno));
	coord_hotplug_close(c);
}

void coord_hotplug_close(struct coord *c)
{
	if (c->plug.fd >= 0)
		close(c->plug.fd);
	c->plug.fd = -1;
}

static void rescan(struct coord *c)
{
	int changed = dam_hal_rescan(c->hal);

	if (changed < 0)
		dam_warn("cannot look for new devices: %s", strerror(-changed));
	if (changed <= 0)
		return;
	if (coord_model_rescan(c))
		dam_warn("not enough memory for the forecasts of new engines");
	coord_moderate_rescan(c);
	if (c->board.map)
		coord_publish(c);
}

void coord_hotplug_tick(struct coord *c, uint64_t now_ns, bool look)
{
	bool settled = c->plug.first_ns &&
		       (now_ns - c->plug.last_ns >= SETTLE_NS || now_ns - c->plug.first_ns >= PATIENT_NS);

	if (c->plug.first_ns && !settled)
		c->busy = true;
	if (!settled && !(look && dam_hal_stir(c->hal)))
		return;
	c->plug.first_ns = 0;
	rescan(c);
}
