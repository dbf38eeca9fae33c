#include "base.h"

#include "reply.h"

void
reply_start(struct reply *r)
{
	r->code = 0;
	r->enhanced[0] = 0;
	r->text[0] = 0;
	r->len = 0;
	r->bad = NULL;
	r->nhead = 0;
	r->line = r->total = 0;
	r->more = false;
}

static bool
digit(char c)
{
	return c >= '0' && c <= '9';
}

size_t
enhanced_len(const char *s, size_t n)
{
	size_t i = 2;

	if (n < 5 || (s[0] != '2' && s[0] != '4' && s[0] != '5') || s[1] != '.')
		return 0;
	for (int part = 0; part < 2; part++) {
		size_t from = i;

		while (i < n && digit(s[i]))
			i++;
		if (i == from || i - from > 3)
			return 0;
		if (part == 0 && (i == n || s[i++] != '.'))
			return 0;
	}
	return i == n || s[i] == ' ' ? i : 0;
}

static void
text_add(struct reply *r, const char *p, size_t n)
{
	if (n > REPLY_TEXT - r->len)
		n = REPLY_TEXT - r->len;
	for (size_t i = 0; i < n; i++)
		r->text[r->len + i] = p[i] ? p[i] : '?';
	r->len += n;
	r->text[r->len] = 0;
}

static enum reply_got
bad(struct reply *r, const char *why)
{
	r->bad = why;
	return REPLY_BAD;
}

/* The four bytes in front: NULL when they are good, else what is wrong. A line may be as short as "250". */
static const char *
head_check(struct reply *r)
{
	int code;

	for (int i = 0; i < 3; i++)
		if (!digit(r->head[i]))
			return "a line that is no reply";
	code = (r->head[0] - '0') * 100 + (r->head[1] - '0') * 10 + r->head[2] - '0';
	if (code < 200 || code > 599 || (r->head[3] != ' ' && r->head[3] != '-'))
		return "a line that is no reply";
	if (r->code && r->code != code)
		return "a reply whose code changes from line to line";
	r->code = code;
	r->more = r->head[3] == '-';
	return NULL;
}

/* The line's text stands from r->line on. */
static void
line_end(struct reply *r, bool first)
{
	char *s = r->text + r->line;
	size_t n = r->len - r->line, e;

	while (n && s[n - 1] == '\r')
		n--;
	e = enhanced_len(s, n);
	if (first && e && e < sizeof r->enhanced && s[0] == r->head[0]) {
		memcpy(r->enhanced, s, e);
		r->enhanced[e] = 0;
	}
	if (e && e == strlen(r->enhanced) && !memcmp(s, r->enhanced, e)) {
		if (e < n)
			e++;
		memmove(s, s + e, n - e);
		n -= e;
	}
	r->len = r->line + n;
	r->text[r->len] = 0;
}

/* Takes the head of a line from p: bytes used; the head is whole when r->nhead is 4. */
static size_t
head_take(struct reply *r, const char *p, size_t n)
{
	size_t i = 0;

	while (r->nhead < 4 && i < n) {
		/* "250" CRLF is a last line without text */
		if (r->nhead == 3 && (p[i] == '\r' || p[i] == '\n')) {
			r->head[r->nhead++] = ' ';
			break;
		}
		r->head[r->nhead++] = p[i++];
		if (r->head[r->nhead - 1] == '\n') {
			memset(r->head + r->nhead, '?', 4 - r->nhead);
			r->nhead = 4;
		}
	}
	return i;
}

enum reply_got
reply_feed(struct reply *r, const char *p, size_t n, size_t *used)
{
	size_t at = 0;

	for (;;) {
		const char *nl, *why;
		bool first = r->line == 0;

		*used = at;
		if (r->total + n > REPLY_MAX)
			return bad(r, "a reply without end");
		if (r->nhead < 4) {
			at += head_take(r, p + at, n - at);
			*used = at;
			if (r->nhead < 4)
				break;
			if ((why = head_check(r))) {
				r->line = r->len = 0;
				text_add(r, r->head, 4);
				nl = memchr(p + at, '\n', n - at);
				text_add(r, p + at, nl ? (size_t)(nl - p) - at : n - at);
				return bad(r, why);
			}
		}
		nl = memchr(p + at, '\n', n - at);
		text_add(r, p + at, nl ? (size_t)(nl - p) - at : n - at);
		*used = at = nl ? (size_t)(nl + 1 - p) : n;
		if (!nl)
			break;
		line_end(r, first);
		if (!r->more)
			return REPLY_DONE;
		text_add(r, "\n", 1);
		r->line = r->len;
		r->nhead = 0;
	}
	r->total += n;
	return REPLY_MORE;
}
