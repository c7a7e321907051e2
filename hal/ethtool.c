/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Interrupt moderation of network interfaces: ETHTOOL_MSG_COALESCE_GET and _SET of the generic
 * netlink family "ethtool" (Documentation/networking/ethtool-netlink.rst). What is set are
 * rx-usecs and, where the driver has it, rx-frames; nothing else is touched.
 */
#include "config.h"
#include "hal/ethtool.h"

#include <errno.h>
#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hal/genl.h"

#define USECS_MAX 10000 /* what drivers commonly take */

struct coalesce {
	bool has_usecs, has_frames;
	uint32_t usecs, frames;
	bool adaptive;
};

/*
 * Drivers of Intel's in which the smallest values are names of adaptive modes (1: dynamic, 3:
 * dynamic, but conservative), and others below 10 are refused: their set_coalesce functions.
 */
static const struct small_names {
	const char *driver;
	uint32_t names_max, usecs_min;
} small_names[] = {
	{"e1000", 3, 10}, {"e1000e", 3, 10}, {"igb", 3, 10},
	{"igc", 3, 10},	  {"ixgbe", 1, 10},  {"ixgbevf", 1, 10},
};

static const struct small_names *find_small_names(const char *device)
{
	char path[64], target[256], *driver;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/class/net/%s/device/driver", device);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return NULL;
	target[n] = '\0';
	driver = strrchr(target, '/') ? strrchr(target, '/') + 1 : target;
	for (size_t i = 0; i < sizeof(small_names) / sizeof(small_names[0]); i++)
		if (!strcmp(driver, small_names[i].driver))
			return &small_names[i];
	return NULL;
}

static int take_coalesce(const struct nlmsghdr *answer, void *data)
{
	struct coalesce *c = data;
	const struct nlattr *a;

	mnl_attr_for_each(a, answer, sizeof(struct genlmsghdr))
	{
		uint16_t type = mnl_attr_get_type(a);

		if (type == ETHTOOL_A_COALESCE_RX_USECS && !mnl_attr_validate(a, MNL_TYPE_U32)) {
			c->has_usecs = true;
			c->usecs = mnl_attr_get_u32(a);
		} else if (type == ETHTOOL_A_COALESCE_RX_MAX_FRAMES &&
			   !mnl_attr_validate(a, MNL_TYPE_U32)) {
			c->has_frames = true;
			c->frames = mnl_attr_get_u32(a);
		} else if (type == ETHTOOL_A_COALESCE_USE_ADAPTIVE_RX &&
			   !mnl_attr_validate(a, MNL_TYPE_U8)) {
			c->adaptive = mnl_attr_get_u8(a);
		}
	}
	return MNL_CB_OK;
}

/* A request about @device; the rest of its attributes are the caller's. */
static struct nlmsghdr *begin_coalesce(void *buf, uint16_t family, uint8_t cmd, const char *device)
{
	struct nlmsghdr *request = dam_genl_begin(buf, family, cmd);
	struct nlattr *nest = mnl_attr_nest_start(request, ETHTOOL_A_COALESCE_HEADER);

	mnl_attr_put_strz(request, ETHTOOL_A_HEADER_DEV_NAME, device);
	mnl_attr_nest_end(request, nest);
	return request;
}

static int query(struct mnl_socket *nl, uint16_t family, const char *device, struct coalesce *out)
{
	char buf[DAM_GENL_BUFFER];
	int err = dam_genl_talk(nl, begin_coalesce(buf, family, ETHTOOL_MSG_COALESCE_GET, device),
		       take_coalesce, out);

	return err ? err : out->has_usecs ? 0 : -EOPNOTSUPP;
}

/* Run the query, then, with @m, the setting. */
static int converse(const char *device, struct coalesce *now, const struct dam_moderation *m)
{
	struct mnl_socket *nl;
	struct nlmsghdr *request;
	char buf[DAM_GENL_BUFFER];
	uint16_t family;
	int err;

	if (!*device || strlen(device) >= IFNAMSIZ || strchr(device, '/'))
		return -ENODEV;
	nl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!nl)
		return -errno;
	err = mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : 0;
	if (!err)
		err = dam_genl_family(nl, ETHTOOL_GENL_NAME, &family);
	if (!err)
		err = query(nl, family, device, now);
	if (!err && m) {
		request = begin_coalesce(buf, family, ETHTOOL_MSG_COALESCE_SET, device);
		mnl_attr_put_u32(request, ETHTOOL_A_COALESCE_RX_USECS, m->usecs);
		/* a value that the driver does not know would be refused */
		if (now->has_frames)
			mnl_attr_put_u32(request, ETHTOOL_A_COALESCE_RX_MAX_FRAMES, m->packets);
		err = dam_genl_talk(nl, request, NULL, NULL);
	}
	mnl_socket_close(nl);
	return err;
}

static int ethtool_get(const char *device, struct dam_moderation *out)
{
	const struct small_names *small = find_small_names(device);
	struct coalesce c = {0};
	int err = converse(device, &c, NULL);

	if (err)
		return err;
	*out = (struct dam_moderation){
		.usecs = c.usecs, .packets = c.frames, .adaptive = c.adaptive};
	if (small && c.usecs && c.usecs <= small->names_max)
		out->adaptive = true;
	return 0;
}

static int ethtool_set(const char *device, const struct dam_moderation *m)
{
	struct coalesce c = {0};

	return converse(device, &c, m);
}

static void ethtool_limits(const char *device, struct dam_moderation_limits *out)
{
	const struct small_names *small = find_small_names(device);

	*out = (struct dam_moderation_limits){
		.usecs_min = small ? small->usecs_min : 0,
		.usecs_max = USECS_MAX,
		.usecs_step = 1,
		.packets_max = UINT32_MAX,
	};
}

const struct dam_moderation_ops dam_ethtool_moderation = {
	.get = ethtool_get,
	.set = ethtool_set,
	.limits = ethtool_limits,
};
