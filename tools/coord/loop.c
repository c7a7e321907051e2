/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The loop: collect, forecast, decide, act, wait; every 10 ms under load, every second when nothing happens. */
#include "config.h"
#include "tools/coord/coord.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "tools/common/paths.h"
#include "tools/coord/births.h"
#include "tools/coord/explain.h"
#include "tools/coord/moderate.h"
#include "tools/coord/observe.h"
#include "tools/coord/outcomes.h"
#include "tools/coord/record.h"

#define IDLE_AFTER_NS	 DAM_NS_PER_S /* without a submission: stretch the tick */
#define IDLE_INTERVAL_NS DAM_NS_PER_S
#define GLANCE_NS	 (100 * DAM_NS_PER_MS) /* between ticks, while there are processes to look for rings in */
#define SPARE_FDS	 16
#define FEW_FDS		 1024 /* where it is not known how many there are */
#define MAX_WAITING	 512  /* connections that have not spoken; of more than that the oldest are closed */
#define REFRESH_NS	 DAM_NS_PER_S

int coord_event_add(struct coord *c, int fd, struct coord_event *e)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = e};

	return epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

static void on_listen(struct coord *c, struct coord_event *e)
{
	(void)e;
	coord_accept(c);
}

static void on_signal(struct coord *c, struct coord_event *e)
{
	struct signalfd_siginfo si;

	(void)e;
	if (read(c->signal_fd, &si, sizeof(si)) == sizeof(si))
		c->stop = true;
}

static int open_events(struct coord *c)
{
	sigset_t stop;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGHUP);
	if (c->opt.private) /* ^C is for the program that dam-run runs; dam-run ends us */
		sigdelset(&stop, SIGINT);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	if (c->opt.private)
		signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* that a file may not grow is an error like others */
	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	c->signal_fd = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
	if (c->epoll_fd < 0 || c->signal_fd < 0)
		return -errno;
	c->on_signal.serve = on_signal;
	return coord_event_add(c, c->signal_fd, &c->on_signal);
}

static int open_hal(struct coord *c)
{
	struct dam_hal_config cfg = {
		.root = c->opt.root ? c->opt.root : "",
		.capacity = dam_knob_text(&c->knobs, DAM_KNOB_CAPACITY),
		.locality = dam_knob_text(&c->knobs, DAM_KNOB_LOCALITY),
		.sim = dam_knob_text(&c->knobs, DAM_KNOB_SIM),
	};
	char why[256] = "";
	int err = dam_hal_open(&cfg, why, sizeof(why), &c->hal);

	if (!c->opt.root && access("/sys/class", F_OK))
		dam_warn("there is no /sys: engines, and which processor is next to which, cannot be seen");
	if (!err)
		err = coord_model_open(c);
	if (err)
		dam_err("%s", *why ? why : strerror(-err));
	return err ? 1 : 0;
}

/* From the record: it knows every pin that is in place, and covers what descendants inherited. Return: threads restored. */
static unsigned int restore_masks(struct coord *c)
{
	struct dam_masks_result r = {0};
	int err = dam_masks_restore(c->masks, &r);

	if (err)
		dam_warn("cannot read the record of masks in %s: %s", c->opt.runtime_dir, strerror(-err));
	return r.restored;
}

/* The record of masks; a dead predecessor's pins are undone before anything else happens. */
static int open_masks(struct coord *c)
{
	unsigned int restored;
	char path[PATH_MAX];
	int err = dam_path_join(c->opt.runtime_dir, DAM_MASKS_NAME, path, sizeof(path));

	if (!err)
		err = dam_masks_open(path, &c->masks);
	if (err) {
		dam_err("cannot open the record of masks in %s: %s", c->opt.runtime_dir, strerror(-err));
		return 1;
	}
	restored = restore_masks(c);
	if (restored)
		dam_warn("gave %u threads their masks back that an earlier coordinator had left pinned",
			 restored);
	return 0;
}

