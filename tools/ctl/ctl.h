/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* dam-ctl inside: its options, and what its commands are made of. */
#ifndef DAM_TOOLS_CTL_CTL_H
#define DAM_TOOLS_CTL_CTL_H

#include <jansson.h>
#include <stdbool.h>

#define CTL_STATUS_FAILED 1
#define CTL_STATUS_USAGE  2

struct ctl_options {
	const char *runtime_dir; /* NULL: the default */
	bool json;
	bool force;
	const char *file; /* of the history; NULL: the coordinator is asked */
};

/* Print an answer of the coordinator for people; whatever is missing in it shows as "-". */
void ctl_show_status(const json_t *answer);
void ctl_show_engines(const json_t *answer);
void ctl_show_threads(const json_t *answer);
void ctl_show_moves(const json_t *answer);
void ctl_show_sites(const json_t *answer);
void ctl_show_explain(const json_t *answer);
void ctl_show_history(const json_t *answer);
void ctl_show_done(const json_t *answer);

/** ctl_print_json() - one object on stdout. Return: exit status. */
int ctl_print_json(const json_t *answer);

/** ctl_history() - what stands in the file of --file, as the coordinator would answer. Return: 0, or an exit status (logged). */
int ctl_history(const struct ctl_options *o, json_t **out);

/** ctl_restore() - give threads their masks back from the record, without a coordinator. Return: exit status. */
int ctl_restore(const struct ctl_options *o);

#endif
