/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Engines at work: for machine.c alone. */
#ifndef DAM_TOOLS_SIM_ENGINE_H
#define DAM_TOOLS_SIM_ENGINE_H

#include "tools/sim/machine.h"

int sim_unit_init(struct sim_unit *u, const struct sim_engine *e, uint64_t seed);
void sim_unit_free(struct sim_unit *u);
/** sim_unit_jitter() - this tick's capacity. */
void sim_unit_jitter(struct sim_unit *u);
/** sim_unit_submit() - thread @t wants to submit a batch at @at_s, to the engine that it uses now. */
void sim_unit_submit(struct sim_machine *m, unsigned int t, double at_s);
/** sim_unit_run() - engine @e until @until_s. */
void sim_unit_run(struct sim_machine *m, int e, double until_s);
/** sim_machine_cpu() - processor time of a batch of @th, where it runs. */
double sim_machine_cpu(const struct sim_machine *m, const struct sim_thread *th);

#endif
