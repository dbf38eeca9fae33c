#include "base.h"

#include "die.h"
#include "rec.h"
#include "table.h"

#include <jansson.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum table_form
table_form_of(int fd, unsigned *width)
{
	struct winsize w;

	if (!isatty(fd))
		return TABLE_TABS;
	*width = !ioctl(fd, TIOCGWINSZ, &w) && w.ws_col ? w.ws_col : 80;
	return TABLE_SCREEN;
}

void
table_escape(struct str *out, const char *s, size_t n)
{
	struct str line = {0};

	rec_addn(&line, "", s, n);
	str_add(out, line.s + 1, line.len - 2);
	str_free(&line);
}

void
table_visible(struct str *out, const char *s, size_t n)
{
	str_reserve(out, 4 * n + 1);
	out->len += text_visible(out->s + out->len, 4 * n, s, n);
	out->s[out->len] = 0;
}

/* ---- widths ---- */

static unsigned
code_point(const char *s, size_t len)
{
	static const unsigned char mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	unsigned c = (unsigned char)s[0] & mask[len];

	for (size_t i = 1; i < len; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3f);
	return c;
}

/* The blocks of wide characters (East Asian, emoji) and of marks that take no column; rough, and the same in
 * every locale. */
static unsigned
columns_of(unsigned c)
{
	static const struct {
		unsigned from, to, columns;
	} blocks[] = {
	    {0x300, 0x36f, 0},
	    {0x1100, 0x115f, 2},
	    {0x1ab0, 0x1aff, 0},
	    {0x20d0, 0x20ff, 0},
	    {0x2e80, 0xa4cf, 2},
	    {0xac00, 0xd7a3, 2},
	    {0xf900, 0xfaff, 2},
	    {0xfe00, 0xfe0f, 0},
	    {0xfe30, 0xfe6f, 2},
	    {0xff00, 0xff60, 2},
	    {0xffe0, 0xffe6, 2},
	    {0x1f300, 0x1f64f, 2},
	    {0x1f900, 0x1f9ff, 2},
	    {0x20000, 0x3fffd, 2},
	};

	for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
		if (c >= blocks[i].from && c <= blocks[i].to)
			return blocks[i].columns;
	return 1;
}

size_t
text_fit(const char *s, size_t n, unsigned columns)
{
	size_t at = 0, len;

	for (; at < n; at += len) {
		unsigned c = 1;

		if ((len = utf8_len(s + at, n - at)))
			c = columns_of(code_point(s + at, len));
		else
			len = 1;
		if (c > columns)
			break;
		columns -= c;
	}
	return at;
}

unsigned
text_columns(const char *s, size_t n)
{
	unsigned lo = 0;

	for (size_t at = 0; at < n;) {
		size_t len = utf8_len(s + at, n - at);

		lo += len ? columns_of(code_point(s + at, len)) : 1;
		at += len ? len : 1;
	}
	return lo;
}

/* ---- rows ---- */

static void
put_line(const struct table *t, struct str *line)
{
	if (t->form == TABLE_SCREEN) {
		str_cut(line, text_fit(line->s, line->len, t->width));
		while (line->len && line->s[line->len - 1] == ' ')
			str_cut(line, line->len - 1);
	}
	str_addc(line, '\n');
	fwrite(line->s, 1, line->len, stdout);
}

static void
add_cell(const struct table *t, size_t i, struct str *line, const struct str *value)
{
	size_t from;
	unsigned used;

	if (i)
		str_addc(line, t->form == TABLE_SCREEN ? ' ' : '\t');
	from = line->len;
	if (!value->len)
		str_addc(line, '-');
	else if (t->form == TABLE_TABS)
		table_escape(line, value->s, value->len);
	else
		table_visible(line, value->s, value->len);
	if (t->form == TABLE_TABS || i + 1 == t->n)
		return;
	for (used = text_columns(line->s + from, line->len - from); used < t->column[i].width; used++)
		str_addc(line, ' ');
}

static json_t *
json_cell(const struct table_column *c, const struct str *value)
{
	struct str text = {0};
	uint64_t number;
	json_t *v;

	if (!value->len)
		return json_null();
	if (c->number && str_number(value->s, INT64_MAX, &number))
		return json_integer((json_int_t)number);
	table_escape(&text, value->s, value->len);
	v = json_stringn(str_cstr(&text), text.len);
	str_free(&text);
	return v;
}

static json_t *
json_object_of(const struct table_column *column, size_t n, const struct str *values)
{
	json_t *o = json_object();

	for (size_t i = 0; o && i < n; i++)
		if (json_object_set_new(o, column[i].name, json_cell(&column[i], &values[i])))
			die_temp("out of memory");
	return o;
}

static json_t *
json_lines(const char *s)
{
	json_t *a = json_array();

	for (; a && *s; s += *s == '\n') {
		struct str text = {0};
		size_t n = strcspn(s, "\n");

		table_escape(&text, s, n);
		if (json_array_append_new(a, json_stringn(str_cstr(&text), text.len)))
			die_temp("out of memory");
		str_free(&text);
		s += n;
	}
	return a;
}

static void
json_row(const struct table *t, const struct str *values, const struct table_list *list)
{
	json_t *o = json_object_of(t->column, t->n, values), *a = list ? json_array() : NULL;

	for (size_t i = 0; a && i < list->rows; i++)
		if (json_array_append_new(
			a, json_object_of(list->column, list->n, list->values + i * list->n)))
			die_temp("out of memory");
	if (list && (!o || json_object_set_new(o, list->name, a)))
		die_temp("out of memory");
	if (list && list->lines && json_object_set_new(o, list->lines_name, json_lines(list->lines)))
		die_temp("out of memory");
	if (!o || json_dumpf(o, stdout, JSON_COMPACT))
		die_temp("unable to write: %m");
	putchar('\n');
	json_decref(o);
}

void
table_head(const struct table *t)
{
	struct str line = {0};

	if (t->form != TABLE_SCREEN)
		return;
	for (size_t i = 0; i < t->n; i++) {
		char *name = mem_dup(t->column[i].name);

		add_cell(t, i, &line, &(struct str){name, strlen(name), 0});
		free(name);
	}
	put_line(t, &line);
	str_free(&line);
}

void
table_row(const struct table *t, const struct str *values)
{
	struct str line = {0};

	if (t->form == TABLE_JSON) {
		json_row(t, values, NULL);
		return;
	}
	for (size_t i = 0; i < t->n; i++)
		add_cell(t, i, &line, &values[i]);
	put_line(t, &line);
	str_free(&line);
}

void
table_row_list(const struct table *t, const struct str *values, const struct table_list *list)
{
	json_row(t, values, list);
}
