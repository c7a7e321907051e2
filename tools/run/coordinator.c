/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The coordinator of a run: the one that is there, or a private one that ends with the run. */
#include "config.h"
#include "tools/run/run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "shm/layout.h"
#include "tools/common/control.h"
#include "tools/common/maskfile.h"
#include "tools/common/modfile.h"

#define START_MS 5000
#define STOP_MS	 5000
#define WATCH_MS 5000 /* only the end of dam-run waits for it */

#define SOCKET_PATH_MAX (DAM_RUNTIME_DIR_MAX + sizeof(DAM_SOCKET_NAME) + 1)

static int ask(const char *dir, const char *command, uint32_t run_id, char error[DAM_CONTROL_ERROR],
	       json_t **out)
{
	char path[SOCKET_PATH_MAX];

	if (dam_path_join(dir, DAM_SOCKET_NAME, path, sizeof(path)))
		return -ENAMETOOLONG;
	return dam_control_ask(path, command, run_id, DAM_CONTROL_TIMEOUT_MS, error, out);
}

/* Is there one that answers? Silence is normal; an answer that is no good is told. */
static bool find_running(const struct run_options *o, struct run_coordinator *c)
{
	char error[DAM_CONTROL_ERROR] = "", path[SOCKET_PATH_MAX];
	json_t *status = NULL;
	int err;

	if (o->dry_run || dam_runtime_dir_live(o->runtime_dir, c->dir))
		return false;
	err = ask(c->dir, "status", 0, error, &status);
	/* its own word for its pid may be another pid namespace's */
	if (!err && json_integer_value(json_object_get(status, "uid")) &&
	    !dam_path_join(c->dir, DAM_SOCKET_NAME, path, sizeof(path)))
		c->observer = dam_control_pid(path);
	json_decref(status);
	if (err && err != -ENOENT)
		dam_warn("%s; a private one is started", error);
	return !err;
}

/* A socket address must hold the path, so a long $TMPDIR is passed over. */
static int make_dir(char out[DAM_RUNTIME_DIR_MAX])
{
	const char *base = getenv("TMPDIR");
	int n = -1;

	if (base && *base)
		n = snprintf(out, DAM_RUNTIME_DIR_MAX, "%s/dam-run-XXXXXX", base);
	if (n < 0 || n >= DAM_RUNTIME_DIR_MAX || !mkdtemp(out)) {
		snprintf(out, DAM_RUNTIME_DIR_MAX, "/tmp/dam-run-XXXXXX");
		return mkdtemp(out) ? 0 : -errno;
	}
	return 0;
}

static void remove_dir(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir);
}

/* In a session of its own: ^C in the terminal ends the program, not the one who watches it. */
static void exec_coordinator(const char *path, const char *dir, bool dry_run, int ready_fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char number[16];

	setsid();
	if (null >= 0 && dup2(null, STDIN_FILENO) == 0)
		dup2(null, STDOUT_FILENO); /* what it does is in the report */
	unsetenv("LD_PRELOAD");
	fcntl(ready_fd, F_SETFD, 0);
	snprintf(number, sizeof(number), "%d", ready_fd);
	execl(path, path, "--foreground", "--private", "--runtime-dir", dir, "--ready-fd", number,
	      dry_run ? "--dry-run" : (char *)NULL, (char *)NULL);
	_exit(RUN_STATUS_NOT_EXECUTED);
}

/* The byte that says that its socket listens; false: it ended, or hangs. */
static bool wait_ready(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char byte;
	int r;

	do {
		r = poll(&p, 1, START_MS);
	} while (r < 0 && errno == EINTR);
	return r > 0 && read(fd, &byte, 1) == 1;
}

/* Return: wait status; -1: it had to be killed. */
static int end_process(pid_t pid, int signal)
{
	struct pollfd p = {.fd = pidfd_open(pid, 0), .events = POLLIN};
	int status = 0, r = 0;

	kill(pid, signal);
	if (p.fd >= 0) {
		do {
			r = poll(&p, 1, STOP_MS);
		} while (r < 0 && errno == EINTR);
		close(p.fd);
	}
	if (r <= 0)
		kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return r > 0 ? status : -1;
}

