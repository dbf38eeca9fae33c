#include "base.h"

#include "die.h"
#include "html.h"

#include <inttypes.h>
#include <stdarg.h>

/* ---- text ---- */

static unsigned
point_of(const char *s, size_t len)
{
	static const unsigned char first[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	unsigned c = (unsigned char)*s & first[len];

	for (size_t i = 1; i < len; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3f);
	return c;
}

/* Characters without a shape that text_visible lets pass: soft hyphen, fillers, joiners, annotations, tags; and those
 * that are none, which XML does not take. */
static bool
is_unseen(unsigned c)
{
	return c == 0xad || c == 0x34f || c == 0x115f || c == 0x1160 || c == 0x17b4 || c == 0x17b5 ||
	       c == 0x180e || (c >= 0x2060 && c <= 0x206f) || c == 0x3164 || c == 0xffa0 ||
	       (c >= 0xfff0 && c <= 0xfffb) || (c & 0xfffe) == 0xfffe || (c >= 0xe0000 && c <= 0xe0fff);
}

static const char *
reference(char c)
{
	switch (c) {
	case '&': return "&amp;";
	case '<': return "&lt;";
	case '>': return "&gt;";
	case '"': return "&quot;";
	case '\'': return "&#39;";
	default: return NULL;
	}
}

/* One character of s, or a byte that is part of none. Answers the bytes it took, and in *shown how many characters it has
 * become. */
static size_t
add_character(struct str *out, const char *s, size_t n, size_t *shown)
{
	static const char hex[] = "0123456789abcdef";
	char seen[16]; /* four bytes, each as \xHH */
	size_t len = utf8_len(s, n), got;

	if (!len)
		len = 1;
	if (reference(*s)) {
		str_adds(out, reference(*s));
		*shown = 1;
		return len;
	}
	if (len > 1 && is_unseen(point_of(s, len))) {
		for (size_t i = 0; i < len; i++) {
			unsigned char c = (unsigned char)s[i];

			str_add(out, (char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, 4);
		}
		*shown = 4 * len;
		return len;
	}
	got = text_visible(seen, sizeof seen, s, len);
	str_add(out, seen, got);
	*shown = got == len ? 1 : got;
	return len;
}

void
html_text(struct str *out, const char *s, size_t max)
{
	size_t n = s ? strlen(s) : 0, shown = 0, one, at = 0, cut = out->len;

	while (at < n && (!max || shown <= max)) {
		at += add_character(out, s + at, n - at, &one);
		shown += one;
		if (shown < max) /* as far as there is room for the ellipsis */
			cut = out->len;
	}
	if (max && shown > max) {
		str_cut(out, cut);
		str_adds(out, "\xe2\x80\xa6");
	}
}

void
html_number(struct str *out, uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%" PRIu64, n);

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			str_addc(out, ',');
		str_addc(out, digits[i]);
	}
}

/* ---- pieces ---- */

struct conversion {
	bool grouped;
	int precision; /* -1: none */
	int longs;     /* l, ll; 'z' for size_t */
	char what;
};

static const char *
conversion_read(struct conversion *c, const char *p, va_list *ap)
{
	*c = (struct conversion){.precision = -1};
	if (*p == '\'') {
		c->grouped = true;
		p++;
	}
	if (*p == '.') {
		c->precision = 0;
		if (*++p == '*') {
			c->precision = va_arg(*ap, int);
			p++;
		}
		for (; *p >= '0' && *p <= '9' && c->precision < 10000; p++)
			c->precision = 10 * c->precision + (*p - '0');
	}
	for (; *p == 'l' && c->longs < 2; p++)
		c->longs++;
	if (*p == 'z') {
		c->longs = 'z';
		p++;
	}
	c->what = *p;
	return p + (*p != 0);
}

static void
put_number(struct str *out, const struct conversion *c, va_list *ap)
{
	uint64_t n;
	int64_t d;

	if (c->what == 'd') {
		d = c->longs == 0   ? va_arg(*ap, int)
		    : c->longs == 1 ? va_arg(*ap, long)
		                    : va_arg(*ap, long long);
		if (d < 0)
			str_addc(out, '-');
		n = d < 0 ? -(uint64_t)d : (uint64_t)d;
	} else {
		n = c->longs == 0     ? va_arg(*ap, unsigned)
		    : c->longs == 1   ? va_arg(*ap, unsigned long)
		    : c->longs == 'z' ? va_arg(*ap, size_t)
		                      : va_arg(*ap, unsigned long long);
	}
	if (c->grouped)
		html_number(out, n);
	else
		str_addf(out, "%" PRIu64, n);
}

void
html_put(struct str *out, const char *format, ...)
{
	struct conversion c;
	va_list ap;

	va_start(ap, format);
	for (const char *p = format; *p;) {
		size_t n = strcspn(p, "%");

		str_add(out, p, n);
		p += n;
		if (!*p)
			break;
		p = conversion_read(&c, p + 1, &ap);
		switch (c.what) {
		case '%': str_addc(out, '%'); break;
		case 's':
			html_text(out, va_arg(ap, const char *), c.precision < 0 ? 0 : (size_t)c.precision);
			break;
		case 'u':
		case 'd': put_number(out, &c, &ap); break;
		case 'f': str_addf(out, "%.*f", c.precision < 0 ? 6 : c.precision, va_arg(ap, double)); break;
		default: bug("html_put does not know %%%c", c.what);
		}
	}
	va_end(ap);
}

/* ---- pages ---- */

void
html_begin(struct str *out, const char *title, const char *style)
{
	str_adds(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
		      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		      "style-src 'unsafe-inline'\"/>\n"
		      "<meta name=\"referrer\" content=\"no-referrer\"/>\n"
		      "<meta name=\"robots\" content=\"noindex, nofollow\"/>\n"
		      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
		      "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
		      "<meta name=\"format-detection\" content=\"telephone=no, email=no, address=no\"/>\n");
	html_put(out, "<title>%s</title>\n<style>\n", title);
	str_adds(out, style);
	str_adds(out, "</style>\n</head>\n<body>\n");
}

void
html_end(struct str *out)
{
	str_adds(out, "</body>\n</html>\n");
}
