/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* JSON as tables. */
#include "config.h"
#include "tools/common/view.h"

#include <stdlib.h>

#include "base/str.h"
#include "tools/common/table.h"

#define NOTHING "-"

void dam_view_text(const json_t *value, char *buf, size_t size)
{
	const char *text = json_string_value(value);

	dam_strlcpy(buf, text && *text ? text : NOTHING, size);
}

void dam_view_number(const json_t *value, char *buf, size_t size)
{
	if (json_is_integer(value))
		snprintf(buf, size, "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		snprintf(buf, size, "%.4g", json_real_value(value));
	else
		dam_strlcpy(buf, NOTHING, size);
}

void dam_view_bytes(const json_t *value, char *buf, size_t size)
{
	if (json_is_number(value))
		dam_format_bytes(json_number_value(value), buf, size);
	else
		dam_strlcpy(buf, NOTHING, size);
}

void dam_view_rate(const json_t *value, char *buf, size_t size)
{
	char amount[32];

	dam_view_bytes(value, amount, sizeof(amount));
	snprintf(buf, size, json_is_number(value) ? "%s/s" : "%s", amount);
}

void dam_view_percent(const json_t *value, char *buf, size_t size)
{
	double percent = 100 * json_number_value(value);

	if (json_is_number(value))
		snprintf(buf, size, percent > 0 && percent < 10 ? "%.1f %%" : "%.0f %%", percent);
	else
		dam_strlcpy(buf, NOTHING, size);
}

void dam_view_change(const json_t *value, char *buf, size_t size)
{
	if (json_is_number(value))
		snprintf(buf, size, "%+.0f %%", 100 * json_number_value(value));
	else
		dam_strlcpy(buf, NOTHING, size);
}

void dam_view_seconds(const json_t *value, char *buf, size_t size)
{
	if (json_is_number(value))
		snprintf(buf, size, "%.2f s", json_number_value(value));
	else
		dam_strlcpy(buf, NOTHING, size);
}

void dam_view_us(const json_t *value, char *buf, size_t size)
{
	char num[32];

	dam_view_number(value, num, sizeof(num));
	snprintf(buf, size, json_is_number(value) ? "%s us" : "%s", num);
}

void dam_view_bool(const json_t *value, char *buf, size_t size)
{
	dam_strlcpy(buf, json_is_true(value) ? "yes" : json_is_false(value) ? "no" : NOTHING, size);
}

void dam_view_list(const json_t *value, char *buf, size_t size)
{
	size_t at = 0, i;
	const json_t *item;

	buf[0] = '\0';
	json_array_foreach (value, i, item) {
		char one[96];

		if (json_is_object(item))
			item = json_object_get(item, "name");
		if (json_is_string(item))
			dam_view_text(item, one, sizeof(one));
		else
			dam_view_number(item, one, sizeof(one));
		if (at < size)
			at += (size_t)snprintf(buf + at, size - at, "%s%s", i ? "," : "", one);
	}
	if (!buf[0])
		dam_strlcpy(buf, NOTHING, size);
}

/* The table's columns; the caller frees them after the table. */
static struct dam_table *table_of(const struct dam_view_column *column, unsigned int nr,
				  struct dam_column **columns)
{
	struct dam_table *t = NULL;

	*columns = calloc(nr, sizeof(**columns));
	for (unsigned int i = 0; *columns && i < nr; i++)
		(*columns)[i] = (struct dam_column){column[i].title, column[i].right};
	if (*columns)
		dam_table_create(*columns, nr, &t);
	return t;
}

void dam_view_print(FILE *f, int indent, const struct dam_view_column *column, unsigned int nr,
		    const json_t *rows)
{
	struct dam_column *columns;
	struct dam_table *t = table_of(column, nr, &columns);
	char cell[DAM_VIEW_CELL];
	const json_t *row;
	size_t i;

	if (t) {
		json_array_foreach (rows, i, row)
			for (unsigned int c = 0; c < nr; c++) {
				column[c].format(json_object_get(row, column[c].key), cell,
						 sizeof(cell));
				dam_table_cell(t, cell);
			}
		dam_table_print(t, f, indent);
	}
	dam_table_destroy(t);
	free(columns);
}

void dam_view_print_object(FILE *f, int indent, const struct dam_view_column *column, unsigned int nr,
			   const json_t *object)
{
	static const struct dam_column pair[] = {{NULL, false}, {NULL, false}};
	char cell[DAM_VIEW_CELL];
	struct dam_table *t;

	if (dam_table_create(pair, 2, &t))
		return;
	for (unsigned int c = 0; c < nr; c++) {
		column[c].format(json_object_get(object, column[c].key), cell, sizeof(cell));
		dam_table_cell(t, column[c].title);
		dam_table_cell(t, cell);
	}
	dam_table_print(t, f, indent);
	dam_table_destroy(t);
}
