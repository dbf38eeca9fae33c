#include "base.h"

#include "dkim.h"

static bool
is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

/* Lower-case name, no blanks around the colon; the value on one line, each run of blanks one space, none at its end. */
static void
field_relaxed(struct str *out, const char *p, size_t n)
{
	const char *end = p + n, *colon = memchr(p, ':', n), *stop = colon ? colon : end;
	bool space = false, any = false;

	while (stop > p && is_wsp(stop[-1]))
		stop--;
	for (; p < stop; p++)
		str_addc(out, *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p);
	str_addc(out, ':');
	for (p = colon ? colon + 1 : end; p < end; p++) {
		if (*p == '\r' || *p == '\n')
			continue;
		if (is_wsp(*p)) {
			space = any;
			continue;
		}
		if (space)
			str_addc(out, ' ');
		space = false;
		any = true;
		str_addc(out, *p);
	}
	str_adds(out, "\r\n");
}

void
dkim_field_canon(struct str *out, enum dkim_canon c, const char *field, size_t n)
{
	if (c == DKIM_SIMPLE)
		str_add(out, field, n);
	else
		field_relaxed(out, field, n);
}

bool
dkim_body_start(struct dkim_body *b, enum dkim_canon c, uint64_t limit)
{
	b->limit = limit;
	b->total = 0;
	b->canon = c;
	b->blank = 0;
	b->begun = b->space = false;
	b->len = 0;
	return gnutls_hash_init(&b->hash, GNUTLS_DIG_SHA256) == 0;
}

static void
put(struct dkim_body *b, char c)
{
	if (b->total++ >= b->limit)
		return;
	if (b->len == sizeof b->buf) {
		gnutls_hash(b->hash, b->buf, b->len);
		b->len = 0;
	}
	b->buf[b->len++] = c;
}

static void
put_line_end(struct dkim_body *b)
{
	put(b, '\r');
	put(b, '\n');
}

static void
line_end(struct dkim_body *b)
{
	if (b->begun)
		put_line_end(b);
	else
		b->blank++;
	b->begun = b->space = false;
}

void
dkim_body_add(struct dkim_body *b, const char *p, size_t n)
{
	for (const char *end = p + n; p < end; p++) {
		if (*p == '\r')
			continue; /* wire form: an LF follows */
		if (*p == '\n') {
			line_end(b);
			continue;
		}
		if (b->canon == DKIM_RELAXED && is_wsp(*p)) {
			b->space = true;
			continue;
		}
		for (; b->blank; b->blank--)
			put_line_end(b);
		if (b->space)
			put(b, ' ');
		b->space = false;
		b->begun = true;
		put(b, *p);
	}
}

void
dkim_body_end(struct dkim_body *b, unsigned char digest[DKIM_HASH_SIZE])
{
	if (b->begun || (!b->total && b->canon == DKIM_SIMPLE))
		put_line_end(b);
	gnutls_hash(b->hash, b->buf, b->len);
	gnutls_hash_deinit(b->hash, digest);
	b->hash = NULL;
}
