#include "base.h"

#include "text.h"

static const char hex[] = "0123456789ABCDEF";

static unsigned
utf8_point(const char *s, size_t len)
{
	static const unsigned char first[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	unsigned c = (unsigned char)*s & first[len];

	for (size_t i = 1; i < len; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3f);
	return c;
}

static void
add_point(struct str *out, unsigned c)
{
	if (c < 0x80) {
		str_addc(out, (char)c);
		return;
	}
	if (c < 0x800) {
		str_addc(out, (char)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000) {
			str_addc(out, (char)(0xe0 | c >> 12));
		} else {
			str_addc(out, (char)(0xf0 | c >> 18));
			str_addc(out, (char)(0x80 | (c >> 12 & 0x3f)));
		}
		str_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	str_addc(out, (char)(0x80 | (c & 0x3f)));
}

/* Bytes above 127 of valid UTF-8 as \x{HEX}. */
static void
add_ascii(struct str *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t len = utf8_len(s + i, n - i);

		if (len > 1)
			str_addf(out, "\\x{%X}", utf8_point(s + i, len));
		else
			str_addc(out, s[i]);
		i += len ? len : 1;
	}
}

void
text_show(struct str *out, const char *s, bool ascii, size_t max)
{
	size_t n = strlen(s), room = 4 * n + 4, used, start = out->len;
	char *line = mem_dupn(s, n), *seen = mem_alloc(room);

	for (size_t i = 0; i < n; i++)
		if (line[i] == '\t')
			line[i] = ' ';
	used = text_visible(seen, room, line, n);
	if (ascii)
		add_ascii(out, seen, used);
	else
		str_add(out, seen, used);
	free(seen);
	free(line);
	if (out->len - start > max) {
		size_t cut = start + max;

		while (cut > start && ((unsigned char)out->s[cut] & 0xc0) == 0x80)
			cut--;
		str_cut(out, cut);
		str_adds(out, "...");
	}
}

/* ---- folding ---- */

struct fold {
	struct str *out;
	const char *begin; /* of a line behind the first */
	size_t column;     /* of the open line */
	bool fresh;        /* no word of the open line stands yet */
};

static void
fold_break(struct fold *f)
{
	str_adds(f->out, "\r\n");
	str_adds(f->out, f->begin);
	f->column = strlen(f->begin);
	f->fresh = true;
}

static void
fold_word(struct fold *f, const char *s, size_t n)
{
	if (!f->fresh && f->column + 1 + n > TEXT_WIDTH)
		fold_break(f);
	if (!f->fresh) {
		str_addc(f->out, ' ');
		f->column++;
	}
	while (n > TEXT_HARD) {
		size_t cut = TEXT_HARD;

		while (cut > TEXT_HARD - 4 && ((unsigned char)s[cut] & 0xc0) == 0x80)
			cut--;
		str_add(f->out, s, cut);
		fold_break(f);
		s += cut;
		n -= cut;
	}
	str_add(f->out, s, n);
	f->column += n;
	f->fresh = false;
}

static void
fold_line(struct fold *f, const char *s, size_t n)
{
	const char *end = s + n;

	while (s < end) {
		const char *blank = memchr(s, ' ', (size_t)(end - s));

		if (!blank)
			blank = end;
		if (blank > s)
			fold_word(f, s, (size_t)(blank - s));
		s = blank < end ? blank + 1 : end;
	}
}

void
text_field(struct str *out, const char *name, const char *value)
{
	struct fold f = {out, " ", strlen(name) + 1, false};

	str_addf(out, "%s:", name);
	while (*value) {
		size_t n = strcspn(value, "\n");

		fold_line(&f, value, n);
		value += n;
		if (*value) {
			value++;
			/* A line of a blank alone would be none of the field any more. */
			if (!f.fresh && value[strspn(value, " \n")])
				fold_break(&f);
		}
	}
	str_adds(out, "\r\n");
}

#define WORD_MAX 75 /* RFC 2047 2 */

static bool
is_word_plain(unsigned char c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || (c && strchr("!*+-/", c));
}

void
text_encoded_words(struct str *out, size_t column, const char *s)
{
	static const char head[] = "=?utf-8?Q?";
	size_t n = strlen(s), width = column + sizeof head - 1;

	str_adds(out, head);
	for (size_t i = 0; i < n;) {
		size_t len = utf8_len(s + i, n - i);

		len = len ? len : 1;
		if (width + 3 * len + 2 > WORD_MAX) {
			str_addf(out, "?=\r\n %s", head);
			width = sizeof head;
		}
		for (; len; len--, i++) {
			unsigned char c = (unsigned char)s[i];

			if (c == ' ' || is_word_plain(c)) {
				str_addc(out, c == ' ' ? '_' : (char)c);
				width++;
			} else {
				str_add(out, (char[]){'=', hex[c >> 4], hex[c & 15]}, 3);
				width += 3;
			}
		}
	}
	str_adds(out, "?=");
}

void
text_field_encoded(struct str *out, const char *name, const char *value)
{
	if (text_is_ascii(value, strlen(value)) && !strstr(value, "=?")) {
		text_field(out, name, value);
		return;
	}
	str_addf(out, "%s: ", name);
	text_encoded_words(out, strlen(name) + 2, value);
	str_adds(out, "\r\n");
}

void
text_wrap(struct str *out, const char *s)
{
	static const char blanks[] = "                    ";

	while (*s) {
		size_t n = strcspn(s, "\n"), indent = strspn(s, " ");

		if (indent >= sizeof blanks)
			indent = sizeof blanks - 1;
		if (n <= TEXT_WIDTH) {
			str_add(out, s, n);
		} else {
			struct fold f = {out, blanks + sizeof blanks - 1 - indent, indent, true};

			str_adds(out, f.begin);
			fold_line(&f, s, n);
		}
		str_adds(out, "\r\n");
		s += n;
		if (*s)
			s++;
	}
}

void
text_qp(struct str *out, const char *s, size_t n)
{
	size_t column = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		bool last = i + 1 == n || (i + 2 < n && s[i + 1] == '\r' && s[i + 2] == '\n');
		bool plain = c != '=' && c < 127 && (c > 32 || ((c == ' ' || c == '\t') && !last));

		if (c == '\r' && i + 1 < n && s[i + 1] == '\n') {
			str_adds(out, "\r\n");
			column = 0;
			i++;
			continue;
		}
		if (column + (plain ? 1 : 3) > TEXT_WIDTH) {
			str_adds(out, "=\r\n");
			column = 0;
		}
		if (plain)
			str_addc(out, (char)c);
		else
			str_add(out, (char[]){'=', hex[c >> 4], hex[c & 15]}, 3);
		column += plain ? 1 : 3;
	}
}

