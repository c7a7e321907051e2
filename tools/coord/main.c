/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* dam-coord: the command line, and the four steps parse, open, run, close. */
#include "config.h"
#include "tools/coord/coord.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "tools/common/engines.h"
#include "tools/common/json.h"
#include "tools/common/options.h"
#include "tools/common/paths.h"
#include "tools/coord/notify.h"

#define ONCE_NS DAM_NS_PER_S /* what --once looks at */

static const struct dam_option options[] = {
	{.name = "foreground", .letter = 'f', .offset = offsetof(struct coord_options, foreground),
	 .help = "stay in the foreground instead of becoming a daemon"},
	{.name = "dry-run", .letter = 'n', .offset = offsetof(struct coord_options, dry_run),
	 .help = "decide and print every move, but change no mask; stays in the foreground"},
	{.name = "once", .letter = '1', .offset = offsetof(struct coord_options, once),
	 .help = "look at the engines for one second, print them, end"},
	{.name = "list-engines", .letter = 'l', .offset = offsetof(struct coord_options, list_engines),
	 .help = "print the engines, without a look at what they do, end"},
	{.name = "json", .letter = 'j', .offset = offsetof(struct coord_options, json),
	 .help = "print JSON: what --once or --list-engines found, or one object for each move"},
	{.name = "root", .type = DAM_OPTION_TEXT, .arg = "DIR", .offset = offsetof(struct coord_options, root),
	 .help = "read DIR/sys and DIR/proc, of a recorded machine, instead of this one's; implies --dry-run"},
	{.name = "runtime-dir", .letter = 'd', .type = DAM_OPTION_TEXT, .arg = "DIR",
	 .offset = offsetof(struct coord_options, runtime_dir),
	 .help = "directory of the socket and of the record of masks, instead of DAM_RUNTIME_DIR"},
	{.name = "record", .letter = 'r', .type = DAM_OPTION_TEXT, .arg = "FILE",
	 .offset = offsetof(struct coord_options, record),
	 .help = "write to FILE what engines and threads do, for dam-replay forecast, and what is decided, for dam-sim"},
	{.name = "private", .hidden = true, .offset = offsetof(struct coord_options, private),
	 .help = "end together with the process that started it"},
	{.name = "ready-fd", .type = DAM_OPTION_NUMBER, .hidden = true, .arg = "FD", .max = INT_MAX,
	 .offset = offsetof(struct coord_options, ready_fd),
	 .help = "write one byte there once the socket listens"},
};

static const struct dam_tool tool = {
	.name = "dam-coord",
	.usage = "[options]",
	.summary = "watch DMA engines and the threads that drive them; move threads before an engine saturates",
	.option = options,
	.nr_options = sizeof(options) / sizeof(options[0]),
	.knob_scope = DAM_SCOPE_COORD,
};

static void warn_knob(const char *line)
{
	dam_warn("%s", line);
}

/* A service that dam-run runs has states of its own: a private coordinator must not tell them. */
static void tell_manager(const struct coord *c, const char *state)
{
	int err = c->opt.private ? 0 : coord_notify(state);

	if (err)
		dam_warn("cannot tell the service manager %s: %s; check NOTIFY_SOCKET", state, strerror(-err));
}

static void tell_ready(struct coord *c)
{
	tell_manager(c, "READY=1");
	if (c->opt.ready_fd < 0)
		return;
	if (write(c->opt.ready_fd, "r", 1) != 1)
		dam_debug("nobody reads --ready-fd %d", c->opt.ready_fd);
	close(c->opt.ready_fd);
}

/*
 * Become a daemon: the caller waits until the socket listens, so that its exit status tells whether that worked.
 * Return: 0 in the daemon; does not return in the caller.
 */
static int detach(struct coord *c)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) || (pid = fork()) < 0) {
		dam_err("cannot become a daemon: %s", strerror(errno));
		return 1;
	}
	if (pid > 0) {
		close(ready[1]);
		_exit(read(ready[0], &byte, 1) == 1 ? 0 : 1);
	}
	close(ready[0]);
	c->opt.ready_fd = ready[1];
	setsid();
	return 0;
}

