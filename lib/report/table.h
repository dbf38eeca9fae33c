/* Rows for people and programs: lines parted by tabs, columns on a terminal, or a JSON object a line. Each
 * row is written when it is given; nothing is kept.
 *
 * TABLE_TABS escapes what a line of tabs cannot carry (controls, backslash, bytes that are not UTF-8) as
 * \xHH, as records do, and writes an empty value as "-". TABLE_SCREEN also escapes C1 and bidi controls, and
 * cuts each line at the width of the screen. TABLE_JSON writes strings escaped as in TABLE_TABS, so that it
 * is always valid UTF-8; numbers as numbers; an empty value as null. */
#ifndef TABLE_H
#define TABLE_H

#include "base.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>

enum table_form { TABLE_TABS, TABLE_SCREEN, TABLE_JSON };

struct table_column {
	const char *name;
	unsigned width; /* on a screen, at least; the last one takes what is left */
	bool number;
};

struct table {
	enum table_form form;
	struct table_column *column;
	size_t n;
	unsigned width; /* of the screen */
};

/* TABLE_SCREEN and its width when fd 1 is a terminal, else TABLE_TABS. */
enum table_form table_form_of(int fd, unsigned *width);
/* The line of names; on a screen only. */
void table_head(const struct table *t);
/* values: t->n of them. Written to stdout. */
void table_row(const struct table *t, const struct str *values);
/* In JSON, a row with further members: a list of objects; and, unless lines is NULL, a list of lines, parted by LF in it. */
struct table_list {
	const char *name;
	const struct table_column *column;
	size_t n;                 /* columns */
	const struct str *values; /* rows times n of them */
	size_t rows;
	const char *lines_name, *lines;
};
void table_row_list(const struct table *t, const struct str *values, const struct table_list *list);

/* s for a line of text, \xHH as in a record, appended. */
void table_escape(struct str *out, const char *s, size_t n);
/* The same for a screen (text_visible). */
void table_visible(struct str *out, const char *s, size_t n);
/* Columns that the UTF-8 text takes on a terminal, and the bytes of it that fit into `columns`. */
unsigned text_columns(const char *s, size_t n);
size_t text_fit(const char *s, size_t n, unsigned columns);

#endif
