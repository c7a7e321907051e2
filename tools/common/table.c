/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Tables that line up. */
#include "config.h"
#include "tools/common/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct cell {
	char *text; /* NULL: empty */
	unsigned int width;
};

struct dam_table {
	const struct dam_column *column;
	unsigned int nr_columns;
	struct cell *cell;
	size_t nr_cells, room;
};

/* Length of the UTF-8 character at @p that may be printed; 0: none. */
static size_t printable(const unsigned char *p)
{
	size_t len = *p < 0x80 ? 1 : *p >= 0xf0 ? 4 : *p >= 0xe0 ? 3 : 2;

	if (*p < 0x20 || *p == 0x7f || (*p >= 0x80 && *p < 0xc2) || *p > 0xf4)
		return 0;
	if (*p == 0xc2 && p[1] < 0xa0) /* C1: some terminals obey these */
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

unsigned int dam_text_clean(char *text)
{
	unsigned int width = 0;
	size_t len;

	for (char *p = text; *p; p += len, width++) {
		len = printable((const unsigned char *)p);
		if (!len) {
			*p = '?';
			len = 1;
		}
	}
	return width;
}

int dam_table_create(const struct dam_column *column, unsigned int nr, struct dam_table **out)
{
	struct dam_table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->column = column;
	t->nr_columns = nr;
	*out = t;
	return 0;
}

void dam_table_destroy(struct dam_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->nr_cells; i++)
		free(t->cell[i].text);
	free(t->cell);
	free(t);
}

void dam_table_cell(struct dam_table *t, const char *text)
{
	struct cell *c;

	if (t->nr_cells == t->room) {
		size_t room = t->room ? 2 * t->room : 64;

		c = reallocarray(t->cell, room, sizeof(*c));
		if (!c)
			return;
		t->cell = c;
		t->room = room;
	}
	c = &t->cell[t->nr_cells++];
	c->text = strdup(text);
	c->width = c->text ? dam_text_clean(c->text) : 0;
}

static unsigned int column_width(const struct dam_table *t, unsigned int col)
{
	const char *title = t->column[col].title;
	unsigned int width = title ? (unsigned int)strlen(title) : 0;

	for (size_t i = col; i < t->nr_cells; i += t->nr_columns)
		if (t->cell[i].width > width)
			width = t->cell[i].width;
	return width;
}

/* The last column is not filled up: no blanks at the end of a line. */
static void print_cell(FILE *f, const char *text, unsigned int width, unsigned int column, bool right,
		       bool last)
{
	int fill = (int)(column - width);

	if (right)
		fprintf(f, "%*s%s", fill, "", text);
	else
		fprintf(f, "%s%*s", text, last ? 0 : fill, "");
	fputs(last ? "\n" : "  ", f);
}

void dam_table_print(const struct dam_table *t, FILE *f, int indent)
{
	unsigned int *width = calloc(t->nr_columns, sizeof(*width));
	bool titles = false;

	if (!width)
		return;
	for (unsigned int i = 0; i < t->nr_columns; i++) {
		width[i] = column_width(t, i);
		titles |= t->column[i].title != NULL;
	}
	for (unsigned int i = 0; titles && i < t->nr_columns; i++) {
		const char *title = t->column[i].title ? t->column[i].title : "";

		fprintf(f, "%*s", i ? 0 : indent, "");
		print_cell(f, title, (unsigned int)strlen(title), width[i], t->column[i].right,
			   i + 1 == t->nr_columns);
	}
	for (size_t i = 0; i < t->nr_cells; i++) {
		const struct cell *c = &t->cell[i];
		unsigned int col = (unsigned int)(i % t->nr_columns);

		fprintf(f, "%*s", col ? 0 : indent, "");
		print_cell(f, c->text ? c->text : "", c->width, width[col], t->column[col].right,
			   col + 1 == t->nr_columns);
	}
	free(width);
}
