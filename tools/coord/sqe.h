/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What an io_uring entry asks for, as far as the entry itself tells. */
#ifndef DAM_TOOLS_COORD_SQE_H
#define DAM_TOOLS_COORD_SQE_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/coord/peek.h"

struct coord_sqe {
	bool moves; /* moves data: the rest is valid */
	bool write;
	bool sized;   /* bytes is known */
	bool command; /* straight to the device: the kernel counts no bytes for the thread */
	bool lasts;   /* may stay in flight for as long as it likes, or complete more than once, or
			 never */
	bool fixed;   /* fd is an index into the ring's registered files */
	int fd;
	uint64_t bytes;
};

/** coord_sqe_read() - @e, with both halves when @wide. Entries may be torn: any content is taken.
 */
void coord_sqe_read(const struct coord_peek_sqe *e, bool wide, struct coord_sqe *out);

#endif
