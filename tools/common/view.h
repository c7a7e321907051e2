/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* JSON as tables: a column is one const struct that says where its value is and how people read it. */
#ifndef DAM_TOOLS_VIEW_H
#define DAM_TOOLS_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define DAM_VIEW_CELL 256

/* Writes @value for people; a value that is missing, null or of another type gives "-". */
typedef void (*dam_view_format)(const json_t *value, char *buf, size_t size);

void dam_view_text(const json_t *value, char *buf, size_t size);
void dam_view_number(const json_t *value, char *buf, size_t size);  /* 17, 0.25 */
void dam_view_bytes(const json_t *value, char *buf, size_t size);   /* 8.0 MiB */
void dam_view_rate(const json_t *value, char *buf, size_t size);    /* 8.0 MiB/s */
void dam_view_percent(const json_t *value, char *buf, size_t size); /* 0.5: 50 % */
void dam_view_change(const json_t *value, char *buf, size_t size);  /* -0.3: -30 % */
void dam_view_seconds(const json_t *value, char *buf, size_t size); /* 1.25 s */
void dam_view_us(const json_t *value, char *buf, size_t size);	    /* 125 us */
void dam_view_bool(const json_t *value, char *buf, size_t size);    /* yes, no */
void dam_view_list(const json_t *value, char *buf, size_t size);    /* 0,1: numbers, texts, or objects by "name" */

struct dam_view_column {
	const char *title;
	const char *key;
	dam_view_format format;
	bool right;
};

/**
 * dam_view_print() - a table with one row for each object of array @rows
 * @rows: untrusted; anything but an array is an empty one
 */
void dam_view_print(FILE *f, int indent, const struct dam_view_column *column, unsigned int nr,
		    const json_t *rows);

/** dam_view_print_object() - the same for one object, a line for each column. */
void dam_view_print_object(FILE *f, int indent, const struct dam_view_column *column, unsigned int nr,
			   const json_t *object);

#endif