/* ---- addresses ---- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void
text_unxtext(struct str *out, const char *s)
{
	for (; *s; s++) {
		int high = *s == '+' ? hex_digit(s[1]) : -1, low = high < 0 ? -1 : hex_digit(s[2]);

		if (low < 0 || !(high | low)) {
			str_addc(out, *s);
			continue;
		}
		str_addc(out, (char)(high << 4 | low));
		s += 2;
	}
}

void
text_unescape(struct str *out, const char *s)
{
	while (*s) {
		unsigned c = 0;
		size_t n = 3;

		if (strncmp(s, "\\x{", 3)) {
			str_addc(out, *s++);
			continue;
		}
		while (n < 9 && hex_digit(s[n]) >= 0)
			c = c << 4 | (unsigned)hex_digit(s[n++]);
		if (s[n] != '}' || !c || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
			str_addc(out, *s++);
			continue;
		}
		add_point(out, c);
		s += n + 1;
	}
}

/* RFC 6533 3: QCHAR, and \x{HEX} for all else. */
static void
add_utf8_xtext(struct str *out, const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n;) {
		size_t len = utf8_len(s + i, n - i);
		unsigned c = len ? utf8_point(s + i, len) : (unsigned char)s[i];

		if (c > ' ' && c < 127 && c != '+' && c != '=' && c != '\\')
			str_addc(out, (char)c);
		else
			str_addf(out, "\\x{%02X}", c);
		i += len ? len : 1;
	}
}

void
text_typed_address(struct str *out, const char *type, const char *address, bool ascii)
{
	bool plain = text_is_ascii(address, strlen(address));

	if (!plain && (!*type || str_ieq(type, "rfc822")))
		type = "utf-8";
	str_addf(out, "%s; ", *type ? type : "rfc822");
	if (str_ieq(type, "utf-8") && ascii)
		add_utf8_xtext(out, address);
	else
		text_show(out, address, ascii, 2 * TEXT_HARD);
}
