#include "base.h"

#include "phrase.h"

#define WORD_MAX 75 /* RFC 2047 2: bytes of an encoded word */

static bool
is_plain(unsigned char c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
	       (c && strchr("!#$%&'*+-/=?^_`{|}~ ", c));
}

/* Characters that stand for themselves in an encoded word within a phrase (RFC 2047 5.3). */
static bool
is_encoded_plain(unsigned char c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || (c && strchr("!*+-/", c));
}

static void
add_encoded(struct str *out, const char *s, size_t n)
{
	static const char hex[] = "0123456789ABCDEF";
	bool utf8 = utf8_valid(s, n);
	const char *charset = utf8 ? "utf-8" : "iso-8859-1";
	size_t word = 0;

	for (size_t i = 0; i < n;) {
		size_t len = utf8 ? utf8_len(s + i, n - i) : 1;

		/* A character is never cut in two. */
		if (!word || word + 3 * len + 2 > WORD_MAX) {
			if (word)
				str_adds(out, "?=\n ");
			str_addf(out, "=?%s?Q?", charset);
			word = strlen(charset) + 5;
		}
		for (; len; len--, i++) {
			unsigned char c = (unsigned char)s[i];

			if (c == ' ' || is_encoded_plain(c)) {
				str_addc(out, c == ' ' ? '_' : (char)c);
				word++;
			} else {
				str_add(out, (char[]){'=', hex[c >> 4], hex[c & 15]}, 3);
				word += 3;
			}
		}
	}
	str_adds(out, "?=");
}

static void
add_quoted(struct str *out, const char *s, size_t n)
{
	str_addc(out, '"');
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '"' || s[i] == '\\')
			str_addc(out, '\\');
		str_addc(out, s[i]);
	}
	str_addc(out, '"');
}

void
phrase_add(struct str *out, const char *name)
{
	char *s = mem_dup(name), *p = s;
	size_t n = strlen(s);
	bool plain = true;

	if (n >= 2 && s[0] == '"' && s[n - 1] == '"' && !memchr(s + 1, '"', n - 2)) {
		p++;
		n -= 2;
	}
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)p[i] < 32 || p[i] == 127)
			p[i] = ' ';
		plain &= is_plain((unsigned char)p[i]);
	}
	if (!text_is_ascii(p, n) || strstr(p, "=?"))
		add_encoded(out, p, n);
	else if (plain && n && p[0] != ' ' && p[n - 1] != ' ')
		str_add(out, p, n);
	else
		add_quoted(out, p, n);
	free(s);
}
