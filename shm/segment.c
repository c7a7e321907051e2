/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Segments: memfds, their seals, and the mapping of those that pass the check. */
#include "config.h"
#include "shm/segment.h"

#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/stat.h>
#include <stdint.h>
#include <sys/mman.h>

#include "base/sys.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008u /* Linux 6.3 */
#endif

#define SEALS_SIZE (F_SEAL_SHRINK | F_SEAL_GROW)

static long make_memfd(const char *name)
{
	const unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	long fd = dam_sys3(SYS_memfd_create, (long)name, flags | MFD_NOEXEC_SEAL, 0);

	/* an older kernel knows no such flag */
	return fd == -EINVAL ? dam_sys3(SYS_memfd_create, (long)name, flags, 0) : fd;
}

int dam_segment_create(const char *name, size_t size, bool read_only, int *fd, void **map)
{
	/* FUTURE_WRITE leaves the mapping alone that exists when it is set: ours */
	const int seals = SEALS_SIZE | F_SEAL_SEAL | (read_only ? F_SEAL_FUTURE_WRITE : 0);
	long memfd, at, err;

	if (size == 0 || size > INT64_MAX)
		return -EINVAL;
	memfd = make_memfd(name);
	if (memfd < 0)
		return (int)memfd;
	err = dam_sys3(SYS_ftruncate, memfd, (long)size, 0);
	if (err)
		goto close_fd;
	at = err = dam_sys6(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	if (dam_sys_failed(at))
		goto close_fd;
	err = dam_sys3(SYS_fcntl, memfd, F_ADD_SEALS, seals);
	if (err)
		goto unmap;
	*fd = (int)memfd;
	*map = (void *)at;
	return 0;

unmap:
	dam_sys3(SYS_munmap, at, (long)size, 0);
close_fd:
	dam_sys3(SYS_close, memfd, 0, 0);
	return (int)err;
}

int dam_segment_check(int fd, size_t size, bool read_only)
{
	const long want = SEALS_SIZE | (read_only ? F_SEAL_FUTURE_WRITE : 0);
	/* only a memfd has seals to tell; an ordinary file on tmpfs has F_SEAL_SEAL alone */
	long seals = dam_sys3(SYS_fcntl, fd, F_GET_SEALS, 0);
	struct statx stx;
	long err;

	if (seals < 0)
		return seals == -EBADF ? -EBADF : -EINVAL;
	if ((seals & want) != want)
		return -EINVAL;
	/* after the seals: a size that can still change says nothing */
	err = dam_sys6(SYS_statx, fd, (long)"", AT_EMPTY_PATH, STATX_SIZE, (long)&stx, 0);
	return err || stx.stx_size != size ? -EINVAL : 0;
}

/*
 * In a program that has locked all memory to come (mlockall() of real-time programs) a mapping gets all of its pages at
 * once: megabytes, milliseconds, and the program's allowance. But not one that cannot be accessed: so it is unlocked
 * first, then made accessible, and only then put where others may be using what it replaces.
 */
static long map_unlocked(int fd, size_t size, int prot, int flags, void *at)
{
	long map = dam_sys6(SYS_mmap, 0, (long)size, PROT_NONE, flags, fd, 0), there;

	if (dam_sys_failed(map))
		return map;
	dam_sys3(SYS_munlock, map, (long)size, 0);
	if (flags & MAP_ANONYMOUS)
		dam_sys3(SYS_madvise, map, (long)size, MADV_NOHUGEPAGE);
	there = dam_sys3(SYS_mprotect, map, (long)size, prot);
	if (!there)
		there = at ? dam_sys6(SYS_mremap, map, (long)size, (long)size, MREMAP_MAYMOVE | MREMAP_FIXED, (long)at, 0)
			   : map;
	if (dam_sys_failed(there))
		dam_sys3(SYS_munmap, map, (long)size, 0);
	return there;
}

void *dam_segment_fresh(void *at, size_t size)
{
	long map = map_unlocked(-1, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, at);

	return dam_sys_failed(map) ? NULL : (void *)map;
}

int dam_segment_map(int fd, size_t size, bool read_only, void *at, void **out)
{
	int err = dam_segment_check(fd, size, read_only);
	long map;

	if (err)
		return err;
	map = map_unlocked(fd, size, PROT_READ | (read_only ? 0 : PROT_WRITE), MAP_SHARED, at);
	if (dam_sys_failed(map))
		return (int)map;
	*out = (void *)map;
	return 0;
}