/* Nothing of ours gets a number that leave_terminal() redirects. To be written to, they stay closed: that is an error. */
static void occupy_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/*
 * Errors have been told where the daemon was started; from now on they go to stderr only if that is a file: whoever
 * reads a pipe, a shell's $(dam-coord 2>&1) or ssh, would wait for the daemon's end. What has a name relative to that
 * folder is open by now: the file system that it lies on can be unmounted.
 */
static void leave_terminal(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct stat st;

	if (chdir("/"))
		dam_debug("cannot leave the folder: %s", strerror(errno));
	if (null < 0)
		return;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	if (fstat(STDERR_FILENO, &st) || !S_ISREG(st.st_mode))
		dup2(null, STDERR_FILENO);
	close(null);
}

/* Let the engines work for a while, so that there are rates. */
static void look(struct coord *c)
{
	struct timespec tick = {0, (long)(dam_knob_num(&c->knobs, DAM_KNOB_TICK) * DAM_NS_PER_MS)};
	uint64_t now, end = dam_now_ns() + ONCE_NS;

	tick.tv_sec = tick.tv_nsec / (long)DAM_NS_PER_S;
	tick.tv_nsec %= (long)DAM_NS_PER_S;
	do {
		nanosleep(&tick, NULL);
		now = dam_now_ns();
		coord_tick(c, now);
	} while (now < end);
}

static json_t *list_engines(struct coord *c)
{
	json_t *j = json_object();

	coord_sample_engines(c, dam_now_ns());
	coord_engines_json(c, j);
	return j;
}

static json_t *look_once(struct coord *c)
{
	look(c);
	return coord_report_once(c);
}

static int print_engines(struct coord *c)
{
	json_t *j = c->opt.list_engines ? list_engines(c) : look_once(c);

	if (c->opt.json) {
		json_dumpf(j, stdout, DAM_JSON_PRETTY);
		printf("\n");
	} else {
		dam_engines_print(stdout, j, !c->opt.list_engines);
	}
	json_decref(j);
	if (dam_output_lost()) {
		dam_err("cannot write to standard output");
		return 1;
	}
	return 0;
}

/* A private coordinator must not outlive dam-run, however and whenever that ends. */
static bool orphaned(const struct coord *c, pid_t parent)
{
	return c->opt.private && (prctl(PR_SET_PDEATHSIG, SIGTERM) || getppid() != parent);
}

static int serve(struct coord *c, bool daemon)
{
	int status = coord_open(c);

	if (status)
		return status;
	if (c->opt.once || c->opt.list_engines)
		return print_engines(c);
	tell_ready(c);
	if (daemon)
		leave_terminal();
	status = coord_run(c);
	tell_manager(c, "STOPPING=1");
	return status;
}

int main(int argc, char **argv)
{
	static struct coord c;
	static char dir[DAM_RUNTIME_DIR_MAX];
	const pid_t parent = getppid();
	bool daemon, print_only;
	int status, err;

	occupy_standard();
	dam_log_open(tool.name, DAM_LOG_WARN);
	c.opt.ready_fd = -1;
	err = dam_options_parse(&tool, argc, argv, &c.opt);
	if (err <= 0)
		return err ? 2 : dam_output_lost() ? 1 : 0;
	if (err < argc) {
		dam_err("%s: this takes no operands; see --help", argv[err]);
		return 2;
	}
	dam_knobs_load(getenv, warn_knob, &c.knobs);
	dam_log_open(tool.name, (enum dam_log_level)dam_knob_num(&c.knobs, DAM_KNOB_LOG));
	c.opt.once = c.opt.once && !c.opt.list_engines;
	c.opt.dry_run = c.opt.dry_run || c.opt.root;
	print_only = c.opt.once || c.opt.list_engines;
	err = dam_runtime_dir(c.opt.runtime_dir, !print_only, dir);
	if (err) {
		dam_err("cannot use the runtime directory %s: %s; set DAM_RUNTIME_DIR to one of your own",
			c.opt.runtime_dir ? c.opt.runtime_dir : dir, strerror(-err));
		return 1;
	}
	c.opt.runtime_dir = dir;
	daemon = !(c.opt.foreground || c.opt.dry_run || c.opt.private || print_only);
	if (daemon && detach(&c))
		return 1;
	status = orphaned(&c, parent) ? 1 : serve(&c, daemon);
	coord_close(&c);
	return status;
}
