/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Requests to the kernel by generic netlink; see genl.h. */
#include "config.h"
#include "hal/genl.h"

#include <errno.h>
#include <linux/genetlink.h>

struct nlmsghdr *dam_genl_begin(void *buf, uint16_t type, uint8_t cmd)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(request, sizeof(*genl));

	request->nlmsg_type = type;
	genl->cmd = cmd;
	genl->version = 1;
	return request;
}

int dam_genl_talk(struct mnl_socket *nl, struct nlmsghdr *request, mnl_cb_t cb, void *data)
{
	unsigned int port = mnl_socket_get_portid(nl);
	char buf[DAM_GENL_BUFFER];
	ssize_t n;
	int ret;

	request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	request->nlmsg_seq = 1;
	if (mnl_socket_sendto(nl, request, request->nlmsg_len) < 0)
		return -errno;
	do {
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		ret = n < 0 ? -1 : mnl_cb_run(buf, (size_t)n, 1, port, cb, data);
	} while (ret > 0); /* the acknowledgement ends it */
	return ret < 0 ? -errno : 0;
}

static int take_family(const struct nlmsghdr *answer, void *data)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, answer, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(a) == CTRL_ATTR_FAMILY_ID && !mnl_attr_validate(a, MNL_TYPE_U16))
			*(uint16_t *)data = mnl_attr_get_u16(a);
	return MNL_CB_OK;
}

int dam_genl_family(struct mnl_socket *nl, const char *name, uint16_t *out)
{
	char buf[DAM_GENL_BUFFER];
	struct nlmsghdr *request = dam_genl_begin(buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	uint16_t family = 0;
	int err;

	mnl_attr_put_strz(request, CTRL_ATTR_FAMILY_NAME, name);
	err = dam_genl_talk(nl, request, take_family, &family);
	if (!err && !family)
		err = -ENOENT;
	if (!err)
		*out = family;
	return err;
}
