/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* What policy/ is told of the machine beside engines and threads: what they share, who may use them, CPUs, power. */
#ifndef DAM_TOOLS_COORD_MACHINE_H
#define DAM_TOOLS_COORD_MACHINE_H

#include "policy/policy.h"

struct coord;
struct coord_process;
struct coord_thread;
struct dam_hal_engine;

/** coord_machine_open() - power; what is wrong with DAM_RESERVE is logged. After the decision is made. */
void coord_machine_open(struct coord *c);
/** coord_machine_components() - all that engines share; again when some have come. */
void coord_machine_components(struct coord *c);
/** coord_machine_refresh() - CPUs in use, and which domains others keep awake; about once a second. */
void coord_machine_refresh(struct coord *c);

/** coord_machine_describe() - of an engine: capacities of its own, what it can do, what it lies behind, for whom it is. */
void coord_machine_describe(struct coord *c, const struct dam_hal_engine *e, struct dam_policy_engine_desc *out);
/** coord_machine_reserved() - for whom it is kept; DAM_CLASS_NORMAL: for everybody. */
enum dam_policy_class coord_machine_reserved(struct coord *c, const struct dam_hal_engine *e);
/** coord_machine_needs() - what an engine must be able to do to take work like this from @e; NULL: not known. */
uint64_t coord_machine_needs(const struct dam_hal_engine *e, double read_bytes, double write_bytes);
/** coord_machine_class() - what a thread is to be treated as: by its process, else by its scheduling policy. */
enum dam_policy_class coord_machine_class(const struct coord_process *p, const struct coord_thread *t);

#endif
