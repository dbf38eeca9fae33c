#include "base.h"

#include "conf_text.h"

#include <stdarg.h>

#define DEPTH_MAX 8

enum token { T_END, T_WORD, T_STRING, T_EQUAL, T_OPEN, T_CLOSE, T_COMMA, T_BAD };

struct scan {
	char *p, *end;
	int line;
	char *word; /* of the last T_WORD or T_STRING, quotes included */
	size_t len;
	struct conf_places *places;
	struct {
		char *section; /* borrowed from places */
		unsigned nth;
		int line;
	} open[DEPTH_MAX];
	int depth; /* open[0] is the top of the file */
	int *bad_line;
	struct str *why;
};

PRINTF(3, 4) static enum token refuse(struct scan *s, int line, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	*s->bad_line = line;
	str_adds(s->why, text);
	return T_BAD;
}

/* ---- tokens ---- */

static void
blank_line(struct scan *s)
{
	while (s->p < s->end && *s->p != '\n')
		*s->p++ = ' ';
}

static bool
blank_block(struct scan *s)
{
	int line = s->line;

	for (; s->p + 1 < s->end && !(s->p[0] == '*' && s->p[1] == '/'); s->p++)
		if (*s->p == '\n')
			s->line++;
		else
			*s->p = ' ';
	if (s->p + 1 >= s->end) {
		refuse(s, line, "found a comment without its end, expected */");
		return false;
	}
	s->p[0] = s->p[1] = ' ';
	s->p += 2;
	return true;
}

static enum token
quoted(struct scan *s)
{
	char quote = *s->p, *start = s->p++;

	for (; s->p < s->end && *s->p != '\n'; s->p++) {
		if (*s->p == quote) {
			s->p++;
			s->word = start;
			s->len = (size_t)(s->p - start);
			return T_STRING;
		}
		if (quote == '\'' && *s->p == '\\')
			return refuse(
			    s, s->line, "found a backslash in single quotes, expected double quotes");
		if (quote == '\'')
			continue;
		if (s->p[0] == '$' && s->p + 1 < s->end && s->p[1] == '{')
			return refuse(
			    s, s->line, "found ${, expected \\${: the environment is not looked at");
		if (*s->p == '\\' && s->p + 1 < s->end && s->p[1] != '\n' && !strchr("\\\"$", *++s->p))
			return refuse(s, s->line, "found \\%c, expected one of \\\\, \\\" and \\$", *s->p);
	}
	return refuse(s, s->line, "found a string without its end, expected %c on the same line", quote);
}

static bool
bare(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("._/:@%-", c));
}

static enum token
word(struct scan *s)
{
	s->word = s->p;
	while (s->p < s->end && bare(*s->p))
		s->p++;
	s->len = (size_t)(s->p - s->word);
	if (s->p < s->end && *s->p == ';')
		return refuse(
		    s, s->line, "found a semicolon, expected the end of the value: there are none here");
	if (s->p < s->end && *s->p == '+')
		return refuse(s, s->line, "found +, expected =");
	if (s->p < s->end && !strchr(" \t\r\n={},#", *s->p))
		return refuse(s, s->line, "found %c, expected quotes around a value that has one", *s->p);
	return T_WORD;
}

static enum token
next(struct scan *s)
{
	for (; s->p < s->end; s->p++) {
		if (*s->p == '\n')
			s->line++;
		else if (*s->p == '#' || (*s->p == '/' && s->p + 1 < s->end && s->p[1] == '/'))
			blank_line(s), s->p--;
		else if (*s->p == '/' && s->p + 1 < s->end && s->p[1] == '*') {
			s->p[0] = s->p[1] = ' ';
			s->p += 2;
			if (!blank_block(s))
				return T_BAD;
			s->p--;
		} else if (*s->p != ' ' && *s->p != '\t' && *s->p != '\r')
			break;
	}
	if (s->p == s->end)
		return T_END;
	switch (*s->p) {
	case '=': s->p++; return T_EQUAL;
	case '{': s->p++; return T_OPEN;
	case '}': s->p++; return T_CLOSE;
	case ',': s->p++; return T_COMMA;
	case '"':
	case '\'': return quoted(s);
	default: return word(s);
	}
}

/* ---- places ---- */

void
conf_place_name(struct str *out, const char *outer, unsigned nth, const char *name)
{
	if (*outer)
		str_addf(out, "%s %u ", outer, nth);
	str_adds(out, name);
}

static struct conf_place *
remember(struct scan *s, const char *section, unsigned nth, const char *key, size_t len, int line)
{
	struct conf_places *p = s->places;
	struct conf_place *to;

	p->v = mem_grow(p->v, p->n + 1, sizeof *p->v);
	to = &p->v[p->n++];
	*to = (struct conf_place){mem_dup(section), nth, mem_dupn(key, len), line};
	return to;
}

static bool
set_key(struct scan *s, const char *key, size_t len, int line)
{
	const char *section = s->open[s->depth].section;
	unsigned nth = s->open[s->depth].nth;

	for (size_t i = 0; i < s->places->n; i++) {
		struct conf_place *p = &s->places->v[i];

		if (p->nth == nth && !strcmp(p->section, section) && strlen(p->key) == len &&
		    !memcmp(p->key, key, len)) {
			refuse(s, line, "found %s a second time, expected it once: it stands on line %d",
			    p->key, p->line);
			return false;
		}
	}
	remember(s, section, nth, key, len, line);
	return true;
}

