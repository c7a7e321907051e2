/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* The yama security module: who may look into a process of the same user. */
#ifndef DAM_BASE_YAMA_H
#define DAM_BASE_YAMA_H

#include <fcntl.h>
#include <sys/prctl.h>

#include "base/sys.h"

#define DAM_YAMA_SCOPE "/proc/sys/kernel/yama/ptrace_scope"

/**
 * dam_yama_admit() - let process @pid look into this one, where yama asks for that
 *
 * It asks in scope 1, the default of some distributions, of all but root. There is one such permission in a process:
 * one that the program gives later takes the place of this one. Return: true: it was asked for, and given.
 */
static inline bool dam_yama_admit(pid_t pid)
{
	char scope = '0';
	long fd = dam_sys6(SYS_openat, AT_FDCWD, (long)DAM_YAMA_SCOPE, O_RDONLY | O_CLOEXEC, 0, 0, 0);

	if (fd < 0)
		return false;
	dam_sys3(SYS_read, fd, (long)&scope, 1);
	dam_sys3(SYS_close, fd, 0, 0);
	return scope == '1' && !dam_sys6(SYS_prctl, PR_SET_PTRACER, pid, 0, 0, 0, 0);
}

#endif
