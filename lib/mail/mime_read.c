#include "base.h"

#include "base64.h"
#include "header.h"
#include "mime_read.h"

#define BOUNDARY_MAX 70 /* RFC 2046 5.1.1 */
#define FIELD_MAX 8192  /* bytes of a Content-Type that are looked at */

struct walk {
	mime_each *each;
	void *arg;
	unsigned leaves;
};

/* ---- what a part says of itself ---- */

struct kind {
	struct mime_leaf leaf;
	char boundary[BOUNDARY_MAX + 1]; /* "": it is no multipart, or has none */
};

static bool
ends_token(char c)
{
	return (unsigned char)c <= ' ' || c == ';' || c == '"' || c == '=' || c == '(';
}

static const char *
skip_blanks(const char *s)
{
	return s + strspn(s, " \t\r\n");
}

/* One `name=value` behind a semicolon; *s moves on. false: there is none left. */
static bool
parameter(const char **s, struct str *name, struct str *value)
{
	const char *p = strchr(*s, ';');

	str_reset(name);
	str_reset(value);
	if (!p)
		return false;
	for (p = skip_blanks(p + 1); *p && !ends_token(*p); p++)
		str_addc(name, *p);
	p = skip_blanks(p);
	*s = p;
	if (*p != '=')
		return true;
	p = skip_blanks(p + 1);
	if (*p == '"') {
		for (p++; *p && *p != '"'; p++) {
			p += *p == '\\' && p[1];
			str_addc(value, *p);
		}
		p += *p == '"';
	} else {
		for (; *p && (unsigned char)*p > ' ' && *p != ';'; p++)
			str_addc(value, *p);
	}
	*s = p;
	return true;
}

static void
type_read(struct kind *k, const struct header_field *f)
{
	struct str text = {0}, name = {0}, value = {0};
	struct header_field cut = *f;
	const char *p;
	size_t n = 0;

	if (cut.len > FIELD_MAX)
		cut.len = FIELD_MAX;
	header_unfold(&text, &cut);
	for (p = skip_blanks(str_cstr(&text)); *p && !ends_token(*p) && n + 1 < sizeof k->leaf.type; p++)
		k->leaf.type[n++] = *p;
	k->leaf.type[n] = 0;
	str_lower(k->leaf.type);
	*k->boundary = 0;
	while (parameter(&p, &name, &value))
		if (str_ieq(str_cstr(&name), "boundary") && value.len <= BOUNDARY_MAX && !*k->boundary)
			snprintf(k->boundary, sizeof k->boundary, "%s", str_cstr(&value));
	if (strncmp(k->leaf.type, "multipart/", 10) != 0)
		*k->boundary = 0;
	str_free(&text);
	str_free(&name);
	str_free(&value);
}

static void
encoding_read(struct kind *k, const struct header_field *f)
{
	struct str text = {0};
	struct header_field cut = *f;

	if (cut.len > FIELD_MAX)
		cut.len = FIELD_MAX;
	header_unfold(&text, &cut);
	if (str_istarts(str_cstr(&text), "base64"))
		k->leaf.encoding = MIME_BASE64;
	else if (str_istarts(str_cstr(&text), "quoted-printable"))
		k->leaf.encoding = MIME_QUOTED;
	str_free(&text);
}

/* Header and body of a part. */
static struct kind
kind_read(const char *p, const char *end)
{
	struct kind k = {.leaf = {.type = "text/plain"}};
	struct header_field f;

	while (header_next(&p, end, &f))
		if (header_is(&f, "Content-Type"))
			type_read(&k, &f);
		else if (header_is(&f, "Content-Transfer-Encoding"))
			encoding_read(&k, &f);
	k.leaf.body = p;
	k.leaf.n = (size_t)(end - p);
	return k;
}

/* ---- parts ---- */

static const char *
next_line(const char *p, const char *end)
{
	const char *nl = memchr(p, '\n', (size_t)(end - p));

	return nl ? nl + 1 : end;
}

/* `--BOUNDARY` with blanks behind it; *last: it is the closing one. */
static bool
is_delimiter(const char *p, const char *end, const char *boundary, bool *last)
{
	size_t n = strlen(boundary);

	if ((size_t)(end - p) < n + 2 || p[0] != '-' || p[1] != '-' || memcmp(p + 2, boundary, n) != 0)
		return false;
	p += n + 2;
	*last = end - p >= 2 && p[0] == '-' && p[1] == '-';
	p += *last ? 2 : 0;
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
		p++;
	return p == end || *p == '\n';
}

/* The line end in front of a delimiter is its own. */
static const char *
without_line_end(const char *from, const char *p)
{
	p -= p > from && p[-1] == '\n';
	p -= p > from && p[-1] == '\r';
	return p;
}

static bool walk_part(struct walk *w, const char *p, const char *end, unsigned depth);

static bool
walk_parts(struct walk *w, const struct kind *k, unsigned depth)
{
	const char *p = k->leaf.body, *end = p + k->leaf.n, *part = NULL;
	bool last = false;

	for (; p < end && !last; p = next_line(p, end)) {
		if (!is_delimiter(p, end, k->boundary, &last))
			continue;
		if (part && !walk_part(w, part, without_line_end(part, p), depth))
			return false;
		part = next_line(p, end);
	}
	/* Cut short: what is there is taken for the part. */
	return last || !part || walk_part(w, part, end, depth);
}

static bool
walk_part(struct walk *w, const char *p, const char *end, unsigned depth)
{
	struct kind k = kind_read(p, end);

	if (*k.boundary)
		return depth == MIME_DEPTH || walk_parts(w, &k, depth + 1);
	return w->leaves++ < MIME_LEAVES && w->each(w->arg, &k.leaf);
}

void
mime_walk(const char *message, size_t n, mime_each *each, void *arg)
{
	struct walk w = {each, arg, 0};
	const char *end = message + n;

	if (n >= 5 && !memcmp(message, "From ", 5))
		message = next_line(message, end);
	walk_part(&w, message, end, 0);
}

/* ---- decoding ---- */

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	                              : -1;
}

/* Bytes of a soft line break at s: "=" blanks line end; 0: it is none. */
static size_t
soft_break(const char *s, size_t n)
{
	size_t i = 1;

	while (i < n && (s[i] == ' ' || s[i] == '\t' || s[i] == '\r'))
		i++;
	return i == n || s[i] == '\n' ? i + (i < n) : 0;
}

static void
quoted_decode(struct str *out, const char *s, size_t n)
{
	str_reserve(out, n);
	for (size_t i = 0; i < n;) {
		size_t gone = s[i] == '=' ? soft_break(s + i, n - i) : 0;
		int a = -1, b = -1;

		if (s[i] == '=' && n - i >= 3) {
			a = hex_digit(s[i + 1]);
			b = hex_digit(s[i + 2]);
		}
		if (gone) {
			i += gone;
		} else if (a >= 0 && b >= 0) {
			str_addc(out, (char)(a << 4 | b));
			i += 3;
		} else {
			str_addc(out, s[i++]);
		}
	}
}

void
mime_decode(struct str *out, const struct mime_leaf *leaf)
{
	switch (leaf->encoding) {
	case MIME_BASE64: base64_scan(out, leaf->body, leaf->n); break;
	case MIME_QUOTED: quoted_decode(out, leaf->body, leaf->n); break;
	case MIME_PLAIN: str_add(out, leaf->body, leaf->n); break;
	}
}