static bool
open_section(struct scan *s, const char *own, size_t len, int line)
{
	unsigned nth = 0;
	struct conf_place *p;
	struct str name = {0};
	char *bare_name;

	if (s->depth + 1 == DEPTH_MAX) {
		refuse(s, line, "found sections %d deep, expected fewer", DEPTH_MAX);
		return false;
	}
	bare_name = mem_dupn(own, len);
	conf_place_name(&name, s->open[s->depth].section, s->open[s->depth].nth, bare_name);
	free(bare_name);
	for (size_t i = 0; i < s->places->n; i++) {
		p = &s->places->v[i];
		nth += !*p->key && !strcmp(p->section, name.s);
	}
	p = remember(s, name.s, nth, "", 0, line);
	str_free(&name);
	s->depth++;
	s->open[s->depth].section = p->section;
	s->open[s->depth].nth = nth;
	s->open[s->depth].line = line;
	return true;
}

/* ---- grammar ---- */

static bool
list(struct scan *s)
{
	int line = s->line;
	enum token t = next(s);

	while (t == T_WORD || t == T_STRING) {
		if ((t = next(s)) == T_CLOSE)
			return true;
		if (t != T_COMMA)
			break;
		t = next(s);
	}
	if (t == T_CLOSE)
		return true;
	if (t == T_END)
		refuse(s, line, "found a list without its end, expected }");
	else if (t != T_BAD)
		refuse(s, s->line, "found no comma between two values of a list, expected { \"a\", \"b\" }");
	return false;
}

static bool
value(struct scan *s, const char *key, size_t len)
{
	int line = s->line;
	enum token t = next(s);

	if (t == T_BAD)
		return false;
	if ((t != T_WORD && t != T_STRING && t != T_OPEN) || s->line != line) {
		refuse(
		    s, line, "found nothing behind %.*s =, expected a value on the same line", (int)len, key);
		return false;
	}
	return t != T_OPEN || list(s);
}

static bool
statement(struct scan *s)
{
	char *name = s->word;
	size_t len = s->len;
	int line = s->line;
	enum token t;

	for (size_t i = 0; i < len; i++)
		if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') ||
			name[i] == '-')) {
			refuse(s, line, "found %.*s, expected a key", (int)len, name);
			return false;
		}
	t = next(s);
	if (t == T_EQUAL && s->line == line)
		return set_key(s, name, len, line) && value(s, name, len);
	if (t == T_WORD || t == T_STRING)
		t = next(s);
	if (t == T_OPEN)
		return open_section(s, name, len, line);
	if (t != T_BAD)
		refuse(
		    s, line, "found %.*s alone, expected = and a value, or { for a section", (int)len, name);
	return false;
}

/* A configuration is text: what is not UTF-8, and controls but for blanks and line ends, is refused with its
 * line. */
static bool
only_text(struct scan *s)
{
	const char *p = s->p;

	while (p < s->end) {
		size_t l = utf8_len(p, (size_t)(s->end - p));
		unsigned char c = (unsigned char)*p;

		if (!l || (c < 32 && !strchr("\t\r\n", c)) || !c || c == 127) {
			refuse(s, s->line, "found the byte 0x%02x, expected text", c);
			return false;
		}
		s->line += c == '\n';
		p += l;
	}
	s->line = 1;
	return true;
}

bool
conf_text_check(struct str *text, struct conf_places *places, int *line, struct str *why)
{
	static char top[] = "";
	struct scan s = {.line = 1, .places = places, .bad_line = line, .why = why, .open[0].section = top};
	enum token t;

	str_reserve(text, 0);
	s.p = text->s;
	s.end = s.p + text->len;
	if (!only_text(&s))
		return false;
	while ((t = next(&s)) != T_END) {
		if (t == T_WORD) {
			if (!statement(&s))
				return false;
		} else if (t == T_CLOSE && s.depth) {
			s.depth--;
		} else {
			if (t != T_BAD)
				refuse(&s, s.line,
				    t == T_CLOSE ? "found }, expected it behind a {"
						 : "found no key, expected one");
			return false;
		}
	}
	if (!s.depth)
		return true;
	const char *name = strrchr(s.open[s.depth].section, ' ');
	refuse(&s, s.open[s.depth].line, "found a section %s without its end, expected }",
	    name ? name + 1 : s.open[s.depth].section);
	return false;
}

static int
line_of(const struct conf_places *p, const char *section, unsigned nth, const char *key)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].nth == nth && !strcmp(p->v[i].section, section) && !strcmp(p->v[i].key, key))
			return p->v[i].line;
	return 0;
}

int
conf_place_line(const struct conf_places *p, const char *section, unsigned nth, const char *key)
{
	int line = line_of(p, section, nth, key);

	return line ? line : line_of(p, section, nth, "");
}

bool
conf_place_set(const struct conf_places *p, const char *section, unsigned nth, const char *key)
{
	return line_of(p, section, nth, key) > 0;
}

void
conf_places_free(struct conf_places *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].section);
		free(p->v[i].key);
	}
	free(p->v);
	*p = (struct conf_places){0};
}
