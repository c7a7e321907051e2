/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The record of changed masks: its file format, writing it ahead of each pin, restoring from it. */
#include "config.h"
#include "tools/common/maskfile.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "tools/common/inherit.h"

#define MASKS_MAGIC   0x736b73614d4d4144ull /* "DAMMasks" */
#define MASKS_VERSION 1u
#define BOOT_ID_SIZE  40

struct file_header {
	uint64_t magic;
	uint32_t version, entry_size;
	char boot_id[BOOT_ID_SIZE]; /* start times and tids mean nothing after a reboot */
	uint64_t pid_space; /* whose numbers they are: the pid namespace's; 0: not known */
};
static_assert(sizeof(struct file_header) == 64, "file format");

enum entry_state { ENTRY_FREE, ENTRY_VALID };

struct file_entry {
	uint32_t state; /* enum entry_state; written last by put, first by clear */
	uint32_t pid, tid;
	uint32_t reserved;
	uint64_t start_time;
	uint64_t since; /* when the entry was put, in the ticks of start_time */
	struct dam_cpuset orig;
	struct dam_cpuset dam;	  /* what DAM has written, or is about to */
	struct dam_cpuset former; /* what DAM had written before that; empty: nothing */
};
static_assert(sizeof(struct file_entry) == 32 + 3 * sizeof(struct dam_cpuset), "file format");

struct dam_masks {
	int fd;
	unsigned int nr_used;
	unsigned int next; /* where the search for a free entry begins */
	bool used[DAM_MASKS_ENTRIES];
};

static off_t entry_offset(unsigned int index)
{
	return (off_t)(sizeof(struct file_header) + (size_t)index * sizeof(struct file_entry));
}

static int write_at(int fd, const void *data, size_t size, off_t at)
{
	ssize_t n;

	do {
		n = pwrite(fd, data, size, at);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -ENOSPC;
}

/* 0; -ENODATA at or across the end of the file. */
static int read_at(int fd, void *data, size_t size, off_t at)
{
	ssize_t n;

	do {
		n = pread(fd, data, size, at);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -ENODATA;
}

static void read_boot_id(char out[BOOT_ID_SIZE])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	memset(out, 0, BOOT_ID_SIZE);
	if (fd < 0)
		return;
	if (read(fd, out, BOOT_ID_SIZE - 1) < 0)
		out[0] = '\0';
	close(fd);
}

static uint64_t read_pid_space(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) ? 0 : st.st_ino;
}

static void fill_header(struct file_header *h)
{
	*h = (struct file_header){
		.magic = MASKS_MAGIC,
		.version = MASKS_VERSION,
		.entry_size = sizeof(struct file_entry),
		.pid_space = read_pid_space(),
	};
	read_boot_id(h->boot_id);
}

/* 0; -EBADMSG: not a record of this boot, pid namespace and version; -ENODATA: empty; -errno. */
static int check_header(int fd)
{
	struct file_header want, have;
	struct stat st;
	int err;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size == 0)
		return -ENODATA;
	err = read_at(fd, &have, sizeof(have), 0);
	if (err)
		return err == -ENODATA ? -EBADMSG : err;
	fill_header(&want);
	if (!have.pid_space)
		want.pid_space = 0;
	return memcmp(&want, &have, sizeof(want)) ? -EBADMSG : 0;
}

/* Only a plain file of our own that nobody else can write says what may be done to threads. */
static int check_trust(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022) ? 0 : -EPERM;
}

