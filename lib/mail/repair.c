#include "base.h"

#include "encoded_field.h"
#include "header.h"
#include "repair.h"

/* ---- a look at the body ---- */

static void
forget(void *arg, const char *p, size_t n)
{
	(void)arg;
	(void)p;
	(void)n;
}

void
look_start(struct look *l)
{
	*l = (struct look){.utf8 = true};
	wire_start_body(&l->wire, forget, NULL);
}

/* The first byte of a character, 128 or above (RFC 3629 4). */
static void
utf8_first(struct look *l, unsigned char c)
{
	l->low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
	l->high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
	l->more = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
	l->utf8 = c >= 0xc2 && c <= 0xf4;
}

static void
utf8_look(struct look *l, const char *p, size_t n)
{
	for (const char *end = p + n; p < end && l->utf8; p++) {
		unsigned char c = (unsigned char)*p;

		if (l->more) {
			l->utf8 = c >= l->low && c <= l->high;
			l->low = 0x80;
			l->high = 0xbf;
			l->more--;
		} else if (c >= 0x80)
			utf8_first(l, c);
	}
}

void
look_add(struct look *l, const char *p, size_t n)
{
	wire_add(&l->wire, p, n);
	l->nul = l->nul || memchr(p, 0, n);
	if (l->wire.eightbit)
		utf8_look(l, p, n);
}

void
look_end(struct look *l)
{
	wire_end(&l->wire);
	wire_free(&l->wire);
}

/* ---- what the header says of the body (RFC 2045) ---- */

struct mime {
	bool version, is_signed, text, charset;
	enum {
		WIDTH_7,
		WIDTH_8,
		WIDTH_OTHER
	} width;                   /* Content-Transfer-Encoding; other: encoded, or unknown */
	unsigned types, encodings; /* fields of these names */
};

static bool
field_is_signature(const struct header_field *f)
{
	return header_is(f, "DKIM-Signature") || header_is(f, "DomainKey-Signature") ||
	       header_is(f, "ARC-Message-Signature");
}

/* Blanks and comments before the value go; what is behind the first word stays. */
static char *
value_of(const struct header_field *f)
{
	struct str s = {0};
	char *p, *out;

	header_unfold(&s, f);
	str_adds(&s, "");
	for (p = s.s; *p == ' ' || *p == '\t' || *p == '('; p++)
		if (*p == '(' && !*(p = strchrnul(p, ')')))
			break;
	out = mem_dup(p);
	str_free(&s);
	return out;
}

/* A parameter of that name outside quotes. */
static bool
has_charset(const char *p)
{
	bool quoted = false;

	for (; *p; p++) {
		if (*p == '\\' && quoted && p[1])
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (*p == ';' && !quoted && str_istarts(p + 1 + strspn(p + 1, " \t"), "charset"))
			return true;
	}
	return false;
}

static bool
word_is(const char *value, const char *word)
{
	size_t n = strcspn(value, " \t;(");
	char *first = mem_dupn(value, n);
	bool is = str_ieq(first, word);

	free(first);
	return is;
}

static void
mime_field(struct mime *m, const struct header_field *f)
{
	char *v;

	m->version |= header_is(f, "MIME-Version");
	m->is_signed |= field_is_signature(f);
	if (!header_is(f, "Content-Type") && !header_is(f, "Content-Transfer-Encoding"))
		return;
	v = value_of(f);
	if (header_is(f, "Content-Type")) {
		m->types++;
		m->text = str_istarts(v, "text/");
		m->charset = has_charset(v);
	} else {
		m->encodings++;
		m->width = word_is(v, "7bit")                           ? WIDTH_7
		           : word_is(v, "8bit") || word_is(v, "binary") ? WIDTH_8
		                                                        : WIDTH_OTHER;
	}
	free(v);
}

static struct mime
mime_read(const char *header, size_t n)
{
	const char *end = header + n;
	struct mime m = {.text = true};
	struct header_field f;

	while (header_next(&header, end, &f))
		mime_field(&m, &f);
	return m;
}

bool
repair_is_signed(const char *header, size_t n)
{
	return mime_read(header, n).is_signed;
}

bool
repair_wants_quoted(const char *header, size_t n, const struct look *l, bool convert_8bit)
{
	struct mime m = mime_read(header, n);

	if (m.is_signed || !m.text || m.width == WIDTH_OTHER || m.types > 1 || m.encodings > 1)
		return false;
	return l->wire.longline || l->nul || (l->wire.eightbit && (m.width == WIDTH_7 || convert_8bit));
}

/* ---- the whole header ---- */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
type_write(struct str *out, const struct header_field *f)
{
	const char *end = f->value + f->len;

	while (end > f->value && (is_blank(end[-1]) || end[-1] == ';'))
		end--;
	str_add(out, f->start, (size_t)(end - f->start));
	str_adds(out, "; charset=utf-8\n");
}

void
repair_header(struct str *out, const char *header, size_t n, const struct repair *r)
{
	const char *end = header + n, *p = header;
	bool smtputf8 = r->smtputf8 || encoded_field_smtputf8(header, n);
	struct mime m = mime_read(header, n);
	struct header_field f;

	while (header_next(&p, end, &f))
		if (r->quoted && header_is(&f, "Content-Transfer-Encoding"))
			continue;
		else if (r->quoted && r->utf8 && !m.charset && header_is(&f, "Content-Type"))
			type_write(out, &f);
		else
			encoded_field_add(out, &f, smtputf8);
	if (r->quoted) {
		if (!m.version)
			str_adds(out, "MIME-Version: 1.0\n");
		if (!m.types)
			str_addf(out, "Content-Type: text/plain; charset=%s\n",
			    r->other ? "unknown-8bit" : "utf-8");
		str_adds(out, "Content-Transfer-Encoding: quoted-printable\n");
	}
	str_addc(out, '\n');
}
