#include "base.h"

#include "smtpd.h"

#include <ctype.h>

/* Only CRLF is a line end here. A dot is special behind CRLF (or at the start) and nowhere else, so that
 * neither `LF . LF`, `LF . CRLF` nor `CR . CR` ends a message: what follows stays text of a message that is
 * refused (T104 read from the receiving side). */
const char *
smtpd_body_feed(
    struct smtpd_body *b, const char *p, const char *end, bool *ended, smtpd_emit *emit, void *arg)
{
	const char *from = p; /* not handed on yet */

	*ended = false;
	while (p < end)
		switch (b->at) {
		case AT_LINE:
			if (!b->stuffed || *p != '.') {
				b->at = AT_TEXT;
				break;
			}
			if (p > from)
				emit(arg, from, (size_t)(p - from));
			from = ++p;
			b->at = AT_DOT;
			break;
		case AT_TEXT:
			while (p < end && *p != '\r' && *p != '\n')
				p++;
			if (p == end)
				break;
			if (*p == '\r')
				b->at = AT_CR;
			else
				b->bare = true;
			p++;
			break;
		case AT_CR:
			if (*p == '\n') {
				b->at = AT_LINE;
				p++;
			} else {
				b->bare = true;
				b->at = AT_TEXT;
			}
			break;
		case AT_DOT:
			if (*p == '\r') {
				from =
				    ++p; /* kept back: with an LF behind it, it is no part of the message */
				b->at = AT_DOT_CR;
			} else
				b->at = AT_TEXT;
			break;
		case AT_DOT_CR:
			if (*p == '\n') {
				*ended = true;
				b->at = AT_LINE;
				return p + 1;
			}
			b->bare = true;
			b->at = AT_TEXT;
			break;
		}
	if (p > from)
		emit(arg, from, (size_t)(p - from));
	return p;
}

void
smtpd_hops_feed(struct smtpd_hops *h, const char *p, size_t n)
{
	static const char name[] = "received:";

	for (size_t i = 0; i < n && h->in != HOPS_BODY; i++) {
		if (p[i] == '\n') {
			if (h->in == HOPS_LINE && !h->at)
				h->in = HOPS_BODY;
			else
				*h = (struct smtpd_hops){.n = h->n};
		} else if (h->in == HOPS_LINE && p[i] != '\r') {
			if (tolower((unsigned char)p[i]) != name[h->at])
				h->in = HOPS_OTHER;
			else if (!name[++h->at]) {
				h->n++;
				h->in = HOPS_OTHER;
			}
		}
	}
}
