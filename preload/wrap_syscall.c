/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What the stub of libc's syscall() hands over: the few numbers that are wanted. */
#include "config.h"

#include <linux/prctl.h>
#include <linux/seccomp.h>

#include "preload/aio.h"
#include "preload/depth.h"
#include "preload/enter.h"
#include "preload/pins.h"
#include "preload/real.h"
#include "preload/ring.h"
#include "preload/seal.h"
#include "preload/site.h"
#include "preload/teardown.h"

long dam_syscall_wanted(long nr, long a, long b, long c, long d, long e, long f);
long dam_syscall_io_submit(long nr, long ctx, long n, long iocbs);

struct call {
	long nr, a, b, c, d, e, f;
	const void *caller;
};

/* With libc's manner of reporting, yet not through libc: it may not have been found. */
static long make(const struct call *k)
{
	long ret = dam_sys6(k->nr, k->a, k->b, k->c, k->d, k->e, k->f);

	return dam_real_errno(ret);
}

static long on_setup(const struct call *k)
{
	long ret = make(k);

	if (ret >= 0)
		dam_ring_setup((int)ret, (const struct io_uring_params *)k->b);
	return ret;
}

static long on_enter(const struct call *k)
{
	struct dam_enter e = {.caller = k->caller};
	long ret;

	dam_enter_before((int)k->a, (unsigned int)k->b, (unsigned int)k->d, &e);
	ret = make(k);
	dam_enter_after(&e, ret);
	return ret;
}

static long on_register(const struct call *k)
{
	long ret = make(k);

	if (ret >= 0)
		dam_ring_registered((int)k->a, (unsigned int)k->b, (const void *)k->c,
				    (unsigned int)k->d);
	return ret;
}

static long on_io_submit(const struct call *k)
{
	struct iocb **iocbs = (struct iocb **)k->c;
	struct dam_slot *s = dam_aio_before((unsigned long)k->a, k->b, iocbs);
	long ret = make(k);

	dam_aio_after(s, (unsigned long)k->a, k->b, iocbs, ret, k->caller);
	return ret;
}

static long on_io_destroy(const struct call *k)
{
	dam_tear_down();
	return make(k);
}

static long on_setaffinity(const struct call *k)
{
	long ret = make(k);

	if (ret == 0)
		dam_pins_note((int)k->a);
	return ret;
}

static long on_getaffinity(const struct call *k)
{
	long ret;

	dam_pins_settle();
	ret = make(k);

	if (ret > 0) /* the number of bytes written */
		dam_pins_hide((int)k->a, (void *)k->c, (size_t)ret);
	return ret;
}

static long on_seccomp(const struct call *k)
{
	/* the operations that only ask change nothing */
	bool installs = k->a == SECCOMP_SET_MODE_STRICT || k->a == SECCOMP_SET_MODE_FILTER;
	long ret;

	if (installs)
		dam_seal();
	ret = make(k);
	if (installs && ret < 0)
		dam_unseal();
	return ret;
}

static long on_prctl(const struct call *k)
{
	bool installs = k->a == PR_SET_SECCOMP;
	long ret;

	if (installs)
		dam_seal();
	if (k->a == PR_SET_TSC && k->b == PR_TSC_SIGSEGV)
		dam_depth_blind = true;
	ret = make(k);
	if (installs && ret < 0)
		dam_unseal();
	return ret;
}

/* The same numbers stand in syscall.S. */
static const struct {
	long nr;
	long (*on)(const struct call *k);
} table[] = {
	{SYS_io_uring_enter, on_enter},
	{SYS_io_uring_setup, on_setup},
	{SYS_io_uring_register, on_register},
	{SYS_io_destroy, on_io_destroy},
	{SYS_sched_setaffinity, on_setaffinity},
	{SYS_sched_getaffinity, on_getaffinity},
	{SYS_seccomp, on_seccomp},
	{SYS_prctl, on_prctl},
};

static __attribute__((noinline)) long find(const struct call k)
{
	for (unsigned int i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].nr == k.nr)
			return table[i].on(&k);
	return make(&k);
}

DAM_HOT long dam_syscall_wanted(long nr, long a, long b, long c, long d, long e, long f)
{
	return find((struct call){nr, a, b, c, d, e, f, DAM_CALLER});
}

static DAM_APART long io_submit_outer(long nr, long ctx, long n, long iocbs, const void *caller)
{
	const struct call k = {.nr = nr, .a = ctx, .b = n, .c = iocbs, .caller = caller};

	return on_io_submit(&k);
}

/* Within the hook on io_submit(): no more after the call than one look at what it returned. */
DAM_HOT long dam_syscall_io_submit(long nr, long ctx, long n, long iocbs)
{
	struct dam_self *me = &dam_self;
	uint32_t outer = me->outer;
	long ret;

	if (DAM_UNLIKELY(!outer))
		return io_submit_outer(nr, ctx, n, iocbs, DAM_CALLER);
	me->outer = DAM_OUTER_NONE;
	ret = dam_sys3(nr, ctx, n, iocbs);
	if (DAM_LIKELY(ret == n))
		return ret;
	if (outer == DAM_OUTER_LEAVES)
		dam_aio_refused(me->slot, n, (struct iocb **)iocbs, ret);
	return dam_real_errno(ret);
}