static int open_record(struct coord *c)
{
	int err = c->opt.record ? coord_record_open(c->opt.record, c->start_ns, &c->record) : 0;

	if (err)
		dam_err("cannot record to %s: %s", c->opt.record, strerror(-err));
	return err ? 1 : 0;
}

static int open_outcomes(struct coord *c)
{
	int err = coord_outcomes_open(c);

	if (!err)
		err = coord_explain_open(c);

	if (err)
		dam_err("cannot judge moves: %s", strerror(-err));
	return err ? 1 : 0;
}

static int open_board(struct coord *c)
{
	int err = dam_board_create(&c->board);

	if (err) {
		dam_err("cannot make the shared directory of engines: %s", strerror(-err));
		return 1;
	}
	coord_memory_open(c);
	coord_publish(c);
	dam_board_beat(&c->board, dam_now_ns());
	return 0;
}

/* Two for each process. Nobody is to use up those that connections and answers need, nor they all that there are. */
static void share_descriptors(struct coord *c)
{
	struct rlimit r = {.rlim_cur = FEW_FDS};
	int max;

	if (!getrlimit(RLIMIT_NOFILE, &r) && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &r))
			getrlimit(RLIMIT_NOFILE, &r);
	}
	max = r.rlim_cur > INT_MAX ? INT_MAX : (int)r.rlim_cur;
	c->max_waiting = max / 4 < MAX_WAITING ? (unsigned int)max / 4 : MAX_WAITING;
	c->max_fd = max - (int)c->max_waiting - SPARE_FDS;
}

int coord_open(struct coord *c)
{
	int err;

	c->ended_tail = &c->ended;
	c->epoll_fd = c->listen_fd = c->lock_fd = c->signal_fd = c->plug.fd = c->family.fd = c->board.fd = -1;
	c->start_ns = c->last_tick_ns = c->active_ns = dam_now_ns();
	c->start_ticks = dam_ticks_now();
	if (open_record(c) || open_hal(c)) /* what is decided is recorded from the first */
		return 1;
	if (c->opt.once || c->opt.list_engines)
		return 0;
	if (!coord_proc_fits()) {
		dam_err("/proc is missing here, or of another pid namespace: mount this one's, mount -t proc proc /proc");
		return 1;
	}
	err = open_events(c);
	if (err) {
		dam_err("cannot set up the event loop: %s", strerror(-err));
		return 1;
	}
	if (coord_listen(c) || open_masks(c) || open_outcomes(c) || open_board(c))
		return 1;
	coord_observe_open(c); /* without it there is less to see, that is all */
	coord_moderate_open(c);
	coord_hotplug_open(c);
	share_descriptors(c);
	c->on_listen.serve = on_listen;
	return coord_event_add(c, c->listen_fd, &c->on_listen) ? 1 : 0;
}

double coord_uptime_s(const struct coord *c)
{
	return (double)(dam_now_ns() - c->start_ns) / DAM_NS_PER_S;
}

void coord_tick(struct coord *c, uint64_t now_ns)
{
	double dt = (double)(now_ns - c->last_tick_ns) / DAM_NS_PER_S;

	if (dt <= 0)
		return;
	coord_sample_processes(c, dt);
	coord_observe_tick(c, now_ns);
	/* after the ledgers: what they report is what simulated engines have done */
	coord_sample_engines(c, now_ns);
	coord_moderate_tick(c, now_ns);
	coord_gpu_tick(c, now_ns);
	coord_outcomes_tick(c, dt);
	coord_model_decide(c, dt);
	coord_births_tick(c, now_ns);
	coord_record_flush(c->record, now_ns);
	c->last_tick_ns = now_ns;
	coord_hotplug_tick(c, now_ns, now_ns - c->last_refresh_ns >= REFRESH_NS);
	if (now_ns - c->last_refresh_ns >= REFRESH_NS) {
		c->last_refresh_ns = now_ns;
		coord_model_refresh(c);
	}
	coord_hear(c);
	if (c->board_pending)
		coord_publish(c);
	if (c->board.map)
		dam_board_beat(&c->board, now_ns);
	c->nr_ticks++;
	c->tick_ns_sum += dam_now_ns() - now_ns;
}

