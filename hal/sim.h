/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Simulated engines as the user declares them; shared by the parser and the backend. */
#ifndef DAM_HAL_SIM_H
#define DAM_HAL_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/hal.h"

#define DAM_SIM_PREFIX	 "sim:"
#define DAM_SIM_FILE_MAX 65536 /* bytes of a description */
#define DAM_SIM_DECLS	 256   /* engines and pools of one */

/* One line. A word that was not given is NULL or 0. */
struct dam_sim_decl {
	bool is_pool;
	unsigned int line;	   /* from 1 */
	const char *name;	   /* as the user wrote it, without "sim:" */
	const char *pool, *source; /* words in the description's text */
	uint64_t capacity_bps, latency_ns;
	uint32_t depth;
	unsigned int domain; /* DAM_NO_DOMAIN unless given */
	int target;	     /* for the backend */
};

struct dam_sim_desc {
	const char *where; /* for errors: the file's path, or "DAM_SIM" */
	char *text;	   /* the words point into it */
	unsigned int nr;
	struct dam_sim_decl decl[DAM_SIM_DECLS];
};

/**
 * dam_sim_parse() - read the description that dam_hal_config()->sim names or holds
 * @out: the caller frees @out and @out->text
 *
 * Every word is checked, and so is what one line says about another; sources are not.
 * Return: 0; -EINVAL with the hal's error line set; -ENOMEM.
 */
int dam_sim_parse(struct dam_hal *hal, struct dam_sim_desc *out);

/** dam_sim_fail() - "where, line N: why" as the hal's error line. Return: -EINVAL. */
int dam_sim_fail(struct dam_hal *hal, const struct dam_sim_desc *s, unsigned int line,
		 const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
