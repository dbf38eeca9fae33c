#include "base.h"

#include "encoded.h"

#define LINE_MAX 76 /* RFC 2047 2: columns of a line with an encoded word */
#define WORD_MAX 75 /* bytes of an encoded word */
#define ROOM_MIN 40 /* less is no place to begin a word in */

/* Characters that stand for themselves in an encoded word within a phrase (RFC 2047 5.3). */
static bool
is_plain(unsigned char c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || (c && strchr("!*+-/", c));
}

static size_t
column(const struct str *out)
{
	const char *nl = out->len ? memrchr(out->s, '\n', out->len) : NULL;

	return nl ? out->len - (size_t)(nl + 1 - out->s) : out->len;
}

static void
fold(struct str *out)
{
	if (out->len && (out->s[out->len - 1] == ' ' || out->s[out->len - 1] == '\t'))
		str_cut(out, out->len - 1);
	str_adds(out, "\n ");
}

static void
byte_add(struct str *out, unsigned char c)
{
	static const char hex[] = "0123456789ABCDEF";

	if (c == ' ')
		str_addc(out, '_');
	else if (is_plain(c))
		str_addc(out, (char)c);
	else
		str_add(out, (char[]){'=', hex[c >> 4], hex[c & 15]}, 3);
}

static size_t
width(const char *s, size_t n)
{
	size_t w = 0;

	for (size_t i = 0; i < n; i++)
		w += s[i] == ' ' || is_plain((unsigned char)s[i]) ? 1 : 3;
	return w;
}

void
encoded_add(struct str *out, const char *s, size_t n)
{
	bool utf8 = utf8_valid(s, n);
	const char *charset = utf8 ? "utf-8" : "iso-8859-1";
	size_t start = column(out), room = 0, word = 0;

	if (start > 1 && start + ROOM_MIN > LINE_MAX) {
		fold(out);
		start = 1;
	}
	for (size_t i = 0; i < n;) {
		size_t len = utf8 ? utf8_len(s + i, n - i) : 1, w = width(s + i, len);

		/* A character is never cut in two. */
		if (!word || word + w + 2 > room) {
			if (word) {
				str_adds(out, "?=\n ");
				start = 1;
			}
			room = LINE_MAX - start < WORD_MAX ? LINE_MAX - start : WORD_MAX;
			str_addf(out, "=?%s?Q?", charset);
			word = strlen(charset) + 5;
		}
		word += w;
		for (; len; len--, i++)
			byte_add(out, (unsigned char)s[i]);
	}
	if (word)
		str_adds(out, "?=");
}