static int start_private(const char *path, bool dry_run, struct run_coordinator *c)
{
	int ready[2], status;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return -errno;
	c->pid = fork();
	if (c->pid == 0)
		exec_coordinator(path, c->dir, dry_run, ready[1]);
	close(ready[1]);
	if (c->pid > 0 && wait_ready(ready[0])) {
		close(ready[0]);
		return 0;
	}
	close(ready[0]);
	if (c->pid < 0)
		return -errno;
	status = end_process(c->pid, SIGTERM);
	return status != -1 && WIFEXITED(status) && WEXITSTATUS(status) ? -ECHILD : -ETIMEDOUT;
}

static const char *why_not_started(int err)
{
	if (err == -ECHILD)
		return "it ended at once";
	return err == -ETIMEDOUT ? "it was not ready in time" : strerror(-err);
}

int run_coordinator_open(const struct run_options *o, struct run_coordinator *out)
{
	struct run_coordinator c = {.private = false};
	char path[PATH_MAX];
	int err;

	if (find_running(o, &c)) {
		*out = c;
		return 0;
	}
	if (dam_find_installed("dam-coord", path)) {
		dam_err("dam-coord is neither beside dam-run nor in %s", DAM_LIBDIR);
		return -1;
	}
	err = make_dir(c.dir);
	if (err) {
		dam_err("cannot make a directory for a private coordinator: %s", strerror(-err));
		return -1;
	}
	err = start_private(path, o->dry_run, &c);
	if (err) {
		dam_err("%s cannot be started: %s", path, why_not_started(err));
		remove_dir(c.dir);
		return -1;
	}
	c.private = true;
	c.observer = geteuid() ? c.pid : 0;
	*out = c;
	return 0;
}

void run_coordinator_watch(const struct run_coordinator *c, pid_t pid, uint32_t run_id)
{
	char path[SOCKET_PATH_MAX];

	if (!dam_path_join(c->dir, DAM_SOCKET_NAME, path, sizeof(path)))
		dam_control_watch(path, pid, run_id, WATCH_MS);
}

json_t *run_coordinator_report(const struct run_coordinator *c, uint32_t run_id)
{
	char error[DAM_CONTROL_ERROR] = "";
	json_t *report;
	int err = ask(c->dir, "report", run_id, error, &report);

	if (!err)
		return report;
	dam_err("no report: %s", err == -ENOENT ? "the coordinator has ended" : error);
	return NULL;
}

/* A coordinator that ended well has left nothing to restore. */
static void restore(const struct run_coordinator *c)
{
	char path[DAM_RUNTIME_DIR_MAX + sizeof(DAM_MASKS_NAME) + sizeof(DAM_MODFILE_NAME)];
	struct dam_modfile_result m;
	struct dam_masks_result r;

	if (!dam_path_join(c->dir, DAM_MASKS_NAME, path, sizeof(path)))
		dam_masks_restore_all(path, true, &r);
	if (!dam_path_join(c->dir, DAM_MODFILE_NAME, path, sizeof(path)))
		dam_modfile_restore(path, dam_moderation_find, &m);
}

void run_coordinator_check(struct run_coordinator *c)
{
	if (!c->pid || waitpid(c->pid, NULL, WNOHANG) != c->pid)
		return;
	c->pid = 0;
	restore(c);
	dam_warn("the private coordinator has died; the program goes on without it");
}

void run_coordinator_close(struct run_coordinator *c)
{
	int status;

	if (!c->private)
		return;
	status = c->pid ? end_process(c->pid, SIGTERM) : 0;
	if (status == -1 || WIFSIGNALED(status))
		dam_warn("the private coordinator did not end by itself");
	restore(c);
	remove_dir(c->dir);
}
