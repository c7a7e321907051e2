/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Where a descriptor, or a registered file, of another process leads. */
#ifndef DAM_TOOLS_COORD_FILES_H
#define DAM_TOOLS_COORD_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "hal/hal.h"

#define COORD_FILES 64

enum coord_file_kind {
	COORD_FILE_UNKNOWN,  /* could not be found out */
	COORD_FILE_DIRECT,   /* a device, or a file opened with O_DIRECT */
	COORD_FILE_BUFFERED, /* the page cache does the DMA */
	COORD_FILE_SOCKET,
	COORD_FILE_IDLE, /* a pipe, an eventfd…: no device behind it */
};

struct coord_file {
	enum coord_file_kind kind;
	int target; /* hal index, or DAM_HAL_NONE */
};

/* What was found out lately, by descriptor or index; zeroed at first. */
struct coord_files {
	struct {
		uint64_t until_ns; /* 0: unused */
		int fd;
		bool fixed;
		struct coord_file file;
	} entry[COORD_FILES];
};

/**
 * coord_files_get() - where @fd of process @pid leads
 * @ring_fd: @fixed: the ring whose registered file @fd is
 * @work: what it cost, in system calls, is added
 */
void coord_files_get(struct coord_files *f, const struct dam_hal *hal, pid_t pid, int ring_fd,
		     int fd, bool fixed, uint64_t now_ns, unsigned int *work,
		     struct coord_file *out);

/**
 * coord_fdinfo_value() - the number after "@key:" in /proc/@pid/fdinfo/@fd
 * Return: 0; -ENOENT: not there, which for rings happens under load: ask again.
 */
int coord_fdinfo_value(pid_t pid, int fd, const char *key, long *out);

#endif
