#include "base.h"

#include "die.h"
#include "rec.h"

#include <stdarg.h>

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* How many of the first bytes surely stand for themselves, eight at a time; least: the first that does. Taking away sets the top bit of
 * a byte that is too small, or zero where it must not be; a borrow may set more, which only ends the run early. */
static size_t
plain_words(const char *s, size_t n, unsigned least)
{
	size_t i = 0;
	uint64_t w;

	for (; n - i >= sizeof w; i += sizeof w) {
		uint64_t slash, del;

		memcpy(&w, s + i, sizeof w);
		slash = w ^ EACH('\\');
		del = w ^ EACH(127);
		if ((w | (w - EACH(least)) | (slash - EACH(1)) | (del - EACH(1))) & EACH(0x80))
			break;
	}
	return i;
}

static void
encode(struct str *out, const char *s, size_t n, bool field)
{
	static const char hex[] = "0123456789abcdef";
	size_t from = 0;

	for (size_t i = plain_words(s, n, field ? ' ' + 1 : ' '); i < n;) {
		unsigned char c = (unsigned char)s[i];
		size_t l = 1;

		if (c > ' ' && c < 127 && c != '\\') {
			i++;
			continue;
		}
		if (c >= 0x80)
			l = utf8_len(s + i, n - i);
		if (l && c >= 32 && c != 127 && c != '\\' && !(field && c == ' ')) {
			i += l;
			continue;
		}
		str_add(out, s + from, i - from);
		str_add(out, (char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, 4);
		from = ++i;
	}
	str_add(out, s + from, n - from);
}

void
rec_open(struct str *out, const char *key)
{
	str_adds(out, key);
}

void
rec_putn(struct str *out, const void *field, size_t n)
{
	str_addc(out, ' ');
	encode(out, field, n, true);
}

void
rec_put(struct str *out, const char *field)
{
	rec_putn(out, field, strlen(field));
}

void
rec_close(struct str *out)
{
	str_addc(out, '\n');
}

void
rec_end(struct str *out)
{
	str_adds(out, "end\n");
}

void
rec_addn(struct str *out, const char *key, const void *value, size_t n)
{
	str_adds(out, key);
	str_addc(out, ' ');
	encode(out, value, n, false);
	str_addc(out, '\n');
}

void
rec_add(struct str *out, const char *key, const char *value)
{
	rec_addn(out, key, value, strlen(value));
}

static void
format(struct str *out, bool field, const char *fmt, va_list ap)
{
	char *text;
	int n = vasprintf(&text, fmt, ap);

	if (n < 0)
		die_temp("out of memory");
	encode(out, text, (size_t)n, field);
	free(text);
}

void
rec_add_if(struct str *out, const char *key, const char *value)
{
	if (value)
		rec_add(out, key, value);
}

void
rec_add_encoded(struct str *out, const char *key, const char *value)
{
	str_adds(out, key);
	str_addc(out, ' ');
	str_adds(out, value);
	str_addc(out, '\n');
}

void
rec_addi(struct str *out, const char *key, int64_t value)
{
	str_adds(out, key);
	str_addc(out, ' ');
	str_addi(out, value);
	str_addc(out, '\n');
}

void
rec_addf(struct str *out, const char *key, const char *fmt, ...)
{
	va_list ap;

	str_adds(out, key);
	str_addc(out, ' ');
	va_start(ap, fmt);
	format(out, false, fmt, ap);
	va_end(ap);
	str_addc(out, '\n');
}

void
rec_putf(struct str *out, const char *fmt, ...)
{
	va_list ap;

	str_addc(out, ' ');
	va_start(ap, fmt);
	format(out, true, fmt, ap);
	va_end(ap);
}

enum rec_got
rec_next(struct rec_in *r, char **key, char **value)
{
	size_t left = (size_t)(r->end - r->p);
	char *s = r->p, *nl = memchr(s, '\n', left < REC_LINE_MAX ? left : REC_LINE_MAX), *k = s;

	if (!nl)
		return left < REC_LINE_MAX ? REC_MORE : REC_BAD;
	*nl = 0;
	r->p = nl + 1;
	if (*k < 'a' || *k > 'z' || strlen(s) != (size_t)(nl - s))
		return REC_BAD;
	while ((*k >= 'a' && *k <= 'z') || (*k >= '0' && *k <= '9') || *k == '-')
		k++;
	if (!*k)
		return strcmp(s, "end") ? REC_BAD : REC_END;
	if (*k != ' ')
		return REC_BAD;
	*k = 0;
	*key = s;
	*value = k + 1;
	return REC_LINE;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

char *
rec_bytes(char *value, size_t *len)
{
	char *from = strchr(value, '\\'), *to;

	if (!from) {
		*len = strlen(value);
		return value;
	}
	for (to = from; *from; to++) {
		int a, b;

		if (*from != '\\') {
			*to = *from++;
			continue;
		}
		if (from[1] != 'x' || (a = hex_digit(from[2])) < 0 || (b = hex_digit(from[3])) < 0)
			return NULL;
		*to = (char)(a << 4 | b);
		from += 4;
	}
	*to = 0;
	*len = (size_t)(to - value);
	return value;
}

char *
rec_text(char *value)
{
	size_t n;

	return rec_bytes(value, &n) && strlen(value) == n ? value : NULL;
}

char *
rec_field(char **value)
{
	char *f = *value, *sp;

	if (!f)
		return NULL;
	sp = strchr(f, ' ');
	if (sp)
		*sp = 0;
	*value = sp ? sp + 1 : NULL;
	return rec_text(f);
}

char *
rec_option(char *field, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(field, name, n) && field[n] == '=' ? field + n + 1 : NULL;
}

size_t
rec_whole(const char *buf, size_t n)
{
	const char *p = buf, *nl;

	while ((nl = memchr(p, '\n', n - (size_t)(p - buf)))) {
		if (nl - p == 3 && !memcmp(p, "end", 3))
			return (size_t)(nl + 1 - buf);
		p = nl + 1;
	}
	return 0;
}
