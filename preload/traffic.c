/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/*
 * Where the processor lets a program read its counters, the event needs no descriptor: its page
 * keeps it alive. Elsewhere one descriptor a thread is kept, among those that every process has
 * room for; and looked at before each use, for the program may have closed it, and got its number
 * again.
 */
#include "config.h"
#include "preload/traffic.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/mman.h>

#include "base/perf.h"
#include "preload/attach.h"
#include "preload/filter.h"
#include "preload/site.h"
#include "preload/slow.h"

#define PAGE	   4096
#define FIRST_FD   48
#define BEYOND_FDS 64 /* see link.c */

/* What perf_event_open() said once, it says to all threads. */
static uint32_t refused;

#ifdef __x86_64__
static bool readable_here(const void *page)
{
	const struct perf_event_mmap_page *p = page;

	return p->cap_user_rdpmc;
}

/* Return: false: the counter is not on the processor just now, others share it. */
static bool read_here(const void *page, uint64_t *out)
{
	const volatile struct perf_event_mmap_page *p = page;
	uint32_t seq, index, low, high;
	int64_t count;

	do {
		seq = p->lock;
		/* the kernel writes on this very processor: only the compiler must keep the order
		 */
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		index = p->index;
		*out = (uint64_t)p->offset;
		if (index) {
			__asm__ volatile("rdpmc" : "=a"(low), "=d"(high) : "c"(index - 1));
			count = (int64_t)((uint64_t)high << 32 | low) << (64 - p->pmc_width);
			*out += (uint64_t)(count >> (64 - p->pmc_width));
		}
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
	} while (p->lock != seq);
	return index != 0;
}
#else
static bool readable_here(const void *page)
{
	(void)page;
	return false;
}

static bool read_here(const void *page, uint64_t *out)
{
	(void)page, (void)out;
	return false;
}
#endif

static void drop_fd(long fd)
{
	dam_sys3(SYS_close, fd, 0, 0);
}

/* Takes @fd over. Return: 0; an error number. */
static uint32_t keep(int fd)
{
	struct dam_self *me = &dam_self;
	long page = dam_sys6(SYS_mmap, 0, PAGE, PROT_READ, MAP_SHARED, fd, 0), high;

	if (!dam_sys_failed(page)) {
		if (readable_here((const void *)page)) {
			me->traffic_page = (const void *)page;
			drop_fd(fd);
			return 0;
		}
		dam_sys3(SYS_munmap, page, PAGE, 0);
	}
	high = dam_sys3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, FIRST_FD);
	drop_fd(fd);
	if (high < 0)
		return (uint32_t)-high;
	if (high >= BEYOND_FDS ||
	    dam_sys3(SYS_ioctl, high, PERF_EVENT_IOC_ID, (long)&me->traffic_id)) {
		drop_fd(high);
		return EMFILE;
	}
	me->traffic_fd = (int)high;
	return 0;
}

static bool still_ours(void)
{
	struct dam_self *me = &dam_self;
	uint64_t id;

	return me->traffic_fd > 0 &&
	       !dam_sys3(SYS_ioctl, me->traffic_fd, PERF_EVENT_IOC_ID, (long)&id) &&
	       id == me->traffic_id;
}

/* Return: 0; an error number. */
static uint32_t open_traffic(const struct dam_board_memory *m)
{
	uint32_t err = __atomic_load_n(&refused, __ATOMIC_RELAXED);
	long fd;

	if (err)
		return err;
	/* in a process that came with a filter one more kind of system call may be its end */
	fd = dam_filter_any();
	if (!fd)
		fd = dam_perf_open(m->type, m->config, m->config1, m->config2);
	if (fd >= 0)
		return keep((int)fd);
	if (fd != -EMFILE && fd != -ENFILE && fd != -ENOMEM)
		__atomic_store_n(&refused, (uint32_t)-fd, __ATOMIC_RELAXED);
	return (uint32_t)-fd;
}

static bool read_traffic(uint64_t *out)
{
	const struct dam_self *me = &dam_self;

	if (me->traffic_page)
		return read_here(me->traffic_page, out);
	return still_ours() &&
	       dam_sys3(SYS_read, me->traffic_fd, (long)out, sizeof(*out)) == sizeof(*out);
}

void dam_traffic_read(struct dam_slot *s, uint64_t now_ns)
{
	const struct dam_board *b = dam_attach_board();
	struct dam_self *me = &dam_self;
	uint64_t mask, count;

	if (!b)
		return; /* soon perhaps */
	me->traffic_ns = now_ns;
	if (!b->memory.bytes_per_count || !dam_site_period() || !dam_slow_enter(&mask))
		return;
	if (me->traffic_pid != dam_gate.pid) {
		/* the first time; or in a child, which has its parent's descriptor, but not the
		 * page */
		me->traffic_page = NULL;
		if (still_ours())
			drop_fd(me->traffic_fd);
		me->traffic_fd = 0;
		me->traffic_pid = dam_gate.pid;
		me->traffic_errno = open_traffic(&b->memory);
	}
	__atomic_store_n(&s->memory_errno, me->traffic_errno, __ATOMIC_RELAXED);
	if (read_traffic(&count)) {
		__atomic_store_n(&s->memory_count, count, __ATOMIC_RELAXED);
		/* Release: who sees the time sees the count that goes with it, or a later one. */
		__atomic_store_n(&s->memory_ns, now_ns, __ATOMIC_RELEASE);
	}
	dam_slow_leave(&mask);
}

void dam_traffic_close(void)
{
	struct dam_self *me = &dam_self;
	uint64_t mask;

	if (!me->traffic_pid || me->traffic_pid != dam_gate.pid || !dam_slow_enter(&mask))
		return;
	if (me->traffic_page)
		dam_sys3(SYS_munmap, (long)me->traffic_page, PAGE, 0);
	else if (still_ours())
		drop_fd(me->traffic_fd);
	me->traffic_page = NULL;
	me->traffic_fd = 0;
	me->traffic_pid = 0;
	dam_slow_leave(&mask);
}
