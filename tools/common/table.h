/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Tables that line up: columns as wide as what is in them, plain UTF-8, nothing a terminal would obey. */
#ifndef DAM_TOOLS_TABLE_H
#define DAM_TOOLS_TABLE_H

#include <stdbool.h>
#include <stdio.h>

struct dam_table;

struct dam_column {
	const char *title; /* NULL in every column: no line of titles */
	bool right;	   /* numbers */
};

/**
 * dam_table_create() - an empty table
 * @column, @nr: kept by reference
 * Return: 0 with @out for dam_table_destroy(); -ENOMEM.
 */
int dam_table_create(const struct dam_column *column, unsigned int nr, struct dam_table **out);

/** dam_table_destroy() - takes NULL. */
void dam_table_destroy(struct dam_table *t);

/**
 * dam_table_cell() - the next cell, from left to right, then the next row
 * @text: untrusted; control characters and what is not UTF-8 become '?'
 *
 * Without memory the cell stays empty.
 */
void dam_table_cell(struct dam_table *t, const char *text);

/**
 * dam_table_print() - print all rows, each after @indent spaces
 *
 * Where @f is a terminal, what is too wide for it is folded, as by dam_table_print_within().
 */
void dam_table_print(const struct dam_table *t, FILE *f, int indent);

/**
 * dam_table_print_within() - print all rows so that no line is longer than @limit
 * @limit: columns; 0: any. Those that do not fit come below, with the first repeated before them. A column wider than
 *	that is printed all the same, and a table without titles is never folded.
 */
void dam_table_print_within(const struct dam_table *t, FILE *f, int indent, unsigned int limit);

/**
 * dam_text_clean() - make untrusted text fit to be printed, in place: see dam_table_cell()
 * Return: its width in columns (one for each character).
 */
unsigned int dam_text_clean(char *text);

#endif