static int open_file(const char *path, int flags, bool lock)
{
	int fd = open(path, flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	int err;

	if (fd < 0)
		return errno == ELOOP || errno == EISDIR ? -EPERM : -errno;
	err = check_trust(fd);
	if (!err && lock && flock(fd, LOCK_EX | LOCK_NB) < 0)
		err = errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

static int begin_anew(int fd)
{
	struct file_header h;

	fill_header(&h);
	if (ftruncate(fd, 0) < 0)
		return -errno;
	return write_at(fd, &h, sizeof(h), 0);
}

static bool entry_sane(const struct file_entry *e)
{
	return e->state == ENTRY_VALID && e->pid && e->pid <= INT32_MAX &&
	       e->tid <= INT32_MAX && !dam_cpuset_empty(&e->orig);
}

/* Which entries a dead coordinator left. */
static void load_used(struct dam_masks *m)
{
	struct file_entry e;

	for (unsigned int i = 0; i < DAM_MASKS_ENTRIES; i++) {
		if (read_at(m->fd, &e, sizeof(e), entry_offset(i)))
			break;
		m->used[i] = entry_sane(&e);
		m->nr_used += m->used[i];
	}
}

int dam_masks_open(const char *path, struct dam_masks **out)
{
	struct dam_masks *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return -ENOMEM;
	m->fd = open_file(path, O_CREAT, true);
	err = m->fd < 0 ? m->fd : check_header(m->fd);
	if (err == -EBADMSG)
		dam_warn("%s is damaged, or of another boot, pid namespace or version of DAM: begun anew", path);
	if (err == -EBADMSG || err == -ENODATA)
		err = begin_anew(m->fd);
	if (err) {
		dam_masks_close(m);
		return err;
	}
	load_used(m);
	*out = m;
	return 0;
}

void dam_masks_close(struct dam_masks *m)
{
	if (!m)
		return;
	if (m->fd >= 0)
		close(m->fd);
	free(m);
}

static int find_free(const struct dam_masks *m)
{
	for (unsigned int n = 0; n < DAM_MASKS_ENTRIES; n++) {
		unsigned int i = (m->next + n) % DAM_MASKS_ENTRIES;

		if (!m->used[i])
			return (int)i;
	}
	return -ENOSPC;
}

static int write_state(int fd, unsigned int index, enum entry_state state)
{
	uint32_t v = state;

	return write_at(fd, &v, sizeof(v), entry_offset(index));
}

int dam_masks_put(struct dam_masks *m, pid_t pid, pid_t tid, uint64_t start_time,
		  const struct dam_cpuset *orig, const struct dam_cpuset *dam)
{
	struct file_entry e = {
		.state = ENTRY_FREE,
		.pid = (uint32_t)pid,
		.tid = (uint32_t)tid,
		.start_time = start_time,
		.since = dam_ticks_now(),
		.orig = *orig,
		.dam = *dam,
	};
	int index = m->nr_used < DAM_MASKS_ENTRIES ? find_free(m) : -ENOSPC, err;

	if (index < 0)
		return index;
	err = write_at(m->fd, &e, sizeof(e), entry_offset((unsigned int)index));
	if (!err)
		err = write_state(m->fd, (unsigned int)index, ENTRY_VALID);
	if (err)
		return err;
	m->used[index] = true;
	m->nr_used++;
	m->next = (unsigned int)index + 1;
	return index;
}

static bool is_used(const struct dam_masks *m, int index)
{
	return index >= 0 && index < DAM_MASKS_ENTRIES && m->used[index];
}

int dam_masks_update(struct dam_masks *m, int index, const struct dam_cpuset *dam)
{
	const size_t dam_at = offsetof(struct file_entry, dam);
	const size_t former_at = offsetof(struct file_entry, former);
	struct dam_cpuset now;
	off_t at;
	int err;

	if (!is_used(m, index))
		return -EINVAL;
	at = entry_offset((unsigned int)index);
	err = read_at(m->fd, &now, sizeof(now), at + (off_t)dam_at);
	if (!err)
		err = write_at(m->fd, &now, sizeof(now), at + (off_t)former_at);
	if (!err)
		err = write_at(m->fd, dam, sizeof(*dam), at + (off_t)dam_at);
	return err;
}

static void forget(struct dam_masks *m, unsigned int index)
{
	m->used[index] = false;
	m->nr_used--;
	m->next = index < m->next ? index : m->next;
}

void dam_masks_clear(struct dam_masks *m, int index)
{
	if (!is_used(m, index))
		return;
	/* Overwriting what is on the disk already does not fail for want of space. */
	write_state(m->fd, (unsigned int)index, ENTRY_FREE);
	forget(m, (unsigned int)index);
}

unsigned int dam_masks_count(const struct dam_masks *m)
{
	return m->nr_used;
}

/* Restore one thread and say in @r what became of it. Return: may the entry be forgotten? */
static bool restore_entry(const struct file_entry *e, struct dam_masks_result *r)
{
	struct dam_cpuset now;
	uint64_t start;
	int err;

	if (!e->tid)
		return true; /* of threads that were to be born: found among those that have inherited */
	err = dam_thread_start_time((pid_t)e->pid, (pid_t)e->tid, &start);

	if (err == -ESRCH || (!err && start != e->start_time)) {
		r->gone++;
		return true;
	}
	if (!err)
		err = dam_cpuset_get_thread((pid_t)e->tid, &now);
	if (!err && !dam_mask_comes_of((pid_t)e->tid, &e->dam, &now) &&
	    !dam_mask_comes_of((pid_t)e->tid, &e->former, &now)) {
		r->left++;
		return true;
	}
	if (!err)
		err = dam_cpuset_set_thread((pid_t)e->tid, &e->orig);
	if (!err)
		r->restored++;
	else if (err == -ESRCH)
		r->gone++;
	else
		r->failed++;
	return !err || err == -ESRCH;
}

/* What descendants of the recorded threads may have inherited. */
struct pin_list {
	struct dam_pin *pin;
	unsigned int nr, room;
};

static void remember(struct pin_list *l, const struct file_entry *e)
{
	if (l->nr == l->room) {
		unsigned int room = 2 * l->room + 16;
		struct dam_pin *more = reallocarray(l->pin, room, sizeof(*more));

		if (!more)
			return;
		l->pin = more;
		l->room = room;
	}
	l->pin[l->nr++] = (struct dam_pin){
		.pid = (pid_t)e->pid,
		.start_time = e->start_time,
		.since = e->since,
		.orig = e->orig,
		.dam = e->dam,
		.former = e->former,
	};
}

/* @m is NULL when the record is restored from outside. */
static int restore_fd(int fd, struct dam_masks *m, struct dam_masks_result *out)
{
	struct dam_masks_result r = {0};
	struct pin_list pins = {0};
	struct file_entry e;
	int err = 0;

	for (unsigned int i = 0; i < DAM_MASKS_ENTRIES; i++) {
		err = read_at(fd, &e, sizeof(e), entry_offset(i));
		if (err)
			break;
		if (!entry_sane(&e) || !restore_entry(&e, &r))
			continue;
		remember(&pins, &e);
		write_state(fd, i, ENTRY_FREE);
		if (m && m->used[i])
			forget(m, i);
	}
	r.inherited = dam_inherit_restore(pins.pin, pins.nr);
	free(pins.pin);
	*out = r;
	return err == -ENODATA ? 0 : err;
}

int dam_masks_restore(struct dam_masks *m, struct dam_masks_result *out)
{
	return restore_fd(m->fd, m, out);
}

int dam_masks_restore_all(const char *path, bool force, struct dam_masks_result *out)
{
	int fd = open_file(path, 0, !force), err;

	if (fd < 0)
		return fd;
	err = check_header(fd);
	if (!err || err == -ENODATA) /* an empty file is an empty record */
		err = restore_fd(fd, NULL, out);
	close(fd);
	return err;
}
