/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * The last counts of threads that end, as the kernel sends them to whoever listens: generic netlink's family
 * "TASKSTATS" (Documentation/accounting/taskstats.rst). A thread that is gone from /proc has sent them before.
 *
 * Who listens is told of every thread of the machine, so we do only while there are rings; and the kernel drops what
 * we come too late for. It takes CAP_NET_ADMIN and the first namespaces. Without: the ended threads of a process share
 * what its own count says, see coord_tasks_ended().
 */
#include "config.h"
#include "tools/coord/observe.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/taskstats.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "hal/genl.h"
#include "tools/coord/procfs.h"

#define QUEUE_BYTES   (4 << 20) /* 1,800 threads; what is in it is the kernel's memory */
#define TICK_MESSAGES 512	/* a microsecond each */
#define AGAIN_NS      DAM_NS_PER_S

static int listen_to(struct mnl_socket *nl)
{
	char buf[DAM_GENL_BUFFER], cpus[1024];
	struct nlmsghdr *request;
	int size = QUEUE_BYTES, err;
	uint16_t family;
	ssize_t n;

	err = dam_genl_family(nl, TASKSTATS_GENL_NAME, &family);
	if (err)
		return err;
	n = coord_proc_read("/sys/devices/system/cpu/possible", cpus, sizeof(cpus));
	if (n <= 0)
		return n ? (int)n : -EIO;
	cpus[strcspn(cpus, "\n")] = '\0';
	/* may be refused: a shorter queue, then */
	setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	request = dam_genl_begin(buf, family, TASKSTATS_CMD_GET);
	mnl_attr_put_strz(request, TASKSTATS_CMD_ATTR_REGISTER_CPUMASK, cpus);
	return dam_genl_talk(nl, request, NULL, NULL);
}

static void start(struct coord *c)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (nl && (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) || listen_to(nl))) {
		mnl_socket_close(nl);
		nl = NULL;
	}
	c->exits.nl = nl;
}

void coord_exits_close(struct coord *c)
{
	if (c->exits.nl)
		mnl_socket_close(c->exits.nl);
	c->exits.nl = NULL;
}

/* The end of one thread. */
static void take_stats(struct coord *c, const struct nlattr *stats)
{
	struct taskstats s;
	struct coord_watch *w;

	/* older kernels do not say whose thread it is */
	if (mnl_attr_get_payload_len(stats) < offsetof(struct taskstats, ac_tgid) + sizeof(s.ac_tgid))
		return;
	memcpy(&s, mnl_attr_get_payload(stats), offsetof(struct taskstats, ac_tgid) + sizeof(s.ac_tgid));
	w = coord_watch_find(c, (pid_t)s.ac_tgid);
	if (w && w->nr_rings) {
		s.ac_comm[sizeof(s.ac_comm) - 1] = '\0';
		coord_task_told(c, w, (pid_t)s.ac_pid, s.ac_comm, (const uint64_t[2]){s.read_bytes, s.write_bytes});
	}
}

static int take_message(const struct nlmsghdr *message, void *ctx)
{
	const struct nlattr *a, *b;

	mnl_attr_for_each(a, message, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(a) != TASKSTATS_TYPE_AGGR_PID)
			continue;
		mnl_attr_for_each_nested(b, a)
			if (mnl_attr_get_type(b) == TASKSTATS_TYPE_STATS)
				take_stats(ctx, b);
	}
	return MNL_CB_OK;
}

void coord_exits_take(struct coord *c)
{
	char buf[DAM_GENL_BUFFER];
	ssize_t n;

	for (; c->exits.nl && c->exits.left; c->exits.left--) {
		n = mnl_socket_recvfrom(c->exits.nl, buf, sizeof(buf));
		if (n > 0)
			mnl_cb_run(buf, (size_t)n, 0, 0, take_message, c);
		else if (errno != ENOBUFS) /* that some were dropped; the rest is still there */
			return;
	}
}

void coord_exits_tick(struct coord *c, uint64_t now_ns)
{
	c->exits.left = TICK_MESSAGES;
	if (c->observed.rings && !c->exits.nl && now_ns >= c->exits.due_ns) {
		start(c);
		c->exits.due_ns = now_ns + AGAIN_NS;
	} else if (c->observed.rings) {
		c->exits.due_ns = now_ns + AGAIN_NS;
	} else if (now_ns >= c->exits.due_ns) {
		coord_exits_close(c); /* the next ring may come soon */
	}
	coord_exits_take(c);
}
