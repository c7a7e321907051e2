/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Recording: what engines and threads did, as lines that dam-replay reads; and what was decided, for dam-sim. */
#ifndef DAM_TOOLS_COORD_RECORD_H
#define DAM_TOOLS_COORD_RECORD_H

#include <stdint.h>

#include "tools/common/decision.h"

struct coord_record;

/**
 * coord_record_open() - begin a recording: times count from @start_ns
 * @path: made, or emptied if it is there
 * Return: 0, and *@out to be closed; -errno.
 */
int coord_record_open(const char *path, uint64_t start_ns, struct coord_record **out);

/**
 * coord_record_add() - @name moved bytes in the interval that ends at @now_ns; nothing for none
 *
 * Never blocks: lines go into a buffer, the file takes them by the second. The recording ends, with one line in the
 * log, when the file has its full size, cannot be written, or is slower than what is recorded. @rec may be NULL.
 */
void coord_record_add(struct coord_record *rec, uint64_t now_ns, const char *name, uint64_t read_bytes,
		      uint64_t write_bytes);

/** coord_record_decision() - for dam_decision_create(): the decision was told, or has told; @rec may be NULL. */
void coord_record_decision(void *rec, enum dam_decision_call call, unsigned int index, const void *arg);

/** coord_record_flush() - at the end of a tick: what has waited for a second goes to the file. @rec may be NULL. */
void coord_record_flush(struct coord_record *rec, uint64_t now_ns);

/** coord_record_close() - write what is left; @rec may be NULL. */
void coord_record_close(struct coord_record *rec);

#endif
