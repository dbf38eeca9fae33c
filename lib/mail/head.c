#include "base.h"

#include "head.h"

/* The text ends with an empty line. */
static bool
is_blank(const struct str *t)
{
	size_t n = t->len;

	if (!n || t->s[n - 1] != '\n')
		return false;
	n--;
	n -= n && t->s[n - 1] == '\r';
	return !n || t->s[n - 1] == '\n';
}

size_t
head_take(struct head *h, const char *p, size_t n)
{
	size_t used = 0;

	while (!h->whole && used < n) {
		const char *nl = memchr(p + used, '\n', n - used);
		size_t line = nl ? (size_t)(nl + 1 - (p + used)) : n - used;

		str_add(&h->text, p + used, line);
		used += line;
		h->whole = is_blank(&h->text) || h->text.len > HEAD_MAX;
	}
	return used;
}

void
head_reset(struct head *h)
{
	str_free(&h->text);
	h->whole = false;
}
