/* SPDX-License-Identifier: MIT */
/* SPDX-FileCopyrightText: The DAM authors */
/* Tables that line up. */
#include "config.h"
#include "tools/common/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

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

/* The columns of a table that are printed side by side: the first, and then those from @from up to @to. */
struct block {
	const unsigned int *width; /* of all columns */
	unsigned int from, to;
	int indent;
};

/* As many columns as fit into @limit, one at least; 0: all. */
static void next_block(const struct dam_table *t, struct block *b, unsigned int limit)
{
	unsigned int used = (unsigned int)b->indent + b->width[0];

	b->from = b->to;
	do
		used += 2 + b->width[b->to++];
	while (b->to < t->nr_columns && (!limit || used + 2 + b->width[b->to] <= limit));
}

static void print_row(const struct dam_table *t, FILE *f, const struct block *b, const struct cell *row)
{
	fprintf(f, "%*s", b->indent, "");
	for (unsigned int col = 0; col < b->to; col = col ? col + 1 : b->from) {
		const char *text = row ? row[col].text : t->column[col].title;

		print_cell(f, text ? text : "", row ? row[col].width : text ? (unsigned int)strlen(text) : 0,
			   b->width[col], t->column[col].right, col ? col + 1 == b->to : b->from >= b->to);
	}
}

static void print_block(const struct dam_table *t, FILE *f, const struct block *b, bool titles)
{
	if (titles)
		print_row(t, f, b, NULL);
	for (size_t i = 0; i + t->nr_columns <= t->nr_cells; i += t->nr_columns)
		print_row(t, f, b, &t->cell[i]);
}

void dam_table_print_within(const struct dam_table *t, FILE *f, int indent, unsigned int limit)
{
	unsigned int *width = calloc(t->nr_columns, sizeof(*width));
	struct block b = {.width = width, .to = 1, .indent = indent};
	bool titles = false;

	if (!width)
		return;
	for (unsigned int i = 0; i < t->nr_columns; i++) {
		width[i] = column_width(t, i);
		titles |= t->column[i].title != NULL;
	}
	if (t->nr_columns == 1) {
		b.from = 1;
		print_block(t, f, &b, titles);
	}
	while (b.to < t->nr_columns) {
		if (b.to > 1)
			fputs("\n", f);
		next_block(t, &b, titles ? limit : 0);
		print_block(t, f, &b, titles);
	}
	free(width);
}

/* Columns of the terminal that @f is; 0: it is none, or does not tell. */
static unsigned int terminal_width(FILE *f)
{
	struct winsize size;

	return ioctl(fileno(f), TIOCGWINSZ, &size) ? 0 : size.ws_col;
}

void dam_table_print(const struct dam_table *t, FILE *f, int indent)
{
	dam_table_print_within(t, f, indent, terminal_width(f));
}