/* The time until the next tick: the knob's while threads submit, doubling to a second when they stop. */
static uint64_t next_interval(struct coord *c, uint64_t now_ns, uint64_t interval_ns)
{
	uint64_t tick = (uint64_t)dam_knob_num(&c->knobs, DAM_KNOB_TICK) * DAM_NS_PER_MS, longest;

	if (c->busy || c->record) { /* a recording has lines of one length of interval */
		c->busy = false;
		c->active_ns = now_ns;
		return tick;
	}
	if (now_ns - c->active_ns < IDLE_AFTER_NS)
		return tick;
	longest = IDLE_INTERVAL_NS;
	if (longest > coord_moderate_interval_ns(c))
		longest = coord_moderate_interval_ns(c);
	return interval_ns * 2 < longest ? interval_ns * 2 : longest;
}

/*
 * While nothing happens a tick is too much for what has to be noticed within 0.2 s: a child of a watched process, or a
 * ring that comes to life, of which a disk tells.
 */
static void glance(struct coord *c, uint64_t now_ns)
{
	unsigned int watches = c->nr_watches;
	bool moved = coord_storage_moved(c, now_ns);

	coord_family_tick(c, now_ns);
	if (moved || c->nr_watches != watches)
		coord_observe_tick(c, now_ns);
}

/* Wait for an event until @until_ns and serve it. Return: false: the loop cannot go on. */
static bool wait_and_serve(struct coord *c, uint64_t until_ns)
{
	uint64_t now = dam_now_ns();
	int wait_ms = now < until_ns ? (int)((until_ns - now + DAM_NS_PER_MS - 1) / DAM_NS_PER_MS) : 0, n;
	struct coord_event *e;
	struct epoll_event ev;

	/* one event at a time: serving one may free the owner of another */
	n = epoll_wait(c->epoll_fd, &ev, 1, wait_ms);
	if (n < 0 && errno != EINTR) {
		dam_err("the event loop failed: %s", strerror(errno));
		return false;
	}
	if (n > 0) {
		e = ev.data.ptr;
		e->serve(c, e);
	}
	return true;
}

int coord_run(struct coord *c)
{
	uint64_t interval = (uint64_t)dam_knob_num(&c->knobs, DAM_KNOB_TICK) * DAM_NS_PER_MS;
	uint64_t now = dam_now_ns(), due = now + interval, glance_ns = now;

	while (!c->stop) {
		if (!wait_and_serve(c, c->nr_watches && glance_ns + GLANCE_NS < due ? glance_ns + GLANCE_NS : due))
			return 1;
		now = dam_now_ns();
		if (now < due && c->nr_watches && now - glance_ns >= GLANCE_NS) {
			glance_ns = now;
			glance(c, now);
		}
		if (c->busy && interval > DAM_NS_PER_MS * 10)
			due = now; /* somebody attached, or was seen to submit, while we dozed */
		if (now < due)
			continue;
		coord_tick(c, now);
		interval = next_interval(c, now, interval);
		due = now + interval;
		glance_ns = now;
	}
	return 0;
}

void coord_close(struct coord *c)
{
	coord_hotplug_close(c);
	coord_moderate_close(c);
	for (struct coord_process *p = c->processes; p; p = p->next)
		coord_births_end(c, p);
	if (c->masks)
		restore_masks(c);
	coord_unlisten(c);
	if (c->board.map)
		dam_board_destroy(&c->board);
	coord_clients_close(c);
	coord_observe_close(c);
	coord_threads_close(c);
	coord_sites_close(c);
	dam_masks_close(c->masks);
	coord_record_close(c->record);
	coord_outcomes_close(c);
	coord_explain_close(c);
	coord_model_close(c);
	dam_hal_close(c->hal);
	if (c->signal_fd >= 0)
		close(c->signal_fd);
	if (c->epoll_fd >= 0)
		close(c->epoll_fd);
	if (c->lock_fd >= 0) /* last: the next one finds nothing of ours in use */
		close(c->lock_fd);
}
